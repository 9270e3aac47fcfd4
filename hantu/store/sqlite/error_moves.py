"""What people do to groups of errors, in SQL; each within a transaction of the caller's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import apsw

from hantu.errors import MOVES, Move
from hantu.store.error_base import Act, DifferentServices, GroupEvent, UnknownError
from hantu.store.error_words import merged_text, mute_text

_RESOLVE: Final = """
UPDATE error_group
SET status = :status, resolved_ns = :at_ns, regressed_ns = NULL
WHERE group_no = :group_no AND status = :was
"""
_REOPEN: Final = "UPDATE error_group SET status = :status WHERE group_no = :group_no AND status = :was"
_MUTE: Final = """
UPDATE error_group
SET muted_until_ns = :until_ns, muted_below_an_hour = :below_an_hour
WHERE group_no = :group_no
"""
_UNMUTE: Final = """
UPDATE error_group
SET muted_until_ns = NULL, muted_below_an_hour = NULL
WHERE group_no = ? AND (muted_until_ns IS NOT NULL OR muted_below_an_hour IS NOT NULL)
"""
_NOTE: Final = "INSERT INTO error_event (group_no, at_ns, act, actor, text) VALUES (?, ?, ?, ?, ?)"
_JOIN: Final = """
UPDATE error_group
SET (status, resolved_ns, regressed_ns, regressions) = (
  SELECT
    iif(sum(status = 'UNRESOLVED'), 'UNRESOLVED', 'RESOLVED'),
    max(resolved_ns),
    iif(sum(status = 'UNRESOLVED'), max(regressed_ns), NULL),
    sum(regressions)
  FROM error_group
  WHERE group_no IN (SELECT value FROM json_each(:all))
)
WHERE group_no = :into
"""
_TAKE: Final = (
    "UPDATE error_fingerprint SET group_no = :into WHERE group_no IN (SELECT value FROM json_each(:gone))",
    "UPDATE error_event SET group_no = :into WHERE group_no IN (SELECT value FROM json_each(:gone))",
    "DELETE FROM error_group WHERE group_no IN (SELECT value FROM json_each(:gone))",
)
_SPLIT: Final = """
INSERT INTO error_group (
  service, error_type, place, message, level, count, first_ns, last_ns, status, resolved_ns
)
SELECT service, '', '', '', '', 0, 0, 0, status, resolved_ns
FROM error_group
WHERE group_no = ?
RETURNING group_no
"""
_LEAVE: Final = """
UPDATE error_fingerprint SET group_no = :own WHERE service = :service AND fingerprint = :fingerprint
"""
# What is alone in its group has no figures of its own: they are the group's.
_FIGURES: Final = "error_type, place, message, level, count, first_ns, last_ns"
_OWN_FIGURES: Final = f"""
UPDATE error_fingerprint
SET ({_FIGURES}) = (
  SELECT {_FIGURES} FROM error_group WHERE error_group.group_no = error_fingerprint.group_no
)
WHERE count = 0 AND group_no IN (SELECT value FROM json_each(?))
"""  # noqa: S608  constants
_NO_FIGURES: Final = """
UPDATE error_fingerprint
SET place = '', message = '', level = 'ERROR', count = 0, first_ns = 0, last_ns = 0
WHERE group_no = :group_no
  AND (SELECT count(*) FROM error_fingerprint WHERE group_no = :group_no) = 1
"""
_SUM_UP: Final = """
UPDATE error_group
SET
  (level, count, first_ns, last_ns) = (
    SELECT min(level), sum(count), min(first_ns), max(last_ns)
    FROM error_fingerprint
    WHERE group_no = :group_no
  ),
  (error_type, place, message) = (
    SELECT error_type, place, message
    FROM error_fingerprint
    WHERE group_no = :group_no
    ORDER BY last_ns DESC, service, fingerprint
    LIMIT 1
  )
WHERE group_no = :group_no
"""


def resolve(connection: apsw.Connection, group_no: int, at_ns: int, by: str) -> bool:
    """As ErrorStorage.resolve."""
    _know(connection, group_no)
    if not _move(connection, _RESOLVE, Move.RESOLVE, {"group_no": group_no, "at_ns": at_ns}):
        return False
    note(connection, group_no, GroupEvent(at_ns, Act.RESOLVED, by, ""))
    return True


def reopen(connection: apsw.Connection, group_no: int, at_ns: int, by: str) -> bool:
    """As ErrorStorage.reopen."""
    _know(connection, group_no)
    if not _move(connection, _REOPEN, Move.REOPEN, {"group_no": group_no}):
        return False
    note(connection, group_no, GroupEvent(at_ns, Act.REOPENED, by, ""))
    return True


def _move(connection: apsw.Connection, sql: str, move: Move, binds: dict[str, int]) -> bool:
    changed = 0
    for (was, made), status in MOVES.items():
        if made is move:
            connection.execute(sql, {**binds, "was": was, "status": status})
            changed += connection.changes()
    return changed > 0


def mute(
    connection: apsw.Connection,
    group_no: int,
    *,
    at_ns: int,
    until_ns: int | None,
    below_an_hour: int | None,
    by: str,
) -> None:
    """As ErrorStorage.mute."""
    text = mute_text(until_ns, below_an_hour, at_ns)
    _know(connection, group_no)
    connection.execute(_MUTE, {"group_no": group_no, "until_ns": until_ns, "below_an_hour": below_an_hour})
    note(connection, group_no, GroupEvent(at_ns, Act.MUTED, by, text))


def unmute(connection: apsw.Connection, group_no: int, at_ns: int, by: str) -> bool:
    """As ErrorStorage.unmute."""
    _know(connection, group_no)
    connection.execute(_UNMUTE, (group_no,))
    if not connection.changes():
        return False
    note(connection, group_no, GroupEvent(at_ns, Act.UNMUTED, by, ""))
    return True


def note(connection: apsw.Connection, group_no: int, event: GroupEvent) -> None:
    """Add a line to the history of a group. Raises UnknownError."""
    _know(connection, group_no)
    connection.execute(_NOTE, (group_no, event.at_ns, event.act, event.by, event.text))


def merge(connection: apsw.Connection, group_nos: Sequence[int], into: int, at_ns: int, by: str) -> None:
    """As ErrorStorage.merge."""
    gone = sorted(set(group_nos) - {into})
    services = {_know(connection, group_no) for group_no in (into, *gone)}
    if len(services) > 1:
        raise DifferentServices("errors of different services cannot be merged")
    if not gone:
        return
    every = json.dumps([into, *gone])
    connection.execute(_JOIN, {"all": every, "into": into})
    connection.execute(_OWN_FIGURES, (every,))
    for statement in _TAKE:
        binds = {"into": into, "gone": json.dumps(gone)}
        connection.execute(statement, binds if ":into" in statement else {"gone": binds["gone"]})
    _sum_up(connection, into)
    note(connection, into, GroupEvent(at_ns, Act.MERGED, by, merged_text(gone)))


def split(connection: apsw.Connection, service: str, fingerprint: str, at_ns: int, by: str) -> int:
    """As ErrorStorage.split; the number of the fingerprint's group."""
    key = {"service": service, "fingerprint": fingerprint}
    found = connection.execute(
        "SELECT group_no FROM error_fingerprint WHERE service = :service AND fingerprint = :fingerprint",
        key,
    ).fetchone()
    if found is None:
        raise UnknownError(fingerprint)
    left: int = found[0]
    parts = "SELECT count(*) FROM error_fingerprint WHERE group_no = ?"
    if connection.execute(parts, (left,)).get == 1:
        return left
    own: int = connection.execute(_SPLIT, (left,)).get
    connection.execute(_LEAVE, {**key, "own": own})
    for group_no in (left, own):
        _sum_up(connection, group_no)
        connection.execute(_NO_FIGURES, {"group_no": group_no})
        note(connection, group_no, GroupEvent(at_ns, Act.SPLIT, by, fingerprint))
    return own


def _know(connection: apsw.Connection, group_no: int) -> str:
    """The service of a group. Raises UnknownError."""
    found = connection.execute("SELECT service FROM error_group WHERE group_no = ?", (group_no,)).fetchone()
    if found is None:
        raise UnknownError(group_no)
    service: str = found[0]
    return service


def _sum_up(connection: apsw.Connection, group_no: int) -> None:
    connection.execute(_SUM_UP, {"group_no": group_no})
