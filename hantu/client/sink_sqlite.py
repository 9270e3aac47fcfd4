"""Errors straight into the service's file, by the standard library's sqlite3.

The file is the service's: it is never created, migrated or repaired here. Grouping is a trigger of the
schema, so that an INSERT is all there is to do."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from hantu.client.sink import Parcel, Receipt, SinkError, fingerprint_of
from hantu.client.sink_http import dumped
from hantu.errors import ErrorRecord
from hantu.hidden import clean

OLDEST_VERSION: Final = 3
NEWEST_VERSION: Final = 6
APPLICATION_ID: Final = 0x68616E74
BUSY_LIMIT_S: Final = 2.0
_HEADER_BYTES: Final = 100

_ADD: Final = """
INSERT OR IGNORE INTO error_logs (
  id, time_ns, level, service, module, function, message, error_type, stack_trace, context, trace_id,
  fingerprint, source, source_id, created_ns, alerted
) VALUES (
  :id, :time_ns, :level, :service, :module, :function, :message, :error_type, :stack_trace, :context,
  :trace_id, :fingerprint, :source, :source_id, :created_ns, :alerted
)
"""

_GROUP_OF: Final = """
SELECT group_no
FROM error_logs
JOIN error_fingerprint USING (service, fingerprint)
WHERE id = ?
"""
_RESOLVE: Final = """
UPDATE error_group
SET status = 'RESOLVED', resolved_ns = :at_ns, regressed_ns = NULL
WHERE group_no = :group_no AND status = 'UNRESOLVED'
"""
_NOTE_RESOLVED: Final = """
INSERT INTO error_event (group_no, at_ns, act, actor, text)
VALUES (:group_no, :at_ns, 'resolved', 'program', '')
"""

_PROBE: Final = ErrorRecord(
    id="00000000-0000-0000-0000-000000000000",
    time_ns=0,
    level="ERROR",
    service="",
    module="",
    function="",
    message="",
    error_type="",
    stack_trace="",
    context=None,
    trace_id="",
    fingerprint="-",
)


class SqliteSink:
    """The file at `path`. It is open only while something is written: the service may replace it, and
    a connection must not live through a fork."""

    may_notify: Final = False

    def __init__(
        self,
        path: str,
        *,
        busy_limit_s: float = BUSY_LIMIT_S,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._path = Path(path)
        self._busy_limit_s = busy_limit_s
        self._now_ns = now_ns

    @property
    def place(self) -> str:
        """The file."""
        return str(self._path)

    def send(self, parcels: Sequence[Parcel]) -> Receipt:
        """Have these stored in one transaction; what is there already stays as it is."""
        rows = [_row(parcel, self._now_ns()) for parcel in parcels]
        with self._open() as connection:
            connection.executemany(_ADD, rows)
            connection.execute("COMMIT")
        return Receipt()

    def mark_resolved(self, error_id: str) -> bool:
        """Resolve the group of this error; False when it was. Raises SinkError."""
        with self._open() as connection:
            found = connection.execute(_GROUP_OF, (uuid.UUID(error_id).bytes,)).fetchone()
            if found is None:
                raise SinkError(f"{self._path} knows no error {error_id}", permanent=True)
            about = {"group_no": found[0], "at_ns": self._now_ns()}
            changed = connection.execute(_RESOLVE, about).rowcount > 0
            if changed:
                connection.execute(_NOTE_RESOLVED, about)
            connection.execute("COMMIT")
        return changed

    def probe(self) -> None:
        """Look whether the file would take an error now: one is written and taken back."""
        with self._open() as connection:
            connection.execute(_ADD, _row(Parcel(_PROBE, alerted=True), self._now_ns()))
            connection.execute("ROLLBACK")

    def cancel(self) -> None:
        """Nothing to do: no call lasts longer than busy_limit_s."""

    def close(self) -> None:
        """Nothing stays open between two calls."""

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection within a write transaction, closed at the end. Raises SinkError."""
        self._check_header()
        try:
            connection = sqlite3.connect(
                f"file:{quote(str(self._path))}?mode=rw",
                uri=True,
                timeout=self._busy_limit_s,
                isolation_level=None,
            )
        except sqlite3.Error as error:
            raise self._failure(error) from error
        try:
            connection.execute("BEGIN IMMEDIATE")
            # The header in the file may be older than the one in the WAL.
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            self._check_version(version)
            yield connection
        except sqlite3.Error as error:
            raise self._failure(error) from error
        finally:
            connection.close()

    def _check_header(self) -> None:
        """Raises SinkError for what is not the service's file; read without SQLite, which would make
        files beside it. Source: SQLite "Database File Format", 1.3."""
        try:
            with self._path.open("rb") as file:
                head = file.read(_HEADER_BYTES)
        except FileNotFoundError:
            raise SinkError(f"{self._path} is not there; the service makes it when it starts") from None
        except OSError as error:
            raise SinkError(f"{self._path} cannot be read: {error.strerror}") from None
        if len(head) < _HEADER_BYTES or not head.startswith(b"SQLite format 3\0"):
            raise SinkError(f"{self._path} is no SQLite file; it was not touched")
        if int.from_bytes(head[68:72], "big") != APPLICATION_ID:
            raise SinkError(f"{self._path} is a database of another program; it was not touched")
        newest = int.from_bytes(head[60:64], "big")
        if newest > NEWEST_VERSION:
            self._check_version(newest)

    def _check_version(self, version: int) -> None:
        if version > NEWEST_VERSION:
            raise SinkError(
                f"{self._path} was made by a newer hantu (schema {version}, known is {NEWEST_VERSION}); "
                "update the hantu package of this program"
            )
        if version < OLDEST_VERSION:
            raise SinkError(
                f"{self._path} is of an older hantu (schema {version}, needed is {OLDEST_VERSION}); "
                "start the service once, which brings it up to date"
            )

    def _failure(self, error: sqlite3.Error) -> SinkError:
        """What went wrong with the file, in words a person can act on."""
        said = str(error)
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        rights = f"check the rights of the file and its folder ({said})"
        reasons = {
            sqlite3.SQLITE_BUSY: f"is locked by another process ({said})",
            sqlite3.SQLITE_LOCKED: f"is locked by another process ({said})",
            sqlite3.SQLITE_CORRUPT: f"is damaged ({said}); the service mends it when it starts",
            sqlite3.SQLITE_NOTADB: f"is damaged ({said}); the service mends it when it starts",
            sqlite3.SQLITE_FULL: f"cannot grow: the disk is full ({said})",
            sqlite3.SQLITE_READONLY: f"cannot be written: {rights}",
            sqlite3.SQLITE_CANTOPEN: f"cannot be opened: {rights}",
            sqlite3.SQLITE_IOERR: f"cannot be read or written: the disk failed ({said})",
        }
        return SinkError(f"{self._path} {reasons.get(code, f'took no error: {said}')}")


def _row(parcel: Parcel, created_ns: int) -> dict[str, object]:
    record = parcel.record
    row = {
        "time_ns": record.time_ns,
        "level": record.level,
        "service": record.service,
        "module": record.module,
        "function": record.function,
        "message": record.message,
        "error_type": record.error_type,
        "stack_trace": record.stack_trace,
        "context": None if record.context is None else dumped(record.context),
        "trace_id": record.trace_id,
        "fingerprint": fingerprint_of(record),
        "source": record.source,
        "source_id": record.source_id or record.service,
        "created_ns": created_ns,
        "alerted": parcel.alerted,
    }
    # SQLite takes UTF-8 only, which has no form for half of a character.
    cleaned = {name: clean(value) if isinstance(value, str) else value for name, value in row.items()}
    return {"id": uuid.UUID(record.id).bytes, **cleaned}
