"""When the time of an execution is over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hantu.executions import Execution, ExecutionStatus, Keeping, kept_until_ns
from hantu.executions.keeping import DAY_NS

ENDED = Execution(
    id="0192f6c4-71d2-7a3e-8000-0123456789ab",
    trace_id="5be20c77",
    job_name="nightly-report",
    status=ExecutionStatus.COMPLETED,
    prompt="p",
    model="m",
    max_tokens=1,
    metadata=None,
    resources=None,
    timeout_ms=None,
    callback_url=None,
    pod_name=None,
    created_ns=5,
    started_ns=10,
    completed_ns=100,
    updated_ns=100,
)
MONTH = Keeping(days=30)

pytestmark = pytest.mark.promise("M106")


def test_it_is_kept_for_as_long_as_the_settings_say() -> None:
    assert kept_until_ns(ENDED, MONTH) == 100 + 30 * DAY_NS
    assert kept_until_ns(ENDED, Keeping(days=0.5)) == 100 + DAY_NS // 2


def test_it_is_kept_without_limit_when_there_is_none() -> None:
    assert kept_until_ns(ENDED, Keeping(days=None)) is None


@pytest.mark.parametrize("days", [30, None])
def test_its_own_time_counts_before_the_settings(days: float | None) -> None:
    assert kept_until_ns(replace(ENDED, retain_until_ns=7), Keeping(days=days)) == 7


def test_what_is_permanent_stays() -> None:
    assert kept_until_ns(replace(ENDED, is_permanent=True, retain_until_ns=7), MONTH) is None


@pytest.mark.parametrize("status", [ExecutionStatus.PENDING, ExecutionStatus.RUNNING])
def test_what_has_not_ended_stays(status: ExecutionStatus) -> None:
    assert kept_until_ns(replace(ENDED, status=status, retain_until_ns=7), MONTH) is None


def test_how_long_it_ran_is_told_while_it_runs_and_after() -> None:
    assert ENDED.duration_ns(1_000) == 90
    assert replace(ENDED, completed_ns=None).duration_ns(1_000) == 990
    assert replace(ENDED, started_ns=None).duration_ns(1_000) is None
    assert replace(ENDED, completed_ns=4).duration_ns(1_000) == 0
