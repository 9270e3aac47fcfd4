"""LogQuery: the one question that pages, API, CLI, live tail and alerts ask of a store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo
from enum import StrEnum
from typing import Final

from hantu.model import LogEntry, LogLevel
from hantu.query.expr import Expr

LIMIT_DEFAULT: Final = 100
LIMIT_MOST: Final = 10_000


class Order(StrEnum):
    """Order of a page, by (time_ns, key)."""

    NEWEST = "desc"
    OLDEST = "asc"


@dataclass(frozen=True, slots=True)
class Place:
    """A place between entries in (time, key) order: the entry that a page ended at."""

    time_ns: int
    key: int


@dataclass(frozen=True, slots=True)
class LogQuery:
    """All parts are optional and all given parts must hold.

    sources, levels: any of them. min_level: at least. source_id: exactly. search: the expression.
    start_ns ≤ time < end_ns, nanoseconds UTC. limit 1…10,000 entries; offset: entries to pass over.
    place: only entries past it in the query's order (keyset paging): older than it for NEWEST, newer
    for OLDEST. after_key: only entries that arrived after that key (live tail).
    text: the words the query was parsed from, kept for the page's box and URL ("" when none); since,
    until: the words of the time picker, which start_ns and end_ns already obey."""

    sources: tuple[str, ...] = ()
    levels: tuple[LogLevel, ...] = ()
    min_level: LogLevel | None = None
    source_id: str | None = None
    search: Expr | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    limit: int = LIMIT_DEFAULT
    offset: int = 0
    order: Order = Order.NEWEST
    place: Place | None = None
    after_key: int | None = None
    text: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def parse(cls, text: str, *, now_ns: int, tz: tzinfo) -> LogQuery:
        """The query that a text asks (docs/query-language.md).

        now_ns: what relative times count from. tz: the zone of times that name none.
        Raises QueryError with the position of what is wrong."""
        from hantu.query.parser import parse

        parsed = parse(text, now_ns=now_ns, tz=tz)
        return cls(search=parsed.search, start_ns=parsed.start_ns, end_ns=parsed.end_ns, text=text)

    def matches(self, entry: LogEntry) -> bool:
        """Whether the entry answers this query; place, order, limit and offset do not count."""
        from hantu.query.match import matches

        return matches(self, entry)

    def after(self, key: int) -> LogQuery:
        """This query for entries that arrived after `key`."""
        return replace(self, after_key=key)

    def past(self, place: Place, order: Order | None = None) -> LogQuery:
        """This query for the page beyond `place`, in `order` (its own when None)."""
        return replace(self, place=place, order=order or self.order, offset=0)
