"""The audit trail: who did what from where (S19). `audit()` notes an act; what changes something and notes
nothing itself is noted by its route (rights.py)."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from flask import Flask, Response, g, request

from hantu.store.account_base import Act
from hantu.store.base import StoreError
from hantu.web.access import client
from hantu.web.current import service
from hantu.web.rights import right_of
from hantu.web.site import SAFE_METHODS

log = logging.getLogger(__name__)

TEXT_MOST: Final = 500
_SECRET_FIELDS: Final = frozenset({"password", "again", "current", "token", "secret"})
_IDLE_FIELDS: Final = frozenset({"back", "next"})


def audit(act: str, about: str = "", /, *, actor: str | None = None, **detail: Any) -> None:
    """Note what the current request did: the act in words of its own ("clean-up", "backup"), to what, and
    what belongs to it, as JSON values. Never give it a secret.

    actor: who, when it is not who asks. It is done by then: a store that takes no note stops nothing."""
    _write(act, about, client().actor if actor is None else actor, detail)


def _write(act: str, about: str, actor: str, detail: dict[str, Any]) -> None:
    g.audited = True
    noted = Act(time.time_ns(), actor, client().address, act, about[:TEXT_MOST], detail)
    try:
        service().pipeline.with_store(lambda store: store.add_act(noted))
    except StoreError as error:
        log.error("the audit trail misses %r of %s: %s", act, actor or "the page", error)


def register(app: Flask) -> None:
    """Note what each route of rights.ACTS did."""

    @app.after_request
    def note(response: Response) -> Response:
        if request.method in SAFE_METHODS or response.status_code >= 400 or "client" not in g:
            return response
        rule = "" if request.url_rule is None else request.url_rule.rule
        act = right_of(request.method, rule).act
        if act and not g.get("audited"):
            _write(act, _about(), client().actor, _detail())
        return response


def _about() -> str:
    """What the address names: an error's number, a run's id; else what the form names."""
    named = [str(value) for name, value in (request.view_args or {}).items() if name != "act"]
    return " ".join(named) or request.form.get("key", "") or ", ".join(request.form.getlist("group"))


def _detail() -> dict[str, Any]:
    """What the act was, as the address and the form say it."""
    told: dict[str, Any] = {}
    if act := (request.view_args or {}).get("act"):
        told["act"] = str(act)
    elif rule := request.url_rule:
        last = rule.rule.rpartition("/")[2]
        if request.path.startswith("/api/") and "<" not in last:
            told["act"] = last
    left_out = {*_SECRET_FIELDS, *_IDLE_FIELDS, "key", "group"}
    if request.form.get("act") not in (None, "mute"):
        left_out.add("until")  # sent with every act of the inbox, meant by one
    for name in request.form:
        if name not in left_out:
            told[name] = request.form[name][:TEXT_MOST]
    return told
