"""/api/executions: runs of jobs, their steps and logs, and what their runners report."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any, Final

from flask import Response, request
from msgspec import UNSET, Meta, to_builtins

from hantu.executions import Execution, ExecutionStatus, IllegalMove, NotAllowed, TooLarge
from hantu.jobs import acts, wire
from hantu.jobs.asked import (
    CancelAsked,
    ChangeAsked,
    ExecutionAsked,
    HeartbeatAsked,
    change_of,
    public_name,
    recorded,
    time_ns_of,
)
from hantu.jobs.question import PAGE_MOST, SEARCH_MOST, question
from hantu.query.expr import And
from hantu.query.logquery import LogQuery
from hantu.store.execution_base import (
    PAGE_SIZE_DEFAULT,
    PAGE_SIZE_MOST,
    ExecutionSort,
    SortOrder,
    Taken,
    UnknownArtifact,
    UnknownExecution,
)
from hantu.web.access import client
from hantu.web.api_logs import LogsArgs, asked_query, search, zone
from hantu.web.current import change_executions, executions, service
from hantu.web.errors import ApiError
from hantu.web.one_error import trace_query
from hantu.web.openapi import Api, Args, Content, NoArgs, Route, body_of
from hantu.web.wire import LogsAnswer, json_response

api: Final = Api("api_executions")

PATH: Final[dict[str, dict[str, Any]]] = {"execution_id": {"type": "string", "format": "uuid"}}
READ_REFUSALS: Final = (400, 401, 403, 404, 421, 503)
ACT_REFUSALS: Final = (400, 401, 403, 404, 409, 413, 421, 503)
_KEEPING: Final = ("retain_until", "is_permanent")


def _words(kind: type[StrEnum], description: str) -> Meta:
    return Meta(description=description, extra_json_schema={"enum": [word.value for word in kind]})


class ExecutionArgs(Args, frozen=True):
    """Which executions, and which page of them."""

    status: Annotated[
        str, Meta(description="Any of these; commas between.", examples=["FAILED,CANCELLED"])
    ] = ""
    job_name: Annotated[str, Meta(description="Any of these jobs.", examples=["nightly-report"])] = ""
    model: Annotated[str, Meta(description="Any of these models.")] = ""
    created_after: Annotated[str, Meta(description="From: 2h, 7d, 2026-11-20T09:00, today …")] = ""
    created_before: Annotated[str, Meta(description="Before, as createdAfter.")] = ""
    has_artifacts: Annotated[bool | None, Meta(description="With artifacts, or without.")] = None
    search: Annotated[
        str, Meta(description="Words in job name, prompt, output or error.", max_length=SEARCH_MOST)
    ] = ""
    page: Annotated[int, Meta(ge=1, le=PAGE_MOST, description="Which page.")] = 1
    page_size: Annotated[int, Meta(ge=1, le=PAGE_SIZE_MOST, description="Executions a page.")] = (
        PAGE_SIZE_DEFAULT
    )
    sort_by: Annotated[str, _words(ExecutionSort, "What the list is sorted by.")] = "createdAt"
    sort_order: Annotated[str, _words(SortOrder, "Greatest or least first.")] = "desc"


@contextmanager
def answering() -> Iterator[None]:
    """Say what the store and the acts refuse as an API error."""
    try:
        yield
    except UnknownExecution:
        raise ApiError(404, "there is no such execution; retention may have removed it") from None
    except UnknownArtifact:
        raise ApiError(404, "there is no such artifact; retention may have removed it") from None
    except IllegalMove as refused:
        raise ApiError(409, str(refused), code="illegal_move") from None
    except Taken as refused:
        raise ApiError(409, str(refused)) from None
    except NotAllowed as wrong:
        name = public_name(wrong.field)
        status, code = (413, "too_large") if isinstance(wrong, TooLarge) else (400, "bad_body")
        raise ApiError(status, f"{name} {wrong.allowed}", code=code, parameter=name) from None


def _changed(execution: Execution, status: int = 200) -> Response:
    """The execution as it is now, as far as the client may see it."""
    if execution.callback_due_ns is not None:
        service().executions.wake()
    texts = client().scope != "ingest"
    return json_response(wire.execution_of(execution, time.time_ns(), texts=texts), status)


@api.route(
    Route(
        "POST",
        "/api/executions",
        "A new execution; with a status also one that runs or is over",
        body=(
            Content(
                type=ExecutionAsked, example={"jobName": "nightly-report", "prompt": "오늘 주문을 요약"}
            ),
        ),
        answer=Content(type=wire.Execution),
        other_answers={200: Content(type=wire.Execution)},
        status=201,
        refusals=(400, 401, 403, 409, 413, 421, 503),
    )
)
def create_execution(args: NoArgs) -> Response:  # noqa: ARG001  every view takes its arguments
    desk = service()
    asked = body_of(ExecutionAsked)
    with answering():
        told = recorded(asked, desk.masking)
        added = change_executions(lambda store: acts.record(store, told, now_ns=time.time_ns()))
    return _changed(added.execution, 201 if added.is_new else 200)


@api.route(
    Route(
        "GET",
        "/api/executions",
        "A page of executions and how many there are",
        args=ExecutionArgs,
        answer=Content(type=wire.ExecutionsAnswer),
    )
)
def list_executions(args: ExecutionArgs) -> Response:
    now_ns = time.time_ns()
    words = {name: "" if value is None else str(value) for name, value in to_builtins(args).items()}
    query = question(words, now_ns=now_ns, tz=zone())
    return json_response(wire.page_of(executions().executions(query), now_ns))


@api.route(
    Route(
        "GET",
        "/api/executions/<execution_id>",
        "One execution with its steps and artifacts",
        answer=Content(type=wire.ExecutionDetail),
        refusals=READ_REFUSALS,
        path_schemas=PATH,
    )
)
def one_execution(args: NoArgs, execution_id: str) -> Response:  # noqa: ARG001
    store = executions()
    with answering():
        found = store.execution(execution_id)
        steps, files = store.transitions(found.id), store.artifacts(found.id)
    return json_response(wire.detail_of(found, steps, files, time.time_ns()))


@api.route(
    Route(
        "PATCH",
        "/api/executions/<execution_id>",
        "Report what became of an execution",
        body=(Content(type=ChangeAsked, example={"status": "RUNNING"}),),
        answer=Content(type=wire.Execution),
        refusals=ACT_REFUSALS,
        path_schemas=PATH,
    )
)
def change_execution(args: NoArgs, execution_id: str) -> Response:  # noqa: ARG001
    desk = service()
    asked = body_of(ChangeAsked)
    if client().scope == "ingest" and any(getattr(asked, name) is not UNSET for name in _KEEPING):
        raise ApiError(403, "how long an execution is kept is changed by a token with scope admin")
    with answering():
        change, at_ns = change_of(asked, desk.masking), time_ns_of("at", asked.at)
        reason = desk.masking.text(asked.reason)
        changed = change_executions(
            lambda store: acts.change(
                store, execution_id, change, now_ns=time.time_ns(), at_ns=at_ns, reason=reason
            )
        )
    return _changed(changed)


@api.route(
    Route(
        "POST",
        "/api/executions/<execution_id>/cancel",
        "Cancel an execution that is not over; its runner learns it by its next heartbeat",
        body=(Content(type=CancelAsked, example={"reason": "잘못된 입력"}),),
        body_required=False,
        answer=Content(type=wire.Execution),
        refusals=ACT_REFUSALS,
        path_schemas=PATH,
    )
)
def cancel_execution(args: NoArgs, execution_id: str) -> Response:  # noqa: ARG001
    desk, by = service(), client().name or acts.PAGE
    asked = body_of(CancelAsked) if request.get_data() else CancelAsked()
    with answering():
        reason = desk.masking.text(asked.reason)
        cancelled = change_executions(
            lambda store: acts.cancel(store, execution_id, at_ns=time.time_ns(), by=by, reason=reason)
        )
    return _changed(cancelled)


@api.route(
    Route(
        "POST",
        "/api/executions/<execution_id>/heartbeat",
        "A sign of life of a runner; tells it whether the run goes on",
        body=(Content(type=HeartbeatAsked, example={"intervalMs": 10_000}),),
        answer=Content(type=wire.HeartbeatAnswer),
        refusals=ACT_REFUSALS,
        path_schemas=PATH,
    )
)
def beat(args: NoArgs, execution_id: str) -> Response:  # noqa: ARG001
    asked = body_of(HeartbeatAsked)
    with answering():
        status: ExecutionStatus = change_executions(
            lambda store: store.heartbeat(execution_id, at_ns=time.time_ns(), interval_ms=asked.interval_ms)
        )
    return json_response(wire.HeartbeatAnswer(status.value))


@api.route(
    Route(
        "GET",
        "/api/executions/<execution_id>/transitions",
        "The steps of an execution, the first one first",
        answer=Content(type=wire.TransitionsAnswer),
        refusals=READ_REFUSALS,
        path_schemas=PATH,
    )
)
def execution_transitions(args: NoArgs, execution_id: str) -> Response:  # noqa: ARG001
    with answering():
        steps = executions().transitions(execution_id)
    return json_response(wire.TransitionsAnswer([wire.transition_of(step) for step in steps]))


@api.route(
    Route(
        "GET",
        "/api/executions/<execution_id>/logs",
        "The entries with the trace id of an execution",
        args=LogsArgs,
        answer=Content(type=LogsAnswer),
        refusals=READ_REFUSALS,
        path_schemas=PATH,
    )
)
def execution_logs(args: LogsArgs, execution_id: str) -> Response:
    with answering():
        found = executions().execution(execution_id)
    return json_response(search(_of_trace(asked_query(), found.trace_id), args))


def _of_trace(query: LogQuery, trace_id: str) -> LogQuery:
    """The query within one trace."""
    within = trace_query(trace_id)
    if within is None or within.search is None:
        raise ApiError(404, "no line can have the trace id of this execution")
    asked = query.search.items if isinstance(query.search, And) else (query.search,)
    items = (within.search, *(item for item in asked if item is not None))
    return replace(query, search=And(items) if len(items) > 1 else within.search)
