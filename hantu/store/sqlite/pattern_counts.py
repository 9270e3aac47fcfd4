"""Counting the lines of each pattern: shapes by their number, lines without one by their text.

A pattern has an id: its shape number, or, of a text that no shape has, a number from `shapes` on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from hantu.store.pattern_base import Span
from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.entries import LEVEL_MASK
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.shapes import Shapes

UNSHAPED_MOST: Final = 20_000
"""Different texts without a shape that are told apart; what comes after is only counted."""
_FIRST: Final = np.iinfo(np.int64).max


class PatternCounts:
    """Lines by pattern: counts int32[ids, buckets], first_s and last_s, levels, and where each was seen
    first: (unit, line)."""

    def __init__(self, shapes: Shapes, span: Span, buckets: int) -> None:
        self._book = shapes
        self._span = span
        self.shapes = len(shapes.slots)
        self.texts: list[bytes] = []
        self._ids: dict[bytes, int] = {}
        self.more = 0
        """Lines of texts that are not told apart any more."""
        self._make_room(self.shapes, buckets)

    def _make_room(self, rows: int, buckets: int) -> None:
        self.counts = np.zeros((rows, buckets), np.int32)
        self.first_s = np.full(rows, _FIRST, np.int64)
        self.last_s = np.full(rows, -_FIRST, np.int64)
        self.levels = np.zeros(rows, np.int64)
        self.units = np.full(rows, -1, np.int64)
        self.lines = np.zeros(rows, np.int64)

    def _grow(self) -> None:
        """Make room for all ids there are."""
        missing = self.shapes + len(self.texts) - len(self.counts)
        if missing <= 0:
            return
        more = max(missing, len(self.counts) // 2, 256)
        counts, old = self.counts, (self.first_s, self.last_s, self.levels, self.units, self.lines)
        size = len(counts)
        self._make_room(size + more, counts.shape[1])
        self.counts[:size] = counts
        new = self.first_s, self.last_s, self.levels, self.units, self.lines
        for array, before in zip(new, old, strict=True):
            array[:size] = before

    @property
    def present(self) -> IntArray:
        """The ids that have lines."""
        return np.flatnonzero(self.units >= 0)

    def static(self, pattern: int) -> bytes:
        """The shape of a pattern."""
        return self.texts[pattern - self.shapes] if pattern >= self.shapes else self._book.static(pattern)

    def add(self, frame: Frame, lines: IntArray, unit_no: int) -> None:
        """Count these lines of a frame, ascending; units come newest first."""
        seconds = frame.seconds(lines)
        inside = (seconds >= self._span.start_s) & (seconds < self._span.end_s)
        if not inside.all():
            lines, seconds = lines[inside], seconds[inside]
        if not len(lines):
            return
        groups = frame.group_of(lines)
        shaped = frame.shapes[groups] > 0
        if shaped.all():
            self._add_groups(frame, lines, groups, seconds, unit_no)
            return
        if shaped.any():
            self._add_groups(frame, lines[shaped], groups[shaped], seconds[shaped], unit_no)
        plain = ~shaped
        ids = self.ids_of(frame)[np.searchsorted(frame.plain_numbers(), lines[plain])]
        levels = frame.cells[groups[plain]] & LEVEL_MASK
        self.more += int((ids < 0).sum())
        kept = ids >= 0
        self._add_lines(ids[kept], levels[kept], lines[plain][kept], seconds[plain][kept], unit_no)

    def ids_of(self, frame: Frame) -> IntArray:
        """The pattern of each line of a frame that has no shape; −1: not told apart."""
        texts, of_line = frame.plain_statics()
        known = self._ids
        ids = np.array([known[text] if text in known else self._id_of(text) for text in texts], np.int64)
        self._grow()
        return ids[of_line]

    def _id_of(self, text: bytes) -> int:
        """The id of a text that is met for the first time."""
        number = self._book.number_of(text)
        if not 0 < number < self.shapes:
            if len(self.texts) >= UNSHAPED_MOST:
                return -1
            number = self.shapes + len(self.texts)
            self.texts.append(text)
        self._ids[text] = number
        return number

    def _add_groups(
        self, frame: Frame, lines: IntArray, groups: IntArray, seconds: IntArray, unit_no: int
    ) -> None:
        """Lines with a shape: those of a group stand together."""
        begins = np.flatnonzero(np.concatenate(([True], groups[1:] != groups[:-1])))
        ids = frame.shapes[groups[begins]]
        first_s = np.minimum.reduceat(seconds, begins)
        last_s = np.maximum.reduceat(seconds, begins)
        span = self._span
        first = (int(first_s.min()) - span.start_s) // span.width_s
        wide = (int(last_s.max()) - span.start_s) // span.width_s - first + 1
        if wide == 1:
            np.add.at(self.counts[:, first], ids, np.diff(begins, append=len(lines)))
        else:
            own = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(lines)))
            bucket = (seconds - span.start_s) // span.width_s - first
            counts = np.bincount(own * wide + bucket, minlength=len(begins) * wide)
            np.add.at(self.counts[:, first : first + wide], ids, counts.reshape(-1, wide))
        self._note(ids, first_s, last_s, frame.cells[groups[begins]] & LEVEL_MASK)
        last_lines = np.append(begins[1:], len(lines)) - 1
        self._place(ids, lines[last_lines], unit_no)

    def _add_lines(
        self, ids: IntArray, levels: IntArray, lines: IntArray, seconds: IntArray, unit_no: int
    ) -> None:
        np.add.at(self.counts, (ids, (seconds - self._span.start_s) // self._span.width_s), 1)
        self._note(ids, seconds, seconds, levels)
        self._place(ids, lines, unit_no)

    def _note(self, ids: IntArray, first_s: IntArray, last_s: IntArray, levels: IntArray) -> None:
        np.minimum.at(self.first_s, ids, first_s)
        np.maximum.at(self.last_s, ids, last_s)
        np.maximum.at(self.levels, ids, levels)

    def _place(self, ids: IntArray, lines: IntArray, unit_no: int) -> None:
        fresh = self.units[ids] < 0
        self.units[ids[fresh]] = unit_no
        self.lines[ids[fresh]] = lines[fresh]


def known_before(frame: Frame, before_s: int, counts: PatternCounts) -> Sequence[IntArray]:
    """The ids of patterns that have a line before that second in a frame."""
    early = np.flatnonzero(frame.seconds() < before_s)
    shapes = frame.shapes[frame.group_of(early)]
    found = [np.unique(shapes[shapes > 0])]
    plain = early[shapes == 0]
    if len(plain):
        found.append(counts.ids_of(frame)[np.searchsorted(frame.plain_numbers(), plain)])
    return found
