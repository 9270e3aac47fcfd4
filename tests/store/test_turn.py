"""The turn to write: in order, and one at a time."""

from __future__ import annotations

import threading

import pytest

from hantu.store.sqlite.turn import Turn
from hantu.threads import Worker
from tests.waiting import wait_until


def test_who_asked_first_comes_first_also_before_who_had_it() -> None:
    turn = Turn()
    order: list[str] = []

    def writer(name: str) -> Worker:
        def body(_stop: threading.Event) -> None:
            with turn:
                order.append(name)

        worker = Worker(f"test-{name}", body)
        before = turn.waiting
        worker.start()
        wait_until(lambda: turn.waiting == before + 1)
        return worker

    with turn:
        workers = [writer("first"), writer("second")]
        order.append("slice")
    with turn:
        order.append("next slice")
    assert all(worker.join(10.0) for worker in workers)
    assert order == ["slice", "first", "second", "next slice"]


def test_a_thread_may_take_it_again_and_others_wait_for_all_of_it() -> None:
    turn = Turn()
    came = threading.Event()

    def body(_stop: threading.Event) -> None:
        with turn:
            came.set()

    worker = Worker("test-other", body)
    with turn:
        with turn:
            worker.start()
            wait_until(lambda: turn.waiting == 1)
        assert not came.is_set()
        assert turn.waiting == 1
    assert worker.join(10.0)
    assert came.is_set()


def test_a_failure_gives_it_back() -> None:
    turn = Turn()
    with pytest.raises(KeyError), turn:
        raise KeyError
    worker = Worker("test-after", lambda _stop: turn.__enter__())
    worker.start()
    assert worker.join(10.0)


def test_many_threads_never_have_it_at_once() -> None:
    turn = Turn()
    count = 0

    def body(_stop: threading.Event) -> None:
        nonlocal count
        for _ in range(2_000):
            with turn, turn:
                seen = count
                count = seen + 1

    workers = [Worker(f"test-{number}", body) for number in range(6)]
    for worker in workers:
        worker.start()
    assert all(worker.join(60.0) for worker in workers)
    assert count == 12_000
    assert turn.waiting == 0
