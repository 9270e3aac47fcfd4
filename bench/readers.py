"""How long searches take while one thread writes as fast as it can."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec.structs import force_setattr

from bench import queries
from hantu.model import LogEntry
from hantu.store.sqlite import SqliteStore

BATCH = 1_000
SECONDS = 15
SECONDS_UNASKED = 5
SECONDS_ALONE = 3
PAUSE_S = 0.01
"""Between two questions."""
HEAD = ("query", "alone p50", "p95", "beside a writer p50", "p95", "runs")
# As `hantu serve` sets it.
SWITCH_S = 0.000_5


def under_load(path: Path, entries: Sequence[LogEntry]) -> list[tuple[object, ...]]:
    """(query, p50 and p95 ms alone, p50 and p95 ms beside a writer, runs).

    The writer stores the entries again and again, each time as much later as they span: as on a server,
    what is written is the newest. Alone: on the same store once the writer has ended."""
    store = SqliteStore.open(path)
    batches = [entries[at : at + BATCH] for at in range(0, len(entries), BATCH)]
    done = threading.Event()
    written = 0

    span_ns = entries[-1].time_ns - entries[0].time_ns

    def write() -> None:
        nonlocal written
        while not done.is_set():
            batch = batches[written % len(batches)]
            if written >= len(batches):
                for entry in batch:
                    # In place: making new ones would take as long as storing them.
                    force_setattr(entry, "time_ns", entry.time_ns + span_ns)
            store.write_batch(batch)
            written += 1

    def ask(calls: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, list[float]]:
        """The times of each, sorted, in ms."""
        times: dict[str, list[float]] = {name: [] for name in calls}
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            for name, call in calls.items():
                began = time.perf_counter()
                call()
                times[name].append((time.perf_counter() - began) * 1000)
                time.sleep(PAUSE_S)
        return {name: sorted(taken) for name, taken in times.items()}

    asked: dict[str, Callable[[], object]] = {
        name: partial(store.search, queries.parse(text))
        for name, text in {
            "newest 100": "",
            "common word": "core",
            "two words": "job finished",
            "phrase": '"connection received"',
            "Korean (주문)": "주문",
            "level:error": "level:error",
        }.items()
    }
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        beside = ask(asked, SECONDS)
        asked_of = written
        time.sleep(SECONDS_UNASKED)
        unasked = written - asked_of
    finally:
        done.set()
        writer.join()
        sys.setswitchinterval(before)
    alone = ask(asked, SECONDS_ALONE)
    store.close()
    rows: list[tuple[object, ...]] = [
        (name, *_middle_and_end(alone[name]), *_middle_and_end(beside[name]), len(beside[name]))
        for name in asked
    ]
    rows.append((f"meanwhile written: {asked_of * BATCH / SECONDS:,.0f} lines/s", *[""] * 5))
    rows.append((f"written while nobody asks: {unasked * BATCH / SECONDS_UNASKED:,.0f} lines/s", *[""] * 5))
    return rows


def _middle_and_end(taken: Sequence[float]) -> tuple[float, float]:
    """p50 and p95 of times in order."""
    return taken[len(taken) // 2], taken[len(taken) * 95 // 100]
