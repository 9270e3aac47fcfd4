"""Entries and stores for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import apsw
import msgspec

from hantu.model import DOCKER, LogEntry, LogLevel
from hantu.query.logquery import LogQuery
from hantu.store.sqlite import SqliteStore
from hantu.store.sqlite.database import APPLICATION_ID
from hantu.store.sqlite.migrate import FIRST, MIGRATIONS

START_NS = 1_790_000_000_000_000_000
SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS


def entry(message: str = "hello", *, at: float = 0, **changes: Any) -> LogEntry:
    """An entry `at` seconds after START_NS."""
    base = LogEntry(DOCKER, "api", LogLevel.INFO, message, START_NS + int(at * SECOND_NS))
    return msgspec.structs.replace(base, **changes)


def many(count: int, *, step_s: float = 1.0, first: int = 0) -> list[LogEntry]:
    """Entries `line 0 …` step_s apart, of several levels, streams and words."""
    return [
        entry(
            f"line {number} of {number * 7919 % 100_003} took {number % 977} ms, 주문을 {number % 89}",
            at=number * step_s,
            level=LogLevel(number % 6),
            source_id=f"svc-{number % 4}",
            metadata={"stream": "stdout", "host": f"web-{number % 3}"} if number % 2 else None,
        )
        for number in range(first, first + count)
    ]


def asked(text: str = "") -> LogQuery:
    """The query of a text."""
    return LogQuery.parse(text, now_ns=START_NS, tz=UTC)


def write_all(store: SqliteStore, entries: Sequence[LogEntry], *, size: int = 2_000) -> None:
    """Write in batches of `size`."""
    for at in range(0, len(entries), size):
        store.write_batch(entries[at : at + size])


@contextmanager
def opened(path: Path, **options: Any) -> Iterator[SqliteStore]:
    """A store that is closed at the end."""
    store = SqliteStore.open(path, **options)
    try:
        yield store
    finally:
        store.close()


def rows(store: SqliteStore, statement: str) -> list[tuple[Any, ...]]:
    """All that a person's statement gives."""
    return store.sql(statement, most=10**6, time_limit_ms=60_000)[1]


def made_by_version(path: Path, version: int, rows: str = "") -> None:
    """A file as a hantu of that schema version left it. rows: SQL that filled it."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.pragma("application_id", APPLICATION_ID)
    connection.pragma("journal_mode", "WAL")
    for migration in MIGRATIONS[: version - FIRST + 1]:
        connection.execute(migration)
    connection.execute(
        "INSERT INTO meta (name, value)"
        " VALUES ('store_id', 7), ('cursor', 0), ('generation', 0), ('shapes_removed', 0)"
    )
    connection.execute(rows)
    connection.pragma("user_version", version)
    connection.close()
