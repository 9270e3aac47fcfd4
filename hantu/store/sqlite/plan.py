"""From a query to what a store of shapes and columns does to answer it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from hantu.model import LogLevel
from hantu.query.expr import And, Expr, Field, Not, Or, Regex, Substring, Word
from hantu.query.fields import entry_id, stream_test
from hantu.query.logquery import LogQuery
from hantu.store.ids import EntryIds
from hantu.store.sqlite.batch import IntArray, VerdictArray
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.message_terms import OfMessage, OfRegex
from hantu.store.sqlite.metadata_term import OfMetadata
from hantu.store.sqlite.plain_words import PlainWords
from hantu.store.sqlite.regex_needs import regex_needs
from hantu.store.sqlite.shape_search import NO, YES, ShapesSeen
from hantu.store.sqlite.terms import (
    Alternative,
    ByStream,
    Conjunction,
    Constant,
    Levels,
    Negation,
    OfKey,
    OfStream,
    Streams,
    Term,
)
from hantu.store.sqlite.view import Absent, FrameView, Groups

TIME_LEAST: Final = -(1 << 63)
TIME_MOST: Final = (1 << 63) - 1
_LEVELS: Final = tuple(int(level) for level in LogLevel)


class Plan:
    """A compiled query.

    start_ns ≤ time < end_ns, first_key ≤ key, and `key` when it is not None are for the caller to
    apply. all: nothing else limits the query. nothing: nothing can match. simple: lines with a shape
    are decided by their groups alone, but for shapes of which only the message can tell. hashes: of
    tokens; what filters say of them makes the verdicts of groups() sharper. worded: the words of plain
    lines settle something."""

    def __init__(self, query: LogQuery, term: Term | None, key: int | None) -> None:
        self.start_ns = TIME_LEAST if query.start_ns is None else max(TIME_LEAST, query.start_ns)
        self.end_ns = TIME_MOST if query.end_ns is None else min(TIME_MOST, query.end_ns)
        self.first_key = 0 if query.after_key is None else max(0, query.after_key + 1)
        self.key = key
        self.all = term is None
        self.nothing = self.start_ns >= self.end_ns or key == 0
        self.simple = term is None or term.simple
        self.hashes: tuple[int, ...] = () if term is None else term.hashes
        self.worded = term is not None and term.worded
        self._term = Constant(holds=True) if term is None else term

    @classmethod
    def of(cls, query: LogQuery, streams: Streams, ids: EntryIds, shapes: ShapesSeen) -> Plan:
        """The plan for a query; its place, order, limit and offset do not count.

        streams: of all cells that groups() will be asked about. Raises QueryError."""
        compiler = _Compiler(streams, ids, shapes)
        terms = compiler.limits(query)
        key = None
        items: tuple[Expr, ...] = ()
        if query.search is not None:
            items = query.search.items if isinstance(query.search, And) else (query.search,)
        for item in items:
            wanted = entry_id(item) if isinstance(item, Field) else None
            if wanted is None:
                terms.append(compiler.term(item))
            else:
                own = ids.key(wanted) or 0
                key = own if key in {None, own} else 0
        if not terms:
            return cls(query, None, key)
        return cls(query, terms[0] if len(terms) == 1 else Conjunction(terms), key)

    def groups(self, cells: IntArray, shapes: IntArray, absent: Absent | None = None) -> VerdictArray:
        """Of each group whether all its lines match (2), perhaps some (1), or none (0): int8[G].

        absent: by hash (of `hashes`, any number of them) the groups whose segment's filter says that
        the token is not there, bool[G]."""
        return self._term.groups(Groups(cells, shapes, absent or {}))

    def plain(self, cells: IntArray, absent: Absent, words: PlainWords) -> VerdictArray:
        """As groups(), of each plain line of a block. cells: of these lines. words: which they have."""
        return self._term.groups(Groups(cells, np.zeros(len(cells), np.int64), absent, words))

    def lines(self, frame: Frame, verdict: VerdictArray, candidates: IntArray | None) -> IntArray:
        """The line numbers that match, ascending, apart from times and keys.

        verdict: of groups() for the groups of this frame. candidates: only these lines, None: all."""
        view = FrameView(frame)
        sure = verdict == YES
        maybe = np.where(sure, np.int8(NO), verdict)
        possible = self._term.possible(view, maybe)
        if not possible and not sure.any():
            return np.zeros(0, np.int64)
        if candidates is None:
            found = self._term.lines(view, maybe) if possible else np.zeros(0, np.int64)
            if not sure.any():
                return found
            mask = view.spread(sure)
            mask[found] = True
            return np.flatnonzero(mask)
        chosen = view.mask(candidates)
        found_lines = chosen & view.spread(sure)
        open_lines = chosen & view.spread(maybe > NO)
        if possible and open_lines.any():
            found_lines |= self._term.select(view, open_lines)
        return np.flatnonzero(found_lines)


class _Compiler:
    def __init__(self, streams: Streams, ids: EntryIds, shapes: ShapesSeen) -> None:
        self._streams = streams
        self._ids = ids
        self._shapes = shapes

    def limits(self, query: LogQuery) -> list[Term]:
        """The parts of a query beside its search."""
        terms: list[Term] = []
        if query.sources or query.source_id is not None:

            def own(source: str, source_id: str) -> bool:
                return (not query.sources or source in query.sources) and (
                    query.source_id is None or source_id == query.source_id
                )

            terms.append(OfStream(own, self._streams))
        if query.levels:
            terms.append(self._levels(lambda level: level in query.levels))
        least = query.min_level
        if least is not None:
            terms.append(self._levels(lambda level: level >= least))
        return terms

    def term(self, expr: Expr) -> Term:
        """The term of an expression. Raises QueryError."""
        match expr:
            case Word() | Substring():
                return OfMessage.of(expr, self._shapes)
            case Regex():
                needs = regex_needs(expr.pattern)
                return OfRegex(expr, None if needs is None else self.term(needs), self._shapes)
            case Field():
                return self._field(expr)
            case Not():
                return Negation(self.term(expr.item))
            case And():
                return Conjunction([self.term(item) for item in expr.items])
            case Or():
                return Alternative([self.term(item) for item in expr.items])

    def _field(self, field: Field) -> Term:
        wanted = entry_id(field)
        if wanted is not None:
            return OfKey(wanted, self._ids)
        test = stream_test(field)
        if field.name.lower() == "level":
            return self._levels(lambda level: bool(test("", "", LogLevel(level))))
        stream = ByStream(lambda source, source_id: test(source, source_id, LogLevel.INFO), self._streams)
        return OfMetadata(field, stream)

    def _levels(self, holds: Callable[[int], bool]) -> Term:
        return Levels(holds, _LEVELS)
