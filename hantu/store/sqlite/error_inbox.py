"""The inbox in SQL: pages of groups, and how many there are."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from heapq import merge
from itertools import islice
from typing import Any, Final

from hantu.errors import ErrorStatus
from hantu.store.error_base import (
    ErrorGroup,
    ErrorOrder,
    ErrorPage,
    ErrorPlace,
    ErrorQuery,
    UnknownError,
)
from hantu.store.error_words import search_words
from hantu.store.sqlite.database import Reader

_GROUP: Final = """
SELECT
  group_no, service, error_type, place, message, level, count, first_ns, last_ns, status, resolved_ns,
  regressed_ns, regressions, muted_until_ns, muted_below_an_hour
FROM error_group
"""
_FINGERPRINTS: Final = """
SELECT group_no, fingerprint
FROM error_fingerprint
WHERE group_no IN (SELECT value FROM json_each(?))
"""
_SERVICES: Final = """
WITH RECURSIVE known (service) AS (
  SELECT min(service) FROM error_fingerprint
  UNION ALL
  SELECT (SELECT min(service) FROM error_fingerprint WHERE service > known.service)
  FROM known
  WHERE known.service IS NOT NULL
)
SELECT service FROM known WHERE service IS NOT NULL
"""
_COLUMNS: Final = {
    ErrorOrder.LAST_SEEN: "last_ns",
    ErrorOrder.FIRST_SEEN: "first_ns",
    ErrorOrder.COUNT: "count",
}
_VALUES: Final = {ErrorOrder.COUNT: 6, ErrorOrder.FIRST_SEEN: 7, ErrorOrder.LAST_SEEN: 8}
"""Where the column stands in a row of _GROUP."""

FEW: Final = 2_000
"""Groups of a search that are sorted here rather than met along the index of their order."""

_MUTED: Final = "(muted_below_an_hour IS NOT NULL OR ifnull(muted_until_ns > :now_ns, FALSE))"
_HAS_MUTE: Final = "(muted_until_ns IS NOT NULL OR muted_below_an_hour IS NOT NULL)"
"""As the index error_group_muted has it: with it a query finds the few without a look at the others."""

_FOLDED: Final = "instr(lower(error_type || char(10) || place || char(10) || message), :word)"
_AS_IT_IS: Final = "(instr(message, :word) OR instr(place, :word) OR instr(error_type, :word))"
"""For words without a letter that lower() changes: nothing is copied, and Korean stands in the message."""

_LETTER: Final = re.compile("[a-z]")


def page(reader: Reader, query: ErrorQuery) -> ErrorPage:
    """A page of groups and the total of its query."""
    wanted, binds = _where(query)
    value = _VALUES[query.order]
    few = _few(reader, query, wanted, binds) if search_words(query.search) else None
    if few is None:
        # One walk along the index for each status: an IN would sort all that it finds.
        found = [
            _walk(reader, query, wanted, binds | {"status": status})
            for status in query.statuses or tuple(ErrorStatus)
        ]
        ordered = merge(*found, key=lambda row: (row[value], row[0]), reverse=True)
        rows = list(islice(ordered, query.limit + 1))
    else:
        rows = sorted(few, key=lambda row: (row[value], row[0]), reverse=True)
        if query.place is not None:
            at = (query.place.value, query.place.group_no)
            rows = [row for row in rows if (row[value], row[0]) < at]
    shown = rows[: query.limit]
    place = None
    if len(rows) > query.limit and shown:
        place = ErrorPlace(shown[-1][value], shown[-1][0])
    if few is not None:
        total = len(few)
    elif place is None and query.place is None:
        total = len(shown)
    else:
        total = _total(reader, query, wanted, binds)
    return ErrorPage(_groups(reader, shown), place, total)


def _few(
    reader: Reader, query: ErrorQuery, wanted: str, binds: dict[str, Any]
) -> list[tuple[Any, ...]] | None:
    """All groups that a search finds, when they are few; None when they are many.

    Rare words are found by reading all groups one after the other: to look up each along an index takes
    four times as long. Of common words the walk along the index meets enough at once."""
    status, more = _statuses(query)
    sql = f"{_GROUP} NOT INDEXED WHERE {status} {wanted} LIMIT {FEW + 1}"
    rows = reader.rows(sql, binds | more).fetchall()
    return rows if len(rows) <= FEW else None


def read(reader: Reader, group_no: int) -> ErrorGroup:
    """One group. Raises UnknownError."""
    rows = reader.rows(f"{_GROUP} WHERE group_no = ?", (group_no,)).fetchall()
    if not rows:
        raise UnknownError(group_no)
    return _groups(reader, rows)[0]


def unresolved(reader: Reader, now_ns: int) -> int:
    """How many groups are unresolved and not muted."""
    query = ErrorQuery(statuses=(ErrorStatus.UNRESOLVED,), muted=False, now_ns=now_ns)
    return _total(reader, query, *_where(query))


def services(reader: Reader) -> tuple[str, ...]:
    """The services that have errors, in order."""
    return tuple(service for (service,) in reader.rows(_SERVICES))


def _walk(reader: Reader, query: ErrorQuery, wanted: str, binds: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The next groups of one status, and one more than the page has."""
    column = _COLUMNS[query.order]
    past = ""
    if query.place is not None:
        past = f"AND ({column}, group_no) < (:value, :group_no)"
        binds |= {"value": query.place.value, "group_no": query.place.group_no}
    # Of the muted there are few: to sort them is cheaper than to look for them in the order.
    index = "error_group_muted" if query.muted else f"error_group_{query.order}"
    sql = f"""
        {_GROUP} INDEXED BY {index}
        WHERE status = :status {past} {wanted}
        ORDER BY {column} DESC, group_no DESC
        LIMIT :limit
    """
    return reader.rows(sql, binds | {"limit": query.limit + 1}).fetchall()


def _total(reader: Reader, query: ErrorQuery, wanted: str, binds: dict[str, Any]) -> int:
    """How many match on all pages."""
    read_all = bool(search_words(query.search)) or query.since_ns is not None or query.until_ns is not None
    if query.muted is False and not read_all:
        # All but the muted: an index holds what is asked of all, another the few muted.
        both, muted = replace(query, muted=None), replace(query, muted=True)
        return _total(reader, both, *_where(both)) - _total(reader, muted, *_where(muted))
    status, more = _statuses(query)
    index = "NOT INDEXED" if read_all else "INDEXED BY error_group_state"
    if query.muted:
        index = "INDEXED BY error_group_muted"
    total: int = reader.value(
        f"SELECT count(*) FROM error_group {index} WHERE {status} {wanted}",  # noqa: S608  constants
        binds | more,
    )
    return total


def _statuses(query: ErrorQuery) -> tuple[str, dict[str, str]]:
    """The condition on the status, and what is bound."""
    statuses = query.statuses or tuple(ErrorStatus)
    names = [f"status_{at}" for at in range(len(statuses))]
    return f"status IN ({', '.join(f':{name}' for name in names)})", dict(zip(names, statuses, strict=True))


def _where(query: ErrorQuery) -> tuple[str, dict[str, Any]]:
    """The conditions besides status and place, each with AND before it, and what is bound."""
    conditions: list[str] = []
    binds: dict[str, Any] = {}
    for column, values in (
        ("service", query.services),
        ("level", query.levels),
        ("error_type", query.types),
    ):
        names = [f"{column}_{at}" for at in range(len(values))]
        if names:
            conditions.append(f"{column} IN ({', '.join(f':{name}' for name in names)})")
            binds |= dict(zip(names, values, strict=True))
    if query.since_ns is not None:
        conditions.append("last_ns >= :since_ns")
        binds["since_ns"] = query.since_ns
    if query.until_ns is not None:
        conditions.append("last_ns < :until_ns")
        binds["until_ns"] = query.until_ns
    if query.muted is not None:
        conditions.append(f"{_HAS_MUTE} AND {_MUTED}" if query.muted else f"NOT {_MUTED}")
        binds["now_ns"] = query.now_ns
    if query.regressed is not None:
        conditions.append(f"regressed_ns IS {'NOT ' if query.regressed else ''}NULL")
    for at, word in enumerate(search_words(query.search)):
        conditions.append((_FOLDED if _LETTER.search(word) else _AS_IT_IS).replace(":word", f":word_{at}"))
        binds[f"word_{at}"] = word
    return "".join(f" AND {condition}" for condition in conditions), binds


def _groups(reader: Reader, rows: Sequence[tuple[Any, ...]]) -> tuple[ErrorGroup, ...]:
    fingerprints: dict[int, list[str]] = {row[0]: [] for row in rows}
    for group_no, fingerprint in reader.rows(_FINGERPRINTS, (json.dumps(list(fingerprints)),)):
        fingerprints[group_no].append(fingerprint)
    groups: list[ErrorGroup] = []
    for row in rows:
        head, status, tail = row[:9], ErrorStatus(row[9]), row[10:]
        groups.append(ErrorGroup(*head, status, *tail, tuple(sorted(fingerprints[row[0]]))))  # type: ignore[call-arg]  # lengths
    return tuple(groups)
