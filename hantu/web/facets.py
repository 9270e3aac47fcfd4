"""Facets: the values a search can be narrowed by, each with the texts that a click leads to.

Level, source and source id are counted with the page. A field of the metadata is counted when its
facet is opened: that reads the metadata of every matching line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hantu.model import APP, DOCKER, JOURNAL, LogLevel
from hantu.query.edit import exclude_field, field_for_path, has_field, with_field
from hantu.query.error import QueryError
from hantu.query.expr import And, Expr, Field, Not, Op
from hantu.query.logquery import LogQuery
from hantu.store.base import Facet, QueryTimeout
from hantu.web.current import service

FIELDS_MOST: Final = 10
VALUES_MOST: Final = 8
SOURCE_IDS_ASKED: Final = 32
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
    the metadata. path: what the store calls it. values None: not counted yet."""

    field: str
    title: str
    values: tuple[Value, ...] | None
    path: str = ""
    complete: bool = True


def of_page(
    text: str, query: LogQuery, *, time_limit_ms: int, opened: str = ""
) -> tuple[FacetView, ...] | None:
    """The facets of a page, None when they were not ready in time. opened: a metadata path to count
    with them."""
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
        _view(text, "level", level.values, out),
        _view(text, "source", source.values, out),
        *_by_origin(text, ids, out),
    ]
    return (*(view for view in views if view.values), *_of_metadata(text, query, opened, time_limit_ms))


def one(text: str, query: LogQuery, path: str, *, time_limit_ms: int) -> FacetView | None:
    """The facet of one metadata path; None when no query can ask for it."""
    field = field_for_path(path)
    if field is None:
        return None
    try:
        (found,) = service().store.facets(query, (path,), most=VALUES_MOST, time_limit_ms=time_limit_ms)
    except QueryTimeout:
        found = Facet(path, (), complete=False)
    view = _view(text, field, found.values, excluded(query.search))
    return replace(view, path=path, complete=found.complete)


def _of_metadata(text: str, query: LogQuery, opened: str, time_limit_ms: int) -> list[FacetView]:
    """The frequent metadata fields, all but the opened one still to be counted."""
    paths = [path for path in service().store.field_names() if path not in _NO_FACET]
    views: list[FacetView] = []
    for path in paths[:FIELDS_MOST]:
        field = field_for_path(path)
        if field is None:
            continue
        counted = one(text, query, path, time_limit_ms=time_limit_ms) if path == opened else None
        views.append(counted or FacetView(field, "", None, path))
    return views


def _by_origin(text: str, facet: Facet, out: Mapping[str, list[str]]) -> list[FacetView]:
    """The facet of source ids, one for each kind of source: container, unit, file, service."""
    origins: dict[str, str] = {}
    for info in service().store.source_ids():
        origins.setdefault(info.source_id, info.source)
    groups: dict[str, list[tuple[str, int]]] = {"container": [], "unit": [], "file": [], "service": []}
    for source_id, count in facet.values:
        groups[origin_field(origins.get(source_id, APP), source_id)].append((source_id, count))
    return [_view(text, name, tuple(values), out) for name, values in groups.items()]


def origin_field(source: str, source_id: str) -> str:
    """The field of the query language that asks for a source id."""
    if source == APP and source_id.startswith("/"):
        return "file"
    return _NAMES.get(source, "service")


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
    return FacetView(field, TITLES.get(field, ""), tuple(value for value in shown if value is not None))


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
