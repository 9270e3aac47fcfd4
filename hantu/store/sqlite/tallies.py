"""Counting: histogram, facets, statistics. What directories can answer is not counted line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import apsw
import numpy as np

from hantu.model import LogLevel
from hantu.query.fields import leaf_paths, value_texts
from hantu.query.logquery import LogQuery
from hantu.store.base import Facet, Histogram, SourceInfo, StoreStats
from hantu.store.sqlite.batch import LEVEL_BITS, BoolArray, IntArray
from hantu.store.sqlite.buckets import LEVELS_MOST, add, add_unit
from hantu.store.sqlite.catalog import Catalog
from hantu.store.sqlite.database import Database, Reader
from hantu.store.sqlite.entries import LEVEL_MASK, LEVELS, EntryReader, decode_metadata
from hantu.store.sqlite.search import Search
from hantu.store.sqlite.snapshot import View
from hantu.store.sqlite.sweep import Unit

RECENT_ENTRIES: Final = 1_000
VALUES_MOST: Final = 200_000
"""Different values of a field that are counted; beyond it those seen once are let go."""

_OF_STREAMS: Final = ("source", "source_id", "level")
_CELLS_MOST: Final = 1 << 20


class Tallies:
    """Counts over a Database."""

    def __init__(self, database: Database, catalog: Catalog, entries: EntryReader, search: Search) -> None:
        self._database = database
        self._catalog = catalog
        self._entries = entries
        self._search = search

    def histogram(
        self, query: LogQuery, *, start_ns: int, end_ns: int, buckets: int, limit_ms: int
    ) -> Histogram:
        """As LogStorage.histogram."""
        width_ns = max(1, -(-(end_ns - start_ns) // buckets))
        counts = np.zeros(buckets * LEVELS_MOST, np.int64)
        complete = True
        with self._database.reading(limit_ms) as reader:
            sweep = self._search.sweep(reader, query)
            plan = sweep.plan
            plan.start_ns = max(plan.start_ns, start_ns)
            plan.end_ns = min(plan.end_ns, end_ns)

            def in_one_bucket(oldest_ns: IntArray, newest_ns: IntArray) -> BoolArray:
                same: BoolArray = (oldest_ns - start_ns) // width_ns == (newest_ns - start_ns) // width_ns
                return same

            try:
                for lot in sweep.settled(in_one_bucket):
                    buckets_of = (lot.oldest_ns - start_ns) // width_ns
                    add(counts, buckets_of * LEVELS_MOST + (lot.cells & LEVEL_MASK), lot.counts)
                for unit in sweep.units(newest_first=True):
                    try:
                        add_unit(counts, unit, start_ns, width_ns)
                    except ValueError as error:
                        unit.excuse(error)
            except apsw.InterruptError:
                complete = False
        rows = tuple(
            (row[0], row[1], row[2], row[3], row[4], row[5])
            for row in counts.reshape(buckets, LEVELS_MOST).tolist()
        )
        return Histogram(start_ns, width_ns, rows, complete)

    def facets(
        self, query: LogQuery, fields: Sequence[str], *, most: int, limit_ms: int
    ) -> tuple[Facet, ...]:
        """As LogStorage.facets."""
        counts: dict[str, Counter[str]] = {field: Counter() for field in fields}
        paths = {field: values for field, values in counts.items() if field not in _OF_STREAMS}
        cells: Counter[int] = Counter()
        complete = True
        with self._database.reading(limit_ms) as reader:
            sweep = self._search.sweep(reader, query)
            streams = self._catalog.streams(reader)
            try:
                if not paths:
                    for found in sweep.totals():
                        _count_cells(cells, *found)
                for unit in sweep.units(newest_first=True):
                    try:
                        _add_cells(cells, unit)
                        if paths:
                            complete &= _add_values(reader, unit, paths)
                    except ValueError as error:
                        unit.excuse(error)
            except apsw.InterruptError:
                complete = False
        for cell, many in cells.items():
            values = (*streams[cell >> LEVEL_BITS], LEVELS[cell & LEVEL_MASK].label)
            for field, value in zip(_OF_STREAMS, values, strict=True):
                if field in counts:
                    counts[field][value] += many
        return tuple(Facet(field, top(counts[field], most), complete) for field in fields)

    def field_names(self, most: int, limit_ms: int) -> tuple[str, ...]:
        """As LogStorage.field_names."""
        counts: Counter[str] = Counter()
        with self._database.reading(limit_ms) as reader:
            for text, many in self._recent(reader).items():
                for path in leaf_paths(decode_metadata(text)):
                    counts[path] += many
        return tuple(name for name, _ in top(counts, most))

    def _recent(self, reader: Reader) -> Counter[bytes]:
        """The metadata of the last RECENT_ENTRIES entries that arrived."""
        view = self._catalog.view(reader)
        texts: Counter[bytes] = Counter()
        left = RECENT_ENTRIES
        for batch in reversed(view.hot):
            texts.update(text for text in batch.metadata[-left:] if text is not None)
            left -= len(batch)
            if left <= 0:
                return texts
        for segment in sorted(view.segments, key=lambda each: -each.last_key):
            try:
                frame = self._catalog.frame(reader, segment)
                arrivals = np.arange(max(0, frame.size - left), frame.size)
                column = frame.metadata()
                for number in column.ids[frame.line_of(arrivals)].tolist():
                    if number >= 0:
                        texts[column.texts[number]] += 1
            except ValueError as error:
                self._catalog.excuse(error)
                continue
            left -= segment.entries
            if left <= 0:
                break
        return texts

    def source_ids(self, limit_ms: int) -> tuple[SourceInfo, ...]:
        """As LogStorage.source_ids."""
        with self._database.reading(limit_ms) as reader:
            view = self._catalog.view(reader)
            streams = self._catalog.streams(reader)
            entries: Counter[int] = Counter()
            for cell, many in _totals(reader, view).items():
                entries[cell >> LEVEL_BITS] += many
            newest: dict[int, int] = dict(
                reader.rows("SELECT stream_no, newest_ns FROM stream WHERE newest_ns IS NOT NULL")
            )
        for batch in view.hot:
            for cell, time_ns in zip(batch.cells, batch.times, strict=True):
                number = cell >> LEVEL_BITS
                if number not in newest or newest[number] < time_ns:
                    newest[number] = time_ns
        found = (
            SourceInfo(*streams[number], many, newest[number])
            for number, many in entries.items()
            if many > 0
        )
        return tuple(sorted(found, key=lambda info: (info.source, info.source_id)))

    def stats(self, limit_ms: int) -> StoreStats:
        """As LogStorage.stats."""
        with self._database.reading(limit_ms) as reader:
            view = self._catalog.view(reader)
            streams = self._catalog.streams(reader)
            by_source: Counter[str] = Counter()
            by_level: Counter[LogLevel] = Counter()
            for cell, many in _totals(reader, view).items():
                if many > 0:
                    by_source[streams[cell >> LEVEL_BITS][0]] += many
                    by_level[LEVELS[cell & LEVEL_MASK]] += many
            pages = reader.value("PRAGMA page_count")
            page_bytes = reader.value("PRAGMA page_size")
            version = reader.value("PRAGMA user_version")
        oldest = [segment.oldest_ns for segment in view.segments]
        newest = [segment.newest_ns for segment in view.segments]
        oldest += [min(batch.times) for batch in view.hot]
        newest += [max(batch.times) for batch in view.hot]
        return StoreStats(
            entries=by_source.total(),
            by_source=dict(sorted(by_source.items())),
            by_level=dict(sorted(by_level.items())),
            size_bytes=pages * page_bytes,
            wal_bytes=self._database.wal_bytes,
            oldest_ns=min(oldest, default=None),
            newest_ns=max(newest, default=None),
            cursor=view.cursor,
            schema_version=version,
        )


def top(counts: Counter[str], most: int) -> tuple[tuple[str, int], ...]:
    """The `most` frequent, ties by name."""
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])


def _totals(reader: Reader, view: View) -> Counter[int]:
    """Entries by cell."""
    totals: Counter[int] = Counter(dict(reader.rows("SELECT cell_no, entries FROM cell")))
    for batch in view.hot:
        totals.update(batch.cells)
    return totals


def _add_cells(counts: Counter[int], unit: Unit) -> None:
    if unit.settled:
        cells, many = unit.groups[0], unit.matching
        _count_cells(counts, cells[many > 0], many[many > 0])
        return
    lines = unit.lines()
    frame = unit.frame
    cells = np.repeat(frame.cells, frame.counts)[lines]
    _count_cells(counts, cells, np.ones(len(lines), np.int64))


def _count_cells(counts: Counter[int], cells: IntArray, many: IntArray) -> None:
    if len(cells):
        for cell, number in zip(*_summed(cells, many), strict=True):
            counts[cell] += number


def _summed(cells: IntArray, many: IntArray) -> tuple[list[int], list[int]]:
    most = int(cells.max())
    if most < _CELLS_MOST:
        totals = np.bincount(cells, weights=many).astype(np.int64)
        names = np.flatnonzero(totals)
        return names.tolist(), totals[names].tolist()
    names, at = np.unique(cells, return_inverse=True)
    return names.tolist(), np.bincount(at, weights=many).astype(np.int64).tolist()


def _add_values(reader: Reader, unit: Unit, counts: dict[str, Counter[str]]) -> bool:
    """Count the values at metadata paths; False when there were too many to count all."""
    complete = True
    lines = unit.lines()
    if not len(lines):
        return complete
    column = unit.frame.metadata()
    ids = column.ids[lines]
    numbers, many = np.unique(ids[ids >= 0], return_counts=True)
    for number, times in zip(numbers.tolist(), many.tolist(), strict=True):
        if reader.deadline.passed:
            raise apsw.InterruptError
        metadata = decode_metadata(column.texts[number])
        for path, values in counts.items():
            for value in value_texts(metadata, path):
                values[value] += times
    for values in counts.values():
        if len(values) > VALUES_MOST:
            complete = False
            for value in [value for value, times in values.items() if times == 1]:
                del values[value]
    return complete
