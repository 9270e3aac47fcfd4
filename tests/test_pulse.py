"""What feeds the watchdog, and what stops it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence

import pytest

from hantu.model import LogEntry, LogLevel
from hantu.pipeline import Pipeline, Submission
from hantu.service.pulse import Pulse
from hantu.store.base import StoreError, WriteResult
from hantu.store.memory import MemoryStore
from hantu.tail import CommitSignal
from hantu.threads import Worker
from tests.waiting import wait_until


class HangingStore(MemoryStore):
    """A store whose commits hang, or fail, when told so."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.go.set()
        self.hanging = threading.Event()
        self.refuses = False

    def write_batch(
        self,
        entries: Sequence[LogEntry],
        checkpoints: Mapping[str, bytes | None] | None = None,
        *,
        durable: bool = False,
    ) -> WriteResult:
        if self.refuses:
            raise StoreError("the disk is full")
        if not self.go.is_set():
            self.hanging.set()
            assert self.go.wait(30)
        return super().write_batch(entries, checkpoints, durable=durable)

    def checkpoint(self, name: str) -> bytes | None:
        if self.refuses:
            raise StoreError("disk I/O error")
        return super().checkpoint(name)


@pytest.fixture
def store() -> HangingStore:
    return HangingStore()


@pytest.fixture
def pipeline(store: HangingStore) -> Iterator[Pipeline]:
    made = Pipeline(store, CommitSignal(store.cursor()), batch_entries=1)
    made.start()
    yield made
    store.go.set()
    made.stop(5)


def line() -> Submission:
    return Submission([LogEntry(message="x", source="app", source_id="a", level=LogLevel.INFO, time_ns=1)])


def test_beats_come_while_nothing_happens_and_while_lines_are_written(pipeline: Pipeline) -> None:
    beats = threading.Semaphore(0)
    worker = Worker("pulse", Pulse(pipeline, beats.release, 0.03).body)
    worker.start()
    try:
        assert all(beats.acquire(timeout=10) for _ in range(3))
        for _ in range(5):
            pipeline.offer(line())
        wait_until(lambda: pipeline.written_total == 5)
        assert all(beats.acquire(timeout=10) for _ in range(3))
    finally:
        worker.stop()
        assert worker.join(5)


def test_no_beat_comes_while_a_commit_hangs_and_beats_come_again_after_it(
    pipeline: Pipeline, store: HangingStore
) -> None:
    beats = threading.Semaphore(0)
    store.go.clear()
    pipeline.offer(line())
    assert store.hanging.wait(10)
    worker = Worker("pulse", Pulse(pipeline, beats.release, 0.03).body)
    worker.start()
    try:
        assert not beats.acquire(timeout=0.3)
        store.go.set()
        assert beats.acquire(timeout=10)
    finally:
        worker.stop()
        assert worker.join(5)


def test_a_writer_that_has_ended_is_not_well(pipeline: Pipeline) -> None:
    pulse = Pulse(pipeline, bool, 60)
    assert pulse.well()
    pipeline.stop(5)
    assert not pulse.well()


def test_lines_that_wait_while_the_writer_does_nothing_are_not_well() -> None:
    class Idle(Pipeline):
        """A pipeline whose writer lives and takes nothing."""

        @property
        def writing(self) -> bool:
            return True

    store = MemoryStore()
    pipeline = Idle(store, CommitSignal(store.cursor()), batch_entries=2, batch_ms=60_000)
    pulse = Pulse(pipeline, bool, 60)
    assert pulse.well()
    pipeline.offer(line())
    # It may still be gathered with others.
    assert pulse.well()
    pipeline.offer(line())
    assert not pulse.well()


def test_a_full_disk_is_no_hang(pipeline: Pipeline, store: HangingStore) -> None:
    """A restart would not mend it, and the pages that tell of it would be gone."""
    pulse = Pulse(pipeline, bool, 60)
    store.refuses = True
    pipeline.offer(line())
    wait_until(lambda: pipeline.failing != "")
    assert pulse.well()
    pipeline.offer(line())
    wait_until(lambda: pipeline.refused_total == 2)
    assert pulse.well()
