"""GET /api/logs/patterns: alike lines folded, with counts over time."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from flask import Response
from msgspec import Meta

from hantu.output import Log, Wire, iso, log_of, optional_iso
from hantu.query.logquery import Order
from hantu.store.pattern_base import BUCKETS, PATTERNS_MOST, PatternOrder
from hantu.web import summary
from hantu.web.api_logs import QueryArgs, asked_query
from hantu.web.current import service
from hantu.web.openapi import Api, Content, Route
from hantu.web.pattern_rows import query_of
from hantu.web.wire import json_response

api: Final = Api("api_patterns")

MOST: Final = 1_000
BUCKETS_MOST: Final = 120
"""With 50,000 shapes 24 MB while they are counted."""
SLOT: Final = "‹…›"


class PatternArgs(QueryArgs, frozen=True):
    """Which entries, how many patterns, and how fine their counts over time."""

    order: Annotated[
        Literal["count", "rare", "new"],
        Meta(description="Most lines first, fewest first, or those first seen last."),
    ] = "count"
    most: Annotated[int, Meta(ge=1, le=MOST, description="Patterns at most.")] = PATTERNS_MOST
    buckets: Annotated[int, Meta(ge=1, le=BUCKETS_MOST, description="Parts of the time range.")] = BUCKETS


class PatternInfo(Wire, frozen=True):
    """Lines that differ only in their values.

    text: with ‹…› for each value. level: the most severe. counts: lines in each part of the time. first,
    last: to the second. new: no line like it is older than `since`. query: finds its lines, null where
    none can be written. example: one of them."""

    text: str
    count: int
    level: str
    counts: list[int]
    first: str
    last: str
    new: bool
    query: str | None
    example: Log | None


class PatternsAnswer(Wire, frozen=True):
    """kinds: different patterns there are, total: lines of all of them. Each part of the time is widthNs
    long. complete=false: the time limit ended the count, which looked back to searchedTo."""

    patterns: list[PatternInfo]
    kinds: int
    total: int
    start: str
    width_ns: int
    complete: bool
    searched_to: str | None


@api.route(
    Route(
        "GET",
        "/api/logs/patterns",
        "Alike lines folded to patterns",
        args=PatternArgs,
        answer=Content(type=PatternsAnswer),
    )
)
def patterns(args: PatternArgs) -> Response:
    # The order is that of patterns, not of lines.
    query = asked_query({"order": Order.NEWEST})
    limit_ms = service().config.query_limit_ms
    start_ns, end_ns = summary.bounds(query, limit_ms)
    found = service().store.patterns(
        query,
        start_ns=start_ns,
        end_ns=end_ns,
        order=PatternOrder(args.order),
        most=args.most,
        buckets=args.buckets,
        time_limit_ms=limit_ms,
    )
    return json_response(
        PatternsAnswer(
            [
                PatternInfo(
                    SLOT.join(pattern.parts),
                    pattern.count,
                    pattern.level.label,
                    list(pattern.counts),
                    iso(pattern.first_ns),
                    iso(pattern.last_ns),
                    pattern.new,
                    query_of(args.q, pattern),
                    None if pattern.example is None else log_of(pattern.example),
                )
                for pattern in found.patterns
            ],
            found.kinds,
            found.total,
            iso(found.start_ns),
            found.width_ns,
            found.complete,
            optional_iso(found.searched_to_ns),
        )
    )
