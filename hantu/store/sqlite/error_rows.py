"""Errors as rows: those that entries tell of are written, any are read. Grouping is a trigger of the
schema, so that the log library can write with a plain INSERT, too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

import apsw

from hantu.errors import ErrorRecord, error_of
from hantu.model import LogEntry, LogLevel
from hantu.store.error_base import Occurrence
from hantu.store.ids import EntryIds

_ADD: Final = """
INSERT OR IGNORE INTO error_logs (
  id, time_ns, level, service, module, function, message, error_type, stack_trace, context, trace_id,
  fingerprint, source, source_id, created_ns, alerted
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

OCCURRENCE: Final = """
SELECT
  error_no, group_no, id, error_logs.time_ns, error_logs.level, service, module, function,
  error_logs.message, error_logs.error_type, stack_trace, context, trace_id, fingerprint, source, source_id,
  created_ns, reopened, alerted
FROM error_logs
JOIN error_fingerprint USING (service, fingerprint)
"""
"""The columns that occurrence() makes an Occurrence of."""

_FIRST: Final = LogLevel.ERROR.value


class ErrorRows:
    """Writes the errors of entries, in the transaction of their entries."""

    def __init__(self, ids: EntryIds) -> None:
        self._ids = ids

    def add(
        self,
        connection: apsw.Connection,
        entries: Sequence[LogEntry],
        *,
        first_key: int,
        created_ns: int,
    ) -> None:
        """Write the errors that the entries with the keys first_key, first_key + 1 … tell of; those whose
        id is known stay as they are."""
        rows = [
            _row(record, record.id or self._ids.text(first_key + at), created_ns)
            for at, entry in enumerate(entries)
            if entry.level >= _FIRST and (record := of_entry(entry)) is not None
        ]
        if rows:
            connection.executemany(_ADD, rows)


def of_entry(entry: LogEntry) -> ErrorRecord | None:
    """The error that an entry tells of."""
    return error_of(
        entry.source,
        entry.source_id,
        entry.level,
        entry.message,
        entry.time_ns,
        entry.metadata,
        entry.event_id,
    )


def _row(record: ErrorRecord, error_id: str, created_ns: int) -> tuple[object, ...]:
    context = None if record.context is None else json.dumps(record.context, ensure_ascii=False)
    return (
        UUID(error_id).bytes,
        record.time_ns,
        record.level,
        record.service,
        record.module,
        record.function,
        record.message,
        record.error_type,
        record.stack_trace,
        context,
        record.trace_id,
        record.fingerprint,
        record.source,
        record.source_id,
        created_ns,
        record.alerted,
    )


def occurrences(rows: Iterable[tuple[Any, ...]]) -> tuple[Occurrence, ...]:
    """Rows of OCCURRENCE as they are shown."""
    return tuple(
        Occurrence(
            error_no,
            group_no,
            ErrorRecord(
                str(UUID(bytes=error_id)),
                time_ns,
                level,
                service,
                module,
                function,
                message,
                error_type,
                stack_trace,
                None if context is None else _context(context),
                trace_id,
                fingerprint,
                source,
                source_id,
                bool(alerted),
            ),
            created_ns,
            bool(reopened),
        )
        for (
            error_no,
            group_no,
            error_id,
            time_ns,
            level,
            service,
            module,
            function,
            message,
            error_type,
            stack_trace,
            context,
            trace_id,
            fingerprint,
            source,
            source_id,
            created_ns,
            reopened,
            alerted,
        ) in rows
    )


def _context(text: str) -> dict[str, Any] | None:
    """What another program wrote there need be no JSON."""
    try:
        context = json.loads(text)
    except ValueError:
        return {"context": text}
    return context if isinstance(context, dict) else {"context": context}
