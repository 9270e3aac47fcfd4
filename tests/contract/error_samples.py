"""Entries that tell of errors, said briefly."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hantu.model import APP, LogEntry, LogLevel
from hantu.store.base import LogStorage
from hantu.store.error_base import ErrorGroup, ErrorQuery, Occurrence
from tests.contract.strategies import SECOND_NS, START_NS

HOUR_NS = 3_600 * SECOND_NS


def at(seconds: float) -> int:
    """A time so many seconds after START_NS."""
    return START_NS + int(seconds * SECOND_NS)


def error(
    message: str = "주문 실패",
    *,
    seconds: float = 0,
    service: str = "scheduler",
    kind: str = "InsufficientBalance",
    function: str = "execute_order",
    number: int | None = None,
    level: LogLevel = LogLevel.ERROR,
    **metadata: Any,
) -> LogEntry:
    """An entry as the log library pushes it; number: makes its event_id."""
    return LogEntry(
        source=APP,
        source_id=service,
        level=level,
        message=message,
        time_ns=at(seconds),
        metadata={
            "service": service,
            "module": "core.engine",
            "function": function,
            "error_type": kind,
            "stack_trace": f'Traceback (most recent call last):\n  File "x.py", line 1, in f\n{kind}: no',
            "context": {"계좌": "***"},
            "trace_id": "",
            **metadata,
        },
        event_id=None if number is None else UUID(int=number).bytes,
    )


def groups(store: LogStorage, **query: Any) -> list[ErrorGroup]:
    """The groups of a query, page by page."""
    found: list[ErrorGroup] = []
    asked = ErrorQuery(**query)
    while True:
        page = store.errors(asked)
        found.extend(page.groups)
        assert page.next is None or page.groups
        if page.next is None:
            return found
        asked = ErrorQuery(**(query | {"place": page.next}))


def only_group(store: LogStorage) -> ErrorGroup:
    """The one group that there is."""
    (group,) = groups(store)
    return group


def arrived(store: LogStorage) -> list[Occurrence]:
    """Every occurrence in order of arrival."""
    return list(store.errors_after(0, most=10_000))
