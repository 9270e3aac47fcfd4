"""/login and /logout: the way in and out, and the cookie between."""

from __future__ import annotations

import logging
from typing import Final

from flask import Blueprint, Response, request

from hantu.accounts.password import Busy
from hantu.accounts.throttle import Slowed
from hantu.service import Entrance, WrongLogin
from hantu.service.accounts import ENDS_NS
from hantu.web import i18n
from hantu.web.access import ACCOUNT, client, cookie_name, is_guarded
from hantu.web.audit import audit
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.preferences import own_address
from hantu.web.render import page, see

log = logging.getLogger(__name__)

HOME: Final = "/logs"
PASSWORD_MOST: Final = 4_096


def register(blueprint: Blueprint) -> None:
    """Add the routes of these pages."""
    blueprint.add_url_rule("/login", view_func=login)
    blueprint.add_url_rule("/login", view_func=enter, methods=["POST"], endpoint="enter")
    blueprint.add_url_rule("/logout", view_func=logout, methods=["POST"])


def login() -> Response:
    """The page; whoever is signed in already goes on."""
    if client().known:
        return see(_next(request.args.get("next", "")))
    return _page()


def enter() -> Response:
    """Sign in and go on to where the way began."""
    if not is_guarded(service()):
        return see(HOME, 303)
    asker = client()
    name, password = request.form.get("name", ""), request.form.get("password", "")[:PASSWORD_MOST]
    try:
        entrance = service().accounts.login(name, password, address=asker.address, agent=agent())
    except (WrongLogin, Slowed) as refused:
        status, why = refusal_of(refused)
        return slow(_page(status=status, wrong=why, name=name[:64]), refused)
    except Busy as busy:
        raise ApiError(429, str(busy), headers={"Retry-After": "2"}) from None
    audit("signed in", entrance.account.name, actor=entrance.account.name)
    return welcome(see(_next(request.form.get("next", "")), 303), entrance)


def logout() -> Response:
    """End the session."""
    asker = client()
    if asker.scope == ACCOUNT and asker.digest:
        service().accounts.change(lambda store: store.remove_session(asker.digest))
        audit("signed out", asker.account)
    response = see("/login" if is_guarded(service()) else HOME, 303)
    response.delete_cookie(
        cookie_name(asker.scheme), path="/", secure=asker.scheme == "https", httponly=True, samesite="Lax"
    )
    return response


def welcome(response: Response, entrance: Entrance) -> Response:
    """The answer with the cookie of a new session. The one that the browser had ends with it."""
    asker = client()
    if asker.scope == ACCOUNT and asker.digest:
        service().accounts.change(lambda store: store.remove_session(asker.digest))
    response.set_cookie(
        cookie_name(asker.scheme),
        entrance.secret,
        max_age=ENDS_NS // 10**9,
        path="/",
        secure=asker.scheme == "https",
        httponly=True,
        samesite="Lax",
    )
    return response


def refusal_of(refused: WrongLogin | Slowed) -> tuple[int, str]:
    """The status and the sentence for a name or a password that is not taken."""
    if isinstance(refused, WrongLogin):
        return 401, i18n.translate("The name or the password is not right.")
    wait = i18n.duration(refused.retry_after_s)
    if refused.locked:
        return 429, i18n.translate("Too many wrong sign-ins. This is closed for {time}.", time=wait)
    return 429, i18n.translate("Too many wrong sign-ins. Try again in {time}.", time=wait)


def slow(response: Response, refused: WrongLogin | Slowed) -> Response:
    """The answer, saying when to come again."""
    if isinstance(refused, Slowed):
        response.headers["Retry-After"] = str(refused.retry_after_s)
    return response


def agent() -> str:
    """What the browser calls itself."""
    return request.headers.get("User-Agent", "")


def _next(target: str) -> str:
    """Where to go on: a page of hantu's own, never another site."""
    return target if target and own_address(target) and not target.startswith("/login") else HOME


def _page(*, status: int = 200, wrong: str = "", name: str = "") -> Response:
    config = service().config
    return page(
        "login/page.html",
        status=status,
        wrong=wrong,
        entered=name,
        next=request.values.get("next", ""),
        by_proxy=config.proxy_login_header if config.trusted_proxies else "",
    )
