"""Which entries of a snapshot are past their time, by source and level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import Enum
from functools import cached_property

import numpy as np

from hantu.model import LogLevel
from hantu.store.keeping import Deadlines
from hantu.store.sqlite.batch import LEVEL_BITS, BoolArray, IntArray
from hantu.store.sqlite.catalog import Catalog, DamagedColumn
from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.hot import HotBatch
from hantu.store.sqlite.snapshot import Segment

_LEVEL_MASK = (1 << LEVEL_BITS) - 1


class Share(Enum):
    """How much of a segment is past its time. SOME: perhaps, its times have to be looked at."""

    NONE = 0
    SOME = 1
    ALL = 2


class Past:
    """The deadlines of one clean-up, over one snapshot."""

    def __init__(self, catalog: Catalog, reader: Reader, deadlines: Deadlines) -> None:
        self.view = catalog.view(reader)
        self._catalog = catalog
        self._reader = reader
        self._deadlines = deadlines
        self._before_ns = np.array(deadlines.before_ns, np.int64)
        self._streams = {} if deadlines.uniform else catalog.streams(reader)
        self._rules: dict[int, int] = {}

    @cached_property
    def _place(self) -> dict[int, tuple[tuple[Segment, ...], int]]:
        """The block of each segment, and its place there."""
        return {
            segment.segment_no: (block, at)
            for block in self.view.blocks
            for at, segment in enumerate(block)
        }

    def share(self, segment: Segment) -> Share:
        """How much of a segment is over; told by its directory."""
        deadlines = self._deadlines
        if segment.newest_ns < deadlines.oldest_ns:
            return Share.ALL
        if segment.oldest_ns >= deadlines.newest_ns:
            return Share.NONE
        cells, _ = self._groups(segment)
        if not len(cells):
            # Damaged: nobody knows what is in it. It goes when nothing would stay of any kind.
            return Share.NONE
        before_ns = self._before_ns[self._rules_of(cells)]
        if (segment.newest_ns < before_ns).all():
            return Share.ALL
        return Share.SOME if (segment.oldest_ns < before_ns).any() else Share.NONE

    def counted(self, segment: Segment) -> Counter[int]:
        """How many entries of each rule a segment has."""
        if self._deadlines.uniform:
            return Counter({0: segment.entries})
        cells, counts = self._groups(segment)
        if not len(cells):
            return Counter({len(self._before_ns) - 1: segment.entries})
        return tallied(self._rules_of(cells), counts)

    def of_segment(self, segment: Segment) -> Counter[int]:
        """How many entries of each rule are over in a segment."""
        match self.share(segment):
            case Share.NONE:
                return Counter()
            case Share.ALL:
                return self.counted(segment)
        frame = self._catalog.frame(self._reader, segment)
        try:
            over, rules = self.of_lines(frame, np.arange(frame.size))
        except DamagedColumn:
            return Counter()
        return tallied(rules[over])

    def of_batch(self, batch: HotBatch) -> Counter[int]:
        """How many entries of each rule are over in a hot batch."""
        if batch.oldest_ns >= self._deadlines.newest_ns:
            return Counter()
        rules = self._rules_of(np.array(batch.cells, np.int64))
        return tallied(rules[np.array(batch.times, np.int64) < self._before_ns[rules]])

    def of_lines(self, frame: Frame, lines: IntArray) -> tuple[BoolArray, IntArray]:
        """Which of these lines are over, and the rule of each."""
        rules = self._rules_of(frame.cells)[frame.group_of(lines)]
        return frame.times(lines) < self._before_ns[rules], rules

    def _groups(self, segment: Segment) -> tuple[IntArray, IntArray]:
        """The cell and the number of lines of each of its groups; none when it is damaged."""
        block, at = self._place[segment.segment_no]
        directory = self._catalog.directory(self._reader, block)
        own = slice(int(directory.starts[at]), int(directory.starts[at + 1]))
        return directory.cells[own], directory.counts[own]

    def _rules_of(self, cells: IntArray) -> IntArray:
        """The rule of each of these cells."""
        if self._deadlines.uniform:
            return np.zeros(len(cells), np.int64)
        distinct, place = np.unique(cells, return_inverse=True)
        rules: IntArray = np.array([self._rule_of(cell) for cell in distinct.tolist()], np.int64)[place]
        return rules

    def _rule_of(self, cell: int) -> int:
        rule = self._rules.get(cell)
        if rule is None:
            source, source_id = self._streams[cell >> LEVEL_BITS]
            rule = self._deadlines.of(source, source_id, LogLevel(cell & _LEVEL_MASK))
            self._rules[cell] = rule
        return rule


def tallied(rules: IntArray, counts: IntArray | None = None) -> Counter[int]:
    """How often each rule is there; counts: each so many times."""
    many = np.bincount(rules, weights=counts)
    return Counter({rule: int(each) for rule, each in enumerate(many.tolist()) if each})


def sum_of(counters: Iterable[Counter[int]]) -> Counter[int]:
    """All of them together."""
    total: Counter[int] = Counter()
    for counter in counters:
        total += counter
    return total
