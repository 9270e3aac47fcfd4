"""GET /api/logs and its kin: search, one entry, context, histogram, facets."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from flask import Response, request
from msgspec import Meta

from hantu.model import LogEntry, LogLevel
from hantu.output import Log, Wire, iso, log_of, optional_iso
from hantu.query.args import PARAMETERS, encode_cursor, from_args
from hantu.query.logquery import LIMIT_MOST, LogQuery
from hantu.store.base import Answer, Page, Total
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.gaps import answer as answer_of
from hantu.web.gaps import gaps_of_page
from hantu.web.openapi import Api, Args, Content, NoArgs, Route
from hantu.web.wire import ContextAnswer, LogsAnswer, json_response

api: Final = Api("api_logs")

AROUND_MOST: Final = 1_000
BUCKETS_MOST: Final = 1_000
FACETS_MOST: Final = 20
SOURCE_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": "^[a-z0-9_-]{1,32}$",
    # These are routes of their own; a source of such a name is reached by ?sources=.
    "not": {"enum": ["stream", "histogram", "facets", "export", "patterns"]},
}
ID_SCHEMA: Final = {"type": "string", "format": "uuid"}
_SOURCE: Final = re.compile(r"[a-z0-9_-]{1,32}")


Cursor = Annotated[int, Meta(ge=0, le=2**62)]
"""A place in the order of arrival, as live tails give it."""


class QueryArgs(Args, frozen=True):
    """Which entries; the same words as the page's URL."""

    q: Annotated[
        str, Meta(description="The query, as typed into the search box.", examples=["주문 level:>=warn"])
    ] = ""
    sources: Annotated[str, Meta(description="Any of these sources.", examples=["docker,journal"])] = ""
    levels: Annotated[str, Meta(description="Any of these levels.", examples=["warn,error"])] = ""
    min_level: Annotated[str, Meta(description="At least this level.", examples=["warn"])] = ""
    source_id: Annotated[str, Meta(description="Container, unit or file path, exactly.")] = ""
    since: Annotated[str, Meta(description="From: 2h, 7d, 2026-11-20T09:00, today …", examples=["2h"])] = ""
    until: Annotated[str, Meta(description="Up to, as since.", examples=["10m"])] = ""


class LogsArgs(QueryArgs, frozen=True):
    """Which entries, and which page of them."""

    limit: Annotated[int, Meta(ge=1, le=LIMIT_MOST, description="Entries a page.")] = 100
    offset: Annotated[
        int, Meta(ge=0, le=1_000_000, description="Entries to pass over; a cursor is faster.")
    ] = 0
    cursor: Annotated[str, Meta(description="nextCursor of the page before.")] = ""
    order: Annotated[Literal["desc", "asc"], Meta(description="By time: newest or oldest first.")] = "desc"
    after: Annotated[
        Cursor | None, Meta(description="Only entries that arrived after this cursor of a live tail.")
    ] = None
    up_to: Annotated[
        Cursor | None, Meta(description="With after: only those that arrived up to this cursor.")
    ] = None


class ContextArgs(Args, frozen=True):
    """How much of the surroundings."""

    before: Annotated[int, Meta(ge=0, le=AROUND_MOST, description="Entries before.")] = 50
    after: Annotated[int, Meta(ge=0, le=AROUND_MOST, description="Entries after.")] = 50
    scope: Annotated[
        Literal["source", "all"], Meta(description="Of the same source and sourceId, or of all.")
    ] = "source"


class HistogramArgs(QueryArgs, frozen=True):
    """Which entries, and how fine."""

    buckets: Annotated[int, Meta(ge=1, le=BUCKETS_MOST, description="Parts of the time range.")] = 60


class FacetArgs(QueryArgs, frozen=True):
    """Which entries, and which fields."""

    fields: Annotated[
        str, Meta(description="source, sourceId, level, or paths into metadata.", examples=["level,logger"])
    ] = "source,sourceId,level"
    most: Annotated[int, Meta(ge=1, le=200, description="Values a field.")] = 10


class Bucket(Wire, frozen=True):
    """Entries of one part of the time range, by level."""

    start: str
    counts: dict[str, int]
    total: int


class HistogramAnswer(Wire, frozen=True):
    """Counts by time; each bucket is widthNs long. complete=false: a lower bound."""

    start: str
    end: str
    width_ns: int
    buckets: list[Bucket]
    complete: bool


class FacetValue(Wire, frozen=True):
    """A value and how many entries have it."""

    value: str
    count: int


class FacetField(Wire, frozen=True):
    """A field and its most frequent values. complete=false: a lower bound."""

    field: str
    values: list[FacetValue]
    complete: bool


class FacetsAnswer(Wire, frozen=True):
    """The facets asked for, in that order."""

    facets: list[FacetField]


def zone() -> datetime.tzinfo:
    """The server's own time zone: of times that name none."""
    return datetime.datetime.now().astimezone().tzinfo or datetime.UTC


def asked_query(extra: Mapping[str, str] | None = None) -> LogQuery:
    """The query in the current request's parameters; names that a route adds are left aside.

    Raises QueryError."""
    given = {name: values for name, values in request.args.lists() if name in PARAMETERS}
    given.update({name: [value] for name, value in (extra or {}).items()})
    return from_args(given, now_ns=time.time_ns(), tz=zone())


@api.route(
    Route(
        "GET",
        "/api/logs",
        "Search: a page of entries and how many there are",
        args=LogsArgs,
        answer=Content(type=LogsAnswer),
    )
)
def logs(args: LogsArgs) -> Response:
    return json_response(search(asked_query(), args))


@api.route(
    Route(
        "GET",
        "/api/logs/<source>",
        "Search within one source",
        args=LogsArgs,
        answer=Content(type=LogsAnswer),
        path_schemas={"source": SOURCE_SCHEMA},
        refusals=(400, 401, 403, 404, 421, 503),
    )
)
def logs_of_source(args: LogsArgs, source: str) -> Response:
    if not _SOURCE.fullmatch(source):
        raise ApiError(404, f"{source!r} is no source; they are 1 to 32 of a-z 0-9 _ -")
    if args.sources:
        raise ApiError(400, "the path names the source already", code="bad_argument", parameter="sources")
    return json_response(search(replace(asked_query(), sources=(source,)), args))


def search(query: LogQuery, args: LogsArgs) -> LogsAnswer:
    """The answer of the store to `query`, timed."""
    desk = service()
    began = time.monotonic()
    limit_ms = desk.config.query_limit_ms
    if args.up_to is not None:
        answer = _arrived(replace(query, after_key=args.after or 0), args.up_to)
    else:
        answer = desk.store.query(replace(query, after_key=args.after), time_limit_ms=limit_ms)
    desk.query_times.note((time.monotonic() - began) * 1000)
    page = answer.page
    return LogsAnswer(
        [log_of(entry) for entry in page.entries],
        answer.total.count,
        answer.total.exact,
        None if page.next is None else encode_cursor(page.next, query.order),
        page.complete,
        optional_iso(page.searched_to_ns),
        [answer_of(gap) for gap in gaps_of_page(replace(query, after_key=args.after), page)],
    )


def _arrived(query: LogQuery, up_to: int) -> Answer:
    """A page of the entries which a live tail skipped."""
    desk = service()
    page = desk.store.search(query, time_limit_ms=desk.config.query_limit_ms)
    kept = tuple(entry for entry in page.entries if entry.key <= up_to)
    return Answer(Page(kept, page.next, page.complete, page.searched_to_ns), Total(len(kept), exact=False))


@api.route(
    Route(
        "GET",
        "/api/logs/entry/<entry_id>",
        "One entry",
        answer=Content(type=Log),
        path_schemas={"entry_id": ID_SCHEMA},
        refusals=(400, 401, 403, 404, 421, 503),
    )
)
def entry(args: NoArgs, entry_id: str) -> Response:  # noqa: ARG001  every view takes its arguments
    return json_response(log_of(_found(entry_id)))


@api.route(
    Route(
        "GET",
        "/api/logs/<entry_id>/context",
        "The entries around one",
        args=ContextArgs,
        answer=Content(type=ContextAnswer),
        path_schemas={"entry_id": ID_SCHEMA},
        refusals=(400, 401, 403, 404, 421, 503),
    )
)
def context(args: ContextArgs, entry_id: str) -> Response:
    found = _found(entry_id)
    around = service().store.context(
        found, before=args.before, after=args.after, all_sources=args.scope == "all"
    )
    return json_response(ContextAnswer(found.id, [log_of(each) for each in around]))


def _found(entry_id: str) -> LogEntry:
    found = service().store.get(entry_id)
    if found is None:
        raise ApiError(404, f"there is no entry {entry_id}; retention may have removed it")
    return found


@api.route(
    Route(
        "GET",
        "/api/logs/histogram",
        "Counts by time and level",
        args=HistogramArgs,
        answer=Content(type=HistogramAnswer),
    )
)
def histogram(args: HistogramArgs) -> Response:
    desk = service()
    query = asked_query()
    start_ns, end_ns = bounds(query)
    found = desk.store.histogram(
        query,
        start_ns=start_ns,
        end_ns=end_ns,
        buckets=args.buckets,
        time_limit_ms=desk.config.query_limit_ms,
    )
    buckets = [
        Bucket(
            iso(found.start_ns + at * found.width_ns),
            {level.label: counts[level] for level in LogLevel},
            sum(counts),
        )
        for at, counts in enumerate(found.counts)
    ]
    return json_response(
        HistogramAnswer(iso(start_ns), iso(end_ns), found.width_ns, buckets, found.complete)
    )


def bounds(query: LogQuery) -> tuple[int, int]:
    """The time range of a query: its own, else from the oldest entry there is until now."""
    start_ns, end_ns = query.start_ns, query.end_ns
    if start_ns is None or end_ns is None:
        stats = service().store.stats()
        now_ns = time.time_ns()
        if end_ns is None:
            end_ns = max(now_ns, (stats.newest_ns or 0) + 1)
        if start_ns is None:
            start_ns = min(stats.oldest_ns if stats.oldest_ns is not None else now_ns, end_ns)
    return start_ns, max(end_ns, start_ns + 1)


@api.route(
    Route(
        "GET",
        "/api/logs/facets",
        "The most frequent values of fields",
        args=FacetArgs,
        answer=Content(type=FacetsAnswer),
    )
)
def facets(args: FacetArgs) -> Response:
    desk = service()
    names = [name.strip() for name in args.fields.split(",") if name.strip()]
    if not names or len(names) > FACETS_MOST:
        raise ApiError(400, f"name 1 to {FACETS_MOST} fields", code="bad_argument", parameter="fields")
    inner = ["source_id" if name == "sourceId" else name for name in names]
    found = desk.store.facets(
        asked_query(), inner, most=args.most, time_limit_ms=desk.config.query_limit_ms
    )
    return json_response(
        FacetsAnswer(
            [
                FacetField(
                    name, [FacetValue(value, count) for value, count in facet.values], facet.complete
                )
                for name, facet in zip(names, found, strict=True)
            ]
        )
    )
