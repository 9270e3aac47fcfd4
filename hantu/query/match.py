"""Whether an entry answers a query: the definition which every store must agree with."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache

from hantu import text
from hantu.model import LogEntry
from hantu.query.expr import And, Expr, Field, Not, Or, Regex, Substring, Word
from hantu.query.fields import compile_field
from hantu.query.logquery import LogQuery
from hantu.query.regex import compile_regex


class Subject:
    """An entry being asked; its message is folded and split only once."""

    def __init__(self, entry: LogEntry) -> None:
        self.entry = entry

    @cached_property
    def folded(self) -> str:
        """The message as it is compared."""
        return text.fold(self.entry.message)

    @cached_property
    def tokens(self) -> list[str]:
        """The message's index tokens."""
        return text.tokens(self.entry.message)


Test = Callable[[Subject], bool]


def matches(query: LogQuery, entry: LogEntry) -> bool:
    """Whether the entry answers the query; place, order, limit and offset do not count."""
    if query.sources and entry.source not in query.sources:
        return False
    if query.levels and entry.level not in query.levels:
        return False
    if query.min_level is not None and entry.level < query.min_level:
        return False
    if query.source_id is not None and entry.source_id != query.source_id:
        return False
    if query.start_ns is not None and entry.time_ns < query.start_ns:
        return False
    if query.end_ns is not None and entry.time_ns >= query.end_ns:
        return False
    if query.after_key is not None and entry.key <= query.after_key:
        return False
    return query.search is None or compile_expr(query.search)(Subject(entry))


def expr_matches(expr: Expr, entry: LogEntry) -> bool:
    """Whether the expression holds for the entry."""
    return compile_expr(expr)(Subject(entry))


@lru_cache(maxsize=256)
def compile_expr(expr: Expr) -> Test:
    """A test for subjects, cached. Raises QueryError for a wrong field or regular expression."""
    match expr:
        case Word():
            needle = text.needle(expr.text, prefix=expr.prefix)
            return lambda subject: needle.found_in(subject.tokens)
        case Substring():
            part = text.fold(expr.text)
            return lambda subject: part in subject.folded
        case Regex():
            pattern = compile_regex(expr.pattern)
            return lambda subject: pattern.search(text.plain(subject.entry.message)) is not None
        case Field():
            test = compile_field(expr)
            return lambda subject: test(subject.entry)
        case Not():
            inner = compile_expr(expr.item)
            return lambda subject: not inner(subject)
        case And():
            tests = [compile_expr(item) for item in expr.items]
            return lambda subject: all(test(subject) for test in tests)
        case Or():
            tests = [compile_expr(item) for item in expr.items]
            return lambda subject: any(test(subject) for test in tests)
