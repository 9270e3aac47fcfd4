"""Counting: histogram, facets, statistics. What counts of blocks can answer is not counted again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import apsw

from hantu.model import LogLevel
from hantu.query.fields import leaf_paths, value_texts
from hantu.query.logquery import LogQuery, Order
from hantu.store.base import Facet, Histogram, SourceInfo, StoreStats
from hantu.store.sqlite.compile import Plan
from hantu.store.sqlite.database import Database, Reader
from hantu.store.sqlite.entries import LEVELS, EntryReader, decode_metadata
from hantu.store.sqlite.search import Search, cell_terms, run, select, stop_when_late
from hantu.store.sqlite.slices import Block, Slice, read_blocks, runs_of, slices

RECENT_ENTRIES: Final = 1_000
VALUES_MOST: Final = 200_000
"""Different values of a field that are counted; beyond it those seen once are let go."""

_OF_STREAMS: Final = ("source", "source_id", "level")

_BLOCK_COUNTS: Final = """
SELECT block_no, stream_no, level, entries
FROM block_count
WHERE block_no BETWEEN ? AND ?
"""
_EDGES: Final = """
FROM entry AS e NOT INDEXED
WHERE e.key BETWEEN :first AND :last
  AND e.time_ns >= :start_ns
  AND e.time_ns < :end_ns
"""
_TOTALS: Final = """
SELECT stream_no, level, sum(entries)
FROM block_count
GROUP BY stream_no, level
"""
_NEWEST: Final = """
SELECT stream_no, (SELECT max(time_ns) FROM entry WHERE entry.stream_no = stream.stream_no)
FROM stream
"""
_RECENT: Final = """
SELECT metadata
FROM entry
ORDER BY key DESC
LIMIT ?
"""

_BY_STREAM: Final = "e.stream_no"
_LEVEL_BITS: Final = 3
"""A cell is number << 3 | level: one integer groups faster than three, and comes back as one row."""


class Tallies:
    """Counts over a Database."""

    def __init__(self, database: Database, entries: EntryReader, search: Search) -> None:
        self._database = database
        self._entries = entries
        self._search = search

    def histogram(
        self, query: LogQuery, *, start_ns: int, end_ns: int, buckets: int, limit_ms: int
    ) -> Histogram:
        """As LogStorage.histogram."""
        width_ns = max(1, -(-(end_ns - start_ns) // buckets))
        counts = [[0] * len(LEVELS) for _ in range(buckets)]
        complete = True
        with self._database.reading(limit_ms) as reader:
            plan = self._search.plan(reader, query)
            plan.start_ns = max(plan.start_ns, start_ns)
            plan.end_ns = min(plan.end_ns, end_ns)
            try:
                number = f"(e.time_ns - {plan.bind(start_ns)}) / {plan.bind(width_ns)}"
                for bucket, level, many in _cells(
                    reader, plan, number, lambda time_ns: (time_ns - start_ns) // width_ns
                ):
                    counts[bucket][level] += many
            except apsw.InterruptError:
                complete = False
        rows = tuple((row[0], row[1], row[2], row[3], row[4], row[5]) for row in counts)
        return Histogram(start_ns, width_ns, rows, complete)

    def facets(
        self, query: LogQuery, fields: Sequence[str], *, most: int, limit_ms: int
    ) -> tuple[Facet, ...]:
        """As LogStorage.facets."""
        counts: dict[str, Counter[str]] = {field: Counter() for field in fields}
        paths = [field for field in counts if field not in _OF_STREAMS]
        complete = True
        with self._database.reading(limit_ms) as reader:
            plan = self._search.plan(reader, query)
            streams = self._entries.streams(reader)
            try:
                if len(paths) < len(counts):
                    for stream_no, level, many in _cells(reader, plan, _BY_STREAM, None):
                        for field, value in zip(
                            _OF_STREAMS, (*streams[stream_no], level.label), strict=True
                        ):
                            if field in counts:
                                counts[field][value] += many
                if paths:
                    complete = _count_values(reader, plan, {path: counts[path] for path in paths})
            except apsw.InterruptError:
                complete = False
        return tuple(Facet(field, top(counts[field], most), complete) for field in fields)

    def field_names(self, most: int, limit_ms: int) -> tuple[str, ...]:
        """As LogStorage.field_names."""
        counts: Counter[str] = Counter()
        with self._database.reading(limit_ms) as reader:
            for (packed,) in reader.rows(_RECENT, (RECENT_ENTRIES,)):
                if packed is not None:
                    counts.update(leaf_paths(decode_metadata(packed)))
        return tuple(name for name, _ in top(counts, most))

    def source_ids(self, limit_ms: int) -> tuple[SourceInfo, ...]:
        """As LogStorage.source_ids."""
        with self._database.reading(limit_ms) as reader:
            streams = self._entries.streams(reader)
            entries: Counter[int] = Counter()
            for stream_no, _, many in reader.rows(_TOTALS):
                entries[stream_no] += many
            newest = dict(reader.rows(_NEWEST))
        found = (SourceInfo(*streams[number], many, newest[number]) for number, many in entries.items())
        return tuple(sorted(found, key=lambda info: (info.source, info.source_id)))

    def stats(self, limit_ms: int) -> StoreStats:
        """As LogStorage.stats."""
        with self._database.reading(limit_ms) as reader:
            streams = self._entries.streams(reader)
            by_source: Counter[str] = Counter()
            by_level: Counter[LogLevel] = Counter()
            for stream_no, level, many in reader.rows(_TOTALS):
                by_source[streams[stream_no][0]] += many
                by_level[LEVELS[level]] += many
            pages = reader.value("PRAGMA page_count")
            return StoreStats(
                entries=by_source.total(),
                by_source=dict(sorted(by_source.items())),
                by_level=dict(sorted(by_level.items())),
                size_bytes=pages * reader.value("PRAGMA page_size"),
                wal_bytes=self._database.wal_bytes,
                oldest_ns=reader.value("SELECT min(time_ns) FROM entry"),
                newest_ns=reader.value("SELECT max(time_ns) FROM entry"),
                cursor=reader.value("SELECT value FROM meta WHERE name = 'cursor'"),
                schema_version=reader.value("PRAGMA user_version"),
            )


def top(counts: Counter[str], most: int) -> tuple[tuple[str, int], ...]:
    """The `most` frequent, ties by name."""
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])


def _cells(
    reader: Reader, plan: Plan, number: str, bucket: Callable[[int], int] | None
) -> Iterator[tuple[int, LogLevel, int]]:
    """(number, level, how many entries match); the same cell may come several times.

    number: SQL for what is counted by. bucket: the same for a time, None when it is the stream."""
    if plan.nothing:
        return
    blocks = read_blocks(reader, plan)
    columns = f"({number}) << {_LEVEL_BITS} | e.level, count(*)"
    if not plan.plain:
        sql = select(plan, columns, "GROUP BY 1")
        for part in slices(blocks, plan, Order.NEWEST):
            stop_when_late(reader)
            for rows in run(reader, plan, part, sql):
                yield from map(_cell, rows)
        return
    edges: list[Block] = []
    whole: dict[int, int] = {}
    for block in blocks:
        first = bucket(block.oldest_ns) if bucket else 0
        within = block.oldest_ns >= plan.start_ns and block.newest_ns < plan.end_ns
        if within and (bucket is None or first == bucket(block.newest_ns)):
            whole[block.block_no] = first
        else:
            edges.append(block)
    if whole:
        for block_no, stream_no, level, many in reader.rows(_BLOCK_COUNTS, (min(whole), max(whole))):
            if block_no in whole and _wanted(plan, stream_no, level):
                yield (whole[block_no] if bucket else stream_no), LEVELS[level], many
    terms = "".join(f" AND {term}" for term in cell_terms(plan))
    sql = f"SELECT {columns} {_EDGES} {terms} GROUP BY 1"
    for run_of_keys in runs_of(edges):
        stop_when_late(reader)
        for rows in run(reader, plan, Slice(plan.start_ns, plan.end_ns, (run_of_keys,)), sql):
            yield from map(_cell, rows)


def _cell(row: tuple[int, int]) -> tuple[int, LogLevel, int]:
    cell, many = row
    return cell >> _LEVEL_BITS, LEVELS[cell & 7], many


def _wanted(plan: Plan, stream_no: int, level: int) -> bool:
    return (plan.streams is None or stream_no in plan.streams) and (
        plan.levels is None or level in plan.levels
    )


def _count_values(reader: Reader, plan: Plan, counts: dict[str, Counter[str]]) -> bool:
    """Count the values at metadata paths; False when there were too many to count all."""
    complete = True
    if plan.nothing:
        return complete
    plan.slow = True
    sql = select(plan, "e.metadata")
    for part in slices(read_blocks(reader, plan), plan, Order.NEWEST):
        stop_when_late(reader)
        for rows in run(reader, plan, part, sql):
            for (packed,), many in Counter(rows).items():
                if packed is not None:
                    # Decoding happens outside of SQLite, where nothing else looks at the clock.
                    stop_when_late(reader)
                    _add_values(decode_metadata(packed), many, counts)
        for values in counts.values():
            if len(values) > VALUES_MOST:
                complete = False
                for value in [value for value, many in values.items() if many == 1]:
                    del values[value]
    return complete


def _add_values(metadata: dict[str, object], many: int, counts: dict[str, Counter[str]]) -> None:
    for path, values in counts.items():
        found: Iterable[str] = value_texts(metadata, path)
        for value in found:
            values[value] += many
