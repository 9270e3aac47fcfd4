"""What grows with the number of lines: `python -m bench.growth LINES …` fills one store after the other.

Each store is written, and then read, in a process of its own, so that its memory is its own. Lines are
decoded from NDJSON, committed and sealed by one thread; making them is not counted."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from bench import queries
from bench.corpus import Corpus
from bench.measure import Work, peak_rss_mb, table
from bench.streams import scratch
from hantu.model import LogEntry
from hantu.store.sqlite import SqliteStore

BATCH = 1_000
CHUNK = 10


class Line(msgspec.Struct):
    """A line as a program pushes it; the level by its number."""

    source: str
    source_id: str
    level: int
    message: str
    time_ns: int
    metadata: dict[str, Any] | None


_decode = msgspec.json.Decoder(LogEntry).decode_lines


def write(path: Path, lines: int) -> tuple[Work, float]:
    """Fill a store; the work, and the longest that a batch waited for its commit, in ms."""
    encode = msgspec.json.Encoder().encode_lines
    corpus = Corpus().entries(lines)
    wall = cpu = longest = 0.0
    store = SqliteStore.open(path, background=False)
    while True:
        chunk = [
            encode(
                [
                    Line(each.source, each.source_id, each.level, each.message, each.time_ns, each.metadata)
                    for each in batch
                ]
            )
            for batch in (list(islice(corpus, BATCH)) for _ in range(CHUNK))
            if batch
        ]
        if not chunk:
            break
        began, used = time.perf_counter(), time.process_time()
        for text in chunk:
            at = time.perf_counter()
            store.write_batch(_decode(text))
            longest = max(longest, time.perf_counter() - at)
        wall += time.perf_counter() - began
        cpu += time.process_time() - used
    began, used = time.perf_counter(), time.process_time()
    store.seal()
    wall += time.perf_counter() - began
    cpu += time.process_time() - used
    store.close()
    return Work(lines, wall, cpu), longest * 1000


def read(path: Path) -> float:
    """Ask a store each kind of question once; how long opening it took, in ms."""
    began = time.perf_counter()
    store = SqliteStore.open(path, read_only=True)
    store.stats()
    opened = (time.perf_counter() - began) * 1000
    newest = store.search(queries.parse("checkpoint")).entries[0]
    for call in queries.kinds(store, "zz00zz00", "abc12345", newest.id).values():
        call()
    store.close()
    return opened


def measure(lines: int) -> tuple[object, ...]:
    """A row of the table."""
    with scratch() as folder:
        path = Path(folder) / "hantu.db"
        written, opened = (
            json.loads(
                subprocess.run(
                    [sys.executable, "-m", "bench.growth", "--part", part, str(path), str(lines)],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            for part in ("write", "read")
        )
        size = path.stat().st_size
    return (
        f"{lines:,}",
        int(written["per_second"]),
        written["cpu_us"],
        size / lines,
        written["longest_ms"],
        int(written["rss_mb"]),
        opened["open_ms"],
        int(opened["rss_mb"]),
    )


HEAD = (
    "lines",
    "lines/s",
    "CPU µs/line",
    "bytes/line",
    "longest commit, ms",
    "MB writing",
    "open, ms",
    "MB reading",
)


def report(sizes: Sequence[int]) -> str:
    """The table for these numbers of lines."""
    return table(HEAD, [measure(lines) for lines in sizes])


def main(words: Sequence[str]) -> None:
    """One part of one row as JSON (--part), or the whole table."""
    if words[:1] == ["--part"]:
        part, path, lines = words[1], Path(words[2]), int(words[3])
        if part == "write":
            done, longest_ms = write(path, lines)
            out = {"per_second": done.per_second, "cpu_us": done.cpu_us, "longest_ms": longest_ms}
        else:
            out = {"open_ms": read(path)}
        print(json.dumps({**out, "rss_mb": peak_rss_mb()}))
        return
    print(report([int(word) for word in words] or [1_000_000]))


if __name__ == "__main__":
    main(sys.argv[1:])
