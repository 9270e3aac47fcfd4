"""The JSON of the API: the shape of every answer, and the fast way to write entries."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import msgspec
from flask import Response

from hantu.model import LogEntry, Metadata
from hantu.text import clean

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
_PLACE: Final = re.compile(r" - at `\$\.?(.*)`$")


class Wire(msgspec.Struct, frozen=True, rename="camel"):
    """Base of every JSON object: camelCase names."""


class Log(Wire, frozen=True, gc=False):
    """One entry. Times are ISO 8601 UTC with nine digits of the second."""

    id: str
    source: str
    source_id: str
    level: str
    message: str
    timestamp: str
    created_at: str
    metadata: dict[str, Any] | None


class LogsAnswer(Wire, frozen=True):
    """A page of entries. totalIsExact=false: total is "at least".

    nextCursor leads to the page beyond, null at the end. complete=false: the time limit ended the
    search; every match as far as searchedTo is in, and nextCursor goes on from there."""

    logs: list[Log]
    total: int
    total_is_exact: bool
    next_cursor: str | None
    complete: bool = True
    searched_to: str | None = None


class ContextAnswer(Wire, frozen=True):
    """Entries around the one with `id`, oldest first, itself included."""

    id: str
    logs: list[Log]


class ErrorDetail(Wire, frozen=True, omit_defaults=True):
    """code: a fixed name for programs. message: a sentence for people. position: where in the query
    it went wrong, counted in characters from 0; length: how many characters. parameter: the name of
    the parameter that is meant."""

    code: str
    message: str
    position: int | None = None
    length: int | None = None
    parameter: str = ""


class ErrorAnswer(Wire, frozen=True):
    """Every refusal."""

    error: ErrorDetail


@lru_cache(maxsize=4096)
def _seconds(time_s: int) -> str:
    moment = datetime.datetime.fromtimestamp(time_s, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.").rjust(20, "0")


def iso(time_ns: int) -> str:
    """ISO 8601 in UTC with all nine digits, as `2026-02-01T12:34:56.000000001Z`.

    A time outside the years 1…9999 is given as its nanoseconds."""
    second, fraction = divmod(time_ns, 1_000_000_000)
    try:
        return f"{_seconds(second)}{fraction:09d}Z"
    except (ValueError, OverflowError, OSError):
        return str(time_ns)


def optional_iso(time_ns: int | None) -> str | None:
    """iso(time_ns), None for None."""
    return None if time_ns is None else iso(time_ns)


def log_of(entry: LogEntry) -> Log:
    """The entry as the API gives it."""
    return Log(
        entry.id,
        entry.source,
        entry.source_id,
        entry.level.label,
        entry.message,
        iso(entry.time_ns),
        iso(entry.created_ns),
        entry.metadata,
    )


_encoder: Final = msgspec.json.Encoder()


def to_json(value: object) -> bytes:
    """`value` (Struct, dict, list …) as UTF-8 JSON; text that is no Unicode is mended, not refused."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return json.dumps(_mended(msgspec.to_builtins(value)), ensure_ascii=False).encode()


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mended(item) for item in value]
    return value


def entry_json(entry: LogEntry) -> bytes:
    """One entry as a JSON object."""
    return to_json(log_of(entry))


def entries_json(entries: Iterable[LogEntry]) -> bytes:
    """Entries as a JSON array."""
    return to_json([log_of(entry) for entry in entries])


def metadata_json(metadata: Metadata | None) -> str:
    """Metadata as JSON text, "" when there is none."""
    return to_json(metadata).decode() if metadata else ""


def json_response(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(to_json(value), status=status, mimetype=JSON)


def complaint_of(error: msgspec.ValidationError) -> tuple[str, str]:
    """Where and what msgspec found wrong: ("level", "Expected `str`, got `array`"); "" at the top."""
    said = str(error)
    place = _PLACE.search(said)
    return (place.group(1) if place else ""), _PLACE.sub("", said)
