"""Whether lines arrive: the canaries as pages show them."""

from __future__ import annotations

from typing import Final, NamedTuple

from hantu.service.canary import Sung, Way
from hantu.web import i18n
from hantu.web.current import service
from hantu.web.sentences import say

NAMES_SHOWN: Final = 5
LOOKS: Final = {
    Way.JOURNAL: ("journal", "The journal"),
    Way.FILES: ("file", "Log files"),
    Way.INGEST: ("app", "Sent by programs"),
    Way.DOCKER: ("docker", "Containers"),
}


class Arrival(NamedTuple):
    """One way that lines take. icon, name; told: what the last look found; error: what kept it from it."""

    icon: str
    name: str
    sent_ns: int
    missed: bool
    told: str
    error: str


def arrivals() -> list[Arrival]:
    """The last look at each way."""
    return [_arrival(last) for last in service().canaries.last]


def warnings() -> list[str]:
    """What to watch, a few words each: for the head of /status."""
    desk = service()
    found = []
    if desk.canaries.missed:
        found.append(i18n.translate("Lines that do not arrive"))
    if desk.rhythm.silences:
        found.append(i18n.translate("Silent sources"))
    return found


def _arrival(last: Sung) -> Arrival:
    icon, name = LOOKS[last.way]
    return Arrival(icon, i18n.translate(name), last.sent_ns, last.missed, _told(last), say(last.error))


def _told(last: Sung) -> str:
    if last.names:
        shown = ", ".join(last.names[:NAMES_SHOWN])
        more = len(last.names) - NAMES_SHOWN
        names = f"{shown} +{more}" if more > 0 else shown
        return i18n.translate("The newest lines have not been read: {names}", names=names)
    if last.missed:
        return i18n.translate("It has not arrived")
    if last.delay_s is None:
        return i18n.translate("On its way")
    if last.way is Way.DOCKER:
        return i18n.plural(
            "The newest line of {n} container was read",
            "The newest lines of {n} containers were read",
            last.looked_at,
        )
    return i18n.translate("Arrived after {delay}", delay=i18n.duration(last.delay_s))
