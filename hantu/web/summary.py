"""What stands beside the rows: count, histogram, facets, within a budget of time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hantu.query.logquery import LogQuery
from hantu.store.base import Histogram, QueryTimeout
from hantu.store.extent import extent
from hantu.web import facets, histogram
from hantu.web.current import service
from hantu.web.facets import FacetView
from hantu.web.gaps import gaps_between

BLIND_MOST: Final = 50
LEAST_MS: Final = 5


@dataclass(frozen=True, slots=True)
class Summary:
    """total None: not counted in time. chart None, facets None: not ready in time."""

    total: int | None
    exact: bool
    chart: histogram.Chart | None
    facets: tuple[FacetView, ...] | None

    @property
    def ready(self) -> bool:
        """Whether all is there."""
        return self.chart is not None and self.facets is not None


class _Budget:
    def __init__(self, budget_ms: float) -> None:
        self._until = time.monotonic() + budget_ms / 1000

    @property
    def left_ms(self) -> int:
        return int((self._until - time.monotonic()) * 1000)

    @property
    def gone(self) -> bool:
        return self.left_ms < LEAST_MS


def gather(
    text: str, query: LogQuery, *, budget_ms: float, whole: bool = False, opened: Sequence[str] = ()
) -> Summary:
    """The summary as far as budget_ms allows. whole: take lower bounds too when time runs out.
    opened: the metadata paths whose facets the reader added."""
    budget = _Budget(budget_ms)
    chart = _chart(query, budget, whole=whole)
    total, exact = (chart.total, chart.complete) if chart else (None, False)
    found: tuple[FacetView, ...] | None = None
    if chart is not None and (whole or not budget.gone):
        limit_ms = max(budget.left_ms, LEAST_MS)
        found = facets.of_page(text, query, chart.total, time_limit_ms=limit_ms, opened=opened)
        found = () if found is None and whole else found
    if total is None and not budget.gone:
        counted = service().store.count(query, time_limit_ms=budget.left_ms)
        total, exact = counted.count, counted.exact
    return Summary(total, exact, chart, found)


def _chart(query: LogQuery, budget: _Budget, *, whole: bool) -> histogram.Chart | None:
    try:
        start, end = _bounds(query, budget)
        asked = histogram.fitting(start, end)
        found = service().store.histogram(
            query,
            start_ns=asked.start_ns,
            end_ns=asked.end_ns,
            buckets=asked.buckets,
            time_limit_ms=max(budget.left_ms, LEAST_MS),
        )
    except QueryTimeout:
        return None
    if not found.complete and not whole:
        return None
    chosen = _chosen(query, asked, budget)
    if chosen is not None:
        before, after = histogram.beside(asked)
        buckets = before.buckets + asked.buckets + after.buckets
        asked = histogram.Range(before.start_ns, asked.width_ns, buckets)
    return histogram.chart(found, _blind(query, asked, budget), chosen)


def _chosen(query: LogQuery, asked: histogram.Range, budget: _Budget) -> histogram.Chosen | None:
    """A time with both its ends, amid what is around it: who zoomed in sees what it is a part of. None for
    another, and when counting that would take too long."""
    if query.start_ns is None or query.end_ns is None:
        return None
    found: list[Histogram] = []
    for part in histogram.beside(asked):
        if budget.gone:
            return None
        try:
            found.append(
                service().store.histogram(
                    replace(query, start_ns=part.start_ns, end_ns=part.end_ns),
                    start_ns=part.start_ns,
                    end_ns=part.end_ns,
                    buckets=part.buckets,
                    time_limit_ms=max(budget.left_ms, LEAST_MS),
                )
            )
        except QueryTimeout:
            return None
    before, after = found
    return histogram.Chosen(query.start_ns, query.end_ns, time.time_ns(), before, after)


def bounds(query: LogQuery, budget_ms: float) -> tuple[int, int]:
    """From when to when the lines of a query can lie. Raises QueryTimeout."""
    return _bounds(query, _Budget(budget_ms))


def _bounds(query: LogQuery, budget: _Budget) -> tuple[int, int]:
    """From when to when the histogram reaches."""
    return extent(service().store, query, limit_ms=lambda: max(budget.left_ms, LEAST_MS))


def _blind(query: LogQuery, asked: histogram.Range, budget: _Budget) -> tuple[histogram.Blind, ...]:
    """The gaps of that time which may have taken lines that the query asks for."""
    if budget.gone:
        return ()
    found = gaps_between(query, asked.start_ns, asked.end_ns, most=BLIND_MOST)
    return tuple(histogram.Blind(gap.from_ns, gap.to_ns, gap.reason) for gap in found)
