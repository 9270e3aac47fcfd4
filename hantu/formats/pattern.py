"""A line's head as one regular expression: its named groups become level, message and metadata."""

from __future__ import annotations

import re
from typing import Final

from hantu.formats import level as levels
from hantu.formats.parsed import Format
from hantu.model import LogLevel, Metadata

_NAMES: Final = (
    "trace|verbose|debug|info|information|notice|success|warn|warning|error|severe|fatal|critical|crit"
    "|alert|emerg|emergency|panic|dpanic|trc|dbg|inf|wrn|err|ftl|pnc"
)
LEVEL: Final = rf"(?P<level>{_NAMES.upper()})(?![\w-])"
"""A level in capitals."""
ANY_LEVEL: Final = rf"(?P<level>(?i:{_NAMES}))(?![\w-])"
"""A level in any case, for places where nothing else can stand."""
MESSAGE: Final = r"(?P<message>.*)"

_WHOLE_NUMBERS: Final = frozenset({"pid", "tid", "line", "thread_id", "connection", "event"})
_OWN_ROLES: Final = frozenset({"level", "message"})

Head = tuple[LogLevel | None, str, Metadata | None]
"""Level, message and metadata."""


class Pattern:
    """One way to write a line. Groups: `message`; `level` (a word); any other is metadata under its own
    name, as a number when it is one by nature (pid, line …).

    needs: a text that every such line has; looking for it is cheaper than trying the expression.
    Without a level group the level is looked for in the message."""

    def __init__(self, kind: Format, regex: str, *, needs: str = "") -> None:
        self.kind = kind
        self.needs = needs
        self._regex = re.compile(regex, re.DOTALL)
        index = self._regex.groupindex
        self._message = index["message"] - 1
        self._level = index.get("level", 0) - 1
        self._fields = tuple(
            (at - 1, name, name in _WHOLE_NUMBERS) for name, at in index.items() if name not in _OWN_ROLES
        )

    def read(self, text: str, at: int = 0) -> Head | None:
        """Level, message and metadata when `text` reads so from position `at` on."""
        found = self._regex.match(text, at)
        if found is None:
            return None
        groups = found.groups()
        message = groups[self._message]
        metadata: Metadata = {}
        for index, name, whole_number in self._fields:
            value = groups[index]
            if value:
                metadata[name] = int(value) if whole_number and len(value) < 19 else value
        if self._level < 0:
            return level_in(message, metadata), message, metadata or None
        word = groups[self._level]
        level = levels.PLAIN.get(word)
        if level is None:
            levels.note_word(word, metadata)
            level = levels.of_word(word)
        return level, message, metadata or None


def level_in(message: str, metadata: Metadata) -> LogLevel | None:
    """The level that stands in the message; a word of its own goes to `metadata`."""
    found = levels.in_text(message)
    if found is None:
        return None
    if found[1] and not levels.is_common(found[1]):
        levels.note_word(found[1], metadata)
    return found[0]
