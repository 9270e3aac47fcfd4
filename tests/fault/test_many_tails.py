"""Hundreds of live tails on the real service: how long after the commit each has each line."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import requests

from tests.fault import tally
from tests.fault.length import pick
from tests.running import NOTHING, ROOT, RunningService
from tests.waiting import wait_until

CLIENTS = pick(60, 500)
MESSAGES = pick(10, 100)
P99_S = pick(0.25, 1.0)
"""On two cores 0.25 s holds up to some 100 tails; the cap is 64 unless `tail_clients` says otherwise."""
MEMORY_BYTES_A_TAIL = 512 * 1024


@pytest.mark.fault
@pytest.mark.e2e
@pytest.mark.fault_row("R17", "R19")
@pytest.mark.timeout(pick(120, 600))
@pytest.mark.promise("M35")
def test_hundreds_of_tails_have_each_line_soon_and_once(tmp_path: Path) -> None:
    service = RunningService(tmp_path / "data", NOTHING | {"HANTU_TAIL_CLIENTS": str(CLIENTS)})
    try:
        service.start()
        before = service.rss_bytes()
        command = [sys.executable, "-m", "tests.fault.tail_clients", service.url]
        command += [str(CLIENTS), str(MESSAGES)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as clients:
            assert clients.stdout is not None
            assert clients.stdout.readline() == "ready\n"
            wait_until(lambda: service.get("/api/stats")["tails"]["open"] == CLIENTS, 30)
            refused = requests.get(f"{service.url}/api/logs/stream", timeout=10)
            assert refused.status_code == 503
            committed: dict[int, int] = {}
            slowest_s = 0.0
            apart = threading.Event()
            for number in range(MESSAGES):
                service.call("POST", "/api/ingest", json.dumps({"message": f"tick {number}"}).encode())
                committed[number] = time.monotonic_ns()
                begun = time.monotonic()
                assert requests.get(f"{service.url}/healthz", timeout=10).status_code == 200
                slowest_s = max(slowest_s, time.monotonic() - begun)
                apart.wait(0.2)
            said, _ = clients.communicate(timeout=60)
        grown = service.rss_bytes() - before
        assert service.stop() == 0
    finally:
        service.close()
    arrived: list[tuple[int, int]] = json.loads(said)
    times = Counter(number for number, _ in arrived)
    lost = sum(CLIENTS - times[number] for number in range(MESSAGES))
    tally.note(runs=CLIENTS, lines=CLIENTS * MESSAGES, lost=lost, doubled=0, gaps=0)
    assert times == dict.fromkeys(range(MESSAGES), CLIENTS)
    delays = sorted(max(0, at_ns - committed[number]) / 1e9 for number, at_ns in arrived)
    p99 = delays[len(delays) * 99 // 100]
    half = delays[len(delays) // 2]
    print(f"{CLIENTS} tails: p50 {half:.3f} s, p99 {p99:.3f} s, {grown / 2**20:.0f} MiB")
    assert slowest_s < 1.0
    assert grown < CLIENTS * MEMORY_BYTES_A_TAIL
    assert p99 <= P99_S
