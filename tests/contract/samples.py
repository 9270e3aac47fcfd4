"""Short ways to say entries and queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

from hantu.model import DOCKER, LogEntry, LogLevel
from hantu.query.logquery import LogQuery, Order
from hantu.store.base import LogStorage
from tests.contract.strategies import SECOND_NS, START_NS

DAY_NS = 86_400 * SECOND_NS
OLDEST = LogQuery(order=Order.OLDEST)
TIMES = [3, 1, 1, 2, 1, 5, 3, 3, 3, 0, 4, 1]
"""Seconds of entries out of order, many of them equal."""


def entry(message: str = "line", **changes: object) -> LogEntry:
    """An entry; `at` gives its time in seconds after START_NS."""
    values: dict[str, object] = {
        "source": DOCKER,
        "source_id": "api",
        "level": LogLevel.INFO,
        "message": message,
        "time_ns": START_NS,
    }
    if "at" in changes:
        values["time_ns"] = START_NS + int(float(str(changes.pop("at"))) * SECOND_NS)
    return LogEntry(**(values | changes))  # type: ignore[arg-type] — fields by name


def asked(text: str, **changes: object) -> LogQuery:
    """The query of a text."""
    query = LogQuery.parse(text, now_ns=START_NS, tz=UTC)
    return replace(query, **changes)  # type: ignore[arg-type] — fields by name


def messages(entries: Sequence[LogEntry]) -> list[str]:
    """What the entries say, in their order."""
    return [found.message for found in entries]


def all_pages(store: LogStorage, query: LogQuery) -> list[LogEntry]:
    """Every entry, page by page."""
    found: list[LogEntry] = []
    while True:
        page = store.search(query)
        found.extend(page.entries)
        if page.next is None:
            return found
        query = query.past(page.next)
