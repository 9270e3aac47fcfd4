"""Which executions retention takes, and their removal, in slices."""

from __future__ import annotations

import json
from typing import Any, Final

import apsw

SLICE_EXECUTIONS: Final = 100
"""Executions that one transaction removes: some 10 ms."""

Place = tuple[int, int]
"""Where a slice ended: (end of the last execution looked at, its number)."""

_LIMITED: Final = """
SELECT retain_until_ns, execution_no
FROM executions INDEXED BY executions_retain
WHERE retain_until_ns <= :now_ns AND is_permanent = 0 AND status IN ('COMPLETED', 'FAILED', 'CANCELLED')
  AND (retain_until_ns, execution_no) > (:at_ns, :execution_no)
ORDER BY retain_until_ns, execution_no
LIMIT :most
"""
# The last condition walks the newest runs of the job, never more than are kept.
_OLD: Final = """
SELECT completed_ns, execution_no
FROM executions AS old INDEXED BY executions_completed
WHERE ifnull(completed_ns, 9223372036854775807) <= :before_ns AND is_permanent = 0
  AND retain_until_ns IS NULL AND status IN ('COMPLETED', 'FAILED', 'CANCELLED')
  AND (ifnull(completed_ns, 9223372036854775807), execution_no) > (:at_ns, :execution_no)
  AND (:runs = 0 OR EXISTS (
    SELECT 1
    FROM executions AS newer
    WHERE newer.job_name = old.job_name
      AND (newer.created_ns, newer.execution_no) > (old.created_ns, old.execution_no)
    LIMIT 1 OFFSET :runs - 1
  ))
ORDER BY ifnull(completed_ns, 9223372036854775807), execution_no
LIMIT :most
"""
OLDEST_TO_GO: Final = """
SELECT completed_ns
FROM executions INDEXED BY executions_completed
WHERE ifnull(completed_ns, 9223372036854775807) < 9223372036854775807
  AND is_permanent = 0 AND retain_until_ns IS NULL
ORDER BY ifnull(completed_ns, 9223372036854775807)
LIMIT 1
"""
"""When the oldest ended that the settings, and nothing else, keep."""
_PATHS: Final = """
SELECT file_path
FROM artifacts
WHERE execution_id IN (
  SELECT id FROM executions WHERE execution_no IN (SELECT value FROM json_each(?))
)
ORDER BY artifact_no
"""
_REMOVE: Final = "DELETE FROM executions WHERE execution_no IN (SELECT value FROM json_each(?))"

_BEGIN: Final = (-(1 << 63), 0)


class Removing:
    """Removes what `sql` selects, slice by slice."""

    def __init__(self, sql: str, binds: dict[str, Any]) -> None:
        self._sql = sql
        self._binds = binds
        self._place: Place = _BEGIN
        self.removed = 0
        self.paths: list[str] = []

    def slice(self, connection: apsw.Connection) -> bool:
        """Remove some, within a transaction; whether there may be more."""
        at_ns, execution_no = self._place
        binds = self._binds | {"at_ns": at_ns, "execution_no": execution_no, "most": SLICE_EXECUTIONS}
        found: list[tuple[Any, ...]] = connection.execute(self._sql, binds).fetchall()
        if not found:
            return False
        numbers = json.dumps([number for _, number in found])
        files: list[tuple[Any, ...]] = connection.execute(_PATHS, (numbers,)).fetchall()
        self.paths += [path for (path,) in files]
        connection.execute(_REMOVE, (numbers,))
        self.removed += len(found)
        self._place = (found[-1][0], found[-1][1])
        return len(found) == SLICE_EXECUTIONS


def past_their_own_time(now_ns: int) -> Removing:
    """Removes what is kept until a time that is over."""
    return Removing(_LIMITED, {"now_ns": now_ns})


def past_the_settings(before_ns: int, runs: int) -> Removing:
    """Removes what ended by then, but for the newest `runs` of each job."""
    return Removing(_OLD, {"before_ns": before_ns, "runs": runs})
