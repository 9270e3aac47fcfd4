"""What hantu looks for on this machine: containers, the journal, log files; what of it was found, what is
missing, and the command that mends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.config import Config
from hantu.web import i18n

# Class, icon and word of a kind of source.
WELL: Final = ("good", "good", "Found")
MISSING: Final = ("bad", "bad", "Needs you")
WAITS: Final = ("warn", "again", "Waiting")
ABSENT: Final = ("off", "stop", "Not here")
OFF: Final = ("off", "stop", "Off")


@dataclass(frozen=True, slots=True)
class Kind:
    """name, icon; sign: class, icon and word of its state. says: what was found. error, fix: what is
    missing and the command that mends it, "" when nothing is."""

    name: str
    icon: str
    sign: tuple[str, str, str]
    says: str
    error: str = ""
    fix: str = ""


def kinds(config: Config, statuses: Sequence[CollectorStatus]) -> list[Kind]:
    """Containers, the journal and log files, in this order."""
    found = (
        ("Containers", "docker", "docker", config.docker == "off", _containers),
        ("The journal", "journal", "journal", config.journal == "off", _journal),
        ("Log files", "file", "file:", config.files == ("none",), _files),
    )
    return [
        Kind(name, icon, OFF, i18n.translate("The settings switch it off."))
        if off
        else _kind(name, icon, [status for status in statuses if status.key.startswith(start)], tell)
        for name, icon, start, off, tell in found
    ]


def _kind(
    name: str,
    icon: str,
    own: Sequence[CollectorStatus],
    tell: Callable[[Sequence[CollectorStatus]], str],
) -> Kind:
    for state in (CollectorState.FAILED, CollectorState.RECONNECTING):
        bad = next((status for status in own if status.state is state), None)
        if bad is not None:
            sign = MISSING if bad.fix or state is CollectorState.FAILED else WAITS
            return Kind(name, icon, sign, tell(own) if len(own) > 1 else "", bad.error, bad.fix)
    if all(status.state is CollectorState.ENDED for status in own):
        says = i18n.translate("Followed as soon as there is one; nothing needs to be done.")
        return Kind(name, icon, ABSENT, says)
    return Kind(name, icon, WELL, tell(own))


def _journal(_own: Sequence[CollectorStatus]) -> str:
    return i18n.translate("What the units of systemd say is read.")


def _containers(own: Sequence[CollectorStatus]) -> str:
    count = sum(status.key != "docker" for status in own)
    return i18n.plural("{n} container is followed.", "{n} containers are followed.", count)


def _files(own: Sequence[CollectorStatus]) -> str:
    count = sum(status.state is CollectorState.COLLECTING for status in own)
    return i18n.plural(
        "{n} place with log files is followed.", "{n} places with log files are followed.", count
    )
