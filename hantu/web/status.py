"""/status: the warning signs of CONTRACT M42 as small charts, retention, clean-up."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from flask import Blueprint, Response, redirect, request

from hantu.collect.base import CollectorState
from hantu.service import Gauges, Sample
from hantu.web import charts, i18n
from hantu.web.charts import Chart
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.render import page, short_time

DAY_NS: Final = 86_400 * 10**9
QUERY_LIMIT_MS: Final = 150
LAG_LIMIT_S: Final = 30
MEMORY_LIMIT_BYTES: Final = 200_000_000
QUEUE_LIMIT: Final = 0.8
REMOVALS_SHOWN: Final = 20
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
    signs = signs_of(gauges, history, now_ns)
    return page(
        "status/page.html",
        name="status",
        problems=desk.problems(),
        charts=signs,
        over=[sign.title for sign in signs if sign.over],
        gauges=gauges,
        stats=stats,
        config=desk.config,
        grows=_growth_bytes(history),
        removals=desk.store.removals(most=REMOVALS_SHOWN),
        removed=request.args.get("removed", type=int),
        running_s=(now_ns - desk.started_ns) / 1e9,
        files=desk.config.database,
        reason_text=reason_text,
    )


def reason_text(reason: str) -> str:
    """Why a clean-up ran, in the reader's words."""
    known = {"age": "older than retention", "size": "the file was too large", "by hand": "by hand"}
    return i18n.translate(known[reason]) if reason in known else reason


def cleanup() -> Response:
    """Remove lines older than the days that the form names."""
    try:
        days = float(request.form.get("days", ""))
    except ValueError:
        days = -1.0
    if not 0 <= days <= DAYS_MOST:
        raise ApiError(
            400, i18n.translate("Days to keep: a number from 0 to {most}.", most=round(DAYS_MOST))
        )
    removed = service().cleanup(days, "by hand")
    response = redirect(f"/status?removed={removed}#gone", 303)
    assert isinstance(response, Response)
    return response


def signs_of(gauges: Gauges, history: Sequence[Sample], now_ns: int) -> list[Chart]:
    """The charts of the page: each with its value of now."""
    _ = i18n.translate
    start_ns = min(now_ns - 3600 * 10**9, history[0].at_ns) if history else now_ns - 3600 * 10**9

    def sign(
        title: str,
        now: str,
        pick: Callable[[Sample], float | None],
        notes: tuple[str, str],
        value: float | None,
        limit: float | None = None,
    ) -> Chart:
        points: list[tuple[int, float | None]] = [(one.at_ns, pick(one)) for one in history]
        if value is not None:
            points.append((now_ns, value))
        return charts.line(
            title, now, points, start_ns=start_ns, end_ns=now_ns, notes=notes, value=value, limit=limit
        )

    per_min = history[-1].entries_per_min if history else None
    busiest = max(history, key=lambda one: one.entries_per_min, default=None)
    most = (
        _("most {n} at {time}", n=busiest.entries_per_min, time=short_time(busiest.at_ns)[:-3])
        if busiest
        else ""
    )
    lagging = _slowest()
    return [
        sign(
            _("Lines stored a minute"),
            "–" if per_min is None else i18n.number(per_min),
            lambda one: one.entries_per_min,
            (most, _span(start_ns, now_ns)),
            per_min,
        ),
        sign(
            _("Search time, slowest of 20"),
            "–" if gauges.query_ms_recent is None else f"{gauges.query_ms_recent:,.0f} ms",
            lambda one: one.query_ms,
            (_("limit {value}", value=f"{QUERY_LIMIT_MS} ms"), _span(start_ns, now_ns)),
            gauges.query_ms_recent,
            QUERY_LIMIT_MS,
        ),
        sign(
            _("Collector lag, longest"),
            "–" if gauges.lag_s is None else i18n.duration(gauges.lag_s),
            lambda one: one.lag_s,
            (_("limit {value}", value=i18n.duration(LAG_LIMIT_S)), lagging),
            gauges.lag_s,
            LAG_LIMIT_S,
        ),
        sign(
            _("Memory"),
            i18n.size(gauges.memory_bytes),
            lambda one: one.memory_bytes,
            (_("limit {value}", value=i18n.size(MEMORY_LIMIT_BYTES)), _span(start_ns, now_ns)),
            gauges.memory_bytes,
            MEMORY_LIMIT_BYTES,
        ),
        sign(
            _("Waiting to be written"),
            i18n.number(gauges.queue_waiting),
            lambda one: one.queue_waiting,
            (
                _("room for {n}", n=gauges.queue_most),
                i18n.plural("{n} line refused", "{n} lines refused", gauges.refused_total)
                if gauges.refused_total
                else _("none refused"),
            ),
            gauges.queue_waiting,
            gauges.queue_most * QUEUE_LIMIT,
        ),
        sign(
            _("Live readers"),
            i18n.number(gauges.tails),
            lambda one: one.tails,
            (
                i18n.plural("{n} line skipped", "{n} lines skipped", gauges.skipped_total),
                _("limit {value}", value=i18n.number(gauges.tails_most)),
            ),
            gauges.tails,
            gauges.tails_most,
        ),
        sign(
            _("File size"),
            i18n.size(gauges.size_bytes),
            lambda one: one.size_bytes,
            (_size_limit(), _("{size} free", size=i18n.size(gauges.disk_free_bytes))),
            gauges.size_bytes,
            service().config.retention_bytes,
        ),
    ]


def _size_limit() -> str:
    limit = service().config.retention_bytes
    if limit is None:
        return i18n.translate("bounded by days alone")
    return i18n.translate("limit {value}", value=i18n.size(limit))


def _slowest() -> str:
    """The name of the collector that lags most."""
    lags = [
        one
        for one in service().manager.statuses()
        if one.lag_s is not None and one.state is CollectorState.COLLECTING
    ]
    return max(lags, key=lambda one: one.lag_s or 0.0).name if lags else ""


def _span(start_ns: int, now_ns: int) -> str:
    return i18n.duration((now_ns - start_ns) / 1e9)


def _growth_bytes(history: Sequence[Sample]) -> float | None:
    """Growth in bytes a day by the samples, None when they cover less than an hour."""
    if len(history) < 2 or history[-1].at_ns - history[0].at_ns < DAY_NS / 24:
        return None
    grown = history[-1].size_bytes - history[0].size_bytes
    return grown / ((history[-1].at_ns - history[0].at_ns) / DAY_NS)
