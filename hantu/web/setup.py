"""/setup: where the link printed at the first start leads: what was found, what is missing, a token."""

from __future__ import annotations

from flask import Blueprint, Response, request

from hantu.service.setup import SetupLink
from hantu.web import i18n
from hantu.web.command import command
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.render import page
from hantu.web.sources import sign_of


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule("/setup", view_func=setup)
    blueprint.add_url_rule("/setup", view_func=finish, methods=["POST"], endpoint="finish_setup")


def setup() -> Response:
    """The page, as long as the link is good."""
    _link(request.args.get("token", ""))
    return _page(secret="")


def finish() -> Response:
    """Use the link up: shows the first token, this once."""
    token = request.form.get("token", "")
    link = _link(token)
    try:
        secret = link.finish(token)
    except ValueError:
        raise _not_good() from None
    return _page(secret=secret)


def _link(token: str) -> SetupLink:
    """The open set-up link that `token` belongs to; 404 for any other."""
    link: SetupLink | None = getattr(service(), "setup", None)
    if link is None or not link.open or not link.check(token):
        raise _not_good()
    return link


def _not_good() -> ApiError:
    make = command(service().config, "token", "create", "NAME", "--scope", "admin")
    return ApiError(
        404,
        i18n.translate(
            "This set-up link is not right or was used already. This makes a token: {make}", make=make
        ),
    )


def _page(*, secret: str) -> Response:
    response = page(
        "setup/page.html",
        statuses=service().manager.statuses(),
        sign_of=sign_of,
        token=request.values.get("token", ""),
        secret=secret,
    )
    response.headers["Cache-Control"] = "no-store"
    return response
