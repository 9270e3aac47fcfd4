"""/setup: where the link printed at the first start leads: what was found, what is missing, the first
account."""

from __future__ import annotations

from flask import Blueprint, Response, request

from hantu.service.setup import SetupLink
from hantu.web import i18n
from hantu.web.access import client
from hantu.web.audit import audit
from hantu.web.command import command
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.render import page, see
from hantu.web.sentences import say
from hantu.web.signin import PASSWORD_MOST, agent, welcome


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule("/setup", view_func=setup)
    blueprint.add_url_rule("/setup", view_func=finish, methods=["POST"], endpoint="finish_setup")


def setup() -> Response:
    """The page, as long as the link is good."""
    _link(request.args.get("token", ""))
    return _page()


def finish() -> Response:
    """Use the link up: makes the first account and signs it in."""
    form = request.form
    token, password = form.get("token", ""), form.get("password", "")[:PASSWORD_MOST]
    link = _link(token)
    if password != form.get("again", ""):
        return _page(status=400, wrong=i18n.translate("The two passwords are not the same."))
    try:
        entrance = link.finish(
            token, form.get("name", ""), password, address=client().address, agent=agent()
        )
    except ValueError as error:
        return _page(status=400, wrong=say(str(error)))
    name = entrance.account.name
    audit("account made", name, actor=name, role=entrance.account.role.value, by="set-up link")
    return welcome(see("/logs#newest", 303), entrance)


def _link(token: str) -> SetupLink:
    """The open set-up link that `token` belongs to; 404 for any other."""
    link = service().setup
    if not link.open or not link.check(token):
        make = command(service().config, "passwd")
        raise ApiError(
            404,
            i18n.translate(
                "This set-up link is not right or was used already. This sets a password: {make}", make=make
            ),
        )
    return link


def _page(*, status: int = 200, wrong: str = "") -> Response:
    return page(
        "setup/page.html",
        status=status,
        token=request.values.get("token", ""),
        entered=request.form.get("name", "admin")[:64],
        wrong=wrong,
    )
