"""The list of executions in SQL: its pages, its totals, its counts.

Every filter is answered by an index alone; rows are read for the lines of the page only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from hantu.executions import ExecutionStatus
from hantu.store.execution_base import (
    ExecutionPage,
    ExecutionQuery,
    ExecutionSort,
    ExecutionSummary,
    SortOrder,
)
from hantu.store.execution_words import sought
from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.execution_rows import SUMMARY, summary
from hantu.store.sqlite.execution_words import HAVING, condition

_NEVER_ENDED: Final = "ifnull(completed_ns, 9223372036854775807)"
"""As in the index, which serves only what is written alike."""
_INDEX: Final = {
    ExecutionSort.CREATED: ("executions_created", "created_ns"),
    ExecutionSort.COMPLETED: ("executions_completed", _NEVER_ENDED),
}
_ROWS: Final = f"""
{SUMMARY}
JOIN json_each(:numbers) ON execution_no = json_each.value
ORDER BY json_each.key
"""
_COUNTS: Final = "SELECT status, count(*) FROM executions INDEXED BY executions_status"
_JOB_NAMES: Final = """
WITH RECURSIVE known (job_name) AS (
  SELECT min(job_name) FROM executions
  UNION ALL
  SELECT (SELECT min(job_name) FROM executions WHERE job_name > known.job_name)
  FROM known
  WHERE known.job_name IS NOT NULL
)
SELECT job_name FROM known WHERE job_name IS NOT NULL
"""


class _Wanted(NamedTuple):
    """The conditions of a query, each with AND before it, and what is bound."""

    sql: str
    binds: dict[str, Any]


def page(reader: Reader, query: ExecutionQuery) -> ExecutionPage:
    """A page of the list and how many there are on all."""
    wanted = where(query)
    if query.sort is ExecutionSort.STATUS:
        counts = _counts(reader, wanted)
        numbers, total = _by_status(reader, query, wanted, counts), sum(counts.values())
    else:
        numbers = _by_time(reader, query, wanted)
        begin = (query.page - 1) * query.page_size
        ends_here = len(numbers) < query.page_size and (bool(numbers) or not begin)
        total = begin + len(numbers) if ends_here else _total(reader, query, wanted)
    return ExecutionPage(_summaries(reader, numbers), query.page, query.page_size, total)


def counts_by_status(reader: Reader) -> dict[ExecutionStatus, int]:
    """How many there are by status, for every status."""
    return _counts(reader, _Wanted("", {}))


def job_names(reader: Reader) -> tuple[str, ...]:
    """The names of all jobs, in order."""
    return tuple(name for (name,) in reader.rows(_JOB_NAMES))


def _by_time(reader: Reader, query: ExecutionQuery, wanted: _Wanted) -> list[int]:
    """The numbers of a page: a walk along the index of its order."""
    begin = (query.page - 1) * query.page_size
    index, value = _INDEX[query.sort]
    if query.sort is ExecutionSort.CREATED:
        # These have the times of one status, or one job, in order.
        index = "executions_status" if len(query.statuses) == 1 else index
        index = "executions_job_name" if len(query.job_names) == 1 else index
    way = "DESC" if query.order is SortOrder.DESC else "ASC"
    tail = f"INDEXED BY {index} WHERE TRUE {wanted.sql} ORDER BY {value} {way}, execution_no {way}"
    return _numbers(reader, tail, wanted.binds, slice(begin, begin + query.page_size))


def _by_status(
    reader: Reader, query: ExecutionQuery, wanted: _Wanted, counts: dict[ExecutionStatus, int]
) -> list[int]:
    """The numbers of a page sorted by status: each is a walk along the index of its own."""
    order = list(ExecutionStatus)
    if query.order is SortOrder.DESC:
        order.reverse()
    begin = (query.page - 1) * query.page_size
    numbers: list[int] = []
    tail = f"INDEXED BY executions_status WHERE status = :of {wanted.sql}"
    tail += " ORDER BY created_ns DESC, execution_no DESC"
    for status in order:
        left = query.page_size - len(numbers)
        if left and begin < counts[status]:
            numbers += _numbers(reader, tail, {**wanted.binds, "of": status}, slice(begin, begin + left))
        begin = max(0, begin - counts[status])
    return numbers


def _numbers(reader: Reader, tail: str, binds: dict[str, Any], part: slice) -> list[int]:
    sql = f"SELECT execution_no FROM executions {tail} LIMIT :most OFFSET :begin"  # noqa: S608  constants
    rows = reader.rows(sql, {**binds, "most": part.stop - part.start, "begin": part.start})
    return [number for (number,) in rows]


def _total(reader: Reader, query: ExecutionQuery, wanted: _Wanted) -> int:
    if not wanted.sql:
        return int(reader.value("SELECT count(*) FROM executions"))
    if wanted.sql == f" AND execution_no IN ({HAVING})":
        # Nothing but words: the rows of their index are counted as they are found.
        return int(reader.value(f"SELECT count(*) FROM ({HAVING})", wanted.binds))  # noqa: S608  constants
    index = "executions_created"
    if query.since_ns is None and query.until_ns is None:
        # The shortest range that the filter has in any index.
        index = "executions_status" if query.statuses else index
        index = "executions_job_name" if query.job_names else index
    sql = f"SELECT count(*) FROM executions INDEXED BY {index} WHERE TRUE {wanted.sql}"  # noqa: S608  constants
    return int(reader.value(sql, wanted.binds))


def _counts(reader: Reader, wanted: _Wanted) -> dict[ExecutionStatus, int]:
    sql = f"{_COUNTS} WHERE TRUE {wanted.sql} GROUP BY status"
    found: dict[Any, Any] = dict(reader.rows(sql, wanted.binds))
    return {status: found.get(status, 0) for status in ExecutionStatus}


def where(query: ExecutionQuery) -> _Wanted:
    """The conditions of a query."""
    sql, binds = condition(sought(query.search))
    for column, values in (
        ("status", query.statuses),
        ("job_name", query.job_names),
        ("model", query.models),
    ):
        names = [f"{column}_{at}" for at in range(len(values))]
        if names:
            sql += f" AND {column} IN ({', '.join(f':{name}' for name in names)})"
            binds |= dict(zip(names, values, strict=True))
    if query.since_ns is not None:
        sql += " AND created_ns >= :since_ns"
        binds["since_ns"] = query.since_ns
    if query.until_ns is not None:
        sql += " AND created_ns < :until_ns"
        binds["until_ns"] = query.until_ns
    if query.has_artifacts is not None:
        sql += f" AND artifact_count {'>' if query.has_artifacts else '='} 0"
    return _Wanted(sql, binds)


def _summaries(reader: Reader, numbers: Iterable[int]) -> tuple[ExecutionSummary, ...]:
    return tuple(map(summary, reader.rows(_ROWS, (json.dumps(list(numbers)),))))
