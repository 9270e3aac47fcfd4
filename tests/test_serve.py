"""gunicorn's worker as hantu uses it: what it counts as connected, and for how long it waits at the end."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from typing import Any

import pytest
from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn

from hantu.serve import END_LOOK_S, KEPT_OPEN_S, Threads


@pytest.fixture
def worker() -> Iterator[Any]:
    config = Config()
    made = Threads(0, os.getppid(), [], BaseApplication, 30, config, Logger(config))
    yield made
    made.tmp.close()


def connection(worker: Any) -> tuple[Any, socket.socket]:
    """A connection that the worker counts, and the client's end of it."""
    ours, theirs = socket.socketpair()
    worker.nr_conns += 1
    return TConn(worker.cfg, ours, "", ""), theirs


def answered(result: object) -> Future[object]:
    done: Future[object] = Future()
    done.set_result(result)
    return done


def test_a_tail_that_closed_its_connection_is_counted_as_ended_once(worker: Any) -> None:
    _, in_flight = connection(worker)
    tail, client = connection(worker)
    with closing(in_flight), closing(client):
        tail.sock.close()
        worker.finish_request(tail, answered(False))
        assert worker.nr_conns == 1


def test_a_connection_that_is_open_is_closed_and_counted_by_gunicorn(worker: Any) -> None:
    ended, client = connection(worker)
    client.close()
    worker.finish_request(ended, answered(False))
    assert worker.nr_conns == 0
    assert ended.sock.fileno() < 0


def test_the_end_looks_at_the_clock_often_and_ends_kept_connections_soon(worker: Any) -> None:
    asked: list[float] = []

    class Poller:
        def select(self, timeout: float) -> list[object]:
            asked.append(timeout)
            return []

    worker.poller = Poller()
    worker.alive = True
    worker.wait_for_and_dispatch_events(1.0)
    worker.alive = False
    worker.wait_for_and_dispatch_events(1.0)
    assert asked == [1.0, END_LOOK_S]
    kept, client = connection(worker)
    with closing(client), closing(kept.sock):
        kept.set_timeout()
        worker.keepalived_conns.append(kept)
        worker._cap_keepalive(kept.timeout)
        assert kept.timeout <= time.monotonic() + KEPT_OPEN_S
