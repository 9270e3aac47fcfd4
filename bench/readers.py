"""How long searches take while one thread writes as fast as it can."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench import queries
from hantu.model import LogEntry
from hantu.store.sqlite import SqliteStore

BATCH = 1_000
SECONDS = 15
# As `hantu serve` sets it.
SWITCH_S = 0.000_5


def under_load(path: Path, entries: Sequence[LogEntry]) -> list[tuple[object, ...]]:
    """(query, p50 ms, p95 ms, runs) beside a writer that stores the entries again and again."""
    store = SqliteStore.open(path)
    batches = [entries[at : at + BATCH] for at in range(0, len(entries), BATCH)]
    done = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not done.is_set():
            store.write_batch(batches[written % len(batches)])
            written += 1

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
    times: dict[str, list[float]] = {name: [] for name in asked}
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    writer = threading.Thread(target=write)
    writer.start()
    try:
        until = time.perf_counter() + SECONDS
        while time.perf_counter() < until:
            for name, call in asked.items():
                began = time.perf_counter()
                call()
                times[name].append((time.perf_counter() - began) * 1000)
                time.sleep(0.01)
    finally:
        done.set()
        writer.join()
        sys.setswitchinterval(before)
    store.close()
    rows: list[tuple[object, ...]] = []
    for name, taken in times.items():
        taken.sort()
        rows.append((name, taken[len(taken) // 2], taken[len(taken) * 95 // 100], len(taken)))
    rows.append((f"meanwhile written: {written * BATCH / SECONDS:,.0f} lines/s", "", "", ""))
    return rows
