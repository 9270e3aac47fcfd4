"""How long every store keeps executions."""

from __future__ import annotations

from typing import Any

import pytest

from hantu.executions import ArtifactStatus, Change, ExecutionStatus, Keeping
from hantu.store.base import LogStorage
from hantu.store.execution_base import RemovedExecutions, UnknownArtifact, UnknownExecution
from tests.contract.execution_samples import CHECKSUM, DAY_S, a_file, at, listed, page, run, uuid

NOW = at(100 * DAY_S)
WEEK = Keeping(days=7)

pytestmark = pytest.mark.promise("M106")


def ran(store: LogStorage, number: int, *, days_ago: float, job: str = "nightly", **fields: Any) -> str:
    """A run that ended some days before NOW; its id."""
    ended = 100 * DAY_S - days_ago * DAY_S
    return run(store, job, id=uuid(number), created=ended - 60, ended=ended, **fields).id


def remove(store: LogStorage, keeping: Keeping, now_ns: int = NOW) -> RemovedExecutions:
    """What a day's work removes."""
    return store.remove_executions(keeping, now_ns=now_ns, pause=lambda: False)


@pytest.mark.promise("M106", "M111")
def test_an_old_run_goes_with_its_steps_artifacts_and_words(store: LogStorage) -> None:
    old = ran(store, 1, days_ago=7, prompt="오래된 실행")
    young = ran(store, 2, days_ago=6.999, prompt="새로운 실행")
    artifact = store.add_artifact(old, a_file(), at_ns=at(0)).artifact
    store.artifact_arrived(artifact.id, size_bytes=1, checksum=CHECKSUM, at_ns=at(0))
    assert remove(store, WEEK) == RemovedExecutions(1, (artifact.file_path,))
    assert listed(store) == listed(store, search="실행") == [young]
    assert page(store, search="오래된").total == 0
    assert store.artifact_states([artifact.id]) == {}
    with pytest.raises(UnknownExecution):
        store.transitions(old)
    with pytest.raises(UnknownArtifact):
        store.artifact(artifact.id)
    assert remove(store, WEEK) == RemovedExecutions(0, ())


def test_what_is_permanent_stays(store: LogStorage) -> None:
    ran(store, 1, days_ago=90, is_permanent=True)
    ran(store, 2, days_ago=90, is_permanent=True, retain_until_ns=at(1))
    assert remove(store, WEEK).executions == 0
    store.change_execution(uuid(1), Change(is_permanent=False), at_ns=NOW)
    assert remove(store, WEEK).executions == 1
    assert listed(store) == [uuid(2)]


@pytest.mark.parametrize("keeping", [WEEK, Keeping(days=None), Keeping(days=7, runs=9)])
def test_a_time_of_its_own_counts_before_the_settings(store: LogStorage, keeping: Keeping) -> None:
    ran(store, 1, days_ago=90, retain_until_ns=NOW + 1, job="a")
    ran(store, 2, days_ago=1, retain_until_ns=NOW, job="b")
    assert remove(store, keeping).executions == 1
    assert listed(store) == [uuid(1)]
    assert remove(store, keeping, NOW + 1).executions == 1


def test_without_a_limit_all_stay(store: LogStorage) -> None:
    ran(store, 1, days_ago=99)
    assert remove(store, Keeping(days=None)).executions == 0


@pytest.mark.parametrize("status", [ExecutionStatus.PENDING, ExecutionStatus.RUNNING])
def test_what_has_not_ended_stays(store: LogStorage, status: ExecutionStatus) -> None:
    run(store, status=status)
    run(store, status=status, retain_until_ns=at(1))
    assert remove(store, WEEK).executions == 0


def test_the_newest_runs_of_each_job_stay(store: LogStorage) -> None:
    for number in range(1, 6):
        ran(store, number, days_ago=50 - number, job="nightly")
    ran(store, 8, days_ago=60, job="monthly")
    ran(store, 9, days_ago=70, job="monthly")
    assert remove(store, Keeping(days=7, runs=2)).executions == 3
    assert set(listed(store)) == {uuid(4), uuid(5), uuid(8), uuid(9)}
    assert remove(store, Keeping(days=7, runs=1)).executions == 2
    assert set(listed(store)) == {uuid(5), uuid(8)}
    assert remove(store, Keeping(days=7)).executions == 2


def test_what_goes_by_a_time_of_its_own_is_no_newest_run(store: LogStorage) -> None:
    ran(store, 1, days_ago=50)
    ran(store, 2, days_ago=40, retain_until_ns=NOW)
    assert remove(store, Keeping(days=7, runs=1)).executions == 1
    assert listed(store) == [uuid(1)]


def test_it_is_told_what_executions_take_and_which_may_go(store: LogStorage) -> None:
    assert store.execution_size().oldest_ns is None
    empty = store.execution_size().size_bytes
    ran(store, 1, days_ago=90, is_permanent=True)
    ran(store, 2, days_ago=80, retain_until_ns=NOW)
    run(store, status=ExecutionStatus.RUNNING, prompt="긴 글 " * 2_000)
    assert store.execution_size().oldest_ns is None
    ran(store, 3, days_ago=10)
    old = ran(store, 4, days_ago=20)
    size = store.execution_size()
    assert size.oldest_ns == store.execution(old).completed_ns
    assert size.size_bytes > empty + 10_000


def test_many_go_in_slices_that_others_may_interrupt(store: LogStorage) -> None:
    for number in range(1, 251):
        ran(store, number, days_ago=10, is_permanent=number % 50 == 0)
    asked: list[int] = []

    def pause() -> bool:
        asked.append(page(store).total)
        return False

    removed = store.remove_executions(WEEK, now_ns=NOW, pause=pause)
    assert removed.executions == 245
    assert page(store).total == 5
    assert asked == sorted(asked, reverse=True)


def test_artifacts_of_every_state_go_with_their_run(store: LogStorage) -> None:
    old = ran(store, 1, days_ago=10)
    ids = [store.add_artifact(old, a_file(str(at)), at_ns=0).artifact.id for at in range(3)]
    store.artifact_arrived(ids[0], size_bytes=1, checksum=CHECKSUM, at_ns=1)
    store.move_artifact(ids[1], ArtifactStatus.DELETED, at_ns=1)
    assert remove(store, WEEK).artifact_paths == tuple(f"{each[-2:]}/{each}" for each in ids)
