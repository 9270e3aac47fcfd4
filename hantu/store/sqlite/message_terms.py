"""Words, substrings and regular expressions as terms: shapes first, then values, messages last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from hantu import text
from hantu.query.expr import Regex, Substring, Word
from hantu.query.regex import compile_regex
from hantu.store.sqlite.batch import BoolArray, IntArray, VerdictArray
from hantu.store.sqlite.shape_search import MAYBE, NO, Verdict
from hantu.store.sqlite.shape_text import Loose
from hantu.store.sqlite.shapes import Shapes
from hantu.store.sqlite.slots import lines_anywhere, lines_with, stands
from hantu.store.sqlite.sought import Sought, sought_by
from hantu.store.sqlite.terms import Constant, Cost, Term
from hantu.store.sqlite.view import FrameView, Groups


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
        verdict = self._judged()
        found = verdict.by_number[groups.shapes]
        lacking = groups.without(self._sought.slot_hashes)
        if lacking is not None:
            found[lacking & (found == MAYBE) & ~verdict.asked[groups.shapes]] = NO
        lacking = groups.without(self._sought.plain_hashes)
        if lacking is not None:
            found[lacking & (groups.shapes == 0)] = NO
        return found

    def _may_hold(self, view: FrameView, verdict: VerdictArray) -> bool:
        shapes = view.groups.shapes[verdict > NO]
        judged = self._judged()
        if judged.asked[shapes].any():
            return True
        plain = self._needle.tokens if self._needle is not None else (self._part,)
        if not shapes.all() and view.plain.may_hold(plain):
            return True
        if self._sought.anywhere is not None and shapes.any() and stands(view.frame, self._sought.anywhere):
            return True
        return any(
            all(stands(view.frame, constraint) for constraint in pattern.constraints)
            for pattern, places in judged.places
            if places.among(shapes)
        )

    def _judged(self) -> Verdict:
        return self._search.verdict(self._sought)

    def _decide(self, view: FrameView, lines: BoolArray) -> BoolArray:
        shapes = view.groups.shapes
        open_groups = view.groups_of(lines)
        verdict = self._judged()
        has_shape = shapes > 0
        asked = verdict.asked[shapes] & has_shape
        found = [self._plain(view)] if (open_groups & ~has_shape).any() else []
        shaped = open_groups & ~asked & has_shape
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
