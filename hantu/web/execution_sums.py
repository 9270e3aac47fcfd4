"""Tokens and cost of runs: together, by day as bars, by job and by model."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hantu.executions.cost import cost_text
from hantu.store.execution_base import ExecutionQuery
from hantu.store.execution_sums import DAY_S, SECOND_NS, ExecutionSum, day_of
from hantu.web import clock, i18n
from hantu.web.current import executions

SPAN_DAYS: Final = 30
"""How far back sums go when the list has no beginning of its own."""
EPOCH: Final = datetime.date(1970, 1, 1)
BARS_MOST: Final = 60
ROWS_MOST: Final = 8
WIDTH: Final = 288.0
HEIGHT: Final = 56.0
_GAP: Final = 1.0
_FLOOR: Final = 1.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One day. title: its day and value in words; now: it is today and something is in it."""

    x: float
    y: float
    width: float
    height: float
    title: str
    now: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of days, the last one first in words. now: today's value; notes: beneath, left and right."""

    title: str
    now: str
    bars: tuple[Bar, ...]
    notes: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """What one job or model came to. share: of the largest one, 0 to 100."""

    name: str
    runs: int
    failed: int
    tokens: int
    cost: str
    share: float


@dataclass(frozen=True, slots=True)
class Sums:
    """What the runs of a list came to. days: over how many, None when the list says itself from when on.
    more: jobs and models that are not shown."""

    days: int | None
    runs: int
    failed: int
    tokens: int
    cost: str
    charts: tuple[Chart, ...]
    jobs: tuple[Part, ...]
    models: tuple[Part, ...]
    more_jobs: int
    more_models: int


def gather(query: ExecutionQuery, now_ns: int) -> Sums:
    """The sums of all runs that a list has on its pages; of a list without a beginning the last days."""
    offset_s = clock.offset_ns(now_ns) // SECOND_NS
    today = day_of(now_ns, offset_s)
    days = None
    if query.since_ns is None and query.until_ns is None:
        days = SPAN_DAYS
        begin_s = (today - SPAN_DAYS + 1) * DAY_S - offset_s
        query = replace(query, since_ns=begin_s * SECOND_NS)
    found = executions().execution_sums(query, utc_offset_s=offset_s)
    jobs, models = _parts(found, lambda each: each.job_name), _parts(found, lambda each: each.model)
    return Sums(
        days,
        sum(each.runs for each in found),
        sum(each.failed for each in found),
        sum(each.tokens for each in found),
        cost_text(sum(each.cost_micros for each in found)),
        _charts(found, query, today, offset_s),
        jobs[:ROWS_MOST],
        models[:ROWS_MOST],
        max(0, len(jobs) - ROWS_MOST),
        max(0, len(models) - ROWS_MOST),
    )


def _parts(found: Sequence[ExecutionSum], name_of: Callable[[ExecutionSum], str]) -> tuple[Part, ...]:
    """The dearest first; those that cost nothing by their tokens, then by their runs."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for each in found:
        total = totals[name_of(each)]
        for at, value in enumerate((each.cost_micros, each.tokens, each.runs, each.failed)):
            total[at] += value
    ordered = sorted(totals.items(), key=lambda item: (*(-value for value in item[1]), item[0]))
    measure = next((at for at in range(3) if any(total[at] for total in totals.values())), 2)
    most = max((total[measure] for total in totals.values()), default=1) or 1
    return tuple(
        Part(name, total[2], total[3], total[1], cost_text(total[0]), round(100 * total[measure] / most, 1))
        for name, total in ordered
    )


def _charts(
    found: Sequence[ExecutionSum], query: ExecutionQuery, today: int, offset_s: int
) -> tuple[Chart, ...]:
    last = today
    if query.until_ns is not None:
        last = min(today, day_of(query.until_ns - 1, offset_s))
    first = min((each.day for each in found), default=last)
    if query.since_ns is not None:
        first = day_of(query.since_ns, offset_s)
    first = max(first, last - BARS_MOST + 1)
    days = range(first, max(first, last) + 1)
    costs: dict[int, int] = defaultdict(int)
    tokens: dict[int, int] = defaultdict(int)
    runs: dict[int, int] = defaultdict(int)
    for each in found:
        costs[each.day] += each.cost_micros
        tokens[each.day] += each.tokens
        runs[each.day] += each.runs
    charts = [_chart(i18n.translate("Runs a day"), days, runs, i18n.number, today)]
    if any(tokens.values()):
        charts.append(_chart(i18n.translate("Tokens a day"), days, tokens, i18n.number, today))
    if any(costs.values()):
        charts.append(_chart(i18n.translate("Cost a day"), days, costs, _money, today))
    return tuple(charts)


def _chart(title: str, days: range, values: dict[int, int], say: Callable[[int], str], today: int) -> Chart:
    most = max((values[day] for day in days), default=0) or 1
    step = WIDTH / len(days)
    bars = []
    for at, day in enumerate(days):
        value = values[day]
        height = round(max(value / most * HEIGHT, _FLOOR), 1)
        bars.append(
            Bar(
                round(at * step, 2),
                round(HEIGHT - height, 1),
                round(max(step - _GAP, _GAP), 2),
                height,
                f"{_day(day)}: {say(value)}",
                day == today and value > 0,
            )
        )
    return Chart(title, say(values[days[-1]]), tuple(bars), (_day(days[0]), _last(days[-1], today)))


def _last(day: int, today: int) -> str:
    return i18n.translate("today") if day == today else _day(day)


def _day(day: int) -> str:
    return i18n.short_day(EPOCH + datetime.timedelta(days=day))


def _money(micros: int) -> str:
    return f"${cost_text(micros)}"
