"""error_logs for what a person asks in SQL: packed texts as text, whoever wrote the row.

A view of the connection's own stands before the table of the file, with the same name and columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.error_texts import TEXTS, TextReader

_FUNCTION: Final = "error_text"

_COLUMNS: Final = (
    *("error_no", "id", "time_ns", "level", "service", "fingerprint", "error_type", "module", "function"),
    *("trace_id", "source", "source_id", "created_ns", "reopened", "alerted", "message", "stack_trace"),
    "context",
)


def _shown(column: str) -> str:
    if column == "error_type":
        # It is a part of the fingerprint.
        return "iif(packed IS NULL, error_logs.error_type, own.error_type) AS error_type"
    if column not in TEXTS:
        return f"error_logs.{column} AS {column}"
    unpacked = f"{_FUNCTION}({TEXTS.index(column)}, packed, stack_no, data)"
    return f"iif(packed IS NULL, error_logs.{column}, {unpacked}) AS {column}"


_VIEW: Final = f"""
CREATE TEMP VIEW error_logs AS
SELECT {", ".join(map(_shown, _COLUMNS))}
FROM main.error_logs
LEFT JOIN main.error_stack USING (stack_no)
LEFT JOIN main.error_fingerprint AS own USING (service, fingerprint)
"""  # noqa: S608  constants


@contextmanager
def errors_shown(reader: Reader) -> Iterator[None]:
    """While this lasts, error_logs on the reader's connection has every text."""
    connection = reader.connection
    # Also this view counts as a change, though of no file.
    connection.execute("PRAGMA query_only = OFF")
    connection.execute(_VIEW)
    connection.execute("PRAGMA query_only = ON")
    texts = TextReader().texts

    def error_text(*row: Any) -> str | None:
        number, packed, stack_no, stack = row
        text: str | None = texts(packed, stack_no, stack)[number]
        return text

    connection.create_scalar_function(_FUNCTION, error_text, 4, deterministic=True)
    try:
        yield
    finally:
        connection.create_scalar_function(_FUNCTION, None, 4)
        # The view goes with the transaction that it was made in.
        connection.execute("ROLLBACK")
