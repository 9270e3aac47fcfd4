"""Levels of the log library, their names and signs (CONTRACT M43, M76)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

DEBUG: Final = 10
INFO: Final = 20
SUCCESS: Final = 25
WARNING: Final = 30
ERROR: Final = 40
CRITICAL: Final = 50

NAMES: Final = {
    DEBUG: "DEBUG",
    INFO: "INFO",
    SUCCESS: "SUCCESS",
    WARNING: "WARNING",
    ERROR: "ERROR",
    CRITICAL: "CRITICAL",
}
BY_NAME: Final = {name: level for level, name in NAMES.items()} | {"WARN": WARNING, "FATAL": CRITICAL}
SIGNS: Final = {SUCCESS: "✅ ", WARNING: "⭕ ", ERROR: "❌ ", CRITICAL: "❌ "}

PRIORITIES: Final = {
    DEBUG: "<7>",
    INFO: "<6>",
    SUCCESS: "<5>",
    WARNING: "<4>",
    ERROR: "<3>",
    CRITICAL: "<2>",
}
"""What systemd's journal reads at the start of a line."""


def known(number: int) -> int:
    """The level that a number of the standard library's logging means: itself, or the next below."""
    if number in NAMES:
        return number
    return max((level for level in NAMES if level < number), default=DEBUG)
