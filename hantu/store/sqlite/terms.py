"""The terms of a query as a store of shapes and columns answers them.

A term is asked in two steps. groups() says of each group, from its cell and shape alone, whether the
term holds for all its lines, for none, or perhaps for some. select() says it of lines, and reads
columns only of groups where it is open. Both agree with hantu.query.match."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Final, cast

import numpy as np

from hantu.store.ids import EntryIds
from hantu.store.sqlite.batch import LEVEL_BITS, BoolArray, IntArray, VerdictArray
from hantu.store.sqlite.shape_search import MAYBE, NO, YES
from hantu.store.sqlite.view import FrameView, Groups

_LEVEL_MASK: Final = (1 << LEVEL_BITS) - 1

Streams = Mapping[int, tuple[str, str]]
"""(source, source_id) by stream number."""


class Cost(IntEnum):
    """What it costs to ask lines of a term: cheap ones are asked first."""

    CELL = 0
    WORDS = 1
    SUBSTRING = 2
    METADATA = 3
    REGEX = 4


class Term(ABC):
    """A term. hashes: of tokens of which groups() wants to know whether a filter lacks them. worded:
    whether the words of plain lines tell groups() something."""

    cost: Cost = Cost.CELL
    hashes: tuple[int, ...] = ()
    worded: bool = False
    simple: bool = True
    """Whether lines with a shape are never asked, unless only their messages can tell."""

    @abstractmethod
    def groups(self, groups: Groups) -> VerdictArray:
        """NO, MAYBE or YES for each group."""

    def possible(self, view: FrameView, verdict: VerdictArray) -> bool:
        """False when surely no line of the view's groups holds; a quick look that decodes no line.

        verdict: of groups(), NO where the groups do not count."""
        if (verdict == YES).any():
            return True
        return bool(verdict.any()) and self._may_hold(view, verdict)

    def _may_hold(self, view: FrameView, verdict: VerdictArray) -> bool:  # noqa: ARG002 — for others
        """possible() where no group is YES and some are MAYBE."""
        return True

    def lines(self, view: FrameView, verdict: VerdictArray) -> IntArray:
        """The lines of some groups for which the term holds, ascending.

        verdict: of groups(), NO where the groups do not count."""
        return np.flatnonzero(self.select(view, view.spread(verdict > NO)))

    @abstractmethod
    def select(self, view: FrameView, lines: BoolArray) -> BoolArray:
        """Those of these lines (bool[n]) for which the term holds."""


class OfGroups(Term):
    """A term that groups() decides for all lines of each group: it never says MAYBE."""

    def select(self, view: FrameView, lines: BoolArray) -> BoolArray:
        """The lines of the groups for which it holds."""
        return lines & view.spread(self.groups(view.groups) == YES)


class OfLines(Term):
    """A term that groups() may leave open, for lines to decide."""

    def select(self, view: FrameView, lines: BoolArray) -> BoolArray:
        """The lines of the groups for which it surely holds, and what lines decide in those left open."""
        verdict = self.groups(view.groups)
        sure = lines & view.spread(verdict == YES)
        maybe = verdict == MAYBE
        if not maybe.any():
            return sure
        rest = lines & view.spread(maybe)
        return sure | self._decide(view, rest) if rest.any() else sure

    @abstractmethod
    def _decide(self, view: FrameView, lines: BoolArray) -> BoolArray:
        """select() for lines of groups where the verdict is MAYBE; at least one."""


class Constant(OfGroups):
    """Holds for every line, or for none."""

    def __init__(self, holds: bool) -> None:
        self._verdict = YES if holds else NO

    def groups(self, groups: Groups) -> VerdictArray:
        """The same for all."""
        return np.full(len(groups.cells), self._verdict, np.int8)


class Levels(OfGroups):
    """The level is one of some."""

    def __init__(self, holds: Callable[[int], bool], levels: Sequence[int]) -> None:
        self._table = np.zeros(_LEVEL_MASK + 1, np.int8)
        self._table[[level for level in levels if holds(level)]] = YES

    def groups(self, groups: Groups) -> VerdictArray:
        """By the level of the cell."""
        return cast("VerdictArray", self._table[groups.cells & _LEVEL_MASK])


class ByStream:
    """Verdicts on cells by their streams. test: None, MAYBE, where it does not say."""

    def __init__(self, test: Callable[[str, str], bool | None], streams: Streams) -> None:
        self._test = test
        self._streams = streams
        self._table = np.zeros(0, np.int8)

    def verdict(self, cells: IntArray) -> VerdictArray:
        """The verdict on each cell."""
        numbers = cells >> LEVEL_BITS
        if len(numbers) and int(numbers.max()) >= len(self._table):
            self._fill(int(numbers.max()) + 1)
        return cast("VerdictArray", self._table[numbers])

    def _fill(self, size: int) -> None:
        table = np.zeros(max(size, max(self._streams, default=0) + 1), np.int8)
        for number, (source, source_id) in self._streams.items():
            answer = self._test(source, source_id)
            table[number] = MAYBE if answer is None else YES if answer else NO
        self._table = table


class OfStream(OfGroups):
    """Something that holds for whole streams."""

    def __init__(self, test: Callable[[str, str], bool], streams: Streams) -> None:
        self._by_stream = ByStream(test, streams)

    def groups(self, groups: Groups) -> VerdictArray:
        """By the stream of the cell."""
        return self._by_stream.verdict(groups.cells)


class OfKey(OfLines):
    """The entry with one UUID."""

    def __init__(self, wanted: str, ids: EntryIds) -> None:
        self._key = ids.key(wanted)

    def groups(self, groups: Groups) -> VerdictArray:
        """Only the lines can tell."""
        return np.full(len(groups.cells), NO if self._key is None else MAYBE, np.int8)

    def _decide(self, view: FrameView, lines: BoolArray) -> BoolArray:
        return cast("BoolArray", lines & (view.frame.keys() == self._key))


class Negation(Term):
    """The other term does not hold."""

    def __init__(self, item: Term) -> None:
        self.cost, self.hashes, self.simple = item.cost, item.hashes, item.simple
        self.worded = item.worded
        self._item = item

    def groups(self, groups: Groups) -> VerdictArray:
        """The opposite."""
        return np.int8(YES) - self._item.groups(groups)

    def select(self, view: FrameView, lines: BoolArray) -> BoolArray:
        """The other lines."""
        return lines & ~self._item.select(view, lines)


class _Compound(Term):
    def __init__(self, items: Sequence[Term]) -> None:
        self._items = sorted(items, key=lambda item: item.cost)
        self.cost = max(item.cost for item in items)
        self.hashes = tuple({each for item in items for each in item.hashes})
        self.simple = all(item.simple for item in items)
        self.worded = any(item.worded for item in items)


class Conjunction(_Compound):
    """All hold."""

    def groups(self, groups: Groups) -> VerdictArray:
        """The least."""
        verdict = self._items[0].groups(groups)
        for item in self._items[1:]:
            if not verdict.any():
                break
            verdict = np.minimum(verdict, item.groups(groups))
        return verdict

    def _may_hold(self, view: FrameView, verdict: VerdictArray) -> bool:
        return all(
            item.possible(view, np.where(verdict > NO, item.groups(view.groups), np.int8(NO)))
            for item in self._items
        )

    def select(self, view: FrameView, lines: BoolArray) -> BoolArray:
        """What is left after each."""
        for item in self._items:
            if not lines.any():
                break
            lines = item.select(view, lines)
        return lines


class Alternative(_Compound):
    """One holds."""

    def groups(self, groups: Groups) -> VerdictArray:
        """The greatest."""
        verdict = self._items[0].groups(groups)
        for item in self._items[1:]:
            verdict = np.maximum(verdict, item.groups(groups))
        return verdict

    def _may_hold(self, view: FrameView, verdict: VerdictArray) -> bool:
        return any(
            item.possible(view, np.where(verdict > NO, item.groups(view.groups), np.int8(NO)))
            for item in self._items
        )

    def select(self, view: FrameView, lines: BoolArray) -> BoolArray:
        """What any of them has; each is asked only of what the others left."""
        found = np.zeros(len(lines), np.bool_)
        rest = lines
        for item in self._items:
            if not rest.any():
                break
            found |= item.select(view, rest)
            rest = lines & ~found
        return found
