"""/status: the warning signs of CONTRACT M42 as small charts, retention, clean-up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from flask import Blueprint, Response, request

from hantu.client.health_file import ailing
from hantu.collect.base import CollectorState
from hantu.service import Gauges, Sample
from hantu.web import arrivals, charts, disk, i18n
from hantu.web.access import client
from hantu.web.audit import audit
from hantu.web.charts import Chart
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.render import TROUBLED, page, see, short_time
from hantu.web.sentences import say

QUERY_LIMIT_MS: Final = 150
LAG_LIMIT_S: Final = 30
MEMORY_LIMIT_BYTES: Final = 200_000_000
QUEUE_LIMIT: Final = 0.8
REMOVALS_SHOWN: Final = 20
ILL_SHOWN: Final = 3
DAYS_MOST: Final = 3650.0


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule("/status", view_func=status)
    blueprint.add_url_rule("/status/cleanup", view_func=cleanup, methods=["POST"])


def status() -> Response:
    """The page."""
    desk = service()
    now_ns = time.time_ns()
    gauges, history, stats = desk.gauges(), desk.history(), desk.store.stats()
    alerts = desk.alerts.figures() if desk.alerts is not None else None
    *signs, size = signs_of(gauges, history, now_ns)
    outlook, kept = disk.outlook(desk, now_ns), disk.backups(desk, now_ns)
    programs = None if desk.config.log_dir is None else ailing(desk.config.log_dir)
    grave = desk.disk.relieved or (outlook is not None and outlook.grave)
    return page(
        "status/page.html",
        name="status",
        problems=[say(problem) for problem in desk.problems()],
        charts=signs,
        size=size,
        over=[
            *(sign.title for sign in (*signs, size) if sign.over),
            *([i18n.translate("Disk")] if grave else []),
            *([i18n.translate("Backups")] if kept.failing or kept.late else []),
            *([i18n.translate("Alerts")] if alerts is not None and alerts.closed else []),
            *([i18n.translate("Programs that log")] if programs else []),
            *arrivals.warnings(),
        ],
        ill=[one.name for one in desk.manager.statuses() if one.state in TROUBLED],
        ill_shown=ILL_SHOWN,
        gauges=gauges,
        stats=stats,
        config=desk.config,
        outlook=outlook,
        backups=kept,
        emergency=desk.disk.removed if desk.disk.relieved else None,
        rules=desk.maintenance.rules,
        kept_for=disk.kept_for,
        say=say,
        removals=desk.store.removals(most=REMOVALS_SHOWN),
        removed=request.args.get("removed", type=int),
        running_s=(now_ns - desk.started_ns) / 1e9,
        files=desk.config.database,
        reason_text=reason_text,
        alerts=alerts,
        programs=programs,
    )


def reason_text(reason: str) -> str:
    """Why a clean-up ran, in the reader's words."""
    known = {
        "age": "older than retention",
        "size": "the file was too large",
        "full": "the disk was full",
        "by hand": "by hand",
    }
    if reason in known:
        return i18n.translate(known[reason])
    how, _, name = reason.partition(": ")
    return i18n.translate("by hand: {name}", name=name) if how == "by hand" else reason


def cleanup() -> Response:
    """Remove lines older than the days that the form names; what a rule keeps stays, unless it says so."""
    try:
        days = float(request.form.get("days", ""))
    except ValueError:
        days = -1.0
    if not 0 <= days <= DAYS_MOST:
        raise ApiError(
            400, i18n.translate("Days to keep: a number from 0 to {most}.", most=round(DAYS_MOST))
        )
    desk, name = service(), client().name
    rules = () if request.form.get("everything") else desk.maintenance.rules
    removed = desk.cleanup(days, f"by hand: {name}" if name else "by hand", rules=rules)
    audit("clean-up", days=days, removed=removed)
    return see(f"/status?removed={removed}#gone", 303)


class Sign(NamedTuple):
    """A sign before it is drawn. now: its value in words; pick: its value in a sample; value: that of
    now; limit: beyond it something has to be done."""

    title: str
    now: str
    pick: Callable[[Sample], float | None]
    notes: tuple[str, str]
    value: float | None
    limit: float | None = None


def signs_of(gauges: Gauges, history: Sequence[Sample], now_ns: int) -> list[Chart]:
    """The charts of the page, each with its value of now; the file's size last."""
    hour_ago_ns = now_ns - 3600 * 10**9
    start_ns = min(hour_ago_ns, history[0].at_ns) if history else hour_ago_ns
    span = i18n.duration((now_ns - start_ns) / 1e9)
    return [
        charts.line(
            sign.title,
            sign.now,
            [*((one.at_ns, sign.pick(one)) for one in history), (now_ns, sign.value)],
            start_ns=start_ns,
            end_ns=now_ns,
            notes=sign.notes,
            value=sign.value,
            limit=sign.limit,
        )
        for sign in (*_work(gauges, history, span), *_burden(gauges, span))
    ]


def _work(gauges: Gauges, history: Sequence[Sample], span: str) -> Iterator[Sign]:
    """How much is done and how fast."""
    _ = i18n.translate
    per_min = history[-1].entries_per_min if history else None
    yield Sign(
        _("Lines stored a minute"),
        "–" if per_min is None else i18n.number(per_min),
        lambda one: one.entries_per_min,
        (_busiest(history), span),
        per_min,
    )
    yield Sign(
        _("Search time, slowest of 20"),
        "–" if gauges.query_ms_recent is None else f"{gauges.query_ms_recent:,.0f} ms",
        lambda one: one.query_ms,
        (_("limit {value}", value=f"{QUERY_LIMIT_MS} ms"), span),
        gauges.query_ms_recent,
        QUERY_LIMIT_MS,
    )
    yield Sign(
        _("Collector lag, longest"),
        "–" if gauges.lag_s is None else i18n.duration(gauges.lag_s),
        lambda one: one.lag_s,
        (_("limit {value}", value=i18n.duration(LAG_LIMIT_S)), _slowest()),
        gauges.lag_s,
        LAG_LIMIT_S,
    )


def _burden(gauges: Gauges, span: str) -> Iterator[Sign]:
    """What hantu takes of the machine, and how full its queues are."""
    _ = i18n.translate
    refused = i18n.plural("{n} line refused", "{n} lines refused", gauges.refused_total)
    skipped = i18n.plural("{n} line skipped", "{n} lines skipped", gauges.skipped_total)
    most_bytes = service().config.retention_bytes
    bound = _("bounded by days alone")
    if most_bytes is not None:
        bound = _("limit {value}", value=i18n.size(most_bytes))
    yield Sign(
        _("Memory"),
        i18n.size(gauges.memory_bytes),
        lambda one: one.memory_bytes,
        (_("limit {value}", value=i18n.size(MEMORY_LIMIT_BYTES)), span),
        gauges.memory_bytes,
        MEMORY_LIMIT_BYTES,
    )
    yield Sign(
        _("Waiting to be written"),
        i18n.number(gauges.queue_waiting),
        lambda one: one.queue_waiting,
        (_("room for {n}", n=gauges.queue_most), refused if gauges.refused_total else _("none refused")),
        gauges.queue_waiting,
        gauges.queue_most * QUEUE_LIMIT,
    )
    yield Sign(
        _("Live readers"),
        i18n.number(gauges.tails),
        lambda one: one.tails,
        (skipped, _("limit {value}", value=i18n.number(gauges.tails_most))),
        gauges.tails,
        gauges.tails_most,
    )
    yield Sign(
        _("File size"),
        i18n.size(gauges.size_bytes),
        lambda one: one.size_bytes,
        (bound, _("{size} free", size=i18n.size(gauges.disk_free_bytes))),
        gauges.size_bytes,
        most_bytes,
    )


def _busiest(history: Sequence[Sample]) -> str:
    """The minute with most lines, "" before the first."""
    if not history:
        return ""
    top = max(history, key=lambda one: one.entries_per_min)
    time_text = short_time(top.at_ns).rpartition(":")[0]
    return i18n.translate("most {n} at {time}", n=top.entries_per_min, time=time_text)


def _slowest() -> str:
    """The name of the collector that lags most."""
    lags = [
        one
        for one in service().manager.statuses()
        if one.lag_s is not None and one.state is CollectorState.COLLECTING
    ]
    return max(lags, key=lambda one: one.lag_s or 0.0).name if lags else ""
