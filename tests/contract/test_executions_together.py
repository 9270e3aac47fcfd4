"""Changes of executions that are made at once: all or nothing, but for what is refused and caught."""

from __future__ import annotations

import pytest

from hantu.executions import Change, ExecutionStatus, IllegalMove, NewExecution
from hantu.store.base import LogStorage
from hantu.store.execution_base import ExecutionQuery, Taken

NOW_NS = 1_790_000_000_000_000_000
RUNNING = Change(status=ExecutionStatus.RUNNING)
DONE = Change(status=ExecutionStatus.COMPLETED, output="끝")
NEW = NewExecution(job_name="report", prompt="요약")


def test_what_is_changed_together_is_there_afterwards(store: LogStorage) -> None:
    with store.together():
        runs = [store.add_execution(NEW, at_ns=NOW_NS).execution.id for _ in range(3)]
        for run in runs:
            store.change_execution(run, RUNNING, at_ns=NOW_NS)
            store.change_execution(run, DONE, at_ns=NOW_NS + 1)
    assert {store.execution(run).status for run in runs} == {ExecutionStatus.COMPLETED}
    assert [len(store.transitions(run)) for run in runs] == [3, 3, 3]
    assert store.executions(ExecutionQuery(search="끝")).total == 3


def test_refusal_that_is_caught_undoes_only_itself(store: LogStorage) -> None:
    with store.together():
        run = store.add_execution(NEW, at_ns=NOW_NS).execution
        with pytest.raises(IllegalMove):
            store.change_execution(run.id, DONE, at_ns=NOW_NS)
        with pytest.raises(Taken):
            store.add_execution(NewExecution(job_name="other", prompt="p", id=run.id), at_ns=NOW_NS)
        store.change_execution(run.id, RUNNING, at_ns=NOW_NS)
    found = store.execution(run.id)
    assert (found.status, found.output) == (ExecutionStatus.RUNNING, None)
    assert [step.to_status for step in store.transitions(run.id)] == ["PENDING", "RUNNING"]


class Failed(Exception):
    """Something that nobody foresaw."""


class Refused(ValueError):
    """A refusal."""


def _fail(store: LogStorage, run: str, kind: type[Exception]) -> None:
    with store.together():
        store.add_execution(NEW, at_ns=NOW_NS)
        store.change_execution(run, RUNNING, at_ns=NOW_NS)
        raise kind


def test_part_that_is_refused_goes_and_the_rest_stays(store: LogStorage) -> None:
    before = store.add_execution(NEW, at_ns=NOW_NS).execution
    with store.together():
        kept = store.add_execution(NEW, at_ns=NOW_NS).execution
        with pytest.raises(Refused):
            _fail(store, before.id, Refused)
        store.change_execution(kept.id, RUNNING, at_ns=NOW_NS)
    assert store.execution(before.id) == before
    assert store.execution(kept.id).status is ExecutionStatus.RUNNING
    assert store.executions(ExecutionQuery()).total == 2


@pytest.mark.parametrize("kind", [Failed, ValueError, KeyError])
def test_exception_that_leaves_undoes_all(store: LogStorage, kind: type[Exception]) -> None:
    before = store.add_execution(NEW, at_ns=NOW_NS).execution
    with pytest.raises(kind):
        _fail(store, before.id, kind)
    assert store.executions(ExecutionQuery()).total == 1
    assert store.execution(before.id) == before
    assert store.change_execution(before.id, RUNNING, at_ns=NOW_NS).status is ExecutionStatus.RUNNING
