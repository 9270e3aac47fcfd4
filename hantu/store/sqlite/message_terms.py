"""Words, substrings and regular expressions as terms: shapes first, then values, messages last."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import cast

import numpy as np

from hantu import text
from hantu.query.expr import Regex, Substring, Word
from hantu.query.regex import compile_regex
from hantu.store.sqlite.batch import BoolArray, IntArray, VerdictArray
from hantu.store.sqlite.fields import sorted_set
from hantu.store.sqlite.plain_words import tells
from hantu.store.sqlite.regex_scan import lines_matching
from hantu.store.sqlite.shape_search import MAYBE, NO, YES, ShapesSeen, Verdict
from hantu.store.sqlite.shape_text import Loose
from hantu.store.sqlite.slots import lines_anywhere, lines_with, stands
from hantu.store.sqlite.sought import Sought, sought_by
from hantu.store.sqlite.terms import Constant, Cost, OfLines, Term
from hantu.store.sqlite.view import FrameView, Groups


class OfMessage(OfLines):
    """A word or a substring."""

    def __init__(self, expr: Word | Substring, sought: Sought, shapes: ShapesSeen) -> None:
        self.cost = Cost.WORDS if isinstance(expr, Word) else Cost.SUBSTRING
        self.simple = sought.settled_by_shape
        self.hashes = tuple({*sought.slot_hashes, *sought.plain_hashes})
        self._sought = sought
        self._shapes = shapes
        self._needle = text.needle(expr.text, prefix=expr.prefix) if isinstance(expr, Word) else None
        self._part = text.fold(expr.text)
        self.worded = self._needle is not None and tells(self._needle)
        self._left: dict[tuple[bool, bool], VerdictArray] = {}

    @classmethod
    def of(cls, expr: Word | Substring, shapes: ShapesSeen) -> Term:
        """The term for an expression."""
        sought = sought_by(expr)
        return Constant(sought) if isinstance(sought, bool) else cls(expr, sought, shapes)

    def groups(self, groups: Groups) -> VerdictArray:
        """By the shape, by the filter where values decide, by the words of plain lines."""
        if groups.words is None or self._needle is None or not self.worded:
            return self._by_shape(groups)
        found, is_all = groups.words.of_needle(self._needle)
        return found.astype(np.int8) * np.int8(YES if is_all else MAYBE)

    def _by_shape(self, groups: Groups) -> VerdictArray:
        shapes = groups.shapes
        by_values = groups.without(self._sought.slot_hashes)
        of_plain = groups.without(self._sought.plain_hashes)
        if not shapes.any():
            # Unsealed lines, asked many times a second by live views: no shape, no look into the index.
            return _only_plain(shapes, of_plain)
        judged = self._judged
        if by_values is None and of_plain is None:
            return judged.by_number.take(shapes)
        if by_values is None or of_plain is None or self._sought.slot_hashes == self._sought.plain_hashes:
            lacking = of_plain if by_values is None else by_values
            table = self._without(values=by_values is not None, plain=of_plain is not None)
            return _either(lacking, table, judged.by_number, shapes)
        found = _either(by_values, self._without(values=True, plain=False), judged.by_number, shapes)
        found[of_plain & (shapes == 0)] = NO
        return found

    @cached_property
    def _judged(self) -> Verdict:
        return self._shapes.verdict(self._sought)

    def _without(self, *, values: bool, plain: bool) -> VerdictArray:
        """As Verdict.without(); a query asks for the same of each block."""
        known = self._left.get((values, plain))
        if known is None:
            known = self._left[values, plain] = self._judged.without(values=values, plain=plain)
        return known

    def _may_hold(self, view: FrameView, verdict: VerdictArray) -> bool:
        shapes = view.groups.shapes[verdict > NO]
        if shapes.any() and self._shapes_may_hold(view, shapes[shapes > 0]):
            return True
        plain = self._needle.tokens if self._needle is not None else (self._part,)
        return not shapes.all() and view.plain.may_hold(plain)

    def _shapes_may_hold(self, view: FrameView, shapes: IntArray) -> bool:
        judged = self._judged
        if judged.asked[shapes].any():
            return True
        if self._sought.anywhere is not None and stands(view.frame, self._sought.anywhere):
            return True
        return any(
            all(stands(view.frame, constraint) for constraint in pattern.constraints)
            for pattern, places in judged.places
            if places.among(shapes)
        )

    def lines(self, view: FrameView, verdict: VerdictArray) -> IntArray:
        """As Term.lines(), without looking at every line."""
        sure = verdict == YES
        found = self._found(view, verdict == MAYBE, None)
        if not sure.any():
            return found
        return np.union1d(found, np.flatnonzero(view.spread(sure)))

    def _decide(self, view: FrameView, lines: BoolArray) -> BoolArray:
        return lines & view.mask(self._found(view, view.groups_of(lines), lines))

    def _found(self, view: FrameView, open_groups: BoolArray, lines: BoolArray | None) -> IntArray:
        """The lines of these groups, all of them MAYBE, that hold, ascending; lines: none but these
        matter."""
        has_shape = view.groups.shapes > 0
        found = [self._plain(view)] if (open_groups & ~has_shape).any() else []
        if (open_groups & has_shape).any():
            found += self._shaped(view, open_groups & has_shape, lines)
        every = sorted_set(np.concatenate(found)) if found else np.zeros(0, np.int64)
        return every[open_groups[view.frame.group_of(every)]]

    def _shaped(self, view: FrameView, groups: BoolArray, lines: BoolArray | None) -> list[IntArray]:
        """As _found(), for groups with a shape; unsorted, and perhaps more than hold."""
        found: list[IntArray] = []
        judged = self._judged
        asked = judged.asked[view.groups.shapes] & groups
        shaped = groups & ~asked
        if shaped.any():
            found += [lines_with(view.frame, shaped, *place) for place in judged.places]
            if self._sought.anywhere is not None:
                found.append(self._anywhere(view, shaped))
        if asked.any():
            mask = view.spread(asked)
            numbers, messages = view.messages(mask if lines is None else lines & mask)
            found.append(self._holding(numbers, messages))
        return found

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
        joined = (self._shapes.loose()[view.groups.shapes] & int(Loose.WORDS)) != 0
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


def _only_plain(shapes: IntArray, lacking: BoolArray | None) -> VerdictArray:
    """Of groups without a shape."""
    found = np.full(len(shapes), MAYBE, np.int8)
    if lacking is not None:
        found[lacking] = NO
    return found


def _either(
    lacking: BoolArray | None, table: VerdictArray, otherwise: VerdictArray, shapes: IntArray
) -> VerdictArray:
    """By shape number: the table's verdict where something is lacking, elsewhere the other's."""
    assert lacking is not None  # noqa: S101 — for the type checker; the caller has looked
    found = table.take(shapes) if table.any() else np.zeros(len(shapes), np.int8)
    rest = np.flatnonzero(~lacking)
    found[rest] = otherwise.take(shapes[rest])
    return found


class OfRegex(OfLines):
    """A regular expression. needs: what every match satisfies, see regex_needs()."""

    cost = Cost.REGEX
    simple = False

    def __init__(self, expr: Regex, needs: Term | None, shapes: ShapesSeen) -> None:
        compile_regex(expr.pattern)
        self._pattern = expr.pattern
        self._needs = needs
        self._shapes = shapes
        self.hashes = needs.hashes if needs is not None else ()

    def groups(self, groups: Groups) -> VerdictArray:
        """NO where the shape lacks what must be there."""
        maybe = np.full(len(groups.cells), MAYBE, np.int8)
        if self._needs is None:
            return maybe
        least = self._needs.groups(groups)
        odd = self._odd(groups) | (groups.shapes == 0)
        return np.where(odd, maybe, np.minimum(least, MAYBE)).astype(np.int8)

    def _may_hold(self, view: FrameView, verdict: VerdictArray) -> bool:
        if self._needs is None or (self._odd(view.groups) & (verdict > NO)).any():
            return True
        if (verdict[view.groups.shapes == 0] > NO).any() and len(view.plain.odd):
            return True
        return self._needs.possible(
            view, np.where(verdict > NO, self._needs.groups(view.groups), np.int8(NO))
        )

    def _odd(self, groups: Groups) -> BoolArray:
        return cast("BoolArray", (self._shapes.loose()[groups.shapes] & int(Loose.CASE)) != 0)

    def _decide(self, view: FrameView, lines: BoolArray) -> BoolArray:
        left = lines
        if self._needs is not None:
            odd = view.spread(self._odd(view.groups))
            if not view.groups.shapes.all():
                odd |= view.mask(view.plain.odd)
            left = (lines & odd) | self._needs.select(view, lines & ~odd)
        numbers = np.flatnonzero(left)
        if not len(numbers):
            return left
        blob = view.frame.escaped(numbers)
        return view.mask(numbers[lines_matching(self._pattern, blob, len(numbers))])
