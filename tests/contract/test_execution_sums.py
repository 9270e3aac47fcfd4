"""What every store promises of the sums over executions."""

from __future__ import annotations

from hantu.executions import Change, ExecutionStatus
from hantu.store.base import LogStorage
from hantu.store.execution_base import ExecutionQuery, ExecutionSort
from hantu.store.execution_sums import DAY_S, ExecutionSum, day_of
from tests.contract.execution_samples import at, run

FIRST = day_of(at(0), 0)


def test_runs_tokens_and_cost_are_summed_by_job_model_and_day(store: LogStorage) -> None:
    one = run(store, "정산", model="small")
    two = run(store, "정산", model="small", status=ExecutionStatus.FAILED)
    store.change_execution(
        one.id, Change(tokens_used=100, input_tokens=7, cost_micros=9_999_999_999), at_ns=at(9)
    )
    store.change_execution(two.id, Change(input_tokens=30, output_tokens=4, cost_micros=1), at_ns=at(9))
    run(store, "정산", model="large", created=DAY_S)
    assert store.execution_sums(ExecutionQuery(), utc_offset_s=0) == (
        ExecutionSum("정산", "large", FIRST + 1, 1, 0, 0, 0),
        ExecutionSum("정산", "small", FIRST, 2, 1, 134, 10_000_000_000),
    )


def test_sums_are_of_all_that_matches_whatever_the_page(store: LogStorage) -> None:
    for number in range(5):
        run(store, "backup" if number % 2 else "mail", created=number)
    found = store.execution_sums(
        ExecutionQuery(job_names=("mail",), page=9, page_size=1, sort=ExecutionSort.STATUS), utc_offset_s=0
    )
    assert [(each.job_name, each.runs) for each in found] == [("mail", 3)]
    assert store.execution_sums(ExecutionQuery(search="nowhere"), utc_offset_s=0) == ()


def test_days_are_those_of_the_zone(store: LogStorage) -> None:
    """Also before the epoch, where dividing must not round towards zero."""
    midnight_s = (FIRST + 1) * DAY_S - at(0) // 10**9
    run(store, "late", created=midnight_s - 1)
    run(store, "old", created=-at(0) // 10**9 - 5 * DAY_S)
    for offset_s, late in ((0, FIRST), (9 * 3600, FIRST + 1), (-5 * 3600, FIRST)):
        found = store.execution_sums(ExecutionQuery(), utc_offset_s=offset_s)
        assert [each.day for each in found] == [late, -5 if offset_s >= 0 else -6], offset_s
