"""What a plan says of the groups of a block, and of those of its plain lines that are known one by one."""

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
    """A block's groups with the plan's verdict on them: int64[G] and int8[G]; starts as in Directory.

    asked: NO in place of MAYBE where single lines are known. best: by segment the best verdict of its
    groups. open: by segment whether lines of it must be read to know more."""

    def __init__(self, directory: Directory, lacking: Lacking = MappingProxyType({})) -> None:
        self._directory = directory
        self._lacking = lacking
        self.starts = directory.starts
        self._rows, self._row_starts = _NOWHERE, _NOWHERE
        self._known: tuple[IntArray, IntArray] = (_NOWHERE, _NOWHERE)

    @cached_property
    def cells(self) -> IntArray:
        """The cell of each group."""
        return self._directory.cells

    @cached_property
    def shapes(self) -> IntArray:
        """The shape number of each group."""
        return self._directory.shapes

    @cached_property
    def counts(self) -> IntArray:
        """The number of lines of each group."""
        return self._directory.counts

    def decide_all(self) -> None:
        """Everything matches."""
        self.verdict = self.asked = np.full(int(self.starts[-1]), YES, np.int8)
        # A damaged segment has no groups.
        self.best = (np.diff(self.starts) > 0).astype(np.int8) * np.int8(YES)
        self.open = np.zeros(len(self.starts) - 1, np.int8)

    def decide(self, verdict: VerdictArray) -> None:
        """Take a verdict on the groups."""
        self.verdict = self.asked = verdict
        self.best = self._by_segment(verdict)
        self.open = self._by_segment(verdict == MAYBE)

    def decide_plain(self, words: PlainWords, of_rows: VerdictArray) -> None:
        """Take a verdict on the plain lines that `words` knows, where that on their group says MAYBE."""
        if not len(of_rows):
            return
        groups, begins = words.named, words.begins
        yes = np.add.reduceat(of_rows == YES, begins, dtype=np.int64)
        unsure = np.logical_or.reduceat(of_rows == MAYBE, begins)
        known = ~unsure & (self.verdict[groups] == MAYBE)
        groups, yes = groups[known], yes[known]
        sure = np.where(yes == self.counts[groups], np.int8(YES), np.int8(MAYBE))
        self.verdict[groups] = np.where(yes == 0, np.int8(NO), sure)
        self._known = groups, yes
        self._rows, self._row_starts = np.flatnonzero(of_rows == YES), words.starts
        self.asked = self.verdict.copy()
        self.asked[groups[self.asked[groups] == MAYBE]] = NO
        self.best, self.open = self._by_segment(self.verdict), self._by_segment(self.asked == MAYBE)

    @cached_property
    def matching(self) -> IntArray:
        """How many lines of each group match, of those that need not be read."""
        matching = np.where(self.verdict == YES, self.counts, 0)
        groups, yes = self._known
        matching[groups] = yes
        return matching

    def rows_of(self, at: int) -> IntArray:
        """The plain lines of a segment that match, where they are decided one by one."""
        if not len(self._row_starts):
            return _NOWHERE
        begin, end = np.searchsorted(self._rows, self._row_starts[at : at + 2]).tolist()
        own: IntArray = self._rows[begin:end] - self._row_starts[at]
        return own

    def lacking_of(self, at: int) -> frozenset[int]:
        """The tokens that a segment surely lacks."""
        return frozenset(token for token, segments in self._lacking.items() if segments[at])

    def _by_segment(self, values: VerdictArray | BoolArray) -> VerdictArray:
        """The greatest value of each segment."""
        out = np.zeros(len(self.starts) - 1, np.int8)
        # A damaged segment has no groups, and reduceat() knows no empty parts.
        there = np.flatnonzero(self.starts[1:] > self.starts[:-1])
        if len(there):
            out[there] = np.maximum.reduceat(values, self.starts[there])
        return out
