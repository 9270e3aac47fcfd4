"""Executions over HTTP: `python -m bench.run_reports [RUNS] [MIB]` reports runs to a real service, and sends it a
large artifact and takes it back.

Runs are reported by so many clients at the same time, each over one connection, each request answered after its
commit, which is synced. The memory is the largest of the worker's process above what it was before."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.measure import machine, table
from bench.streams import scratch
from tests.running import NOTHING, ROOT, RunningService

RUNS = 2_000
MIB = 1_024
CLIENTS = (1, 4, 16)
PIECE = bytes(range(256)) * 1_024
PATH = "/api/executions"
ASKED = {"jobName": "nightly-report", "prompt": "오늘 체결된 주문을 계좌별로 요약하라. " * 12}
DONE = {
    "status": "COMPLETED",
    "output": "계좌 4081: 매수 12건, 매도 3건. " * 20,
    "tokensUsed": 4_081,
    "exitCode": 0,
}


class Client:
    """One connection to the service, as a program with its token."""

    def __init__(self, service: RunningService) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=120)
        self.headers = {"Authorization": f"Bearer {service.token}"}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of an answer that is 2xx."""
        self._connection.request(method, path, None if body is None else json.dumps(body), self.headers)
        return self._answered()

    def send(self, method: str, path: str, body: Iterator[bytes], size: int, **headers: str) -> Any:
        """The JSON of an answer to a body that is made while it is sent."""
        self._connection.request(method, path, body, self.headers | headers | {"Content-Length": str(size)})
        return self._answered()

    def take(self, path: str) -> tuple[int, str]:
        """Size and SHA-256 of what is at a path."""
        self._connection.request("GET", path, headers=self.headers)
        answer, size, found = self._connection.getresponse(), 0, hashlib.sha256()
        while part := answer.read(1 << 18):
            size += len(part)
            found.update(part)
        return size, found.hexdigest()

    def _answered(self) -> Any:
        answer = self._connection.getresponse()
        told = answer.read()
        if answer.status not in (200, 201):
            raise AssertionError(f"{answer.status}: {told.decode()}")
        return json.loads(told)


def three(client: Client) -> None:
    """Created, begun, ended: a request each."""
    run = client.ask("POST", PATH, ASKED)["id"]
    client.ask("PATCH", f"{PATH}/{run}", {"status": "RUNNING"})
    client.ask("PATCH", f"{PATH}/{run}", DONE)


def two(client: Client) -> None:
    """Created as it begins, and ended."""
    run = client.ask("POST", PATH, ASKED | {"status": "RUNNING"})["id"]
    client.ask("PATCH", f"{PATH}/{run}", DONE)


def one(client: Client) -> None:
    """Told as a whole when it is over."""
    client.ask("POST", PATH, ASKED | DONE)


WAYS: tuple[tuple[str, Callable[[Client], None]], ...] = (
    ("create, begin, end", three),
    ("create as it begins, end", two),
    ("told at its end", one),
)


def reports(service: RunningService, runs: int) -> list[tuple[object, ...]]:
    """Runs a second by each way, for each number of clients."""
    rows: list[tuple[object, ...]] = []
    for name, way in WAYS:
        for clients in CLIENTS:
            cpu, began = service.cpu_s(), time.perf_counter()
            _at_once(service, way, clients, runs)
            wall_s = time.perf_counter() - began
            cpu_ms = (service.cpu_s() - cpu) / runs * 1_000
            rows.append((name, clients, int(runs / wall_s), cpu_ms))
    return rows


def _at_once(service: RunningService, way: Callable[[Client], None], clients: int, runs: int) -> None:
    failed: list[BaseException] = []

    def report(share: int) -> None:
        client = Client(service)
        try:
            for _ in range(share):
                way(client)
        except (OSError, AssertionError, http.client.HTTPException) as error:
            failed.append(error)

    threads = [threading.Thread(target=report, args=(runs // clients,)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


@dataclass(frozen=True, slots=True)
class Memory:
    """The resident memory of a process in MB."""

    pid: int

    def now(self) -> float:
        """Now; what is the most from now on is counted anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        return self._mb("VmRSS")

    def most(self) -> float:
        """The most since now()."""
        return self._mb("VmHWM")

    def _mb(self, name: str) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        match = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
        return int(match.group(1)) * 1024 / 1e6 if match else 0.0


def contents(service: RunningService, mib: int) -> list[tuple[object, ...]]:
    """MB a second and memory of a large content, up by PUT and as a form, and down."""
    client, memory = Client(service), Memory(service.worker_pid)
    run = client.ask("POST", PATH, ASKED)["id"]
    size = mib << 20
    rows: list[tuple[object, ...]] = []

    def pieces() -> Iterator[bytes]:
        for _ in range(size // len(PIECE)):
            yield PIECE

    def timed(name: str, do: Callable[[], Any]) -> Any:
        before_mb, began = memory.now(), time.perf_counter()
        found = do()
        seconds = time.perf_counter() - began
        rows.append((name, int(size / 1e6 / seconds), memory.most() - before_mb))
        return found

    made = client.ask("POST", f"{PATH}/{run}/artifacts", {"fileName": "large.bin", "fileSize": size})
    there = f"/api/artifacts/{made['id']}/content"
    sent = timed("up, PUT", lambda: client.send("PUT", there, pieces(), size))
    if timed("down", lambda: client.take(there)) != (size, sent["checksum"]):
        raise AssertionError("what came back is another content")
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'
    tail = b"\r\n--b--\r\n"

    def form() -> Iterator[bytes]:
        yield head
        yield from pieces()
        yield tail

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    path, long = f"{PATH}/{run}/artifacts", len(head) + size + len(tail)
    again = timed("up, form", lambda: client.send("POST", path, form(), long, **kind))
    if again["checksum"] != sent["checksum"]:
        raise AssertionError("the form brought another content")
    return rows


def command(service: RunningService, times: int = 15) -> list[tuple[object, ...]]:
    """Milliseconds of a command alone and as a run, the median; the run is told of before it ends."""
    environment = {**os.environ, "HANTU_DSN": f"http://{service.token}@{urlsplit(service.url).netloc}"}
    rows: list[tuple[object, ...]] = []
    for name, words in (
        ("true", ["true"]),
        (
            "hantu run -- true",
            [sys.executable, str(ROOT / "app.py"), "run", "--name", "quick", "--", "true"],
        ),
    ):
        took = []
        for _ in range(times):
            began = time.perf_counter()
            subprocess.run(words, env=environment, check=True)
            took.append((time.perf_counter() - began) * 1_000)
        rows.append((name, statistics.median(took)))
    return rows


def tables(runs: int = RUNS, mib: int = MIB) -> dict[str, str]:
    """Titles and tables."""
    with scratch() as folder:
        service = RunningService(Path(folder) / "runs", NOTHING).start()
        try:
            reported = reports(service, runs)
            moved = contents(service, mib)
            wrapped = command(service)
        finally:
            service.stop()
    return {
        f"Executions over HTTP: {runs:,} runs each": table(
            ("reported", "clients", "runs/s", "CPU ms of the service"), reported
        ),
        f"An artifact of {mib:,} MiB": table(("way", "MB/s", "MB above before"), moved),
        "A command as a run": table(("command", "ms"), wrapped),
    }


if __name__ == "__main__":
    print(machine())
    for heading, shown in tables(*map(int, sys.argv[1:])).items():
        print(f"\n## {heading}\n\n{shown}")
