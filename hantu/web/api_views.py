"""/api/views: saved views, of the account and of everybody."""

from __future__ import annotations

import time
from typing import Annotated

from flask import Response
from msgspec import Meta

from hantu.output import Wire, iso
from hantu.roles import Role
from hantu.store.view_base import (
    ADDRESS_MOST,
    EVERYBODY,
    NAME_MOST,
    SavedView,
    WrongView,
    checked_view,
)
from hantu.web.access import client
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.openapi import Api, Args, Content, NoArgs, Route, body_of
from hantu.web.views import change, note
from hantu.web.wire import json_response

api = Api("api_views")


class ViewInfo(Wire, frozen=True):
    """A saved view. shared: it is everybody's."""

    name: str
    address: str
    shared: bool
    created_at: str


class ViewsAnswer(Wire, frozen=True):
    """Views by name."""

    views: list[ViewInfo]


class ViewAsked(Wire, frozen=True, forbid_unknown_fields=True):
    """The view to keep. address: from the path on, as the browser shows it. One of the same name is
    replaced."""

    name: Annotated[str, Meta(min_length=1, max_length=NAME_MOST)]
    address: Annotated[str, Meta(min_length=1, max_length=ADDRESS_MOST, pattern="^/")]
    shared: bool = False


class ViewArgs(Args, frozen=True):
    """Whose view."""

    shared: Annotated[bool, Meta(description="Everybody's, and not the account's own.")] = False


class ViewRemoved(Wire, frozen=True):
    """Whether there was such a view."""

    removed: bool


@api.route(Route("GET", "/api/views", "Saved views", answer=Content(type=ViewsAnswer)))
def views(args: NoArgs) -> Response:  # noqa: ARG001  every view takes its arguments
    return json_response(ViewsAnswer([_info(view) for view in service().store.views(client().account)]))


@api.route(
    Route(
        "POST",
        "/api/views",
        "Keep a view under a name",
        body=(Content(type=ViewAsked, example={"name": "Errors", "address": "/logs?q=level%3Aerror"}),),
        answer=Content(type=ViewInfo),
        refusals=(400, 401, 403, 413, 421, 503),
    )
)
def save_view(args: NoArgs) -> Response:  # noqa: ARG001
    asked = body_of(ViewAsked)
    asker = SavedView(_account(shared=asked.shared), asked.name, asked.address, time.time_ns())
    try:
        view = checked_view(asker)
    except WrongView as error:
        raise ApiError(400, str(error)) from None
    change(lambda store: store.save_view(view))
    note(view.account, "shared view saved", view.name, address=view.address)
    return json_response(_info(view))


@api.route(
    Route(
        "DELETE",
        "/api/views/<path:name>",
        "Remove a view",
        args=ViewArgs,
        answer=Content(type=ViewRemoved),
        refusals=(400, 401, 403, 404, 421, 503),
    )
)
def remove_view(args: ViewArgs, name: str) -> Response:
    account = _account(shared=args.shared)
    removed = change(lambda store: store.remove_view(account, name))
    if removed:
        note(account, "shared view removed", name)
    return json_response(ViewRemoved(removed))


def _account(*, shared: bool) -> str:
    """Whose views are meant; without an account there are only everybody's. Raises ApiError 403."""
    account = EVERYBODY if shared else client().account
    if account == EVERYBODY and not client().may(Role.OPERATOR):
        raise ApiError(403, "views of everybody take the role operator")
    return account


def _info(view: SavedView) -> ViewInfo:
    return ViewInfo(view.name, view.address, view.account == EVERYBODY, iso(view.created_ns))
