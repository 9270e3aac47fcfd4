"""Finding entries: pages, arrivals, counts, export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import apsw
import numpy as np

from hantu.model import LogEntry
from hantu.query.logquery import LogQuery, Order, Place
from hantu.store.base import Arrivals, Page, QueryTimeout, Total
from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.catalog import Catalog
from hantu.store.sqlite.database import Database, Reader
from hantu.store.sqlite.entries import EntryReader
from hantu.store.sqlite.hits import Hits
from hantu.store.sqlite.plan import Plan
from hantu.store.sqlite.sweep import Sweep, Unit, survivors

EXPORT_PAGE: Final = 10_000
EXPORT_BYTES: Final = 2 * 1024 * 1024
"""Entries of an export in memory at once are about this much text."""
_EXPORT_STEP: Final = 16
_HAND_OUT_MS: Final = 1_000


class Search:
    """Answers queries from a Database."""

    def __init__(self, database: Database, catalog: Catalog, entries: EntryReader) -> None:
        self._database = database
        self._catalog = catalog
        self._entries = entries

    def sweep(self, reader: Reader, query: LogQuery) -> Sweep:
        """A query over the reader's snapshot."""
        # The view first: its streams are all known then.
        view = self._catalog.view(reader)
        streams = self._catalog.streams(reader)
        shapes = self._catalog.shapes.seen_by(reader)
        plan = Plan.of(query, streams, self._entries.ids, shapes)
        return Sweep(self._catalog, reader, view, plan)

    def page(self, query: LogQuery, limit_ms: int | None) -> Page:
        """As LogStorage.search."""
        wanted = query.offset + query.limit
        with self._database.reading(limit_ms) as reader:
            hits, frontier_ns = self._hits(self.sweep(reader, query), query, wanted + 1)
            if frontier_ns is not None:
                reader.deadline.extend(_HAND_OUT_MS)
            entries = tuple(self._entries.read(reader, hits, query.offset, wanted))
            hits.keep()
        if len(hits) > wanted:
            return Page(entries, Place(int(hits.times[wanted - 1]), int(hits.keys[wanted - 1])))
        if frontier_ns is None:
            return Page(entries)
        # Keys begin at 1: key 0 stands before every entry of its time.
        return Page(entries, Place(frontier_ns, 0), complete=False, searched_to_ns=frontier_ns)

    def _hits(self, sweep: Sweep, query: LogQuery, most: int) -> tuple[Hits, int | None]:
        """The first `most` matches in order, and how far the search got when time ran out."""
        newest_first = query.order is Order.NEWEST
        plan, place = sweep.plan, query.place
        if place is not None:
            if newest_first:
                plan.end_ns = min(plan.end_ns, place.time_ns + 1)
            else:
                plan.start_ns = max(plan.start_ns, place.time_ns)
        hits = Hits(most, newest_first=newest_first)
        try:
            for unit in sweep.units(newest_first=newest_first):
                if hits.beyond(unit):
                    break
                for survivor, lines in survivors(iter((unit,))):
                    hits.add(survivor, lines, place)
        except apsw.InterruptError:
            if sweep.frontier_ns is None:
                raise
            hits.keep_within(sweep.frontier_ns)
            return hits, sweep.frontier_ns
        return hits, None

    def arrivals(self, query: LogQuery, most: int, limit_ms: int) -> Arrivals:
        """As LogStorage.arrivals."""
        with self._database.reading(limit_ms) as reader:
            after = query.after_key or 0
            cursor = reader.value("SELECT value FROM meta WHERE name = 'cursor'")
            if after >= cursor:
                return Arrivals((), max(after, cursor))
            sweep = self.sweep(reader, replace(query, after_key=after))
            found: list[tuple[Unit, IntArray, IntArray]] = []
            reached = after
            try:
                for unit in sweep.units(newest_first=None):
                    for survivor, lines in survivors(iter((unit,))):
                        keys = survivor.frame.keys(lines)
                        order = np.argsort(keys)
                        found.append((survivor, lines[order], keys[order]))
                    reached = unit.last_key
                reached = cursor
            except apsw.InterruptError:
                if reached == after:
                    raise
                reader.deadline.extend(_HAND_OUT_MS)
            total = sum(len(lines) for _, lines, _ in found)
            skipped = max(0, total - most)
            entries: list[LogEntry] = []
            skipped_to, left = 0, skipped
            for unit, lines, keys in found:
                passed = min(left, len(lines))
                if passed:
                    skipped_to = int(keys[passed - 1])
                    left -= passed
                if passed < len(lines):
                    entries += self._entries.of_lines(reader, unit, lines[passed:])
        return Arrivals(tuple(entries), reached, skipped, skipped_to)

    def count(self, query: LogQuery, cap: int, limit_ms: int) -> Total:
        """As LogStorage.count."""
        count = 0
        try:
            with self._database.reading(limit_ms) as reader:
                sweep = self.sweep(reader, query)
                for _, counts in sweep.totals():
                    count += int(counts.sum())
                    if count > cap:
                        return Total(cap, exact=False)
                for unit in sweep.units(newest_first=True):
                    count += matching(unit)
                    if count > cap:
                        return Total(cap, exact=False)
        except QueryTimeout:
            return Total(count, exact=False)
        return Total(count, exact=True)

    def export(self, query: LogQuery) -> Iterator[LogEntry]:
        """As LogStorage.export: page by page, so that no snapshot is held while the caller works."""
        query = replace(query, limit=EXPORT_PAGE, offset=0, place=None)
        while True:
            entries: list[LogEntry] = []
            with self._database.reading(None) as reader:
                hits, _ = self._hits(self.sweep(reader, query), query, EXPORT_PAGE)
                size, at, text, step = len(hits), 0, 0, _EXPORT_STEP
                while at < size and text < EXPORT_BYTES:
                    more = self._entries.read(reader, hits, at, at + step)
                    text += sum(len(entry.message) for entry in more)
                    entries += more
                    at += step
                    for unit in hits.units:
                        unit.release()
                    step *= 2 if text < EXPORT_BYTES // 4 else 1
                last = min(at, size) - 1
                place = Place(int(hits.times[last]), int(hits.keys[last])) if size else None
            yield from entries
            if place is None or (at >= size and size < EXPORT_PAGE):
                return
            query = query.past(place)


def matching(unit: Unit) -> int:
    """How many lines of a unit match."""
    try:
        if unit.settled:
            return int(unit.matching.sum())
        return len(unit.lines())
    except ValueError as error:
        unit.excuse(error)
        return 0
