"""The lines around one: of its source or of all, and of these only those that are asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Final

from werkzeug.datastructures import MultiDict

from hantu.model import LogEntry, LogLevel
from hantu.query.error import QueryError
from hantu.query.logquery import LogQuery, Order, Place
from hantu.web import rows
from hantu.web.api_logs import zone
from hantu.web.current import service

EACH: Final = 5
EACH_MORE: Final = 50
EACH_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """Which lines around. each: on each side; everywhere: of all sources; level: that and above; words: a
    query that they answer."""

    each: int = EACH
    everywhere: bool = False
    level: LogLevel | None = None
    words: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether some lines between are left out."""
        return bool(self.level or self.words)


FEW: Final = Asked()
"""What an opened row shows."""


@dataclass(frozen=True, slots=True)
class Near:
    """A line of the context. row: as elsewhere; own: the entry itself."""

    row: rows.Row
    own: bool


@dataclass(frozen=True, slots=True)
class Around:
    """The lines, in the order of time, and what they are an answer to. error: the words are wrong."""

    asked: Asked
    lines: tuple[Near, ...]
    error: QueryError | None = None

    @property
    def open(self) -> bool:
        """Whether the reader asked for more than the few lines that an opened row shows."""
        return self.asked.each > EACH or self.asked.narrowed or self.asked.everywhere


def read(args: MultiDict[str, str]) -> Asked:
    """What the URL asks for: ?n on each side, ?scope=all, ?minLevel, ?words."""
    try:
        level = LogLevel.parse(args.get("minLevel", ""))
    except ValueError:
        level = None
    return Asked(
        min(max(args.get("n", EACH_MORE, type=int), 0), EACH_MOST),
        args.get("scope") == "all",
        # Trace and above are all levels.
        level or None,
        args.get("words", "").strip(),
    )


def gather(entry: LogEntry, asked: Asked, shown: LogQuery) -> Around:
    """The lines around the entry. shown: the search whose words are marked in them."""
    error = None
    try:
        found = _found(entry, asked)
    except QueryError as wrong:
        found, error = (entry,), wrong
    lines = tuple(Near(row, row.id == entry.id) for row in rows.rows_of(found, shown))
    return Around(asked, lines, error)


def _found(entry: LogEntry, asked: Asked) -> tuple[LogEntry, ...]:
    store = service().store
    if not asked.narrowed:
        return store.context(entry, before=asked.each, after=asked.each, all_sources=asked.everywhere)
    query = LogQuery.parse(asked.words, now_ns=time.time_ns(), tz=zone())
    query = replace(query, min_level=asked.level, limit=max(asked.each, 1))
    if not asked.everywhere:
        query = replace(query, sources=(entry.source,), source_id=entry.source_id)
    limit_ms = service().config.query_limit_ms
    place = Place(entry.time_ns, entry.key)
    before = store.search(query.past(place), time_limit_ms=limit_ms).entries
    after = store.search(query.past(place, Order.OLDEST), time_limit_ms=limit_ms).entries
    return (*before[::-1], entry, *after)
