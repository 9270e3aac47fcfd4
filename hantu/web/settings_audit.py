"""/settings/audit: what people and programs did, for admins."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Response, request

from hantu.query.error import QueryError
from hantu.query.times import end_of, start_of
from hantu.store.account_base import Act, AuditQuery
from hantu.web import i18n
from hantu.web.api_logs import zone
from hantu.web.current import service
from hantu.web.render import url
from hantu.web.rights import ACTS
from hantu.web.settings import section_page
from hantu.web.token_book import CONTROL_NAME

HERE: Final = "/settings/audit"
PAGE_ACTS: Final = 100
OWN_ACTS: Final = (
    "signed in",
    "signed out",
    "sign-in failed",
    "sessions ended",
    "password changed",
    "password confirmed",
    "account made",
    "role changed",
    "account removed",
    "token made",
    "token revoked",
    "export",
    "backup made",
    "shared view saved",
    "shared view renamed",
    "shared view removed",
)
"""Acts that views note themselves, besides those of rights.ACTS."""

_ACTS: Final = {
    "resolve": "Resolve",
    "reopen": "Reopen",
    "mute": "Mute",
    "unmute": "Unmute",
    "merge": "Merge",
    "split": "Split off",
    "note": "Note",
    "notes": "Note",
    "start": "Start",
    "stop": "Stop",
}
"""What was done to an error or a collector, in the words of the buttons that do it."""

DETAILS: Final = {
    "until": "until {value}",
    "text": "text {value}",
    "days": "days {value}",
    "removed": "removed {value}",
    "role": "role {value}",
    "scope": "scope {value}",
    "many": "many {value}",
    "format": "format {value}",
    "query": "query {value}",
    "entries": "entries {value}",
}
"""What is noted with an act, by its name."""


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule(HERE, view_func=audit_page, endpoint="audit")


def names_of_acts() -> list[str]:
    """Every act that the trail may hold, by name."""
    return sorted({*OWN_ACTS, *(right.act for right in ACTS.values() if right.act)})


def audit_page() -> Response:
    """The page: newest first, narrowed by who, what, when."""
    given = {name: request.args.get(name, "").strip() for name in ("actor", "act", "q", "since", "until")}
    wrong = ""
    try:
        query = _query(given)
    except QueryError as error:
        wrong, query = error.message, AuditQuery(limit=PAGE_ACTS)
    page = service().store.acts(query)
    return section_page(
        "settings/audit.html",
        "audit",
        status=400 if wrong else 200,
        lead=i18n.translate("Who did what, from where. The newest 100,000 acts are kept."),
        acts=page.acts,
        older=url(HERE, **given, before=page.next) if page.next is not None else "",
        newest=url(HERE, **given) if query.before is not None else "",
        given=given,
        known=names_of_acts(),
        who=_who,
        detail_text=detail_text,
        wrong=wrong,
    )


def _query(given: Mapping[str, str]) -> AuditQuery:
    now_ns, before = time.time_ns(), request.args.get("before", type=int)
    return AuditQuery(
        actor=given["actor"],
        act=given["act"],
        search=given["q"],
        since_ns=start_of(given["since"], now_ns=now_ns, tz=zone()) if given["since"] else None,
        until_ns=end_of(given["until"], now_ns=now_ns, tz=zone()) if given["until"] else None,
        before=before if before is not None and 0 < before < 1 << 62 else None,
        limit=PAGE_ACTS,
    )


def _who(act: Act) -> str:
    """Who acted, in the reader's words."""
    if act.actor == CONTROL_NAME:
        return i18n.translate("the command line")
    if not act.actor:
        return (
            i18n.translate("nobody known")
            if act.act == "sign-in failed"
            else i18n.translate("this machine")
        )
    kind, _, name = act.actor.partition(" ")
    return i18n.translate("token {name}", name=name) if kind == "token" and name else act.actor


def detail_text(detail: Mapping[str, Any]) -> str:
    """What belongs to an act, in one line: role admin, days 7. An act within an act comes first, alone."""
    rest = [
        i18n.translate(DETAILS[name], value=value) if name in DETAILS else f"{name} {value}"
        for name, value in detail.items()
        if name != "act"
    ]
    act = str(detail.get("act", ""))
    return ", ".join([*([i18n.translate(_ACTS.get(act, act))] if act else []), *rest])
