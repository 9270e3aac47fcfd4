"""LogQuery: the one question that pages, API, CLI, live tail and alerts ask of a store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from hantu.model import LogLevel
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
    text: the words the query was parsed from, kept for the page's box and URL ("" when none)."""

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

    def after(self, key: int) -> LogQuery:
        """This query for entries that arrived after `key`."""
        return replace(self, after_key=key)

    def past(self, place: Place, order: Order | None = None) -> LogQuery:
        """This query for the page beyond `place`, in `order` (its own when None)."""
        return replace(self, place=place, order=order or self.order, offset=0)
