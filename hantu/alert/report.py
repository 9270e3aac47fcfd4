"""The daily report: what happened within a day, and how the disk fares, in Korean.

It is made of sections, each a function of the day; one more is one more name in SECTIONS."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hantu.client.telegram_text import Head, clock_text, listing_text
from hantu.errors import ErrorStatus
from hantu.model import LogLevel
from hantu.query.logquery import LogQuery
from hantu.store.base import LogStorage
from hantu.store.error_base import ERROR_LIMIT_MOST, ErrorGroup, ErrorQuery, StatsBy

DAY_NS: Final = 86_400 * 10**9
TOP_GROUPS: Final = 5
TOP_SERVICES: Final = 8
GROUPS_MOST: Final = 10_000
"""Groups that are looked at; with more the figures are of those seen last."""
REMOVALS_LOOKED_AT: Final = 200
_MESSAGE_CHARS_MOST: Final = 80
_OLD_FORECAST_DAYS: Final = 3650


@dataclass(frozen=True, slots=True)
class Disk:
    """The file and its disk now. day_ago_bytes: the file's size at the last report, whose time is
    day_ago_ns; None without one."""

    size_bytes: int
    free_bytes: int
    retention_days: float
    day_ago_bytes: int | None = None
    day_ago_ns: int = 0


@dataclass(frozen=True, slots=True)
class Day:
    """What a report is about: start_ns ≤ time < end_ns."""

    store: LogStorage
    start_ns: int
    end_ns: int
    disk: Disk


Section = Callable[[Day], Iterator[str]]
"""The lines of a section; none: it is left out."""


def report_text(day: Day) -> str:
    """The message. Raises StoreError, QueryTimeout."""
    lines: list[str] = []
    for section in SECTIONS:
        found = list(section(day))
        if found and lines:
            lines.append("")
        lines += found
    span = f"{clock_text(day.start_ns)[:16]} ~ {clock_text(day.end_ns)[:16]}"
    return listing_text(
        Head.REPORT,
        "hantu",
        day.end_ns,
        message=f"지난 하루 ({span})",
        rows=lines,
        left_out=lambda shown: f"… 외 {len(lines) - shown}줄",
    )


def _lines(day: Day) -> Iterator[str]:
    """Lines by level."""
    found = day.store.histogram(LogQuery(), start_ns=day.start_ns, end_ns=day.end_ns, buckets=1)
    counts = [sum(column) for column in zip(*found.counts, strict=True)]
    said = ", ".join(
        f"{level.label} {counts[level]:,}" for level in sorted(LogLevel, reverse=True) if counts[level]
    )
    at_least = "" if found.complete else " 이상"
    yield f"로그 {sum(counts):,}건{at_least}{f' ({said})' if said else ''}"


def _errors(day: Day) -> Iterator[str]:
    """Errors by service, and what became of their groups."""
    by_service = day.store.error_stats(StatsBy.SERVICE, since_ns=day.start_ns, until_ns=day.end_ns)
    total = sum(each.count for each in by_service)
    if total:
        yield f"에러 {total:,}건, {sum(each.groups for each in by_service):,}종류"
        for each in by_service[:TOP_SERVICES]:
            yield f"• {each.name} {each.count:,}건"
        if rest := by_service[TOP_SERVICES:]:
            yield f"• 외 {len(rest):,}개 서비스 {sum(each.count for each in rest):,}건"
    else:
        yield "에러 없음 ✅"
    new = len(_since(_groups(day, ErrorQuery(since_ns=day.start_ns)), day, lambda group: group.first_ns))
    regressed = _since(_groups(day, ErrorQuery(regressed=True)), day, lambda group: group.regressed_ns)
    asked = ErrorQuery(statuses=(ErrorStatus.RESOLVED,))
    resolved = _since(_groups(day, asked), day, lambda group: group.resolved_ns)
    yield (
        f"새 에러 {new:,}종류, 재발 {len(regressed):,}종류, 해결 {len(resolved):,}종류, "
        f"미해결 {day.store.unresolved(day.end_ns):,}종류"
    )


def _top_groups(day: Day) -> Iterator[str]:
    """The most frequent errors."""
    groups = {group.group_no: group for group in _groups(day, ErrorQuery(since_ns=day.start_ns))}
    counts = day.store.error_buckets(list(groups), start_ns=day.start_ns, end_ns=day.end_ns, buckets=1)
    totals = ((sum(found), -group_no) for group_no, found in counts.items())
    most = sorted((each for each in totals if each[0]), reverse=True)
    if not most:
        return
    yield "가장 많은 에러"
    for at, (count, negative) in enumerate(most[:TOP_GROUPS], start=1):
        group = groups[-negative]
        said = " ".join(group.message.split())[:_MESSAGE_CHARS_MOST]
        what = ": ".join(part for part in (group.error_type, said) if part)
        yield f"{at}. [{group.service}] {count:,}건 {what}"


def _disk(day: Day) -> Iterator[str]:
    """The file, its disk, the days that are left, what went."""
    disk = day.disk
    growth = _growth_bytes_a_day(day)
    grown = "" if growth is None else f" (하루 {_signed(growth)})"
    yield f"DB {_size(disk.size_bytes)}{grown}, 디스크 여유 {_size(disk.free_bytes)}"
    if growth is not None and growth > 0:
        days = int(disk.free_bytes / growth)
        if days <= _OLD_FORECAST_DAYS:
            yield f"이 속도라면 약 {days:,}일 뒤 디스크가 가득 찹니다"
    removed = sum(
        each.entries
        for each in day.store.removals(most=REMOVALS_LOOKED_AT)
        if day.start_ns <= each.at_ns < day.end_ns
    )
    yield f"로그 보관 {disk.retention_days:g}일, 오래된 로그 {removed:,}건 정리"


SECTIONS: Final[Sequence[Section]] = (_lines, _errors, _top_groups, _disk)


def last_due_ns(clock: str, now_ns: int) -> int:
    """The last time, up to now, that the local clock showed `clock` ("HH:MM")."""
    hour, minute = (int(part) for part in clock.split(":"))
    now = datetime.datetime.fromtimestamp(now_ns // 10**9).astimezone()
    for days in (0, 1, 2):
        day = now.date() - datetime.timedelta(days=days)
        due = datetime.datetime.combine(day, datetime.time(hour, minute)).astimezone()
        if due <= now:
            break
    return int(due.timestamp()) * 10**9


def _groups(day: Day, query: ErrorQuery) -> list[ErrorGroup]:
    """The groups of a query, page after page."""
    found: list[ErrorGroup] = []
    query = replace(query, limit=ERROR_LIMIT_MOST, now_ns=day.end_ns)
    while True:
        page = day.store.errors(query)
        found += page.groups
        if page.next is None or len(found) >= GROUPS_MOST:
            return found
        query = replace(query, place=page.next)


def _since(
    groups: list[ErrorGroup], day: Day, time_of: Callable[[ErrorGroup], int | None]
) -> list[ErrorGroup]:
    """Those with that time within the day."""
    return [group for group in groups if day.start_ns <= (time_of(group) or 0) < day.end_ns]


def _growth_bytes_a_day(day: Day) -> float | None:
    disk = day.disk
    if disk.day_ago_bytes is None or day.end_ns - disk.day_ago_ns < DAY_NS // 4:
        return None
    return (disk.size_bytes - disk.day_ago_bytes) * DAY_NS / (day.end_ns - disk.day_ago_ns)


def _signed(size: float) -> str:
    return f"{'-' if size < 0 else '+'}{_size(abs(size))}"


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit in ("B", "kB") else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
