"""Bytes a line of text that no generator made, and of text made to be hard: `python -m bench.real [FILE …]`.

Without files: the logs that this machine has. Beside each stands what zstd makes of the same messages,
put together source by source. Times and metadata are in hantu's figure and not in zstd's."""

from __future__ import annotations

import base64
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import msgspec
import zstandard

from bench.corpus import START_NS
from bench.measure import table, work
from bench.streams import scratch
from hantu.collect.oldfiles import read_entries
from hantu.model import APP, LogEntry, LogLevel
from hantu.store.sqlite import SqliteStore

BATCH = 1_000
LEAST_BYTES = 10_000
MOST_LINES = 300_000
HARD_LINES = 20_000
MORE = 4
KEPT_DAYS = 36_500
PLACES = ("/var/log/**/*", "/usr/share/doc/**/*.log.gz", "/root/.npm/_logs/*.log")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of some entries: lines, bytes of their messages, of their store, of zstd at two levels; processor time
    a line."""

    lines: int
    text: int
    columns: int
    store: int
    zstd_3: int
    zstd_19: int
    cpu_us: float


def measure(entries: Sequence[LogEntry]) -> Sizes:
    """Store the entries, all sealed, and compress their messages, sorted by source."""
    with scratch() as folder:
        path = Path(folder) / "hantu.db"
        store = SqliteStore.open(path, background=False)
        done = work(len(entries), lambda: _write(store, entries))
        # Room that unsealed entries had is given back.
        store.maintain(KEPT_DAYS, now_ns=START_NS, pause=bool)
        columns = sum(store.storage().columns.values())
        store.close()
        size = path.stat().st_size
    by_source: dict[str, list[str]] = {}
    for entry in entries:
        by_source.setdefault(entry.source_id, []).append(entry.message)
    text = "\n".join("\n".join(by_source[name]) for name in sorted(by_source)).encode()
    three, nineteen = (len(zstandard.ZstdCompressor(level=level).compress(text)) for level in (3, 19))
    return Sizes(len(entries), len(text), columns, size, three, nineteen, done.cpu_us)


def _write(store: SqliteStore, entries: Sequence[LogEntry]) -> None:
    for at in range(0, len(entries), BATCH):
        store.write_batch(entries[at : at + BATCH])
    store.seal()


def of_files(paths: Iterable[Path]) -> Iterator[tuple[str, list[LogEntry]]]:
    """(name, entries) of the files that are logs, without the ids that importing gives."""
    for path in paths:
        entries: list[LogEntry] = []
        try:
            for batch in read_entries(path, tz=UTC):
                entries += (msgspec.structs.replace(entry, event_id=None) for entry in batch)
                if len(entries) >= MOST_LINES:
                    break
        except (OSError, EOFError) as error:
            print(f"{path}: {error}", file=sys.stderr)
        if entries:
            yield str(path), entries


def hard_texts(lines: int = HARD_LINES) -> dict[str, list[LogEntry]]:
    """Text that has no shape worth keeping."""
    draw = random.Random(3)

    def made(messages: Iterable[str], *, sources: int = 1) -> list[LogEntry]:
        return [
            LogEntry(APP, f"s{at % sources}", LogLevel.INFO, message, START_NS + at * 10**6)
            for at, message in enumerate(messages)
        ]

    def letters(size: int) -> str:
        return "".join(draw.choices("abcdefghijklmnopqrstuvwxyz ", k=size))

    return {
        "random base64": made(
            base64.b64encode(draw.randbytes(draw.randrange(20, 120))).decode() for _ in range(lines)
        ),
        "20 kB lines": made(base64.b64encode(draw.randbytes(15_000)).decode() for _ in range(lines // 100)),
        "every line its own words": made(letters(draw.randrange(20, 160)) for _ in range(lines)),
        "888-byte traces": made(
            "\n".join(f'  File "/srv/{letters(30)}.py", line {draw.randrange(900)}' for _ in range(15))
            for _ in range(lines // 10)
        ),
        "every line its own source": made(
            (f"request {draw.getrandbits(32):08x} done" for _ in range(lines)), sources=lines
        ),
    }


def row(name: str, found: Sizes) -> tuple[object, ...]:
    """A row of the table."""
    return (
        name,
        f"{found.lines:,}",
        found.text / found.lines,
        found.columns / found.lines,
        found.store / found.lines,
        found.zstd_3 / found.lines,
        found.zstd_19 / found.lines,
        found.columns / found.zstd_3,
    )


HEAD = ("text", "lines", "text B/line", "segments", "whole file", "zstd-3", "zstd-19", "segments ÷ zstd-3")
HARD_HEAD = (*HEAD, "CPU µs/line", f"of {MORE} times as many")


def tables(paths: Sequence[Path] = ()) -> dict[str, str]:
    """Both tables by their titles. paths: logs to take instead of the machine's own."""
    paths = paths or sorted(
        {
            path
            for place in PLACES
            for path in Path("/").glob(place[1:])
            if path.is_file() and path.stat().st_size >= LEAST_BYTES
        }
    )
    every: list[LogEntry] = []
    rows: list[tuple[object, ...]] = []
    for name, entries in of_files(paths):
        rows.append(row(name, measure(entries)))
        every += entries
    if every:
        rows.append(row("all of these together", measure(every)))
    return {
        "Text that no generator made": table(HEAD, rows),
        "Text made to be hard": table(HARD_HEAD, hard_rows()),
    }


def hard_rows() -> list[tuple[object, ...]]:
    """The rows of hard texts, with the time of a line among so many and among MORE times as many: the same
    when time is linear."""
    found = {name: measure(entries) for name, entries in hard_texts().items()}
    more = {name: measure(entries) for name, entries in hard_texts(MORE * HARD_LINES).items()}
    return [(*row(name, each), each.cpu_us, more[name].cpu_us) for name, each in found.items()]


def main(words: Sequence[str]) -> None:
    """Print both tables."""
    for title, shown in tables([Path(word) for word in words]).items():
        print(f"## {title}\n\n{shown}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
