"""The lines of POST /api/ingest as entries: each checked on its own, none lost for a neighbour's fault."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from hantu.formats import level as levels
from hantu.formats.timestamp import Clock
from hantu.model import APP, LogEntry, LogLevel, Metadata
from hantu.text import clean
from hantu.web.wire import complaint_of

DEPTH_MOST: Final = 32
SOURCE_ID_CHARS_MOST: Final = 1_024
REASON_CHARS_MOST: Final = 200
_SOURCE: Final = re.compile(r"[a-z0-9_-]{1,32}")
_KNOWN: Final = frozenset({"message", "level", "timestamp", "source", "sourceId", "metadata", "id"})
TOO_DEEP: Final = "it is nested too deep"


class Item(msgspec.Struct, frozen=True, rename="camel"):
    """An entry as programs send it. Other keys than these are kept as metadata.

    level: a name (error, WARNING …) or a number (Pino: 10 trace … 60 fatal); info when absent.
    timestamp: ISO 8601, or epoch seconds, ms, µs or ns; now when absent. id: a UUID of the sender's;
    sent again, the entry is not stored again."""

    message: str
    level: str | int | None = None
    timestamp: str | int | float | None = None
    source: Annotated[str, Meta(pattern="^[a-z0-9_-]{1,32}$")] = APP
    source_id: Annotated[str, Meta(max_length=SOURCE_ID_CHARS_MOST)] = ""
    metadata: dict[str, Any] | None = None
    id: str | None = None


class _Fast(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """Item without its patterns: they are checked once a value, not once a line."""

    message: str
    level: str | int | None = None
    timestamp: str | int | float | None = None
    source: str = APP
    source_id: str = ""
    metadata: dict[str, Any] | None = None
    id: str | None = None


@dataclass(slots=True)
class Reading:
    """Entries in the order they came; rejected: (line from 1, why)."""

    entries: list[LogEntry] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    too_many: bool = False


class Refused(ValueError):
    """This line is no entry; says why."""


def read_records(body: bytes, *, whole: bool, source_id: str, now_ns: int, most: int) -> Reading:
    """The entries of a body: an object a line, or one JSON array of objects.

    whole: the sender says that it is one JSON document. source_id: for entries that name none.
    now_ns: the time of entries without one. More than `most`: too_many, nothing read further."""
    reader = _Reader(source_id, now_ns)
    head = body.lstrip(b" \t\r\n\xef\xbb\xbf")
    if head[:1] == b"[":
        return reader.lines(_elements(head), most)
    if whole and head and (only := _document(head)) is not None:
        return reader.lines([only], most)
    return reader.lines(head.split(b"\n") if len(head) == len(body) else _keep_lines(body, head), most)


def _keep_lines(body: bytes, head: bytes) -> list[bytes]:
    """The lines of head, after as many empty ones as stood before it, so that numbers stay right."""
    return [b""] * body.count(b"\n", 0, len(body) - len(head)) + head.split(b"\n")


def _document(head: bytes) -> bytes | None:
    """The body when it is a single JSON object, which may span lines; None otherwise."""
    try:
        msgspec.json.decode(head, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return head


def _elements(head: bytes) -> Iterable[bytes]:
    """The elements of a JSON array, each as it was written; a broken array is given whole, once."""
    try:
        return [bytes(raw) for raw in msgspec.json.decode(head, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _lenient_elements(head)


def _lenient_elements(head: bytes) -> list[bytes]:
    try:
        found = json.loads(head.decode("utf-8", "replace"), parse_constant=str)
    except (ValueError, RecursionError):
        return [head]
    return [json.dumps(each).encode() for each in found]


class _Reader:
    """Reads one body."""

    def __init__(self, source_id: str, now_ns: int) -> None:
        self._source_id = source_id
        self._now_ns = now_ns
        self._decode = msgspec.json.Decoder(_Fast).decode
        self._clock = Clock(now_ns=now_ns)
        self._sources: set[str] = set()

    def lines(self, lines: Iterable[bytes], most: int) -> Reading:
        reading = Reading()
        entries = reading.entries
        decode, entry = self._decode, self._entry
        for number, line in enumerate(lines, 1):
            try:
                item = decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                if not line or line.isspace():
                    continue
                self._slow(line, number, reading)
            else:
                try:
                    entries.append(entry(item, None))
                except Refused as refused:
                    reading.rejected.append((number, str(refused)))
            if len(entries) + len(reading.rejected) > most:
                reading.too_many = True
                break
        return reading

    def _slow(self, line: bytes, number: int, reading: Reading) -> None:
        """A line with keys of its own, or with what strict JSON has no room for."""
        try:
            reading.entries.append(self._lenient(line))
        except Refused as refused:
            reading.rejected.append((number, str(refused)))

    def _lenient(self, line: bytes) -> LogEntry:
        try:
            found = json.loads(line.decode("utf-8", "replace"), parse_constant=str, parse_float=_finite)
        except RecursionError:
            raise Refused(TOO_DEEP) from None
        except ValueError as reason:
            raise Refused(f"it is no JSON: {reason}"[:REASON_CHARS_MOST]) from None
        if not isinstance(found, dict):
            raise Refused("it is no JSON object")
        more = {key: found.pop(key) for key in list(found) if key not in _KNOWN}
        try:
            item = msgspec.convert(_clean(found), _Fast)
        except msgspec.ValidationError as reason:
            place, complaint = complaint_of(reason)
            raise Refused(f"{place}: {complaint}"[:REASON_CHARS_MOST] if place else complaint) from None
        except RecursionError:
            raise Refused(TOO_DEEP) from None
        return self._entry(item, _clean(more))

    def _entry(self, item: _Fast, more: Metadata | None) -> LogEntry:
        extra: Metadata = more or {}
        level = LogLevel.INFO if item.level is None else _level(item.level, extra)
        time_ns = self._now_ns if item.timestamp is None else self._time(item.timestamp, extra)
        source = item.source
        if source not in self._sources:
            self._check_source(source)
        if len(item.source_id) > SOURCE_ID_CHARS_MOST:
            raise Refused(f"sourceId: has more than {SOURCE_ID_CHARS_MOST:,} characters")
        metadata = item.metadata
        if extra:
            metadata = {**extra, **(metadata or {})}
        if metadata:
            metadata = _checked(metadata)
        return LogEntry(
            source,
            item.source_id or self._source_id,
            level,
            item.message,
            time_ns,
            metadata or None,
            None if item.id is None else _uuid(item.id),
        )

    def _check_source(self, source: str) -> None:
        if not _SOURCE.fullmatch(source):
            raise Refused("source: use 1 to 32 of a-z 0-9 _ -")
        self._sources.add(source)

    def _time(self, value: str | int | float, extra: Metadata) -> int:
        stamp = self._clock.read(value)
        if stamp is None or not 0 <= stamp[0] < 1 << 63:
            raise Refused(f"timestamp: {str(value)[:60]!r} is no time; use ISO 8601 or epoch s, ms, µs, ns")
        if stamp[1]:
            extra["time_inferred"] = stamp[1]
        return stamp[0]


def _level(value: str | int, extra: Metadata) -> LogLevel:
    if isinstance(value, str):
        level = levels.of_word(value)
        if level is not None:
            if not levels.is_common(value):
                levels.note_word(value, extra)
            return level
    elif (level := levels.of_number(value)) is not None:
        return level
    names = ", ".join(known.label for known in LogLevel)
    raise Refused(f"level: {str(value)[:40]!r} is none; use {names}, or 10 to 60")


def _uuid(text: str) -> bytes:
    if len(text) in (32, 36):
        try:
            found = bytes.fromhex(text.replace("-", ""))
        except ValueError:
            found = b""
        if len(found) == 16:
            return found
    raise Refused(f"id: {text[:40]!r} is no UUID")


def _checked(metadata: Metadata) -> Metadata:
    """Metadata that can be stored. Raises Refused when it is nested too deep."""
    for value in metadata.values():
        if isinstance(value, (dict, list)) and _depth(value) > DEPTH_MOST:
            raise Refused(f"metadata: is nested deeper than {DEPTH_MOST}")
    return metadata


def _depth(value: Any) -> int:
    """How deep lists and objects are nested, counted no further than DEPTH_MOST + 1."""
    layer: list[Any] = [value]
    depth = 0
    while layer and depth <= DEPTH_MOST:
        depth += 1
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
    return depth


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): _clean(inner) for key, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list) else value


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text
