"""Finding entries: pages, arrivals, counts, export."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import apsw

from hantu.model import LogEntry, LogLevel
from hantu.query.logquery import LogQuery, Order, Place
from hantu.store.base import Arrivals, Page, QueryTimeout, Total
from hantu.store.sqlite.compile import TIME_MOST, Plan, compile_query, joined
from hantu.store.sqlite.database import Database, Reader
from hantu.store.sqlite.entries import EntryReader
from hantu.store.sqlite.slices import Slice, key_ranges, read_blocks, slices

PROBE: Final = 500
_BORDER: Final = """
SELECT time_ns
FROM entry INDEXED BY entry_time
WHERE time_ns >= ? AND time_ns < ?
ORDER BY time_ns {direction}
LIMIT 1 OFFSET ?
"""
EXPORT_PAGE: Final = 2_000
EXPORT_READ: Final = 50
"""Entries of an export in memory at once: 2,000 lines of 200 KB took 600 MB."""
_HAND_OUT_MS: Final = 1_000
_FEW_STREAMS: Final = 16

Hit = tuple[int, int]
"""(time_ns, key)"""


class Search:
    """Answers queries from a Database."""

    def __init__(self, database: Database, entries: EntryReader) -> None:
        self._database = database
        self._entries = entries

    def plan(self, reader: Reader, query: LogQuery) -> Plan:
        """The plan for a query, its tests handed to the reader."""
        streams = self._entries.streams(reader)
        plan = compile_query(query, streams, self._entries.ids)
        if plan.streams is not None and len(plan.streams) != 1 and len(query.sources) == 1:
            (name,) = query.sources
            if plan.streams == {number for number, (source, _) in streams.items() if source == name}:
                plan.source_no = reader.value("SELECT source_no FROM source WHERE name = ?", (name,))
        reader.tests[:] = plan.tests
        return plan

    def page(self, query: LogQuery, limit_ms: int | None) -> Page:
        """As LogStorage.search."""
        with self._database.reading(limit_ms) as reader:
            plan = self.plan(reader, query)
            wanted = query.offset + query.limit
            hits, frontier_ns = self._hits(reader, plan, query, wanted + 1)
            if frontier_ns is not None:
                reader.deadline.extend(_HAND_OUT_MS)
            shown = hits[query.offset : wanted]
            entries = tuple(self._entries.read(reader, (key for _, key in shown)))
        if len(hits) > wanted:
            return Page(entries, Place(*shown[-1]))
        if frontier_ns is None:
            return Page(entries)
        # Keys begin at 1: key 0 stands before every entry of its time.
        further = Place(frontier_ns, 0)
        return Page(entries, further, complete=False, searched_to_ns=frontier_ns)

    def _hits(self, reader: Reader, plan: Plan, query: LogQuery, most: int) -> tuple[list[Hit], int | None]:
        """The first `most` matches in order, and how far the search got when time ran out."""
        if plan.nothing:
            return [], None
        newest_first = query.order is Order.NEWEST
        place = query.place
        if place is not None:
            _go_on_from(plan, place, newest_first=newest_first)
        found: list[Hit] = []
        frontier_ns: int | None = None
        try:
            if plan.open_ended:
                found = self._probe(reader, plan, query, most)
                if len(found) >= most:
                    return found, None
                frontier_ns = plan.end_ns if newest_first else plan.start_ns
            for part in slices(read_blocks(reader, plan), plan, query.order):
                stop_when_late(reader)
                hits = _hits_in(reader, plan, part, most - len(found), newest_first=newest_first)
                found += hits
                if len(found) >= most:
                    return found, None
                frontier_ns = part.start_ns if newest_first else part.end_ns
        except apsw.InterruptError:
            if frontier_ns is None:
                raise
            return found, frontier_ns
        return found, None

    def _probe(self, reader: Reader, plan: Plan, query: LogQuery, most: int) -> list[Hit]:
        """Matches among the nearest PROBE rows, read without the index; the plan goes on behind them.

        What begins with a few letters is mostly found there, in 2 ms; FTS5 needs 100 ms for every
        million entries before it gives the first."""
        newest_first = query.order is Order.NEWEST
        near = compile_query(query, self._entries.streams(reader), self._entries.ids, index_words=False)
        near.start_ns, near.end_ns = plan.start_ns, plan.end_ns
        if query.place is not None:
            _go_on_from(near, query.place, newest_first=newest_first)
        border_ns = reader.value(
            _BORDER.format(direction="DESC" if newest_first else "ASC"),
            (plan.start_ns, plan.end_ns, PROBE),
        )
        if newest_first:
            plan.end_ns = near.start_ns = near.start_ns if border_ns is None else border_ns + 1
        else:
            plan.start_ns = near.end_ns = near.end_ns if border_ns is None else border_ns
        reader.tests[:] = near.tests
        part = Slice(near.start_ns, near.end_ns, ((0, TIME_MOST),))
        try:
            return _hits_in(reader, near, part, most, newest_first=newest_first)
        finally:
            reader.tests[:] = plan.tests

    def arrivals(self, query: LogQuery, most: int, limit_ms: int) -> Arrivals:
        """As LogStorage.arrivals."""
        with self._database.reading(limit_ms) as reader:
            after = query.after_key or 0
            cursor = reader.value("SELECT value FROM meta WHERE name = 'cursor'")
            if after >= cursor:
                return Arrivals((), max(after, cursor))
            plan = self.plan(reader, replace(query, after_key=after))
            newest: deque[int] = deque()
            skipped = skipped_to = 0
            reached = after
            try:
                for first, last in key_ranges(after + 1, cursor) if not plan.nothing else ():
                    stop_when_late(reader)
                    newest.extend(_keys_in(reader, plan, first, last))
                    reached = last
                    while len(newest) > most:
                        skipped_to = newest.popleft()
                        skipped += 1
                reached = cursor
            except apsw.InterruptError:
                if reached == after:
                    raise
                reader.deadline.extend(_HAND_OUT_MS)
            entries = self._entries.read(reader, newest)
        return Arrivals(tuple(entries), reached, skipped, skipped_to)

    def count(self, query: LogQuery, cap: int, limit_ms: int) -> Total:
        """As LogStorage.count."""
        count = 0
        try:
            with self._database.reading(limit_ms) as reader:
                plan = self.plan(reader, query)
                if plan.nothing:
                    return Total(0, exact=True)
                for part in slices(read_blocks(reader, plan), plan, Order.NEWEST):
                    stop_when_late(reader)
                    count += _count_in(reader, plan, part, cap + 1 - count)
                    if count > cap:
                        return Total(cap, exact=False)
        except QueryTimeout:
            return Total(count, exact=False)
        return Total(count, exact=True)

    def export(self, query: LogQuery) -> Iterator[LogEntry]:
        """As LogStorage.export: page by page, so that no snapshot is held while the caller works."""
        query = replace(query, limit=EXPORT_PAGE, offset=0, place=None)
        while True:
            with self._database.reading(None) as reader:
                hits, _ = self._hits(reader, self.plan(reader, query), query, EXPORT_PAGE)
            for at in range(0, len(hits), EXPORT_READ):
                with self._database.reading(None) as reader:
                    entries = self._entries.read(reader, (key for _, key in hits[at : at + EXPORT_READ]))
                yield from entries
            if len(hits) < EXPORT_PAGE:
                return
            query = query.past(Place(*hits[-1]))


def _go_on_from(plan: Plan, place: Place, *, newest_first: bool) -> None:
    here = f"({plan.bind(place.time_ns)}, {plan.bind(place.key)})"
    if newest_first:
        plan.end_ns = min(plan.end_ns, place.time_ns + 1, TIME_MOST)
        plan.terms.insert(0, f"(e.time_ns, e.key) < {here}")
    else:
        plan.start_ns = max(plan.start_ns, place.time_ns)
        plan.terms.insert(0, f"(e.time_ns, e.key) > {here}")


def source_of(plan: Plan) -> tuple[str, list[str]]:
    """FROM and the conditions that choose the rows of a slice, by the index that serves it best."""
    terms = ["e.time_ns >= :start_ns", "e.time_ns < :end_ns"]
    if plan.first_key:
        terms.append(f"e.key >= {plan.bind(plan.first_key)}")
    if plan.key is not None:
        table = "entry AS e"
        terms.append(f"e.key = {plan.bind(plan.key)}")
    elif plan.trace is not None:
        table = "entry AS e INDEXED BY entry_trace"
        terms.append(f"e.trace_id IN ({plan.bind(plan.trace)}, '')")
    elif plan.by_words:
        table = "word CROSS JOIN entry AS e ON e.key = word.rowid"
        terms.append(f"word MATCH {plan.bind(str(plan.match))}")
        terms.append("word.rowid BETWEEN :first AND :last")
    elif plan.levels is not None and min(plan.levels) >= LogLevel.WARN:
        table = "entry AS e INDEXED BY entry_level"
    elif plan.source_no is not None:
        table = "entry AS e INDEXED BY entry_source"
        terms.append(f"e.source_no = {plan.bind(plan.source_no)}")
    elif plan.streams is not None and len(plan.streams) <= _FEW_STREAMS:
        table = "entry AS e INDEXED BY entry_stream"
    elif plan.levels is not None and len(plan.levels) == 1:
        table = "entry AS e INDEXED BY entry_level"
    else:
        table = "entry AS e INDEXED BY entry_time"
    if plan.match is not None and not plan.by_words:
        terms.append(plan.found(plan.match))
    if plan.terms:
        terms.append(f"({joined(plan.terms, 'AND')})")
    return table, [*cell_terms(plan), *terms]


def cell_terms(plan: Plan) -> list[str]:
    """The conditions on level and stream."""
    terms = []
    if plan.levels is not None:
        terms.append(_among("e.level", plan, plan.levels))
    if plan.streams is not None:
        terms.append(_among("e.stream_no", plan, plan.streams))
    return terms


def stop_when_late(reader: Reader) -> None:
    """Raise InterruptError when the time is over: between two statements nothing else notices."""
    if reader.deadline.passed:
        raise apsw.InterruptError


def _among(column: str, plan: Plan, values: frozenset[int]) -> str:
    if len(values) == 1:
        return f"{column} = {plan.bind(next(iter(values)))}"
    return f"{column} IN {plan.bind_all(values)}"


def select(plan: Plan, columns: str, rest: str = "") -> str:
    """A SELECT over the rows of a slice that match. For run()."""
    if plan.rows is None:
        table, terms = source_of(plan)
        plan.rows = f"FROM {table} WHERE {' AND '.join(terms)}"
    return f"SELECT {columns} {plan.rows} {rest}"


def run(reader: Reader, plan: Plan, part: Slice, sql: str, **more: Any) -> Iterator[apsw.Cursor]:
    """The statement over each run of keys that it has to look at, or over all at once."""
    runs = part.runs
    if not plan.by_words:
        runs = ((runs[0][0], runs[-1][1]),) if runs else ()
    for first, last in runs:
        yield reader.rows(
            sql,
            {
                **plan.binds,
                **more,
                "start_ns": part.start_ns,
                "end_ns": part.end_ns,
                "first": first,
                "last": last,
            },
        )


def _hits_in(reader: Reader, plan: Plan, part: Slice, most: int, *, newest_first: bool) -> list[Hit]:
    direction = "DESC" if newest_first else "ASC"
    if not plan.by_words:
        rest = f"ORDER BY e.time_ns {direction}, e.key {direction} LIMIT :most"
        sql = select(plan, "e.time_ns, e.key", rest)
        return [hit for rows in run(reader, plan, part, sql, most=most) for hit in rows]
    # FTS5 gives rowids in order at once; sorting a slice here is cheaper than its ORDER BY.
    sql = select(plan, "e.time_ns, e.key")
    hits = [hit for rows in run(reader, plan, part, sql) for hit in rows]
    hits.sort(reverse=newest_first)
    return hits[:most]


def _count_in(reader: Reader, plan: Plan, part: Slice, most: int) -> int:
    sql = f"SELECT count(*) FROM ({select(plan, '1', 'LIMIT :most')})"  # noqa: S608  (values are bound)
    return sum(rows.get for rows in run(reader, plan, part, sql, most=most))


def _keys_in(reader: Reader, plan: Plan, first: int, last: int) -> list[int]:
    """Matching keys of a range, in order."""
    if plan.rows is None:
        table, terms = source_of(plan)
        if not plan.by_words:
            table = "entry AS e NOT INDEXED"
            terms.append("e.key BETWEEN :first AND :last")
        plan.rows = f"FROM {table} WHERE {' AND '.join(terms)}"
    order = "word.rowid" if plan.by_words else "e.key"
    part = Slice(plan.start_ns, plan.end_ns, ((first, last),))
    return [
        key
        for rows in run(reader, plan, part, select(plan, "e.key", f"ORDER BY {order}"))
        for (key,) in rows
    ]
