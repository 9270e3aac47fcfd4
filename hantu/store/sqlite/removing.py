"""Taking segments out of the file: whole ones, and entries whose time is over out of others.

Such a segment is written anew without these entries, under the same keys; so what directories and
counts say is always exact. What stays of segments that follow one another becomes one segment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import chain, compress
from typing import Final

import apsw
import numpy as np

from hantu.store.base import StoreError
from hantu.store.keeping import Deadlines
from hantu.store.sqlite.batch import LEVEL_BITS, Batch, BoolArray, IntArray
from hantu.store.sqlite.catalog import COLUMN_BITS, PARTITION_BITS, Catalog, DamagedColumn
from hantu.store.sqlite.database import Database, Reader
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.past import Past, sum_of, tallied
from hantu.store.sqlite.sealing import SEAL_CHARACTERS, SEAL_ENTRIES, Packed, Sealer, next_generation, put
from hantu.store.sqlite.segment_writer import encode
from hantu.store.sqlite.shape_lots import LOT_SHAPES, NewShapes, Numbered, in_lots, pack_lot, unpack_lot
from hantu.store.sqlite.snapshot import Segment
from hantu.store.sqlite.word_index import WordIndex, documents, make_anew, remove_documents

_SUBTRACT: Final = "UPDATE cell SET entries = entries - ? WHERE cell_no = ?"
_REMOVED: Final = "UPDATE meta SET value = value + ? WHERE name = 'shapes_removed'"
_OLD_STREAMS: Final = "SELECT stream_no, newest_ns FROM stream WHERE newest_ns < ?"
# Unless a seal has set it meanwhile.
_SET_NEWEST: Final = "UPDATE stream SET newest_ns = ? WHERE stream_no = ? AND newest_ns = ?"
LOTS_MOST: Final = 64
"""With more lots than this they are put together."""

Counted = tuple[Segment, Counter[int]]
"""A segment, and how many entries of each rule it has."""


class Removing:
    """Removes segments and shapes from a Database."""

    def __init__(self, database: Database, catalog: Catalog, sealer: Sealer) -> None:
        self._database = database
        self._catalog = catalog
        self._sealer = sealer

    def drop(self, segments: Sequence[Counted]) -> Counter[int]:
        """Remove these segments in one transaction; how many entries of each rule they had.

        Those that another clean-up has removed meanwhile are left out."""
        with self._database.reading(None) as reader:
            now = self._now(reader, [old for old, _ in segments])
            there = [now[old.segment_no] for old, _ in segments if old.segment_no in now]
            cells = [self._cells(reader, segment) for segment in there]
        with self._database.writing() as connection:
            for segment, own in zip(there, cells, strict=True):
                _take_out(connection, segment, own)
                connection.execute(
                    "DELETE FROM event WHERE key BETWEEN ? AND ?", (segment.first_key, segment.last_key)
                )
            _forget_empty(connection)
            next_generation(connection)
        return sum_of(many for old, many in segments if old.segment_no in now)

    def drop_hot(self, deadlines: Deadlines) -> Counter[int]:
        """Remove the hot batches of which nothing stays; how many entries of each rule they had."""
        with self._sealer.turn:
            with self._database.reading(None) as reader:
                past = Past(self._catalog, reader, deadlines)
                counted = [(batch, past.of_batch(batch)) for batch in past.view.hot]
            whole = [(batch, many) for batch, many in counted if many.total() == len(batch)]
            if whole:
                with self._database.writing() as connection:
                    for batch, _ in whole:
                        connection.execute("DELETE FROM hot WHERE first_key = ?", (batch.first_key,))
                        connection.execute(
                            "DELETE FROM event WHERE key BETWEEN ? AND ?", (batch.first_key, batch.last_key)
                        )
                    next_generation(connection)
                self._sealer.dropped([batch for batch, _ in whole])
        return sum_of(many for _, many in whole)

    def _now(self, reader: Reader, segments: Sequence[Segment]) -> dict[int, Segment]:
        """These segments as they are now, by number: between two slices some may get a filter group, and
        another clean-up may remove some."""
        wanted = {segment.segment_no for segment in segments}
        view = self._catalog.view(reader)
        return {each.segment_no: each for each in view.segments if each.segment_no in wanted}

    def rewrite(self, run: Sequence[Segment], deadlines: Deadlines) -> tuple[int, Counter[int]]:
        """Write the first segments of a run anew without the entries whose time is over: as many as fit
        into one. How many of the run are done, and how many entries of each rule went.

        run: follow one after the other by key; else a segment's keys would reach over another's."""
        with self._sealer.turn:
            shapes = self._catalog.shapes
            try:
                done, rests = self._rests(run, deadlines)
                gone = sum_of(rest.gone for rest in rests)
                if gone:
                    self._replace(rests)
            except BaseException:
                shapes.forget_fresh()
                raise
            shapes.keep_fresh()
            return done, gone

    def _rests(self, run: Sequence[Segment], deadlines: Deadlines) -> tuple[int, list[_Rest]]:
        """What stays of the first segments of a run; how many of them were looked at."""
        rests: list[_Rest] = []
        with self._database.reading(None) as reader:
            past = Past(self._catalog, reader, deadlines)
            now = self._now(reader, run)
            for done, old in enumerate(run):
                segment = now.get(old.segment_no)
                if segment is None:
                    continue
                try:
                    cells = self._cells(reader, segment)
                    rest = _Rest(segment, cells, *kept(self._catalog.frame(reader, segment), past))
                except DamagedColumn:
                    # What cannot be read cannot be sorted out: it goes when all of it is over.
                    return (done, rests) if rests else (done + 1, rests)
                if not rest.gone:
                    return (done, rests) if rests else (done + 1, rests)
                if rests and not _fits((*rests, rest)):
                    return done, rests
                rests.append(rest)
        return len(run), rests

    def _replace(self, rests: Sequence[_Rest]) -> None:
        shapes = self._catalog.shapes
        batch = _joined([rest.batch for rest in rests])
        packed = Packed(batch, encode(batch, shapes)) if len(batch) else None
        fresh = NewShapes(shapes.fresh())
        with self._database.writing() as connection:
            fresh.put(connection)
            if packed is not None:
                put(connection, packed)
            for rest in rests:
                _take_out(connection, rest.segment, rest.cells)
                connection.executemany(
                    "DELETE FROM event WHERE key = ?", [(key,) for key in rest.keys_gone]
                )
            _forget_empty(connection)
            next_generation(connection)

    def mend_newest(self, before_ns: int) -> None:
        """Set the newest time of streams anew whose newest entry was before this: rules by level may have
        taken it and left older ones."""
        with self._database.reading(None) as reader:
            known: dict[int, int] = dict(reader.rows(_OLD_STREAMS, (before_ns,)))
            if not known:
                return
            now = self._newest(reader, known)
        changes = [
            (now.get(stream), stream, was) for stream, was in known.items() if now.get(stream) != was
        ]
        if changes and not self._catalog.damaged:
            with self._database.writing() as connection:
                connection.executemany(_SET_NEWEST, changes)

    def _newest(self, reader: Reader, known: Mapping[int, int]) -> dict[int, int]:
        """The newest time in segments of these streams, given with the latest that it can be."""
        found: dict[int, int] = {}
        left = dict(known)
        for segment in sorted(self._catalog.view(reader).segments, key=lambda each: -each.newest_ns):
            left = {
                stream: most
                for stream, most in left.items()
                if stream not in found or found[stream] < min(most, segment.newest_ns)
            }
            if not left:
                break
            with suppress(DamagedColumn):
                frame = self._catalog.frame(reader, segment)
                streams = frame.cells >> LEVEL_BITS
                for stream in set(streams.tolist()) & set(left):
                    lines = np.flatnonzero(np.repeat(streams == stream, frame.counts))
                    newest = int(frame.times(lines).max())
                    found[stream] = max(found.get(stream, newest), newest)
        return found

    def drop_shapes(self, breathe: Callable[[], None]) -> None:
        """Forget shapes that no segment uses; breathe() is called between slices."""
        # While no segment is written: a new one may use any shape that is known.
        with self._sealer.turn:
            with self._database.reading(None) as reader:
                view = self._catalog.view(reader)
                used = [self._catalog.shapes_in(reader, block) for block in view.blocks]
                if self._catalog.damaged:
                    return
                lots = [unpack_lot(data) for (data,) in reader.rows("SELECT data FROM shape_lot")]
            known = np.array([number for lot in lots for number, _ in lot], np.int64)
            stays = _among(known, used)
            unused = set(known[~stays].tolist())
            left = list(compress(chain.from_iterable(lots), stays.tolist()))
            if unused:
                # From now on no new line uses them.
                self._catalog.shapes.remove(unused)
                self._catalog.hot_frames.forget()
            if unused or len(lots) > LOTS_MOST:
                self._write_lots(left, len(unused))
            self._drop_words(set(known[stays].tolist()), breathe)

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


def _among(numbers: IntArray, sets: Sequence[IntArray]) -> BoolArray:
    """Which of these numbers ≥ 0 are in one of the sets."""
    there = np.zeros(1 + max(int(each.max(initial=0)) for each in (numbers, *sets)), np.bool_)
    for each in sets:
        there[each] = True
    found: BoolArray = there[numbers]
    return found


class _Rest:
    """What stays of a segment. gone: how many entries of each rule do not; keys_gone: theirs."""

    __slots__ = ("batch", "cells", "gone", "keys_gone", "segment")

    def __init__(
        self, segment: Segment, cells: Counter[int], batch: Batch, keys_gone: list[int], gone: Counter[int]
    ) -> None:
        self.segment = segment
        self.cells = cells
        self.batch = batch
        self.keys_gone = keys_gone
        self.gone = gone


def _fits(rests: Sequence[_Rest]) -> bool:
    """Whether they make one segment."""
    entries = sum(len(rest.batch) for rest in rests)
    characters = sum(len(message) for rest in rests for message in rest.batch.messages)
    return entries <= SEAL_ENTRIES and characters <= SEAL_CHARACTERS


def kept(frame: Frame, past: Past) -> tuple[Batch, list[int], Counter[int]]:
    """The entries of a frame that stay, the keys of the others, and how many of each rule these are."""
    lines = frame.line_of(np.arange(frame.size))
    over, rules = past.of_lines(frame, lines)
    times = frame.times(lines)
    gone = frame.keys(lines[over]).tolist()
    lines = lines[~over]
    column = frame.metadata()
    texts = column.texts
    return (
        Batch(
            keys=frame.keys(lines),
            times=times[~over],
            cells=np.repeat(frame.cells, frame.counts)[lines],
            messages=frame.messages(lines),
            metadata=[None if number < 0 else texts[number] for number in column.ids[lines].tolist()],
            created=frame.created(lines),
        ),
        gone,
        tallied(rules[over]),
    )


def _joined(batches: Sequence[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    return Batch(
        keys=np.concatenate([batch.keys for batch in batches]),
        times=np.concatenate([batch.times for batch in batches]),
        cells=np.concatenate([batch.cells for batch in batches]),
        messages=[message for batch in batches for message in batch.messages],
        metadata=[text for batch in batches for text in batch.metadata],
        created=np.concatenate([batch.created for batch in batches]),
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
