"""What grows with the number of lines: `python -m bench.growth LINES …` fills one store after the other.

Each store is written, and then read, in a process of its own, so that its memory is its own. Lines are
decoded from NDJSON, committed and sealed by one thread. Another process makes them while that one waits: made
beside the store they took a tenth of its time, for Python's collector of garbage looked at millions of them.
Memory is resident memory less that of the process before it opens the store: Python, libraries, the bench."""

from __future__ import annotations

import gc
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bench import queries
from bench.corpus import Corpus
from bench.measure import Work, peak_rss_mb, percentiles, rss_mb, table
from bench.streams import scratch
from hantu.model import LogEntry
from hantu.service.memory import give_back, keep_little
from hantu.store.sqlite import SqliteStore

BATCH = 1_000
CHUNK = 250


class Line(msgspec.Struct):
    """A line as a program pushes it; the level by its number."""

    source: str
    source_id: str
    level: int
    message: str
    time_ns: int
    metadata: dict[str, Any] | None


_decode = msgspec.json.Decoder(LogEntry).decode_lines


@dataclass(frozen=True, slots=True)
class Written:
    """per_second, cpu_us: medians of the chunks. longest_ms: that a batch waited for its commit. peak_mb: of
    memory."""

    per_second: int
    cpu_us: float
    longest_ms: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Read:
    """Memory in MB: peak_mb after each kind of query, rest_mb once what is free was given back;
    directories_mb and shapes_mb are part of it. medians: ms by kind of query, settled."""

    open_ms: float
    peak_mb: float
    rest_mb: float
    directories_mb: float
    shapes: int
    shapes_mb: float
    medians: dict[str, float]


def make(asked: Connection, lines: int) -> None:
    """Send NDJSON of BATCH lines for each message that comes, in the end nothing."""
    encode = msgspec.json.Encoder().encode_lines
    corpus = Corpus().entries(lines)
    while True:
        asked.recv()
        batch = [
            Line(each.source, each.source_id, each.level, each.message, each.time_ns, each.metadata)
            for each in islice(corpus, BATCH)
        ]
        asked.send_bytes(encode(batch))
        if not batch:
            return


def made(lines: int) -> Iterator[list[bytes]]:
    """NDJSON of BATCH lines each, CHUNK at a time; made by a process that rests meanwhile."""
    context = multiprocessing.get_context("spawn")
    own, other = context.Pipe()
    maker = context.Process(target=make, args=(other, lines))
    maker.start()
    for begin in range(0, lines, BATCH * CHUNK):
        chunk: list[bytes] = []
        for _ in range(begin, min(begin + BATCH * CHUNK, lines), BATCH):
            own.send(None)
            chunk.append(own.recv_bytes())
        yield chunk
    own.send(None)
    own.recv_bytes()
    maker.join()


def write(path: Path, lines: int) -> Written:
    """Fill a store, with malloc and Python's collector of garbage as `hantu serve` has them."""
    keep_little()
    gc.freeze()
    longest = own_mb = 0.0
    store: SqliteStore | None = None
    done: list[Work] = []
    for chunk in made(lines):
        if store is None:
            own_mb = peak_rss_mb()
            store = SqliteStore.open(path, background=False)
        began, used = time.perf_counter(), time.process_time()
        for text in chunk:
            at = time.perf_counter()
            store.write_batch(_decode(text))
            longest = max(longest, time.perf_counter() - at)
        if len(done) + 1 == -(-lines // (BATCH * CHUNK)):
            store.seal()
        many = min(lines - len(done) * BATCH * CHUNK, BATCH * CHUNK)
        done.append(Work(many, time.perf_counter() - began, time.process_time() - used))
        # Before the next ones come: two lots would count as the store's memory.
        chunk.clear()
    assert store is not None
    store.close()
    return Written(
        int(median(work.per_second for work in done)),
        median(work.cpu_us for work in done),
        longest * 1000,
        peak_rss_mb() - own_mb,
    )


def read(path: Path) -> Read:
    """Ask a store each kind of question once, and then those of MEDIANS again and again."""
    keep_little()
    gc.freeze()
    give_back()
    own_mb = rss_mb()
    began = time.perf_counter()
    store = SqliteStore.open(path, read_only=True)
    store.stats()
    opened = (time.perf_counter() - began) * 1000
    newest = store.search(queries.parse("checkpoint")).entries[0]
    kinds = queries.kinds(store, "zz00zz00", "abc12345", newest.id)
    for call in kinds.values():
        call()
    peak_mb = peak_rss_mb() - own_mb
    give_back()
    rest_mb = rss_mb() - own_mb
    memory = store.memory()
    medians = {name: percentiles(kinds[name], runs=20, most_s=2)[0] for name in MEDIANS}
    store.close()
    return Read(
        opened,
        peak_mb,
        rest_mb,
        memory.directory_bytes / 1e6,
        memory.shapes,
        memory.shape_bytes / 1e6,
        medians,
    )


def measure(lines: int) -> tuple[Written, Read, int]:
    """What a store of so many lines takes, and the size of its file."""
    with scratch() as folder:
        path = Path(folder) / "hantu.db"

        def part(name: str) -> bytes:
            command = [sys.executable, "-m", "bench.growth", "--part", name, str(path), str(lines)]
            return subprocess.run(command, check=True, capture_output=True).stdout

        written = msgspec.json.decode(part("write"), type=Written)
        found = msgspec.json.decode(part("read"), type=Read)
        return written, found, path.stat().st_size


SAID = """Decoded from NDJSON, committed and sealed by one thread, medians of a quarter of a million lines each; made,
written and read in processes of their own, with malloc and garbage collection as the service has them.
Memory is what the store adds to the process: Python, libraries and the bench are taken off. "Most" is
after each kind of query once, "at rest" when what is free was given back to the system."""
HEAD = (
    "lines",
    "lines/s",
    "CPU µs/line",
    "bytes/line",
    "longest commit, ms",
    "MB writing",
    "open, ms",
    "MB reading, most",
    "at rest",
    "of it directories",
    "shapes",
    "of it shapes",
)
MEDIANS = (
    "newest 100",
    "common word",
    "rare word",
    "word AND word, 0 hits",
    "level:error, 1 h",
    "rare substring",
    "count of a word",
    "facets",
    "histogram 1 day",
    "histogram 7 days of a word",
)


def report(sizes: Sequence[int]) -> str:
    """The tables for these numbers of lines."""
    rows: list[tuple[object, ...]] = []
    times: list[tuple[object, ...]] = []
    for lines in sizes:
        written, found, size = measure(lines)
        rows.append(
            (
                f"{lines:,}",
                written.per_second,
                written.cpu_us,
                size / lines,
                written.longest_ms,
                written.peak_mb,
                found.open_ms,
                found.peak_mb,
                found.rest_mb,
                found.directories_mb,
                found.shapes,
                found.shapes_mb,
            )
        )
        times.append((f"{lines:,}", *found.medians.values()))
    return f"{SAID}\n\n{table(HEAD, rows)}\n\nMedians, ms:\n\n{table(('lines', *MEDIANS), times)}"


def main(words: Sequence[str]) -> None:
    """One part of one row as JSON (--part), or the whole table."""
    if words[:1] == ["--part"]:
        part, path, lines = words[1], Path(words[2]), int(words[3])
        done = write(path, lines) if part == "write" else read(path)
        print(msgspec.json.encode(done).decode())
        return
    print(report([int(word) for word in words] or [1_000_000]))


if __name__ == "__main__":
    main(sys.argv[1:])
