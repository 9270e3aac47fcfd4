"""The live tail: a search with a cursor, shared between readers."""

from __future__ import annotations

import threading
import time

import pytest

from hantu.model import LogEntry, LogLevel
from hantu.query.logquery import LogQuery
from hantu.store.base import Arrivals, QueryTimeout
from hantu.store.memory import MemoryStore
from hantu.tail import Batch, CommitSignal, PolledSignal, TailHub
from hantu.threads import Worker
from tests.waiting import wait_until


def entry(number: int, level: LogLevel = LogLevel.INFO) -> LogEntry:
    return LogEntry("app", "a", level, f"line {number}", number)


class Clock:
    """A clock that goes on by sleeping."""

    def __init__(self, now: float) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class CountingStore(MemoryStore):
    searches = 0

    def arrivals(self, query: LogQuery, *, most: int, time_limit_ms: int = 5000) -> Arrivals:
        self.searches += 1
        return super().arrivals(query, most=most, time_limit_ms=time_limit_ms)


class Reader:
    """A live reader on a thread of its own."""

    def __init__(self, hub: TailHub, query: LogQuery, *, most: int = 2000) -> None:
        self.batches: list[Batch] = []
        self.ticks = 0
        self.stopping = threading.Event()
        self._worker = Worker("reader", lambda _stop: self._read(hub, query, most))
        self._worker.start()
        wait_until(lambda: self.ticks)

    def _read(self, hub: TailHub, query: LogQuery, most: int) -> None:
        for batch in hub.follow(query, stopping=self.stopping.is_set, most=most):
            self.ticks += 1
            if batch is not None:
                self.batches.append(batch)

    def messages(self) -> list[str]:
        return [found.message for batch in self.batches for found in batch.arrivals.entries]

    def end(self) -> None:
        self.stopping.set()
        assert self._worker.join(5)


@pytest.mark.promise("M35", "M36")
def test_reader_gets_what_arrives_after_it_came_and_only_what_it_asked_for() -> None:
    store = MemoryStore()
    store.write(entry(0))
    signal = CommitSignal(store.cursor())
    reader = Reader(TailHub(store, signal, batch_ms=10), LogQuery(min_level=LogLevel.INFO))
    signal.publish(store.write_batch([entry(1), entry(2, LogLevel.DEBUG), entry(3)]).cursor)
    wait_until(lambda: len(reader.messages()) == 2)
    reader.end()
    assert reader.messages() == ["line 1", "line 3"]


@pytest.mark.promise("M35")
def test_entries_are_sent_in_steps_not_one_by_one() -> None:
    store = MemoryStore()
    signal = CommitSignal()
    reader = Reader(TailHub(store, signal, batch_ms=100), LogQuery())
    for number in range(50):
        signal.publish(store.write(entry(number)).cursor)
    wait_until(lambda: len(reader.messages()) == 50)
    reader.end()
    assert len(reader.batches) <= 3
    assert reader.messages() == [f"line {number}" for number in range(50)]


def test_the_first_line_after_a_rest_does_not_wait_for_the_step_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(now=1_000.01)
    monkeypatch.setattr("hantu.tail.time", clock)
    store = MemoryStore()
    signal = CommitSignal()
    steps = TailHub(store, signal, batch_ms=1000).follow(LogQuery(), after_key=0, stopping=bool)
    seen: list[float] = []
    for number, rest_s in enumerate((0.0, 0.1, 0.1, 60.05)):
        clock.now += rest_s
        signal.publish(store.write(entry(number)).cursor)
        batch = next(steps)
        assert batch is not None
        seen.append(round(clock.now, 3))
    assert seen == [1_000.2, 1_001.0, 1_002.0, 1_062.2]


def test_readers_of_one_query_share_one_search_and_one_rendering() -> None:
    store = CountingStore()
    signal = CommitSignal()
    hub = TailHub(store, signal, batch_ms=100)
    readers = [Reader(hub, LogQuery()) for _ in range(10)]
    signal.publish(store.write_batch([entry(1), entry(2)]).cursor)
    wait_until(lambda: all(len(reader.messages()) == 2 for reader in readers))
    for reader in readers:
        reader.end()
    assert store.searches <= 3
    batch = readers[0].batches[0]
    made: list[int] = []
    for _ in range(3):
        assert batch.rendered("json", lambda arrivals: made.append(1) or "text") == "text"  # type: ignore[func-returns-value]  # counts
    assert made == [1]


@pytest.mark.promise("M37", "M96")
def test_reader_that_is_too_far_behind_skips_and_is_told_how_many() -> None:
    store = MemoryStore()
    signal = CommitSignal()
    hub = TailHub(store, signal, batch_ms=10)
    reader = Reader(hub, LogQuery(), most=5)
    signal.publish(store.write_batch([entry(number) for number in range(20)]).cursor)
    wait_until(lambda: reader.batches)
    reader.end()
    arrivals = reader.batches[0].arrivals
    assert [found.message for found in arrivals.entries] == [f"line {number}" for number in range(15, 20)]
    assert (arrivals.skipped, arrivals.skipped_to) == (15, 15)
    assert hub.skipped_total == 15


def test_follow_ticks_without_news_and_ends_when_told() -> None:
    reader = Reader(TailHub(MemoryStore(), CommitSignal()), LogQuery())
    wait_until(lambda: reader.ticks >= 2)
    began = time.monotonic()
    reader.end()
    assert time.monotonic() - began < 2
    assert reader.batches == []


def test_polled_signal_sees_what_another_writer_stored() -> None:
    store = MemoryStore()
    signal = PolledSignal(store, poll_ms=5)
    assert signal.wait(0, 0.02) == 0
    store.write(entry(1))
    assert signal.wait(0, 5) == 1


class SlowStore(MemoryStore):
    """Meets its time limit at every search."""

    searches = 0

    def arrivals(self, query: LogQuery, *, most: int, time_limit_ms: int = 5000) -> Arrivals:
        self.searches += 1
        threading.Event().wait(1.0)
        raise QueryTimeout("the time limit was over")


def test_readers_who_share_a_search_share_its_failure() -> None:
    store = SlowStore()
    hub = TailHub(store, CommitSignal(1), batch_ms=10)
    failed: list[str] = []

    def read(_stop: threading.Event) -> None:
        try:
            next(hub.follow(LogQuery(), after_key=0, stopping=bool))
        except QueryTimeout as error:
            failed.append(str(error))

    # One after the other they would take ten times the limit.
    readers = [Worker(f"reader-{number}", read) for number in range(10)]
    for reader in readers:
        reader.start()
    assert all(reader.join(10) for reader in readers)
    assert failed == ["the time limit was over"] * 10
    assert store.searches < 5
    read(threading.Event())
    assert len(failed) == 11
