"""What lines that are not sealed yet add to each kind of query: `python -m bench.unsealed`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import queries
from bench.corpus import Corpus
from bench.measure import table
from bench.streams import scratch
from hantu.model import LogEntry
from hantu.store.sqlite import SqliteStore

UNSEALED = 16_000
"""As many as there are at most before a segment is sealed."""
SEALED = 4 * UNSEALED
BATCH = 1_000
RUNS = 15
NEVER = 10**9
HEAD = ("query", "sealed", f"and {UNSEALED:,} lines unsealed", "more")
LEFT_OUT = ("regex without a literal, 0 hits, limit 1 s",)


def rows(path: Path, entries: Sequence[LogEntry]) -> list[tuple[object, ...]]:
    """(query, processor ms over sealed entries, with the last UNSEALED of them unsealed, the difference):
    medians, warm."""
    store = SqliteStore.open(path, background=False, seal_entries=NEVER)
    batches = [entries[at : at + BATCH] for at in range(0, len(entries), BATCH)]
    hot = UNSEALED // BATCH
    for batch in batches[:-hot]:
        store.write_batch(batch)
    store.seal()
    calls = queries.kinds(store, *queries.some_words(store))
    sealed = _medians(calls)
    for batch in batches[-hot:]:
        store.write_batch(batch)
    both = _medians(calls)
    store.close()
    return [(name, sealed[name], both[name], both[name] - sealed[name]) for name in both]


def _medians(calls: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Of the processor time of each call, in ms: what others do on the machine counts little."""
    found = {}
    for name, call in calls.items():
        if name in LEFT_OUT:
            continue
        call()
        times = []
        for _ in range(RUNS):
            began = time.thread_time()
            call()
            times.append((time.thread_time() - began) * 1000)
        found[name] = statistics.median(times)
    return found


def report() -> str:
    """The table."""
    with scratch() as folder:
        return table(HEAD, rows(Path(folder) / "hantu.db", list(Corpus().entries(SEALED + UNSEALED))))


if __name__ == "__main__":
    print(report())
