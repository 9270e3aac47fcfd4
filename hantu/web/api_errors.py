"""/api/errors: the inbox, its groups and their occurrences, statistics, and the acts of people."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any, Final

from flask import Response
from msgspec import Meta, to_builtins

from hantu.inbox import acts
from hantu.inbox.question import Shown, one_of, question, write_cursor
from hantu.inbox.wire import (
    ErrorsAnswer,
    GroupAnswer,
    GroupDetail,
    OccurrencesAnswer,
    StatsAnswer,
    act_of,
    group_of,
    occurrence_of,
    stats_of,
)
from hantu.output import Wire
from hantu.query.error import QueryError
from hantu.query.times import end_of, start_of
from hantu.store.error_base import (
    ERROR_LIMIT_DEFAULT,
    ERROR_LIMIT_MOST,
    ErrorGroup,
    ErrorOrder,
    ErrorStorage,
    OccurrencePage,
    StatsBy,
    UnknownError,
)
from hantu.web import clock
from hantu.web.access import client
from hantu.web.api_logs import zone
from hantu.web.current import change_errors, errors
from hantu.web.errors import ApiError
from hantu.web.openapi import Api, Args, Content, NoArgs, Route, body_of
from hantu.web.wire import json_response

api: Final = Api("api_errors")

ID_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": "^([0-9]{1,18}|[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})$",
    "description": "The id of a group, or of one of its occurrences.",
}
_PATH: Final = {"error_id": ID_SCHEMA}
_READ_REFUSALS: Final = (400, 401, 403, 404, 421, 503)
_ACT_REFUSALS: Final = (400, 401, 403, 404, 409, 413, 421, 503)
_STATS_SINCE: Final = "7d"
_TIME_MOST: Final = 1 << 63


def _words(kind: type[StrEnum], description: str) -> Meta:
    """A word of a set; which ones are possible is told when it is another."""
    return Meta(description=description, extra_json_schema={"enum": [word.value for word in kind]})


class ErrorArgs(Args, frozen=True):
    """Which groups, and which page of them."""

    status: Annotated[str, _words(Shown, "open: unresolved and not muted.")] = "all"
    service: Annotated[str, Meta(description="Any of these services.", examples=["api,scheduler"])] = ""
    type: Annotated[str, Meta(description="Any of these types.", examples=["TimeoutError"])] = ""
    level: Annotated[str, Meta(description="Any of these levels.", examples=["error,critical"])] = ""
    q: Annotated[str, Meta(description="A text in message, type or place.", examples=["주문 실패"])] = ""
    since: Annotated[str, Meta(description="Last seen from: 2h, 7d, 2026-11-20, today …")] = ""
    until: Annotated[str, Meta(description="Last seen up to, as since.")] = ""
    order: Annotated[str, _words(ErrorOrder, "Last seen, first seen or most first.")] = "last"
    limit: Annotated[int, Meta(ge=1, le=ERROR_LIMIT_MOST, description="Groups a page.")] = (
        ERROR_LIMIT_DEFAULT
    )
    cursor: Annotated[str, Meta(description="nextCursor of the page before.")] = ""


class OccurrenceArgs(Args, frozen=True):
    """Which page of occurrences."""

    limit: Annotated[int, Meta(ge=1, le=ERROR_LIMIT_MOST, description="Occurrences a page.")] = (
        ERROR_LIMIT_DEFAULT
    )
    cursor: Annotated[str, Meta(description="nextCursor of the page before.")] = ""


class ErrorStatsArgs(Args, frozen=True):
    """What is counted, and when."""

    by: Annotated[str, _words(StatsBy, "What is counted by.")] = "service"
    since: Annotated[str, Meta(description="From, as in a search.", examples=["7d"])] = _STATS_SINCE
    until: Annotated[str, Meta(description="Up to, as since.")] = ""


class MuteAsked(Wire, frozen=True, forbid_unknown_fields=True):
    """No alerts for so many seconds, or until more than so many come within an hour: exactly one."""

    for_seconds: Annotated[int, Meta(ge=1, le=acts.MUTE_DAYS_MOST * 86_400)] | None = None
    below_an_hour: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class NoteAsked(Wire, frozen=True, forbid_unknown_fields=True):
    """A note for the history."""

    text: Annotated[str, Meta(min_length=1, max_length=acts.NOTE_MOST, pattern=r"\S")]


class MergeAsked(Wire, frozen=True, forbid_unknown_fields=True):
    """The groups that become part of this one."""

    groups: Annotated[
        list[Annotated[int, Meta(ge=1, le=2**62)]], Meta(min_length=1, max_length=acts.MERGE_MOST)
    ]


class SplitAsked(Wire, frozen=True, forbid_unknown_fields=True):
    """The fingerprint that gets a group of its own."""

    fingerprint: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]


@contextmanager
def answering() -> Iterator[None]:
    """Say what the store and the acts refuse as an API error."""
    try:
        yield
    except UnknownError:
        raise ApiError(
            404, "there is no such error: the id of a group or of an occurrence is meant"
        ) from None
    except acts.Refused as refused:
        raise ApiError(409, str(refused)) from None
    except ValueError as wrong:
        raise ApiError(400, str(wrong), code="bad_body") from None


@api.route(
    Route(
        "GET",
        "/api/errors",
        "The inbox: groups of equal errors",
        args=ErrorArgs,
        answer=Content(type=ErrorsAnswer),
    )
)
def error_groups(args: ErrorArgs) -> Response:
    now_ns = time.time_ns()
    words = {name: str(value) for name, value in to_builtins(args).items()}
    query = question(words, now_ns=now_ns, tz=zone(), default=Shown.ALL)
    page = errors().errors(query)
    return json_response(
        ErrorsAnswer(
            [group_of(group, now_ns) for group in page.groups],
            page.total,
            write_cursor(page.next, query.order),
        )
    )


@api.route(
    Route(
        "GET",
        "/api/errors/stats",
        "Occurrences counted by service, type, level, day or hour",
        args=ErrorStatsArgs,
        answer=Content(type=StatsAnswer),
    )
)
def error_stats(args: ErrorStatsArgs) -> Response:
    now_ns = time.time_ns()
    by = one_of("by", args.by, StatsBy, StatsBy.SERVICE)
    since_ns = _time("since", args.since or _STATS_SINCE, now_ns)
    until_ns = _time("until", args.until, now_ns) if args.until else now_ns
    offset_s = clock.offset_ns(now_ns) // clock.SECOND_NS
    rows = errors().error_stats(by, since_ns=since_ns, until_ns=until_ns, utc_offset_s=offset_s)
    return json_response(stats_of(by, since_ns, until_ns, rows))


@api.route(
    Route(
        "GET",
        "/api/errors/<error_id>",
        "One group: its newest occurrences, and what was done with it",
        args=OccurrenceArgs,
        answer=Content(type=GroupDetail),
        refusals=_READ_REFUSALS,
        path_schemas=_PATH,
    )
)
def one_error(args: OccurrenceArgs, error_id: str) -> Response:
    store, now_ns = errors(), time.time_ns()
    with answering():
        group_no = acts.group_no_of(store, error_id)
        page = store.occurrences(group_no, most=args.limit, before=_before(args.cursor))
        return json_response(
            GroupDetail(
                group_of(store.error_group(group_no), now_ns),
                [occurrence_of(found) for found in page.occurrences],
                [act_of(event) for event in store.group_events(group_no)],
                _occurrence_cursor(page),
            )
        )


@api.route(
    Route(
        "GET",
        "/api/errors/<error_id>/occurrences",
        "The occurrences of a group that are kept, newest first",
        args=OccurrenceArgs,
        answer=Content(type=OccurrencesAnswer),
        refusals=_READ_REFUSALS,
        path_schemas=_PATH,
    )
)
def error_occurrences(args: OccurrenceArgs, error_id: str) -> Response:
    store = errors()
    with answering():
        group_no = acts.group_no_of(store, error_id)
        page = store.occurrences(group_no, most=args.limit, before=_before(args.cursor))
    return json_response(
        OccurrencesAnswer([occurrence_of(found) for found in page.occurrences], _occurrence_cursor(page))
    )


def _act(act: str, summary: str, body: Any = None, example: Any = None) -> Route:
    """The route of an act."""
    return Route(
        "POST",
        f"/api/errors/<error_id>/{act}",
        summary,
        body=() if body is None else (Content(type=body, example=example),),
        answer=Content(type=GroupAnswer),
        refusals=_ACT_REFUSALS,
        path_schemas=_PATH,
    )


@api.route(_act("resolve", "Settle a group; a later occurrence reopens it"))
def resolve_error(args: NoArgs, error_id: str) -> Response:  # noqa: ARG001  every view takes its arguments
    return _changed(error_id, lambda store, no, at_ns, by: acts.resolve(store, no, at_ns=at_ns, by=by))


@api.route(_act("reopen", "Take a resolved group up again"))
def reopen_error(args: NoArgs, error_id: str) -> Response:  # noqa: ARG001
    return _changed(error_id, lambda store, no, at_ns, by: acts.reopen(store, no, at_ns=at_ns, by=by))


@api.route(_act("mute", "No alerts of a group for a time or below a rate", MuteAsked, {"forSeconds": 3600}))
def mute_error(args: NoArgs, error_id: str) -> Response:  # noqa: ARG001
    asked = body_of(MuteAsked)
    if (asked.for_seconds is None) == (asked.below_an_hour is None):
        raise ApiError(400, "give forSeconds or belowAnHour, one of them", code="bad_body")
    return _changed(
        error_id,
        lambda store, no, at_ns, by: acts.mute(
            store, no, at_ns=at_ns, by=by, seconds=asked.for_seconds, below_an_hour=asked.below_an_hour
        ),
    )


@api.route(_act("unmute", "Alerts of a group again"))
def unmute_error(args: NoArgs, error_id: str) -> Response:  # noqa: ARG001
    return _changed(error_id, lambda store, no, at_ns, by: acts.unmute(store, no, at_ns=at_ns, by=by))


@api.route(_act("notes", "Write a note into the history of a group", NoteAsked, {"text": "고침: 1.8.2"}))
def note_error(args: NoArgs, error_id: str) -> Response:  # noqa: ARG001
    asked = body_of(NoteAsked)
    return _changed(
        error_id, lambda store, no, at_ns, by: acts.note(store, no, asked.text, at_ns=at_ns, by=by)
    )


@api.route(_act("merge", "Make other groups part of this one", MergeAsked, {"groups": [12, 15]}))
def merge_errors(args: NoArgs, error_id: str) -> Response:  # noqa: ARG001
    asked = body_of(MergeAsked)
    return _changed(
        error_id, lambda store, no, at_ns, by: acts.merge(store, asked.groups, no, at_ns=at_ns, by=by)
    )


@api.route(
    _act(
        "split",
        "Give a fingerprint of a merged group a group of its own, which is answered",
        SplitAsked,
        {"fingerprint": "0123456789abcdef"},
    )
)
def split_error(args: NoArgs, error_id: str) -> Response:  # noqa: ARG001
    asked = body_of(SplitAsked)
    return _changed(
        error_id,
        lambda store, no, at_ns, by: acts.split(store, no, asked.fingerprint, at_ns=at_ns, by=by),
    )


def _changed(error_id: str, act: Callable[[ErrorStorage, int, int, str], ErrorGroup]) -> Response:
    """Do act(store, group, now, who) and answer with the group as it is then."""
    now_ns, by = time.time_ns(), client().name or acts.PAGE
    with answering():
        group = change_errors(lambda store: act(store, acts.group_no_of(store, error_id), now_ns, by))
    return json_response(GroupAnswer(group_of(group, now_ns)))


def _time(name: str, word: str, now_ns: int) -> int:
    try:
        return (start_of if name == "since" else end_of)(word, now_ns=now_ns, tz=zone())
    except QueryError as error:
        raise QueryError(f"{name}: {error.message}", parameter=name) from None


def _occurrence_cursor(page: OccurrencePage) -> str | None:
    return None if page.next is None else f"{page.next[0]}-{page.next[1]}"


def _before(cursor: str) -> tuple[int, int] | None:
    """The place that a cursor names. Raises QueryError."""
    if not cursor:
        return None
    place = read_before(cursor)
    if place is None:
        raise QueryError("cursor: this is none; use the nextCursor of the page before", parameter="cursor")
    return place


def read_before(text: str) -> tuple[int, int] | None:
    """The place between occurrences written as time-number, None when it is none."""
    time_text, _, number_text = text.rpartition("-")
    try:
        place = int(time_text), int(number_text)
    except ValueError:
        return None
    return place if abs(place[0]) < _TIME_MOST and 0 <= place[1] < _TIME_MOST else None
