"""Artifacts over HTTP: what bounds them, and clients that go away; never held as a whole."""

from __future__ import annotations

import hashlib
import http.client
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest

from hantu.service import Service
from hantu.web import api_artifacts
from hantu.web.api_artifacts import AT_ONCE
from hantu.web.arriving import CHUNK_BYTES
from tests.waiting import wait_until
from tests.web.artifactdesk import CONTENT, MIB, admin, announce, files, form, put, run
from tests.web.desk import app_of, running_service, served
from tests.web.rundesk import RUNS, Runner, runner

__all__ = ["admin", "run"]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path / "small", artifact_bytes=MIB) as started:
        yield started


def test_content_above_the_limit_is_refused_by_its_length_and_while_it_comes(small: Service) -> None:
    app = app_of(small)
    admin = runner(app, small)
    run = admin.run()
    assert put(admin, announce(admin, run), b"x" * (MIB + 1)).status_code == 413
    assert form(admin, run, file=(b"x" * (MIB + 1), b"a")).status_code == 413
    announced = admin.ask(
        "POST", f"{RUNS}/{run['id']}/artifacts", json={"fileName": "a", "fileSize": MIB + 1}
    )
    assert announced.status_code == 413
    assert put(admin, announce(admin, run), b"x" * MIB).status_code == 200
    assert [path.stat().st_size for path in files(small)] == [MIB]
    with served(app) as port:
        made = announce(admin, run)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        body = (b"x" * 65_536 for _ in range(17))
        path = f"/api/artifacts/{made['id']}/content"
        connection.request("PUT", path, body, admin.headers, encode_chunked=True)
        assert connection.getresponse().status in (400, 411, 413), (
            "a length that is not told bounds nothing"
        )
        connection.close()
    assert len(files(small)) == 1


def test_client_that_goes_away_leaves_no_file(
    app: flask.Flask, service: Service, admin: Runner, run: dict[str, Any]
) -> None:
    made = announce(admin, run)
    with served(app) as port, socket.create_connection(("127.0.0.1", port)) as connection:
        head = "".join(f"{name}: {value}\r\n" for name, value in admin.headers.items())
        path = f"/api/artifacts/{made['id']}/content"
        connection.sendall(
            f"PUT {path} HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: 9000000\r\n\r\n".encode()
        )
        connection.sendall(b"x" * 1_000_000)
        wait_until(lambda: [path.suffix for path in files(service)] == [".part"])
        connection.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: files(service) == [])
    assert put(admin, made, CONTENT).status_code == 200


def test_a_run_that_sends_a_long_file_is_no_lost_one(app: flask.Flask, admin: Runner) -> None:
    run = admin.run()
    made = announce(admin, run)
    answer = admin.ask("POST", f"{RUNS}/{run['id']}/heartbeat", json={"intervalMs": 100})
    assert answer.status_code == 200, answer.text

    def last_sign() -> str:
        return str(admin.ask("GET", f"{RUNS}/{run['id']}").get_json()["heartbeatAt"])

    before = last_sign()
    with served(app) as port, socket.create_connection(("127.0.0.1", port)) as connection:
        head = "".join(f"{name}: {value}\r\n" for name, value in admin.headers.items())
        path = f"/api/artifacts/{made['id']}/content"
        connection.sendall(
            f"PUT {path} HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: 90000000\r\n\r\n".encode()
        )

        def heard_while_sending() -> bool:
            connection.sendall(b"x" * CHUNK_BYTES)
            return last_sign() > before

        wait_until(heard_while_sending)


def test_only_some_contents_come_at_the_same_time(
    app: flask.Flask, service: Service, admin: Runner, run: dict[str, Any]
) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in admin.headers.items())
    with served(app) as port:
        held = []
        for _ in range(AT_ONCE):
            connection = socket.create_connection(("127.0.0.1", port))
            path = f"/api/artifacts/{announce(admin, run)['id']}/content"
            connection.sendall(
                f"PUT {path} HTTP/1.1\r\nHost: localhost\r\n{head}Content-Length: 9\r\n\r\nx".encode()
            )
            held.append(connection)
        wait_until(lambda: len(files(service)) == AT_ONCE)
        refused = put(admin, announce(admin, run), b"x")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
        for connection in held:
            connection.close()
        wait_until(lambda: files(service) == [])
    assert put(admin, announce(admin, run), b"x").status_code == 200


def test_disk_keeps_room_for_logs(
    admin: Runner, run: dict[str, Any], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_artifacts, "FREE_BYTES", 1 << 60)
    refused = put(admin, announce(admin, run), b"x")
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (503, "disk_full")
    assert files(service) == []


def _kib(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found.group(1))


@pytest.mark.parametrize("way", ["put", "form"])
def test_large_content_goes_up_and_down_in_little_memory(
    app: flask.Flask, admin: Runner, run: dict[str, Any], way: str
) -> None:
    """Sent and received here, too: what both sides hold counts."""
    pieces, piece = 160, bytes(range(256)) * 4096
    head, tail = b"", b""
    path = f"{RUNS}/{run['id']}/artifacts"
    headers = dict(admin.headers)
    if way == "form":
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'
        tail = b"\r\n--b--\r\n"
        headers["Content-Type"] = "multipart/form-data; boundary=b"
    else:
        path = f"/api/artifacts/{announce(admin, run, fileName='large.bin')['id']}/content"
    headers["Content-Length"] = str(len(head) + pieces * len(piece) + len(tail))
    with served(app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        Path("/proc/self/clear_refs").write_text("5")
        before_kib = _kib("VmRSS")
        body = (part for part in (head, *[piece] * pieces, tail) if part)
        connection.request("POST" if way == "form" else "PUT", path, body, headers)
        answer = connection.getresponse()
        assert answer.status in (200, 201)
        there = flask.json.loads(answer.read())
        connection.request("GET", f"/api/artifacts/{there['id']}/content", headers=admin.headers)
        answer = connection.getresponse()
        found = hashlib.sha256()
        while part := answer.read(1 << 16):
            found.update(part)
        connection.close()
        assert _kib("VmHWM") - before_kib < 30 * 1024
    assert found.hexdigest() == there["checksum"]
    assert there["fileSize"] == pieces * len(piece)
