"""Changes of executions: those that wait at the same time are committed at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from hantu.pipeline.writer import Pipeline
from hantu.store.base import LogStorage

T = TypeVar("T")


class _Change(Generic[T]):
    """A change that waits, and what came of it."""

    def __init__(self, work: Callable[[LogStorage], T]) -> None:
        self._work = work
        self._result: T | None = None
        self.error: BaseException | None = None
        self.done = False

    def run(self, store: LogStorage) -> None:
        """Do it, or nothing of it; a refusal is kept, any other error raised."""
        try:
            with store.together():
                self._result = self._work(store)
        except (KeyError, ValueError) as refusal:
            self.error = refusal

    def result(self) -> T:
        """What work() returned, or raised."""
        if self.error is not None:
            raise self.error
        return cast(T, self._result)


class Changes:
    """Runs changes between two commits of the pipeline, each durable when change() returns.

    A sync takes longer than a change, so whoever comes while one is under way shares the next one."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: list[_Change[object]] = []

    def change(self, work: Callable[[LogStorage], T]) -> T:
        """Run work(store) in one transaction, perhaps with others'; raises what it refuses (KeyError,
        ValueError: it alone is undone) and StoreError."""
        own = _Change(work)
        with self._lock:
            self._waiting.append(cast(_Change[object], own))
        with self._turn:
            if not own.done:
                self._commit()
        return own.result()

    def _commit(self) -> None:
        with self._lock:
            taken, self._waiting = self._waiting, []

        def run_all(store: LogStorage) -> None:
            with store.together():
                for each in taken:
                    each.run(store)

        try:
            self._pipeline.with_store(run_all)
        except BaseException as error:
            for each in taken:
                each.error = each.error or error
        finally:
            for each in taken:
                each.done = True
