"""Which format a line has, told by its first character and its shape."""

from __future__ import annotations

from hantu.formats.jsonlines import JsonLines
from hantu.formats.parsed import Format, Parsed
from hantu.formats.timestamp import Clock

TEXT = Format("text", "Listening on port 8080", whole=True)


class Reader:
    """Reads the lines of one stream."""

    def __init__(self, clock: Clock) -> None:
        self._json = JsonLines(clock)

    def read(self, raw: bytes) -> Parsed | str:
        """What a line with a head of its own says; else the line's text."""
        if raw[-1:] == b"\r":
            raw = raw[:-1]
        if raw[:1] == b"{":
            found = self._json.read(raw)
            if found is not None:
                return found
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("utf-8", "replace")
