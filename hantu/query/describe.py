"""A query as a short sentence, for titles, alerts and screen readers."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Final

from hantu.query.logquery import LogQuery, Order
from hantu.query.times import SECOND_NS
from hantu.query.write import unparse

LANGUAGES: Final = ("en", "ko")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def describe(query: LogQuery, language: str, *, tz: tzinfo = UTC) -> str:
    """What the query asks, in `language` (en or ko); times in the zone tz, to the second."""
    return _korean(query, tz) if language == "ko" else _english(query, tz)


def _english(query: LogQuery, tz: tzinfo) -> str:
    parts = ["Logs" if _is_narrow(query) else "All logs"]
    if query.search is not None:
        parts.append(f"that match {unparse(query.search)}")
    if levels := _levels(query):
        parts.append(f"of level {levels}")
    elif query.min_level is not None:
        parts.append(f"of level {query.min_level.label} and above")
    if query.sources:
        parts.append(f"from {', '.join(query.sources)}")
    if query.source_id is not None:
        parts.append(f"of {query.source_id}")
    if query.start_ns is not None:
        parts.append(f"since {_english_time(query.start_ns, tz)}")
    if query.end_ns is not None:
        parts.append(f"until {_english_time(query.end_ns, tz)}")
    if query.order is Order.OLDEST:
        parts.append("oldest first")
    return ", ".join(parts).replace("Logs, ", "Logs ", 1)


def _korean(query: LogQuery, tz: tzinfo) -> str:
    parts: list[str] = []
    if query.start_ns is not None:
        parts.append(f"{_korean_time(query.start_ns, tz)}부터")
    if query.end_ns is not None:
        parts.append(f"{_korean_time(query.end_ns, tz)} 전까지")
    if query.sources:
        parts.append(f"{', '.join(query.sources)}의")
    if query.source_id is not None:
        parts.append(f"{query.source_id}의")
    if levels := _levels(query):
        parts.append(levels)
    elif query.min_level is not None:
        parts.append(f"{query.min_level.label} 이상")
    parts.append("로그" if _is_narrow(query) else "모든 로그")
    if query.search is not None:
        parts.append(f"중 {unparse(query.search)} 검색 결과")
    if query.order is Order.OLDEST:
        parts.append("(오래된 것부터)")
    return " ".join(parts)


def _is_narrow(query: LogQuery) -> bool:
    limits = (query.search, query.min_level, query.source_id, query.start_ns, query.end_ns)
    return bool(query.sources or query.levels) or any(limit is not None for limit in limits)


def _levels(query: LogQuery) -> str:
    return ", ".join(level.label for level in sorted(query.levels))


def _english_time(time_ns: int, tz: tzinfo) -> str:
    at = _at(time_ns, tz)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year} {at:%H:%M:%S}" if at else _seconds(time_ns)


def _korean_time(time_ns: int, tz: tzinfo) -> str:
    at = _at(time_ns, tz)
    return f"{at.year}년 {at.month}월 {at.day}일 {at:%H:%M:%S}" if at else _seconds(time_ns)


def _at(time_ns: int, tz: tzinfo) -> datetime | None:
    """The moment in the zone; None for one that no calendar has."""
    try:
        return datetime.fromtimestamp(time_ns // SECOND_NS, tz)
    except (OverflowError, ValueError, OSError):
        return None


def _seconds(time_ns: int) -> str:
    return f"{time_ns // SECOND_NS} s"
