"""Syslog lines: RFC 3164 with and without its <PRI>, and RFC 5424 with structured data."""

from __future__ import annotations

import re
from typing import Final

from hantu.formats import level as levels
from hantu.formats.parsed import RESERVED, Format, Parsed
from hantu.formats.pattern import level_in
from hantu.formats.timestamp import ISO, MONTH, Clock
from hantu.model import LogLevel, Metadata

RFC3164: Final = Format("syslog-3164", "<38>Nov 20 14:02:31 web sshd[77]: Accepted publickey", closed=True)
RFC5424: Final = Format(
    "syslog-5424",
    '<165>1 2026-11-20T14:02:31.003Z web app 77 ID47 [user@32473 name="kim"] order taken',
    closed=True,
)
FORMATS: Final = (RFC3164, RFC5424)

FACILITIES: Final = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
)  # fmt: skip

_OLD: Final = re.compile(
    rf"(?:<(\d{{1,3}})>)?(?:\d+: )?((?:{MONTH}) [ \d]\d (?:\d{{4}} )?\d\d:\d\d:\d\d)(?:\.(\d{{1,9}}))? "
    r"(?:([\w.:-]*[\w.-]) )?([^\s:\[\]]{1,64})(?:\[(\d{1,9})\])?: ?(.*)",
    re.DOTALL,
)
_ISO_WITH_PRI: Final = re.compile(
    rf"<(\d{{1,3}})>{ISO} (?:(\S+) )?([^\s:\[\]]{{1,64}})(?:\[(\d{{1,9}})\])?: ?(.*)", re.DOTALL
)
_PRI: Final = re.compile(r"<(\d{1,3})>(.*)", re.DOTALL)
_NEW: Final = re.compile(
    rf"<(\d{{1,3}})>1 (?:{ISO}|-) (\S{{1,255}}) (\S{{1,48}}) (\S{{1,128}}) (\S{{1,32}}) (-|\[)", re.DOTALL
)
_ELEMENT: Final = re.compile(r'\[([^\s=\]"]{1,32})((?: [^\s=\]"]{1,32}="(?:[^"\\\]]|\\.)*")*)\]', re.DOTALL)
_PARAMETER: Final = re.compile(r' ([^\s=\]"]{1,32})="((?:[^"\\\]]|\\.)*)"', re.DOTALL)
_ESCAPED: Final = re.compile(r'\\(["\\\]])')


def old(text: str, clock: Clock) -> Parsed | None:
    """A line of RFC 3164 (or with an ISO time in its place, as rsyslog and Docker's driver write)."""
    found = _OLD.match(text)
    if found is None:
        return _iso_with_pri(text, clock)
    pri, time_text, fraction, host, identifier, pid, message = found.groups()
    if len(time_text) == 20:  # Cisco and others put the year after the day
        time = clock.read(f"{time_text}.{fraction}" if fraction else time_text)
    else:
        time = clock.yearless(time_text, fraction)
    if time is None:
        return None
    metadata, level = _parts(pri, host, identifier, pid, message)
    return Parsed(RFC3164, level, message or text, metadata, time, time_text)


def _iso_with_pri(text: str, clock: Clock) -> Parsed | None:
    found = _ISO_WITH_PRI.match(text)
    if found is None:
        return None
    pri, time_text, fraction, zone, host, identifier, pid, message = found.groups()
    time = clock.iso(time_text, fraction, zone)
    if time is None:
        return None
    metadata, level = _parts(pri, host, identifier, pid, message)
    return Parsed(RFC3164, level, message or text, metadata, time, time_text)


def _parts(
    pri: str | None, host: str | None, identifier: str, pid: str | None, message: str
) -> tuple[Metadata, LogLevel | None]:
    metadata: Metadata = {"identifier": identifier}
    if host:
        metadata["host"] = host
    if pid:
        metadata["pid"] = int(pid)
    return metadata, _level(pri, metadata) if pri else level_in(message, metadata)


def _level(pri: str, metadata: Metadata) -> LogLevel | None:
    facility, severity = divmod(int(pri), 8)
    if facility < len(FACILITIES):
        metadata["facility"] = FACILITIES[facility]
    if severity == 5:
        metadata["severity"] = "notice"
    return levels.SYSLOG[severity]


def new(text: str, clock: Clock) -> Parsed | None:
    """A line of RFC 5424; each structured data element becomes an object in metadata."""
    found = _NEW.match(text)
    if found is None:
        return None
    pri, time_text, fraction, zone, host, identifier, pid, message_id, dash = found.groups()
    time = clock.iso(time_text, fraction, zone) if time_text else None
    metadata: Metadata = {}
    at = found.end()
    if dash == "[":
        end = _structured(text, at - 1, metadata)
        if end is None:
            return None
        at = end
    message = text[at + 1 :] if text[at : at + 1] == " " else text[at:]
    for name, value in (("host", host), ("identifier", identifier), ("message_id", message_id)):
        if value != "-":
            metadata[name] = value
    if pid != "-":
        metadata["pid"] = int(pid) if pid.isdecimal() and len(pid) < 10 else pid
    level = _level(pri, metadata)
    return Parsed(RFC5424, level, message.removeprefix("\ufeff") or text, metadata, time, time_text or "")


def _structured(text: str, at: int, metadata: Metadata) -> int | None:
    while text[at : at + 1] == "[":
        element = _ELEMENT.match(text, at)
        if element is None:
            return None
        parameters = _PARAMETER.findall(element[2])
        name = f"line_{element[1]}" if element[1] in RESERVED else element[1]
        metadata[name] = {key: _ESCAPED.sub(r"\1", value) for key, value in parameters}
        at = element.end()
    return at


def pri_only(text: str) -> Parsed | None:
    """A line that has a <PRI> and nothing else of syslog: sd-daemon's `<3>message`, the kernel's."""
    found = _PRI.match(text)
    if found is None or int(found[1]) > 191 or not found[2]:
        return None
    metadata: Metadata = {}
    level = _level(found[1], metadata)
    return Parsed(RFC3164, level, found[2], metadata or None)
