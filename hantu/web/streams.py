"""Answers that go on: a client that stops reading must hold neither a thread nor the end of hantu."""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

log = logging.getLogger(__name__)

STALLED_S: Final = 10.0
"""A client that takes nothing for so long is cut off."""

SEND_BUFFER_BYTES: Final = 256 * 1024
# Linux calls a socket writable when a third of its buffer is free: so much goes out without waiting.
PART_BYTES: Final = 32 * 1024
TICK_MS: Final = 100


def client_socket(environ: dict[str, Any]) -> socket.socket | None:
    """The connection of a request, None under a server that does not tell."""
    found = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    return found if isinstance(found, socket.socket) else None


def cut_off(connection: socket.socket) -> None:
    """End both directions at once; what was handed to the kernel is still sent."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        log.debug("a connection was closed already: %s", error)


def paced(
    pieces: Iterable[bytes],
    environ: dict[str, Any],
    *,
    stopping: Callable[[], bool],
    stalled_s: float = STALLED_S,
) -> Iterator[bytes]:
    """`pieces`, given to the server no faster than the client takes them, so that no send waits.

    Cuts the connection off when the client takes nothing for stalled_s, or when hantu stops: half an
    export must not look like a whole one."""
    connection = client_socket(environ)
    if connection is None:
        yield from pieces
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    for piece in pieces:
        for start in range(0, len(piece), PART_BYTES):
            if stopping() or not _writable(connection, time.monotonic() + stalled_s, stopping):
                cut_off(connection)
                return
            yield piece[start : start + PART_BYTES]


def _writable(connection: socket.socket, until: float, stopping: Callable[[], bool]) -> bool:
    """Wait for room in the send buffer; False when there is none by `until` (monotonic) or at the stop."""
    poller = select.poll()
    poller.register(connection, select.POLLOUT)
    while not poller.poll(TICK_MS):
        if stopping() or time.monotonic() > until:
            return False
    return True


class BoundedSocket:
    """The socket of a WebSocket: frames go out whole, one after the other, and a client that takes
    nothing for stalled_s is cut off, at once when hantu stops.

    simple-websocket calls send() from two threads and takes for granted that it sends everything."""

    def __init__(
        self, inner: socket.socket, *, stopping: Callable[[], bool], stalled_s: float = STALLED_S
    ) -> None:
        self._inner = inner
        self._stopping = stopping
        self._stalled_s = stalled_s
        self._lock = threading.Lock()
        self.stalled = False
        inner.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def send(self, data: bytes) -> int:
        """Send all of it. Raises OSError."""
        with self._lock:
            if self.stalled:
                raise BrokenPipeError("the client was cut off")
            left = memoryview(data)
            while left:
                left = left[self._some(left) :]
        return len(data)

    def _some(self, left: memoryview) -> int:
        """Send what goes out without waiting, at least a byte."""
        until = time.monotonic() + self._stalled_s
        while True:
            try:
                return self._inner.send(left, socket.MSG_DONTWAIT)
            except BlockingIOError:
                if not _writable(self._inner, until, self._stopping):
                    # Half a frame may be out: nothing sensible can follow it.
                    self.stalled = True
                    cut_off(self._inner)
                    raise

    def cut_off(self) -> None:
        """End the connection at once; what was sent still arrives."""
        cut_off(self._inner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
