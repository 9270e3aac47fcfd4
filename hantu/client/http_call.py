"""One HTTP exchange after the other with one server, each within a time limit. Standard library only.

Nothing that is raised here names the address: it may hold a token."""

from __future__ import annotations

import base64
import contextlib
import http.client
import ipaddress
import os
import socket
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from hantu.client.address import address_of

if TYPE_CHECKING:
    from urllib.parse import SplitResult

BODY_BYTES_MOST: Final = 1 << 20
RETRY_AFTER_MOST_S: Final = 3600.0


class CallError(Exception):
    """There was no answer; says why, never where."""


class Answer(NamedTuple):
    """What the server said. retry_after_s: the wait that it asks for, if any."""

    status: int
    body: bytes
    retry_after_s: float | None


class Caller:
    """A connection to one server, kept open between calls and opened anew when it has gone.

    url: scheme, host, port, path prefix. connect_limit_s bounds reaching the server, answer_limit_s
    the answer after that. One call at a time; cancel() may come from another thread."""

    def __init__(self, url: str, *, connect_limit_s: float, answer_limit_s: float) -> None:
        self._address = address_of(url)
        self._connect_limit_s = connect_limit_s
        self._answer_limit_s = answer_limit_s
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._through = ""

    @property
    def place(self) -> str:
        """Host and port: what may be shown."""
        return self._address.place

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer to POST. Raises CallError."""
        return self._call("POST", path, body, headers)

    def send(
        self, method: str, path: str, body: bytes | BinaryIO | None, headers: Mapping[str, str]
    ) -> Answer:
        """The answer to any method. body: a file is sent in parts; name its Content-Length; the time limit
        of the answer begins behind it. Raises CallError."""
        return self._call(method, path, body, headers)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to GET. Raises CallError."""
        return self._call("GET", path, None, headers or {})

    def cancel(self) -> None:
        """Let a call that is under way in another thread fail now."""
        connection, held = self._connection, self._socket
        if held is None and connection is not None:
            held = connection.sock
        if held is not None:
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection; the next call opens one."""
        connection, self._connection, self._socket = self._connection, None, None
        if connection is not None:
            connection.close()

    def _call(
        self, method: str, path: str, body: bytes | BinaryIO | None, headers: Mapping[str, str]
    ) -> Answer:
        reused = self._connection is not None
        began_at = 0 if body is None or isinstance(body, bytes) else body.tell()
        try:
            answer, reason = self._exchange(method, path, body, headers)
            if answer is None and reused and reason != _LATE:
                # A server may close a connection that rests just as it is used again.
                if body is not None and not isinstance(body, bytes):
                    body.seek(began_at)
                answer, reason = self._exchange(method, path, body, headers)
        finally:
            if self._connection is not None and self._connection.sock is None:
                self.close()
        if answer is None:
            raise CallError(reason.format(limit_s=self._answer_limit_s))
        return answer

    def _exchange(
        self, method: str, path: str, body: bytes | BinaryIO | None, headers: Mapping[str, str]
    ) -> tuple[Answer | None, str]:
        """The answer, or None and why. Nothing is raised: no error may hang on one with the address."""
        try:
            connection = self._connection or self._connect()
            until = time.monotonic() + self._answer_limit_s
            self._limit(until)
            connection.request(method, f"{self._through}{self._address.prefix}{path}", body, dict(headers))
            if body is not None and not isinstance(body, bytes):
                until = time.monotonic() + self._answer_limit_s
                self._limit(until)
            response = connection.getresponse()
            parts: list[bytes] = []
            size = 0
            while size < BODY_BYTES_MOST:
                self._limit(until)
                part = response.read1(1 << 16)
                if not part:
                    break
                parts.append(part)
                size += len(part)
            else:
                self.close()
            answer = Answer(response.status, b"".join(parts), _seconds(response.headers.get("Retry-After")))
            # read1() does not end a response of known length, and one that has not ended blocks the next.
            response.close()
            if response.will_close:
                self.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            return None, _reason(error)
        return answer, ""

    def _connect(self) -> http.client.HTTPConnection:
        secure, own_host, own_port, _ = self._address
        proxy = _proxy("https" if secure else "http", own_host)
        host, port = (own_host, own_port) if proxy is None else (proxy.hostname, proxy.port)
        headers = _proxy_headers(proxy)
        if secure:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host or "", port, timeout=self._connect_limit_s
            )
            if proxy is not None:
                connection.set_tunnel(own_host, own_port, headers)
        else:
            connection = http.client.HTTPConnection(host or "", port, timeout=self._connect_limit_s)
            self._through = "" if proxy is None else f"http://{own_host}:{own_port}"
        # Known before it is connected, so that cancel() can reach a handshake, too.
        self._connection = connection
        connection.connect()
        # The connection forgets its socket once it knows that the server closes after the answer.
        self._socket = connection.sock
        return connection

    def _limit(self, until: float) -> None:
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        if self._socket is not None:
            self._socket.settimeout(left_s)


_LATE: Final = "did not answer within {limit_s:g} s"


def _reason(error: Exception) -> str:
    """Why there was no answer, without any text that could hold the address."""
    if isinstance(error, TimeoutError):
        return _LATE
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError):
        return "the connection was closed without an answer"
    if isinstance(error, http.client.HTTPException):
        return f"the answer is no HTTP ({type(error).__name__})"
    if isinstance(error, OSError):
        verdict = getattr(error, "verify_message", "") or (os.strerror(error.errno) if error.errno else "")
        return (verdict or type(error).__name__).replace("{", "(").replace("}", ")")
    return f"the address cannot be used ({type(error).__name__})"


def _seconds(value: str | None) -> float | None:
    """Retry-After as seconds; of a date nothing is made."""
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return min(seconds, RETRY_AFTER_MOST_S) if seconds >= 0 else None


def is_loopback(host: str) -> bool:
    """Whether the host is this machine's own address."""
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _proxy(scheme: str, host: str) -> SplitResult | None:
    """The proxy that the environment asks for; none for this machine itself."""
    named = [name for name in os.environ if name.lower() == f"{scheme}_proxy" and os.environ[name]]
    if not named or is_loopback(host):
        return None
    from urllib.request import getproxies_environment, proxy_bypass

    if proxy_bypass(host):
        return None
    address = getproxies_environment().get(scheme, "")
    parts = urlsplit(address if "//" in address else f"http://{address}")
    return parts if parts.hostname else None


def _proxy_headers(proxy: SplitResult | None) -> dict[str, str]:
    if proxy is None or proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
