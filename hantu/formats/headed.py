"""Text lines that begin with a level, or with a time that is no plain ISO date."""

from __future__ import annotations

import re
from typing import Final

from hantu.formats import level as levels
from hantu.formats.parsed import Format, Parsed
from hantu.formats.pattern import ANY_LEVEL, LEVEL, MESSAGE, Pattern, level_in
from hantu.formats.timestamp import MONTH, ZONE, Clock
from hantu.model import Metadata

PYTHON_BASIC: Final = Format("python-basic", "WARNING:shop.orders:stock is low")
UVICORN_TEXT: Final = Format("level-padded", "INFO:     Application startup complete.")
LEVEL_FIRST: Final = Format("level-first", "ERROR could not reach the database", whole=True)
DOTNET: Final = Format("dotnet", "info: Microsoft.Hosting.Lifetime[14]", whole=True, lasting=True)
WINSTON: Final = Format("winston", 'warn: stock is low {"left":3}', whole=True)
CLOCK_FIRST: Final = Format("clock-first", "14:02:31.123 [main] INFO  com.shop.Orders - order taken")
NAMED_DATE: Final = Format("named-date", "Fri Nov 20 14:02:31 2026 TLS: soft reset")
APACHE_ERROR: Final = Format(
    "apache-error",
    "[Fri Nov 20 14:02:31.123456 2026] [core:error] [pid 12:tid 34] [client 10.0.0.1:5] AH00126: no",
    closed=True,
)
APT: Final = Format("apt", "Start-Date: 2026-11-20  14:02:31", whole=True, closed=True)
EPOCH_FIRST: Final = Format(
    "epoch-first",
    "1795154551.123    45 10.0.0.1 TCP_MISS/200 512 GET http://a/ - DIRECT/b text/html",
    closed=True,
)
FORMATS: Final = (
    PYTHON_BASIC, UVICORN_TEXT, LEVEL_FIRST, DOTNET, WINSTON, CLOCK_FIRST, NAMED_DATE, APACHE_ERROR, APT,
    EPOCH_FIRST,
)  # fmt: skip

_NAME: Final = r"(?P<logger>[A-Za-z_][\w.-]*)"
_LEVEL_FIRST: Final = (
    Pattern(PYTHON_BASIC, rf"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL):{_NAME}:{MESSAGE}"),
    Pattern(UVICORN_TEXT, r"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL|TRACE): {2,}(?P<message>\S.*)"),
    Pattern(LEVEL_FIRST, rf"(?P<message>{LEVEL}(?:[:!|]|(?=\s)|$).*)"),
)
_BRACKETED: Final = Pattern(LEVEL_FIRST, rf"(?P<message>\[\s?{ANY_LEVEL}\s{{0,4}}\].*)")
_DOTNET: Final = Pattern(
    DOTNET,
    r"(?P<message>(?P<level>trce|dbug|info|warn|fail|crit): "
    r"(?P<logger>[A-Za-z_][\w.`+]*)\[(?P<event>\d+)\].*)",
)
_WINSTON: Final = Pattern(
    WINSTON, r"(?P<message>(?P<level>silly|verbose|debug|http|info|warn|error|trace|fatal): .*)"
)
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?([AP]M)?[:,]?\s")
_AFTER_CLOCK: Final = (
    Pattern(CLOCK_FIRST, rf"\[(?P<thread>[^\]]+)\] {LEVEL}\s+(?P<logger>\S+) (?:- |: ){MESSAGE}"),
    Pattern(CLOCK_FIRST, rf"{LEVEL}\s+\[(?P<thread>[^\]]+)\] (?P<logger>\S+)(?: - |: ){MESSAGE}"),
    Pattern(CLOCK_FIRST, rf"{LEVEL}\s+(?P<logger>[\w.$]+) - {MESSAGE}"),
    Pattern(CLOCK_FIRST, rf"\[?{LEVEL}\s*\]?(?:\s*[:|-])?\s+{MESSAGE}"),
)
_NAMED: Final = re.compile(
    rf"((?:[A-Z][a-z]{{2}},? )?(?:(?:{MONTH}) [ \d]?\d,?(?: \d{{4}},?)?|\d{{1,2}} (?:{MONTH}) \d{{4}}),?"
    rf" \d{{1,2}}:\d\d:\d\d(?:[.,]\d{{1,9}})?(?: [AP]M)?(?: \d{{4}})?(?: (?:{ZONE})(?! \d))?"
    r"(?: \d{4})?)[:,]?\s+"
)
_APACHE: Final = re.compile(
    rf"\[([A-Z][a-z]{{2}} (?:{MONTH}) [ \d]\d \d\d:\d\d:\d\d(?:\.\d{{1,9}})? \d{{4}})\] "
    r"\[(?:([\w-]+):)?(\w+)\] "
    r"(?:\[pid (\d{1,9})(?::tid (\d{1,18}))?\] )?(?:\[client ([^\]]+)\] )?(.*)",
    re.DOTALL,
)
_APT: Final = re.compile(
    r"(?:Start-Date|End-Date|Log started|Log ended|update-alternatives):? "
    r"(\d{4}-\d\d-\d\d) {1,2}(\d\d:\d\d:\d\d)"
)
_EPOCH: Final = re.compile(r"(\d{10}\.\d{3,9})\s+(\S.*)", re.DOTALL)


def level_first(text: str) -> Parsed | None:
    """A line that begins with a level in capitals."""
    for pattern in _LEVEL_FIRST:
        if found := _parsed(pattern, text):
            return found
    return None


def small_level_first(text: str) -> Parsed | None:
    """A line that begins with a level in small letters and a colon: .NET's console, winston."""
    return _parsed(_DOTNET, text) or _parsed(_WINSTON, text)


def bracketed_level(text: str) -> Parsed | None:
    """A line that begins with a level in square brackets."""
    return _parsed(_BRACKETED, text)


def _parsed(pattern: Pattern, text: str) -> Parsed | None:
    head = pattern.read(text)
    if head is None:
        return None
    level, message, metadata = head
    return Parsed(pattern.kind, level, message or text, metadata)


def clock_first(text: str, clock: Clock) -> Parsed | None:
    """A line that begins with a time of day and then has a level: logback's default, zerolog."""
    found = _CLOCK.match(text)
    if found is None:
        return None
    hour, minute, second, fraction, half = found.groups()
    if second is None and half is None:
        return None
    hours = int(hour) if half is None else int(hour) % 12 + (12 if half == "PM" else 0)
    for pattern in _AFTER_CLOCK:
        head = pattern.read(text, found.end())
        if head is None:
            continue
        time = clock.dateless(hours, int(minute), second or "00", fraction)
        if time is None:
            return None
        level, message, metadata = head
        return Parsed(pattern.kind, level, message or text, metadata, time, found[0])
    return None


def named_date(text: str, clock: Clock) -> Parsed | None:
    """A line that begins with a date that names its month: asctime, RFC 1123, java.util.logging."""
    found = _NAMED.match(text)
    if found is None:
        return None
    time = clock.read(found[1])
    if time is None:
        return None
    message = text[found.end() :]
    metadata: Metadata = {}
    level = level_in(message, metadata)
    return Parsed(NAMED_DATE, level, message or text, metadata or None, time, found[1])


def apache_error(text: str, clock: Clock) -> Parsed | None:
    """A line of Apache's error log. Source: Apache HTTP Server, ErrorLogFormat."""
    found = _APACHE.match(text)
    if found is None:
        return None
    time_text, module, word, pid, tid, client, message = found.groups()
    time = clock.read(time_text)
    if time is None:
        return None
    metadata: Metadata = {}
    level = levels.of_word(word)
    if level is None or not levels.is_common(word):
        metadata["severity"] = word
    if module:
        metadata["logger"] = module
    if client:
        metadata["remote"] = client
    for name, value in (("pid", pid), ("tid", tid)):
        if value:
            metadata[name] = int(value)
    return Parsed(APACHE_ERROR, level, message or text, metadata or None, time, time_text)


def apt(text: str, clock: Clock) -> Parsed | None:
    """A line of apt's history.log or term.log, or of alternatives.log, that gives a time."""
    found = _APT.match(text)
    if found is None:
        return None
    time_text = f"{found[1]} {found[2]}"
    time = clock.iso(time_text, None, None)
    if time is None:
        return None
    return Parsed(APT, None, text, None, time, time_text)


def epoch_first(text: str, clock: Clock) -> Parsed | None:
    """A line that begins with seconds since the epoch and a fraction: Squid, strace."""
    found = _EPOCH.match(text)
    if found is None:
        return None
    time = clock.read(found[1])
    if time is None:
        return None
    metadata: Metadata = {}
    level = level_in(found[2], metadata)
    return Parsed(EPOCH_FIRST, level, found[2], metadata or None, time, found[1])
