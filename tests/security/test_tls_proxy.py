"""Behind nginx and Caddy with https, as docs/security.md tells it (S22)."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest
import websocket

from tests.running import NOTHING, RunningService
from tests.security import caddy, nginx
from tests.waiting import PATIENCE
from tests.web.peopledesk import PASSWORD

NAME = "logs.example.com"
Proxy = Callable[[Path, RunningService, int, Path, Path], AbstractContextManager[None]]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    settings = {
        **NOTHING,
        "HANTU_ALLOWED_HOSTS": NAME,
        "HANTU_TRUSTED_PROXIES": "127.0.0.1",
        "HANTU_PROXY_LOGIN_HEADER": "Remote-User",
        "HANTU_PROXY_LOGIN_ROLE": "admin",
    }
    service = RunningService(tmp_path / "data", settings)
    try:
        yield service.start()
    finally:
        service.close()


def certificate(folder: Path) -> tuple[Path, Path]:
    key, pem = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "1", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"),
            *("-keyout", str(key), "-out", str(pem)),
        ],
        check=True,
        capture_output=True,
    )
    return key, pem


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Visitor:
    """A browser at 127.0.0.2 that trusts the certificate."""

    def __init__(self, port: int, pem: Path) -> None:
        self.context = ssl.create_default_context(cafile=str(pem))
        self.port = port
        self.cookie = ""
        self.host = f"{NAME}:{port}"

    def connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), 20, source_address=("127.0.0.2", 0))
        return self.context.wrap_socket(plain, server_hostname=NAME)

    def ask(
        self, method: str, path: str, form: dict[str, str] | None = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, str]:
        connection = http.client.HTTPSConnection(NAME, self.port)
        connection.sock = self.connect()
        sent = {"Host": self.host, "Cookie": self.cookie, **headers}
        if form is not None:
            sent |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{self.host}"}
        connection.request(method, path, urlencode(form) if form is not None else None, sent)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text


@contextmanager
def by_nginx(folder: Path, service: RunningService, port: int, key: Path, pem: Path) -> Iterator[None]:
    changes = {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/certs/logs.example.com.pem": str(pem),
        "/etc/ssl/private/logs.example.com.key": str(key),
        "http://127.0.0.1:8514": service.url,
    }
    with nginx.running(folder, nginx.RECIPES[0], changes):
        yield


@contextmanager
def by_caddy(folder: Path, service: RunningService, port: int, key: Path, pem: Path) -> Iterator[None]:
    desk = service.url.removeprefix("http://")
    with caddy.running(folder, port=port, desk=desk, key=key, pem=pem):
        yield


@pytest.mark.e2e
@pytest.mark.parametrize("proxy", [by_nginx, by_caddy])
def test_the_recipes_serve_pages_and_live_tails_by_https(
    tmp_path: Path, service: RunningService, proxy: Proxy
) -> None:
    service.call(
        "POST", "/api/accounts", json.dumps({"name": "jin", "role": "admin", "password": PASSWORD}).encode()
    )
    key, pem = certificate(tmp_path)
    port = free_port()
    with proxy(tmp_path, service, port, key, pem):
        visitor = Visitor(port, pem)
        status, headers, _ = visitor.ask("GET", "/logs?q=x", **{"Remote-User": "jin"})
        assert (status, headers["Location"]) == (303, "/login?next=/logs%3Fq%3Dx"), (
            "what visitors say is removed"
        )
        status, headers, _ = visitor.ask("POST", "/login", {"name": "jin", "password": PASSWORD})
        assert status == 303
        cookie = headers["Set-Cookie"]
        assert cookie.startswith("__Host-hantu=")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        visitor.cookie = cookie.partition(";")[0]
        forged = {"Accept-Language": "en", "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "http"}
        status, _, text = visitor.ask("GET", "/settings/sessions", **forged)
        assert (status, "127.0.0.2" in text) == (200, True), "the visitor's address, not the proxy's"
        assert "192.0.2.7" not in text, "nor what it says of itself"
        status, _, _ = visitor.ask("POST", "/status/cleanup", {"days": "7"})
        assert status == 303
        tail = websocket.create_connection(
            f"wss://{visitor.host}/ws/logs",
            socket=visitor.connect(),
            header={"Cookie": visitor.cookie},
            origin=f"https://{visitor.host}",
            host=visitor.host,
        )
        tail.send(json.dumps({"type": "subscribe-logs", "timestamp": 0}))
        # A line that is stored before the tail has begun is not for it: then another one is sent.
        tail.settimeout(1)
        end = time.monotonic() + 20 * PATIENCE
        said = ""
        while "through the proxy" not in said and time.monotonic() < end:
            service.call("POST", "/api/ingest", b'{"message": "through the proxy"}')
            with suppress(websocket.WebSocketTimeoutException):
                said = str(tail.recv())
        assert "through the proxy" in said
        tail.settimeout(20 * PATIENCE)
        stream = visitor.connect()
        stream.sendall(
            "\r\n".join(
                (
                    "GET /api/logs/stream HTTP/1.1",
                    f"Host: {visitor.host}",
                    f"Cookie: {visitor.cookie}",
                    "\r\n",
                )
            ).encode()
        )
        stream.settimeout(1)
        end = time.monotonic() + 20 * PATIENCE
        said = ""
        while "by events" not in said and time.monotonic() < end:
            service.call("POST", "/api/ingest", b'{"message": "by events"}')
            with suppress(TimeoutError):
                said += stream.recv(65_536).decode(errors="replace")
        assert "by events" in said, "events come as they happen, not when a buffer is full"
        stream.close()
        # A new password ends the session, and the tail with it.
        service.call(
            "PUT", "/api/accounts/jin/password", json.dumps({"password": "another long one"}).encode()
        )
        while (frame := tail.recv_frame()).opcode != websocket.ABNF.OPCODE_CLOSE:
            continue
        assert int.from_bytes(frame.data[:2]) == 1008
        tail.close()
        assert visitor.ask("GET", "/logs")[0] == 303
