"""The file: who may open it, the one connection that writes, the pool of connections that read."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final

import apsw

from hantu.store.base import QueryTimeout, StoreBusy, StoreError
from hantu.store.sqlite.deadline import Deadline, Watch
from hantu.store.sqlite.migrate import VERSION, migrate, newer
from hantu.store.sqlite.traffic import Traffic
from hantu.store.sqlite.turn import Turn

APPLICATION_ID: Final = 0x68616E74
"""`hant`: marks the file as hantu's."""

IDLE_READERS: Final = 8
BUSY_MS: Final = 10_000
_CLOSE_S: Final = 1.0

WAL_PAGES: Final = 4_000
"""Pages in the WAL after which a commit copies them back into the file."""
WAL_PAGES_SCARCE: Final = 250
"""The same while there is little room on the disk: what is not copied back yet takes its room twice."""
WAL_KEPT_BYTES: Final = 64 * 1024 * 1024
"""The WAL file is cut to this size once all of it is copied back."""

_STATEMENTS: Final = 512
"""Places of the writer's cache of statements, the most that APSW has. Each use of whatever statement takes
the next place: with 100, a seal of some 600 uses drove out all that batches need."""
_WRITER: Final = """
PRAGMA synchronous = NORMAL;
PRAGMA foreign_keys = ON;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -2000;
"""
# No mmap_size: over 340 MB it took the same CPU and counted 245 MB as the process's memory. Small caches:
# blobs are read once and the system keeps the pages; 8 MB a reader gained nothing over half of one, nor did
# 32 MB for the writer over 8, or 8 over 2.
_READER: Final = """
PRAGMA query_only = ON;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -500;
"""


class Reader:
    """A borrowed connection inside a read transaction: everything it sees is of one moment."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self.deadline = Deadline(connection, None)

    def rows(self, sql: str, binds: Any = None) -> apsw.Cursor:
        """Run a statement; its rows one after the other."""
        return self.connection.execute(sql, binds)

    def value(self, sql: str, binds: Any = None) -> Any:
        """The first column of the first row, None when there is none."""
        row = self.connection.execute(sql, binds).fetchone()
        return None if row is None else row[0]


class Database:
    """One open file. Readers may be any number of threads, writers one at a time."""

    def __init__(self, path: Path, *, read_only: bool, vfs: str | None = None) -> None:
        self.path = path
        self.read_only = read_only
        self._vfs = vfs
        self._closed = False
        self._idle: list[Reader] = []
        self._lent: set[Reader] = set()
        self._pool = threading.Lock()
        self._turn = Turn()
        self._writer: apsw.Connection | None = None
        self._joined: apsw.Connection | None = None
        self._watch = Watch()
        self._traffic = Traffic()
        self._scarce = False
        self._lock: int | None = None
        is_new = stored_version(path) is None
        if read_only and is_new:
            raise StoreError(f"there is no database at {path}; hantu serve makes it")
        try:
            if not read_only:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._lock = take_lock(path)
            version = 0 if is_new else self._check_version()
            if read_only and version < VERSION:
                raise StoreError(f"{path} was written by an older hantu; start hantu serve once")
            if not read_only:
                self._writer = self._open_writer(create=is_new)
        except OSError as error:
            self._unlock()
            raise StoreError(f"{path} cannot be opened: {error.strerror}") from error
        except apsw.Error as error:
            self._unlock()
            raise failure(error, path) from error
        except BaseException:
            self._unlock()
            raise

    @property
    def wal_bytes(self) -> int:
        """The size of the write-ahead log."""
        try:
            return self.path.with_name(self.path.name + "-wal").stat().st_size
        except FileNotFoundError:
            return 0

    @property
    def wal_pages(self) -> int:
        """Pages in the WAL after which a commit copies them back."""
        return WAL_PAGES_SCARCE if self._scarce else WAL_PAGES

    def spare_disk(self, *, scarce: bool) -> None:
        """Keep the WAL small from now on; scarce=False: no longer."""
        with self._turn:
            self._scarce = scarce
            if self._writer is not None:
                self._limit_wal(self._writer)

    def _limit_wal(self, connection: apsw.Connection) -> None:
        connection.wal_autocheckpoint(self.wal_pages)
        connection.pragma("journal_size_limit", 0 if self._scarce else WAL_KEPT_BYTES)

    def check_open(self) -> None:
        """Raises StoreError when it is closed."""
        if self._closed:
            raise StoreError(f"{self.path} is closed")

    def close(self) -> None:
        """Close every connection and give the lock back; twice does no harm.

        What still reads is interrupted: the last connection to close tidies up the WAL. Raises StoreError
        when that fails; nothing that was committed is lost then."""
        with self._turn:
            with self._pool:
                if self._closed:
                    return
                self._closed = True
                idle, self._idle = self._idle, []
            self._watch.close()
            try:
                for reader in idle:
                    reader.connection.close()
                self._end_reading()
                self._drop_writer()
            except apsw.Error as error:
                # What was committed stays in the WAL: the next to open the file finds it.
                raise failure(error, self.path) from error
            finally:
                self._unlock()

    def _end_reading(self) -> None:
        until = time.monotonic() + _CLOSE_S
        while time.monotonic() < until:
            with self._pool:
                if not self._lent:
                    return
                for reader in self._lent:
                    # Again and again: an interrupt between two statements has no effect.
                    reader.connection.interrupt()
            time.sleep(0.01)

    @contextmanager
    def reading(self, limit_ms: int | None) -> Iterator[Reader]:
        """Borrow a reader for at most limit_ms (None: as long as it takes: work in the background, or a
        long one, to which nobody gives way).

        Raises QueryTimeout when the time is over, StoreError when the file cannot be read."""
        with nullcontext() if limit_ms is None else self._traffic.passing():
            yield from self._reading(limit_ms)

    def _reading(self, limit_ms: int | None) -> Iterator[Reader]:
        try:
            reader = self._borrow()
        except apsw.Error as error:
            raise failure(error, self.path) from error
        deadline = reader.deadline = Deadline(reader.connection, limit_ms)
        self._watch.add(deadline)
        sound = False
        try:
            reader.connection.execute("BEGIN")
            yield reader
            sound = True
        except apsw.InterruptError as error:
            sound = True
            raise QueryTimeout(
                f"the time limit of {(limit_ms or 0) / 1000:g} s was over before there was an answer; "
                "ask for a shorter time range or add a word to look for"
            ) from error
        except apsw.Error as error:
            raise failure(error, self.path) from error
        except StoreError:
            sound = True
            raise
        finally:
            self._watch.remove(deadline)
            self._give_back(reader, sound=sound)

    def give_way(self) -> None:
        """Wait a little while somebody waits for an answer; for work that can wait."""
        self._traffic.give_way()

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[apsw.Connection]:
        """One write transaction; all of it is stored or nothing.

        After any failure the connection is closed and the next writer opens a new one: a COMMIT that
        reported failure may have persisted, only the file knows. Raises StoreError."""
        self.give_way()
        with self._turn:
            if self._joined is not None:
                # Who has the turn is who joins: another thread would still wait for it.
                yield self._joined
                return
            try:
                connection = self.writer()
                if durable:
                    connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
                if durable:
                    connection.execute("PRAGMA synchronous = NORMAL")
            except apsw.Error as error:
                self._drop_writer()
                raise failure(error, self.path) from error
            except BaseException:
                self._drop_writer()
                raise

    @contextmanager
    def joining(self) -> Iterator[apsw.Connection]:
        """One durable write transaction, of which all that this thread writes inside becomes a part."""
        with self.writing(durable=True) as connection:
            outer, self._joined = self._joined, connection
            try:
                yield connection
            finally:
                self._joined = outer

    @contextmanager
    def holding(self) -> Iterator[apsw.Connection]:
        """The connection that writes, outside of a transaction, while nobody else uses it."""
        with self._turn:
            yield self.writer()

    def writer(self) -> apsw.Connection:
        """The connection that writes, opened again after a failure."""
        self.check_open()
        if self.read_only:
            raise StoreError(f"{self.path} is open for reading only")
        if self._writer is None:
            self._writer = self._open_writer(create=False)
        return self._writer

    def connect_reader(self) -> apsw.Connection:
        """A new connection that only reads."""
        # Opened for writing where that is possible: the last one to close then tidies up the WAL.
        writable = os.access(self.path, os.W_OK)
        flags = apsw.SQLITE_OPEN_READWRITE if writable else apsw.SQLITE_OPEN_READONLY
        connection = apsw.Connection(str(self.path), flags=flags, vfs=self._vfs)
        connection.set_busy_timeout(BUSY_MS)
        connection.execute(_READER)
        return connection

    def _borrow(self) -> Reader:
        with self._pool:
            self.check_open()
            if self._idle:
                reader = self._idle.pop()
                self._lent.add(reader)
                return reader
        reader = Reader(self.connect_reader())
        with self._pool:
            self._lent.add(reader)
        return reader

    def _give_back(self, reader: Reader, *, sound: bool) -> None:
        with self._pool:
            self._lent.discard(reader)
        if sound and reader.connection.in_transaction:
            reader.connection.execute("ROLLBACK")
        with self._pool:
            if sound and not self._closed and len(self._idle) < IDLE_READERS:
                self._idle.append(reader)
                return
        reader.connection.close(True)

    def _open_writer(self, *, create: bool) -> apsw.Connection:
        if create:
            # SQLite gives -wal and -shm the mode of the file.
            os.close(_open_made(self.path))
        connection = apsw.Connection(str(self.path), apsw.SQLITE_OPEN_READWRITE, self._vfs, _STATEMENTS)
        try:
            connection.set_busy_timeout(BUSY_MS)
            if create:
                # auto_vacuum first: after journal_mode it would silently stay off.
                connection.execute("PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL")
                connection.pragma("application_id", APPLICATION_ID)
            if connection.pragma("journal_mode", "WAL") != "wal":
                raise StoreError(f"{self.path}: this file system cannot hold a database in WAL mode")
            connection.execute(_WRITER).fetchall()
            self._limit_wal(connection)
            migrate(connection)
        except BaseException:
            connection.close(True)
            raise
        return connection

    def _check_version(self) -> int:
        """The schema version, also where only the WAL of a crashed process has it."""
        connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY, vfs=self._vfs)
        try:
            # A file that is refused must keep its bytes: no checkpoint when this closes.
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.set_busy_timeout(BUSY_MS)
            version = int(connection.pragma("user_version"))
        finally:
            connection.close()
        if version > VERSION:
            raise newer(self.path, version)
        return version

    def _drop_writer(self) -> None:
        connection, self._writer = self._writer, None
        if connection is not None:
            connection.close(True)

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class Damaged(StoreError):
    """The file is not what SQLite wrote."""


def failure(error: apsw.Error, path: Path) -> StoreError:
    """The error to raise for what SQLite said of the file."""
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return Damaged(explain(error, path))
    return StoreError(explain(error, path))


def explain(error: apsw.Error, path: Path) -> str:
    """What went wrong with the file, in words a person can act on."""
    said = str(error)
    if isinstance(error, apsw.FullError):
        return f"the disk is full: {path} could not be written ({said})"
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return f"{path} is damaged ({said}); restore a backup or move the file away"
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return f"{path} is locked by another process ({said})"
    if isinstance(error, apsw.ReadOnlyError | apsw.CantOpenError | apsw.PermissionsError | apsw.AuthError):
        return f"{path} cannot be opened or written: check the rights of the file and its folder ({said})"
    if isinstance(error, apsw.IOError):
        return f"the disk failed: {path} could not be read or written ({said})"
    return f"{path}: {said}"


def stored_version(path: Path) -> int | None:
    """The schema version of a file, None when it is still to be made.

    Raises StoreError for a file that is not ours, NewerSchema for a newer one.

    Read without SQLite, so that a refused file stays as it is and no -wal appears beside it. Source:
    SQLite "Database File Format", 1.3: user_version at byte 60, application_id at byte 68."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    if not head:
        return None
    if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
        raise StoreError(f"{path} is not a SQLite file; it was not touched")
    if int.from_bytes(head[68:72]) != APPLICATION_ID:
        raise StoreError(f"{path} is a database of another program; it was not touched")
    version = int.from_bytes(head[60:64])
    if version > VERSION:
        raise newer(path, version)
    return version


def _open_made(path: Path) -> int:
    """A descriptor of a file, which is made when it is not there.

    What root makes in the folder of the service's user is that user's, who could not open it else (SQLite
    does the same with -wal and -shm)."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    owner = path.parent.stat()
    if os.geteuid() == 0 and owner.st_uid != os.fstat(descriptor).st_uid:
        # A file system without owners: whoever may open the file there may.
        with suppress(OSError):
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def take_lock(path: Path) -> int:
    """A descriptor that holds the write lock of the store. Raises StoreBusy."""
    lock_path = path.with_name(path.name + ".lock")
    descriptor = _open_made(lock_path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 32).decode("ascii", "replace").strip()
        os.close(descriptor)
        by = f"process {owner}" if owner else "another process"
        raise StoreBusy(
            f"{path} is already open for writing by {by}; only one hantu may write to it. "
            "Stop that one first, or use another data_dir"
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor
