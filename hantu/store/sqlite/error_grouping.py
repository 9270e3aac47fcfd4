"""Counts the errors of a batch to their groups at once: what the trigger of the schema does for each
occurrence of another writer, with the same result.

The trigger is left what is rare: the first occurrence of a fingerprint, and groups where the order of
single occurrences matters, for they are resolved or muted below a rate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import apsw

from hantu.errors import CRITICAL, ErrorRecord, place

MESSAGE_MOST: Final = 500
"""Characters of a message that a group shows."""

_CALM: Final = """
SELECT status = 'UNRESOLVED' AND muted_below_an_hour IS NULL
FROM error_fingerprint
JOIN error_group USING (group_no)
WHERE error_fingerprint.service = ? AND fingerprint = ?
"""
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
_COUNTS: Final = (
    _COUNT.format(table="error_fingerprint", condition=_OWN),
    _COUNT.format(
        table="error_group",
        condition=f"group_no = (SELECT group_no FROM error_fingerprint WHERE {_OWN})",  # noqa: S608  constants
    ),
)

_Key = tuple[str, str]


@dataclass(slots=True)
class _Part:
    """Occurrences of one fingerprint. at: where the newest stands among all, the last of those as new."""

    newest: ErrorRecord
    at: int
    first_ns: int
    count: int = 0
    is_critical: bool = False


def by_trigger(connection: apsw.Connection, records: Iterable[ErrorRecord]) -> list[bool]:
    """Of each record whether the trigger has to count it; asked before they are written."""
    calm: dict[_Key, bool] = {}
    told: list[bool] = []
    for record in records:
        key = record.service, record.fingerprint
        is_calm = calm.get(key)
        if is_calm is None:
            found = connection.execute(_CALM, key).fetchone()
            is_calm = found is not None and bool(found[0])
            # The first one makes a group, which is calm for those that follow.
            calm[key] = is_calm or found is None
        told.append(not is_calm)
    return told


def count(connection: apsw.Connection, records: Sequence[ErrorRecord]) -> None:
    """Count records, in order of arrival, that the trigger did not."""
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
    # Fingerprints may share a group: of equally new ones the last to arrive is shown.
    for part in sorted(parts.values(), key=lambda each: each.at):
        _add(connection, part)


def _add(connection: apsw.Connection, part: _Part) -> None:
    newest = part.newest
    binds = {
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
    for statement in _COUNTS:
        connection.execute(statement, binds)
