"""What a format makes of one line, before it becomes an entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from hantu.formats.timestamp import Stamp
from hantu.model import LogLevel, Metadata

RESERVED: Final = frozenset({"gap", "truncated_bytes", "time_inferred", "time_text", "continued"})
"""Metadata keys in which hantu itself speaks: a program's own value of that name moves to `line_…`."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of line that hantu knows; docs/formats.md has a row for each.

    name: short, lower case. example: a line of it. whole: the message is the whole line; else the
    time, the level and the other parts of the line's head are taken off the message, and stand in
    the entry's time, level and metadata. closed: a record is one line, nothing ever continues it.
    lasting: any record may go on in the next line, so the last one is held."""

    name: str
    example: str
    whole: bool = False
    closed: bool = False
    lasting: bool = False


class Parsed(msgspec.Struct, gc=False):
    """A line with a head of its own (a time, a level, a JSON object …): it begins a record.

    time: None when the line has none. time_text: the time as written, kept when it
    cannot be used.
    event_id: the writer's own 16-byte id."""

    format: Format
    level: LogLevel | None
    message: str
    metadata: Metadata | None = None
    time: Stamp | None = None
    time_text: object = ""
    event_id: bytes | None = None
