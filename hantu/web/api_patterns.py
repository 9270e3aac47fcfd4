"""GET /api/logs/patterns: alike lines folded, with counts over time."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from flask import Response
from msgspec import Meta

from hantu.query.logquery import Order
from hantu.store.pattern_base import BUCKETS, PATTERNS_MOST, PatternOrder
from hantu.store.pattern_wire import PatternsAnswer, answer_of
from hantu.web import summary
from hantu.web.api_logs import QueryArgs, asked_query
from hantu.web.current import service
from hantu.web.openapi import Api, Content, Route
from hantu.web.wire import json_response

api: Final = Api("api_patterns")

MOST: Final = 1_000
BUCKETS_MOST: Final = 120
"""With 50,000 shapes 24 MB while they are counted."""


class PatternArgs(QueryArgs, frozen=True):
    """Which entries, how many patterns, and how fine their counts over time."""

    order: Annotated[
        Literal["count", "rare", "new"],
        Meta(description="Most lines first, fewest first, or those first seen last."),
    ] = "count"
    most: Annotated[int, Meta(ge=1, le=MOST, description="Patterns at most.")] = PATTERNS_MOST
    buckets: Annotated[int, Meta(ge=1, le=BUCKETS_MOST, description="Parts of the time range.")] = BUCKETS


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
    return json_response(answer_of(found, args.q))
