"""The same work done by plain tools: SQLite rows, SQLite rows with FTS5, ripgrep."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import apsw
import msgspec

from hantu.model import LogEntry

BATCH = 2000
Row = tuple[int, str, str, int, str, str | None]


def row(entry: LogEntry) -> Row:
    """An entry as a plain row: time, source, source id, level, message, metadata."""
    metadata = None if entry.metadata is None else msgspec.json.encode(entry.metadata).decode()
    return entry.time_ns, entry.source, entry.source_id, int(entry.level), entry.message, metadata


def _open(path: Path) -> apsw.Connection:
    path.unlink(missing_ok=True)
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32000")
    connection.execute(
        "CREATE TABLE entry (id INTEGER PRIMARY KEY, time_ns, source, source_id, level, message, metadata)"
    )
    return connection


def _batches(entries: Iterable[LogEntry]) -> Iterable[list[LogEntry]]:
    source = iter(entries)
    while batch := list(islice(source, BATCH)):
        yield batch


def rows(path: Path, entries: Iterable[LogEntry]) -> None:
    """Bare rows: one table, no index but its key."""
    connection = _open(path)
    for batch in _batches(entries):
        with connection:
            connection.executemany("INSERT INTO entry VALUES (NULL, ?, ?, ?, ?, ?, ?)", map(row, batch))
    connection.close()


def rows_with_fts(path: Path, entries: Iterable[LogEntry]) -> None:
    """Rows with an index on time and one on level and time, and an FTS5 table over the message."""
    connection = _open(path)
    connection.execute(
        "CREATE INDEX by_time ON entry (time_ns); CREATE INDEX by_level ON entry (level, time_ns);"
        "CREATE VIRTUAL TABLE word USING fts5 (message, content = 'entry', content_rowid = 'id')"
    )
    first = 1
    for batch in _batches(entries):
        with connection:
            connection.executemany("INSERT INTO entry VALUES (NULL, ?, ?, ?, ?, ?, ?)", map(row, batch))
            connection.execute(
                "INSERT INTO word (rowid, message) SELECT id, message FROM entry WHERE id >= ?", (first,)
            )
        first += len(batch)
    connection.close()


def ripgrep(text: Path, pattern: str) -> int:
    """Matches of a fixed text by rg over the plain file; raises FileNotFoundError without rg."""
    tool = shutil.which("rg")
    if tool is None:
        raise FileNotFoundError("rg is not installed")
    found = subprocess.run(
        [tool, "-c", "-F", pattern, str(text)], capture_output=True, text=True, check=False
    )
    return int(found.stdout or 0)
