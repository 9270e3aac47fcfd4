"""The texts of Telegram messages (CONTRACT M74, M75): HTML, escaped, within Telegram's length.

Pure: used by the log library and by the service's alerts alike."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from hantu.errors import place_of
from hantu.hidden import clean, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hantu.errors import ErrorRecord

UNITS_MOST: Final = 4096
"""Telegram counts UTF-16 code units. It counts them after the entities are read; counted here before,
so that the text is within the limit however one counts."""
_PLACE_UNITS_MOST: Final = 200
_MESSAGE_UNITS_MOST: Final = 1500
_NOTES_UNITS_MOST: Final = 800
_ROW_UNITS_MOST: Final = 160
_CUT: Final = "…"
LINK_WORDS: Final = "에러 보기"
_PRE: Final = ("<pre>", "</pre>")


class Head(Enum):
    """The first line: sign and word."""

    ERROR = ("🚨", "에러")
    WARNING = ("⚠️", "경고")
    SUCCESS = ("✅", "성공")
    REPORT = ("📊", "리포트")


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often an error came again after it was told, from its first to its last time."""

    count: int
    first_ns: int
    last_ns: int


def error_text(
    record: ErrorRecord, *, repeats: Repeats | None = None, notes: Iterable[str] = (), link: str = ""
) -> str:
    """The message for one error; repeats: those before it that were not told; notes: further lines;
    link: the address of its page."""
    return message_text(
        Head.ERROR,
        record.service,
        record.time_ns,
        place=place_of(record.module, record.function),
        error_type=record.error_type or "",
        message=record.message,
        notes=(*notes, *(() if repeats is None else (repeats_line(repeats),))),
        stack_trace=record.stack_trace or "",
        trace_id=record.trace_id or "",
        link=link,
    )


def repeats_line(repeats: Repeats) -> str:
    """How often the same error came again, as a sentence."""
    first, last = clock_text(repeats.first_ns), clock_text(repeats.last_ns)
    if first == last:
        return f"같은 에러가 {repeats.count:,}번 더 발생했습니다 ({last})"
    if first[:10] == last[:10]:
        first, last = first[11:], last[11:]
    return f"같은 에러가 {repeats.count:,}번 더 발생했습니다 ({first}부터 {last}까지)"


def message_text(
    head: Head,
    service: str,
    time_ns: int,
    *,
    place: str = "",
    error_type: str = "",
    message: str = "",
    notes: Iterable[str] = (),
    stack_trace: str = "",
    trace_id: str = "",
    link: str = "",
) -> str:
    """A message of Telegram's HTML: head, time and place, type, message, notes, the stack's tail, trace,
    link.

    What is empty has no line. Only the stack gives way when all is too long, and keeps its tail."""
    lines = _head(head, service, time_ns, place)
    if error_type:
        lines.append(f"타입: {_line(error_type, _PLACE_UNITS_MOST)}")
    if message:
        lines += ["", _start(_shown(message).strip("\n"), _MESSAGE_UNITS_MOST)]
    if told := "\n".join(_shown(note).strip("\n") for note in notes):
        lines += ["", _start(told, _NOTES_UNITS_MOST)]
    before = "\n".join(lines)
    after = f"\n(trace_id: {_line(trace_id, _PLACE_UNITS_MOST)})" if trace_id else ""
    after += _link(link)
    if stack := _shown(stack_trace).strip("\n"):
        opening, closing = f"\n\n{_PRE[0]}", _PRE[1]
        room = UNITS_MOST - sum(map(units, (before, opening, closing, after)))
        before += f"{opening}{_tail(stack, room)}{closing}"
    return before + after


def listing_text(
    head: Head,
    service: str,
    time_ns: int,
    *,
    message: str,
    rows: Sequence[str],
    left_out: Callable[[int], str],
    link: str = "",
) -> str:
    """A message with a line for each of rows, as many as there is room for; left_out: the last line when
    only so many of them are shown."""
    before = "\n".join(
        [*_head(head, service, time_ns, ""), "", _start(_shown(message), _MESSAGE_UNITS_MOST)]
    )
    after = _link(link)
    lines = [_line(row, _ROW_UNITS_MOST) for row in rows]
    shown = len(lines)
    while True:
        more = left_out(shown) if shown < len(lines) else ""
        text = "\n".join([before, "", *lines[:shown], *([_line(more, _ROW_UNITS_MOST)] if more else [])])
        if shown == 0 or units(text) + units(after) <= UNITS_MOST:
            return text.rstrip("\n") + after
        shown -= 1


def clock_text(time_ns: int) -> str:
    """The time as a person here reads it: 2026-02-01 12:34:58."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time_ns // 1_000_000_000))


def units(text: str) -> int:
    """The length of `text` as Telegram counts: UTF-16 code units."""
    return len(text) if text.isascii() else len(text) + sum(character > "\uffff" for character in text)


def escaped(text: str) -> str:
    """`text` as Telegram's HTML wants it. Source: Bot API, "HTML style"."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _head(head: Head, service: str, time_ns: int, place: str) -> list[str]:
    sign, word = head.value
    when = clock_text(time_ns) + (f" | {_line(place, _PLACE_UNITS_MOST)}" if place else "")
    return [f"{sign} [{_line(service, _PLACE_UNITS_MOST)}] {word}", when]


def _link(address: str) -> str:
    """A link on a line of its own, "" for no address."""
    if not address:
        return ""
    target = escaped(address).replace('"', "&quot;")
    return f'\n<a href="{target}">{LINK_WORDS}</a>'


def _shown(text: str) -> str:
    return visible(clean(text.replace("\r\n", "\n")))


def _line(text: str, most: int) -> str:
    """One line of at most `most` units, escaped."""
    return _start(_shown(text).replace("\n", "\\n"), most)


def _start(text: str, most: int) -> str:
    """The start of `text` that is at most `most` units long once it is escaped."""
    whole = escaped(text)
    if units(whole) <= most:
        return whole
    return "".join(_fitting(text, most - units(_CUT))) + _CUT


def _tail(text: str, most: int) -> str:
    """The end of `text` that is at most `most` units long once it is escaped; whole lines if possible."""
    whole = escaped(text)
    if units(whole) <= most:
        return whole
    room = most - units(_CUT) - 1
    kept = "".join(reversed(_fitting(reversed(text), room)))
    line_end = kept.find("\n")
    # A cut line is kept only when it is the last one: then its end is all there is.
    return f"{_CUT}\n{kept[line_end + 1 :]}" if line_end >= 0 else f"{_CUT}\n{kept}"


def _fitting(characters: Iterable[str], most: int) -> list[str]:
    """The first characters, each escaped, that together are at most `most` units long."""
    found: list[str] = []
    for character in characters:
        piece = escaped(character)
        most -= units(piece)
        if most < 0:
            break
        found.append(piece)
    return found
