"""Copies of a database, each written straight into its place within an archive.

SQLite's backup API on a connection that holds a read transaction: all slices see one moment, however many
commits come meanwhile, and no slice holds up a writer. Until it ends the WAL cannot begin anew, so slices
follow one another at once: 1 GB takes some seconds. Against the other ways, over 2 million lines with
5,000 lines a second arriving: docs/backup.md, "How it is made"."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import apsw

from hantu.store.base import StoreError
from hantu.store.copying import Copied, Facts, Progress
from hantu.store.sqlite.database import APPLICATION_ID, BUSY_MS, failure
from hantu.store.sqlite.migrate import VERSION, newer

SLICE_PAGES: Final = 512
"""2 MiB: some 2 ms."""
_BASE: Final = "unix-none"
_COUNTS: Final = {
    "entries": (
        ("segment", "SELECT ifnull(sum(entries), 0) FROM segment"),
        ("hot", "SELECT ifnull(sum(entries), 0) FROM hot"),
        ("entry", "SELECT count(*) FROM entry"),
    ),
    "errors": (("error_logs", "SELECT count(*) FROM error_logs"),),
    "executions": (("executions", "SELECT count(*) FROM executions"),),
    "artifacts": (("artifacts", "SELECT count(*) FROM artifacts"),),
}
_PATHS: Final = """
SELECT file_path
FROM artifacts
WHERE status IN ('ACTIVE', 'ARCHIVED')
ORDER BY file_path
"""
_COPY: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -4000;
"""


class _Part(apsw.VFSFile):
    """A database that begins at a byte of a file."""

    def __init__(self, name: Any, flags: list[int], offset: int) -> None:
        self._offset = offset
        super().__init__(_BASE, name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802  SQLite's name
        return super().xRead(amount, offset + self._offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset + self._offset)

    def xFileSize(self) -> int:  # noqa: N802
        return max(0, super().xFileSize() - self._offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        super().xTruncate(size + self._offset)


class _Within(apsw.VFS):
    """Files whose database begins at a byte of them."""

    def __init__(self, offset: int) -> None:
        self.name = f"hantu-within-{id(self)}"
        self._offset = offset
        super().__init__(self.name, _BASE)

    def xOpen(self, name: Any, flags: list[int]) -> _Part:  # noqa: N802
        return _Part(name, flags, self._offset)


def copy(
    database: Path,
    target: Path,
    *,
    offset: int,
    progress: Progress | None,
    pause: Callable[[], None] | None,
) -> Copied:
    """As hantu.store.copying.copy_database()."""
    if not database.is_file():
        raise StoreError(f"there is no database at {database}")
    try:
        with (
            closing(reading(database)) as source,
            _written(target, offset) as written,
        ):
            source.execute("BEGIN")
            facts = _facts(source, database)
            page_bytes = int(source.pragma("page_size"))
            size_bytes = page_bytes * int(source.pragma("page_count"))
            paths = tuple(path for (path,) in source.execute(_PATHS)) if facts.artifacts else ()
            with written.backup("main", source, "main") as running:
                while not running.done:
                    running.step(SLICE_PAGES)
                    if progress is not None:
                        progress(size_bytes - page_bytes * running.remaining, size_bytes)
                    if pause is not None:
                        pause()
        return Copied(facts, size_bytes, paths)
    except apsw.FullError as error:
        raise StoreError(f"the disk is full: {target} could not be written") from error
    except apsw.Error as error:
        raise failure(error, database) from error


def reading(database: Path) -> apsw.Connection:
    """A connection that changes nothing, beside a hantu that writes or alone."""
    # Opened for writing where that is possible: the last one to close then takes the -wal away.
    writable = os.access(database, os.W_OK)
    flags = apsw.SQLITE_OPEN_READWRITE if writable else apsw.SQLITE_OPEN_READONLY
    connection = apsw.Connection(str(database), flags=flags)
    connection.set_busy_timeout(BUSY_MS)
    connection.pragma("query_only", True)
    return connection


def check(path: Path, *, offset: int) -> Facts:
    """As hantu.store.copying.check_copy()."""
    try:
        with _opened(path, offset, apsw.SQLITE_OPEN_READONLY, "immutable=1") as connection:
            facts = _facts(connection, path)
            said = [str(text) for (text,) in connection.execute("PRAGMA integrity_check(5)")]
            if said != ["ok"]:
                raise StoreError(f"{path}: the database in it is damaged: {'; '.join(said)}")
            return facts
    except apsw.Error as error:
        raise failure(error, path) from error


@contextmanager
def _written(target: Path, offset: int) -> Iterator[apsw.Connection]:
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with _opened(target, offset, flags, "") as connection:
        # To its end: a PRAGMA that answers would hold back those after it.
        connection.execute(_COPY).fetchall()
        yield connection


@contextmanager
def _opened(path: Path, offset: int, flags: int, options: str) -> Iterator[apsw.Connection]:
    vfs = _Within(offset)
    try:
        name = f"{path.absolute().as_uri()}?{options}"
        with closing(apsw.Connection(name, flags=flags | apsw.SQLITE_OPEN_URI, vfs=vfs.name)) as connection:
            yield connection
    finally:
        vfs.unregister()


def _facts(connection: apsw.Connection, path: Path) -> Facts:
    """What is in it. Raises StoreError when it is none of ours."""
    if connection.pragma("application_id") != APPLICATION_ID:
        raise StoreError(f"{path} is a database of another program")
    version = int(connection.pragma("user_version"))
    if version > VERSION:
        raise newer(path, version)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    counts = {
        what: sum(int(connection.execute(sql).get) for table, sql in asked if table in tables)
        for what, asked in _COUNTS.items()
    }
    return Facts(version, **counts)
