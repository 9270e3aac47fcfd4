"""How errors are answered: JSON for programs, a plain page for people, a traceback for nobody."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from flask import Flask, Response, current_app, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException

from hantu.pipeline import PipelineStopped, QueueFull
from hantu.query.error import QueryError
from hantu.store.base import QueryTimeout, StoreError
from hantu.web.wire import ErrorAnswer, ErrorDetail, json_response

log = logging.getLogger(__name__)

ErrorPage = Callable[[int, str], Response]
"""status, message → the page that says so; registered as app.extensions["hantu.error_page"]."""

PROGRAM_PATHS: Final = ("/api/", "/ws/", "/healthz", "/metrics")
RETRY_AFTER_S: Final = 1

_CODES: Final = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    421: "wrong_host",
    422: "unprocessable",
    429: "too_many_requests",
    503: "unavailable",
}


class ApiError(Exception):
    """A refusal with its HTTP status and a sentence that says what to do."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str = "",
        position: int | None = None,
        length: int | None = None,
        parameter: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or _CODES.get(status, "error")
        self.position = position
        self.length = length
        self.parameter = parameter
        self.headers = dict(headers or {})


def register(app: Flask) -> None:
    """Answer every error of the application."""
    app.register_error_handler(ApiError, _api_error)
    app.register_error_handler(QueryError, _query_error)
    app.register_error_handler(QueryTimeout, _query_timeout)
    app.register_error_handler(StoreError, _store_error)
    app.register_error_handler(QueueFull, _queue_full)
    app.register_error_handler(PipelineStopped, _pipeline_stopped)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def refusal(error: ApiError) -> Response:
    """The answer to a request that is refused with `error`."""
    if request.path.startswith(PROGRAM_PATHS):
        detail = ErrorDetail(error.code, error.message, error.position, error.length, error.parameter)
        response = json_response(ErrorAnswer(detail), error.status)
    else:
        response = _page(error.status, error.message)
    response.headers.update(error.headers)
    return response


def _page(status: int, message: str) -> Response:
    page: ErrorPage | None = current_app.extensions.get("hantu.error_page")
    if page is not None:
        return page(status, message)
    return Response(
        "<!doctype html><html lang=en><meta charset=utf-8><title>hantu</title>"
        f"<h1>{status}</h1><p>{escape(message)}</p><p><a href=/logs>/logs</a></p></html>",
        status=status,
        mimetype="text/html",
    )


def _api_error(error: ApiError) -> Response:
    return refusal(error)


def _query_error(error: QueryError) -> Response:
    of_text = error.parameter in ("", "q")
    return refusal(
        ApiError(
            400,
            error.message,
            code="bad_query" if of_text else "bad_argument",
            position=error.position if of_text else None,
            length=error.length if of_text else None,
            parameter=error.parameter,
        )
    )


def _query_timeout(error: QueryTimeout) -> Response:
    return refusal(ApiError(503, str(error), code="query_timeout"))


def _store_error(error: StoreError) -> Response:
    log.error("the store answered %s %s with: %s", request.method, request.path, error)
    return refusal(ApiError(503, str(error), code="store_unavailable"))


def _queue_full(error: QueueFull) -> Response:
    return refusal(
        ApiError(429, str(error), code="queue_full", headers={"Retry-After": str(RETRY_AFTER_S)})
    )


def _pipeline_stopped(error: PipelineStopped) -> Response:
    return refusal(ApiError(503, str(error), code="stopping", headers={"Retry-After": "5"}))


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if 300 <= status < 400:
        return Response(status=status, headers=dict(error.get_headers()))
    headers = (
        {"Allow": ", ".join(sorted(allowed))} if (allowed := getattr(error, "valid_methods", None)) else {}
    )
    return refusal(ApiError(status, error.description or error.name, headers=headers))


def _unexpected(error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return refusal(ApiError(500, "hantu made an error here; its own log says more", code="internal"))
