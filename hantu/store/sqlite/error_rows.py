"""Errors as rows: those that entries tell of are written, any are read."""

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
from hantu.store.sqlite.error_grouping import count
from hantu.store.sqlite.error_texts import Packed, TextPacker, TextReader

_ADD: Final = """
INSERT INTO error_logs (
  id, time_ns, level, service, fingerprint, error_type, module, function, trace_id, source, source_id,
  created_ns, alerted, grouped, stack_no, message, stack_trace, packed
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', ?, ?, ?, ?, ?, '', ?)
"""

OCCURRENCE: Final = """
SELECT
  error_no, group_no, id, error_logs.time_ns, error_logs.level, service, module, function,
  error_logs.message, iif(packed IS NULL, error_logs.error_type, error_fingerprint.error_type),
  stack_trace, context, trace_id, fingerprint, source, source_id, created_ns, reopened, alerted,
  packed, stack_no, data
FROM error_logs
JOIN error_fingerprint USING (service, fingerprint)
LEFT JOIN error_stack USING (stack_no)
"""
"""The columns that occurrences() makes Occurrences of."""

_FIRST: Final = LogLevel.ERROR.value


class ErrorRows:
    """Writes the errors of entries, in the transaction of their entries."""

    def __init__(self, ids: EntryIds) -> None:
        self._ids = ids
        self._packer = TextPacker()

    def add(
        self,
        connection: apsw.Connection,
        entries: Sequence[tuple[int, LogEntry]],
        *,
        created_ns: int,
    ) -> None:
        """Write the errors that these entries, each with its key, tell of; those whose id is known stay as
        they are."""
        found: dict[bytes, ErrorRecord] = {}
        for key, entry in entries:
            if entry.level >= _FIRST and (record := of_entry(entry)) is not None:
                error_id = UUID(record.id).bytes if record.id else self._ids.octets(key)
                # An id made of the key is a new one.
                if not record.id or not (error_id in found or _is_known(connection, error_id)):
                    found[error_id] = record
        if not found:
            return
        records = list(found.values())
        counted = count(connection, records)
        packed = self._packer.pack(connection, records)
        rows = [
            _row(error_id, record, texts, created_ns, is_counted=is_counted)
            for error_id, record, texts, is_counted in zip(found, records, packed, counted, strict=True)
        ]
        connection.executemany(_ADD, rows)


def _is_known(connection: apsw.Connection, error_id: bytes) -> bool:
    return connection.execute("SELECT 1 FROM error_logs WHERE id = ?", (error_id,)).fetchone() is not None


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


def _row(
    error_id: bytes, record: ErrorRecord, packed: Packed, created_ns: int, *, is_counted: bool
) -> tuple[object, ...]:
    stack_no, data = packed
    return (
        error_id,
        record.time_ns,
        record.level,
        record.service,
        record.fingerprint,
        "" if is_counted else record.error_type,
        # The trigger makes the group's words of these.
        "" if is_counted else record.module,
        "" if is_counted else record.function,
        record.trace_id,
        created_ns,
        record.alerted,
        is_counted,
        stack_no,
        "" if is_counted else record.message,
        data,
    )


def occurrences(rows: Iterable[tuple[Any, ...]]) -> tuple[Occurrence, ...]:
    """Rows of OCCURRENCE as they are shown."""
    reader = TextReader()
    return tuple(_occurrence(row, reader) for row in rows)


def _occurrence(row: tuple[Any, ...], reader: TextReader) -> Occurrence:
    (
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
        packed,
        stack_no,
        stack,
    ) = row
    if packed is not None:
        source, source_id, module, function, message, stack_trace, context = reader.texts(
            packed, stack_no, stack
        )
    record = ErrorRecord(
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
    )
    return Occurrence(error_no, group_no, record, created_ns, bool(reopened))


def _context(text: str) -> dict[str, Any] | None:
    """What another program wrote there need be no JSON."""
    try:
        context = json.loads(text)
    except ValueError:
        return {"context": text}
    return context if isinstance(context, dict) else {"context": context}
