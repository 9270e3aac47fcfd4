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

from hantu import text
from hantu.query.expr import Regex, Substring, Word
from hantu.query.regex import compile_regex
from hantu.store.ids import EntryIds
from hantu.store.sqlite.batch import LEVEL_BITS, BoolArray, IntArray, VerdictArray
from hantu.store.sqlite.shape_search import MAYBE, NO, YES
from hantu.store.sqlite.shape_text import Loose
from hantu.store.sqlite.shapes import Shapes
from hantu.store.sqlite.slots import lines_anywhere, lines_with
from hantu.store.sqlite.sought import Sought, sought_by
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
    """A term. hashes: of tokens of which groups() wants to know whether a filter lacks them."""

    cost: Cost = Cost.CELL
    hashes: tuple[int, ...] = ()
    simple: bool = True
    """Whether lines with a shape are never asked, unless only their messages can tell."""

    @abstractmethod
    def groups(self, groups: Groups) -> VerdictArray:
        """NO, MAYBE or YES for each group."""

    def select(self, view: FrameView, lines: BoolArray) -> BoolArray:
        """Those of these lines (bool[n]) for which the term holds."""
        verdict = self.groups(view.groups)
        sure = lines & view.spread(verdict == YES)
        maybe = verdict == MAYBE
        if not maybe.any():
            return sure
        rest = lines & view.spread(maybe)
        return sure | self._decide(view, rest) if rest.any() else sure

    def _decide(self, view: FrameView, lines: BoolArray) -> BoolArray:
        """select() for lines of groups where the verdict is MAYBE; at least one."""
        raise NotImplementedError  # a term that never says MAYBE has no need of it


class Constant(Term):
    """Holds for every line, or for none."""

    def __init__(self, holds: bool) -> None:
        self._verdict = YES if holds else NO

    def groups(self, groups: Groups) -> VerdictArray:
        """The same for all."""
        return np.full(len(groups.cells), self._verdict, np.int8)


class Levels(Term):
    """The level is one of some."""

    def __init__(self, holds: Callable[[int], bool], levels: Sequence[int]) -> None:
        self._table = np.zeros(_LEVEL_MASK + 1, np.int8)
        self._table[[level for level in levels if holds(level)]] = YES

    def groups(self, groups: Groups) -> VerdictArray:
        """By the level of the cell."""
        return cast("VerdictArray", self._table[groups.cells & _LEVEL_MASK])


class OfStream(Term):
    """Something that holds for whole streams. test: None where it does not say."""

    def __init__(self, test: Callable[[str, str], bool | None], streams: Streams) -> None:
        self._test = test
        self._streams = streams
        self._table = np.zeros(0, np.int8)

    def groups(self, groups: Groups) -> VerdictArray:
        """By the stream of the cell."""
        numbers = groups.cells >> LEVEL_BITS
        if len(numbers) and int(numbers.max()) >= len(self._table):
            self._fill(int(numbers.max()) + 1)
        return cast("VerdictArray", self._table[numbers])

    def _fill(self, size: int) -> None:
        table = np.zeros(max(size, max(self._streams, default=0) + 1), np.int8)
        for number, (source, source_id) in self._streams.items():
            answer = self._test(source, source_id)
            table[number] = MAYBE if answer is None else YES if answer else NO
        self._table = table


class OfKey(Term):
    """The entry with one UUID."""

    def __init__(self, wanted: str, ids: EntryIds) -> None:
        self._key = ids.key(wanted)

    def groups(self, groups: Groups) -> VerdictArray:
        """Only the lines can tell."""
        return np.full(len(groups.cells), NO if self._key is None else MAYBE, np.int8)

    def _decide(self, view: FrameView, lines: BoolArray) -> BoolArray:
        return cast("BoolArray", lines & (view.frame.keys() == self._key))


class OfMessage(Term):
    """A word or a substring."""

    def __init__(self, expr: Word | Substring, sought: Sought, shapes: Shapes) -> None:
        self.cost = Cost.WORDS if isinstance(expr, Word) else Cost.SUBSTRING
        self.simple = sought.settled_by_shape
        self.hashes = tuple({*sought.slot_hashes, *sought.plain_hashes})
        self._sought = sought
        self._search = shapes.search
        self._needle = text.needle(expr.text, prefix=expr.prefix) if isinstance(expr, Word) else None
        self._part = text.fold(expr.text)

    @classmethod
    def of(cls, expr: Word | Substring, shapes: Shapes) -> Term:
        """The term for an expression."""
        sought = sought_by(expr)
        return Constant(sought) if isinstance(sought, bool) else cls(expr, sought, shapes)

    def groups(self, groups: Groups) -> VerdictArray:
        """By the shape, and by the filter where values decide."""
        verdict = self._search.verdict(self._sought)
        found = verdict.by_number[groups.shapes]
        lacking = groups.without(self._sought.slot_hashes)
        if lacking is not None:
            found[lacking & (found == MAYBE) & ~verdict.asked[groups.shapes]] = NO
        lacking = groups.without(self._sought.plain_hashes)
        if lacking is not None:
            found[lacking & (groups.shapes == 0)] = NO
        return found

    def _decide(self, view: FrameView, lines: BoolArray) -> BoolArray:
        shapes = view.groups.shapes
        open_groups = view.groups_of(lines)
        verdict = self._search.verdict(self._sought)
        asked = verdict.asked[shapes] & (shapes > 0)
        found = [self._plain(view)] if (open_groups & (shapes == 0)).any() else []
        shaped = open_groups & ~asked & (shapes > 0)
        if shaped.any():
            found += [lines_with(view.frame, shaped, *place) for place in verdict.places]
            if self._sought.anywhere is not None:
                found.append(self._anywhere(view, shaped))
        if (open_groups & asked).any():
            numbers, messages = view.messages(lines & view.spread(asked))
            found.append(self._holding(numbers, messages))
        return lines & view.mask(np.concatenate(found)) if found else np.zeros(len(lines), np.bool_)

    def _plain(self, view: FrameView) -> IntArray:
        if self._needle is not None:
            return view.plain.with_needle(self._needle)
        return view.plain.with_substring(self._part)

    def _anywhere(self, view: FrameView, groups: BoolArray) -> IntArray:
        """The lines of which any value is as it must be."""
        constraint = self._sought.anywhere
        assert constraint is not None  # noqa: S101 — for the type checker; the caller has looked
        lines = lines_anywhere(view.frame, groups, constraint)
        if self._needle is None or not len(lines):
            return lines
        # Where a value and letters make one token (12µs), the value alone is none.
        joined = (self._search.loose()[view.groups.shapes] & int(Loose.WORDS)) != 0
        unsure = joined[view.frame.group_of(lines)]
        if not unsure.any():
            return lines
        numbers = lines[unsure]
        return np.concatenate([lines[~unsure], self._holding(numbers, view.frame.messages(numbers))])

    def _holding(self, numbers: IntArray, messages: Sequence[str]) -> IntArray:
        """The lines of whose messages this holds."""
        needle = self._needle
        if needle is not None:
            kept = [needle.found_in(text.tokens(message)) for message in messages]
        else:
            kept = [self._part in text.fold(message) for message in messages]
        return numbers[np.array(kept, np.bool_)]


class OfRegex(Term):
    """A regular expression. needs: what every match satisfies, see regex_needs()."""

    cost = Cost.REGEX
    simple = False

    def __init__(self, expr: Regex, needs: Term | None, shapes: Shapes) -> None:
        self._pattern = compile_regex(expr.pattern)
        self._needs = needs
        self._search = shapes.search
        self.hashes = needs.hashes if needs is not None else ()

    def groups(self, groups: Groups) -> VerdictArray:
        """NO where the shape lacks what must be there."""
        maybe = np.full(len(groups.cells), MAYBE, np.int8)
        if self._needs is None:
            return maybe
        least = self._needs.groups(groups)
        odd = self._odd(groups) | (groups.shapes == 0)
        return np.where(odd, maybe, np.minimum(least, MAYBE)).astype(np.int8)

    def _odd(self, groups: Groups) -> BoolArray:
        return cast("BoolArray", (self._search.loose()[groups.shapes] & int(Loose.CASE)) != 0)

    def _decide(self, view: FrameView, lines: BoolArray) -> BoolArray:
        left = lines
        if self._needs is not None:
            odd = view.spread(self._odd(view.groups))
            if not view.groups.shapes.all():
                odd |= view.mask(view.plain.odd)
            left = (lines & odd) | self._needs.select(view, lines & ~odd)
        numbers, messages = view.plain_seen(left)
        search = self._pattern.search
        return view.mask(numbers[np.array([search(message) is not None for message in messages], np.bool_)])


class Negation(Term):
    """The other term does not hold."""

    def __init__(self, item: Term) -> None:
        self.cost, self.hashes, self.simple = item.cost, item.hashes, item.simple
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
