"""Entries as rows: writing batches, reading rows back."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import apsw
import msgspec

from hantu import text
from hantu.model import LogEntry, LogLevel
from hantu.store.base import StoreError, WriteResult
from hantu.store.ids import EntryIds
from hantu.store.sqlite.database import Database, Reader

BLOCK_BITS: Final = 12
"""A block is 4,096 keys: block_no = key >> BLOCK_BITS."""

LEVELS: Final = tuple(LogLevel)

_TIME_MOST: Final = (1 << 63) - 2

_INSERT_ENTRY: Final = """
INSERT INTO entry (
  key, time_ns, source_no, stream_no, level, message, metadata, trace_id, event_id, created_ns
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_INSERT_WORDS: Final = "INSERT INTO word (rowid, message) VALUES (?, ?)"
_ADD_BLOCK: Final = """
INSERT INTO block (block_no, oldest_ns, newest_ns)
VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET
  oldest_ns = min(oldest_ns, excluded.oldest_ns),
  newest_ns = max(newest_ns, excluded.newest_ns)
"""
_ADD_COUNT: Final = """
INSERT INTO block_count (block_no, stream_no, level, entries)
VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET entries = entries + excluded.entries
"""
_SET_CHECKPOINT: Final = """
INSERT INTO checkpoint (name, value)
VALUES (?, ?)
ON CONFLICT DO UPDATE SET value = excluded.value
"""
_READ: Final = """
SELECT e.key, e.time_ns, e.stream_no, e.level, e.message, e.metadata, e.event_id, e.created_ns
FROM json_each(?) AS wanted
CROSS JOIN entry AS e ON e.key = wanted.value
"""
_READ_STREAMS: Final = """
SELECT stream_no, name, source_id
FROM stream
JOIN source USING (source_no)
WHERE stream_no > ?
"""

_encode: Final = msgspec.json.Encoder().encode
decode_metadata: Final = msgspec.json.Decoder(dict[str, Any]).decode

Row = tuple[int, int, int, int, int, str, str | None, str | None, bytes | None, int]


class EntryWriter:
    """Writes batches. Keeps the newest key and the numbers of known streams between two batches."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: apsw.Connection | None = None
        self._streams: dict[tuple[str, str], tuple[int, int]] = {}
        self._cursor = 0

    def forget(self) -> None:
        """Read the streams again before the next batch: some were removed."""
        self._connection = None

    def write_batch(
        self, entries: Sequence[LogEntry], checkpoints: Mapping[str, bytes | None], *, durable: bool
    ) -> WriteResult:
        """As LogStorage.write_batch."""
        try:
            return self._write(entries, checkpoints, durable=durable)
        except (UnicodeError, TypeError, OverflowError, ValueError, RecursionError):
            # Something that is no JSON or no UTF-8 got this far; it must not stop the rest.
            try:
                return self._write([_repaired(entry) for entry in entries], checkpoints, durable=durable)
            except (UnicodeError, TypeError, OverflowError, ValueError, RecursionError) as error:
                raise StoreError(f"an entry cannot be stored: {error}") from error

    def _write(
        self, entries: Sequence[LogEntry], checkpoints: Mapping[str, bytes | None], *, durable: bool
    ) -> WriteResult:
        with self._database.writing(durable=durable) as connection:
            self._know(connection)
            known = _known_events(connection, entries)
            fresh = [entry for at, entry in enumerate(entries) if at not in known] if known else entries
            cursor = self._insert(connection, fresh) if fresh else self._cursor
            if checkpoints:
                _set_checkpoints(connection, checkpoints)
        self._cursor = cursor
        return WriteResult(cursor, len(fresh), tuple(sorted(known)))

    def _know(self, connection: apsw.Connection) -> None:
        if self._connection is connection:
            return
        self._cursor = connection.execute("SELECT value FROM meta WHERE name = 'cursor'").get
        self._streams = {
            (source, source_id): (source_no, stream_no)
            for source, source_id, source_no, stream_no in connection.execute(
                "SELECT name, source_id, source_no, stream_no FROM stream JOIN source USING (source_no)"
            )
        }
        self._connection = connection

    def _insert(self, connection: apsw.Connection, entries: Sequence[LogEntry]) -> int:
        now_ns = time.time_ns()
        key = first = self._cursor + 1
        streams = self._streams
        rows: list[Row] = []
        add = rows.append
        for entry in entries:
            numbers = streams.get((entry.source, entry.source_id))
            if numbers is None:
                numbers = self._add_stream(connection, entry.source, entry.source_id)
            metadata = entry.metadata
            trace_id: str | None = None
            packed: str | None = None
            if metadata is not None:
                packed = _encode(metadata).decode()
                if "trace_id" in metadata:
                    trace = metadata["trace_id"]
                    trace_id = text.fold(trace) if isinstance(trace, str) else ""
            add(
                (
                    key,
                    entry.time_ns,
                    numbers[0],
                    numbers[1],
                    entry.level,
                    entry.message,
                    packed,
                    trace_id,
                    entry.event_id,
                    now_ns,
                )
            )
            key += 1
        connection.executemany(_INSERT_ENTRY, rows)
        connection.executemany(_INSERT_WORDS, [(row[0], text.index_text(row[5])) for row in rows])
        _count_blocks(connection, first, rows)
        connection.execute("UPDATE meta SET value = ? WHERE name = 'cursor'", (key - 1,))
        return key - 1

    def _add_stream(self, connection: apsw.Connection, source: str, source_id: str) -> tuple[int, int]:
        connection.execute("INSERT INTO source (name) VALUES (?) ON CONFLICT DO NOTHING", (source,))
        source_no = connection.execute("SELECT source_no FROM source WHERE name = ?", (source,)).get
        stream_no = connection.execute(
            "INSERT INTO stream (source_no, source_id) VALUES (?, ?) RETURNING stream_no",
            (source_no, source_id),
        ).get
        self._streams[source, source_id] = numbers = (source_no, stream_no)
        return numbers


def _count_blocks(connection: apsw.Connection, first: int, rows: list[Row]) -> None:
    start = 0
    while start < len(rows):
        block_no = (first + start) >> BLOCK_BITS
        end = min(len(rows), ((block_no + 1) << BLOCK_BITS) - first)
        part = rows[start:end]
        times = [row[1] for row in part]
        connection.execute(_ADD_BLOCK, (block_no, min(times), max(times)))
        counts = Counter(map(itemgetter(3, 4), part))
        connection.executemany(
            _ADD_COUNT, [(block_no, stream, level, many) for (stream, level), many in counts.items()]
        )
        start = end


def _known_events(connection: apsw.Connection, entries: Sequence[LogEntry]) -> set[int]:
    """The positions of entries whose event_id is stored, or stands earlier among them."""
    known: set[int] = set()
    seen: set[bytes] = set()
    for at, entry in enumerate(entries):
        event_id = entry.event_id
        if event_id is None:
            continue
        if event_id in seen:
            known.add(at)
            continue
        seen.add(event_id)
        found = connection.execute("SELECT 1 FROM entry WHERE event_id = ?", (event_id,))
        if found.fetchone() is not None:
            known.add(at)
    return known


def _set_checkpoints(connection: apsw.Connection, checkpoints: Mapping[str, bytes | None]) -> None:
    for name, value in checkpoints.items():
        if value is None:
            connection.execute("DELETE FROM checkpoint WHERE name = ?", (name,))
        else:
            connection.execute(_SET_CHECKPOINT, (name, value))


def _repaired(entry: LogEntry) -> LogEntry:
    """The entry with what cannot be stored shown as text instead."""
    metadata = entry.metadata
    if metadata is not None:
        try:
            packed = json.dumps(metadata, ensure_ascii=False, default=repr, skipkeys=True)
            metadata = json.loads(text.clean(packed))
        except (ValueError, TypeError, RecursionError):
            metadata = {"unreadable": text.clean(repr(type(metadata)))}
    return LogEntry(
        source=text.clean(entry.source),
        source_id=text.clean(entry.source_id),
        level=entry.level,
        message=text.clean(entry.message),
        time_ns=max(-_TIME_MOST, min(entry.time_ns, _TIME_MOST)),
        metadata=metadata,
        event_id=entry.event_id,
    )


class EntryReader:
    """Turns rows back into entries. Keeps the names of streams; safe in any thread."""

    def __init__(self, ids: EntryIds) -> None:
        self.ids = ids
        self._streams: dict[int, tuple[str, str]] = {}
        self._newest = 0
        self._lock = threading.Lock()

    def streams(self, reader: Reader) -> Mapping[int, tuple[str, str]]:
        """(source, source_id) by stream number; some may have no entries."""
        with self._lock:
            more = {
                stream_no: (source, source_id)
                for stream_no, source, source_id in reader.rows(_READ_STREAMS, (self._newest,))
            }
            if more:
                self._newest = max(more)
                # A new dict: other threads may be going through the old one.
                self._streams = {**self._streams, **more}
            return self._streams

    def read(self, reader: Reader, keys: Iterable[int]) -> list[LogEntry]:
        """The entries with these keys, in the order of the keys; unknown ones are left out."""
        streams = self.streams(reader)
        id_text = self.ids.text
        entries = []
        for key, time_ns, stream_no, level, message, metadata, event_id, created_ns in reader.rows(
            _READ, (_encode(list(keys)).decode(),)
        ):
            source, source_id = streams[stream_no]
            entries.append(
                LogEntry(
                    source,
                    source_id,
                    LEVELS[level],
                    message,
                    time_ns,
                    None if metadata is None else decode_metadata(metadata),
                    event_id,
                    id_text(key),
                    key,
                    created_ns,
                )
            )
        return entries
