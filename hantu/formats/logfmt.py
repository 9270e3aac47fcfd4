"""logfmt: `time=… level=info msg="ready" port=80` (logrus, slog, go-kit, Prometheus, Grafana)."""

from __future__ import annotations

import re
from typing import Final

from hantu.formats import level as levels
from hantu.formats.parsed import RESERVED, Format, Parsed
from hantu.formats.timestamp import Clock
from hantu.model import Metadata

LOGFMT: Final = Format(
    "logfmt", 'time=2026-11-20T14:02:31Z level=info msg="order taken" id=77 trace_id=abc', closed=True
)

# The blanks between pairs belong to the pattern: what the matches cover must be the whole line.
_PAIR: Final = re.compile(r'([^\s="]+)=(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^\s"]*))(?:\s+|$)', re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_PLAIN_ESCAPES: Final[dict[str, str]] = {"n": "\n", "t": "\t", "r": "\r"}
_WHOLE_NUMBER: Final = re.compile(r"(?:0|-?[1-9]\d{0,17})$")

_MESSAGE: Final = ("msg", "message", "event")
_TIME: Final = ("time", "ts", "t", "timestamp", "@timestamp")
_LEVEL: Final = ("level", "lvl", "severity")
_LOGGER: Final = ("logger", "module", "name", "component")
_TRACE: Final = ("trace_id", "traceID", "traceId", "trace.id")
_RENAMED: Final = {"hostname": "host"}


def logfmt(text: str, clock: Clock) -> Parsed | None:
    """A line that is nothing but pairs: at least two, one of them a level, a message or a time."""
    metadata: Metadata = {}
    end = 0
    for match in _PAIR.finditer(text):
        key, quoted, bare = match.groups()
        if match.start() != end or key in metadata:
            return None
        if bare is not None:
            metadata[key] = int(bare) if _is_number(bare) else bare
        else:
            metadata[key] = _ESCAPED.sub(_unescape, quoted) if "\\" in quoted else quoted
        end = match.end()
    if end != len(text) or len(metadata) < 2:
        return None
    word = _pop(metadata, _LEVEL)
    message = _pop(metadata, _MESSAGE)
    time_key = next((key for key in _TIME if key in metadata), "")
    if word is None and message is None and not time_key:
        return None
    for key in RESERVED & metadata.keys():
        metadata[f"line_{key}"] = metadata.pop(key)
    time = clock.read(metadata[time_key]) if time_key else None
    time_text = str(metadata.pop(time_key)) if time is not None else ""
    level = None
    if word is not None:
        level = levels.of_word(str(word))
        if level is None:
            metadata["level"] = word
        elif not levels.is_common(str(word)):
            levels.note_word(str(word), metadata)
    for name, keys in (("logger", _LOGGER), ("trace_id", _TRACE)):
        value = _pop(metadata, keys)
        if value is not None:
            metadata[name] = value
    return Parsed(
        LOGFMT, level, text if message in (None, "") else str(message), metadata or None, time, time_text
    )


def _is_number(text: str) -> bool:
    return text.isdecimal() and _WHOLE_NUMBER.match(text) is not None


def _pop(metadata: Metadata, keys: tuple[str, ...]) -> object:
    for key in keys:
        if key in metadata:
            return metadata.pop(key)
    return None


def _unescape(match: re.Match[str]) -> str:
    return _PLAIN_ESCAPES.get(match[1], match[1])
