"""/settings/accounts: who may sign in, for admins."""

from __future__ import annotations

import time
from typing import Final

from flask import Blueprint, Response, request

from hantu.accounts import acts
from hantu.accounts.password import Busy
from hantu.roles import Role
from hantu.store.account_base import UnknownAccount
from hantu.web import i18n
from hantu.web.access import LOCAL, client
from hantu.web.audit import audit
from hantu.web.confirming import CONFIRM, asked_again, confirm, is_confirmed
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.render import see
from hantu.web.sentences import say
from hantu.web.settings import section_page
from hantu.web.signin import PASSWORD_MOST

HERE: Final = "/settings/accounts"
ROLES: Final = (
    (Role.VIEWER, "Viewer", "reads"),
    (Role.OPERATOR, "Operator", "also resolves errors, starts and stops collectors, cancels runs"),
    (Role.ADMIN, "Admin", "also cleans up, and decides about accounts, tokens and settings"),
)


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule(HERE, view_func=accounts, endpoint="accounts")
    blueprint.add_url_rule(HERE, view_func=change, methods=["POST"], endpoint="change_accounts")


def accounts() -> Response:
    """The page."""
    return _page()


def change() -> Response:
    """What the pressed button names, to the account that the form names."""
    if client().scope == LOCAL:
        raise ApiError(
            403, i18n.translate("The first account is made by the set-up link or `hantu passwd`.")
        )
    form = request.form
    name, act = form.get("name", ""), form.get("act", "")
    if act == CONFIRM:
        return confirm(HERE, _page)
    if not is_confirmed():
        return _page(status=403, wrong=asked_again())
    try:
        if act == "add":
            _add(name)
        elif act == "role":
            _set_role(name, _role())
        elif act == "password":
            own = service().accounts.set_password(name, form.get("password", "")[:PASSWORD_MOST])
            audit("password changed", own.name)
        elif act == "remove":
            service().accounts.change(lambda store: acts.remove(store, name))
            audit("account removed", name)
        else:
            raise ApiError(400, i18n.translate("The form does not say what to do."))
    except UnknownAccount:
        return _page(status=404, wrong=i18n.translate("There is no such account any more."))
    except acts.Refused as refused:
        return _page(status=409, wrong=say(str(refused)))
    except ValueError as error:
        return _page(status=400, wrong=say(str(error)))
    except Busy as busy:
        raise ApiError(429, str(busy), headers={"Retry-After": "2"}) from None
    return see(f"{HERE}?did={act}", 303)


def _add(name: str) -> None:
    password = request.form.get("password", "")[:PASSWORD_MOST]
    by_proxy = not password and bool(service().config.proxy_login_header)
    account = acts.prepare(name, _role(), None if by_proxy else password, at_ns=time.time_ns())
    service().accounts.change(lambda store: acts.add(store, account))
    audit("account made", account.name, role=account.role.value)


def _set_role(name: str, role: Role) -> None:
    if service().accounts.change(lambda store: acts.set_role(store, name, role)):
        audit("role changed", name, role=role.value)


def _role() -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        raise ApiError(400, i18n.translate("The form does not say which role.")) from None


def _page(*, status: int = 200, wrong: str = "") -> Response:
    desk = service()
    return section_page(
        "settings/accounts.html",
        "accounts",
        status=status,
        lead=i18n.translate("Who may sign in, and what each may do."),
        accounts=desk.store.accounts(),
        sessions={each.name: len(desk.accounts.sessions_of(each.name)) for each in desk.store.accounts()},
        roles=ROLES,
        role_words={role: word for role, word, _ in ROLES},
        own=client(),
        confirmed=is_confirmed(),
        confirm_here=HERE,
        confirm_why=i18n.translate("Before accounts are changed here. It holds for 10 minutes."),
        by_proxy=bool(desk.config.proxy_login_header),
        wrong=wrong,
        did=request.args.get("did", ""),
    )
