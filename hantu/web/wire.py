"""The JSON of the API: the shape of every answer."""

from __future__ import annotations

import re
from typing import Final

import msgspec
from flask import Response

from hantu.output import Log, Wire, to_json

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
_PLACE: Final = re.compile(r" - at `\$\.?(.*)`$")


class GapAnswer(Wire, frozen=True):
    """A time that hantu could not see. source "": what programs send by themselves; sourceId "": all of
    the source. lines, bytes: how much was lost, null when not known. logId: the entry that tells of it,
    null without one."""

    source: str
    source_id: str
    start: str
    end: str
    reason: str
    lines: int | None
    bytes: int | None
    log_id: str | None


class LogsAnswer(Wire, frozen=True):
    """A page of entries. totalIsExact=false: total is "at least".

    nextCursor leads to the page beyond, null at the end. complete=false: the time limit ended the
    search; every match as far as searchedTo is in, and nextCursor goes on from there. gaps: times within
    what this page covers when hantu could not see lines that may belong here."""

    logs: list[Log]
    total: int
    total_is_exact: bool
    next_cursor: str | None
    complete: bool = True
    searched_to: str | None = None
    gaps: list[GapAnswer] = msgspec.field(default_factory=list)


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


def json_response(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(to_json(value), status=status, mimetype=JSON)


def complaint_of(error: msgspec.ValidationError) -> tuple[str, str]:
    """Where and what msgspec found wrong: ("level", "Expected `str`, got `array`"); "" at the top."""
    said = str(error)
    place = _PLACE.search(said)
    return (place.group(1) if place else ""), _PLACE.sub("", said)
