"""Entries as lines of a terminal."""

from __future__ import annotations

import datetime
from typing import Any, Final

import click

from hantu.model import LogEntry, LogLevel
from hantu.text import visible

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


def level_style(level: LogLevel) -> dict[str, Any]:
    """How a terminal with colours shows a level, as click.style() takes it."""
    return _COLOUR.get(level, {})


def line(entry: LogEntry, *, zone: datetime.tzinfo, colour: bool) -> str:
    """`2026-02-01 12:34:56.123 ❌ [ERROR] scheduler: message (trace_id=abc12345)`."""
    metadata = entry.metadata or {}
    at = datetime.datetime.fromtimestamp(entry.time_ns // 10**9, zone)
    stamp = f"{at:%Y-%m-%d %H:%M:%S}.{entry.time_ns // 10**6 % 1000:03d}"
    emoji = _SUCCESS if metadata.get("success") is True else _EMOJI.get(entry.level, "")
    level = f"[{entry.level.label.upper()}]"
    head = f"{emoji} {level}" if emoji else level
    if colour and (style := level_style(entry.level)):
        head = click.style(head, **style)
    who = visible(_who(entry))
    if colour:
        stamp, who = click.style(stamp, dim=True), click.style(who, fg="cyan")
    trace = metadata.get("trace_id")
    tail = f" (trace_id={visible(str(trace))})" if trace else ""
    body = visible(entry.message).replace("\n", "\n    ")
    return f"{stamp} {head} {who}: {body}{tail}"


def _who(entry: LogEntry) -> str:
    if entry.source == "app" and entry.source_id.startswith("/"):
        return "/".join(entry.source_id.rsplit("/", 2)[-2:])
    return entry.source_id or entry.source
