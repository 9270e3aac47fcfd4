"""Counting: histogram, facets, statistics. What counts of blocks can answer is not counted again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import apsw

from hantu.model import LogLevel
from hantu.query.fields import leaf_paths, value_texts
from hantu.query.logquery import LogQuery, Order
from hantu.store.base import Facet, Histogram, SourceInfo, StoreStats
from hantu.store.sqlite.compile import Plan
from hantu.store.sqlite.database import Database, Reader
from hantu.store.sqlite.entries import LEVELS, EntryReader, decode_metadata
from hantu.store.sqlite.search import Search, run, select
from hantu.store.sqlite.slices import Block, read_blocks, runs_of, slices

RECENT_ENTRIES: Final = 1_000
VALUES_MOST: Final = 200_000
"""Different values of a field that are counted; beyond it those seen once are let go."""

_OF_STREAMS: Final = ("source", "source_id", "level")

_BLOCK_COUNTS: Final = """
SELECT block_no, stream_no, level, entries
FROM block_count
WHERE block_no BETWEEN ? AND ?
"""
_EDGE_COUNTS: Final = """
SELECT (time_ns - :origin_ns) / :width_ns, stream_no, level, count(*)
FROM entry NOT INDEXED
WHERE key BETWEEN :first AND :last
  AND time_ns >= :start_ns
  AND time_ns < :end_ns
GROUP BY 1, 2, 3
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

Cell = tuple[int, int, int]
"""(bucket, stream_no, level)"""


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
                for (bucket, _, level), many in _cells(reader, plan, start_ns, width_ns):
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
                    for (_, stream_no, level), many in _cells(reader, plan, 0, 1 << 62):
                        source, source_id = streams[stream_no]
                        for field, value in zip(
                            _OF_STREAMS, (source, source_id, LEVELS[level].label), strict=True
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


def _cells(reader: Reader, plan: Plan, origin_ns: int, width_ns: int) -> Iterator[tuple[Cell, int]]:
    """How many entries match, by bucket (time − origin) / width, stream and level.

    A cell may come several times."""
    if plan.nothing:
        return
    blocks = read_blocks(reader, plan)
    if plan.plain:
        yield from _plain_cells(reader, plan, blocks, origin_ns, width_ns)
        return
    bucket = f"(e.time_ns - {plan.bind(origin_ns)}) / {plan.bind(width_ns)}"
    sql = select(plan, f"{bucket}, e.stream_no, e.level, count(*)", "GROUP BY 1, 2, 3")
    for part in slices(blocks, plan, Order.NEWEST):
        _stop_when_late(reader)
        for rows in run(reader, plan, part, sql):
            for number, stream_no, level, many in rows:
                yield (number, stream_no, level), many


def _plain_cells(
    reader: Reader, plan: Plan, blocks: list[Block], origin_ns: int, width_ns: int
) -> Iterator[tuple[Cell, int]]:
    """The same where streams, levels and times are all that is asked: blocks which lie within one
    bucket are added up, the others' rows are counted."""
    whole: dict[int, int] = {}
    edges: list[Block] = []
    for block in blocks:
        bucket = (block.oldest_ns - origin_ns) // width_ns
        if (
            block.oldest_ns >= plan.start_ns
            and block.newest_ns < plan.end_ns
            and bucket == (block.newest_ns - origin_ns) // width_ns
        ):
            whole[block.block_no] = bucket
        else:
            edges.append(block)
    if whole:
        for block_no, stream_no, level, many in reader.rows(_BLOCK_COUNTS, (min(whole), max(whole))):
            if block_no in whole and _wanted(plan, stream_no, level):
                yield (whole[block_no], stream_no, level), many
    for first, last in runs_of(edges):
        _stop_when_late(reader)
        binds = {
            "origin_ns": origin_ns,
            "width_ns": width_ns,
            "first": first,
            "last": last,
            "start_ns": plan.start_ns,
            "end_ns": plan.end_ns,
        }
        for bucket, stream_no, level, many in reader.rows(_EDGE_COUNTS, binds):
            if _wanted(plan, stream_no, level):
                yield (bucket, stream_no, level), many


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
        _stop_when_late(reader)
        for rows in run(reader, plan, part, sql):
            for (packed,), many in Counter(rows).items():
                if packed is not None:
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


def _stop_when_late(reader: Reader) -> None:
    if reader.deadline.passed:
        raise apsw.InterruptError
