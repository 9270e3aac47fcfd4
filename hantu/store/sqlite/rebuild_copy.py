"""Copying a row store's file into a new one, and comparing the two, entry by entry.

How far it got stands in the row `rebuild` of the table meta; it is written with every segment and is
gone once all was compared."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Final

import apsw
import msgspec
import numpy as np

from hantu.store.base import StoreError
from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.catalog import Catalog
from hantu.store.sqlite.database import Database
from hantu.store.sqlite.row_file import Identity, Row, RowFile, as_batch, lots
from hantu.store.sqlite.sealing import SEAL_CHARACTERS, Packed, Sealer, next_generation, put
from hantu.store.sqlite.segment_writer import encode
from hantu.store.sqlite.shape_lots import NewShapes
from hantu.store.sqlite.snapshot import Segment

_IDENTITY: Final = """
SELECT
  (SELECT value FROM meta WHERE name = 'store_id'),
  (SELECT value FROM meta WHERE name = 'cursor'),
  (SELECT ifnull(sum(entries), 0) FROM segment),
  (SELECT min(first_key) FROM segment),
  (SELECT max(last_key) FROM segment)
"""
_PLACE: Final = "SELECT value FROM meta WHERE name = 'rebuild'"
_SET: Final = (
    "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
)
_SMALL: Final = {
    "checkpoint": "name, value",
    "removal": "removal_no, at_ns, before_ns, entries, freed_bytes, reason",
    "token": "name, scope, digest, created_ns, last_used_ns",
}
_STREAMS: Final = {"source": "source_no, name", "stream": "stream_no, source_no, source_id"}


class Different(StoreError):
    """The new file is not what the old one holds."""


class Place(msgspec.Struct, frozen=True):
    """How far it got. of: the old file. Keys and numbers of entries that were copied, and compared."""

    of: Identity
    copied_to: int = 0
    copied: int = 0
    compared_to: int = 0
    compared: int = 0


class Copy:
    """Makes of `rows` what a Database holds. told: of how many entries are copied plus compared."""

    def __init__(
        self, rows: RowFile, database: Database, *, lot_entries: int, told: Callable[[int], None]
    ) -> None:
        self._rows = rows
        self._database = database
        self._lot_entries = lot_entries
        self._told = told

    def begin(self, of: Identity) -> Place | None:
        """Where to go on; None when all is done. Raises Different when it belongs to another file."""
        with self._database.reading(None) as reader:
            found = reader.value(_PLACE)
            own: Identity = reader.rows(_IDENTITY).get
        if found is None and own == of:
            return None
        place = Place(of)
        if found is not None:
            place = msgspec.json.decode(found, type=Place)
            if place.of != of:
                raise Different("it was begun for another state of the file")
        elif own[2]:
            raise Different("it belongs to another file")
        else:
            self._first(place)
        return place

    def run(self, place: Place) -> None:
        """Copy what is missing, compare everything, take over the small tables.

        Raises Different, StoreError."""
        place = self._copy(place)
        self._compare(place)
        self.finish()

    def _first(self, place: Place) -> None:
        store_id, cursor = place.of[:2]
        with self._database.writing() as connection:
            connection.executemany(_SET, [("store_id", store_id), ("cursor", cursor)])
            self._take_over(connection, _STREAMS)
            _note(connection, place)

    def _copy(self, place: Place) -> Place:
        catalog = Catalog(writes=True)
        with self._database.reading(None) as reader:
            catalog.view(reader)
        sealer = Sealer(self._database, catalog, background=False)
        sealer.group()
        shapes = catalog.shapes
        rows = self._rows.rows(place.copied_to)
        for lot in lots(rows, entries=self._lot_entries, characters=SEAL_CHARACTERS):
            batch = as_batch(lot)
            packed = Packed(batch, encode(batch, shapes))
            place = msgspec.structs.replace(place, copied_to=lot[-1][0], copied=place.copied + len(lot))
            with self._database.writing() as connection:
                NewShapes(shapes.fresh()).put(connection)
                put(connection, packed)
                connection.executemany(
                    "INSERT INTO event (event_id, key) VALUES (?, ?)",
                    [(row[6], row[0]) for row in lot if row[6] is not None],
                )
                next_generation(connection)
                _note(connection, place)
            shapes.keep_fresh()
            sealer.group()
            self._told(place.copied + place.compared)
        return place

    def _compare(self, place: Place) -> None:
        # What was written is read back: nothing is known from before.
        catalog = Catalog(writes=False)
        with self._database.reading(None) as reader:
            segments = sorted(catalog.view(reader).segments, key=lambda segment: segment.first_key)
        rows = self._rows.rows(place.compared_to)
        for segment in segments:
            if segment.first_key <= place.compared_to:
                continue
            wanted = list(islice(rows, segment.entries))
            try:
                self._compare_segment(catalog, segment, wanted)
            except ValueError as error:
                raise Different(str(error)) from error
            place = msgspec.structs.replace(
                place, compared_to=segment.last_key, compared=place.compared + segment.entries
            )
            with self._database.writing() as connection:
                _note(connection, place)
            self._told(place.copied + place.compared)
        if next(rows, None) is not None or place.compared != place.of[2]:
            raise Different("entries are missing")

    def _compare_segment(self, catalog: Catalog, segment: Segment, wanted: list[Row]) -> None:
        """Raises ValueError, Different."""
        batch = as_batch(wanted)
        with self._database.reading(None) as reader:
            frame = catalog.frame(reader, segment)
            lines = frame.line_of(np.arange(frame.size))
            keys = frame.keys(lines)
            _same(keys, batch.keys, keys)
            _same(frame.times(lines), batch.times, keys)
            _same(frame.cells[frame.group_of(lines)], batch.cells, keys)
            _same(frame.created(lines), batch.created, keys)
            column = frame.metadata()
            metadata = [
                None if number < 0 else column.texts[number] for number in column.ids[lines].tolist()
            ]
            events = reader.rows(
                "SELECT key, event_id FROM event WHERE key BETWEEN ? AND ? ORDER BY key",
                (segment.first_key, segment.last_key),
            ).fetchall()
            if (
                frame.messages(lines) != list(batch.messages)
                or metadata != batch.metadata
                or events != [(row[0], row[6]) for row in wanted if row[6] is not None]
            ):
                raise Different(
                    f"an entry from {segment.first_key} to {segment.last_key} was not kept as it is"
                )

    def finish(self) -> None:
        """Take over the small tables as they are now; from then on nothing is missing."""
        with self._database.writing(durable=True) as connection:
            for name in _SMALL:
                connection.execute(f"DELETE FROM {name}")  # noqa: S608 — own words
            self._take_over(connection, _SMALL)
            connection.execute("DELETE FROM meta WHERE name = 'rebuild'")

    def _take_over(self, connection: apsw.Connection, tables: dict[str, str]) -> None:
        for name, columns in tables.items():
            marks = ", ".join("?" * len(columns.split(",")))
            connection.executemany(
                f"INSERT INTO {name} ({columns}) VALUES ({marks})",  # noqa: S608 — own words
                self._rows.table(name, columns),
            )


def _note(connection: apsw.Connection, place: Place) -> None:
    connection.execute(_SET, ("rebuild", msgspec.json.encode(place).decode()))


def _same(found: IntArray, wanted: IntArray, keys: IntArray) -> None:
    if len(found) != len(wanted):
        raise Different("entries are missing")
    other = np.flatnonzero(found != wanted)
    if len(other):
        raise Different(f"entry {int(keys[other[0]])} was not kept as it is")
