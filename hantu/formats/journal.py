"""Entries of the systemd journal, as `journalctl -o json --all` writes them.

Source: systemd, "Journal JSON Format" and systemd.journal-fields(7). A value is a string; a list of
numbers when its bytes are not UTF-8 or hold control characters; a list of either when the field
stands several times in an entry; null when journalctl left it out for its size.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from hantu.formats import level as levels
from hantu.formats import multiline
from hantu.formats.detect import Reader
from hantu.formats.jsonlines import JSON
from hantu.formats.multiline import Trace
from hantu.formats.parsed import RESERVED, Parsed
from hantu.formats.timestamp import Clock
from hantu.model import JOURNAL, MESSAGE_LIMIT_BYTES, LogEntry, LogLevel, Metadata
from hantu.text import clean

NO_SOURCE: Final = "system"
"""source_id of an entry without unit and identifier."""

VALUE_MOST: Final = 1_024
"""A value of a program's own field is kept to so many characters."""
FIELDS_MOST: Final = 32
"""So many of a program's own fields are kept, in the order of their names."""

_LEVELS: Final = {
    "0": LogLevel.FATAL,
    "1": LogLevel.FATAL,
    "2": LogLevel.FATAL,
    "3": LogLevel.ERROR,
    "4": LogLevel.WARN,
    "5": LogLevel.INFO,
    "6": LogLevel.INFO,
    "7": LogLevel.DEBUG,
}
"""CONTRACT M29."""

_KNOWN: Final = {
    "SYSLOG_IDENTIFIER": "identifier",
    "_PID": "pid",
    "_HOSTNAME": "host",
    "_TRANSPORT": "transport",
    "PRIORITY": "priority",
    "_SYSTEMD_USER_UNIT": "user_unit",
    "UNIT": "unit",
    "USER_UNIT": "user_unit",
    "OBJECT_SYSTEMD_UNIT": "unit",
    "COREDUMP_UNIT": "unit",
    "CONTAINER_NAME": "container_name",
    "CONTAINER_ID": "container_id",
    "IMAGE_NAME": "image",
    "CODE_FILE": "code_file",
    "CODE_LINE": "code_line",
    "CODE_FUNC": "code_func",
    "ERRNO": "errno",
    "MESSAGE_ID": "message_id",
    "LOGGER": "logger",
}
_NUMBERS: Final = frozenset({"pid", "priority", "code_line", "errno"})
_SYSLOG_OWN: Final = "MESSAGE|SYSLOG_FACILITY|SYSLOG_PID|SYSLOG_TIMESTAMP|SYSLOG_RAW|TID|JOB_ID"
_SYSTEMD_OWN: Final = "INVOCATION_ID|USER_INVOCATION_ID|JOURNAL_NAME|JOURNAL_PATH|LIMIT|AVAILABLE|MAX_USE"
_DISK: Final = "CURRENT_USE|DISK_AVAILABLE|DISK_KEEP_FREE"
_DOCKER: Final = "CONTAINER_ID_FULL|CONTAINER_TAG|CONTAINER_LOG_EPOCH|CONTAINER_LOG_ORDINAL"
_LEFT_OUT: Final = frozenset(f"{_SYSLOG_OWN}|{_SYSTEMD_OWN}|{_DISK}|{_DOCKER}".split("|"))
_LEFT_OUT_ENDS: Final = ("_PRETTY",)
_DECODER: Final = msgspec.json.Decoder(dict[str, Any])
_STREAM_DEFAULT: Final = "6"
_NAMES_MOST: Final = 4_096


class JournalError(ValueError):
    """A line is no journal entry."""


class JournalRecord(msgspec.Struct, gc=False):
    """One entry of the journal.

    cursor: its place in the journal. units: the names by which journalctl's `-u` would find it.
    stream: "" or the stream of lines that it is one of: its neighbours there may belong to it.
    headed: its text begins a record (a time, a level, a JSON object). container: "" or the id of the
    container whose line Docker's journald driver wrote."""

    entry: LogEntry
    cursor: str
    units: tuple[str, ...] = ()
    identifier: str = ""
    stream: str = ""
    headed: bool = True
    container: str = ""


class JournalDecoder:
    """Makes records of journalctl's lines; remembers field names and the shapes of JSON messages."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._reader = Reader(self._clock)
        self._names: dict[str, str] = dict(_KNOWN)

    def decode(self, line: bytes) -> JournalRecord:
        """The record of a line without its newline. Raises JournalError."""
        try:
            fields = _DECODER.decode(line)
            cursor = fields["__CURSOR"]
            time_ns = int(fields["__REALTIME_TIMESTAMP"]) * 1_000
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise JournalError(f"no journal entry: {line[:80]!r}") from error
        unit = _first(fields.get("_SYSTEMD_UNIT"))
        identifier = _first(fields.get("SYSLOG_IDENTIFIER"))
        source_id = unit or identifier or NO_SOURCE
        metadata = self._metadata(fields)
        message, size = text_of(fields.get("MESSAGE"))
        if size:
            metadata["truncated_bytes"] = size
        if "MESSAGE" not in fields:
            message = _own_text(fields)
        level = _LEVELS.get(_first(fields.get("PRIORITY")), LogLevel.INFO)
        container = "container_name" in metadata
        lines = container or metadata.get("transport") == "stdout"
        default = container or (lines and metadata.get("priority", 6) == 6)
        record = JournalRecord(
            LogEntry(JOURNAL, source_id, level, message, time_ns, metadata),
            cursor,
            _units(unit, fields),
            identifier,
        )
        if lines:
            record.stream = _stream(fields, unit)
            if container:
                if fields.get("_COMM") == "dockerd":
                    record.container = _first(fields.get("CONTAINER_ID_FULL"))
                metadata["stream"] = "stderr" if metadata.get("priority") == 3 else "stdout"
        if lines or message[:1] == "{":
            self._read_message(record, default=default)
        return record

    def _metadata(self, fields: Metadata) -> Metadata:
        metadata: Metadata = {}
        own: list[str] = []
        names = self._names
        for key, value in fields.items():
            name = names.get(key)
            if name is None:
                if key[0] != "_":
                    own.append(key)
                continue
            if not name or value is None:
                continue
            text = value if type(value) is str else _first(value)
            metadata[name] = int(text) if name in _NUMBERS and text.isdecimal() else clean(text)
        if own:
            self._add_own(fields, own, metadata)
        if "identifier" not in metadata and "_COMM" in fields:
            metadata["identifier"] = _first(fields["_COMM"])
        if "container_id" in metadata:
            metadata["container_id"] = str(metadata["container_id"])[:12]
        return metadata

    def _add_own(self, fields: Metadata, own: list[str], metadata: Metadata) -> None:
        """The fields that the program itself made, lower case."""
        left = FIELDS_MOST
        for key in sorted(own):
            if key in _LEFT_OUT or key.endswith(_LEFT_OUT_ENDS):
                if len(self._names) < _NAMES_MOST:
                    self._names[key] = ""
                continue
            if not left:
                break
            left -= 1
            name = key.lower()
            if name in RESERVED or name in metadata:
                name = f"line_{name}"
            metadata[name] = _value(fields[key])

    def _read_message(self, record: JournalRecord, *, default: bool) -> None:
        """What the text says of itself: a JSON object's fields; in a stream whose priority nobody
        chose, its level and other parts, too."""
        entry = record.entry
        self._clock.now_ns = entry.time_ns
        found = self._reader.read(entry.message.encode())
        metadata = entry.metadata or {}
        level, message = entry.level, entry.message
        if isinstance(found, Parsed):
            if found.format is JSON:
                message = clean(found.message)
            elif not record.stream:
                return
            # A record of one line is never gone on with.
            if found.format.closed:
                record.stream = ""
            metadata = _with_own(metadata, found.metadata)
            if default and found.level is not None:
                level = found.level
        elif record.stream:
            record.headed = False
            if default:
                said = _level_in(multiline.plain_of(found))
                level = level if said is None else said
        record.entry = LogEntry(entry.source, entry.source_id, level, message, entry.time_ns, metadata)


def text_of(value: object) -> tuple[str, int]:
    """The text of a field's value, and its true length in bytes when it was cut, else 0.

    Bytes that are not UTF-8 become U+FFFD; several values are lines."""
    if type(value) is str:
        if len(value) <= MESSAGE_LIMIT_BYTES // 4:
            return clean(value), 0
        return _cut(clean(value).encode())
    if not isinstance(value, list):
        return "" if value is None else str(value), 0
    if value and not all(type(item) is int for item in value):
        return _cut("\n".join(text_of(item)[0] for item in value).encode())
    try:
        return _cut(bytes(value))
    except ValueError:
        return str(value), 0


def _cut(raw: bytes) -> tuple[str, int]:
    if len(raw) <= MESSAGE_LIMIT_BYTES:
        return _decoded(raw), 0
    return _decoded(raw[:MESSAGE_LIMIT_BYTES]), len(raw)


def _decoded(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    # Each bad byte became three.
    return (
        text
        if len(text) * 3 <= MESSAGE_LIMIT_BYTES
        else text.encode()[:MESSAGE_LIMIT_BYTES].decode("utf-8", "ignore")
    )


def _first(value: object) -> str:
    """The first value of a field that should have one."""
    if type(value) is str:
        return value
    if isinstance(value, list) and value and not isinstance(value[0], int):
        return _first(value[0])
    return text_of(value)[0]


def _value(value: object) -> Any:
    """The value of a program's own field: a text, or a list when the field stands several times."""
    if isinstance(value, list) and value and not all(type(item) is int for item in value):
        return [text_of(item)[0][:VALUE_MOST] for item in value[:FIELDS_MOST]]
    return text_of(value)[0][:VALUE_MOST]


def _own_text(fields: Metadata) -> str:
    """What to show of an entry without a message: the program's own fields."""
    return " ".join(
        f"{key}={text_of(fields[key])[0][:VALUE_MOST]}"
        for key in sorted(fields)
        if key[0] != "_" and key not in _KNOWN and key not in _LEFT_OUT
    )


def _units(unit: str, fields: Metadata) -> tuple[str, ...]:
    units = (unit,) if unit else ()
    for key in ("UNIT", "OBJECT_SYSTEMD_UNIT", "COREDUMP_UNIT", "_SYSTEMD_USER_UNIT", "USER_UNIT"):
        if key in fields:
            units = (*units, _first(fields[key]))
    return units


def _stream(fields: Metadata, unit: str) -> str:
    """Lines of one stream belong together: one process's connection, or one side of a container."""
    container = fields.get("CONTAINER_ID")
    if container is not None:
        return f"{container}/{fields.get('PRIORITY')}"
    return f"{unit}/{_first(fields.get('_PID'))}/{_first(fields.get('_STREAM_ID'))}"


def _level_in(plain: str) -> LogLevel | None:
    trace = multiline.starts(plain)
    if trace is not None:
        return LogLevel.FATAL if trace.lastgroup == Trace.GO else LogLevel.ERROR
    if plain[:1] in (" ", "\t") and multiline.is_frame(plain):
        return LogLevel.ERROR
    found = levels.in_text(plain)
    return None if found is None else found[0]


def _with_own(metadata: Metadata, own: Metadata | None) -> Metadata:
    """The journal's fields and the program's; one of the same name moves to `line_…`."""
    if not own:
        return metadata
    merged = dict(own)
    for key in metadata.keys() & own.keys():
        value = merged.pop(key)
        if value != metadata[key]:
            merged[f"line_{key}"] = value
    return {**merged, **metadata}


def number_of(cursor: str) -> tuple[str, int]:
    """The series an entry was numbered in, and its number there; ("", 0) for another kind of cursor.

    One journald numbers without a gap through all its files, rotated or not."""
    if cursor[:2] == "s=" and cursor[34:37] == ";i=":
        end = cursor.find(";", 37)
        try:
            return cursor[2:34], int(cursor[37:end], 16)
        except ValueError:
            pass
    return "", 0


_TIME: Final = re.compile(rb'"__REALTIME_TIMESTAMP":"(\d+)"')
_CURSOR: Final = re.compile(rb'"__CURSOR":"([^"\\]+)"')
_SOURCES: Final = (
    re.compile(rb'"_SYSTEMD_UNIT":"([^"\\]+)"'),
    re.compile(rb'"SYSLOG_IDENTIFIER":"([^"\\]+)"'),
)
_MESSAGE: Final = re.compile(rb'"MESSAGE":"((?:[^"\\]|\\.)*)')


def overlong_record(head: bytes, tail: bytes, length: int) -> JournalRecord:
    """The record of a line too long to hold, from its first and last bytes.

    Metadata `oversized_bytes`: how long the line was. Raises JournalError when its place and time
    are in neither part."""
    parts = head + b"\n" + tail
    cursor, time_us = _CURSOR.search(parts), _TIME.search(parts)
    if cursor is None or time_us is None:
        raise JournalError(f"{length:,} bytes, its place unknown")
    names = [_text(found[1]) for name in _SOURCES if (found := name.search(parts))]
    source_id = names[0] if names else NO_SOURCE
    said = _MESSAGE.search(parts)
    message = _text(said[1]) if said is not None else "(too large to read)"
    entry = LogEntry(
        JOURNAL, source_id, LogLevel.INFO, message, int(time_us[1]) * 1_000, {"oversized_bytes": length}
    )
    return JournalRecord(entry, cursor[1].decode(), (source_id,), source_id)


def _text(quoted: bytes) -> str:
    """The text between the quotes of a JSON string, perhaps cut short."""
    for cut in range(8):
        try:
            return clean(msgspec.json.decode(b'"' + quoted[: len(quoted) - cut] + b'"', type=str))
        except ValueError:
            continue
    return quoted.decode("utf-8", "replace")
