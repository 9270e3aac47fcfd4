"""A damaged file: noticed at the start, moved aside, and what can be read of it saved into a new one.

The files that lie there after each step; a file that is damaged is only read and renamed:

  hantu.db (damaged)                             nothing has begun
  hantu.db (damaged), hantu.db.salvaging         rows that can be read are being copied
  hantu.db (damaged), .salvaging, .rescued       their entries are being made into a new store
  hantu.db.damaged-TIME, hantu.db.rescued        half renamed
  hantu.db.damaged-TIME, hantu.db                done"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import apsw
import numpy as np

from hantu.store.base import StoreError
from hantu.store.gap_base import Gap
from hantu.store.sqlite.batch import LEVEL_BITS, Batch
from hantu.store.sqlite.catalog import COLUMN_BITS, Catalog
from hantu.store.sqlite.database import APPLICATION_ID, BUSY_MS, Database, failure, take_lock
from hantu.store.sqlite.hot import HotBatch, joined
from hantu.store.sqlite.rescue_copy import put_missing, readable_tables
from hantu.store.sqlite.salvage_rows import Salvage
from hantu.store.sqlite.sealing import Packed, Sealer, next_generation, put
from hantu.store.sqlite.segment_writer import encode
from hantu.store.sqlite.shape_lots import NewShapes
from hantu.store.sqlite.snapshot import Segment

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""The look at each start may take so long: some 500 MB. What it does not reach the daily check does."""
ROOM_SHARE: Final = 2.2
"""Room that must be free, as a share of the file: for its rows, and for the new file."""
_COMMIT_ROWS: Final = 500
_STEPS: Final = 10_000
_PROBLEMS_SHOWN: Final = 5
_MARK: Final = "damaged"
_LOST: Final = "the database was damaged; lines of this time could not be read any more"
_TABLES: Final = """
SELECT name FROM sqlite_schema
WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE 'CREATE VIRTUAL%'
  AND name NOT LIKE 'shape\\_word\\_%' ESCAPE '\\' AND name NOT LIKE 'execution\\_word\\_%' ESCAPE '\\'
"""
_MADE_ANEW: Final = frozenset(
    ("meta", "hot", "event", "segment", "segment_column", "filter_row", "cell", "shape_lot")
)
"""Tables of the new file that come from the entries, not from the old rows."""
_IDENTITY: Final = "SELECT name, value FROM meta WHERE name IN ('store_id', 'cursor')"
_EVENTS: Final = "SELECT event_id, key FROM event WHERE key BETWEEN ? AND ?"


@dataclass(frozen=True, slots=True)
class Rescued:
    """What became of a damaged file. aside: where it lies now; entries: saved; gaps: what was lost."""

    aside: Path
    problems: tuple[str, ...]
    entries: int
    gaps: tuple[Gap, ...]

    @property
    def lines_lost(self) -> int:
        """At least so many."""
        return sum(gap.lines or 0 for gap in self.gaps)


def mark_damaged(path: Path) -> None:
    """Have the next start look at all of the file, however long that takes."""
    with suppress(OSError):
        _beside(path, _MARK).touch(mode=0o600)


def rescue(path: Path, *, look_s: float = LOOK_S) -> Rescued | None:
    """Look at the file; when it is damaged, put a new one with all that can be read in its place.

    None: there is no damage to see, or no file. Raises StoreError; then the file is as it was."""
    try:
        if not _hantus(path):
            _finish(path)
            return None
        lock = take_lock(path)
        try:
            thorough = _beside(path, _MARK).exists()
            problems = look(path, limit_s=None if thorough else look_s)
            if not problems:
                _beside(path, _MARK).unlink(missing_ok=True)
                return None
            return _Rescue(path, problems).run()
        finally:
            os.close(lock)
    except OSError as error:
        raise StoreError(f"{path} is damaged and could not be made anew: {error}") from error


def look(path: Path, *, limit_s: float | None) -> tuple[str, ...]:
    """What is wrong with the file, as far as a look of limit_s tells; it is only read."""
    try:
        with closing(_reading(path)) as connection:
            until = None if limit_s is None else time.monotonic() + limit_s
            if until is not None:
                connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
            rows = connection.execute(f"PRAGMA quick_check({_PROBLEMS_SHOWN})")
            return tuple(text for (text,) in rows if text != "ok")
    except apsw.InterruptError:
        return ()
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return (str(error),)
    except apsw.Error as error:
        raise failure(error, path) from error


def _hantus(path: Path) -> bool:
    """Whether a file of hantu's lies there; any other one is no concern of ours."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except FileNotFoundError:
        return False
    return head.startswith(b"SQLite format 3\0") and int.from_bytes(head[68:72]) == APPLICATION_ID


def _finish(path: Path) -> None:
    """Go on after an end between the two renames."""
    ready = _beside(path, "rescued")
    if not path.exists() and ready.exists() and not _beside(path, "salvaging").exists():
        ready.rename(path)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm", ".lock"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _reading(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    # What is damaged keeps its bytes.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.set_busy_timeout(BUSY_MS)
    return connection


class _Rescue:
    """One damaged file."""

    def __init__(self, path: Path, problems: tuple[str, ...]) -> None:
        self._path = path
        self._problems = problems
        self._parts = _beside(path, "salvaging")
        self._new = _beside(path, "rescued")
        self._gaps: list[Gap] = []
        self._entries = 0

    def run(self) -> Rescued:
        """Save what can be read, then let the files change names."""
        log.critical("%s is damaged: %s", self._path, "; ".join(self._problems))
        for old in (self._parts, self._new):
            _remove(old)
        self._check_room()
        failures = self._copy_rows(self._path, self._parts, frozenset())
        parts = Database(self._parts, read_only=False)
        try:
            self._copy_entries(parts)
        finally:
            parts.close()
        self._copy_rows(self._parts, self._new, _MADE_ANEW)
        if any(failures.get(table) for table in ("hot", "segment_column")) and not self._gaps:
            self._gaps.append(Gap("", "", 0, time.time_ns(), reason=_LOST))
        aside = self._swap()
        log.critical("%s holds the damaged file; %d entries were saved", aside, self._entries)
        return Rescued(aside, self._problems, self._entries, tuple(self._gaps))

    def _check_room(self) -> None:
        need = int(self._path.stat().st_size * ROOM_SHARE)
        free = shutil.disk_usage(self._path.parent).free
        if free < need:
            raise StoreError(
                f"{self._path} is damaged ({self._problems[0]}); saving what can be read needs "
                f"{need / 1e6:,.0f} MB of room beside it, {free / 1e6:,.0f} MB are free. Make room and "
                "start again; it was not changed"
            )

    def _copy_rows(self, source: Path, target: Path, without: frozenset[str]) -> dict[str, int]:
        """Copy the rows that can be read, table by table; how many reads failed, by table."""
        if not target.exists():
            Database(target, read_only=False).close()
        failures: dict[str, int] = {}
        with (
            closing(_reading(source)) as connection,
            readable_tables(source, connection) as opened,
            closing(_filling(target)) as new,
        ):
            for table in [str(name) for (name,) in new.execute(_TABLES)]:
                if table not in without:
                    with opened(table) as old:
                        failures[table] = _copy_table(old, new, table)
            put_missing(source, new, failures)
        for table, count in failures.items():
            if count:
                log.error("some rows of the table %s could not be read", table)
        return failures

    def _copy_entries(self, parts: Database) -> None:
        """Make segments of the new file from those that can be read whole, and from what was hot."""
        old, catalog = Catalog(writes=False), Catalog(writes=True)
        database = Database(self._new, read_only=False)
        try:
            with database.reading(None) as reader:
                catalog.view(reader)
            sealer = Sealer(database, catalog, background=False)
            shapes = catalog.shapes
            cursor = 0
            with parts.reading(None) as reader:
                for batch in self._batches(old, parts):
                    packed = Packed(batch, encode(batch, shapes))
                    first, last = int(batch.keys[0]), int(batch.keys[-1])
                    events = reader.rows(_EVENTS, (first, last)).fetchall()
                    with database.writing() as connection:
                        NewShapes(shapes.fresh()).put(connection)
                        put(connection, packed)
                        connection.executemany("INSERT OR IGNORE INTO event VALUES (?, ?)", events)
                        next_generation(connection)
                    shapes.keep_fresh()
                    sealer.group()
                    self._entries += len(batch)
                    cursor = max(cursor, last)
                found = dict(
                    reader.rows("SELECT name, value FROM meta WHERE name IN ('store_id', 'cursor')")
                )
            with database.writing(durable=True) as connection:
                for name, value in (("store_id", found.get("store_id")), ("cursor", cursor)):
                    if value is not None:
                        best = max(value, found.get(name, 0)) if name == "cursor" else value
                        connection.execute("UPDATE meta SET value = ? WHERE name = ?", (best, name))
        finally:
            database.close()

    def _batches(self, catalog: Catalog, parts: Database) -> Iterator[Batch]:
        """The entries that can be read, in the order of their keys."""
        with parts.reading(None) as reader:
            segments = [
                Segment(*row)
                for row in reader.rows(
                    "SELECT segment_no, first_key, last_key, entries, oldest_ns, newest_ns, NULL, NULL"
                    " FROM segment ORDER BY first_key"
                )
            ]
            hot: list[tuple[int, int, bytes]] = reader.rows(
                "SELECT first_key, created_ns, data FROM hot ORDER BY first_key"
            ).fetchall()  # type: ignore[assignment]  # STRICT columns
            numbers = reader.rows("SELECT DISTINCT column_id >> ? FROM segment_column", (COLUMN_BITS,))
            orphans = sorted({number for (number,) in numbers} - {row.segment_no for row in segments})
            known = catalog.streams(reader)
        segments += [found for number in orphans if (found := self._orphan(catalog, parts, number))]
        segments.sort(key=lambda segment: segment.first_key)
        taken_to = 0
        for segment in segments:
            batch = self._of_segment(catalog, parts, segment)
            if batch is not None and int(batch.keys[0]) > taken_to:
                taken_to = int(batch.keys[-1])
                yield self._named(batch, known)
        for first_key, created_ns, data in hot:
            with suppress(ValueError):
                batch = joined([HotBatch.unpack(first_key, created_ns, data)])
                if len(batch) and first_key > taken_to:
                    taken_to = int(batch.keys[-1])
                    yield self._named(batch, known)

    def _orphan(self, catalog: Catalog, parts: Database, number: int) -> Segment | None:
        """A segment whose row is gone: its columns tell all that the row did."""
        nowhere = Segment(number, 0, 0, 0, 0, 0, None, None)
        try:
            with parts.reading(None) as reader:
                catalog.view(reader)
                frame = catalog.frame(reader, nowhere)
                keys, times = frame.keys(), frame.times()
                return replace(
                    nowhere,
                    first_key=int(keys.min()),
                    last_key=int(keys.max()),
                    entries=frame.size,
                    oldest_ns=int(times.min()),
                    newest_ns=int(times.max()),
                )
        except (ValueError, KeyError, IndexError, StoreError):
            self._gaps.append(Gap("", "", 0, time.time_ns(), reason=_LOST))
            return None

    def _of_segment(self, catalog: Catalog, parts: Database, segment: Segment) -> Batch | None:
        try:
            with parts.reading(None) as reader:
                catalog.view(reader)
                frame = catalog.frame(reader, segment)
                lines = frame.line_of(np.arange(frame.size))
                column = frame.metadata()
                ids = column.ids[lines].tolist()
                return Batch(
                    keys=frame.keys(lines),
                    times=frame.times(lines),
                    cells=frame.cells[frame.group_of(lines)],
                    messages=frame.messages(lines),
                    metadata=[None if number < 0 else column.texts[number] for number in ids],
                    created=frame.created(lines),
                )
        except (ValueError, KeyError, IndexError, StoreError):
            self._gaps.append(
                Gap("", "", segment.oldest_ns, segment.newest_ns + 1, reason=_LOST, lines=segment.entries)
            )
            return None

    def _named(self, batch: Batch, known: dict[int, tuple[str, str]]) -> Batch:
        """The batch, whose streams all have a name: one that was lost gets its number."""
        missing = {
            number for number in np.unique(batch.cells >> LEVEL_BITS).tolist() if number not in known
        }
        if missing:
            with closing(_filling(self._parts)) as connection:
                connection.execute("INSERT OR IGNORE INTO source (name) VALUES ('app')")
                app = connection.execute("SELECT source_no FROM source WHERE name = 'app'").get
                connection.executemany(
                    "INSERT OR IGNORE INTO stream (stream_no, source_no, source_id) VALUES (?, ?, ?)",
                    [(number, app, f"unknown-{number}") for number in missing],
                )
            known.update((number, ("app", f"unknown-{number}")) for number in missing)
        return batch

    def _swap(self) -> Path:
        """Let the files change names; where the damaged one lies then."""
        owner = self._path.stat()
        os.chown(self._new, owner.st_uid, owner.st_gid)
        self._new.chmod(owner.st_mode & 0o777)
        _remove(self._parts)
        self._new.with_name(f"{self._new.name}.lock").unlink(missing_ok=True)
        aside = _beside(self._path, time.strftime("damaged-%Y%m%d-%H%M%S"))
        for ending in ("-wal", ""):
            with suppress(FileNotFoundError):
                self._path.with_name(self._path.name + ending).rename(aside.with_name(aside.name + ending))
        self._path.with_name(f"{self._path.name}-shm").unlink(missing_ok=True)
        self._new.rename(self._path)
        _beside(self._path, _MARK).unlink(missing_ok=True)
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return aside


def _filling(path: Path) -> apsw.Connection:
    """A connection that writes rows as they are: nothing is counted or checked a second time."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(BUSY_MS)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 0)
    return connection


def _copy_table(old: apsw.Connection, new: apsw.Connection, table: str) -> int:
    """Copy what can be read of one table; how many reads failed."""
    try:
        there = {row[1] for row in old.execute(f"PRAGMA table_info({table})")}
    except apsw.Error:
        return 1
    infos = list(new.execute(f"PRAGMA table_info({table})"))
    columns = [info[1] for info in infos if info[1] in there]
    if not columns:
        return 0
    keys = [info[1] for info in infos if info[5] and info[2] == "INTEGER"]
    key = keys[0] if len(keys) == 1 and sum(1 for info in infos if info[5]) == 1 else None
    salvage = Salvage(old, table, columns)
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  own words
    new.execute("BEGIN IMMEDIATE")
    for number, row in enumerate(salvage.rows(key), 1):
        with suppress(apsw.ConstraintError):
            new.execute(statement, row)
        if number % _COMMIT_ROWS == 0:
            new.execute("COMMIT; BEGIN IMMEDIATE")
    new.execute("COMMIT")
    return salvage.failures
