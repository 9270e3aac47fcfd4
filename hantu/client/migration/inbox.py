"""Where errors are kept, as far as a migration looks at it: the table, one error, its group."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import uuid
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote, urlsplit

from hantu.client.http_call import Caller, CallError
from hantu.client.sink import SinkError
from hantu.client.sink_sqlite import NEWEST_VERSION, SqliteSink

TEST_SERVICE: Final = "hantu-migrate"
"""The service of the errors that a migration makes to see them arrive."""

_FIND: Final = """
SELECT error_fingerprint.group_no
  FROM error_logs
  JOIN error_fingerprint USING (service, fingerprint)
 WHERE error_logs.id = :id
"""
_TABLE: Final = """
SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'error_logs'
"""


class InboxError(Exception):
    """The place of errors cannot be asked; says why. fix: what mends it."""

    def __init__(self, reason: str, fix: str = "") -> None:
        super().__init__(reason)
        self.fix = fix


class NotAllowed(InboxError):
    """What was asked for needs more rights than there are."""


class _NotThere(InboxError):
    """The service has nothing there."""


class Inbox(Protocol):
    """A place where errors are kept."""

    def check(self, *, touch: bool) -> str:
        """What there is: the table error_logs and the schema's version, in words. Raises InboxError.

        touch: also whether it can be written; without it nothing changes, not even SQLite's own files."""

    def find(self, error_id: str) -> int | None:
        """The group of the error with this UUID, None when it is not there. Raises InboxError."""

    def resolve(self, group_no: int) -> None:
        """Mark the group resolved. Raises InboxError."""


class FileInbox:
    """The service's file, by the standard library: it can be looked at, and not more."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self, *, touch: bool) -> str:
        """See Inbox."""
        if touch:
            try:
                SqliteSink(str(self._path)).probe()
            except SinkError as error:
                raise InboxError(str(error), "start the service once: hantu serve") from None
        version = self._version()
        if not self._ask(_TABLE, touch=touch):
            raise InboxError(
                f"{self._path} has schema {version} and no table error_logs",
                "start the service once, which makes it: hantu serve",
            )
        return f"error_logs is there, schema {version}, in {self._path}"

    def find(self, error_id: str) -> int | None:
        """See Inbox."""
        return self._ask(_FIND, touch=True, id=uuid.UUID(error_id).bytes)

    def resolve(self, group_no: int) -> None:
        """Only the service's own commands may."""
        raise NotAllowed(
            "the file's groups are the service's to change", f"hantu errors resolve {group_no}"
        )

    def _version(self) -> int:
        try:
            with self._path.open("rb") as file:
                head = file.read(100)
        except OSError as error:
            raise InboxError(
                f"{self._path} cannot be read: {error.strerror}", "start the service once: hantu serve"
            ) from error
        if not head.startswith(b"SQLite format 3\0"):
            raise InboxError(f"{self._path} is no SQLite file", "name the right file in HANTU_DSN")
        version = int.from_bytes(head[60:64], "big")
        if version > NEWEST_VERSION:
            raise InboxError(
                f"{self._path} has schema {version}, this hantu knows {NEWEST_VERSION}", "update hantu here"
            )
        return version

    def _ask(self, sql: str, *, touch: bool, **values: object) -> int | None:
        # immutable: SQLite makes no files beside it, and does not look for what a WAL holds.
        mode = "mode=ro" if touch else "mode=ro&immutable=1"
        try:
            with contextlib.closing(
                sqlite3.connect(f"file:{quote(str(self._path))}?{mode}", uri=True, timeout=5)
            ) as connection:
                row = connection.execute(sql, values).fetchone()
        except sqlite3.Error as error:
            raise InboxError(f"{self._path}: {error}") from error
        return None if row is None else int(row[0])


class ApiInbox:
    """The running service at `address`; token: one that may read, better an admin's."""

    def __init__(self, address: str, token: str) -> None:
        self._caller = Caller(address, connect_limit_s=3, answer_limit_s=10)
        self._place = urlsplit(address).netloc
        self._token = token

    def check(self, *, touch: bool) -> str:
        """See Inbox."""
        del touch
        self._call("GET", "/api/errors?limit=1")
        stats = self._call("GET", "/api/stats")
        return f"error_logs is there, schema {stats.get('schemaVersion', '?')}, at {self._place}"

    def find(self, error_id: str) -> int | None:
        """See Inbox."""
        try:
            return int(self._call("GET", f"/api/errors/{error_id}?limit=1")["error"]["id"])
        except _NotThere:
            return None
        except (KeyError, TypeError, ValueError):
            raise InboxError(f"{self._place} answered, but not as the service does") from None

    def resolve(self, group_no: int) -> None:
        """See Inbox."""
        self._call("POST", f"/api/errors/{group_no}/resolve")

    def _call(self, method: str, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            if method == "GET":
                answer = self._caller.get(path, headers)
            else:
                answer = self._caller.post(path, b"{}", headers)
        except CallError as error:
            raise InboxError(f"{self._place} {error}", "start the service: hantu serve") from None
        finally:
            self._caller.close()
        fix = "hantu token create migrate --scope admin, then HANTU_DSN=http://TOKEN@HOST:PORT"
        if answer.status == 401:
            raise InboxError(f"{self._place} does not know this token", fix)
        if answer.status == 403:
            raise NotAllowed(f"{self._place} lets this token bring errors and not read them", fix)
        if answer.status == 404:
            raise _NotThere(f"{self._place} does not have {path.partition('?')[0]}", "update the service")
        try:
            said = json.loads(answer.body)
        except ValueError:
            said = None
        if answer.status != 200 or not isinstance(said, dict):
            raise InboxError(f"{self._place} answered {answer.status} to {path.partition('?')[0]}")
        return said


def inbox_of(dsn: str) -> Inbox | None:
    """The inbox that a DSN leads to, None without one. Raises ValueError as open_sink() does."""
    if not dsn:
        return None
    parts = urlsplit(dsn)
    if parts.scheme == "sqlite":
        return FileInbox(Path(unquote(parts.path[1:])))
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return ApiInbox(address, unquote(parts.username or ""))
