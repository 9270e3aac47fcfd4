"""Counts the errors of a batch to their groups at once: what the trigger of the schema does for each
occurrence of another writer, with the same result.

The trigger is left what is rare: groups where the order of single occurrences matters, for they are
resolved or muted below a rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import apsw

from hantu.errors import CRITICAL, ErrorRecord, place

MESSAGE_MOST: Final = 500
"""Characters of a message that a group shows."""

_COUNT: Final = """
UPDATE {table}
SET
  error_type = iif(:last_ns >= last_ns, :error_type, error_type),
  place = iif(:last_ns >= last_ns, :place, place),
  message = iif(:last_ns >= last_ns, :message, message),
  level = iif(:is_critical, 'CRITICAL', level),
  count = count + :count,
  first_ns = min(first_ns, :first_ns),
  last_ns = max(last_ns, :last_ns)
WHERE {condition}
"""
_OWN: Final = "service = :service AND fingerprint = :fingerprint"
_OF_GROUP: Final = _COUNT.format(
    table="error_group",
    condition="group_no = :group_no AND status = 'UNRESOLVED' AND muted_below_an_hour IS NULL",
)
# What changes with nearly every error, and no more: SQLite writes each index anew of which a column is set,
# whether its value changes or not, and of a page the whole page.
_ONLY_COUNT: Final = """
UPDATE error_group
SET message = :message, count = count + :count, last_ns = :last_ns
WHERE group_no = :group_no
  AND status = 'UNRESOLVED'
  AND muted_below_an_hour IS NULL
  AND error_type = :error_type
  AND place = :place
  AND first_ns <= :first_ns
  AND last_ns <= :last_ns
  AND (level = 'CRITICAL' OR NOT :is_critical)
"""
_OF_FINGERPRINT: Final = _COUNT.format(table="error_fingerprint", condition=_OWN)
_KNOWN: Final = "SELECT group_no, count FROM error_fingerprint WHERE service = ? AND fingerprint = ?"
_ADD_GROUP: Final = """
INSERT INTO error_group (service, error_type, place, message, level, count, first_ns, last_ns)
VALUES (
  :service, :error_type, :place, :message, iif(:is_critical, 'CRITICAL', 'ERROR'), :count,
  :first_ns, :last_ns
)
"""
_ADD_FINGERPRINT: Final = """
INSERT INTO error_fingerprint (
  service, fingerprint, group_no, error_type, place, message, level, count, first_ns, last_ns
)
VALUES (?, ?, last_insert_rowid(), ?, '', '', 'ERROR', 0, 0, 0)
"""

_Key = tuple[str, str]
_Home = tuple[int, int]
"""group_no of a fingerprint, and its own count: 0 while no other is in that group."""


@dataclass(slots=True)
class _Part:
    """Occurrences of one fingerprint. at: where the newest stands among all, the last of those as new."""

    newest: ErrorRecord
    at: int
    first_ns: int
    count: int = 0
    is_critical: bool = False


def count(connection: apsw.Connection, records: Sequence[ErrorRecord]) -> list[bool]:
    """Count records that are about to be written, given in order of arrival.

    Whether each was counted; the others the trigger has to count."""
    parts: dict[_Key, _Part] = {}
    for at, record in enumerate(records):
        key = record.service, record.fingerprint
        part = parts.get(key)
        if part is None:
            part = parts[key] = _Part(record, at, record.time_ns)
        elif record.time_ns >= part.newest.time_ns:
            part.newest, part.at = record, at
        part.first_ns = min(part.first_ns, record.time_ns)
        part.count += 1
        part.is_critical = part.is_critical or record.level == CRITICAL
    # Groups get their numbers as they arrive.
    homes = [(key, _home(connection, key, part)) for key, part in parts.items()]
    known = [(key, home) for key, home in homes if home is not None]
    # Fingerprints may share a group: of equally new ones the last to arrive is shown.
    known.sort(key=lambda item: parts[item[0]].at)
    left = {key for key, home in known if not _add(connection, parts[key], home)}
    return [(record.service, record.fingerprint) not in left for record in records]


def _home(connection: apsw.Connection, key: _Key, part: _Part) -> _Home | None:
    """Where the figures of a fingerprint are; None when it had no group, and got one with this part's."""
    home: _Home | None = connection.execute(_KNOWN, key).fetchone()
    if home is None:
        connection.execute(_ADD_GROUP, _binds(part))
        connection.execute(_ADD_FINGERPRINT, (*key, part.newest.error_type))
    return home


def _add(connection: apsw.Connection, part: _Part, home: _Home) -> bool:
    """Count a part, unless its group is none that can be counted at once."""
    group_no, own = home
    binds = _binds(part) | {"group_no": group_no}
    for statement in (_ONLY_COUNT, _OF_GROUP):
        connection.execute(statement, binds)
        if connection.changes():
            break
    else:
        return False
    if own:
        connection.execute(_OF_FINGERPRINT, binds)
    return True


def _binds(part: _Part) -> dict[str, str | int]:
    newest = part.newest
    return {
        "service": newest.service,
        "fingerprint": newest.fingerprint,
        "error_type": newest.error_type,
        "place": place(newest),
        "message": newest.message[:MESSAGE_MOST],
        "is_critical": part.is_critical,
        "count": part.count,
        "first_ns": part.first_ns,
        "last_ns": newest.time_ns,
    }
