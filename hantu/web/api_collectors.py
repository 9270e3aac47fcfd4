"""/api/collectors: what collects, and starting and stopping it."""

from __future__ import annotations

from typing import Final

from flask import Response

from hantu.collect.base import CollectorStatus
from hantu.output import Wire, iso, optional_iso
from hantu.service.canary import Sung
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.openapi import Api, Content, NoArgs, Route
from hantu.web.wire import json_response

api: Final = Api("api_collectors")


class Collector(Wire, frozen=True):
    """A collector. perMinute: lines of the last minute. lagS: age of its newest entry when it was
    handed over. error, fix: what is wrong and what mends it. gaps: times that lines were lost."""

    key: str
    name: str
    source: str
    source_id: str
    state: str
    since: str
    lines: int
    per_minute: float
    lag_s: float | None
    last: str | None
    error: str
    fix: str
    retry_in_s: float | None
    gaps: int
    detail: str


class FoundContainer(Wire, frozen=True):
    """A running container that is not collected; POST /api/collectors/{key}/start collects it."""

    key: str
    name: str
    image: str
    up_since: str | None


class SilentSource(Wire, frozen=True):
    """A source without a new line since `last`; usualS: the longest pause that it had before."""

    source: str
    source_id: str
    last: str
    usual_s: float


class CanaryLine(Wire, frozen=True):
    """The last look whether lines arrive. way: `journal`, `files`, `ingest`: a line that hantu wrote;
    `docker`: the newest lines that the engine has. delayS: until it arrived, null when it has not;
    missed: it should have by now. error: why it could not be written. names: containers whose newest
    lines have not arrived, of lookedAt."""

    way: str
    sent: str
    delay_s: float | None
    missed: bool
    error: str
    names: list[str]
    looked_at: int


class CollectorsAnswer(Wire, frozen=True):
    """Every collector, what was found but is not collected, what is silent for longer than usual, and
    whether lines arrive."""

    collectors: list[Collector]
    found: list[FoundContainer]
    silent: list[SilentSource]
    canaries: list[CanaryLine]


class CollectorAnswer(Wire, frozen=True):
    """The collector after the act."""

    collector: Collector


def wire(status: CollectorStatus) -> Collector:
    """A status as the API gives it."""
    return Collector(
        key=status.key,
        name=status.name,
        source=status.source,
        source_id=status.source_id,
        state=status.state.value,
        since=iso(status.since_ns),
        lines=status.lines,
        per_minute=status.per_minute,
        lag_s=status.lag_s,
        last=optional_iso(status.last_ns),
        error=status.error,
        fix=status.fix,
        retry_in_s=status.retry_in_s,
        gaps=status.gaps,
        detail=status.detail,
    )


@api.route(
    Route(
        "GET",
        "/api/collectors",
        "Every collector: state, rate, lag, last error",
        answer=Content(type=CollectorsAnswer),
    )
)
def collectors(args: NoArgs) -> Response:  # noqa: ARG001  every view takes its arguments
    manager = service().manager
    found = [
        FoundContainer(each.key, each.name, each.image, iso(each.up_since_ns) if each.up_since_ns else None)
        for each in manager.found()
    ]
    silent = [
        SilentSource(each.source, each.source_id, iso(each.last_ns), each.usual_ns / 1e9)
        for each in service().rhythm.silences
    ]
    canaries = [_canary(last) for last in service().canaries.last]
    return json_response(
        CollectorsAnswer([wire(status) for status in manager.statuses()], found, silent, canaries)
    )


def _canary(last: Sung) -> CanaryLine:
    return CanaryLine(
        *(last.way.value, iso(last.sent_ns), last.delay_s, last.missed),
        *(last.error, list(last.names), last.looked_at),
    )


_ACT_REFUSALS: Final = (400, 401, 403, 404, 421, 503)


@api.route(
    Route(
        "POST",
        "/api/collectors/<path:key>/start",
        "Start a collector, or collect a container that was found",
        answer=Content(type=CollectorAnswer),
        refusals=_ACT_REFUSALS,
    )
)
def start_collector(args: NoArgs, key: str) -> Response:  # noqa: ARG001
    return _act(key, start=True)


@api.route(
    Route(
        "POST",
        "/api/collectors/<path:key>/stop",
        "Stop a collector; it stays stopped until it is started again",
        answer=Content(type=CollectorAnswer),
        refusals=_ACT_REFUSALS,
    )
)
def stop_collector(args: NoArgs, key: str) -> Response:  # noqa: ARG001
    return _act(key, start=False)


def _act(key: str, *, start: bool) -> Response:
    manager = service().manager
    try:
        if start:
            manager.start_collector(key)
        else:
            manager.stop_collector(key)
    except KeyError:
        raise ApiError(404, f"there is no collector {key}; GET /api/collectors lists them") from None
    alike = [status for status in manager.statuses() if status.key.startswith(key)]
    exact = [status for status in alike if status.key == key]
    if not alike:
        raise ApiError(404, f"collector {key} is gone")
    return json_response(CollectorAnswer(wire((exact or alike)[0])))
