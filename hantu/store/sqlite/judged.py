"""What a plan says of the groups of a block, and of those of its plain lines that are known one by one.

It is said of kinds of groups (Directory), of which there are far fewer; who asks about one segment gets it
of that one alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Final

import numpy as np

from hantu.store.sqlite.batch import BoolArray, IntArray, VerdictArray
from hantu.store.sqlite.plain_words import PlainWords
from hantu.store.sqlite.shape_search import MAYBE, NO, YES
from hantu.store.sqlite.snapshot import Directory

_NOWHERE: Final = np.zeros(0, np.int64)

Lacking = Mapping[int, BoolArray]
"""By token hash: the segments of a block whose filter surely lacks the token."""


class Judged:
    """A block's groups with the plan's verdict on them; starts as in Directory."""

    def __init__(
        self,
        directory: Directory,
        table: VerdictArray,
        lots: IntArray,
        lacking: Lacking = MappingProxyType({}),
    ) -> None:
        """table: the verdict by lot and kind, int8[L, K]. lots: that of each segment, if there are many."""
        self._directory = directory
        self._table = table
        self._lots = lots if len(table) > 1 else np.zeros(directory.segments, np.int64)
        self._lacking = lacking
        self.starts = directory.starts
        self._words: PlainWords | None = None
        self._rows = _NOWHERE
        self._known: tuple[IntArray, IntArray] = (_NOWHERE, _NOWHERE)

    @property
    def nothing(self) -> bool:
        """Whether no line matches."""
        return not self._table.any()

    @property
    def unsure_of_plain(self) -> bool:
        """Whether plain lines have to be looked at one by one."""
        return bool((self._table[:, self._plain_kinds] == MAYBE).any())

    @cached_property
    def best(self) -> list[int]:
        """By segment the best verdict of its groups."""
        if self.nothing:
            return [NO] * self._directory.segments
        best = np.zeros(self._directory.segments, np.int8)
        shaped, plain = self._open_parts
        best[shaped | plain] = MAYBE
        groups, yes = self._known
        best[self._segment_of(groups[yes > 0])] = MAYBE
        best[self._having(self._table == YES)] = YES
        best[self._segment_of(groups[(yes > 0) & (yes == self._counts_of(groups))])] = YES
        found: list[int] = best.tolist()
        return found

    @cached_property
    def open(self) -> BoolArray:
        """By segment whether lines of it must be read to know more."""
        shaped, plain = self._open_parts
        return shaped | plain

    def decide_plain(self, words: PlainWords, of_rows: VerdictArray) -> None:
        """Take a verdict on the plain lines that `words` knows, where that on their group says MAYBE."""
        if not len(of_rows):
            return
        groups, begins = words.named.astype(np.int64), words.begins
        yes = np.add.reduceat(of_rows == YES, begins, dtype=np.int64)
        unsure = np.logical_or.reduceat(of_rows == MAYBE, begins)
        known = ~unsure & (self._verdict_of(groups) == MAYBE)
        self._known = groups[known], yes[known]
        self._rows, self._words = np.flatnonzero(of_rows == YES), words

    def totals(self) -> tuple[IntArray, IntArray]:
        """(cell, number of lines that match) of kinds and groups, of segments that need not be read."""
        directory = self._directory
        if len(self._table) > 1:
            matching = self.matching
            chosen = np.flatnonzero(matching)
            return directory.cells_of(chosen), matching[chosen]
        kinds = np.flatnonzero(self._table[0] == YES)
        groups, yes = self._known
        cells = directory.kind_cells[kinds], directory.cells_of(groups)
        return np.concatenate(cells), np.concatenate((directory.totals[kinds], yes))

    def cells_of(self, groups: IntArray) -> IntArray:
        """The cell of each of these groups."""
        return self._directory.cells_of(groups)

    @property
    def matching(self) -> IntArray:
        """How many lines of each group match, of those that need not be read."""
        directory = self._directory
        wanted = self._table == YES
        if len(wanted) == 1:
            chosen = wanted[0].take(directory.kinds)
        else:
            lots = np.repeat(self._lots * wanted.shape[1], np.diff(self.starts))
            chosen = wanted.ravel().take(lots + directory.kinds)
        matching: IntArray = directory.counts * chosen
        groups, yes = self._known
        matching[groups] = yes
        return matching

    def groups_of(self, at: int) -> tuple[IntArray, IntArray, IntArray]:
        """The cell, the shape and the number of lines of each group of a segment."""
        return self._directory.part(at)

    def verdict_of(self, at: int) -> VerdictArray:
        """The verdict on each group of a segment."""
        return self._verdicts(at, partly=MAYBE)

    def asked_of(self, at: int) -> VerdictArray:
        """The same with NO in place of MAYBE where single lines are known."""
        return self._verdicts(at, partly=NO)

    def matching_of(self, at: int) -> IntArray:
        """As `matching`, of a segment."""
        verdict = self._table[self._lots[at]].take(self._directory.kinds_of(at))
        matching: IntArray = np.where(verdict == YES, self._directory.part(at)[2], 0)
        own, yes = self._known_of(at)
        matching[own] = yes
        return matching

    def rows_of(self, at: int) -> IntArray:
        """The plain lines of a segment that match, where they are decided one by one."""
        if self._words is None:
            return _NOWHERE
        first, last = self._words.starts[at : at + 2]
        begin, end = np.searchsorted(self._rows, (first, last)).tolist()
        own: IntArray = self._rows[begin:end] - first
        return own

    def lacking_of(self, at: int) -> frozenset[int]:
        """The tokens that a segment surely lacks."""
        return frozenset(token for token, segments in self._lacking.items() if segments[at])

    def _verdicts(self, at: int, *, partly: int) -> VerdictArray:
        """partly: the verdict on groups of which some lines are known to match and the others not to."""
        verdict: VerdictArray = self._table[self._lots[at]].take(self._directory.kinds_of(at))
        own, yes = self._known_of(at)
        if len(own):
            counts = self._directory.part(at)[2][own]
            verdict[own] = np.where(yes == 0, NO, np.where(yes == counts, YES, partly))
        return verdict

    def _known_of(self, at: int) -> tuple[IntArray, IntArray]:
        """Of a segment: groups whose lines are known one by one, and how many of each match."""
        groups, yes = self._known
        if not len(groups):
            return self._known
        first, last = self.starts[at : at + 2]
        begin, end = np.searchsorted(groups, (first, last)).tolist()
        return groups[begin:end] - first, yes[begin:end]

    @cached_property
    def _plain_kinds(self) -> IntArray:
        return np.flatnonzero(self._directory.kind_shapes == 0)

    @cached_property
    def _open_parts(self) -> tuple[BoolArray, BoolArray]:
        """By segment whether lines with a shape, and whether those without one, must be read."""
        maybe = self._table == MAYBE
        if self._words is None:
            whole = self._having(maybe)
            return whole, whole
        plain = np.zeros_like(maybe)
        plain[:, self._plain_kinds] = maybe[:, self._plain_kinds]
        shaped = self._having(maybe & ~plain)
        left = self._having(plain)
        words = self._words
        if left.any():
            named = words.named.astype(np.int64)
            still = self._verdict_of(named) == MAYBE
            still[np.searchsorted(named, self._known[0])] = False
            # Segments that do not know their words are open as they were.
            left &= np.diff(words.starts) == 0
            left[self._segment_of(named[still])] = True
        return shaped, left

    def _having(self, wanted: BoolArray) -> BoolArray:
        """The segments that have a group of such a kind. wanted: by lot and kind."""
        found = np.zeros(self._directory.segments, np.bool_)
        if len(wanted) == 1:
            return self._directory.having(wanted[0])
        for lot in np.flatnonzero(wanted.any(1)).tolist():
            found |= self._directory.having(wanted[lot]) & (self._lots == lot)
        return found

    def _verdict_of(self, groups: IntArray) -> VerdictArray:
        kinds = self._directory.kinds[groups]
        lots = self._lots[self._segment_of(groups)] if len(self._table) > 1 else 0
        found: VerdictArray = self._table[lots, kinds]
        return found

    def _counts_of(self, groups: IntArray) -> IntArray:
        return self._directory.counts_of(groups)

    def _segment_of(self, groups: IntArray) -> IntArray:
        return np.searchsorted(self.starts, groups, "right") - 1
