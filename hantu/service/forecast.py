"""Where the size of the file is going: what a day of lines takes, what all that is kept will, what fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hantu.model import LogLevel
from hantu.query.logquery import LogQuery
from hantu.store.base import LogStorage, SourceInfo
from hantu.store.keeping import DAY_NS, Deadlines, KeepRule

SPAN_LEAST_NS: Final = DAY_NS // 24
SPAN_MOST_DAYS: Final = 7
STREAMS_MOST: Final = 300
"""With more containers, units and files than this the largest stand for all of a source."""
LIMIT_MS: Final = 1_000
FREE_LEAST_BYTES: Final = 64 * 1024 * 1024
"""A disk with less than this is as good as full."""

ByLevel = tuple[float, ...]


class Bound(Enum):
    """What ends the growth."""

    AGE = "age"
    """Everything that is kept fits."""
    SETTING = "setting"
    """retention_bytes."""
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Forecast:
    """Sizes in bytes; estimates: every line is taken for as long as the mean.

    by_source: what a day of each takes, the largest first. final_bytes: the file once it is as old as
    lines are kept. limit_bytes: what it may have, or what the disk has for it. days_left: until that is
    reached, None when never. days_kept: how many days fit, when fewer than are wanted."""

    now_bytes: int
    day_bytes: float
    by_source: tuple[tuple[str, float], ...]
    final_bytes: float
    limit_bytes: int
    bound: Bound
    days_left: float | None
    days_kept: float | None


def forecast(
    store: LogStorage,
    *,
    now_ns: int,
    retention_days: float,
    rules: Sequence[KeepRule],
    most_bytes: int | None,
    disk_free_bytes: int,
) -> Forecast | None:
    """The forecast, None while there is not an hour of lines. Raises StoreError, QueryTimeout."""
    stats = store.stats()
    if not stats.entries or stats.oldest_ns is None or now_ns - stats.oldest_ns < SPAN_LEAST_NS:
        return None
    deadlines = Deadlines(retention_days, rules, now_ns)
    # What a short rule removed cannot be counted any more: then the last day only.
    days = min(1 if rules else SPAN_MOST_DAYS, (now_ns - stats.oldest_ns) / DAY_NS)
    rates = {source: _lines_a_day(store, source, now_ns=now_ns, days=days) for source in stats.by_source}
    line_bytes = stats.size_bytes / stats.entries
    by_source = {source: sum(levels) * line_bytes for source, levels in rates.items()}
    day_bytes = sum(by_source.values())
    final_bytes = _lines_kept(rates, store.source_ids(), deadlines) * line_bytes
    disk_bytes = stats.size_bytes + max(0, disk_free_bytes - FREE_LEAST_BYTES)
    limit_bytes = disk_bytes if most_bytes is None else min(most_bytes, disk_bytes)
    bound = Bound.AGE
    days_left = days_kept = None
    if final_bytes > limit_bytes and day_bytes:
        bound = Bound.SETTING if limit_bytes == most_bytes else Bound.DISK
        days_left = max(0.0, limit_bytes - stats.size_bytes) / day_bytes
        days_kept = limit_bytes / final_bytes * retention_days
    return Forecast(
        now_bytes=stats.size_bytes,
        day_bytes=day_bytes,
        by_source=tuple(sorted(by_source.items(), key=lambda each: -each[1])),
        final_bytes=final_bytes,
        limit_bytes=limit_bytes,
        bound=bound,
        days_left=days_left,
        days_kept=days_kept,
    )


def _lines_a_day(store: LogStorage, source: str, *, now_ns: int, days: float) -> ByLevel:
    """How many lines of each level a source brings a day."""
    start_ns = now_ns - round(days * DAY_NS)
    found = store.histogram(
        LogQuery(sources=(source,)), start_ns=start_ns, end_ns=now_ns, buckets=1, time_limit_ms=LIMIT_MS
    )
    return tuple(sum(count) / days for count in zip(*found.counts, strict=True))


def _lines_kept(rates: Mapping[str, ByLevel], streams: Sequence[SourceInfo], deadlines: Deadlines) -> float:
    """How many lines there are once each kind is as old as it is kept."""
    if deadlines.uniform:
        return sum(map(sum, rates.values())) * deadlines.keep_days[-1]
    largest = sorted(streams, key=lambda each: -each.entries)[:STREAMS_MOST]
    totals = {source: sum(each.entries for each in largest if each.source == source) for source in rates}
    kept = 0.0
    for each in largest:
        share = each.entries / max(1, totals.get(each.source, 0))
        for level in LogLevel:
            days = deadlines.keep_days[deadlines.of(each.source, each.source_id, level)]
            kept += rates.get(each.source, (0.0,) * len(LogLevel))[level] * share * days
    return kept
