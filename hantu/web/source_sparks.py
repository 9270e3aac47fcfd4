"""The last hour of each source as small bars: its lines a minute, errors at the foot."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hantu.collect.base import CollectorStatus
from hantu.model import LogLevel
from hantu.query.expr import Expr, Field, Op
from hantu.query.logquery import LogQuery
from hantu.store.base import QueryTimeout, StoreError
from hantu.web import i18n, spark
from hantu.web.current import service
from hantu.web.facets import origin_field

MINUTE_NS: Final = 60 * 10**9
MINUTES: Final = 60
EACH_MINUTES: Final = 2
BUDGET_MS: Final = 150
"""For all sources together: the page does not wait for bars; those that had no time have none."""
LEAST_MS: Final = 5


@dataclass(frozen=True, slots=True)
class Spark:
    """lines and errors: bars on one scale. told: the same in words."""

    lines: tuple[spark.Bar, ...]
    errors: tuple[spark.Bar, ...]
    told: str


def asks(status: CollectorStatus) -> Expr:
    """What finds the lines of a collector."""
    if status.source_id:
        return Field(origin_field(status.source, status.source_id), Op.EQ, status.source_id)
    if status.key.startswith("file:"):
        return Field("file", Op.EQ, status.name)
    return Field("source", Op.EQ, status.source)


def sparks(statuses: Sequence[CollectorStatus], now_ns: int) -> dict[str, Spark]:
    """By the collector's key. Those that have handed in nothing have none, and the busiest come first."""
    until = time.monotonic() + BUDGET_MS / 1000
    found: dict[str, Spark] = {}
    for status in sorted(statuses, key=lambda status: -status.per_minute):
        left_ms = int((until - time.monotonic()) * 1000)
        if left_ms < LEAST_MS:
            break
        if not status.lines or status.key == "docker":
            continue
        drawn = _spark(asks(status), now_ns, left_ms)
        if drawn is not None:
            found[status.key] = drawn
    return found


def _spark(asked: Expr, now_ns: int, limit_ms: int) -> Spark | None:
    end_ns = (now_ns // MINUTE_NS + 1) * MINUTE_NS
    try:
        counted = service().store.histogram(
            LogQuery(search=asked),
            start_ns=end_ns - MINUTES * MINUTE_NS,
            end_ns=end_ns,
            buckets=MINUTES // EACH_MINUTES,
            time_limit_ms=limit_ms,
        )
    except (QueryTimeout, StoreError):
        return None
    if not counted.complete:
        return None
    lines = [sum(levels) for levels in counted.counts]
    errors = [sum(levels[LogLevel.ERROR :]) for levels in counted.counts]
    told = i18n.plural("{n} line in the last hour", "{n} lines in the last hour", sum(lines))
    if sum(errors):
        told = f"{told}, {i18n.plural('{n} error', '{n} errors', sum(errors))}"
    return Spark(spark.bars(lines), spark.bars(errors, most=max(*lines, 1)), told)
