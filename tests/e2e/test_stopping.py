"""The end of the real service: open tails end, what was accepted is stored."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from websocket import WebSocket

from hantu.query.logquery import LogQuery
from hantu.store import open_store
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e

CLOSE_FRAME = 0x8
GOING_AWAY = 1001


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningService]:
    service = RunningService(tmp_path / "data", NOTHING)
    try:
        yield service.start()
    finally:
        service.close()


def tail(running: RunningService, query: str) -> WebSocket:
    client = WebSocket()
    client.settimeout(30)
    client.connect(running.url.replace("http", "ws", 1) + "/ws/logs", origin=running.url)
    client.send(json.dumps({"type": "subscribe-logs", "query": query}))
    return client


@pytest.mark.promise("M35", "M39")
@pytest.mark.fault_row("R20")
def test_service_ends_with_open_tails_and_loses_nothing_it_accepted(running: RunningService) -> None:
    tails = [tail(running, "marker") for _ in range(5)]
    stalled = tail(running, "line")
    host, port = running.url.removeprefix("http://").split(":")
    quiet = socket.create_connection((host, int(port)))
    quiet.sendall(f"GET /api/logs/stream HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    stream = requests.get(f"{running.url}/api/logs/stream", stream=True, timeout=30)
    wait_until(lambda: running.get("/api/stats")["tails"]["open"] == 8)

    headers = {"Authorization": f"Bearer {running.token}"}
    accepted = 0
    for number in range(12):
        lines = "\n".join(json.dumps({"message": f"line {number}.{n} {'x' * 5000}"}) for n in range(200))
        answer = requests.post(f"{running.url}/api/ingest", lines.encode(), headers=headers, timeout=30)
        accepted += answer.json()["accepted"]
    marker = requests.post(
        f"{running.url}/api/ingest", '{"message": "marker"}', headers=headers, timeout=30
    )
    accepted += marker.json()["accepted"]
    for client in tails:
        assert json.loads(client.recv())["type"] == "logs"

    assert running.stop() == 0
    for client in tails:
        opcode, data = client.recv_data()
        assert opcode == CLOSE_FRAME
        assert int.from_bytes(data[:2], "big") == GOING_AWAY
        client.shutdown()
    stream.close()
    quiet.close()
    stalled.shutdown()

    assert not (running.data_dir / "hantu.db-wal").exists()
    store = open_store(running.data_dir / "hantu.db", read_only=True)
    try:
        total = store.count(LogQuery(), cap=10**6)
    finally:
        store.close()
    assert (total.count, total.exact) == (accepted, True)


def ended_in_order(running: RunningService) -> bool:
    """Everything written, nothing left behind, nobody killed."""
    left = [name for name in ("hantu.db-wal", "control.json") if (running.data_dir / name).exists()]
    return not left and "SIGKILL" not in running.log.read_text()


@pytest.mark.parametrize(
    "sent", [b"", b"GET /heal", b"POST /api/ingest HTTP/1.1\r\nContent-Length: 1000\r\n\r\nhalf"]
)
def test_connection_that_lies_open_does_not_hold_up_the_end(running: RunningService, sent: bytes) -> None:
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as idle:
        idle.sendall(sent)
        assert running.call("POST", "/api/ingest", b'{"message": "line"}')["accepted"] == 1
        assert running.stop(timeout_s=5) == 0
    assert ended_in_order(running)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signal_to_all_processes_ends_them_in_order(running: RunningService, number: int) -> None:
    """What Ctrl-C and a closed terminal do; systemd sends TERM to all, too."""
    assert running.process is not None
    assert running.call("POST", "/api/ingest", b'{"message": "line"}')["accepted"] == 1
    os.killpg(running.process.pid, number)
    assert running.process.wait(20) == 0
    assert ended_in_order(running)


@pytest.mark.parametrize("number", [signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR1, signal.SIGUSR2])
def test_signals_that_start_other_workers_change_nothing(running: RunningService, number: int) -> None:
    assert running.process is not None
    os.kill(running.process.pid, number)
    os.kill(running.process.pid, signal.SIGCHLD)
    for _ in range(20):
        assert running.get("/healthz") == {"status": "ok"}
    assert json.loads((running.data_dir / "control.json").read_text())["pid"] == running.worker_pid
    assert running.stop() == 0
    assert ended_in_order(running)
