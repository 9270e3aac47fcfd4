"""logfmt: `time=… level=info msg="ready" port=80` (logrus, slog, go-kit, Prometheus, Grafana)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hantu.formats import level as levels
from hantu.formats.parsed import RESERVED, Format, Parsed
from hantu.formats.timestamp import Clock
from hantu.model import LogLevel, Metadata

LOGFMT: Final = Format(
    "logfmt", 'time=2026-11-20T14:02:31Z level=info msg="order taken" id=77 trace_id=abc', closed=True
)

_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_PLAIN_ESCAPES: Final[dict[str, str]] = {"n": "\n", "t": "\t", "r": "\r"}
_QUOTED: Final = re.compile(r'="([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)

_MESSAGE: Final = ("msg", "message", "event")
_TIME: Final = ("time", "ts", "t", "timestamp", "@timestamp")
_LEVEL: Final = ("level", "lvl", "severity")
_LOGGER: Final = ("logger", "module", "name", "component")
_TRACE: Final = ("trace_id", "traceID", "traceId", "trace.id")
_RENAMED: Final = {"hostname": "host"}
_SHAPES_MOST: Final = 512
_PATTERNS_MOST: Final = 64


@dataclass(frozen=True, slots=True)
class _Shape:
    """The keys that play a part, "" when there is none; renamed: (old, new)."""

    message: str
    time: str
    level: str
    renamed: tuple[tuple[str, str], ...]
    keys: tuple[str, ...]


class Logfmt:
    """Reads logfmt lines of one stream; which key plays which part is decided once for each shape."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        self._patterns: dict[tuple[str, ...], re.Pattern[str]] = {}
        self._last_keys: tuple[str, ...] = ()
        self._expected: tuple[re.Pattern[str], _Shape] | None = None

    def read(self, text: str) -> Parsed | None:
        """A line that is nothing but pairs: at least two, one of them a level, a message or a time;
        no key twice."""
        # Most lines have the shape of the one before: one match instead of a loop over the pairs.
        expected = self._expected
        found = None if expected is None else expected[0].match(text)
        if expected is not None and found is not None:
            shape = expected[1]
            metadata = _values(shape.keys, found.groups())
        else:
            pairs = _pairs(text)
            if pairs is None or len(pairs) < 2:
                return None
            metadata = pairs
            shape = self._shape_of_next(tuple(metadata))
        if not (shape.message or shape.time or shape.level):
            return None
        level: LogLevel | None = None
        if shape.level:
            word = str(metadata[shape.level])
            level = levels.of_word(word)
            if level is not None:
                del metadata[shape.level]
        time = None
        time_text = ""
        if shape.time:
            time_text = str(metadata[shape.time])
            time = self._clock.read(time_text)
            if time is not None:
                del metadata[shape.time]
        message = str(metadata.pop(shape.message)) if shape.message else ""
        for old, new in shape.renamed:
            metadata[new] = metadata.pop(old)
        if level is not None and word not in levels.PLAIN:
            levels.note_word(word, metadata)
        return Parsed(LOGFMT, level, message or text, metadata or None, time, time_text)

    def _shape_of_next(self, keys: tuple[str, ...]) -> _Shape:
        """The shape of a line; the second in a row gets a pattern to try on the next line first."""
        shape = self._shapes.get(keys)
        if shape is None:
            if len(self._shapes) >= _SHAPES_MOST:
                self._shapes.clear()
            shape = self._shapes[keys] = _shape_of(keys)
        if keys == self._last_keys:
            pattern = self._patterns.get(keys)
            # To compile one costs as much as a hundred lines: a stream of ever new shapes gets no more.
            if pattern is None and len(self._patterns) < _PATTERNS_MOST:
                pattern = self._patterns[keys] = _pattern_of(keys)
            self._expected = None if pattern is None else (pattern, shape)
        self._last_keys = keys
        return shape


def _shape_of(ordered: tuple[str, ...]) -> _Shape:
    keys = frozenset(ordered)

    def first(names: tuple[str, ...]) -> str:
        return next((name for name in names if name in keys), "")

    message, time, level = first(_MESSAGE), first(_TIME), first(_LEVEL)
    renamed = [(first(_LOGGER), "logger"), (first(_TRACE), "trace_id"), *_RENAMED.items()]
    renamed = [(old, new) for old, new in renamed if old in keys and old != new and new not in keys]
    renamed += [(name, f"line_{name}") for name in RESERVED & keys if name not in {message, time, level}]
    return _Shape(message, time, level, tuple(renamed), ordered)


def _pattern_of(keys: tuple[str, ...]) -> re.Pattern[str]:
    """A whole line of these keys, one group a value; not of all such lines, but of those that _pairs()
    would read the same."""
    pairs = (re.escape(key) + r'=("[^"\\]*"|[^\s"]*)' for key in keys)
    return re.compile(" ".join(pairs) + r"\Z")


def _values(keys: tuple[str, ...], groups: tuple[str, ...]) -> Metadata:
    metadata: Metadata = {}
    for key, value in zip(keys, groups, strict=True):
        if value[:1] == '"':
            metadata[key] = value[1:-1]
        elif value.isdecimal() and _keeps_its_text(value):
            metadata[key] = int(value)
        else:
            metadata[key] = value
    return metadata


def _pairs(text: str) -> Metadata | None:
    """The pairs of a line in order; None when anything else stands in it."""
    quoted: list[str] = []
    if '"' in text:
        # The values in quotes are taken out first; what is left has no blanks but between pairs.
        parts = text.split('"') if "\\" not in text else _split_escaped(text)
        if not len(parts) % 2:
            return None
        for at in range(1, len(parts), 2):
            if parts[at - 1][-1:] != "=" or parts[at + 1][:1] not in _AFTER_QUOTE:
                return None
        quoted = parts[1::2]
        text = '"'.join(parts[::2])
    metadata: Metadata = {}
    used = 0
    pairs = text.split()
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            return None
        if value == '"':
            value = quoted[used]
            used += 1
        elif value.isdecimal() and _keeps_its_text(value):
            metadata[key] = int(value)
            continue
        metadata[key] = value
    # A quote elsewhere than around a whole value was not used up; a key that came twice is one too few.
    return metadata if used == len(quoted) and len(metadata) == len(pairs) else None


_AFTER_QUOTE: Final = frozenset({"", " ", "\t"})


def _keeps_its_text(digits: str) -> bool:
    """Whether the number says all that its digits say: 007 and ٣ do not."""
    return digits.isascii() and len(digits) < 19 and (digits[0] != "0" or digits == "0")


def _split_escaped(text: str) -> list[str]:
    """text.split('"') that minds escaped quotes; an even number of parts when it cannot be split."""
    parts: list[str] = []
    end = 0
    for match in _QUOTED.finditer(text):
        parts += [text[end : match.start() + 1], _ESCAPED.sub(_unescape, match[1])]
        end = match.end()
    parts.append(text[end:])
    return parts if '"' not in "".join(parts[::2]) else []


def _unescape(match: re.Match[str]) -> str:
    return _PLAIN_ESCAPES.get(match[1], match[1])
