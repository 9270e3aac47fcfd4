"""The real service under load: pushes, files, containers, live tails."""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import websocket

from bench.measure import Work
from hantu.model import LogEntry
from hantu.threads import Worker
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

PUSH_LINES = 10_000


def _stored(service: RunningService) -> int:
    return int(service.get("/api/stats")["entries"])


def _until_stored(service: RunningService, count: int, timeout_s: float) -> None:
    wait_until(lambda: _stored(service) >= count, timeout_s, every_s=0.1)


def push(folder: Path, entries: Sequence[LogEntry]) -> Work:
    """NDJSON over HTTP, in requests of 10,000 lines, each answered after its commit."""
    bodies = [
        b"\n".join(msgspec.json.encode(_wire(entry)) for entry in entries[at : at + PUSH_LINES])
        for at in range(0, len(entries), PUSH_LINES)
    ]
    service = RunningService(folder / "push", NOTHING).start()
    try:
        cpu, began = service.cpu_s(), time.perf_counter()
        for body in bodies:
            service.call("POST", "/api/ingest", body)
        wall = time.perf_counter() - began
        return Work(len(entries), wall, service.cpu_s() - cpu)
    finally:
        service.stop()


def _wire(entry: LogEntry) -> dict[str, object]:
    return {
        "source": entry.source,
        "sourceId": entry.source_id,
        "level": entry.level.label,
        "message": entry.message,
        "timestamp": entry.time_ns,
        "metadata": entry.metadata or {},
    }


def idle_start(folder: Path) -> Work:
    """What it takes to start a service that collects nothing until it answers: the least of three."""
    started = []
    for number in range(3):
        service = RunningService(folder / f"start{number}", NOTHING)
        began = time.perf_counter()
        service.start()
        try:
            _stored(service)
            started.append(Work(0, time.perf_counter() - began, service.cpu_s()))
        finally:
            service.stop()
    return Work(0, min(work.wall_s for work in started), min(work.cpu_s for work in started))


def reading(service: RunningService, count: int, start: Work) -> Work:
    """Start the service and wait until it has stored `count` entries that are there already; what
    `start` says that a start takes is subtracted."""
    began = time.perf_counter()
    service.start()
    try:
        _until_stored(service, count, 600)
        wall_s, cpu_s = time.perf_counter() - began, service.cpu_s()
        return Work(count, wall_s - start.wall_s, cpu_s - start.cpu_s)
    finally:
        service.stop()


def tail_file(folder: Path, lines: Sequence[str], start: Work) -> Work:
    """A file that is there at the start, read from its start to its end."""
    log = folder / "tail.log"
    log.write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = NOTHING | {"HANTU_FILES": str(log), "HANTU_FILES_FROM": "start"}
    return reading(RunningService(folder / "tail", settings), len(lines), start)


def file_line(entry: LogEntry) -> str:
    """An entry as the text line of a file; line ends within it stay."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(entry.time_ns // 10**9))
    message = entry.message.replace("\n", " ")
    return f"{stamp}.{entry.time_ns // 1000 % 10**6:06d}Z {entry.level.label.upper():5} {entry.source_id.rsplit('/', 1)[-1]}: {message}"


@dataclass(frozen=True, slots=True)
class Live:
    """What the live readers saw. delays in ms from the commit to the client."""

    lines: int
    received: int
    skipped: int
    p50_ms: float
    p99_ms: float
    rss_first_mb: float
    rss_last_mb: float
    cpu_share: float
    page_ms: float


class _Reader:
    def __init__(self, service: RunningService) -> None:
        self.delays: list[float] = []
        self.received = 0
        self.skipped = 0
        self._socket = websocket.create_connection(
            service.url.replace("http", "ws") + "/ws/logs",
            header=[f"Authorization: Bearer {service.token}"],
            timeout=10,
            skip_utf8_validation=True,
        )
        self._socket.send(json.dumps({"type": "subscribe-logs", "minLevel": "trace", "timestamp": 0}))
        self._worker = Worker("reader", self._read)
        self._worker.start()

    def _read(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                # Bytes, looked at no closer than needed: twenty readers share one processor here.
                _, frame = self._socket.recv_data()
            except (websocket.WebSocketException, OSError):
                return
            now = time.time()
            if frame.startswith(b'{"type":"skipped"'):
                self.skipped += json.loads(frame)["count"]
            elif frame.startswith(b'{"type":"logs"'):
                self.received += frame.count(b'"message":')
                # The newest line carries the time at which it was sent.
                sent = frame.rindex(b"@") + 1
                self.delays.append((now - float(frame[sent : sent + 17])) * 1000)

    def end(self) -> None:
        self._worker.stop()
        self._socket.close()
        self._worker.join(5)


def live(folder: Path, *, per_second: int = 10_000, seconds: int = 60, readers: int = 20) -> Live:
    """`readers` tails of everything while `per_second` lines a second are pushed for `seconds`.

    The delay is counted from the end of the push that brought a line, which is answered after the
    commit; it contains the waits of the tail and of this client itself."""
    service = RunningService(folder / "live", NOTHING).start()
    try:
        tails = [_Reader(service) for _ in range(readers)]
        step_s, batch = 0.1, per_second // 10
        first_rss, cpu, began = service.rss_bytes(), service.cpu_s(), time.time()
        pages: list[float] = []
        for step in range(int(seconds / step_s)):
            due = began + step * step_s
            time.sleep(max(0.0, due - time.time()))
            body = b"\n".join(
                b'{"message":"line %d of the live bench, request handled in 12 ms @%.6f"}'
                % (at, time.time())
                for at in range(batch)
            )
            service.call("POST", "/api/ingest", body)
            if step == 50:
                first_rss = service.rss_bytes()
            if step % 50 == 25:
                asked = time.perf_counter()
                service.get("/api/logs?limit=100")
                pages.append((time.perf_counter() - asked) * 1000)
        wall = time.time() - began
        time.sleep(1)
        used, last_rss = service.cpu_s() - cpu, service.rss_bytes()
        for tail in tails:
            tail.end()
        delays = sorted(delay for tail in tails for delay in tail.delays)
        return Live(
            lines=int(seconds / step_s) * batch,
            received=min(tail.received for tail in tails),
            skipped=max(tail.skipped for tail in tails),
            p50_ms=delays[len(delays) // 2],
            p99_ms=delays[int(len(delays) * 0.99)],
            rss_first_mb=first_rss / 1e6,
            rss_last_mb=last_rss / 1e6,
            cpu_share=used / wall,
            page_ms=statistics.median(pages),
        )
    finally:
        service.stop()


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder for the databases of one run."""
    return tempfile.TemporaryDirectory(prefix="hantu-bench-")
