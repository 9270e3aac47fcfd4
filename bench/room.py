"""`python -m bench.room [TAILS …]`: the memory and the threads that live tails take, for the unit's limits.

The real service, PER_SECOND lines pushed a second for SECONDS, each sent to every tail."""

from __future__ import annotations

import json
import selectors
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from websocket import WebSocket

from hantu.threads import Worker
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

PER_SECOND: Final = 2_000
SECONDS: Final = 60
_STEP_S: Final = 0.1
_CHUNK: Final = 1 << 18


@dataclass(slots=True)
class Room:
    """The most that was seen of the service's two processes together."""

    memory_mb: float = 0.0
    threads: int = 0

    def look(self, pids: tuple[int, ...]) -> None:
        """Take the figures of now."""
        found = [_status(pid) for pid in pids]
        self.memory_mb = max(self.memory_mb, sum(each["VmRSS"] for each in found) / 1000)
        self.threads = max(self.threads, sum(each["Threads"] for each in found))


def _status(pid: int) -> dict[str, int]:
    """The numbers of /proc/PID/status; memory in kB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    pairs = (line.split(":", 1) for line in lines)
    return {name: int(words[0]) for name, text in pairs if (words := text.split()) and words[0].isdigit()}


class Tails:
    """So many live tails of everything; what comes is taken and thrown away."""

    def __init__(self, service: RunningService, count: int) -> None:
        self.received_bytes = 0
        self._clients = []
        for _ in range(count):
            client = WebSocket()
            client.connect(service.url.replace("http", "ws", 1) + "/ws/logs", origin=service.url)
            client.send(json.dumps({"type": "subscribe-logs", "minLevel": "trace"}))
            self._clients.append(client)
        self._worker = Worker("tails", self._read)
        self._worker.start()

    def _read(self, stop: threading.Event) -> None:
        with selectors.DefaultSelector() as selector:
            for client in self._clients:
                selector.register(client.sock, selectors.EVENT_READ)
            while not stop.is_set():
                for key, _ in selector.select(_STEP_S):
                    self.received_bytes += len(key.fileobj.recv(_CHUNK))  # type: ignore[union-attr]  # a socket

    def end(self) -> None:
        """Close them all."""
        self._worker.stop()
        self._worker.join(10)
        for client in self._clients:
            client.shutdown()


def room(tails: int) -> tuple[Room, Room, int]:
    """Without tails and load, with both, and the bytes that all tails got."""
    with tempfile.TemporaryDirectory(prefix="hantu-bench-") as folder:
        settings = NOTHING | {"HANTU_TAIL_CLIENTS": str(tails)}
        service = RunningService(Path(folder, "data"), settings).start()
        try:
            assert service.process is not None
            pids = (service.process.pid, service.worker_pid)
            idle, busy = Room(), Room()
            idle.look(pids)
            clients = Tails(service, tails)
            wait_until(lambda: service.get("/api/stats")["tails"]["open"] == tails, 60)
            began = time.monotonic()
            for step in range(int(SECONDS / _STEP_S)):
                time.sleep(max(0.0, began + step * _STEP_S - time.monotonic()))
                lines = (f"request {step} handled in {n} ms" for n in range(int(PER_SECOND * _STEP_S)))
                body = "\n".join(json.dumps({"message": line}) for line in lines)
                service.call("POST", "/api/ingest", body.encode())
                busy.look(pids)
            clients.end()
            return idle, busy, clients.received_bytes
        finally:
            service.stop()
            service.close()


def main() -> None:
    """Measure and print a table."""
    print("| tails | MB idle | MB most | threads idle | threads most | MB/s sent |")
    print("|---:|---:|---:|---:|---:|---:|")
    for tails in [int(word) for word in sys.argv[1:]] or [64]:
        idle, busy, sent = room(tails)
        print(
            f"| {tails} | {idle.memory_mb:.0f} | {busy.memory_mb:.0f} | {idle.threads} | {busy.threads} "
            f"| {sent / 1e6 / SECONDS:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
