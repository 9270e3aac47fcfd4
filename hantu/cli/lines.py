"""Entries as lines of a terminal."""

from __future__ import annotations

import datetime
import re
from typing import Any, Final

import click

from hantu.model import LogEntry, LogLevel

# CONTRACT M76
_EMOJI: Final = {LogLevel.INFO: "ℹ️", LogLevel.WARN: "⭕", LogLevel.ERROR: "❌", LogLevel.FATAL: "❌"}
_SUCCESS: Final = "✅"
_COLOUR: Final[dict[LogLevel, dict[str, Any]]] = {
    LogLevel.TRACE: {"dim": True},
    LogLevel.DEBUG: {"dim": True},
    LogLevel.WARN: {"fg": "yellow"},
    LogLevel.ERROR: {"fg": "red"},
    LogLevel.FATAL: {"fg": "red", "bold": True},
}
# Control characters but tab and line feed, and the marks that reorder text.
_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def safe(text: str) -> str:
    """`text` with control and direction characters shown as escapes: a log line must not steer the
    terminal."""
    return _UNSAFE.sub(lambda match: ascii(match.group())[1:-1], text)


def line(entry: LogEntry, *, zone: datetime.tzinfo, colour: bool) -> str:
    """`2026-02-01 12:34:56.123 ❌ [ERROR] scheduler: message (trace_id=abc12345)`."""
    metadata = entry.metadata or {}
    at = datetime.datetime.fromtimestamp(entry.time_ns // 10**9, zone)
    stamp = f"{at:%Y-%m-%d %H:%M:%S}.{entry.time_ns // 10**6 % 1000:03d}"
    emoji = _SUCCESS if metadata.get("success") is True else _EMOJI.get(entry.level, "")
    level = f"[{entry.level.label.upper()}]"
    head = f"{emoji} {level}" if emoji else level
    if colour and entry.level in _COLOUR:
        head = click.style(head, **_COLOUR[entry.level])
    who = safe(_who(entry))
    if colour:
        stamp, who = click.style(stamp, dim=True), click.style(who, fg="cyan")
    trace = metadata.get("trace_id")
    tail = f" (trace_id={safe(str(trace))})" if trace else ""
    body = safe(entry.message).replace("\n", "\n    ")
    return f"{stamp} {head} {who}: {body}{tail}"


def _who(entry: LogEntry) -> str:
    if entry.source == "app" and entry.source_id.startswith("/"):
        return "/".join(entry.source_id.rsplit("/", 2)[-2:])
    return entry.source_id or entry.source
