"""Workers: nothing dies unseen, stopping ends them."""

from __future__ import annotations

import logging
import threading

import pytest

from hantu.threads import Backoff, Worker
from tests.waiting import wait_until


def test_backoff_doubles_up_to_its_most() -> None:
    waits = [Backoff(first_s=1, most_s=5).wait_s(failures) for failures in (1, 2, 3, 4, 99)]
    assert waits == [1, 2, 4, 5, 5]


def test_failing_body_is_told_logged_and_run_again(caplog: pytest.LogCaptureFixture) -> None:
    told: list[BaseException] = []
    runs: list[int] = []

    def body(stop: threading.Event) -> None:
        runs.append(1)
        if len(runs) < 3:
            raise RuntimeError("broken")
        stop.wait()

    worker = Worker("test", body, backoff=Backoff(first_s=0.001), on_error=told.append)
    with caplog.at_level(logging.ERROR):
        worker.start()
        wait_until(lambda: len(runs) == 3)
        worker.stop()
        assert worker.join(5)
    assert [str(error) for error in told] == ["broken", "broken"]
    assert caplog.text.count("RuntimeError: broken") == 2


def test_without_backoff_a_failed_body_stays_down(caplog: pytest.LogCaptureFixture) -> None:
    ended = threading.Event()

    def body(_stop: threading.Event) -> None:
        raise ValueError("once")

    worker = Worker("test", body, on_end=ended.set)
    with caplog.at_level(logging.ERROR):
        worker.start()
        assert worker.join(5)
    assert ended.is_set()
    assert isinstance(worker.last_error, ValueError)


def test_stop_ends_a_worker_that_waits_for_its_next_try(caplog: pytest.LogCaptureFixture) -> None:
    def body(_stop: threading.Event) -> None:
        raise ValueError("again")

    worker = Worker("test", body, backoff=Backoff(first_s=60))
    with caplog.at_level(logging.CRITICAL):
        worker.start()
        wait_until(lambda: worker.failures == 1)
        worker.stop()
        assert worker.join(5)
