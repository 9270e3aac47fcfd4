"""From a query to SQL conditions on the row `e` of entry.

Words become FTS5 expressions. Fields of source, source_id and level become sets of stream numbers
and levels, found by asking hantu.query.fields once for each stream. Substrings, regular expressions
and metadata fields are asked row by row through `holds(number, value)`, which calls the same code
as hantu.query.match."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from hantu import text
from hantu.model import LogLevel
from hantu.query.expr import And, Expr, Field, Not, Op, Or, Regex, Substring, Word
from hantu.query.fields import entry_id, metadata_paths, metadata_test, stream_test
from hantu.query.logquery import LogQuery
from hantu.query.regex import compile_regex
from hantu.store.ids import EntryIds
from hantu.store.sqlite.entries import LEVELS, decode_metadata

TIME_LEAST: Final = -(1 << 63)
TIME_MOST: Final = (1 << 63) - 1

Streams = Mapping[int, tuple[str, str]]
Test = Callable[[Any], bool]

_OPEN: Final = '" *'
_FOUND: Final = (
    "e.key IN (SELECT rowid FROM word WHERE word MATCH {name} AND rowid BETWEEN :first AND :last)"
)
_MAY_DIFFER: Final = re.compile(r'["\\*\x00-\x1f\x7f]|^[\s0-9+.-]|^$')
"""A value that JSON may write in another way: escapes, wildcards, numbers (42 is 42.0 too)."""

_encode: Final = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Plan:
    """A compiled query.

    start_ns ≤ time < end_ns; first_key ≤ key. streams, levels: the only ones that can match, None for
    all; source_no: the source whose streams these are, when they are all of it. match: the FTS5
    expression that every match satisfies. key: the only entry that can match. trace: as
    entry.trace_id, which every match has. terms: SQL conditions for the rest, joined by AND, with
    binds; tests: the functions that they call by number. slow: terms cost more than a few column
    comparisons. rows: FROM … WHERE …, once search.py has chosen an index."""

    start_ns: int = TIME_LEAST
    end_ns: int = TIME_MOST
    first_key: int = 0
    streams: frozenset[int] | None = None
    levels: frozenset[int] | None = None
    source_no: int | None = None
    match: str | None = None
    key: int | None = None
    trace: str | None = None
    terms: list[str] = field(default_factory=list)
    binds: dict[str, Any] = field(default_factory=dict)
    tests: list[Test] = field(default_factory=list)
    slow: bool = False
    rows: str | None = None

    @property
    def nothing(self) -> bool:
        """Whether nothing can match."""
        return (
            (self.streams is not None and not self.streams)
            or (self.levels is not None and not self.levels)
            or self.start_ns >= self.end_ns
        )

    @property
    def plain(self) -> bool:
        """Whether streams, levels and times say it all, so that counts of blocks are enough."""
        return not self.terms and self.match is None and self.key is None and not self.first_key

    @property
    def by_words(self) -> bool:
        """Whether the index of words leads the search."""
        return self.match is not None and self.key is None and self.trace is None

    @property
    def open_ended(self) -> bool:
        """Whether match has a prefix: FTS5 then reads every word that begins so, whatever the range."""
        return self.match is not None and self.by_words and _OPEN in self.match

    def bind(self, value: Any) -> str:
        """The name under which `value` is bound."""
        name = f"v{len(self.binds)}"
        self.binds[name] = value
        return f":{name}"

    def found(self, match: str) -> str:
        """The condition that an FTS5 expression holds for e."""
        return _FOUND.format(name=self.bind(match))

    def bind_all(self, values: Iterable[int]) -> str:
        """A list to stand after IN."""
        name = self.bind(_encode(sorted(values)).decode())
        return f"(SELECT value FROM json_each({name}))"  # noqa: S608 — the name of a bound value


def compile_query(query: LogQuery, streams: Streams, ids: EntryIds, *, index_words: bool = True) -> Plan:
    """The plan for a query over these streams; place, order, limit and offset do not count.

    index_words=False: words are looked for row by row."""
    plan = Plan()
    if query.start_ns is not None:
        plan.start_ns = max(plan.start_ns, query.start_ns)
    if query.end_ns is not None:
        plan.end_ns = min(plan.end_ns, query.end_ns)
    if query.after_key is not None:
        plan.first_key = max(0, query.after_key + 1)
    if query.sources or query.source_id is not None:
        _only_streams(
            plan,
            (
                number
                for number, (source, source_id) in streams.items()
                if (not query.sources or source in query.sources)
                and (query.source_id is None or source_id == query.source_id)
            ),
        )
    if query.levels:
        _only_levels(plan, query.levels)
    if query.min_level is not None:
        _only_levels(plan, (level for level in LEVELS if level >= query.min_level))
    if query.search is not None:
        items = query.search.items if isinstance(query.search, And) else (query.search,)
        _Compiler(plan, streams, ids, index_words=index_words).require(items)
    return plan


def _only_streams(plan: Plan, numbers: Iterable[int]) -> None:
    own = frozenset(numbers)
    plan.streams = own if plan.streams is None else plan.streams & own


def _only_levels(plan: Plan, levels: Iterable[int]) -> None:
    own = frozenset(int(level) for level in levels)
    plan.levels = own if plan.levels is None else plan.levels & own


class _Compiler:
    def __init__(self, plan: Plan, streams: Streams, ids: EntryIds, *, index_words: bool) -> None:
        self._plan = plan
        self._index_words = index_words
        self._streams = streams
        self._ids = ids

    def require(self, items: Iterable[Expr]) -> None:
        """All items must hold: what an index can answer goes into the plan's parts."""
        plan = self._plan
        wanted: list[str] = []
        unwanted: list[Not] = []
        for item in items:
            if isinstance(item, Field) and self._require_field(item):
                continue
            if isinstance(item, Not) and self._match(item.item) is not None:
                unwanted.append(item)
                continue
            match = self._match(item)
            if match is None:
                plan.terms.append(self._sql(item))
            else:
                wanted.append(match)
        if not wanted:
            plan.terms.extend(self._sql(item) for item in unwanted)
            return
        plan.match = _without(" AND ".join(wanted), [_fts(item.item) for item in unwanted])

    def _require_field(self, item: Field) -> bool:
        """Whether the plan's parts alone say what the field asks."""
        plan = self._plan
        wanted = entry_id(item)
        if wanted is not None:
            key = self._ids.key(wanted) or 0
            plan.key = key if plan.key in (None, key) else 0
            return True
        yes, maybe = self._ask(item)
        if item.name.lower() == "level":
            _only_levels(plan, self._levels(item))
            return True
        if len(yes) + len(maybe) < len(self._streams):
            _only_streams(plan, (*yes, *maybe))
        if not maybe:
            return True
        if item.op is Op.EQ and "*" not in item.value and metadata_paths(item.name) == (("trace_id",),):
            plan.trace = text.fold(item.value)
        return False

    def _ask(self, item: Field) -> tuple[list[int], list[int]]:
        """The streams where the field holds, and those where the metadata decides."""
        yes: list[int] = []
        maybe: list[int] = []
        if item.name.lower() == "level":
            return yes, maybe
        test = stream_test(item)
        for number, (source, source_id) in self._streams.items():
            answer = test(source, source_id, LogLevel.INFO)
            if answer is None:
                maybe.append(number)
            elif answer:
                yes.append(number)
        return yes, maybe

    def _levels(self, item: Field) -> list[int]:
        test = stream_test(item)
        return [int(level) for level in LEVELS if test("", "", level)]

    def _sql(self, expr: Expr) -> str:
        """A condition that is 0 or 1, never NULL."""
        match = self._match(expr)
        if match is not None:
            self._plan.slow = True
            return self._plan.found(match)
        match expr:
            case Word():
                needle = text.needle(expr.text, prefix=expr.prefix)
                if not needle.tokens:
                    return "0"
                return self._holds("e.message", lambda message: needle.found_in(text.tokens(message)))
            case Substring():
                part = text.fold(expr.text)
                return self._holds("e.message", lambda message: part in text.fold(message))
            case Regex():
                search = compile_regex(expr.pattern).search
                return self._holds("e.message", lambda message: search(text.plain(message)) is not None)
            case Field():
                return self._field(expr)
            case Not():
                return f"NOT {self._sql(expr.item)}"
            case And():
                return f"({joined([self._sql(item) for item in expr.items], 'AND')})"
            case Or():
                return f"({joined([self._sql(item) for item in expr.items], 'OR')})"

    def _field(self, item: Field) -> str:
        plan = self._plan
        wanted = entry_id(item)
        if wanted is not None:
            return f"e.key = {plan.bind(self._ids.key(wanted) or 0)}"
        if item.name.lower() == "level":
            return f"e.level IN {plan.bind_all(self._levels(item))}"
        yes, maybe = self._ask(item)
        terms = []
        if yes:
            terms.append(f"e.stream_no IN {plan.bind_all(yes)}")
        if maybe:
            holds = self._holds("e.metadata", _packed_test(item))
            everywhere = len(maybe) == len(self._streams)
            terms.append(holds if everywhere else f"(e.stream_no IN {plan.bind_all(maybe)} AND {holds})")
        return f"({' OR '.join(terms)})" if terms else "0"

    def _match(self, expr: Expr) -> str | None:
        return _fts(expr) if self._index_words else None

    def _holds(self, column: str, test: Test) -> str:
        self._plan.slow = True
        self._plan.tests.append(test)
        return f"holds({len(self._plan.tests) - 1}, {column})"


def _without(wanted: str, unwanted: Sequence[str | None]) -> str:
    """The FTS5 expression for `wanted` with none of `unwanted`, whose parts do not nest."""
    return f"({wanted}) NOT ({' OR '.join(map(str, unwanted))})" if unwanted else wanted


def joined(terms: Sequence[str], word: str) -> str:
    """SQL terms joined by AND or OR as a balanced tree: SQLite takes a depth of 1,000 at most."""
    if len(terms) <= 8:
        return f" {word} ".join(terms)
    half = len(terms) // 2
    return f"({joined(terms[:half], word)}) {word} ({joined(terms[half:], word)})"


def _fts(expr: Expr) -> str | None:
    """The FTS5 expression for a tree of words; None when it holds anything else, or a word without
    tokens, or nothing that must be there."""
    match expr:
        case Word():
            needle = text.needle(expr.text, prefix=expr.prefix)
            if not needle.tokens:
                return None
            # Tokens are letters and digits only: nothing in the quotes needs an escape.
            return f'"{" ".join(needle.tokens)}"{_OPEN[1:] if needle.open else ""}'
        case Or():
            parts = [_fts(item) for item in expr.items]
            known = [part for part in parts if part is not None]
            return f"({' OR '.join(known)})" if len(known) == len(parts) else None
        case And():
            wanted = [_fts(item) for item in expr.items if not isinstance(item, Not)]
            unwanted = [_fts(item.item) for item in expr.items if isinstance(item, Not)]
            if not wanted or None in wanted or None in unwanted:
                return None
            return f"({_without(' AND '.join(map(str, wanted)), unwanted)})"
        case _:
            return None


def _packed_test(item: Field) -> Test:
    """The part of a field's answer that the metadata gives, for metadata as JSON text or None.

    A value that must be there as it is written is first looked for in the text: finding no place is
    six times faster than decoding."""
    test = metadata_test(item)
    without = test(None)
    folded = text.fold(item.value)
    exact = item.op is Op.EQ and item.name.lower() != "container" and not _MAY_DIFFER.search(folded)

    def holds(packed: str | None) -> bool:
        if packed is None:
            return without
        if exact and folded not in text.fold(packed):
            return False
        return test(decode_metadata(packed))

    return holds
