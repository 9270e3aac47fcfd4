"""Facets: the values a search can be narrowed by, each with the texts that a click leads to.

Level, source and source id are counted with the page. A field of the metadata is counted when its
facet is opened: that reads the metadata of every matching line."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hantu.model import APP, LogLevel
from hantu.query.edit import exclude_field, field_for_path, has_field, with_field
from hantu.query.error import QueryError
from hantu.query.expr import And, Expr, Field, Not, Op
from hantu.query.logquery import LogQuery
from hantu.store.base import Facet, QueryTimeout
from hantu.web import vocabulary
from hantu.web.current import service

origin_field: Final = vocabulary.origin_field

FIELDS_MOST: Final = 10
VALUES_MOST: Final = 8
COUNT_MOST: Final = 1 << 40
COUNT_LIMIT_MS: Final = 100
LEAST_MS: Final = 5
SOURCE_IDS_ASKED: Final = 32
SHARED_IDS: Final = 256
# Different on nearly every line, or said by another facet: they do not help to narrow down.
_NO_FACET: Final = frozenset(
    (
        *("trace_id", "container_id", "pid", "gap", "gap.reason", "gap.from_ns", "gap.to_ns"),
        *("gap.lines", "truncated_bytes", "time_inferred", "success", "stack_trace", "id"),
        *("request_id", "span_id", "line", "thread"),
    )
)
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
    """A value of a facet. share: percent of all lines that were found. state: True when the query asks
    for it, False when it excludes it. add, exclude: the query texts that a click leads to."""

    value: str
    count: int
    share: float
    state: bool | None
    add: str
    exclude: str

    @property
    def path_end(self) -> str:
        """What tells files apart, as rows show it: the last two parts of a path."""
        return "/".join(self.value.split("/")[-2:])


@dataclass(frozen=True, slots=True)
class FacetView:
    """A facet to draw. field: its name in the query language. title: its heading, "" for a field of
    the metadata. path: what the store calls it. values None: not counted yet. chosen: the reader added
    it."""

    field: str
    title: str
    values: tuple[Value, ...] | None
    path: str = ""
    complete: bool = True
    chosen: bool = False


def of_page(
    text: str, query: LogQuery, total: int, *, time_limit_ms: int, opened: Sequence[str] = ()
) -> tuple[FacetView, ...] | None:
    """The facets of a page, None when they were not ready in time. total: lines that were found.
    opened: metadata paths that the reader asked for; they are counted with the others, while there is
    time."""
    until = time.monotonic() + time_limit_ms / 1000
    store = service().store
    try:
        found = store.facets(
            query, ("level", "source", "source_id"), most=SOURCE_IDS_ASKED, time_limit_ms=time_limit_ms
        )
    except QueryTimeout:
        return None
    if not all(facet.complete for facet in found):
        return None
    out = excluded(query.search)
    level, source, ids = found
    views = [
        _view(text, "level", level.values, out, total),
        _view(text, "source", source.values, out, total),
        *(_view(text, name, values, out, total) for name, values in _by_origin(query, ids, until).items()),
    ]
    chosen = [_chosen(text, query, path, total, until) for path in opened]
    return (
        *(view for view in views if view.values),
        *(view for view in chosen if view is not None),
        *_of_metadata(opened),
    )


def one(
    text: str, query: LogQuery, path: str, *, total: int | None = None, time_limit_ms: int
) -> FacetView | None:
    """The facet of one metadata path; None when no query can ask for it. total: lines that were found,
    None when that is not known."""
    field = field_for_path(path)
    if field is None:
        return None
    try:
        (found,) = service().store.facets(query, (path,), most=VALUES_MOST, time_limit_ms=time_limit_ms)
    except QueryTimeout:
        found = Facet(path, (), complete=False)
    if total is None:
        counted = service().store.count(query, cap=COUNT_MOST, time_limit_ms=COUNT_LIMIT_MS)
        total = counted.count if counted.exact else 0
    view = _view(text, field, found.values, excluded(query.search), total)
    return replace(view, path=path, complete=found.complete)


def _chosen(text: str, query: LogQuery, path: str, total: int, until: float) -> FacetView | None:
    """The facet that the reader added, still to be counted when the time is over."""
    field = field_for_path(path)
    if field is None:
        return None
    left_ms = int((until - time.monotonic()) * 1000)
    counted = one(text, query, path, total=total, time_limit_ms=left_ms) if left_ms >= LEAST_MS else None
    return replace(counted or FacetView(field, "", None, path), chosen=True)


def _of_metadata(opened: Sequence[str]) -> list[FacetView]:
    """The frequent metadata fields beside the opened ones, still to be counted."""
    paths = [path for path in vocabulary.names().fields if path not in _NO_FACET and path not in opened]
    named = ((field_for_path(path), path) for path in paths[:FIELDS_MOST])
    return [FacetView(field, "", None, path) for field, path in named if field is not None]


def _by_origin(query: LogQuery, facet: Facet, until: float) -> dict[str, list[tuple[str, int]]]:
    """The source ids with their counts by their kind: container, unit, file, service."""
    sources: dict[str, list[str]] = {}
    for info in service().store.source_ids():
        if not query.sources or info.source in query.sources:
            sources.setdefault(info.source_id, []).append(info.source)
    shared = {
        source_id: sources[source_id]
        for source_id, _ in facet.values
        if len({origin_field(source, source_id) for source in sources.get(source_id, ())}) > 1
    }
    counts = _of_sources(query, {source for _, *others in shared.values() for source in others}, until)
    groups: dict[str, dict[str, int]] = {"container": {}, "unit": {}, "file": {}, "service": {}}
    for source_id, count in facet.values:
        left = count
        first, *others = shared.get(source_id) or sources.get(source_id, [APP])[:1]
        for source in others:
            own = counts.get(source, {}).get(source_id, 0)
            left -= own
            _add(groups, source, source_id, own)
        _add(groups, first, source_id, left)
    return {name: sorted(found.items(), key=lambda pair: -pair[1]) for name, found in groups.items()}


def _add(groups: Mapping[str, dict[str, int]], source: str, source_id: str, count: int) -> None:
    if count > 0:
        group = groups[origin_field(source, source_id)]
        group[source_id] = group.get(source_id, 0) + count


def _of_sources(query: LogQuery, sources: Iterable[str], until: float) -> dict[str, dict[str, int]]:
    """The counts of source ids in each of these sources, of those there is time for: a container and the
    program in it may go by one name."""
    counts: dict[str, dict[str, int]] = {}
    for source in sources:
        left_ms = int((until - time.monotonic()) * 1000)
        if left_ms < LEAST_MS:
            break
        try:
            (found,) = service().store.facets(
                replace(query, sources=(source,)), ("source_id",), most=SHARED_IDS, time_limit_ms=left_ms
            )
        except QueryTimeout:
            break
        counts[source] = dict(found.values)
    return counts


def excluded(search: Expr | None) -> dict[str, list[str]]:
    """The values that a query excludes, by field: no entry has them, and yet they are to be seen."""
    out: dict[str, list[str]] = {}
    for item in search.items if isinstance(search, And) else (search,):
        if isinstance(item, Not) and isinstance(item.item, Field) and item.item.op is Op.EQ:
            out.setdefault(item.item.name, []).append(item.item.value)
    return out


def _view(
    text: str, field: str, values: Sequence[tuple[str, int]], out: Mapping[str, list[str]], total: int
) -> FacetView:
    """total: what shares are of; 0: of the values' own sum."""
    if field == "level":
        values = sorted(values, key=lambda pair: LogLevel.parse(pair[0]))
    total = max(total, 1) if total else max(sum(count for _, count in values), 1)
    pairs = [*values[:VALUES_MOST], *((value, 0) for value in out.get(field, ()))]
    shown = [_value(text, field, value, count, total) for value, count in pairs]
    return FacetView(field, TITLES.get(field, ""), tuple(value for value in shown if value is not None))


def _value(text: str, field: str, value: str, count: int, total: int) -> Value | None:
    if not value:
        return None
    try:
        return Value(
            value,
            count,
            min(round(100 * count / total, 1), 100.0),
            has_field(text, field, value),
            with_field(text, field, value),
            exclude_field(text, field, value),
        )
    except QueryError:
        # A text at its limit of terms takes no further one; a value may be one no query can write.
        return None
