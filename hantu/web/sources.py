"""/sources: where the lines come from, what stops them, and how to send one's own."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from flask import Blueprint, Response, request

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.query.edit import with_field
from hantu.store.gap_base import Gap
from hantu.web import arrivals, clock, i18n, sentences, source_sparks
from hantu.web.current import service
from hantu.web.errors import ApiError
from hantu.web.facets import origin_field
from hantu.web.render import TROUBLED, page, see, short_time, url

GAPS_SHOWN: Final = 20
GAP_DAYS: Final = 7

# Class, icon and word of each state; the order is that of the table: what needs a person comes first.
STATES: Final = {
    CollectorState.FAILED: ("bad", "bad", "Failed"),
    CollectorState.RECONNECTING: ("warn", "again", "Reconnecting"),
    CollectorState.STARTING: ("off", "run", "Starting"),
    CollectorState.COLLECTING: ("good", "good", "Collecting"),
    CollectorState.ENDED: ("off", "stop", "Ended"),
    CollectorState.STOPPED: ("off", "stop", "Stopped"),
}
# No file has the name yet, or not any more: it is followed as soon as there is one.
WAITING: Final = ("off", "again", "Waiting for the file")
# The machine has no Docker engine or no journal.
ABSENT: Final = ("off", "stop", "Not here")
_ORDER: Final = list(STATES)


class Blind(NamedTuple):
    """A gap as the table shows it."""

    gap: Gap
    iso: str
    since: str
    length: str
    origin: str

    @property
    def reason(self) -> str:
        """Why, in the reader's language."""
        return sentences.say(self.gap.reason)


def register(blueprint: Blueprint) -> None:
    """Add the routes of this page."""
    blueprint.add_url_rule("/sources", view_func=sources)
    blueprint.add_url_rule("/sources/<any(start, stop):act>", view_func=turn, methods=["POST"])


def sign_of(status: CollectorStatus) -> tuple[str, str, str]:
    """Class, icon and word of its state."""
    if status.state is CollectorState.ENDED and status.key.startswith("file:"):
        return WAITING
    if status.state is CollectorState.ENDED and status.key in ("docker", "journal"):
        return ABSENT
    return STATES[status.state]


def sources() -> Response:
    """The page."""
    manager = service().manager
    statuses = sorted(manager.statuses(), key=lambda status: (_ORDER.index(status.state), status.name))
    now_ns = time.time_ns()
    return page(
        "sources/page.html",
        name="sources",
        statuses=statuses,
        sign_of=sign_of,
        now_ns=now_ns,
        sparks=source_sparks.sparks(statuses, now_ns),
        lead=_lead(statuses),
        gaps=_gaps(now_ns),
        found=manager.found(),
        silences=service().rhythm.silences,
        arrivals=arrivals.arrivals(),
        logs_url=_logs_url,
        ago=i18n.ago,
    )


def turn(act: str) -> Response:
    """Start or stop the collector whose key the form names."""
    key = request.form.get("key", "")
    manager = service().manager
    try:
        if act == "start":
            manager.start_collector(key)
        else:
            manager.stop_collector(key)
    except KeyError:
        raise ApiError(404, i18n.translate("There is no such collector any more.")) from None
    return see("/sources", 303)


def _lead(statuses: list[CollectorStatus]) -> str:
    """The page in one sentence."""
    if not statuses:
        return i18n.translate("Nothing to collect was found here.")
    troubled = sum(status.state in TROUBLED for status in statuses)
    if not troubled and (watched := arrivals.warnings()):
        told = i18n.plural("{n} source collects.", "{n} sources collect.", len(statuses))
        return f"{told} {i18n.translate('Look below:')} {', '.join(watched)}."
    if not troubled:
        told = i18n.plural("{n} source, all is well.", "{n} sources, all is well.", len(statuses))
        rate = round(sum(status.per_minute for status in statuses))
        return f"{told} {i18n.plural('{n} line a minute', '{n} lines a minute', rate)}." if rate else told
    return i18n.translate(
        "{good} of {all} sources are well; what the others need stands with them.",
        good=len(statuses) - troubled,
        all=len(statuses),
    )


def _gaps(now_ns: int) -> list[Blind]:
    """The last times that hantu could not see."""
    found = service().store.gaps(start_ns=now_ns - GAP_DAYS * 86_400 * 10**9, most=GAPS_SHOWN)
    return [Blind(gap, *_when(gap)) for gap in found]


def _when(gap: Gap) -> tuple[str, str, str, str]:
    origin = gap.source_id or gap.source or i18n.translate("sent by programs")
    length = i18n.duration((gap.to_ns - gap.from_ns) / 1e9)
    return clock.iso(gap.from_ns), short_time(gap.from_ns), length, origin


def _logs_url(status: CollectorStatus) -> str:
    """Where the lines of a collector are seen."""
    if status.source_id:
        text = with_field("", origin_field(status.source, status.source_id), status.source_id)
    else:
        text = with_field("", "source", status.source)
    return url("/logs", q=text)
