"""Who waits for whom: writers give way to those who wait for an answer, and never for long."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from hantu.query.logquery import LogQuery
from hantu.store.sqlite.database import Database
from hantu.store.sqlite.traffic import Traffic
from hantu.threads import Worker
from tests.store.made import many, opened
from tests.waiting import wait_until

LONG_S = 600.0


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Instant(Traffic):
    """Where all waits last as long as they may, and no time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(give_way_s=10.0, patience_s=LONG_S, now=clock)
        self._clock = clock

    def _wait(self, most_s: float) -> None:
        self._clock.now_s += most_s

    def waited_s(self) -> float:
        """How long a thread that gives way now is held up."""
        began_s = self._clock.now_s
        self.give_way()
        return self._clock.now_s - began_s


def working(traffic: Traffic) -> Worker:
    """A thread that gives way once."""
    worker = Worker("test-work", lambda _stop: traffic.give_way())
    worker.start()
    wait_until(lambda: traffic.waiting == 1 or not worker.alive)
    return worker


def test_work_waits_until_the_last_reader_has_passed() -> None:
    traffic = Traffic(give_way_s=LONG_S, patience_s=LONG_S)
    with traffic.passing():
        with traffic.passing():
            worker = working(traffic)
            assert worker.alive
        assert traffic.waiting == 1
        assert worker.alive
    assert worker.join(30.0)


def test_nobody_waits_on_an_empty_road() -> None:
    traffic = Traffic(give_way_s=LONG_S, patience_s=LONG_S)
    with traffic.passing():
        pass
    traffic.give_way()


def test_a_reader_that_takes_long_is_not_waited_for() -> None:
    clock = Clock()
    traffic = Traffic(give_way_s=LONG_S, patience_s=1.0, now=clock)
    with traffic.passing():
        clock.now_s += 1.0
        # Would wait for ten minutes, and the reader is this very thread.
        traffic.give_way()


def test_what_was_waited_is_worked_off_before_there_is_more() -> None:
    clock = Clock()
    traffic = Instant(clock)
    with traffic.passing():
        assert traffic.waited_s() == 10
        assert traffic.waited_s() == 0
        clock.now_s += 4
        assert traffic.waited_s() == 4
        assert traffic.waited_s() == 0
        clock.now_s += 50
        assert traffic.waited_s() == 10


def test_a_batch_is_stored_beside_a_reader_that_never_ends(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", background=False) as store:
        with store._database.reading(1000 * int(LONG_S)):
            for line in many(5):
                store.write_batch([line])
            assert store.seal() == 5
        assert len(store.search(LogQuery()).entries) == 5


@pytest.mark.parametrize(("limit_ms", "counts"), [(1_000, 1), (None, 0)])
def test_only_who_waits_for_an_answer_has_right_of_way(
    tmp_path: Path, limit_ms: int | None, counts: int
) -> None:
    database = Database(tmp_path / "hantu.db", read_only=False)
    with database.reading(limit_ms):
        assert len(database._traffic._began) == counts
    assert not database._traffic._began
    with pytest.raises(KeyError), database.reading(limit_ms):
        raise KeyError
    assert not database._traffic._began
    database.close()


def test_many_threads_come_and_go(tmp_path: Path) -> None:
    traffic = Traffic(give_way_s=0.001)
    passed = threading.Semaphore(0)

    def read(_stop: threading.Event) -> None:
        for _ in range(200):
            with traffic.passing():
                passed.release()

    def work(_stop: threading.Event) -> None:
        for _ in range(200):
            traffic.give_way()

    workers = [Worker(f"test-{number}", read if number % 2 else work) for number in range(6)]
    for worker in workers:
        worker.start()
    assert all(worker.join(60.0) for worker in workers)
    assert traffic.waiting == 0
    assert not traffic._began
