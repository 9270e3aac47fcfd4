"""Errors as lines of a terminal."""

from __future__ import annotations

import datetime
from typing import Final

import click

from hantu.errors import CRITICAL, ErrorStatus, place
from hantu.store.error_base import Act, ErrorGroup, GroupEvent, Occurrence
from hantu.text import visible

# CONTRACT M76
ERROR_SIGN: Final = "❌"
_WORDS: Final = {
    Act.RESOLVED: "✅ resolved",
    Act.REOPENED: "❌ reopened",
    Act.REGRESSED: "❌ regressed",
    Act.MUTED: "ℹ️ muted",
    Act.UNMUTED: "ℹ️ unmuted",
    Act.MERGED: "ℹ️ merged",
    Act.SPLIT: "ℹ️ split",
    Act.NOTE: "ℹ️ note",
}
MESSAGE_MOST: Final = 160


def stamp(time_ns: int, zone: datetime.tzinfo) -> str:
    """`2026-02-01 12:34:56`."""
    return f"{datetime.datetime.fromtimestamp(time_ns // 10**9, zone):%Y-%m-%d %H:%M:%S}"


def state(group: ErrorGroup, now_ns: int) -> str:
    """Sign and word of a group's state."""
    if group.status is ErrorStatus.RESOLVED:
        return "✅ resolved"
    if group.muted_below_an_hour is not None:
        return f"⭕ muted until more than {group.muted_below_an_hour} an hour"
    if group.is_muted(now_ns):
        return "⭕ muted"
    return "❌ regressed" if group.regressed_ns is not None else "❌ unresolved"


def group_lines(group: ErrorGroup, *, zone: datetime.tzinfo, now_ns: int, colour: bool) -> str:
    """Two lines: number, state, count, type, service; then when last and what it said."""
    kind = visible(group.error_type or "Error")
    said = one_line(group.message)
    said = said if len(said) <= MESSAGE_MOST else said[:MESSAGE_MOST] + "…"
    worst = f" {CRITICAL}" if group.level == CRITICAL else ""
    if colour:
        kind = click.style(kind, bold=True)
    where = f" {visible(group.place)}" if group.place else ""
    head = f"{group.group_no:>5}  {state(group, now_ns)}{worst}  ×{group.count:,}  {kind}"
    return f"{head}  {visible(group.service)}{where}\n{'':>7}{stamp(group.last_ns, zone)}  {said}"


def occurrence_line(found: Occurrence, *, zone: datetime.tzinfo, colour: bool) -> str:
    """`2026-02-01 12:34:58.123 ❌ [ERROR] scheduler core.engine.run: InsufficientBalance: 예수금 부족`."""
    record = found.record
    at = f"{stamp(record.time_ns, zone)}.{record.time_ns // 10**6 % 1000:03d}"
    head = f"{ERROR_SIGN} [{record.level}]"
    who = " ".join(visible(part) for part in (record.service, place(record)) if part)
    if colour:
        at, who = click.style(at, dim=True), click.style(who, fg="cyan")
        head = click.style(head, fg="red", bold=record.level == CRITICAL)
    kind = f"{visible(record.error_type)}: " if record.error_type else ""
    trace = f" (trace_id={visible(record.trace_id)})" if record.trace_id else ""
    again = " 재발" if found.reopened else ""
    body = visible(record.message).replace("\n", "\n    ")
    return f"{at} {head}{again} {who}: {kind}{body}{trace} #{found.group_no}"


def event_line(event: GroupEvent, zone: datetime.tzinfo) -> str:
    """`2026-02-01 12:40:00  ✅ resolved (page)  1.8.2`."""
    by = f" ({visible(event.by)})" if event.by else ""
    text = f"  {one_line(event.text)}" if event.text else ""
    return f"{stamp(event.at_ns, zone)}  {_WORDS[event.act]}{by}{text}"


def one_line(text: str) -> str:
    """A text on one line: hidden characters as escapes, line ends as ⏎."""
    return visible(text).replace("\n", " ⏎ ")
