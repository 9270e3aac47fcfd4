"""Copying the database of a running hantu, and what a copy must have: the seam that backups stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hantu.store.base import StoreError

Progress = Callable[[int, int], None]
"""Told of the bytes that are done, and of all."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a database holds, counted within one moment. A copy has the same."""

    schema: int
    entries: int
    errors: int
    executions: int
    artifacts: int


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that was written. artifact_paths: places of the contents that its rows call their own."""

    facts: Facts
    size_bytes: int
    artifact_paths: tuple[str, ...]


def copy_database(
    database: Path,
    target: Path,
    *,
    offset: int = 0,
    progress: Progress | None = None,
    pause: Callable[[], None] | None = None,
) -> Copied:
    """Write the database as it is at one moment into the file `target`, from byte `offset` on.

    Works beside a hantu that writes and holds up nobody; also of a file of an older schema. offset: a
    multiple of 512. pause() is called every few megabytes. Raises StoreError."""
    from hantu.store.sqlite.copying import copy

    return copy(database, target, offset=offset, progress=progress, pause=pause)


def check_copy(path: Path, *, offset: int = 0) -> Facts:
    """What the copy at `offset` of a file holds, once SQLite has found every page of it sound.

    Raises StoreError when one is not, NewerSchema for a copy of a newer hantu."""
    from hantu.store.sqlite.copying import check

    return check(path, offset=offset)


@contextmanager
def alone(database: Path) -> Iterator[None]:
    """Keep every hantu from opening this database for writing. Raises StoreBusy when one has it open."""
    import os

    from hantu.store.sqlite.database import take_lock

    try:
        lock = take_lock(database)
    except OSError as error:
        raise StoreError(f"{database.parent} cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        os.close(lock)
