"""/trace/<id>: everything with one trace id on one timeline: lines of all sources, their errors, the steps
of the run that it belongs to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import msgspec
from flask import Blueprint, Response, request

from hantu.executions import Execution, Transition
from hantu.model import LogEntry
from hantu.query.edit import with_field
from hantu.query.logquery import LogQuery, Order
from hantu.store.error_base import Occurrence
from hantu.web import clock, i18n, rows
from hantu.web.current import errors, executions, service
from hantu.web.errors import ApiError
from hantu.web.executions import SIGNS, length
from hantu.web.one_error import trace_query, trace_url
from hantu.web.one_execution import reason_of
from hantu.web.render import page, url
from hantu.web.trace_strip import Said, Strip, strip
from hantu.web.view import read_place

T = TypeVar("T")

LIMIT: Final = 500


@dataclass(frozen=True, slots=True)
class Moment:
    """A line of log, an error, or both when the line tells of the error; or a step of the run.

    after: how long since the first."""

    time_ns: int
    row: rows.Row | None
    error: Occurrence | None
    step: Transition | None
    after: str


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule("/trace/<path:trace_id>", view_func=one_trace)


def one_trace(trace_id: str) -> Response:
    """The page."""
    query = trace_query(trace_id)
    if query is None:
        raise ApiError(404, i18n.translate("No line can have this trace id."))
    after = read_place(request.args.get("after", ""))
    asked = replace(query, order=Order.OLDEST, limit=LIMIT, place=after)
    found = service().store.search(asked, time_limit_ms=service().config.query_limit_ms)
    occurred = _of_page(
        errors().errors_of_trace(trace_id),
        lambda one: one.record.time_ns,
        found.entries,
        first=after is None,
        last=found.next is None,
    )
    run = executions().execution_of_trace(trace_id)
    steps = _of_page(
        () if run is None else executions().transitions(run.id),
        lambda step: step.at_ns,
        found.entries,
        first=after is None,
        last=found.next is None,
    )
    moments = list(_moments(found.entries, occurred, steps))
    now_ns = time.time_ns()
    return page(
        "trace/page.html",
        trace_id=trace_id,
        run=run,
        run_sign=None if run is None else SIGNS[run.status],
        run_took="" if run is None else length(run.duration_ns(now_ns) or 0),
        signs=SIGNS,
        reason_of=reason_of,
        to_ms=lambda time_ns: clock.row_time(time_ns)[1],
        moments=moments,
        told=_told(moments),
        strip=_strip(moments, run, now_ns),
        day=clock.day_of(moments[0].time_ns) if moments else "",
        more=url(trace_url(trace_id), after=f"{found.next.time_ns}-{found.next.key}") if found.next else "",
        first=after is None,
        complete=found.complete,
        logs_url=url("/logs", q=with_field("", "trace", trace_id)),
    )


def _of_page(
    some: Sequence[T], time_of: Callable[[T], int], entries: Sequence[LogEntry], *, first: bool, last: bool
) -> list[T]:
    """Those that belong on this page of lines."""
    start = None if first or not entries else entries[0].time_ns
    end = None if last or not entries else entries[-1].time_ns
    return [
        one
        for one in some
        if (start is None or time_of(one) >= start) and (end is None or time_of(one) <= end)
    ]


def _moments(
    entries: Sequence[LogEntry], occurred: Sequence[Occurrence], steps: Sequence[Transition]
) -> Iterator[Moment]:
    """Lines, errors and steps in order of time; an error stands with its own line when that is there."""
    waiting = list(occurred)
    joined: list[tuple[int, rows.Row | None, Occurrence | None, Transition | None]] = [
        (step.at_ns, None, None, step) for step in steps
    ]
    for entry, row in zip(
        entries, rows.rows_of([_without_trace(one) for one in entries], LogQuery()), strict=True
    ):
        own = next((one for one in waiting if _tells(entry, one)), None)
        if own is not None:
            waiting.remove(own)
        joined.append((entry.time_ns, row, own, None))
    joined += [(one.record.time_ns, None, one, None) for one in waiting]
    joined.sort(key=lambda each: each[0])
    begin_ns = joined[0][0] if joined else 0
    for time_ns, told, error, step in joined:
        yield Moment(time_ns, told, error, step, _after(time_ns - begin_ns))


def _without_trace(entry: LogEntry) -> LogEntry:
    """The entry but for its trace id, which the page is about."""
    left = {name: value for name, value in (entry.metadata or {}).items() if name != "trace_id"}
    return msgspec.structs.replace(entry, metadata=left)


def _after(ns: int) -> str:
    return f"+{ns / 1e6:.0f} ms" if ns < clock.SECOND_NS else f"+{i18n.duration(ns / 1e9)}"


def _strip(moments: Sequence[Moment], run: Execution | None, now_ns: int) -> Strip | None:
    """The moments at a glance."""
    said = []
    for moment in moments:
        if moment.row:
            said.append(Said(moment.row.source_id, moment.time_ns, moment.row.level))
        elif moment.error:
            said.append(Said(moment.error.record.service, moment.time_ns, "error"))
    if run is None or run.started_ns is None:
        return strip(said)
    return strip(said, run=(run.job_name, run.started_ns, run.completed_ns or now_ns))


def _tells(entry: LogEntry, one: Occurrence) -> bool:
    """Whether this line is where the error was found."""
    return entry.time_ns == one.record.time_ns and one.record.message in entry.message


def _told(moments: Sequence[Moment]) -> str:
    """The trace in one sentence."""
    if not moments:
        return ""
    wrong = sum(moment.error is not None for moment in moments)
    lines = sum(moment.row is not None for moment in moments)
    sources = len({moment.row.source_id for moment in moments if moment.row})
    told = [
        i18n.plural("{n} line", "{n} lines", lines),
        i18n.plural("{n} source", "{n} sources", sources),
    ]
    if wrong:
        told.append(i18n.plural("{n} error", "{n} errors", wrong))
    told.append(i18n.duration((moments[-1].time_ns - moments[0].time_ns) / 1e9))
    return ", ".join(told)
