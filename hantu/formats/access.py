"""Access logs of web servers: common and combined format, and what Node and Python servers print.

The message stays the whole line, so that an address or an agent is found by its words; the parts
are metadata: remote, user, method, path, protocol, status, bytes, referer, agent, duration_s.
Source: Apache HTTP Server, mod_log_config; nginx, ngx_http_log_module.
"""

from __future__ import annotations

import re
from typing import Final

from hantu.formats import level as levels
from hantu.formats.parsed import Format, Parsed
from hantu.formats.timestamp import MONTH, Clock
from hantu.model import LogLevel, Metadata

ACCESS: Final = Format(
    "access",
    '10.0.0.1 - kim [20/Nov/2026:14:02:31 +0900] "GET /orders?id=1 HTTP/1.1" 200 612 "-" "curl/8.5"',
    whole=True,
    closed=True,
)
REQUEST: Final = Format("request", "GET /orders 404 3.210 ms - 45", whole=True, closed=True)
RUNSERVER: Final = Format(
    "runserver", '[20/Nov/2026 14:02:31] "GET / HTTP/1.1" 500 1234', whole=True, closed=True
)
UVICORN: Final = Format("uvicorn", 'INFO:     127.0.0.1:5000 - "GET / HTTP/1.1" 200 OK', closed=True)
FORMATS: Final = (ACCESS, REQUEST, RUNSERVER, UVICORN)

_QUOTED: Final = r'"([^"\\]*(?:\\.[^"\\]*)*)"'
_SIMPLY_QUOTED: Final = r'"([^"]*)"'


def _clf_pattern(user: str, quoted: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?:[\w.-]+:\d+ )?(\S+) \S+ {user} "
        rf"\[(\d\d/(?:{MONTH})/\d{{4}}:\d\d:\d\d:\d\d [+-]\d{{4}})\] "
        rf"{quoted} (\d{{3}}) (\d{{1,18}}|-)(?: {quoted} {quoted})?(.*)",
        re.DOTALL,
    )


_CLF: Final = _clf_pattern(r"(\S+(?: \S+)?)", _QUOTED)
# Most lines have neither an escaped quote nor a blank in the user's name: half the time.
_CLF_SIMPLE: Final = _clf_pattern(r"(\S+)", _SIMPLY_QUOTED)
_METHOD: Final = "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE|PROPFIND|REPORT"
_MORGAN: Final = re.compile(
    rf"({_METHOD}) (\S+) (\d{{3}}) (?:(\d+(?:\.\d+)?) ?ms|-)(?: - (\d{{1,18}}|-))?\s*$"
)
_RUNSERVER: Final = re.compile(
    rf"\[(\d\d)/({MONTH})/(\d{{4}})[ :](\d\d:\d\d):(\d\d)(?: ([+-]\d{{4}}))?\] "
    rf"{_QUOTED} (\d{{3}}) (\d{{1,18}}|-)"
)
_UVICORN: Final = re.compile(rf"INFO: {{3,}}((?:\S+:\d+|\S*) - {_QUOTED} (\d{{3}})(?: [\w'-][\w' -]*)?)$")
_SECONDS: Final = re.compile(r'(?:^ | (?:rt|request_time|duration)=|" )"?(\d{1,12}\.\d{3,6})"?(?=\s|$)')
_MILLISECONDS: Final = re.compile(r" (\d+(?:\.\d+)?)ms(?=\s|$)")


def clf(text: str, clock: Clock) -> Parsed | None:
    """A line in common or combined log format, with whatever the server adds at its end."""
    found = _CLF_SIMPLE.match(text) if "\\" not in text else None
    if found is None:
        found = _CLF.match(text)
        if found is None:
            return None
    remote, user, time_text, request, status, size, referer, agent, rest = found.groups()
    time = clock.clf(time_text)
    if time is None:
        return None
    code = int(status)
    metadata: Metadata = {"remote": remote, "status": code}
    if user != "-":
        metadata["user"] = user
    parts = request.split(" ")
    if len(parts) == 3:
        metadata["method"], metadata["path"], metadata["protocol"] = parts
    elif len(parts) == 2:
        metadata["method"], metadata["path"] = parts
    if size != "-":
        metadata["bytes"] = int(size)
    if referer and referer != "-":
        metadata["referer"] = referer
    if agent and agent != "-":
        metadata["agent"] = agent
    if rest:
        _add_duration(rest, metadata)
    return Parsed(ACCESS, levels.of_status(code), text, metadata, time, time_text)


def morgan(text: str) -> Parsed | None:
    """A line of Express' morgan: `GET /path 200 1.234 ms - 12`."""
    found = _MORGAN.match(text)
    if found is None:
        return None
    method, path, status, duration, size = found.groups()
    metadata: Metadata = {"method": method, "path": path, "status": int(status)}
    if duration:
        metadata["duration_s"] = _milliseconds(duration)
    if size and size != "-":
        metadata["bytes"] = int(size)
    return Parsed(REQUEST, levels.of_status(int(status)), text, metadata)


def runserver(text: str, clock: Clock) -> Parsed | None:
    """A line of Django's or werkzeug's development server."""
    found = _RUNSERVER.match(text)
    if found is None:
        return None
    day, month, year, minute, second, zone, request, status, size = found.groups()
    time = clock.read(f"{day}/{month}/{year} {minute}:{second}{f' {zone}' if zone else ''}")
    if time is None:
        return None
    metadata: Metadata = {"status": int(status)}
    _split_request(request, metadata)
    if size != "-":
        metadata["bytes"] = int(size)
    time_text = text[1 : text.index("]")]
    return Parsed(RUNSERVER, levels.of_status(int(status)), text, metadata, time, time_text)


def uvicorn(text: str) -> Parsed | None:
    """A request as uvicorn prints it: its level word is always INFO, so the status decides."""
    found = _UVICORN.match(text)
    if found is None:
        return None
    message, request, status = found.groups()
    metadata: Metadata = {"remote": message.partition(" - ")[0], "status": int(status)}
    _split_request(request, metadata)
    return Parsed(UVICORN, max(levels.of_status(int(status)), LogLevel.INFO), message, metadata)


def _split_request(request: str, metadata: Metadata) -> None:
    parts = request.split(" ")
    if len(parts) == 3:
        metadata["method"], metadata["path"], metadata["protocol"] = parts
    elif len(parts) == 2:
        metadata["method"], metadata["path"] = parts


def _add_duration(rest: str, metadata: Metadata) -> None:
    found = _SECONDS.search(rest)
    if found:
        metadata["duration_s"] = float(found[1])
    elif found := _MILLISECONDS.search(rest):
        metadata["duration_s"] = _milliseconds(found[1])


def _milliseconds(text: str) -> float:
    return round(float(text[:18]) / 1000, 9)
