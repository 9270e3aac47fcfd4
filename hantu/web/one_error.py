"""/errors/<group>: one error: stack trace, context, occurrences, the logs around it, what was done."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from flask import Blueprint, Response, request

from hantu.errors import CRITICAL, ErrorRecord, ErrorStatus, place
from hantu.inbox.acts import NOTE_MOST, PAGE
from hantu.model import LogEntry
from hantu.query.edit import with_field
from hantu.query.error import QueryError
from hantu.query.logquery import LogQuery, Order
from hantu.store.base import QueryTimeout
from hantu.store.error_base import (
    Act,
    ErrorGroup,
    GroupEvent,
    Occurrence,
    OccurrencePage,
    UnknownError,
)
from hantu.text import visible
from hantu.web import clock, i18n, rows, spark, trace
from hantu.web.access import CONTROL_NAME
from hantu.web.api_errors import read_before
from hantu.web.api_logs import zone
from hantu.web.current import errors, service
from hantu.web.entry import Leaf, tree
from hantu.web.errors import ApiError
from hantu.web.inbox import HOUR_NS, day_or_clock, mute_text, sign_of, since
from hantu.web.inbox_acts import MUTES
from hantu.web.render import page, see, url
from hantu.web.view import View

OCCURRENCES: Final = 20
AROUND: Final = 5
AROUND_NS: Final = 60 * 10**9
TRACE_ROWS: Final = 8
TRACE_NS: Final = 10 * 60 * 10**9
LOOK_MS: Final = 150
SPARK_DAYS: Final = 14
DAY_NS: Final = 24 * HOUR_NS
# Class, icon and word of what was done.
ACTS: Final = {
    Act.RESOLVED: ("good", "good", "Resolved"),
    Act.REOPENED: ("bad", "open", "Reopened"),
    Act.REGRESSED: ("bad", "again", "Regressed"),
    Act.MUTED: ("off", "mute", "Muted"),
    Act.UNMUTED: ("off", "bell", "Unmuted"),
    Act.MERGED: ("off", "merge", "Merged"),
    Act.SPLIT: ("off", "merge", "Split off"),
    Act.NOTE: ("off", "note", "Note"),
}
FIRST: Final = ("bad", "open", "First seen")


@dataclass(frozen=True, slots=True)
class Nearby:
    """A line of log. own: it is the one that tells of the error."""

    row: rows.Row
    own: bool


@dataclass(frozen=True, slots=True)
class Told:
    """The occurrence that the page shows. parts: its stack trace as frames, () when it holds none."""

    found: Occurrence
    parts: tuple[trace.Part, ...]
    context: tuple[Leaf, ...]
    raw: str
    near: tuple[Nearby, ...]
    entry_id: str
    same_trace: tuple[Nearby, ...]
    logs_url: str


@dataclass(frozen=True, slots=True)
class Done:
    """A line of the history."""

    sign: tuple[str, str, str]
    at_ns: int
    by: str
    text: str


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule("/errors/<int:group_no>", view_func=one_error)
    blueprint.add_url_rule("/errors/<uuid:error_id>", view_func=one_occurrence)


def one_occurrence(error_id: UUID) -> Response:
    """The address of an occurrence leads to its group, wherever that is now."""
    try:
        found = errors().error(str(error_id))
    except UnknownError:
        raise _unknown() from None
    return see(url(f"/errors/{found.group_no}", at=found.record.id))


def one_error(group_no: int) -> Response:
    """The page: the newest occurrence, or the one that ?at names."""
    store, now_ns = errors(), time.time_ns()
    at = request.args.get("at", "")
    try:
        chosen = _chosen(at)
        if chosen is not None and chosen.group_no != group_no:
            return see(url(f"/errors/{chosen.group_no}", at=at))
        group = store.error_group(group_no)
    except (UnknownError, OverflowError):
        raise _unknown() from None
    before = read_before(request.args.get("before", ""))
    listed = store.occurrences(group_no, most=OCCURRENCES, before=before)
    if chosen is None and before is None and listed.occurrences:
        chosen = listed.occurrences[0]
    elif chosen is None:
        chosen = next(iter(store.occurrences(group_no, most=1).occurrences), None)
    daily = store.error_buckets(
        [group_no], start_ns=now_ns - SPARK_DAYS * DAY_NS, end_ns=now_ns, buckets=SPARK_DAYS
    ).get(group_no, (0,) * SPARK_DAYS)
    return page(
        "errors/one.html",
        name="errors",
        group=group,
        sign=sign_of(group, now_ns),
        critical=group.level == CRITICAL,
        resolved=group.status is ErrorStatus.RESOLVED,
        muted=group.is_muted(now_ns),
        mute_text=mute_text(group, now_ns) if group.is_muted(now_ns) else "",
        mutes=MUTES,
        note_most=NOTE_MOST,
        told=None if chosen is None else tell(chosen),
        newest=chosen is None or chosen.record.time_ns >= group.last_ns,
        listed=listed,
        next_url=_next_url(group_no, at, listed),
        first_page=before is None,
        daily=spark.bars(daily),
        daily_told=i18n.translate("{n} in 14 days, {now} in the last", n=sum(daily), now=daily[-1]),
        history=_history(group),
        last=since(group.last_ns, now_ns),
        now_ns=now_ns,
        day_or_clock=day_or_clock,
        view=View("", LogQuery()),
        trace_url=trace_url,
        place=place,
    )


def _chosen(at: str) -> Occurrence | None:
    """The occurrence that ?at names, None without one. Raises UnknownError."""
    if not at:
        return None
    try:
        return errors().error(str(UUID(at)))
    except ValueError:
        raise UnknownError(at) from None


def _unknown() -> ApiError:
    return ApiError(404, i18n.translate("There is no such error."))


def _next_url(group_no: int, at: str, listed: OccurrencePage) -> str:
    if listed.next is None:
        return ""
    before = f"{listed.next[0]}-{listed.next[1]}"
    return url(f"/errors/{group_no}", at=at, before=before) + "#each"


def trace_url(trace_id: str) -> str:
    """The page of a trace."""
    return f"/trace/{quote(trace_id, safe='')}"


def tell(found: Occurrence) -> Told:
    """An occurrence with the lines of log that belong to it."""
    record = found.record
    entry = twin_of(found)
    near = _around(found, entry)
    same = _same_trace(record)
    return Told(
        found,
        trace.parse(visible(record.stack_trace), known=True),
        _context(record.context, entry),
        _raw(found),
        _lines(near, found),
        entry.id if entry else "",
        _lines(same, found),
        _logs_url(record.time_ns),
    )


def twin_of(found: Occurrence) -> LogEntry | None:
    """The line of log that told of this error, None when it is not kept (any more)."""
    record = found.record
    query = LogQuery(
        sources=(record.source,),
        source_id=record.source_id or None,
        start_ns=record.time_ns,
        end_ns=record.time_ns + 1,
        limit=20,
    )
    lines = _search(query)
    return next((line for line in lines if line.message.startswith(record.message)), None) or next(
        (line for line in lines if record.message in line.message), None
    )


def _around(found: Occurrence, entry: LogEntry | None) -> Sequence[LogEntry]:
    """Lines before and after: of the same source when the error's own line is there, else of all."""
    if entry is not None:
        return service().store.context(entry, before=AROUND, after=AROUND)
    at_ns = found.record.time_ns
    before = _search(LogQuery(start_ns=at_ns - AROUND_NS, end_ns=at_ns, limit=AROUND))
    after = _search(LogQuery(start_ns=at_ns, end_ns=at_ns + AROUND_NS, limit=AROUND, order=Order.OLDEST))
    return (*reversed(before), *after)


def _same_trace(record: ErrorRecord) -> Sequence[LogEntry]:
    """The first lines with its trace id near its time, oldest first; the trace's page has all."""
    query = trace_query(record.trace_id)
    if query is None:
        return ()
    near = replace(query, start_ns=record.time_ns - TRACE_NS, end_ns=record.time_ns + TRACE_NS)
    return _search(replace(near, order=Order.OLDEST, limit=TRACE_ROWS))


def trace_query(trace_id: str) -> LogQuery | None:
    """The query for the lines of a trace; None when no query can hold its id."""
    if not trace_id:
        return None
    try:
        return LogQuery.parse(with_field("", "trace", trace_id), now_ns=time.time_ns(), tz=zone())
    except QueryError:
        return None


def _search(query: LogQuery) -> Sequence[LogEntry]:
    try:
        return service().store.search(query, time_limit_ms=LOOK_MS).entries
    except QueryTimeout:
        return ()


def _lines(entries: Sequence[LogEntry], found: Occurrence) -> tuple[Nearby, ...]:
    record = found.record
    own = {
        entry.id
        for entry in entries
        if entry.time_ns == record.time_ns and entry.message.startswith(record.message)
    }
    return tuple(Nearby(row, row.id in own) for row in rows.rows_of(entries, LogQuery()))


def _context(context: Mapping[str, Any] | None, entry: LogEntry | None) -> tuple[Leaf, ...]:
    """The context as a tree; its values lead to the lines of log that have them."""
    if not context:
        return ()
    metadata = (entry.metadata or {}) if entry else {}
    return tree(context, "", "context" if "context" in metadata else "")


def _raw(found: Occurrence) -> str:
    """All of it as text, to be copied."""
    record = found.record
    head = f"{clock.full_time(record.time_ns)} [{record.level}] {record.service}"
    if where := place(record):
        head += f" {where}"
    said = f"{record.error_type}: {record.message}" if record.error_type else record.message
    parts = [head, said]
    if record.stack_trace:
        parts.append(record.stack_trace)
    if record.context:
        parts.append(json.dumps(record.context, ensure_ascii=False, indent=2))
    if record.trace_id:
        parts.append(f"(trace_id: {record.trace_id})")
    return visible("\n".join(parts))


def _logs_url(time_ns: int) -> str:
    """The minute around a time on the page of logs."""
    start, end = clock.iso_local(time_ns - AROUND_NS), clock.iso_local(time_ns + AROUND_NS)
    return url("/logs", q=f"since:{start} until:{end}")


def _history(group: ErrorGroup) -> list[Done]:
    """What was done, newest first, down to the first occurrence."""
    done = [
        Done(ACTS[event.act], event.at_ns, _who(event), _text(event))
        for event in errors().group_events(group.group_no)
    ]
    return [*done, Done(FIRST, group.first_ns, "", "")]


def _text(event: GroupEvent) -> str:
    """What more an event says: a mute stands in the store as >10/h, 90m or 2h."""
    if event.act is not Act.MUTED:
        return event.text
    if event.text.startswith(">"):
        rate = event.text[1:].removesuffix("/h")
        return i18n.translate("until more than {n} an hour", n=int(rate) if rate.isdecimal() else rate)
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86_400}.get(event.text[-1:], 0)
    number = event.text[:-1]
    return i18n.duration(int(number) * seconds) if seconds and number.isdecimal() else event.text


def _who(event: GroupEvent) -> str:
    if event.by == PAGE:
        return i18n.translate("on this page")
    if event.by == CONTROL_NAME:
        return i18n.translate("from the command line")
    return event.by
