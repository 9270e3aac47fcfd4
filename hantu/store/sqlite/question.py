"""SQL that a person types: read-only, with a time limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Final

import apsw

from hantu.store.base import QueryTimeout, StoreError
from hantu.store.sqlite.database import Database, Reader

Rows = tuple[tuple[str, ...], list[tuple[Any, ...]]]
"""Column names and rows."""

_ALLOWED: Final = frozenset(
    (
        apsw.SQLITE_SELECT,
        apsw.SQLITE_READ,
        apsw.SQLITE_FUNCTION,
        apsw.SQLITE_RECURSIVE,
    )
)
_PRAGMAS: Final = frozenset(
    (
        "table_info",
        "table_xinfo",
        "table_list",
        "index_list",
        "index_info",
        "index_xinfo",
        "page_count",
        "page_size",
        "freelist_count",
        "user_version",
        "data_version",
        "compile_options",
    )
)
_FUNCTIONS_REFUSED: Final = frozenset(("load_extension", "writefile", "edit", "fts3_tokenizer"))


Tables = Callable[[Reader], AbstractContextManager[None]]
"""Puts further tables on a connection for as long as its context lasts."""


def ask(
    database: Database,
    statement: str,
    *,
    most: int,
    limit_ms: int,
    tables: Sequence[Tables] = (),
) -> Rows:
    """The columns and at most `most` rows of one reading statement.

    Raises StoreError with SQLite's words for a wrong statement, and for one that would change
    something; QueryTimeout."""
    with database.reading(limit_ms) as reader, ExitStack() as put:
        for table in tables:
            put.enter_context(table(reader))
        connection = reader.connection
        connection.authorizer = _authorize
        try:
            cursor = connection.cursor()
            columns: tuple[str, ...] = ()

            # Asked before the first step: a statement without rows has no columns to tell afterwards.
            def note_columns(running: apsw.Cursor, _sql: str, _bindings: object) -> bool:
                nonlocal columns
                columns = tuple(name for name, _ in running.get_description())
                return True

            cursor.exec_trace = note_columns
            cursor.execute(statement, can_cache=False)
            rows = []
            for row in cursor:
                rows.append(row)
                if len(rows) >= most:
                    break
            cursor.close(True)
            return columns, rows
        except apsw.InterruptError as error:
            raise QueryTimeout(
                f"the statement ran longer than {limit_ms / 1000:g} s and was ended"
            ) from error
        except (apsw.AuthError, apsw.ReadOnlyError) as error:
            raise StoreError(
                "hantu sql only reads: SELECT is allowed, nothing that changes the file"
            ) from error
        except apsw.Error as error:
            raise StoreError(f"SQL: {error}") from error
        finally:
            connection.authorizer = None


def _authorize(
    action: int, first: str | None, _second: str | None, _schema: str | None, _trigger: str | None
) -> int:
    if action == apsw.SQLITE_PRAGMA:
        return apsw.SQLITE_OK if (first or "").lower() in _PRAGMAS else apsw.SQLITE_DENY
    if action == apsw.SQLITE_FUNCTION and (_second or "").lower() in _FUNCTIONS_REFUSED:
        return apsw.SQLITE_DENY
    return apsw.SQLITE_OK if action in _ALLOWED else apsw.SQLITE_DENY
