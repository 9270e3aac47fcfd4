"""Changes: what waits at the same time is committed at once, and each learns its own result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hantu.executions import Change, ExecutionStatus, IllegalMove, NewExecution
from hantu.pipeline import Changes, Pipeline
from hantu.store import open_store
from hantu.store.base import LogStorage, StoreError
from hantu.store.execution_base import ExecutionQuery
from hantu.tail import CommitSignal
from tests.waiting import wait_until

NOW_NS = 1_790_000_000_000_000_000
NEW = NewExecution(job_name="report", prompt="요약")


class Together:
    """A store that counts its commits, and holds one up while it is told to."""

    def __init__(self, store: LogStorage) -> None:
        self._store = store
        self.commits = self._depth = 0
        self.fails = False
        self.free = threading.Event()
        self.free.set()

    @contextmanager
    def together(self) -> Iterator[None]:
        self._depth += 1
        if self._depth == 1:
            self.commits += 1
            self.free.wait(10)
        try:
            with self._store.together():
                yield
                if self.fails and self._depth == 1:
                    raise StoreError("the disk is full")
        finally:
            self._depth -= 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Together]:
    store = open_store(tmp_path / "hantu.db")
    yield Together(store)
    store.close()


def changes_of(counted: Together) -> Changes:
    store: Any = counted
    return Changes(Pipeline(store, CommitSignal(0)))


def held_up(
    counted: Together, changes: Changes, works: list[Callable[[LogStorage], object]]
) -> list[object]:
    """What comes of works that all wait while one commit is under way."""
    counted.free.clear()
    found: list[object] = [None] * len(works)

    def change(at: int) -> None:
        try:
            found[at] = changes.change(works[at])
        except Exception as error:
            found[at] = error

    threads = [threading.Thread(target=change, args=(at,)) for at in range(len(works))]
    threads[0].start()
    wait_until(lambda: counted.commits == 1)
    for thread in threads[1:]:
        thread.start()
    wait_until(lambda: len(changes._waiting) == len(works) - 1)
    counted.free.set()
    for thread in threads:
        thread.join()
    return found


def add(store: LogStorage) -> str:
    return store.add_execution(NEW, at_ns=NOW_NS).execution.id


def refuse(store: LogStorage) -> None:
    store.change_execution(add(store), Change(status=ExecutionStatus.COMPLETED), at_ns=NOW_NS)


def test_what_waits_shares_a_commit(counted: Together) -> None:
    found = held_up(counted, changes_of(counted), [add] * 9)
    assert counted.commits == 2
    assert {each.id for each in counted._store.executions(ExecutionQuery()).executions} == set(found)


def test_refusal_is_told_to_whom_it_concerns(counted: Together) -> None:
    found = held_up(counted, changes_of(counted), [add, add, refuse, add])
    assert isinstance(found[2], IllegalMove)
    assert [isinstance(each, str) for each in found] == [True, True, False, True]
    assert counted._store.executions(ExecutionQuery()).total == 3, "nothing of it is left"


def test_failed_commit_is_told_to_all_and_stores_nothing(counted: Together) -> None:
    counted.fails = True
    changes = changes_of(counted)
    found = held_up(counted, changes, [add, add, refuse])
    assert [type(each) for each in found] == [StoreError, StoreError, IllegalMove]
    counted.fails = False
    assert counted._store.executions(ExecutionQuery()).total == 0
    assert changes.change(add)
    assert counted._store.executions(ExecutionQuery()).total == 1
