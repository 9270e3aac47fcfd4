"""A running service over a fresh data folder, and the application over it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import flask
import pytest
from werkzeug.serving import make_server

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.config import Config
from hantu.model import LogEntry, LogLevel
from hantu.pipeline import Submission
from hantu.service import Service, new_token
from hantu.store.base import StoreError
from hantu.web import create_app
from tests.waiting import wait_until

HOST = "localhost"
Collecting = Callable[..., None]
NOW_NS = 1_790_000_000_000_000_000


@contextmanager
def running_service(data_dir: Path, **settings: object) -> Iterator[Service]:
    """A started service that collects nothing by itself."""
    given: dict[str, object] = {
        "data_dir": data_dir,
        "docker": "off",
        "journal": "off",
        "files": (),
        "batch_ms": 20,
        "tail_batch_ms": 20,
    }
    service = Service(Config(**(given | settings)))  # type: ignore[arg-type]  # the test names its settings
    service.start()
    try:
        yield service
    finally:
        service.stop()


@contextmanager
def served(app: flask.Flask, port: int = 0) -> Iterator[int]:
    """The application on a real threaded server; gives its port, a free one unless it is named."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refuse_writes(service: Service, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """From now on the store refuses all that is written; returns once the service knows."""

    def refused(*_: object, **__: object) -> None:
        raise StoreError(why)

    monkeypatch.setattr(service.store, "write_batch", refused)
    service.pipeline.offer(Submission([line()]))
    wait_until(lambda: service.pipeline.failing == why)


def line(message: str = "line", **parts: object) -> LogEntry:
    """An entry; parts override its fields."""
    fields: dict[str, object] = {
        "source": "app",
        "source_id": "shop",
        "level": LogLevel.INFO,
        "time_ns": NOW_NS,
    }
    return LogEntry(message=message, **(fields | parts))  # type: ignore[arg-type]  # parts are the test's own


def collector(name: str, state: CollectorState, **parts: object) -> CollectorStatus:
    """A collector of a container as it stands now; parts override its fields."""
    fields: dict[str, object] = {
        "key": f"docker:{name}",
        "name": name,
        "source": "docker",
        "source_id": name,
        "state": state,
        "since_ns": time.time_ns(),
    }
    return CollectorStatus(**(fields | parts))  # type: ignore[arg-type]  # parts are the test's own


def store(service: Service, entries: Sequence[LogEntry]) -> None:
    """Put entries through the pipeline and wait until they are committed."""
    done = threading.Event()
    service.pipeline.submit(Submission(entries, settled=lambda _result: done.set()))
    wait_until(done.is_set)


def token(service: Service, scope: str) -> dict[str, str]:
    """The header of a new token."""
    secret = service.pipeline.with_store(lambda kept: new_token(kept, f"{scope} program", scope))
    return {"Authorization": f"Bearer {secret}"}


def app_of(service: Service) -> flask.Flask:
    """The application over the service."""
    return create_app(service)
