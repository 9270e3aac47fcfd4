"""Executions for tests: a client that reports them, and receivers of callbacks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hantu.service import Service
from tests.web.desk import token

RUNS = "/api/executions"


class Runner:
    """A program that reports runs with a token."""

    def __init__(self, app: flask.Flask, headers: dict[str, str]) -> None:
        self._client: FlaskClient = app.test_client()
        self.headers = headers

    def ask(self, method: str, path: str, **parts: Any) -> TestResponse:
        """The answer to a request."""
        headers = {**self.headers, **parts.pop("headers", {})}
        return self._client.open(path, method=method, headers=headers, buffered=True, **parts)

    def create(self, **body: Any) -> dict[str, Any]:
        """A new run, as it was answered."""
        answer = self.ask(
            "POST", RUNS, json={"jobName": "nightly-report", "prompt": "오늘 주문 요약"} | body
        )
        assert answer.status_code in (200, 201), answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def patch(self, run: dict[str, Any], **body: Any) -> TestResponse:
        """The answer to a report."""
        return self.ask("PATCH", f"{RUNS}/{run['id']}", json=body)

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def run(self, **body: Any) -> dict[str, Any]:
        """A run that is RUNNING."""
        made = self.create(**body)
        assert self.patch(made, status="RUNNING").status_code == 200
        return made

    def status(self, run: dict[str, Any]) -> str:
        """Where a run stands."""
        return str(self.get(f"{RUNS}/{run['id']}")["status"])


def runner(app: flask.Flask, service: Service, scope: str = "admin") -> Runner:
    """A program with a new token of that scope."""
    return Runner(app, token(service, scope))


class Call(NamedTuple):
    """What a receiver was sent."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Where callbacks go. statuses: of the answers, the last one for ever; 0: no answer at all."""

    def __init__(self, *statuses: int) -> None:
        self.calls: list[Call] = []
        self._statuses = list(statuses) or [204]
        self._lock = threading.Lock()
        self.gone = threading.Event()
        self.url = ""

    def take(self, call: Call) -> int:
        """Note a call; the status of the answer."""
        with self._lock:
            self.calls.append(call)
            return self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    """A receiver on a real port of this machine."""
    receiver = Receiver(*statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            status = receiver.take(Call(self.path, dict(self.headers), self.rfile.read(size)))
            if not status:
                receiver.gone.wait(10)
                return
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        receiver.gone.set()
        server.shutdown()
        thread.join()
        server.server_close()
