"""`python -m bench.soak --minutes 10 --rate 2000`: one service under steady load, and what becomes of its memory.

Lines come by HTTP, from a file that is rotated, and, as root, from a journal of their own; three live tails
are open; a page or an answer of the API is asked for every second; entries older than a minute are removed
every twenty seconds. Every line has a number: at the end none may be missing, none be there twice."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests
import websocket

from bench.measure import machine, table
from bench.soak_lines import HandOver, Ledger, LogFile, Writer, journalling, pushing, shapes
from bench.streams import scratch
from hantu.threads import Worker
from tests.journald import JOURNALD, private_journal
from tests.running import NOTHING, RunningService

KEEP_S: Final = 60.0
CLEAN_EVERY_S: Final = 20.0
ASK_EVERY_S: Final = 1.0
SHARES: Final = {"http": 0.5, "file": 0.35, "journal": 0.15}
"""What part of all lines comes which way; without a journal its part comes by HTTP."""
TAILS: Final = ({}, {"minLevel": "error"}, {"query": "주문"})
QUESTIONS: Final = (
    "/logs",
    "/logs?q=level:error",
    "/logs?q=주문&since=1m",
    "/api/logs?q=request",
    "/api/logs?q=%22connection+refused%22",
    "/api/logs?q=/time(d|out)/",
    "/api/logs?q=status:500",
    "/api/logs/histogram?q=level:>=warn",
    "/api/logs/facets",
    "/api/logs/patterns?since=1m",
    "/errors",
    "/api/errors/stats?by=service",
    "/sources",
    "/status",
    "/metrics",
    "/api/stats",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """The service's memory at one moment, MB. own: what it shares with no other process."""

    at_s: float
    rss: float
    pss: float
    own: float


@dataclass(frozen=True, slots=True)
class Soak:
    """What a soak saw. others: lines without a number, of hantu itself. asked: seconds of each question."""

    seconds: float
    written: dict[str, int]
    missing: dict[str, int]
    doubled: int
    others: int
    removed: int
    tailed: tuple[int, ...]
    skipped: int
    asked: tuple[float, ...]
    refused: tuple[str, ...]
    samples: tuple[Sample, ...]
    cpu_share: float
    entries: int
    size_mb: float

    @property
    def rss_most(self) -> float:
        """MB resident, at most."""
        return max(sample.rss for sample in self.samples)

    def slope(self) -> float:
        """MB a minute by which the resident memory grew over the second half."""
        return slope_mb_min(
            [(each.at_s, each.rss) for each in self.samples if each.at_s > self.seconds / 2]
        )


def slope_mb_min(points: list[tuple[float, float]]) -> float:
    """The slope of a straight line through points of (seconds, MB), in MB a minute."""
    count = len(points)
    mean_s, mean_mb = (sum(each[at] for each in points) / count for at in (0, 1))
    spread = sum((at_s - mean_s) ** 2 for at_s, _ in points)
    if not spread:
        return 0.0
    return 60 * sum((at_s - mean_s) * (mb - mean_mb) for at_s, mb in points) / spread


class Tail:
    """A live tail that counts what it receives."""

    def __init__(self, service: RunningService, asks: dict[str, str]) -> None:
        self.received = 0
        self.skipped = 0
        self._socket = websocket.create_connection(
            service.url.replace("http", "ws") + "/ws/logs",
            header=[f"Authorization: Bearer {service.token}"],
            timeout=30,
            skip_utf8_validation=True,
        )
        asked = {"type": "subscribe-logs", "minLevel": "trace", "timestamp": 0} | asks
        self._socket.send(json.dumps(asked))
        self._worker = Worker("soak-tail", self._read)
        self._worker.start()

    def _read(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                frame = self._socket.recv()
            except (websocket.WebSocketException, OSError):
                return
            said = json.loads(frame)
            if said["type"] == "logs":
                self.received += len(said["data"])
            elif said["type"] == "skipped":
                self.skipped += said["count"]

    def end(self) -> None:
        """Close it."""
        self._worker.stop()
        self._socket.close()
        self._worker.join(5)


class Asking:
    """Asks one question after the other, one a second, as people with pages do."""

    def __init__(self, service: RunningService) -> None:
        self.took: list[float] = []
        self.refused: list[str] = []
        self._service = service
        self._worker = Worker("soak-asking", self._ask)
        self._worker.start()

    def _ask(self, stop: threading.Event) -> None:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self._service.token}"
        for path in itertools.cycle(QUESTIONS):
            began = time.perf_counter()
            answer = session.get(self._service.url + path, timeout=60)
            self.took.append(time.perf_counter() - began)
            if answer.status_code != requests.codes.ok:
                self.refused.append(f"{answer.status_code} {path}")
            if stop.wait(ASK_EVERY_S):
                return

    def end(self) -> None:
        """Ask no more. Raises what kept it from asking."""
        self._worker.stop()
        self._worker.join(60)
        if self._worker.last_error is not None:
            raise RuntimeError(f"asking failed: {self._worker.last_error}")


def memory(pid: int, at_s: float) -> Sample:
    """What the process has resident now."""
    parts = {"Rss": 0, "Pss": 0, "Private_Clean": 0, "Private_Dirty": 0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
        name, value = line.split(":")
        if name in parts:
            parts[name] = int(value.split()[0]) * 1024
    own = parts["Private_Clean"] + parts["Private_Dirty"]
    return Sample(at_s, parts["Rss"] / 1e6, parts["Pss"] / 1e6, own / 1e6)


@contextlib.contextmanager
def _written(
    folder: Path, per_second: int, *, keep_s: float
) -> Iterator[tuple[RunningService, list[Writer]]]:
    """A service, and the writers whose lines it collects; not started yet."""
    (folder / "logs").mkdir()
    entries = shapes()
    settings = NOTHING | {
        "HANTU_FILES": f"{folder}/logs/*.log",
        "HANTU_FILES_FROM": "start",
        "HANTU_RETENTION_DAYS": f"{keep_s / 86_400:.6f}",
    }
    shares = dict(SHARES)
    with contextlib.ExitStack() as stack:
        ways: dict[str, HandOver] = {}
        if os.geteuid() == 0 and JOURNALD.exists():
            journal = stack.enter_context(private_journal())
            settings |= {"HANTU_JOURNAL": "auto", "HANTU_JOURNAL_NAMESPACE": journal.namespace}
            ways["journal"] = journalling(journal)
        else:
            shares["http"] += shares.pop("journal")
        file = stack.enter_context(contextlib.closing(LogFile(folder / "logs" / "shop.log")))
        service = RunningService(folder / "data", settings)
        stack.callback(service.close)
        ways |= {"http": pushing(service), "file": file.hand_over}
        yield (
            service,
            [
                Writer(name, round(per_second * share), entries, ways[name])
                for name, share in shares.items()
            ],
        )


def soak(
    folder: Path,
    *,
    seconds: float,
    per_second: int,
    keep_s: float = KEEP_S,
    clean_every_s: float = CLEAN_EVERY_S,
    say: bool = False,
) -> Soak:
    """Write, ask, follow and remove for so long."""
    with _written(folder, per_second, keep_s=keep_s) as (service, writers):
        service.start()
        ledger = Ledger(service.data_dir / "hantu.db")
        ledger.start()
        tails = [Tail(service, asks) for asks in TAILS]
        asking = Asking(service)
        cpu, began = service.cpu_s(), time.monotonic()
        for writer in writers:
            writer.start()
        samples: list[Sample] = []
        removed, clean_at = 0, keep_s
        while (at_s := time.monotonic() - began) < seconds:
            samples.append(memory(service.worker_pid, at_s))
            if say and len(samples) % 30 == 1:
                print(
                    f"{at_s:4.0f} s  {samples[-1].rss:6.1f} MB  {ledger.arrived:,} lines", file=sys.stderr
                )
            if at_s > clean_at:
                clean_at += clean_every_s
                # A line that comes late must be seen before it goes.
                ledger.wait(sum(writer.written for writer in writers))
                removed += remove(service, keep_s)
            time.sleep(max(0.0, began + len(samples) - time.monotonic()))
        for writer in writers:
            writer.end()
        took = time.monotonic() - began
        used = service.cpu_s() - cpu
        asking.end()
        written = {writer.name: writer.written for writer in writers}
        with contextlib.suppress(AssertionError):
            # What does not come is told as missing.
            ledger.wait(sum(written.values()))
        ledger.stop()
        for tail in tails:
            tail.end()
        found = service.get("/api/stats")
        service.stop()
    return Soak(
        seconds=took,
        written=written,
        missing={name: ledger.missing(name, count) for name, count in written.items()},
        doubled=ledger.doubled,
        others=ledger.others,
        removed=removed,
        tailed=tuple(tail.received for tail in tails),
        skipped=sum(tail.skipped for tail in tails),
        asked=tuple(asking.took),
        refused=tuple(asking.refused),
        samples=tuple(samples),
        cpu_share=used / took,
        entries=found["entries"],
        size_mb=found["sizeBytes"] / 1e6,
    )


def remove(service: RunningService, keep_s: float) -> int:
    """Have what is older removed, as the daily maintenance does; how many entries went."""
    body = json.dumps({"retentionDays": keep_s / 86_400}).encode()
    return int(service.call("POST", "/api/cleanup", body)["deleted"])


def report(seen: Soak) -> str:
    """What a soak saw, as Markdown."""
    lines = sum(seen.written.values())
    asked = sorted(seen.asked)
    ways = ", ".join(f"{count:,} by {name}" for name, count in seen.written.items())
    quarters = [
        [each for each in seen.samples if at <= 4 * each.at_s / seen.seconds < at + 1] for at in range(4)
    ]
    rows: list[tuple[object, ...]] = [
        (f"{at + 1} of 4", *(sum(values) / len(values) for values in _columns(quarter)))
        for at, quarter in enumerate(quarters)
        if quarter
    ]
    return (
        f"{lines:,} lines in {seen.seconds:.0f} s ({lines / seen.seconds:,.0f} a second: {ways}); "
        f"{sum(seen.missing.values()):,} missing, {seen.doubled:,} doubled; {seen.removed:,} removed meanwhile, "
        f"{seen.entries:,} in {seen.size_mb:.0f} MB at the end.\n\n"
        f"Memory at most {seen.rss_most:.0f} MB resident; over the second half {seen.slope():+.2f} MB a minute; "
        f"{seen.cpu_share:.0%} of a core. {len(asked):,} questions, {len(seen.refused)} refused: median "
        f"{1000 * asked[len(asked) // 2]:.0f} ms, slowest {1000 * asked[-1]:.0f} ms. "
        f"Tails received {', '.join(f'{count:,}' for count in seen.tailed)} lines, {seen.skipped:,} skipped.\n\n"
        + table(("quarter", "MB resident", "MB, shared pages divided", "MB of its own"), rows)
    )


def _columns(samples: list[Sample]) -> tuple[list[float], ...]:
    return [each.rss for each in samples], [each.pss for each in samples], [each.own for each in samples]


def main() -> None:
    """Soak, and print what came of it."""
    options = argparse.ArgumentParser(prog="python -m bench.soak")
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--rate", type=int, default=2_000)
    chosen = options.parse_args()
    with scratch() as folder:
        seen = soak(Path(folder), seconds=60 * chosen.minutes, per_second=chosen.rate, say=True)
    print(f"{machine()}\n\n{report(seen)}")
    for refused in seen.refused:
        print(refused)


if __name__ == "__main__":
    main()
