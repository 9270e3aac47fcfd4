"""Patterns: similar lines folded. What lines have in common is their shape, so no line is read for it;
shapes that are alike are one family (hantu.store.pattern_families)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import apsw
import numpy as np

from hantu.model import LogEntry
from hantu.query.logquery import LogQuery
from hantu.store.base import QueryTimeout
from hantu.store.pattern_base import SECOND_NS, Pattern, PatternOrder, Patterns, Span
from hantu.store.pattern_families import Matcher
from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.catalog import Catalog
from hantu.store.sqlite.database import Database, Reader
from hantu.store.sqlite.entries import LEVELS, EntryReader
from hantu.store.sqlite.escape import COLOUR_BEGIN
from hantu.store.sqlite.pattern_counts import UNSHAPED_MOST, PatternCounts, known_before
from hantu.store.sqlite.pattern_folding import Folding, texts_of
from hantu.store.sqlite.search import Search
from hantu.store.sqlite.shapes import SLOT
from hantu.store.sqlite.sweep import Sweep, Unit
from hantu.store.sqlite.values import take_apart

_HAND_OUT_MS: Final = 1_000
"""For examples, and for looking which patterns are new, when the count took all the time."""
_AT_ONCE: Final = 2_000
_PIECES: Final = 8
"""Of the longest pieces of a text: where one is missing, no line is of it."""


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
            folding = Folding(counts, self._readable(counts))
            chosen = _chosen(folding, order, most)
            examples = self._examples(reader, counts, units, folding.lead[chosen].tolist())
            new = self._new(reader, counts, folding, chosen, span)
        patterns = tuple(
            Pattern(
                folding.parts(each),
                int(folding.totals[each]),
                LEVELS[int(folding.levels[each])],
                folding.buckets(each),
                int(folding.first_s[each]) * SECOND_NS,
                int(folding.last_s[each]) * SECOND_NS,
                each in new,
                examples.get(int(folding.lead[each])),
                int(folding.variants[each]),
            )
            for each in chosen
        )
        return Patterns(
            patterns,
            len(folding) + bool(counts.more),
            int(folding.totals.sum()) + counts.more,
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

    def _new(
        self, reader: Reader, counts: PatternCounts, folding: Folding, chosen: list[int], span: Span
    ) -> set[int]:
        """Which of these families no line before the span is of; none when there is no such line at all."""
        view = self._catalog.view(reader)
        start_ns = span.start_s * SECOND_NS
        older = view.bounds.oldest_ns < start_ns
        chunks = [
            chunk for chunk in self._catalog.hot_frames.chunks(view.hot) if chunk.oldest_ns < start_ns
        ]
        if not older.any() and not chunks:
            return set()
        known = _Known(counts)
        left = Matcher(folding.alike, chosen)
        try:
            for chunk in chunks:
                known.add(*known_before(chunk.frame, span.start_s, counts))
            for block_no in np.unique(view.bounds.block_no[older]).tolist():
                self._know_block(reader, known, counts, block_no, span)
            for family in np.unique(folding.family[known.seen[folding.ids]]).tolist():
                left.drop(family)
            self._strike_alike(reader, left, known.others(folding.ids), counts)
            self._strike_plain(reader, left, span)
        except apsw.InterruptError:
            # What is not known to be new is not called so.
            return set()
        return set(left.texts)

    def _know_block(
        self, reader: Reader, known: _Known, counts: PatternCounts, block_no: int, span: Span
    ) -> None:
        """Note the shapes of a block's segments before the span."""
        view = self._catalog.view(reader)
        block = view.blocks[block_no]
        directory = self._catalog.directory(reader, block)
        start_ns = span.start_s * SECOND_NS
        whole = np.array([segment.newest_ns < start_ns for segment in block], np.bool_)
        shapes = directory.shapes[np.repeat(whole, np.diff(directory.starts))]
        known.add(shapes[shapes > 0])
        for segment in block:
            if segment.oldest_ns < start_ns <= segment.newest_ns:
                _check_time(reader)
                try:
                    frame = self._catalog.frame(reader, segment)
                    known.add(*known_before(frame, span.start_s, counts))
                except ValueError as error:
                    self._catalog.excuse(error)

    def _strike_alike(
        self, reader: Reader, left: Matcher, others: list[int], counts: PatternCounts
    ) -> None:
        """Strike the families that one of these other patterns is of."""
        for at in range(0, len(others), _AT_ONCE):
            if not left:
                return
            _check_time(reader)
            statics: list[bytes] = []
            for each in others[at : at + _AT_ONCE]:
                try:
                    statics.append(counts.static(each))
                except KeyError as error:
                    self._catalog.excuse(error)
            _strike(left, statics)

    def _strike_plain(self, reader: Reader, left: Matcher, span: Span) -> None:
        """Strike what stands before the span as a text without a shape: a shape gets its number when it is
        seen for the second time."""
        view = self._catalog.view(reader)
        pieces = {
            family: sorted(text.split(SLOT), key=len, reverse=True)[:_PIECES]
            for family, text in left.texts.items()
        }
        for segment in sorted(view.segments, key=lambda each: -each.newest_ns):
            if not left:
                return
            if segment.newest_ns >= span.start_s * SECOND_NS:
                continue
            _check_time(reader)
            try:
                frame = self._catalog.frame(reader, segment)
                blob = frame.plain_text()
                if not blob and not len(frame.plain_numbers()):
                    # No line, and not one line without text.
                    continue
            except ValueError as error:
                self._catalog.excuse(error)
                continue
            if COLOUR_BEGIN not in blob and not any(
                all(piece in blob for piece in pieces[family]) for family in left.texts
            ):
                continue
            _strike(left, take_apart(blob)[1])


class _Known:
    """Which patterns of a count were there before. seen: by id, also of those that are not counted."""

    def __init__(self, counts: PatternCounts) -> None:
        self._shapes = counts.shapes
        self.seen = np.zeros(counts.shapes + UNSHAPED_MOST, np.bool_)

    def add(self, shapes: IntArray, texts: IntArray | None = None) -> None:
        """These were: shape numbers, and ids of texts without a shape."""
        # A shape that came since then would be taken for a text.
        self.seen[shapes[shapes < self._shapes]] = True
        if texts is not None:
            self.seen[texts[texts >= 0]] = True

    def others(self, ids: IntArray) -> list[int]:
        """Those that were there, without these."""
        rest = self.seen.copy()
        rest[ids] = False
        return np.flatnonzero(rest).tolist()


def _strike(left: Matcher, statics: Iterable[bytes]) -> None:
    """Strike the families that these shapes are of."""
    for family in set(map(left.family, texts_of(statics))):
        if family is not None:
            left.drop(family)


def _check_time(reader: Reader) -> None:
    if reader.deadline.passed:
        raise apsw.InterruptError


def _chosen(folding: Folding, order: PatternOrder, most: int) -> list[int]:
    """The first `most` families in their order."""
    match order:
        case PatternOrder.COUNT:
            keys = -folding.totals, np.zeros(len(folding), np.int64)
        case PatternOrder.RARE:
            keys = folding.totals, np.zeros(len(folding), np.int64)
        case PatternOrder.NEW:
            keys = -folding.first_s, -folding.totals
    by_rank = np.lexsort(keys[::-1])
    if len(by_rank) > most:
        # All that tie with the last one, for the texts decide between them.
        first, second = (key[by_rank] for key in keys)
        same = (first == first[most - 1]) & (second == second[most - 1])
        by_rank = by_rank[: max(most, int(np.flatnonzero(same)[-1]) + 1)]
    named = sorted(
        by_rank.tolist(), key=lambda each: (int(keys[0][each]), int(keys[1][each]), folding.parts(each))
    )
    return named[:most]
