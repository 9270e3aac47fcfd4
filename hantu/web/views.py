"""Saved views: addresses under a name, in the menu beside the search box; and where / leads."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Blueprint, Response, request

from hantu.roles import Role
from hantu.store.base import StoreError
from hantu.store.view_base import EVERYBODY, SavedView, TakenName, ViewStorage, WrongView
from hantu.web import clock, i18n, preferences
from hantu.web.access import client
from hantu.web.audit import audit
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.render import page, see

T = TypeVar("T")
FIRST_PAGE: Final = "/logs"
MENU_MOST: Final = 12
"""Views in the menu; a page lists all."""
_PLACES: Final = ("before", "after", "full", "lang", "facet")
"""Of an address what is no part of a view."""
ZONES: Final = ("UTC",)
"""Offered beside the server's own zone and the browser's."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A view as the menu and the list show it. owner: "own" or "all". now: it is what is seen. start: /
    leads there. mine: who asks may change it."""

    name: str
    address: str
    query: str
    owner: str
    now: bool
    start: bool
    mine: bool


def register(blueprint: Blueprint) -> None:
    """Add the routes of saved views."""
    blueprint.add_url_rule("/logs/views", view_func=all_views)
    for path, act in (("", save), ("/rename", rename), ("/remove", remove)):
        blueprint.add_url_rule(f"/logs/views{path}", view_func=act, methods=["POST"])
    blueprint.add_url_rule("/logs/start", view_func=set_start, methods=["POST"])
    blueprint.add_url_rule("/logs/zone", view_func=set_zone, methods=["POST"])


def start_address() -> str:
    """Where / leads."""
    address = preferences.chosen(preferences.START)
    return address if urlsplit(address).path not in {"", "/"} else FIRST_PAGE


def shown(address: str) -> tuple[Shown, ...]:
    """The views of who asks; none when the store cannot tell. address: of the page that is seen."""
    try:
        kept = service().store.views(client().account)
    except StoreError:
        return ()
    now, start = _state(address), start_address()
    return tuple(
        Shown(
            view.name,
            view.address,
            " ".join(parse_qs(urlsplit(view.address).query).get("q", [])),
            "all" if view.account == EVERYBODY else "own",
            _state(view.address) == now,
            view.address == start,
            _may_change(view.account),
        )
        for view in kept
    )


def _state(address: str) -> tuple[str, str]:
    """What of an address makes the view."""
    parts = urlsplit(address)
    words = sorted(
        (name, value)
        for name, values in parse_qs(parts.query).items()
        for value in values
        if name not in _PLACES
    )
    return parts.path, urlencode(words)


def may_share() -> bool:
    """Whether who asks may keep views for everybody. Somebody without an account keeps no others."""
    return client().may(Role.OPERATOR)


def _may_change(account: str) -> bool:
    return account == client().account if account else may_share()


def all_views() -> Response:
    """The list in which views are renamed, removed and chosen for the start."""
    return page(
        "logs/views.html",
        name="logs",
        views=shown(""),
        start=start_address(),
        first_page=FIRST_PAGE,
        said=request.args.get("said", ""),
    )


def save() -> Response:
    """Keep the address of the form under its name."""
    form = request.form
    address, name = form.get("address", ""), form.get("name", "")
    account = _account_of("all" if form.get("shared") else "own")
    change(lambda store: store.save_view(SavedView(account, name, address, time.time_ns())))
    note(account, "shared view saved", name, address=address)
    if form.get("start"):
        preferences.remember(response := _back(address), {preferences.START: address})
        return response
    return _back(address)


def rename() -> Response:
    """Give a view another name."""
    form = request.form
    account, name, to = _account_of(form.get("owner", "")), form.get("name", ""), form.get("to", "")
    if not change(lambda store: store.rename_view(account, name, to)):
        raise ApiError(404, i18n.translate("There is no such view."))
    note(account, "shared view renamed", name, to=to)
    return _back("/logs/views")


def remove() -> Response:
    """Remove a view. One that is gone already is no fault: two tabs may be open."""
    account, name = _account_of(request.form.get("owner", "")), request.form.get("name", "")
    if change(lambda store: store.remove_view(account, name)):
        note(account, "shared view removed", name)
    return _back("/logs/views")


def set_start() -> Response:
    """Let / lead to the address of the form."""
    address = request.form.get("address", "")
    if not preferences.allowed(preferences.START, address):
        raise ApiError(400, i18n.translate("This is no page of hantu."))
    response = _back("/logs/views")
    preferences.remember(response, {preferences.START: address})
    return response


def set_zone() -> Response:
    """Show times in the zone of the form."""
    zone = request.form.get("zone", "")
    if not preferences.allowed(preferences.ZONE, zone):
        raise ApiError(400, i18n.translate("There is no such time zone."))
    response = _back(FIRST_PAGE)
    preferences.remember(response, {preferences.ZONE: zone})
    return response


def zones() -> tuple[tuple[str, str], ...]:
    """(value, text) of the zones to choose from; the browser's own comes by script."""
    chosen = clock.chosen_zone()
    more = [name for name in dict.fromkeys((*ZONES, chosen)) if name]
    return (
        ("", i18n.translate("The server's ({zone})", zone=clock.server_zone())),
        *((name, name) for name in more),
    )


def change(work: Callable[[ViewStorage], T]) -> T:
    """Run work(store) between two commits. Raises ApiError 400 and 409 for what cannot be kept."""
    try:
        return service().pipeline.with_store(work)
    except TakenName as error:
        raise ApiError(409, str(error)) from None
    except WrongView as error:
        raise ApiError(400, str(error)) from None


def note(account: str, act: str, name: str, /, **detail: str) -> None:
    """Put an act on a view of everybody into the audit trail; one's own views are nobody else's matter."""
    if account == EVERYBODY:
        audit(act, name, **detail)


def _account_of(owner: str) -> str:
    """The account whose views `owner` (own, all) means. Raises ApiError 403."""
    account = EVERYBODY if owner == "all" else client().account
    if not _may_change(account):
        raise ApiError(403, i18n.translate("Views of everybody take the role operator."))
    return account


def _back(default: str) -> Response:
    """To the page that the form names."""
    path = request.form.get("back", "")
    return see(path if preferences.own_address(path) else default, 303)
