"""Files of the row store (schema version ROWS) made anew in the format of today.

The new file grows beside the old one, a segment and the note how far it got in each transaction, so it
goes on after any end of the process. Then every entry is compared with its row, and the two files
change names. The files that lie there after each step:

  hantu.db (rows)                                nothing has begun
  hantu.db (rows), hantu.db.rebuilding           copying, comparing
  hantu.db.rows, hantu.db.rebuilding             compared; half renamed
  hantu.db.rows, hantu.db                        renamed; not yet opened
  hantu.db                                       done

The old file is only read; at the end its WAL is folded in and it is renamed, and once the new one was
opened it is removed."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import apsw

from hantu.store.base import StoreError
from hantu.store.sqlite.database import APPLICATION_ID, BUSY_MS, Damaged, Database, failure, take_lock
from hantu.store.sqlite.migrate import ROWS
from hantu.store.sqlite.rebuild_copy import Copy, Different, Place
from hantu.store.sqlite.row_file import Identity, RowFile

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Told how much is done and how much there is; each entry counts twice: copied, compared."""

SAY_S: Final = 5.0
ROOM_SHARE: Final = 0.5
"""Room that must be free, as a share of the old file; the new one mostly takes a tenth to a third."""

_TRIES: Final = 2


def bring_up_to_date(
    path: Path, *, lot_entries: int, progress: Progress | None = None, vfs: str | None = None
) -> None:
    """Make a row store's file anew; any other file, and none at all, is left alone.

    lot_entries: entries of a segment. progress: told from time to time; when None the log is.
    Raises StoreBusy, StoreError; the old file is as it was then, and the next call goes on."""
    try:
        if not _needed(path, vfs):
            return
        lock = take_lock(path)
        try:
            _Rebuilding(path, lot_entries, progress or _Saying(path), vfs).run()
        finally:
            os.close(lock)
    except OSError as error:
        raise StoreError(f"{path} could not be made anew: {error}") from error


def free_bytes(folder: Path) -> int:
    """The room that is left on the disk of a folder."""
    return shutil.disk_usage(folder).free


def tidy(path: Path) -> None:
    """Remove the row store's file, now that the one made from it was opened."""
    old = _beside(path, "rows")
    if old.exists() and path.exists():
        _remove(old)
        log.info("removed %s: %s holds all of it", old, path)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")


def _remove(path: Path) -> None:
    """Remove a database's files; its own first, so that no part of it can be taken for the whole."""
    for ending in ("", "-wal", "-shm", "-journal", ".lock"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).unlink()


def _needed(path: Path, vfs: str | None) -> bool:
    if not path.exists():
        return _beside(path, "rows").exists()
    return _version(path, vfs) == ROWS


def _version(path: Path, vfs: str | None) -> int:
    """The schema version of a file of hantu's, −1 when it is none.

    Read without SQLite unless only the WAL of a killed process can tell, so that a file that is no
    concern of ours stays as it is. Source: SQLite "Database File Format", 1.3."""
    with path.open("rb") as file:
        head = file.read(100)
    if len(head) < 100 or int.from_bytes(head[68:72]) != APPLICATION_ID:
        return -1
    version = int.from_bytes(head[60:64])
    if version or not path.with_name(f"{path.name}-wal").exists():
        return version
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
        try:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.set_busy_timeout(BUSY_MS)
            return int(connection.pragma("user_version"))
        finally:
            connection.close()
    except apsw.Error as error:
        raise failure(error, path) from error


class _Saying:
    """Tells the log how far it got, every SAY_S."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next or done == total:
            self._next = now + SAY_S
            share = 100 if not total else 100 * done // total
            log.info(
                "%s is being made anew in a smaller format: %d %% of %s entries",
                self._path,
                share,
                f"{total // 2:,}",
            )


class _Rebuilding:
    """One file's way from the old format to the new, from wherever it stands."""

    def __init__(self, path: Path, lot_entries: int, progress: Progress, vfs: str | None) -> None:
        self._path = path
        self._old = _beside(path, "rows")
        self._new = _beside(path, "rebuilding")
        self._lot_entries = lot_entries
        self._progress = progress
        self._vfs = vfs

    def run(self) -> None:
        """Take every step that is left."""
        if not self._path.exists():
            # Ended between the two renames. Back by one: what is there is looked at again.
            self._rename(self._old, self._path)
        if self._old.exists():
            raise StoreError(
                f"{self._path} and {self._old} both hold entries of the old format; "
                "move the one away that is not wanted"
            )
        self._make()
        self._swap()

    def _check_room(self) -> None:
        size = self._path.stat().st_size
        begun = self._new.stat().st_size if self._new.exists() else 0
        need, free = int(size * ROOM_SHARE) - begun, free_bytes(self._path.parent)
        if free < need:
            raise StoreError(
                f"{self._path} has to be made anew in a smaller format, which needs {need / 1e6:,.0f} MB "
                f"of room beside it; {free / 1e6:,.0f} MB are free. Make room and start again; "
                "it was not changed"
            )

    def _make(self) -> None:
        """Copy and compare. Raises StoreError."""
        if not self._new.exists():
            self._check_room()
        rows = RowFile(self._path, self._vfs)
        try:
            of = rows.identity()
            database, place = self._begun(rows, of)
            try:
                copy = self._copy(rows, database, of)
                if place is None:
                    copy.finish()
                    return
                self._check_room()
                self._progress(place.copied + place.compared, 2 * of[2])
                copy.run(place)
            finally:
                database.close()
        except (Different, Damaged) as error:
            _remove(self._new)
            raise StoreError(
                f"{self._path} could not be made anew: {error}. It was not changed; "
                "keep a copy of it and report this"
            ) from error
        finally:
            rows.close()

    def _begun(self, rows: RowFile, of: Identity) -> tuple[Database, Place | None]:
        """The new file and where to go on in it; from the beginning when it is of no use."""
        for _ in range(_TRIES - 1):
            try:
                return self._opened(rows, of)
            except StoreError as error:
                log.warning("%s is begun again: %s", self._new, error)
                _remove(self._new)
        return self._opened(rows, of)

    def _opened(self, rows: RowFile, of: Identity) -> tuple[Database, Place | None]:
        database = Database(self._new, read_only=False, vfs=self._vfs)
        try:
            return database, self._copy(rows, database, of).begin(of)
        except BaseException:
            database.close()
            raise

    def _copy(self, rows: RowFile, database: Database, of: Identity) -> Copy:
        return Copy(
            rows,
            database,
            lot_entries=self._lot_entries,
            told=lambda done: self._progress(done, 2 * of[2]),
        )

    def _swap(self) -> None:
        """Let the two files change names."""
        owner = self._path.stat()
        if (owner.st_uid, owner.st_gid) != (self._new.stat().st_uid, self._new.stat().st_gid):
            os.chown(self._new, owner.st_uid, owner.st_gid)
        self._new.chmod(owner.st_mode & 0o777)
        # A WAL belongs to whatever has the name beside it: none may be left of either.
        self._empty_wal(self._new)
        self._empty_wal(self._path)
        _sync(self._new)
        self._rename(self._path, self._old)
        self._rename(self._new, self._path)
        with suppress(FileNotFoundError):
            self._new.with_name(f"{self._new.name}.lock").unlink()

    def _empty_wal(self, path: Path) -> None:
        wal = path.with_name(f"{path.name}-wal")
        if wal.exists() and wal.stat().st_size:
            try:
                connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=self._vfs)
                try:
                    connection.set_busy_timeout(BUSY_MS)
                    # A connection that has read nothing knows of no WAL.
                    connection.pragma("user_version")
                    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
                finally:
                    connection.close()
            except apsw.BusyError as error:
                raise StoreError(
                    f"another process reads {path} all the time; end it (hantu logs -f, hantu export), "
                    "then start again"
                ) from error
            except apsw.Error as error:
                raise failure(error, path) from error
        if wal.exists() and wal.stat().st_size:
            raise StoreError(f"{wal} cannot be emptied; end what uses {path}, then start again")
        for ending in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + ending).unlink()

    def _rename(self, path: Path, to: Path) -> None:
        path.rename(to)
        _sync(path.parent)


def _sync(path: Path) -> None:
    """Let the disk hold a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
