"""Log stores behind one protocol; open_store() is the one place that chooses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hantu.store.base import QUERY_TIME_LIMIT_MS, LogStorage

if TYPE_CHECKING:
    from hantu.store.sqlite.rebuild import Progress
    from hantu.store.sqlite.rescue import Rescued
    from hantu.store.sqlite.storage import Storage


class RunSql(Protocol):
    """Runs one statement: its column names and rows, at most `most` of them."""

    def __call__(
        self, statement: str, *, most: int, time_limit_ms: int = QUERY_TIME_LIMIT_MS
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]: ...


def open_store(path: Path, *, read_only: bool = False, progress: Progress | None = None) -> LogStorage:
    """The store in the file at `path`, made when it is not there.

    read_only: works beside a process that writes. progress: told while a file of an older version is
    made anew, which may take minutes; the log when None. Raises StoreError, NewerSchema, StoreBusy."""
    from hantu.store.sqlite import SqliteStore
    from hantu.store.sqlite.rescue_copy import keep_for_rescue

    store = SqliteStore.open(path, read_only=read_only, progress=progress)
    if not read_only:
        keep_for_rescue(path)
    return store


def migrates(path: Path) -> bool:
    """Whether opening the file at `path` for writing would bring it to a newer schema.

    Raises StoreError, NewerSchema for one that this hantu does not know."""
    from hantu.store.sqlite.database import stored_version
    from hantu.store.sqlite.migrate import VERSION

    found = stored_version(path)
    return found is not None and found < VERSION


def rescue_store(path: Path) -> Rescued | None:
    """Look at the file; when it is damaged, move it aside and put what can be read of it in its place.

    None: no damage was seen. Raises StoreError; the file is as it was then."""
    from hantu.store.sqlite.rescue import rescue

    return rescue(path)


def mark_damaged(path: Path) -> None:
    """Have the next rescue_store() look at all of the file."""
    from hantu.store.sqlite.rescue import mark_damaged as mark

    mark(path)


def measure_storage(path: Path) -> Storage:
    """Where the bytes of the store at `path` are. Raises StoreError."""
    from hantu.store.sqlite import SqliteStore

    store = SqliteStore.open(path, read_only=True)
    try:
        return store.storage()
    finally:
        store.close()


@contextmanager
def open_sql(path: Path) -> Iterator[RunSql]:
    """A function that runs reading SQL on the store at `path`. Raises StoreError."""
    from hantu.store.sqlite import SqliteStore

    store = SqliteStore.open(path, read_only=True)
    try:
        yield store.sql
    finally:
        store.close()
