"""Entries as others read them: the JSON of the API, CSV, lines of text."""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import msgspec

from hantu.model import LogEntry, Metadata
from hantu.text import clean, visible

CSV_COLUMNS: Final = ("timestamp", "source", "sourceId", "level", "message", "metadata", "id")
CSV_HEAD: Final = ",".join(CSV_COLUMNS) + "\r\n"
# A cell that begins so is a formula to a spreadsheet.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_CONTINUED: Final = "\n    "


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


def json_lines(entries: Iterable[LogEntry]) -> bytes:
    """An object a line, as the API gives them."""
    return b"".join(entry_json(entry) + b"\n" for entry in entries)


def csv_cell(text: str) -> str:
    """`text` as a cell: hidden characters as escapes, no formula to a spreadsheet."""
    text = visible(text)
    return "'" + text if text.startswith(_FORMULA) else text


def csv_rows(entries: Iterable[LogEntry]) -> bytes:
    """A row an entry (RFC 4180), without the head."""
    out = io.StringIO()
    rows = csv.writer(out)
    for entry in entries:
        rows.writerow(
            (
                iso(entry.time_ns),
                csv_cell(entry.source),
                csv_cell(entry.source_id),
                entry.level.label,
                csv_cell(entry.message),
                visible(metadata_json(entry.metadata)),
                entry.id,
            )
        )
    return out.getvalue().encode()


def text_lines(entries: Iterable[LogEntry]) -> bytes:
    """A line an entry; further lines of its message are indented, so that none can pass for an entry."""
    return "".join(_text_line(entry) for entry in entries).encode()


def _text_line(entry: LogEntry) -> str:
    origin = f"{visible(entry.source)}/{_one_line(entry.source_id)}"
    head = f"{iso(entry.time_ns)} [{entry.level.label.upper()}] {origin}"
    return f"{head}: {visible(entry.message).replace(chr(10), _CONTINUED)}\n"


def _one_line(text: str) -> str:
    return visible(text).replace("\n", "\\n")
