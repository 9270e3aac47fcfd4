"""The level that a word, a number or a line of text means.

In free text a level must stand as a level: `0 errors found` is not an error.
"""

from __future__ import annotations

import re
from typing import Final

from hantu.model import LEVEL_NAMES, LogLevel, Metadata

_MORE_NAMES: Final = {
    "trc": LogLevel.TRACE,
    "trce": LogLevel.TRACE,
    "dbug": LogLevel.DEBUG,
    "silly": LogLevel.TRACE,
    "finest": LogLevel.TRACE,
    "finer": LogLevel.TRACE,
    "fine": LogLevel.DEBUG,
    "config": LogLevel.DEBUG,
    "http": LogLevel.DEBUG,
    "debug1": LogLevel.DEBUG,
    "debug2": LogLevel.DEBUG,
    "debug3": LogLevel.DEBUG,
    "debug4": LogLevel.DEBUG,
    "debug5": LogLevel.DEBUG,
    "default": LogLevel.INFO,
    "note": LogLevel.INFO,
    "system": LogLevel.INFO,
    "statement": LogLevel.INFO,
    "hint": LogLevel.INFO,
    "detail": LogLevel.INFO,
    "context": LogLevel.INFO,
    "warnings": LogLevel.WARN,
    "wrong": LogLevel.WARN,
    "eror": LogLevel.ERROR,
    "fail": LogLevel.ERROR,
    "fault": LogLevel.ERROR,
    "ftl": LogLevel.FATAL,
    "crt": LogLevel.FATAL,
    "pnc": LogLevel.FATAL,
}
_NAMES: Final = {
    form: level
    for name, level in {**LEVEL_NAMES, **_MORE_NAMES}.items()
    for form in (name, name.upper(), name.capitalize())
}

_COMMON: Final = frozenset(
    {
        *("trace", "debug", "info", "warn", "warning", "error", "fatal", "critical", "information"),
        *("trc", "dbg", "inf", "wrn", "err", "crit", "informational"),
        *("log", "note", "fail", "trce", "dbug", "warnings"),
    }
)
"""Names that say no more than their level."""

PLAIN: Final = {form: level for form, level in _NAMES.items() if form.lower() in _COMMON}
"""The levels whose name needs no note_word(), by name as most programs write it."""

LETTERS: Final = {
    "V": LogLevel.TRACE,
    "T": LogLevel.TRACE,
    "D": LogLevel.DEBUG,
    "I": LogLevel.INFO,
    "N": LogLevel.INFO,
    "W": LogLevel.WARN,
    "E": LogLevel.ERROR,
    "C": LogLevel.FATAL,
    "F": LogLevel.FATAL,
}

SYSLOG: Final = (
    LogLevel.FATAL,
    LogLevel.FATAL,
    LogLevel.FATAL,
    LogLevel.ERROR,
    LogLevel.WARN,
    LogLevel.INFO,
    LogLevel.INFO,
    LogLevel.DEBUG,
)
"""By syslog severity 0–7, as CONTRACT M29."""


def of_word(word: str) -> LogLevel | None:
    """The level called `word` (any case), or None."""
    level = _NAMES.get(word)
    return level if level is not None else _NAMES.get(word.strip().lower())


def note_word(word: str, metadata: Metadata) -> None:
    """Keep in `metadata` what the six levels cannot say of `word`: success, or a name of its own
    (notice, alert …) as `severity`."""
    lower = word.lower()
    if lower == "success":
        metadata["success"] = True
    elif lower not in _COMMON and len(word) > 1 and not word.isdecimal():
        metadata.setdefault("severity", word)


def is_common(word: str) -> bool:
    """Whether one of the six levels says all that `word` says."""
    return word in _COMMON or word.lower() in _COMMON


def of_number(number: float) -> LogLevel | None:
    """The level of Pino and bunyan (10–60, between two the lower) or Monolog (100–600); else None."""
    if 10 <= number < 100:
        return LogLevel(min(int(number) // 10 - 1, LogLevel.FATAL))
    if 100 <= number <= 600:
        return _MONOLOG[min(int(number) // 100, 5)]
    return None


_MONOLOG: Final = (
    LogLevel.DEBUG,
    LogLevel.DEBUG,
    LogLevel.INFO,
    LogLevel.WARN,
    LogLevel.ERROR,
    LogLevel.FATAL,
)


def of_python(number: float) -> LogLevel:
    """The level of Python's logging (levelno 10–50)."""
    return LogLevel(max(0, min(int(number) // 10, LogLevel.FATAL)))


def of_status(status: int) -> LogLevel:
    """The level of an HTTP status: 5xx error, 4xx warn, else info."""
    return LogLevel.INFO if status < 400 else LogLevel.WARN if status < 500 else LogLevel.ERROR


_LOOK_AT: Final = 200
_NAME_MOST: Final = 64
_UPPER: Final = (
    "TRACE|VERBOSE|DEBUG|INFO|NOTICE|SUCCESS|WARN|WARNING|ERROR|ERR|SEVERE|FATAL|CRITICAL|CRIT|ALERT|"
    "EMERG|EMERGENCY|PANIC"
)
_AT_HEAD: Final = frozenset(_UPPER.lower().split("|"))
_CAPITALS: Final = re.compile("[A-Z]{3}")
_WORD: Final = re.compile(rf"(?<![\w./=\"'-])({_UPPER})(?=[\s:;,|\])>]|$)")
_BRACKETS: Final = re.compile(rf"[\[<]\s{{0,2}}({_UPPER}|INF|WRN|DBG|FTL|TRC)\s{{0,4}}[\]>]", re.IGNORECASE)
_KEY: Final = re.compile(rf"\b(?:level|lvl|severity)[\"']?\s?[=:]\s?[\"']?({_UPPER})\b", re.IGNORECASE)
_EXCEPTION_NAME: Final = re.compile(r"(?:[A-Za-z_][\w$]*\.)*[A-Z]\w*$")
_PYTHON_WARNING: Final = re.compile(r"\S+:\d+: \w*Warning: ")


def in_text(text: str) -> tuple[LogLevel, str] | None:
    """The level that stands in a line of free text, and its word ("" when it is no word).

    Counts: an upper-case word that stands free; a word of any case in brackets, after `level=`, or at
    the head before a colon; the name of an exception at the head; a Python warning."""
    head = text[:_LOOK_AT]
    if head[:8] == "npm ERR!":
        return LogLevel.ERROR, ""
    if ":" in head and (found := _at_head(head)):
        return found
    if ("level" in head or "lvl" in head or "severity" in head) and (match := _KEY.search(head)):
        return _NAMES[match[1].lower()], match[1]
    if ("[" in head or "<" in head) and (match := _BRACKETS.search(head)):
        return _NAMES[match[1].lower()], match[1]
    if not head.islower() and _CAPITALS.search(head) and (match := _WORD.search(head)):
        return _NAMES[match[1]], match[1]
    return None


def _at_head(head: str) -> tuple[LogLevel, str] | None:
    end = head.find(":", 0, _NAME_MOST)
    if end > 0 and head[end + 1 : end + 2] in ("", " ", "\t"):
        word = head[:end].lstrip("#*!- ")
        if word.lower() in _AT_HEAD:
            return _NAMES[word.lower()], word
        if word.endswith(("Error", "Exception")) and _EXCEPTION_NAME.match(word):
            return LogLevel.ERROR, ""
    if "Warning: " in head and _PYTHON_WARNING.match(head):
        return LogLevel.WARN, ""
    return None
