"""/api/stats, /api/cleanup, /healthz and /metrics."""

from __future__ import annotations

from typing import Annotated, Final

from flask import Response
from msgspec import Meta

from hantu import __version__
from hantu.output import Wire, iso, optional_iso
from hantu.web.access import client
from hantu.web.audit import audit
from hantu.web.current import service
from hantu.web.metrics import PROMETHEUS, exposition
from hantu.web.openapi import Api, Content, NoArgs, Route, body_of
from hantu.web.wire import json_response

api: Final = Api("api_status")

RETENTION_DAYS_MOST: Final = 36_500


class Queue(Wire, frozen=True):
    """Entries that wait to be written, and how many may."""

    waiting: int
    most: int


class Tails(Wire, frozen=True):
    """Live tails that are open, and how many may be."""

    open: int
    most: int


class StatsAnswer(Wire, frozen=True):
    """Counts, sizes and the warning signs.

    queryMsRecent: the slowest of the last searches. lagS: of the collector that is furthest behind.
    skippedTotal: entries that live tails left out. refusedTotal: entries that were not taken."""

    version: str
    started: str
    entries: int
    by_source: dict[str, int]
    by_level: dict[str, int]
    oldest: str | None
    newest: str | None
    size_bytes: int
    wal_bytes: int
    disk_free_bytes: int
    memory_bytes: int
    queue: Queue
    tails: Tails
    written_total: int
    skipped_total: int
    refused_total: int
    query_ms_recent: float | None
    lag_s: float | None
    retention_days: float


class CleanupAsked(Wire, frozen=True, forbid_unknown_fields=True):
    """Delete what is older. rules: but what the setting `retention` speaks of as it says."""

    retention_days: Annotated[float, Meta(gt=0, le=RETENTION_DAYS_MOST)]
    rules: bool = True


class CleanupAnswer(Wire, frozen=True):
    """How many entries were deleted."""

    deleted: int


class Health(Wire, frozen=True, omit_defaults=True):
    """ok or degraded. problems: what is wrong, told to this machine and to tokens."""

    status: str
    problems: tuple[str, ...] = ()


@api.route(
    Route(
        "GET",
        "/api/stats",
        "Counts per source and level, sizes, warning signs",
        answer=Content(type=StatsAnswer),
    )
)
def stats(args: NoArgs) -> Response:  # noqa: ARG001  every view takes its arguments
    desk = service()
    found = desk.store.stats()
    now = desk.gauges()
    return json_response(
        StatsAnswer(
            version=__version__,
            started=iso(desk.started_ns),
            entries=found.entries,
            by_source=dict(found.by_source),
            by_level={level.label: count for level, count in found.by_level.items()},
            oldest=optional_iso(found.oldest_ns),
            newest=optional_iso(found.newest_ns),
            size_bytes=found.size_bytes,
            wal_bytes=found.wal_bytes,
            disk_free_bytes=now.disk_free_bytes,
            memory_bytes=now.memory_bytes,
            queue=Queue(now.queue_waiting, now.queue_most),
            tails=Tails(now.tails, now.tails_most),
            written_total=now.written_total,
            skipped_total=now.skipped_total,
            refused_total=now.refused_total,
            query_ms_recent=now.query_ms_recent,
            lag_s=now.lag_s,
            retention_days=desk.config.retention_days,
        )
    )


@api.route(
    Route(
        "POST",
        "/api/cleanup",
        "Delete entries older than retentionDays",
        body=(Content(type=CleanupAsked, example={"retentionDays": 7}),),
        answer=Content(type=CleanupAnswer),
        refusals=(400, 401, 403, 413, 421, 503),
    )
)
def cleanup(args: NoArgs) -> Response:  # noqa: ARG001
    asked = body_of(CleanupAsked)
    name = client().name or "the page"
    desk = service()
    rules = desk.maintenance.rules if asked.rules else ()
    deleted = desk.cleanup(asked.retention_days, f"by hand: {name}", rules=rules)
    audit("clean-up", days=asked.retention_days, removed=deleted)
    return json_response(CleanupAnswer(deleted))


@api.route(
    Route(
        "GET",
        "/healthz",
        "Whether hantu works",
        answer=Content(type=Health),
        other_answers={503: Content(type=Health)},
        refusals=(400, 401, 403, 421),
    )
)
def healthz(args: NoArgs) -> Response:  # noqa: ARG001
    problems = service().problems()
    if not problems:
        return json_response(Health("ok"))
    asker = client()
    told = tuple(problems) if asker.local or asker.by_token else ()
    return json_response(Health("degraded", told), 503)


@api.route(Route("GET", "/metrics", "Figures for Prometheus", answer=Content("text/plain")))
def metrics(args: NoArgs) -> Response:  # noqa: ARG001
    response = Response(exposition(service()))
    response.headers["Content-Type"] = PROMETHEUS + "; charset=utf-8"
    return response
