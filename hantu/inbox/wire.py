"""Errors as JSON: the answers of /api/errors, and what the commands print with --json."""

from __future__ import annotations

from typing import Any

from hantu.output import Wire, iso, optional_iso
from hantu.store.error_base import ErrorCount, ErrorGroup, GroupEvent, Occurrence


class Group(Wire, frozen=True):
    """Equal errors. message: of the newest occurrence; level: the worst, ERROR or CRITICAL.

    regressed: it was resolved and came back. mutedBelowAnHour: muted until more come within an hour.
    fingerprints: more than one after a merge."""

    id: int
    service: str
    error_type: str
    place: str
    message: str
    level: str
    count: int
    first_seen: str
    last_seen: str
    status: str
    resolved_at: str | None
    regressed: bool
    regressed_at: str | None
    regressions: int
    muted: bool
    muted_until: str | None
    muted_below_an_hour: int | None
    fingerprints: list[str]


class ErrorOccurrence(Wire, frozen=True):
    """One error. group: the id of its group. reopened: it made a resolved group unresolved again.
    source, sourceId: the log that it was found in."""

    id: str
    group: int
    timestamp: str
    created_at: str
    level: str
    service: str
    module: str
    function: str
    message: str
    error_type: str
    stack_trace: str
    context: dict[str, Any] | None
    trace_id: str
    fingerprint: str
    source: str
    source_id: str
    reopened: bool


class GroupAct(Wire, frozen=True):
    """Something done with a group. by: a token's name, `page`, `hantu command line`; "" when an occurrence
    did it."""

    at: str
    act: str
    by: str
    text: str


class StatsRow(Wire, frozen=True):
    """name: a service, type, level, or the start of a day or hour. groups: how many kinds of errors."""

    name: str
    count: int
    groups: int


class ErrorsAnswer(Wire, frozen=True):
    """A page of groups. total: of all pages. nextCursor leads to the page beyond, null at the end."""

    errors: list[Group]
    total: int
    next_cursor: str | None


class GroupAnswer(Wire, frozen=True):
    """A group of errors."""

    error: Group


class GroupDetail(Wire, frozen=True):
    """A group, its newest occurrences, and what was done with it, newest first. nextCursor leads to
    earlier occurrences."""

    error: Group
    occurrences: list[ErrorOccurrence]
    history: list[GroupAct]
    next_cursor: str | None


class OccurrencesAnswer(Wire, frozen=True):
    """A page of occurrences, newest first."""

    occurrences: list[ErrorOccurrence]
    next_cursor: str | None


class StatsAnswer(Wire, frozen=True):
    """Occurrences from `since` up to `until`, counted: most first; days and hours in order."""

    by: str
    since: str
    until: str
    total: int
    rows: list[StatsRow]


def group_of(group: ErrorGroup, now_ns: int) -> Group:
    """A group as JSON gives it."""
    return Group(
        id=group.group_no,
        service=group.service,
        error_type=group.error_type,
        place=group.place,
        message=group.message,
        level=group.level,
        count=group.count,
        first_seen=iso(group.first_ns),
        last_seen=iso(group.last_ns),
        status=group.status.value,
        resolved_at=optional_iso(group.resolved_ns),
        regressed=group.regressed_ns is not None,
        regressed_at=optional_iso(group.regressed_ns),
        regressions=group.regressions,
        muted=group.is_muted(now_ns),
        muted_until=optional_iso(group.muted_until_ns),
        muted_below_an_hour=group.muted_below_an_hour,
        fingerprints=list(group.fingerprints),
    )


def occurrence_of(found: Occurrence) -> ErrorOccurrence:
    """An occurrence as JSON gives it."""
    record = found.record
    return ErrorOccurrence(
        id=record.id,
        group=found.group_no,
        timestamp=iso(record.time_ns),
        created_at=iso(found.created_ns),
        level=record.level,
        service=record.service,
        module=record.module,
        function=record.function,
        message=record.message,
        error_type=record.error_type,
        stack_trace=record.stack_trace,
        context=record.context,
        trace_id=record.trace_id,
        fingerprint=record.fingerprint,
        source=record.source,
        source_id=record.source_id,
        reopened=found.reopened,
    )


def act_of(event: GroupEvent) -> GroupAct:
    """An act as JSON gives it."""
    return GroupAct(iso(event.at_ns), event.act.value, event.by, event.text)


def stats_of(by: str, since_ns: int, until_ns: int, rows: tuple[ErrorCount, ...]) -> StatsAnswer:
    """Statistics as JSON gives them."""
    return StatsAnswer(
        by=by,
        since=iso(since_ns),
        until=iso(until_ns),
        total=sum(row.count for row in rows),
        rows=[StatsRow(row.name, row.count, row.groups) for row in rows],
    )
