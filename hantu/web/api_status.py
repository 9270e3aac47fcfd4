"""/api/stats, /api/cleanup, /healthz and /metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from flask import Response
from msgspec import Meta

from hantu import __version__
from hantu.collect.base import CollectorState
from hantu.output import Wire, iso, optional_iso
from hantu.web.access import client
from hantu.web.current import service
from hantu.web.openapi import Api, Content, NoArgs, Route, body_of
from hantu.web.wire import json_response

api: Final = Api("api_status")

PROMETHEUS: Final = "text/plain; version=0.0.4"
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
    """Delete what is older. rules: what the setting `retention` speaks of as it says."""

    retention_days: Annotated[float, Meta(gt=0, le=RETENTION_DAYS_MOST)]
    rules: bool = False


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
    maintenance = service().maintenance
    deleted = maintenance.cleanup(
        asked.retention_days,
        reason=f"by hand: {name}",
        rules=maintenance.rules if asked.rules else (),
    )
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
    response = Response("".join(_metrics()))
    response.headers["Content-Type"] = PROMETHEUS + "; charset=utf-8"
    return response


def _metrics() -> Iterator[str]:
    """Prometheus text exposition format 0.0.4. Source: prometheus.io, "Exposition formats"."""
    desk = service()
    found = desk.store.stats()
    now = desk.gauges()
    statuses = desk.manager.statuses()
    yield _metric("hantu_info", "gauge", "The running version.", {(("version", __version__),): 1})
    yield _metric(
        "hantu_up_seconds", "gauge", "Seconds since the start.", (time.time_ns() - desk.started_ns) / 1e9
    )
    yield _metric(
        "hantu_entries",
        "gauge",
        "Entries stored.",
        {(("source", name),): n for name, n in found.by_source.items()},
    )
    yield _metric(
        "hantu_entries_by_level",
        "gauge",
        "Entries stored.",
        {(("level", level.label),): n for level, n in found.by_level.items()},
    )
    for name, kind, means, value in (
        ("hantu_database_bytes", "gauge", "Size of the database file.", found.size_bytes),
        ("hantu_wal_bytes", "gauge", "Size of its write-ahead log.", found.wal_bytes),
        ("hantu_disk_free_bytes", "gauge", "Free space beside the database.", now.disk_free_bytes),
        ("hantu_memory_bytes", "gauge", "Resident memory.", now.memory_bytes),
        ("hantu_queue_entries", "gauge", "Entries that wait to be written.", now.queue_waiting),
        ("hantu_queue_entries_most", "gauge", "Entries that may wait.", now.queue_most),
        ("hantu_tails", "gauge", "Live tails that are open.", now.tails),
        ("hantu_tails_most", "gauge", "Live tails that may be open.", now.tails_most),
        ("hantu_written_total", "counter", "Entries written since the start.", now.written_total),
        ("hantu_skipped_total", "counter", "Entries that live tails left out.", now.skipped_total),
        ("hantu_refused_total", "counter", "Entries that were not taken.", now.refused_total),
    ):
        yield _metric(name, kind, means, value)
    if now.query_ms_recent is not None:
        yield _metric(
            "hantu_query_seconds_recent",
            "gauge",
            "Slowest of the last searches.",
            now.query_ms_recent / 1000,
        )
    labels = {status.key: (("key", status.key), ("name", status.name)) for status in statuses}
    yield _metric(
        "hantu_collector_up",
        "gauge",
        "1 while it collects.",
        {labels[s.key]: int(s.state is CollectorState.COLLECTING) for s in statuses},
    )
    yield _metric(
        "hantu_collector_lag_seconds",
        "gauge",
        "Age of its newest entry when it was handed over.",
        {labels[s.key]: s.lag_s for s in statuses if s.lag_s is not None},
    )
    yield _metric(
        "hantu_collector_lines_total",
        "counter",
        "Entries collected.",
        {labels[s.key]: s.lines for s in statuses},
    )
    yield _metric(
        "hantu_collector_gaps_total",
        "counter",
        "Times that lines were lost.",
        {labels[s.key]: s.gaps for s in statuses},
    )


_Labels = tuple[tuple[str, str], ...]


def _metric(name: str, kind: str, means: str, values: float | Mapping[_Labels, float]) -> str:
    lines = [f"# HELP {name} {means}\n# TYPE {name} {kind}\n"]
    if not isinstance(values, Mapping):
        values = {(): values}
    for labels, value in values.items():
        inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        lines.append(f"{name}{{{inner}}} {value}\n" if inner else f"{name} {value}\n")
    return "".join(lines)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
