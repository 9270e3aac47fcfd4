"""/api/alerts: how telling people of errors fares, and trying again."""

from __future__ import annotations

from typing import Final

from flask import Response

from hantu.output import Wire, optional_iso
from hantu.web.access import require_admin
from hantu.web.current import service
from hantu.web.openapi import Api, Content, NoArgs, Route
from hantu.web.wire import json_response

api: Final = Api("api_alerts")


class AlertsAnswer(Wire, frozen=True):
    """How alerting fares.

    channel: whether the settings name one; else all else is empty. waiting: messages that are not sent yet.
    gathered: errors that wait to be told together. quiet: errors whose cooldown runs. error: why the
    last try failed, "" when it did not. stopped: why nothing is sent any more, "" when it is."""

    channel: bool
    sent: int
    last_sent: str | None
    waiting: int
    gathered: int
    quiet: int
    error: str
    error_at: str | None
    stopped: str


@api.route(
    Route("GET", "/api/alerts", "How telling people of errors fares", answer=Content(type=AlertsAnswer))
)
def alerts(args: NoArgs) -> Response:  # noqa: ARG001  every view takes its arguments
    return json_response(_answer())


@api.route(
    Route(
        "POST",
        "/api/alerts/retry",
        "Send what waits now, also after a refusal",
        answer=Content(type=AlertsAnswer),
        refusals=(400, 401, 403, 421),
    )
)
def retry(args: NoArgs) -> Response:  # noqa: ARG001
    require_admin()
    engine = service().alerts
    if engine is not None:
        engine.retry()
    return json_response(_answer())


def _answer() -> AlertsAnswer:
    engine = service().alerts
    if engine is None:
        return AlertsAnswer(
            channel=False,
            sent=0,
            last_sent=None,
            waiting=0,
            gathered=0,
            quiet=0,
            error="",
            error_at=None,
            stopped="",
        )
    found = engine.figures()
    return AlertsAnswer(
        channel=True,
        sent=found.sent,
        last_sent=optional_iso(found.sent_ns or None),
        waiting=found.waiting,
        gathered=found.gathered,
        quiet=found.quiet,
        error=found.error,
        error_at=optional_iso((found.error and found.error_ns) or None),
        stopped=found.closed,
    )
