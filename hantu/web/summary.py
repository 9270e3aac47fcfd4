"""What stands beside the rows: count, histogram, facets, within a budget of time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hantu.model import APP, DOCKER, JOURNAL, LogEntry, LogLevel
from hantu.query.edit import exclude_field, field_for_path, has_field, with_field
from hantu.query.error import QueryError
from hantu.query.expr import And, Expr, Field, Not, Op
from hantu.query.logquery import LogQuery, Order
from hantu.store.base import Facet, QueryTimeout
from hantu.web import histogram
from hantu.web.current import service

FIELDS_MOST: Final = 6
VALUES_MOST: Final = 8
VALUES_ASKED: Final = 24
STANDS_OUT: Final = 5
OPEN_FACETS: Final = 5
BLIND_MOST: Final = 50
LEAST_MS: Final = 5
# Different on nearly every line, or said by another facet: they do not help to narrow down.
_NO_FACET: Final = frozenset(
    (
        *("trace_id", "container_id", "pid", "gap", "gap.reason", "gap.from_ns", "gap.to_ns"),
        *("gap.lines", "truncated_bytes", "time_inferred", "success", "stack_trace", "id"),
        *("request_id", "span_id", "line", "thread"),
    )
)
_NAMES: Final = {DOCKER: "container", JOURNAL: "unit"}
TITLES: Final = {
    "level": "Level",
    "source": "Source",
    "container": "Container",
    "unit": "Unit",
    "file": "File",
    "service": "Service",
}


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a facet. share: percent of the most frequent. state: True when the query asks for
    it, False when it excludes it. add, exclude: the query texts that a click leads to."""

    value: str
    count: int
    share: int
    state: bool | None
    add: str
    exclude: str


@dataclass(frozen=True, slots=True)
class FacetView:
    """A facet to draw. field: its name in the query language. title: its heading, "" for a field of
    the metadata."""

    field: str
    title: str
    values: tuple[Value, ...]
    open: bool


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


def gather(text: str, query: LogQuery, *, budget_ms: float, whole: bool = False) -> Summary:
    """The summary as far as budget_ms allows. whole: take lower bounds too when time runs out."""
    budget = _Budget(budget_ms)
    chart = _chart(query, budget, whole=whole)
    total, exact = (chart.total, chart.complete) if chart else (None, False)
    facets = None
    if chart is not None and (whole or not budget.gone):
        facets = _facets(text, query, budget, whole=whole)
    if total is None and not budget.gone:
        counted = service().store.count(query, time_limit_ms=budget.left_ms)
        total, exact = counted.count, counted.exact
    return Summary(total, exact, chart, facets)


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
    return histogram.chart(found, _blind(asked, budget))


def _bounds(query: LogQuery, budget: _Budget) -> tuple[int, int]:
    """From when to when the histogram reaches: the query's own bounds, else the entries'."""
    now_ns = time.time_ns()
    start = query.start_ns if query.start_ns is not None else _edge(Order.OLDEST, budget, now_ns)
    end = query.end_ns if query.end_ns is not None else max(_edge(Order.NEWEST, budget, now_ns) + 1, now_ns)
    return start, max(end, start + 1)


def _edge(order: Order, budget: _Budget, default_ns: int) -> int:
    first = service().store.search(
        LogQuery(order=order, limit=1), time_limit_ms=max(budget.left_ms, LEAST_MS)
    )
    return first.entries[0].time_ns if first.entries else default_ns


def _blind(asked: histogram.Range, budget: _Budget) -> tuple[histogram.Blind, ...]:
    """The gaps that collectors know of in that time."""
    if budget.gone:
        return ()
    gaps = And((Field("level", Op.EQ, "warn"), Field("gap.reason", Op.EQ, "*")))
    query = LogQuery(search=gaps, start_ns=asked.start_ns, end_ns=asked.end_ns, limit=BLIND_MOST)
    try:
        found = service().store.search(query, time_limit_ms=max(budget.left_ms // 2, LEAST_MS))
    except QueryTimeout:
        return ()
    return tuple(blind for entry in found.entries if (blind := _blind_of(entry)) is not None)


def _blind_of(entry: LogEntry) -> histogram.Blind | None:
    gap = (entry.metadata or {}).get("gap")
    if not isinstance(gap, dict):
        return None
    start, end = gap.get("from_ns"), gap.get("to_ns")
    if not isinstance(start, int) or not isinstance(end, int):
        return None
    return histogram.Blind(start, end, str(gap.get("reason") or ""))


def _facets(text: str, query: LogQuery, budget: _Budget, *, whole: bool) -> tuple[FacetView, ...] | None:
    store = service().store
    try:
        paths = [path for path in store.field_names() if path not in _NO_FACET and field_for_path(path)]
        fields = ["level", "source", "source_id", *paths[:FIELDS_MOST]]
        found = store.facets(
            replace(query, order=Order.NEWEST),
            fields,
            most=VALUES_ASKED,
            time_limit_ms=max(budget.left_ms, LEAST_MS),
        )
    except QueryTimeout:
        return () if whole else None
    if not whole and not all(facet.complete for facet in found):
        return None
    return tuple(_views(text, found, excluded(query.search)))


def _views(text: str, found: Sequence[Facet], out: Mapping[str, list[str]]) -> list[FacetView]:
    origins: dict[str, str] = {}
    for info in service().store.source_ids():
        origins.setdefault(info.source_id, info.source)
    views: list[FacetView] = []
    for facet in found:
        if facet.field == "source_id":
            views += _by_origin(text, facet, origins, out)
        elif facet.field in ("level", "source"):
            views.append(_view(text, facet.field, facet.values, out))
        elif _tells(facet):
            views.append(_view(text, field_for_path(facet.field) or facet.field, facet.values, out))
    views = [view for view in views if view.values]
    return [replace(view, open=at < OPEN_FACETS) for at, view in enumerate(views)]


def _by_origin(
    text: str, facet: Facet, origins: Mapping[str, str], out: Mapping[str, list[str]]
) -> list[FacetView]:
    """The facet of source ids, one for each kind of source: container, unit, file, service."""
    groups: dict[str, list[tuple[str, int]]] = {"container": [], "unit": [], "file": [], "service": []}
    for source_id, count in facet.values:
        groups[origin_field(origins.get(source_id, APP), source_id)].append((source_id, count))
    return [_view(text, name, tuple(values), out) for name, values in groups.items()]


def origin_field(source: str, source_id: str) -> str:
    """The field of the query language that asks for a source id."""
    if source == APP and source_id.startswith("/"):
        return "file"
    return _NAMES.get(source, "service")


def _tells(facet: Facet) -> bool:
    """Whether some values of a field stand out: where each line has its own, a list says nothing."""
    counts = [count for _, count in facet.values]
    if len(counts) < VALUES_ASKED:
        return bool(counts) and (counts[0] > 1 or len(counts) <= 2)
    return counts[0] >= STANDS_OUT * counts[-1]


def excluded(search: Expr | None) -> dict[str, list[str]]:
    """The values that a query excludes, by field: no entry has them, and yet they are to be seen."""
    out: dict[str, list[str]] = {}
    for item in search.items if isinstance(search, And) else (search,):
        if isinstance(item, Not) and isinstance(item.item, Field) and item.item.op is Op.EQ:
            out.setdefault(item.item.name, []).append(item.item.value)
    return out


def _view(
    text: str, field: str, values: Sequence[tuple[str, int]], out: Mapping[str, list[str]]
) -> FacetView:
    if field == "level":
        values = sorted(values, key=lambda pair: LogLevel.parse(pair[0]))
    most = max((count for _, count in values), default=0)
    pairs = [*values[:VALUES_MOST], *((value, 0) for value in out.get(field, ()))]
    shown = [_value(text, field, value, count, most) for value, count in pairs]
    return FacetView(field, TITLES.get(field, ""), tuple(one for one in shown if one), open=False)


def _value(text: str, field: str, value: str, count: int, most: int) -> Value | None:
    if not value:
        return None
    try:
        return Value(
            value,
            count,
            round(100 * count / most) if most else 0,
            has_field(text, field, value),
            with_field(text, field, value),
            exclude_field(text, field, value),
        )
    except QueryError:
        # A text at its limit of terms takes no further one; a value may be one no query can write.
        return None
