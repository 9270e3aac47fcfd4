"""Beside the file lies a copy of what everything else in it is read by (`hantu.db.rescue`).

Of the schema: SQLite finds every table by it, some pages among thousands; when one of them is damaged
nothing can be read any more, though all the rows are there. Of the shapes and the names of streams: a few
pages hold what the lines of a program have in common, and without them none of these lines can be put
together. Made when the file is opened for writing and at each daily maintenance."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec

log = logging.getLogger(__name__)

PAGE_BYTES: Final = 4096
_HEADER_BYTES: Final = 100
_VERSIONS: Final = slice(18, 20)
"""SQLite "Database File Format", 1.3: the format versions, 2 for a file with a WAL."""
_COOKIE: Final = slice(40, 44)
_LEAF: Final = 0x0D
_PARTS: Final = (
    "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE type IN ('table', 'index')"
)
_LOTS: Final = "shape_lot"
_ROWS: Final = {
    "source": ("source_no", "name"),
    "stream": ("stream_no", "source_no", "source_id"),
    _LOTS: ("lot_no", "data"),
}
_NUMBERING: Final = "SELECT name, value FROM meta WHERE name IN ('store_id', 'shapes_removed')"

Opened = Callable[[str], AbstractContextManager[apsw.Connection]]
"""Gives a connection by which a table can be read."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """A row of sqlite_schema."""

    type: str
    name: str
    table: str
    root: int
    sql: str | None


class RescueCopy(msgspec.Struct, frozen=True):
    """parts: the schema as it was when SQLite counted `cookie` changes of it. rows: those of _ROWS as they
    were when `numbering` told of which store they are and how many shapes had been removed."""

    cookie: int
    parts: tuple[Part, ...]
    numbering: dict[str, int]
    rows: dict[str, tuple[tuple[Any, ...], ...]]


def keep_for_rescue(path: Path) -> None:
    """Bring the copy beside the file up to date."""
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            connection.execute("BEGIN")
            cookie = int(connection.pragma("schema_version"))
            copy = RescueCopy(
                cookie,
                tuple(Part(*row) for row in connection.execute(_PARTS)),
                dict(connection.execute(_NUMBERING)),
                {table: tuple(connection.execute(_selected(table))) for table in _ROWS},
            )
        if copy != kept_for_rescue(path):
            _write(_beside(path), msgspec.msgpack.encode(copy))
    except (OSError, apsw.Error) as error:
        log.warning("the copy for a rescue beside %s could not be made: %s", path, error)


def kept_for_rescue(path: Path) -> RescueCopy | None:
    """The copy beside the file; None when there is none that can be read."""
    try:
        return msgspec.msgpack.decode(_beside(path).read_bytes(), type=RescueCopy)
    except (OSError, ValueError):
        return None


def put_missing(path: Path, new: apsw.Connection, failures: Mapping[str, int]) -> None:
    """Put rows that the copy has into tables of which not all could be read. failures: by table."""
    copy = kept_for_rescue(path)
    if copy is None:
        return
    if failures.get("meta"):
        new.executemany("UPDATE meta SET value = ?2 WHERE name = ?1", list(copy.numbering.items()))
    found = dict(new.execute(_NUMBERING))
    if found.get("store_id") != copy.numbering.get("store_id"):
        return
    for table, columns in _ROWS.items():
        # Once shapes were removed their numbers may mean others.
        if failures.get(table) and (table != _LOTS or found == copy.numbering):
            marks = ", ".join("?" * len(columns))
            statement = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  own words
            new.executemany(statement, copy.rows[table])


def _selected(table: str) -> str:
    columns = _ROWS[table]
    return f"SELECT {', '.join(columns)} FROM {table} ORDER BY {columns[0]}"  # noqa: S608  own words


@contextmanager
def readable_tables(path: Path, connection: apsw.Connection) -> Iterator[Opened]:
    """How to read the tables of a file: by the connection, or each by itself when its schema is damaged."""
    copy = kept_for_rescue(path)
    if copy is None or _sound(connection):
        yield lambda _table: nullcontext(connection)
        return
    with _checkpointed(path) as work:
        with work.open("rb") as file:
            head = file.read(_HEADER_BYTES)
        if int.from_bytes(head[_COOKIE]) != copy.cookie:
            log.error("the copy of the schema beside %s is of another time; it is of no use", path)
            yield lambda _table: nullcontext(connection)
            return
        log.error("the schema of %s is damaged; its copy tells where the tables are", path)
        yield lambda table: _alone(work, head, copy, table)


def _sound(connection: apsw.Connection) -> bool:
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except apsw.Error:
        return False
    return True


@contextmanager
def _checkpointed(path: Path) -> Iterator[Path]:
    """A copy of the file with what its WAL holds, gone afterwards."""
    work = path.with_name(f"{path.name}.by-tables")
    endings = ("", "-wal", "-shm")
    try:
        for ending in ("", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(path.with_name(path.name + ending), work.with_name(work.name + ending))
        with closing(apsw.Connection(str(work), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
            # It fails, and has opened the WAL, which is folded in when this closes.
            _sound(connection)
        yield work
    finally:
        for ending in endings:
            work.with_name(work.name + ending).unlink(missing_ok=True)


@contextmanager
def _alone(work: Path, head: bytes, copy: RescueCopy, table: str) -> Iterator[apsw.Connection]:
    """A connection to the copy of the file, which knows nothing but this table."""
    with work.open("r+b") as file:
        file.write(_first_page(head, [part for part in copy.parts if part.table == table]))
    with closing(
        apsw.Connection(
            f"file:{_quoted(work)}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        )
    ) as connection:
        yield connection


def _first_page(head: bytes, parts: list[Part]) -> bytes:
    """The first page of a file whose schema is these parts. Without room for all: the table alone."""
    with closing(apsw.Connection(":memory:")) as made:
        made.execute(
            f"PRAGMA page_size = {PAGE_BYTES}; PRAGMA writable_schema = ON; CREATE TABLE any_one (x)"
        )
        made.execute("DELETE FROM sqlite_schema")
        made.executemany(
            "INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)",
            [msgspec.structs.astuple(part) for part in parts],
        )
        page = bytearray(made.serialize("main")[:PAGE_BYTES])
    if page[_HEADER_BYTES] != _LEAF:
        return _first_page(head, [part for part in parts if part.type == "table" or part.sql is None])
    page[:_HEADER_BYTES] = head
    page[_VERSIONS] = b"\x01\x01"
    return bytes(page)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.rescue")


def _quoted(path: Path) -> str:
    return "".join(f"%{ord(sign):02x}" if sign in "%?#" else sign for sign in str(path))


def _write(path: Path, data: bytes) -> None:
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)
