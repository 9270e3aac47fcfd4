"""An answer of the engine that never ends: a log, the events. Its body comes as raw chunks.

Not through the SDK: it mixes a log's streams up, and the engine sends each line as an HTTP chunk of
its own, which costs more to take apart than the line itself. An HTTP/1.0 request makes it send the body
bare (seen with engine 20.10), so that one read brings many lines."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

_READ_BYTES: Final = 256 * 1024
_HEADER_LIMIT_BYTES: Final = 64 * 1024
_CONNECT_S: Final = 10.0
_REFUSAL_LIMIT_BYTES: Final = 64 * 1024
UNREADABLE_STATUS: Final = 501
"""The engine's answer for a container whose log driver cannot be read."""


class EngineError(Exception):
    """The engine cannot be reached or refuses. fix: the command or act that mends it.

    status: the HTTP status, 0 when there was none. lasting: trying again by itself cannot help.
    absent: this machine simply has no engine, and nobody asked for one."""

    def __init__(
        self, message: str, *, fix: str = "", status: int = 0, lasting: bool = False, absent: bool = False
    ) -> None:
        super().__init__(message)
        self.fix = fix
        self.status = status
        self.lasting = lasting
        self.absent = absent


class ContainerGone(EngineError):
    """The engine does not know the container any more."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the engine listens: a Unix socket's path, or host and port with or without TLS."""

    path: str = ""
    host: str = ""
    port: int = 0
    tls: ssl.SSLContext | None = None

    def connect(self) -> socket.socket:
        """A connected socket. Raises OSError."""
        if self.path:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.settimeout(_CONNECT_S)
                connection.connect(self.path)
            except BaseException:
                connection.close()
                raise
            return connection
        connection = socket.create_connection((self.host, self.port), timeout=_CONNECT_S)
        if self.tls is None:
            return connection
        try:
            return self.tls.wrap_socket(connection, server_hostname=self.host)
        except BaseException:
            connection.close()
            raise


class EngineStream:
    """An open GET of `path`. read() and close() belong to one thread; cancel() to any."""

    def __init__(self, address: Address, path: str, parameters: dict[str, str]) -> None:
        """Connect and send the request. Raises OSError."""
        self._socket = address.connect()
        self._lock = threading.Lock()
        self._cancelled = False
        self._closed = False
        self._head: bytes | None = b""
        target = f"{path}?{urlencode(parameters)}"
        try:
            self._socket.sendall(f"GET {target} HTTP/1.0\r\nHost: docker\r\n\r\n".encode("ascii"))
        except BaseException:
            self.close()
            raise

    @property
    def answered(self) -> bool:
        """Whether the engine has agreed to send."""
        return self._head is None

    def read(self, wait_s: float) -> bytes | None:
        """The next bytes; b"" at the end of the stream or after cancel(); None when nothing came
        within wait_s.

        Raises ContainerGone, EngineError, OSError."""
        if self._cancelled:
            return b""
        self._socket.settimeout(wait_s)
        try:
            chunk = self._socket.recv(_READ_BYTES)
        except TimeoutError:
            return None
        except OSError:
            if self._cancelled:
                return b""
            raise
        if self._head is None:
            return chunk
        return self._begin(chunk)

    def _begin(self, chunk: bytes) -> bytes | None:
        """Take the response's head off; None while it is not whole."""
        if self._cancelled:
            return b""
        if not chunk:
            raise EngineError("the engine closed the connection without an answer")
        self._head = (self._head or b"") + chunk
        head, found, body = self._head.partition(b"\r\n\r\n")
        if not found:
            if len(self._head) > _HEADER_LIMIT_BYTES:
                raise EngineError("what listens on the engine's address does not speak HTTP")
            return None
        self._head = None
        status_line = head.split(b"\r\n", 1)[0].decode("latin-1")
        parts = status_line.split(" ", 2)
        if len(parts) < 2 or not parts[0].startswith("HTTP/") or not parts[1].isdigit():
            raise EngineError("what listens on the engine's address does not speak HTTP")
        status = int(parts[1])
        if status != 200:
            raise _refusal(status, self._rest_of(body))
        return body or None

    def _rest_of(self, body: bytes) -> bytes:
        self._socket.settimeout(1.0)
        try:
            while len(body) < _REFUSAL_LIMIT_BYTES and (chunk := self._socket.recv(4096)):
                body += chunk
        except OSError:
            return body
        return body

    def cancel(self) -> None:
        """Make read() return b"" at once, from any thread."""
        with self._lock:
            self._cancelled = True
            if self._closed:
                return
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # the far side was gone already: read() sees its end by itself

    def close(self) -> None:
        """Release the socket."""
        with self._lock:
            self._closed = True
            self._socket.close()


def _refusal(status: int, body: bytes) -> EngineError:
    try:
        message = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        message = body.decode("utf-8", "replace").strip()[:200] or f"HTTP {status}"
    if status == 404 or (status == 409 and "marked for removal" in message):
        return ContainerGone(message, status=status)
    if status == UNREADABLE_STATUS:
        return EngineError(
            f"the container's log driver cannot be read: {message}",
            fix="recreate the container with a driver that can: "
            "`docker run --log-driver json-file …`, in compose `logging: {driver: json-file}`",
            status=status,
            lasting=True,
        )
    if status == 403:
        return EngineError(
            f"a proxy before the engine refuses: {message}",
            fix="allow GET /containers and /events in the proxy's settings",
            status=status,
        )
    return EngineError(f"the engine refuses: {message} (HTTP {status})", status=status)
