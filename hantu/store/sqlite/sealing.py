"""Sealing: the oldest hot batches become a segment, in one transaction.

Encoding happens before the transaction, so that other writes wait only for its few inserts. The
filters of every 32 segments are then put together, so that a look-up reads one row."""

from __future__ import annotations

import logging
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Final

import apsw
import numpy as np

from hantu.store.base import StoreError
from hantu.store.sqlite.batch import LEVEL_BITS, Batch, Column
from hantu.store.sqlite.catalog import COLUMN_BITS, PARTITION_BITS, Catalog, DamagedColumn
from hantu.store.sqlite.database import Database
from hantu.store.sqlite.filter import transpose
from hantu.store.sqlite.grouping import FORMAT
from hantu.store.sqlite.hot import HotBatch, joined
from hantu.store.sqlite.packing import pack, pack_row
from hantu.store.sqlite.segment_writer import encode
from hantu.store.sqlite.shape_lots import NewShapes
from hantu.store.sqlite.snapshot import GROUP, Segment
from hantu.threads import Backoff, Worker

log = logging.getLogger(__name__)

SEAL_ENTRIES: Final = 16_384
SEAL_CHARACTERS: Final = 4 * 1024 * 1024
"""Of messages and metadata: who looks for an id reads all the metadata of the segments that may hold it."""
CALM_S: Final = 2.0
"""With so long between two seals, what queries have made of unsealed lines is given up before one: most of
it goes with the seal anyway, and that is when most memory is in use."""
BEHIND: Final = 4
"""With this many segments' worth of hot entries a writer seals before it writes on."""

BEHIND_S: Final = 1.0
"""It waits for its turn only so long: a clean-up that has it may be waiting for this very writer."""

_ADD_SEGMENT: Final = """
INSERT INTO segment (first_key, last_key, entries, oldest_ns, newest_ns, format)
VALUES (?, ?, ?, ?, ?, ?)
RETURNING segment_no
"""
_ADD_COLUMN: Final = "INSERT INTO segment_column (column_id, checksum, data) VALUES (?, ?, ?)"
_ADD_COUNT: Final = """
INSERT INTO cell (cell_no, entries)
VALUES (?, ?)
ON CONFLICT DO UPDATE SET entries = entries + excluded.entries
"""
_SET_NEWEST: Final = """
UPDATE stream
SET newest_ns = max(ifnull(newest_ns, ?1), ?1)
WHERE stream_no = ?2
"""
_NEXT: Final = "UPDATE meta SET value = value + 1 WHERE name = 'generation'"


class Packed:
    """A segment ready to be stored: its row, its columns, what it adds to the counts."""

    def __init__(self, batch: Batch, columns: Mapping[Column, bytes]) -> None:
        self.row = (
            int(batch.keys[0]),
            int(batch.keys[-1]),
            len(batch),
            int(batch.times.min()),
            int(batch.times.max()),
            FORMAT,
        )
        self.columns = {column: pack(column, raw) for column, raw in columns.items()}
        cells, counts = np.unique(batch.cells, return_counts=True)
        self.cells = list(zip(cells.tolist(), counts.tolist(), strict=True))
        self.newest = _newest(batch)


def _newest(batch: Batch) -> list[tuple[int, int]]:
    """(newest time, stream number) of each stream."""
    numbers = batch.cells >> LEVEL_BITS
    order = np.lexsort((batch.times, numbers))
    last = np.flatnonzero(np.append(numbers[order][1:] != numbers[order][:-1], True))
    at = order[last]
    return list(zip(batch.times[at].tolist(), numbers[at].tolist(), strict=True))


def put(connection: apsw.Connection, packed: Packed) -> int:
    """Store a segment within a transaction; its number."""
    segment_no: int = connection.execute(_ADD_SEGMENT, packed.row).get
    connection.executemany(
        _ADD_COLUMN,
        [
            (segment_no << COLUMN_BITS | column, zlib.crc32(data), data)
            for column, data in sorted(packed.columns.items())
        ],
    )
    connection.executemany(_ADD_COUNT, packed.cells)
    connection.executemany(_SET_NEWEST, packed.newest)
    return segment_no


def next_generation(connection: apsw.Connection) -> None:
    """Tell readers that segments have come or gone."""
    connection.execute(_NEXT)


class Sealer:
    """Seals the hot tier of a Database when there is enough of it.

    background: in a thread of its own; otherwise in the writer's."""

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        *,
        seal_entries: int = SEAL_ENTRIES,
        background: bool = True,
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._seal_entries = seal_entries
        self.turn = threading.RLock()
        """Held while a segment is written."""
        self._tally = threading.Lock()
        self._entries = 0
        self._characters = 0
        self._sealed_s = 0.0
        self._wake = threading.Event()
        self._worker = Worker("store-seal", self._run, backoff=Backoff()) if background else None

    def begin(self) -> None:
        """Take stock of what a former process left, and start the thread."""
        try:
            with self._database.reading(None) as reader:
                hot = self._catalog.view(reader).hot
            self._entries, self._characters = sum(map(len, hot)), _characters(hot)
        except StoreError as error:
            # What can be read is still there for queries; maintenance tells more.
            log.error("%s", error)
        if self._worker is not None:
            self._worker.start()
            if self._due(1):
                self._wake.set()

    def accepted(self, batch: HotBatch) -> None:
        """A batch was committed."""
        with self._tally:
            self._entries += len(batch)
            self._characters += batch.characters
        if not self._due(1):
            return
        if self._worker is not None and not self._due(BEHIND):
            self._wake.set()
        elif self.turn.acquire(timeout=BEHIND_S):
            try:
                self._seal_all()
            finally:
                self.turn.release()

    def dropped(self, batches: Sequence[HotBatch]) -> None:
        """These batches are hot no longer."""
        with self._tally:
            self._entries -= sum(map(len, batches))
            self._characters -= _characters(batches)

    def close(self) -> None:
        """End the thread; what is hot stays hot."""
        if self._worker is not None:
            self._worker.stop()
            self._wake.set()
            self._worker.join(30.0)

    def _due(self, times: int) -> bool:
        return self._entries >= times * self._seal_entries or self._characters >= times * SEAL_CHARACTERS

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._wake.wait()
            self._wake.clear()
            if not stop.is_set():
                self._seal_all()

    def _seal_all(self) -> None:
        try:
            while self._due(1) and self.seal():
                pass
        except StoreError as error:
            # Everything is stored already; it is tried again with the next batch.
            log.warning("a segment could not be sealed: %s", error)

    def seal(self) -> int:
        """Seal the oldest hot entries, about one segment; how many they were, 0 when there are none.

        Raises StoreError; nothing has changed then."""
        with self.turn:
            with self._database.reading(None) as reader:
                hot = self._catalog.view(reader).hot
            batches = self._chosen(hot)
            if not batches:
                return 0
            if time.monotonic() - self._sealed_s > CALM_S:
                self._catalog.hot_frames.forget()
            shapes = self._catalog.shapes
            try:
                batch = joined(batches)
                packed = Packed(batch, encode(batch, shapes, self._database.give_way))
                fresh = NewShapes(shapes.fresh())
                with self._database.writing() as connection:
                    fresh.put(connection)
                    put(connection, packed)
                    connection.execute(
                        "DELETE FROM hot WHERE first_key BETWEEN ? AND ?",
                        (batches[0].first_key, batches[-1].first_key),
                    )
                    next_generation(connection)
            except BaseException:
                shapes.forget_fresh()
                raise
            shapes.keep_fresh()
            self.dropped(batches)
            self.group()
            return len(batch)

    def _chosen(self, hot: Sequence[HotBatch]) -> list[HotBatch]:
        entries = characters = 0
        chosen: list[HotBatch] = []
        for batch in hot:
            chosen.append(batch)
            entries += len(batch)
            characters += batch.characters
            if entries >= self._seal_entries or characters >= SEAL_CHARACTERS:
                break
        return chosen

    def group(self) -> None:
        """Put the filters of GROUP segments together, when there are that many alone."""
        with self._database.reading(None) as reader:
            alone = [segment for segment in self._catalog.view(reader).segments if segment.group_no is None]
            if len(alone) < GROUP:
                return
            members = alone[:GROUP]
            try:
                filters = [
                    self._catalog.column(reader, segment.segment_no, Column.FILTER) for segment in members
                ]
                rows = [pack_row(row) for row in transpose(filters)]
            except DamagedColumn:
                return
        with self._database.writing() as connection:
            put_group(connection, members, rows)


def _characters(batches: Sequence[HotBatch]) -> int:
    return sum(batch.characters for batch in batches)


def put_group(connection: apsw.Connection, members: Sequence[Segment], rows: Sequence[bytes]) -> None:
    """Store the filters of these segments together, within a transaction. rows: packed."""
    group_no: int = connection.execute("SELECT ifnull(max(group_no), 0) + 1 FROM segment").get
    connection.executemany(
        "INSERT INTO filter_row (row_id, data) VALUES (?, ?)",
        [(group_no << PARTITION_BITS | partition, row) for partition, row in enumerate(rows)],
    )
    connection.executemany(
        "UPDATE segment SET group_no = ?, position = ? WHERE segment_no = ?",
        [(group_no, at, segment.segment_no) for at, segment in enumerate(members)],
    )
    connection.executemany(
        "DELETE FROM segment_column WHERE column_id = ?",
        [(segment.segment_no << COLUMN_BITS | Column.FILTER,) for segment in members],
    )
    next_generation(connection)
