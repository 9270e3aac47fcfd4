"""Sums over executions in SQL."""

from __future__ import annotations

from typing import Any, Final

from hantu.store.execution_base import ExecutionQuery
from hantu.store.execution_sums import ExecutionSum
from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.execution_list import where

_BEFORE: Final = 106_752
"""Days before the epoch at which times of 64 bits begin: SQLite rounds towards zero, not down."""
_SUMS: Final = """
SELECT
  job_name,
  model,
  (created_ns / 1000000000 + :utc_offset_s + :before * 86400) / 86400 - :before AS day,
  count(*),
  sum(status = 'FAILED'),
  sum(ifnull(tokens_used, ifnull(input_tokens, 0) + ifnull(output_tokens, 0))),
  sum(ifnull(cost_micros, 0))
FROM executions
WHERE TRUE
"""
_GROUPS: Final = "GROUP BY job_name, model, day ORDER BY job_name, model, day"


def sums(reader: Reader, query: ExecutionQuery, *, utc_offset_s: int) -> tuple[ExecutionSum, ...]:
    """The sums of what matches, in order of job, model and day."""
    wanted = where(query)
    binds: dict[str, Any] = {**wanted.binds, "utc_offset_s": utc_offset_s, "before": _BEFORE}
    rows = reader.rows(f"{_SUMS} {wanted.sql} {_GROUPS}", binds)
    return tuple(ExecutionSum(*row) for row in rows)
