"""Writing batches of entries: one row of the hot tier each, with its checkpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import apsw
import msgspec
import numpy as np

from hantu import text
from hantu.model import LogEntry, LogLevel
from hantu.store.base import StoreError, WriteResult
from hantu.store.ids import EntryIds
from hantu.store.sqlite.batch import LEVEL_BITS, IntArray
from hantu.store.sqlite.catalog import Catalog, DamagedColumn
from hantu.store.sqlite.database import Database, Reader
from hantu.store.sqlite.error_rows import ErrorRows
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.gaps import add_gaps
from hantu.store.sqlite.hits import Hits
from hantu.store.sqlite.hot import HotBatch
from hantu.store.sqlite.sweep import Unit

LEVELS: Final = tuple(LogLevel)
LEVEL_MASK: Final = (1 << LEVEL_BITS) - 1

_TIME_MOST: Final = (1 << 63) - 2

_INSERT_HOT: Final = "INSERT INTO hot (first_key, entries, created_ns, data) VALUES (?, ?, ?, ?)"
_INSERT_EVENT: Final = "INSERT INTO event (event_id, key) VALUES (?, ?)"
_SET_CHECKPOINT: Final = """
INSERT INTO checkpoint (name, value)
VALUES (?, ?)
ON CONFLICT DO UPDATE SET value = excluded.value
"""

_NOTABLE: Final = LogLevel.WARN.value
"""From here on an entry may tell of an error or of a gap."""

_encode: Final = msgspec.json.Encoder().encode
# All in one row: Python's lock is asked for once, and beside a writer each time takes half a millisecond.
_READ_EVENTS: Final = """
SELECT group_concat(event.key || ' ' || hex(event.event_id), ' ')
FROM json_each(?) AS wanted
CROSS JOIN event INDEXED BY event_key ON event.key = wanted.value
"""

Events = Mapping[int, bytes]
"""By key the sender's own id of an entry."""

decode_metadata: Final = msgspec.json.Decoder(dict[str, Any]).decode


class EntryWriter:
    """Writes batches. Keeps the newest key and the numbers of known streams between two batches.

    accepted: told of each batch once it is committed."""

    def __init__(self, database: Database, accepted: Callable[[HotBatch], None], errors: ErrorRows) -> None:
        self._database = database
        self._accepted = accepted
        self._errors = errors
        self._connection: apsw.Connection | None = None
        self._streams: dict[tuple[str, str], int] = {}
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
        batch: HotBatch | None = None
        with self._database.writing(durable=durable) as connection:
            self._know(connection)
            known = _known_events(connection, entries)
            fresh = [entry for at, entry in enumerate(entries) if at not in known] if known else entries
            if fresh:
                batch = self._insert(connection, fresh)
            if checkpoints:
                _set_checkpoints(connection, checkpoints)
        if batch is not None:
            self._cursor = batch.last_key
            self._accepted(batch)
        return WriteResult(self._cursor, len(fresh), tuple(sorted(known)))

    def _know(self, connection: apsw.Connection) -> None:
        if self._connection is connection:
            return
        self._cursor = connection.execute("SELECT value FROM meta WHERE name = 'cursor'").get
        self._streams = {
            (source, source_id): stream_no
            for source, source_id, stream_no in connection.execute(
                "SELECT name, source_id, stream_no FROM stream JOIN source USING (source_no)"
            )
        }
        self._connection = connection

    def _insert(self, connection: apsw.Connection, entries: Sequence[LogEntry]) -> HotBatch:
        times = [entry.time_ns for entry in entries]
        if max(times) > _TIME_MOST or min(times) < -_TIME_MOST:
            raise OverflowError("a time is beyond what 64 bits hold")
        batch = HotBatch(
            self._cursor + 1,
            time.time_ns(),
            times,
            self._cells(connection, entries),
            [entry.message for entry in entries],
            [None if entry.metadata is None else _encode(entry.metadata) for entry in entries],
        )
        connection.execute(_INSERT_HOT, (batch.first_key, len(batch), batch.created_ns, batch.pack()))
        events = [
            (entry.event_id, batch.first_key + at)
            for at, entry in enumerate(entries)
            if entry.event_id is not None
        ]
        if events:
            connection.executemany(_INSERT_EVENT, events)
        notable = [
            (batch.first_key + at, entry) for at, entry in enumerate(entries) if entry.level >= _NOTABLE
        ]
        if notable:
            self._errors.add(connection, notable, created_ns=batch.created_ns)
            add_gaps(connection, notable, batch.created_ns)
        connection.execute("UPDATE meta SET value = ? WHERE name = 'cursor'", (batch.last_key,))
        return batch

    def _cells(self, connection: apsw.Connection, entries: Sequence[LogEntry]) -> list[int]:
        streams = self._streams
        try:
            return [streams[entry.source, entry.source_id] << LEVEL_BITS | entry.level for entry in entries]
        except KeyError:
            for entry in entries:
                if (entry.source, entry.source_id) not in streams:
                    self._add_stream(connection, entry.source, entry.source_id)
            return self._cells(connection, entries)

    def _add_stream(self, connection: apsw.Connection, source: str, source_id: str) -> None:
        connection.execute("INSERT INTO source (name) VALUES (?) ON CONFLICT DO NOTHING", (source,))
        source_no = connection.execute("SELECT source_no FROM source WHERE name = ?", (source,)).get
        self._streams[source, source_id] = connection.execute(
            "INSERT INTO stream (source_no, source_id) VALUES (?, ?) RETURNING stream_no",
            (source_no, source_id),
        ).get


def _known_events(connection: apsw.Connection, entries: Sequence[LogEntry]) -> set[int]:
    """The positions of entries whose event_id is stored, or stands earlier among them."""
    named = [(at, entry.event_id) for at, entry in enumerate(entries) if entry.event_id is not None]
    known: set[int] = set()
    seen: set[bytes] = set()
    for at, event_id in named:
        if event_id in seen:
            known.add(at)
            continue
        seen.add(event_id)
        found = connection.execute("SELECT 1 FROM event WHERE event_id = ?", (event_id,))
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
    """Turns lines of segments back into entries; safe in any thread."""

    def __init__(self, ids: EntryIds, catalog: Catalog) -> None:
        self.ids = ids
        self._catalog = catalog

    def read(self, reader: Reader, hits: Hits, start: int, stop: int) -> list[LogEntry]:
        """The entries of hits[start:stop], in their order; of a damaged segment there are none."""
        numbers = hits.numbers[start:stop]
        lines = hits.lines[start:stop]
        found: list[LogEntry | None] = [None] * len(numbers)
        events = _events(reader, hits.keys[start:stop].tolist())
        for number in np.unique(numbers).tolist():
            at = np.flatnonzero(numbers == number)
            own = self._of_unit_anyway(reader, hits.unit(number), lines[at], events)
            for position, entry in zip(at.tolist(), own, strict=True):
                found[position] = entry
        return [entry for entry in found if entry is not None]

    def of_lines(self, reader: Reader, unit: Unit, lines: IntArray) -> list[LogEntry]:
        """The entries at these lines of one unit, without what damage took."""
        found = self._of_unit_anyway(reader, unit, lines)
        return [entry for entry in found if entry is not None]

    def _of_unit_anyway(
        self, reader: Reader, unit: Unit, lines: IntArray, events: Events | None = None
    ) -> list[LogEntry | None]:
        """As _of_unit(), with None for what damage took."""
        try:
            return list(self._of_unit(reader, unit, lines, events))
        except (ValueError, KeyError) as error:
            self._catalog.excuse(error)
            if len(lines) == 1:
                return [None]
            one_by_one = [lines[at : at + 1] for at in range(len(lines))]
            return [self._of_unit_anyway(reader, unit, line, events)[0] for line in one_by_one]

    def _of_unit(
        self, reader: Reader, unit: Unit, lines: IntArray, events: Events | None
    ) -> list[LogEntry]:
        """The entries at these lines of one unit. Raises DamagedColumn.

        events: of these entries and perhaps others, None: not known yet."""
        frame = unit.frame
        streams = self._catalog.streams(reader)
        keys = frame.keys(lines).tolist()
        events = _events(reader, keys) if events is None else events
        cells = frame.cells[np.searchsorted(frame.starts, lines, "right") - 1].tolist()
        id_text = self.ids.text
        return [
            LogEntry(
                *streams[cell >> LEVEL_BITS],
                LEVELS[cell & LEVEL_MASK],
                message,
                time_ns,
                metadata,
                events.get(key),
                id_text(key),
                key,
                created_ns,
            )
            for cell, message, time_ns, metadata, key, created_ns in zip(
                cells,
                frame.messages(lines),
                frame.times(lines).tolist(),
                self._metadata(frame, lines),
                keys,
                frame.created(lines).tolist(),
                strict=True,
            )
        ]

    def _metadata(self, frame: Frame, lines: IntArray) -> list[dict[str, Any] | None]:
        try:
            texts = frame.metadata_texts(lines)
        except DamagedColumn:
            return [None] * len(lines)
        return [None if text is None else decode_metadata(text) for text in texts]


def _events(reader: Reader, keys: list[int]) -> Events:
    """The senders' own ids of those entries that have one."""
    found = reader.value(_READ_EVENTS, (_encode(keys).decode(),))
    words = found.split(" ") if found else []
    return {int(key): bytes.fromhex(said) for key, said in zip(words[::2], words[1::2], strict=True)}
