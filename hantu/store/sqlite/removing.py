"""Taking segments out of the file: whole ones, and the old part of one on the border.

A border segment is written anew without its old entries, under the same keys; so what directories
and counts say is always exact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import apsw
import numpy as np

from hantu.store.base import StoreError
from hantu.store.sqlite.batch import Batch
from hantu.store.sqlite.catalog import COLUMN_BITS, PARTITION_BITS, Catalog, DamagedColumn
from hantu.store.sqlite.database import Database, Reader
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.sealing import Packed, Sealer, next_generation, put
from hantu.store.sqlite.segment_writer import encode
from hantu.store.sqlite.shape_lots import LOT_SHAPES, NewShapes, Numbered, in_lots, pack_lot, unpack_lot
from hantu.store.sqlite.snapshot import Segment
from hantu.store.sqlite.word_index import WordIndex, documents, make_anew, remove_documents

_SUBTRACT: Final = "UPDATE cell SET entries = entries - ? WHERE cell_no = ?"
_REMOVED: Final = "UPDATE meta SET value = value + ? WHERE name = 'shapes_removed'"
LOTS_MOST: Final = 64
"""With more lots than this they are put together."""


class Removing:
    """Removes segments and shapes from a Database."""

    def __init__(self, database: Database, catalog: Catalog, sealer: Sealer) -> None:
        self._database = database
        self._catalog = catalog
        self._sealer = sealer

    def drop(self, segments: Sequence[Segment]) -> int:
        """Remove these segments in one transaction; how many entries they had."""
        with self._database.reading(None) as reader:
            cells = [self._cells(reader, segment) for segment in segments]
        with self._database.writing() as connection:
            for segment, own in zip(segments, cells, strict=True):
                _take_out(connection, segment, own)
                connection.execute(
                    "DELETE FROM event WHERE key BETWEEN ? AND ?", (segment.first_key, segment.last_key)
                )
            _forget_empty(connection)
            next_generation(connection)
        return sum(segment.entries for segment in segments)

    def cut(self, segment: Segment, before_ns: int) -> int:
        """Write a segment anew without its entries older than before_ns; how many went."""
        with self._sealer.turn:
            shapes = self._catalog.shapes
            try:
                with self._database.reading(None) as reader:
                    cells = self._cells(reader, segment)
                    frame = self._catalog.frame(reader, segment)
                    batch, gone = kept(frame, before_ns)
                packed = Packed(batch, encode(batch, shapes))
                fresh = NewShapes(shapes.fresh())
                with self._database.writing() as connection:
                    fresh.put(connection)
                    put(connection, packed)
                    _take_out(connection, segment, cells)
                    connection.executemany("DELETE FROM event WHERE key = ?", [(key,) for key in gone])
                    _forget_empty(connection)
                    next_generation(connection)
            except DamagedColumn:
                # What cannot be read cannot be sorted out: it goes when all of it is old.
                shapes.forget_fresh()
                return 0
            except BaseException:
                shapes.forget_fresh()
                raise
            shapes.keep_fresh()
            return len(gone)

    def drop_shapes(self, breathe: Callable[[], None]) -> None:
        """Forget shapes that no segment uses; breathe() is called between slices."""
        # While no segment is written: a new one may use any shape that is known.
        with self._sealer.turn:
            with self._database.reading(None) as reader:
                view = self._catalog.view(reader)
                used = [self._catalog.directory(reader, block).shapes for block in view.blocks]
                if self._catalog.damaged:
                    return
                lots = [unpack_lot(data) for (data,) in reader.rows("SELECT data FROM shape_lot")]
            known = np.array([number for lot in lots for number, _ in lot], np.int64)
            unused = set(np.setdiff1d(known, np.concatenate(used) if used else known[:0]).tolist())
            left = [shape for lot in lots for shape in lot if shape[0] not in unused]
            if unused:
                # From now on no new line uses them.
                self._catalog.shapes.remove(unused)
                self._catalog.hot_frames.forget()
            if unused or len(lots) > LOTS_MOST:
                self._write_lots(left, len(unused))
            self._drop_words({number for number, _ in left}, breathe)

    def _drop_words(self, kept: set[int], breathe: Callable[[], None]) -> None:
        """Forget the words of all other shapes, also of those that a clean-up left which was ended."""
        try:
            with self._database.reading(None) as reader:
                gone = [number for number in WordIndex(reader).numbers() if number not in kept]
        except StoreError:
            # The index is damaged: Retention makes it anew, and then nothing is left over.
            return
        for at in range(0, len(gone), LOT_SHAPES):
            breathe()
            with self._database.writing() as connection:
                remove_documents(connection, gone[at : at + LOT_SHAPES])

    def index_words_anew(self) -> None:
        """Make the index of words again from the shapes.

        In one transaction: other processes ask it meanwhile and must find all of it. 50,000 shapes keep
        writers waiting for 0.13 s, on a day when something is damaged."""
        with self._sealer.turn:
            lots: list[Numbered] = []
            with self._database.reading(None) as reader:
                for (data,) in reader.rows("SELECT data FROM shape_lot"):
                    # Lines of a damaged lot cannot be shown, so they need not be found.
                    with suppress(ValueError):
                        lots += unpack_lot(data)
            every = documents(lots)
            with self._database.writing() as connection:
                make_anew(connection, every)
        self._catalog.shapes.search.trust_words()

    def _write_lots(self, shapes: Sequence[Numbered], removed: int) -> None:
        """Write all shapes anew, in lots of a good size."""
        packed = [(pack_lot(lot),) for lot in in_lots(shapes)]
        with self._database.writing() as connection:
            connection.execute("DELETE FROM shape_lot")
            connection.executemany("INSERT INTO shape_lot (data) VALUES (?)", packed)
            connection.execute(_REMOVED, (removed,))
            next_generation(connection)

    def _cells(self, reader: Reader, segment: Segment) -> Counter[int]:
        """How many entries of each cell a segment has."""
        counts: Counter[int] = Counter()
        try:
            frame = self._catalog.frame(reader, segment)
            for cell, many in zip(frame.cells.tolist(), frame.counts.tolist(), strict=True):
                counts[cell] += many
        except DamagedColumn:
            pass
        return counts


def kept(frame: Frame, before_ns: int) -> tuple[Batch, list[int]]:
    """The entries of a frame that are not older than before_ns, and the keys of the others."""
    lines = frame.line_of(np.arange(frame.size))
    times = frame.times(lines)
    young = times >= before_ns
    gone = frame.keys(lines[~young]).tolist()
    lines = lines[young]
    column = frame.metadata()
    texts = column.texts
    return (
        Batch(
            keys=frame.keys(lines),
            times=times[young],
            cells=np.repeat(frame.cells, frame.counts)[lines],
            messages=frame.messages(lines),
            metadata=[None if number < 0 else texts[number] for number in column.ids[lines].tolist()],
            created=frame.created(lines),
        ),
        gone,
    )


def _take_out(connection: apsw.Connection, segment: Segment, cells: Counter[int]) -> None:
    first = segment.segment_no << COLUMN_BITS
    connection.execute("DELETE FROM segment WHERE segment_no = ?", (segment.segment_no,))
    connection.execute(
        "DELETE FROM segment_column WHERE column_id >= ? AND column_id < ?",
        (first, first + (1 << COLUMN_BITS)),
    )
    connection.executemany(_SUBTRACT, [(many, cell) for cell, many in cells.items()])
    if segment.group_no is not None:
        left = connection.execute(
            "SELECT count(*) FROM segment WHERE group_no = ?", (segment.group_no,)
        ).get
        if not left:
            connection.execute(
                "DELETE FROM filter_row WHERE row_id >= ? AND row_id < ?",
                (segment.group_no << PARTITION_BITS, (segment.group_no + 1) << PARTITION_BITS),
            )


def _forget_empty(connection: apsw.Connection) -> None:
    connection.execute("DELETE FROM cell WHERE entries <= 0")
