"""A real HTTP server on the loopback for what lies behind the network; it fails as it is told to."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Answer:
    """What the server says. hang: it says nothing until release(); drop: it closes without a word."""

    status: int = 200
    said: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    hang: bool = False
    drop: bool = False


GARBAGE = Answer(200, body=b"<html>captive portal</html>")
HANG = Answer(hang=True)
DROP = Answer(drop=True)


@dataclass(frozen=True)
class Call:
    """A request that was answered, or hangs (status 0). connection: the client's port."""

    at_s: float
    path: str
    status: int
    connection: int


class StandIn(ABC):
    """The server; use it as a context manager. Subclasses say what a request is answered with."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.connections: set[socket.socket] = set()
        self._script: deque[Answer] = deque()
        self._rules: list[tuple[str, Answer]] = []
        self._released = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @abstractmethod
    def reply(self, path: str, headers: Message, body: bytes) -> Answer:
        """The answer when nothing else was asked for."""

    def scripted(self, answer: Answer) -> Answer:
        """Called with each answer that a test has asked for."""
        return answer

    def allowed(self, path: str, headers: Message) -> Answer | None:
        """A refusal that comes before what a test has asked for."""
        return None

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    @property
    def port(self) -> int:
        """The port, the same after down() and up()."""
        return self._port

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self._port}"

    def answer(self, *answers: Answer) -> None:
        """Give these to the next calls, in order; then all is well again."""
        self._script.extend(answers)

    def answer_to(self, words: str, answer: Answer) -> None:
        """Give this to every request that has these words in its text, until forget()."""
        self._rules.append((words, answer))

    def forget(self) -> None:
        """Be well again, whatever was asked for before."""
        self._script.clear()
        self._rules.clear()
        self.release()

    def release(self) -> None:
        """Let the calls that hang end without an answer."""
        self._released.set()
        self._released = threading.Event()

    def down(self) -> None:
        """Close: connections are cut, and refused from now on."""
        server, self._server = self._server, None
        self.release()
        if server is not None:
            server.shutdown()
            server.server_close()
        for connection in list(self.connections):
            cut(connection)

    def up(self) -> None:
        """Open, on the port of before if there was one."""
        self._server = _Server(("127.0.0.1", self._port), _handler(self))
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer one request."""
        answer = self._answer(handler.path, handler.headers, body)
        released = self._released
        client = handler.client_address[1]
        if answer.hang or answer.drop:
            self.calls.append(Call(time.monotonic(), handler.path, 0, client))
            if answer.hang:
                released.wait()
            handler.close_connection = True
            cut(handler.connection)
            return
        content = answer.body or json.dumps(answer.said).encode()
        self.calls.append(Call(time.monotonic(), handler.path, answer.status, client))
        handler.send_response(answer.status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers:
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    def _answer(self, path: str, headers: Message, body: bytes) -> Answer:
        refused = self.allowed(path, headers)
        if refused is not None:
            return refused
        if self._script:
            return self.scripted(self._script.popleft())
        text = body.decode("utf-8", "replace")
        for words, answer in self._rules:
            if words in text:
                return self.scripted(answer)
        return self.reply(path, headers, body)


def cut(connection: socket.socket) -> None:
    """End a connection, whichever side has ended it before."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what some tests are about."""


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # An answer in two segments would wait for the client's delayed acknowledgement.
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            stand_in.connections.add(self.connection)

        def finish(self) -> None:
            stand_in.connections.discard(self.connection)
            super().finish()

        def do_POST(self) -> None:
            stand_in.serve(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def do_GET(self) -> None:
            stand_in.serve(self, b"")

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    return Handler
