"""/settings/tokens: the tokens of programs, for admins."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, request

from hantu.service import SCOPES, new_token
from hantu.store.base import StoreError
from hantu.web import i18n
from hantu.web.access import LOCAL, client, token_book
from hantu.web.audit import audit
from hantu.web.confirming import CONFIRM, asked_again, confirm, is_confirmed
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.render import see
from hantu.web.settings import section_page

HERE: Final = "/settings/tokens"
WORDS: Final = (
    ("ingest", "Hand in", "sends lines, reports on executions; reads nothing"),
    ("read", "Read", "reads all, changes nothing"),
    ("admin", "All", "may do everything"),
)


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule(HERE, view_func=tokens, endpoint="tokens")
    blueprint.add_url_rule(HERE, view_func=change, methods=["POST"], endpoint="change_tokens")


def tokens() -> Response:
    """The page."""
    return _page()


def change() -> Response:
    """Make a token, whose secret is shown this once, or revoke one."""
    if client().scope == LOCAL:
        raise ApiError(403, i18n.translate("Tokens are made by an admin, or by `hantu token create`."))
    form = request.form
    if form.get("act") == CONFIRM:
        return confirm(HERE, _page)
    name = form.get("name", "").strip()
    if form.get("act") == "revoke":
        if service().pipeline.with_store(lambda store: store.remove_token(name)):
            audit("token revoked", name)
        token_book().forget()
        return see(f"{HERE}?revoked=1", 303)
    return _make(name, form.get("scope", ""))


def _make(name: str, scope: str) -> Response:
    if scope not in SCOPES:
        raise ApiError(400, i18n.translate("The form does not say what the token may do."))
    if scope == "admin" and not is_confirmed():
        return _page(status=403, wrong=asked_again())
    if not 0 < len(name) <= 100:
        return _page(status=400, wrong=i18n.translate("A token needs a name of 1 to 100 characters."))
    if any(token.name == name for token in service().store.tokens()):
        return _page(status=409, wrong=i18n.translate("There is a token of that name already."))
    try:
        secret = service().pipeline.with_store(lambda store: new_token(store, name, scope))
    except StoreError:
        if any(token.name == name for token in service().store.tokens()):
            return _page(status=409, wrong=i18n.translate("There is a token of that name already."))
        raise
    token_book().forget()
    audit("token made", name, scope=scope)
    return _page(secret=secret, made=name)


def _page(*, status: int = 200, wrong: str = "", secret: str = "", made: str = "") -> Response:
    return section_page(
        "settings/tokens.html",
        "tokens",
        status=status,
        lead=i18n.translate("What programs show instead of signing in."),
        tokens=service().store.tokens(),
        scopes=WORDS,
        scope_words={scope: word for scope, word, _ in WORDS},
        own=client(),
        confirmed=is_confirmed(),
        confirm_here=HERE,
        confirm_why=i18n.translate(
            "Before a token is made that may do everything. It holds for 10 minutes."
        ),
        wrong=wrong,
        secret=secret,
        made=made,
        revoked="revoked" in request.args,
    )
