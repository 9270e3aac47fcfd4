"""The entry, its level and its source: plain values without I/O."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

import msgspec

DOCKER: Final = "docker"
JOURNAL: Final = "journal"
APP: Final = "app"
SOURCES: Final = (DOCKER, JOURNAL, APP)
"""The sources that always exist. The set is open: network ingestion adds names of its own."""

MESSAGE_LIMIT_BYTES: Final = 256 * 1024
"""A message is kept to this many UTF-8 bytes; the true length goes to metadata `truncated_bytes`."""

Metadata = dict[str, Any]
"""A JSON object: str keys; values None, bool, int, float, str, list, dict."""


class LogLevel(IntEnum):
    """Severity, ordered: trace < debug < info < warn < error < fatal."""

    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4
    FATAL = 5

    @property
    def label(self) -> str:
        """The lower-case name used in URLs, JSON and the database."""
        return _LABELS[self]

    @classmethod
    def parse(cls, name: str) -> LogLevel:
        """The level a program means by `name` (any case; WARNING, CRITICAL, SUCCESS … included).

        Raises ValueError that lists the six names when it is none of them."""
        level = LEVEL_NAMES.get(name.strip().lower())
        if level is None:
            raise ValueError(f"unknown level {name!r}; use one of {', '.join(_LABELS)}")
        return level


_LABELS: Final = ("trace", "debug", "info", "warn", "error", "fatal")

LEVEL_NAMES: Final[dict[str, LogLevel]] = {
    "trace": LogLevel.TRACE,
    "verbose": LogLevel.TRACE,
    "debug": LogLevel.DEBUG,
    "dbg": LogLevel.DEBUG,
    "info": LogLevel.INFO,
    "information": LogLevel.INFO,
    "informational": LogLevel.INFO,
    "inf": LogLevel.INFO,
    "notice": LogLevel.INFO,
    "success": LogLevel.INFO,
    "log": LogLevel.INFO,
    "warn": LogLevel.WARN,
    "warning": LogLevel.WARN,
    "wrn": LogLevel.WARN,
    "error": LogLevel.ERROR,
    "err": LogLevel.ERROR,
    "severe": LogLevel.ERROR,
    "fatal": LogLevel.FATAL,
    "critical": LogLevel.FATAL,
    "crit": LogLevel.FATAL,
    "alert": LogLevel.FATAL,
    "emerg": LogLevel.FATAL,
    "emergency": LogLevel.FATAL,
    "panic": LogLevel.FATAL,
    "dpanic": LogLevel.FATAL,
}
"""Names programs write for a level, lower case."""


class LogEntry(msgspec.Struct, frozen=True, gc=False):
    """One line of log (or one multi-line record) with its origin.

    A msgspec Struct, not a dataclass: it is made once a line on the hot path, and making one costs
    a fifth of a frozen dataclass (bench/parts.py). gc=False is safe because metadata is a JSON tree.

    time_ns and created_ns are nanoseconds since the epoch, UTC. `key` is the arrival number within
    the store, from 1, gapless order but not gapless values; 0 means not stored yet. `id` is the
    UUID shown outside, "" until stored. event_id is the sender's own 16-byte id: a second entry
    with the same one is not stored again."""

    source: str
    source_id: str
    level: LogLevel
    message: str
    time_ns: int
    metadata: Metadata | None = None
    event_id: bytes | None = None
    id: str = ""
    key: int = 0
    created_ns: int = 0
