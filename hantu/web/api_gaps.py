"""GET /api/gaps: the ledger of the times that hantu could not see."""

from __future__ import annotations

from typing import Annotated, Final

from flask import Response
from msgspec import Meta

from hantu.output import Wire
from hantu.web.api_logs import QueryArgs, asked_query
from hantu.web.gaps import answer, gaps_of
from hantu.web.openapi import Api, Content, Route
from hantu.web.wire import GapAnswer, json_response

api: Final = Api("api_gaps")


class GapArgs(QueryArgs, frozen=True):
    """Of which lines, and how many gaps."""

    limit: Annotated[int, Meta(ge=1, le=500, description="Gaps, at most.")] = 100


class GapsAnswer(Wire, frozen=True):
    """Gaps, by their end, newest first."""

    gaps: list[GapAnswer]


@api.route(
    Route(
        "GET",
        "/api/gaps",
        "Times that hantu could not see, newest first",
        args=GapArgs,
        answer=Content(type=GapsAnswer),
    )
)
def gaps(args: GapArgs) -> Response:
    return json_response(GapsAnswer([answer(gap) for gap in gaps_of(asked_query(), most=args.limit)]))
