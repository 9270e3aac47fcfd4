"""Which format a line has, told by its first character and then by its shape.

The order is fixed and nothing is remembered, so that a line reads the same wherever it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hantu.formats import access, ansi, headed, klog, syslog, textline
from hantu.formats.jsonlines import JSON, JsonLines
from hantu.formats.logfmt import LOGFMT, Logfmt
from hantu.formats.parsed import Format, Parsed
from hantu.formats.timestamp import MONTHS, Clock

TEXT: Final = Format("text", "Listening on port 8080", whole=True)

FORMATS: Final = (
    JSON,
    LOGFMT,
    *syslog.FORMATS,
    *access.FORMATS,
    *textline.FORMATS,
    *headed.FORMATS,
    *klog.FORMATS,
    TEXT,
)
"""Every format, each with an example line; docs/formats.md has a row for each."""

_DAYS: Final = frozenset({"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"})
_MONTHS: Final = frozenset(MONTHS)
_BOM: Final = "\ufeff"


class Reader:
    """Reads the lines of one stream."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._json = JsonLines(clock)
        self._logfmt = Logfmt(clock)
        upper = dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZ", self._capital)
        lower = dict.fromkeys("abcdefghijklmnopqrstuvwxyz_@", self._letter)
        self._by_first: dict[str, Callable[[str], Parsed | None]] = {
            **upper,
            **lower,
            **dict.fromkeys("0123456789", self._digit),
            ":": self._letter,
            "-": self._letter,
            "[": self._bracket,
            "<": self._angle,
            _BOM: self._marked,
        }

    def read(self, raw: bytes) -> Parsed | str:
        """What a line with a head of its own says; else the line's text."""
        if raw[-1:] == b"\r":
            raw = raw[:-1]
        if raw[:1] == b"{":
            found = self._json.read(raw)
            if found is not None:
                return found
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("utf-8", "replace")
        if ansi.ESCAPE in text:
            return self._coloured(text)
        read = self._by_first.get(text[:1])
        if read is None:
            return text
        return read(text) or text

    def _coloured(self, text: str) -> Parsed | str:
        plain = ansi.strip(text)
        read = self._by_first.get(plain[:1])
        found = None if read is None else read(plain)
        if found is None:
            return text
        found.message = text if found.message == plain else ansi.tail(text, found.message)
        return found

    def _marked(self, text: str) -> Parsed | None:
        """The first line of a file with a byte order mark."""
        found = self.read(text[1:].encode())
        return None if isinstance(found, str) else found

    def _digit(self, text: str) -> Parsed | None:
        clock = self._clock
        if text[4:5] in ("-", "/", ".") and (found := textline.time_first(text, clock)):
            return found
        if '] "' in text and (found := access.clf(text, clock)):
            return found
        head = text[:12]
        if ":" in head:
            return klog.redis(text, clock) or headed.clock_first(text, clock) or klog.logcat(text, clock)
        if "." in head:
            return headed.epoch_first(text, clock)
        return headed.named_date(text, clock) if " " in head[:3] else None

    def _capital(self, text: str) -> Parsed | None:
        clock = self._clock
        if text[1:2] in "/0123456789" and text[1:2] and text[0] in "IWEFVD":
            found = klog.klog(text, clock) or klog.logcat_brief(text)
            if found:
                return found
        word = text[:3]
        if word in _MONTHS and (found := syslog.old(text, clock) or headed.named_date(text, clock)):
            return found
        if word in _DAYS and (found := headed.named_date(text, clock)):
            return found
        if text[1:3].isupper() and (found := headed.level_first(text) or access.uvicorn(text)):
            return access.uvicorn(text) or found if found.format is headed.UVICORN_TEXT else found
        if text[4:5] in (" ", "/") or text[3:4] == " " or text[6:7] == " ":
            found = access.morgan(text)
            if found:
                return found
        if word in ("Sta", "End", "Log") and (found := headed.apt(text, clock)):
            return found
        return self._letter(text)

    def _letter(self, text: str) -> Parsed | None:
        at = text.find("=", 0, 64)
        if at > 0 and " " not in text[:at] and (found := self._logfmt.read(text)):
            return found
        if ": " in text[:12] and (found := headed.small_level_first(text)):
            return found
        if '] "' in text and (found := access.clf(text, self._clock)):
            return found
        return headed.apt(text, self._clock) if text.startswith("update-alternatives ") else None

    def _bracket(self, text: str) -> Parsed | None:
        clock = self._clock
        return (
            textline.bracketed_time(text, clock)
            or headed.bracketed_level(text)
            or headed.apache_error(text, clock)
            or access.runserver(text, clock)
        )

    def _angle(self, text: str) -> Parsed | None:
        return syslog.new(text, self._clock) or syslog.old(text, self._clock) or syslog.pri_only(text)
