"""Patterns: similar lines folded. What lines have in common is their shape, so no line is read for it."""

from __future__ import annotations

from typing import Final

import apsw
import numpy as np

from hantu.model import LogEntry
from hantu.query.logquery import LogQuery
from hantu.store.base import QueryTimeout
from hantu.store.pattern_base import SECOND_NS, Pattern, PatternOrder, Patterns, Span
from hantu.store.sqlite.batch import BoolArray, IntArray
from hantu.store.sqlite.catalog import Catalog
from hantu.store.sqlite.database import Database, Reader
from hantu.store.sqlite.entries import LEVELS, EntryReader
from hantu.store.sqlite.escape import unescape_lines
from hantu.store.sqlite.pattern_counts import PatternCounts, known_before
from hantu.store.sqlite.search import Search
from hantu.store.sqlite.shapes import SLOT
from hantu.store.sqlite.sweep import Sweep, Unit
from hantu.store.sqlite.values import runs_of, statics

_HAND_OUT_MS: Final = 1_000
"""For examples, and for looking which patterns are new, when the count took all the time."""


class PatternFinder:
    """Folds the lines of a Database."""

    def __init__(self, database: Database, catalog: Catalog, entries: EntryReader, search: Search) -> None:
        self._database = database
        self._catalog = catalog
        self._entries = entries
        self._search = search

    def find(
        self, query: LogQuery, span: Span, order: PatternOrder, *, most: int, buckets: int, limit_ms: int
    ) -> Patterns:
        """As PatternStorage.patterns."""
        with self._database.reading(limit_ms) as reader:
            sweep = self._search.sweep(reader, query)
            plan = sweep.plan
            plan.start_ns = max(plan.start_ns, span.start_s * SECOND_NS)
            plan.end_ns = min(plan.end_ns, span.end_s * SECOND_NS)
            counts = PatternCounts(self._catalog.shapes, span, buckets)
            units, searched_to_ns = self._count(sweep, counts)
            reader.deadline.extend(_HAND_OUT_MS)
            ids, totals = self._readable(counts), counts.counts.sum(1)
            chosen = _chosen(counts, ids, totals, order, most)
            examples = self._examples(reader, counts, units, chosen)
            new = self._new(reader, counts, chosen, span)
        patterns = tuple(
            Pattern(
                _parts(counts.static(each)),
                int(totals[each]),
                LEVELS[int(counts.levels[each])],
                tuple(counts.counts[each].tolist()),
                int(counts.first_s[each]) * SECOND_NS,
                int(counts.last_s[each]) * SECOND_NS,
                each in new,
                examples.get(each),
            )
            for each in chosen
        )
        return Patterns(
            patterns,
            len(ids) + bool(counts.more),
            int(totals[ids].sum()) + counts.more,
            span.start_s * SECOND_NS,
            span.width_s * SECOND_NS,
            searched_to_ns is None,
            searched_to_ns,
        )

    def _readable(self, counts: PatternCounts) -> IntArray:
        """The patterns that have lines; without those whose text was lost with a damaged lot of shapes."""
        ids = counts.present
        if not self._catalog.damaged:
            return ids
        kept = []
        for each in ids.tolist():
            try:
                counts.static(each)
                kept.append(each)
            except KeyError as error:
                self._catalog.excuse(error)
        return np.array(kept, np.int64)

    def _count(self, sweep: Sweep, counts: PatternCounts) -> tuple[list[Unit], int | None]:
        """The units that were counted, and how far back the count got when time ran out."""
        units: list[Unit] = []
        try:
            for unit in sweep.units(newest_first=True):
                try:
                    counts.add(unit.frame, unit.lines(), len(units))
                    units.append(unit)
                except ValueError as error:
                    unit.excuse(error)
                unit.release()
        except apsw.InterruptError:
            if sweep.frontier_ns is None:
                raise QueryTimeout("the time limit ended the count before anything was seen") from None
            return units, sweep.frontier_ns
        return units, None

    def _examples(
        self, reader: Reader, counts: PatternCounts, units: list[Unit], chosen: list[int]
    ) -> dict[int, LogEntry]:
        """A line of each of these patterns, as far as the time allows; units with most of them first."""
        wanted: dict[int, list[int]] = {}
        for each in chosen:
            wanted.setdefault(int(counts.units[each]), []).append(each)
        found: dict[int, LogEntry] = {}
        for unit_no, ids in sorted(wanted.items(), key=lambda item: -len(item[1])):
            if reader.deadline.passed:
                break
            lines = counts.lines[ids]
            entries = self._entries.of_lines(reader, units[unit_no], lines)
            units[unit_no].release()
            if len(entries) == len(ids):
                found.update(zip(ids, entries, strict=True))
        return found

    def _new(self, reader: Reader, counts: PatternCounts, chosen: list[int], span: Span) -> set[int]:
        """Which of these patterns no line before the span has; none when there is no such line at all."""
        view = self._catalog.view(reader)
        start_ns = span.start_s * SECOND_NS
        older = view.bounds.oldest_ns < start_ns
        chunks = [
            chunk for chunk in self._catalog.hot_frames.chunks(view.hot) if chunk.oldest_ns < start_ns
        ]
        if not older.any() and not chunks:
            return set()
        left = np.zeros(len(counts.counts), np.bool_)
        left[chosen] = True
        try:
            for chunk in chunks:
                self._strike(left, *known_before(chunk.frame, span.start_s, counts))
            for block_no in np.unique(view.bounds.block_no[older]).tolist():
                self._strike_block(reader, left, counts, block_no, span)
            self._strike_plain(reader, left, counts, span)
        except apsw.InterruptError:
            # What is not known to be new is not called so.
            return set()
        return set(np.flatnonzero(left).tolist())

    def _strike(self, left: BoolArray, *found: IntArray) -> None:
        for ids in found:
            left[ids[(ids >= 0) & (ids < len(left))]] = False

    def _strike_block(
        self, reader: Reader, left: BoolArray, counts: PatternCounts, block_no: int, span: Span
    ) -> None:
        """Strike the shapes of a block's segments before the span."""
        view = self._catalog.view(reader)
        block = view.blocks[block_no]
        directory = self._catalog.directory(reader, block)
        start_ns = span.start_s * SECOND_NS
        whole = np.array([segment.newest_ns < start_ns for segment in block], np.bool_)
        shapes = directory.shapes[np.repeat(whole, np.diff(directory.starts))]
        self._strike(left, shapes[shapes > 0])
        for segment in block:
            if segment.oldest_ns < start_ns <= segment.newest_ns:
                if reader.deadline.passed:
                    raise apsw.InterruptError
                try:
                    frame = self._catalog.frame(reader, segment)
                    self._strike(left, *known_before(frame, span.start_s, counts))
                except ValueError as error:
                    self._catalog.excuse(error)

    def _strike_plain(self, reader: Reader, left: BoolArray, counts: PatternCounts, span: Span) -> None:
        """Strike what stands before the span as a text without a shape: a shape gets its number when it is
        seen for the second time."""
        wanted = {counts.static(each): each for each in np.flatnonzero(left).tolist()}
        view = self._catalog.view(reader)
        for segment in sorted(view.segments, key=lambda each: -each.newest_ns):
            if not wanted:
                return
            if segment.newest_ns >= span.start_s * SECOND_NS:
                continue
            if reader.deadline.passed:
                raise apsw.InterruptError
            try:
                frame = self._catalog.frame(reader, segment)
                blob = frame.plain_text()
                if not blob and not len(frame.plain_numbers()):
                    # No line, and not one line without text.
                    continue
            except ValueError as error:
                self._catalog.excuse(error)
                continue
            if not any(max(static.split(SLOT), key=len) in blob for static in wanted):
                continue
            runs = runs_of(blob)
            for text in statics(blob, runs.where(runs.values())):
                known = wanted.pop(text, None)
                if known is not None:
                    left[known] = False


def _chosen(
    counts: PatternCounts, ids: IntArray, totals: IntArray, order: PatternOrder, most: int
) -> list[int]:
    """The first `most` of these patterns in their order."""
    match order:
        case PatternOrder.COUNT:
            keys = -totals[ids], np.zeros(len(ids), np.int64)
        case PatternOrder.RARE:
            keys = totals[ids], np.zeros(len(ids), np.int64)
        case PatternOrder.NEW:
            keys = -counts.first_s[ids], -totals[ids]
    by_rank = ids[np.lexsort(keys[::-1])]
    if len(by_rank) > most:
        # All that tie with the last one, for the texts decide between them.
        first, second = (key[np.lexsort(keys[::-1])] for key in keys)
        same = (first == first[most - 1]) & (second == second[most - 1])
        by_rank = by_rank[: max(most, int(np.flatnonzero(same)[-1]) + 1)]
    rank = {each: at for at, each in enumerate(ids.tolist())}
    named = sorted(
        by_rank.tolist(),
        key=lambda each: (
            int(keys[0][rank[each]]),
            int(keys[1][rank[each]]),
            _parts(counts.static(each)),
        ),
    )
    return named[:most]


def _parts(static: bytes) -> tuple[str, ...]:
    """The texts around a shape's slots."""
    pieces = static.split(SLOT)
    return tuple(unescape_lines(b"\n".join(pieces), len(pieces)))
