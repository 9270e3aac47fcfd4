"""What people are told of: errors, and what happens to the library itself; which of them are equal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from hantu.client.cooldown import Occurrence, Quiet
from hantu.client.sink import fingerprint_of
from hantu.client.telegram_text import Head, Repeats, error_text, message_text, repeats_line
from hantu.errors import ErrorRecord, place

_MESSAGE_CHARS_MOST: Final = 1_000
_OWN: Final = "hantu"
"""The place of what happens to the library itself."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that happened to the library in `service`. title: a few words of Korean."""

    service: str
    title: str
    message: str
    time_ns: int


Told = ErrorRecord | Trouble


def gathered(items: Iterable[Told]) -> tuple[dict[str, Told], list[Occurrence]]:
    """The first of each kind by its key, and each kind as one occurrence with its count."""
    first: dict[str, Told] = {}
    occurrences: dict[str, Occurrence] = {}
    for item in items:
        key = key_of(item)
        before = occurrences.get(key)
        if before is None:
            first[key] = item
            occurrences[key] = Occurrence(key, 1, item.time_ns, item.time_ns, _subject(item))
            continue
        occurrences[key] = replace(
            before,
            count=before.count + 1,
            first_ns=min(before.first_ns, item.time_ns),
            last_ns=max(before.last_ns, item.time_ns),
        )
    return first, list(occurrences.values())


def text_of(item: Told, quiet: Quiet | None) -> str:
    """The message of one of them; quiet: its repeats of before that nobody was told of."""
    repeats = None if quiet is None else Repeats(quiet.count, quiet.first_ns, quiet.last_ns)
    if isinstance(item, ErrorRecord):
        return error_text(item, repeats=repeats)
    return message_text(
        Head.ERROR,
        item.service,
        item.time_ns,
        place=_OWN,
        error_type=item.title,
        message=item.message,
        notes=() if repeats is None else (repeats_line(repeats),),
    )


def repeats_text(quiet: Quiet, *, link: str = "") -> str:
    """The message at the end of a cooldown: what it was about, and how often it came again."""
    said = quiet.subject
    return message_text(
        Head.ERROR,
        said.get("service", ""),
        quiet.last_ns,
        place=said.get("place", ""),
        error_type=said.get("error_type", ""),
        message=said.get("message", ""),
        notes=(repeats_line(Repeats(quiet.count, quiet.first_ns, quiet.last_ns)),),
        trace_id=said.get("trace_id", ""),
        link=link,
    )


def held_back_text(service: str, time_ns: int, count: int) -> str:
    """The message for errors that got none of their own."""
    return message_text(
        Head.ERROR,
        service,
        time_ns,
        place=_OWN,
        message=f"에러가 한꺼번에 몰려 {count:,}건은 따로 알리지 못했습니다. "
        "에러 목록이나 로컬 JSON 파일에서 확인하세요.",
    )


def key_of(item: Told) -> str:
    """Equal for what shares a cooldown."""
    if isinstance(item, Trouble):
        return f"{item.service}\n{_OWN}\n{item.title}"
    # A CRITICAL is not held back by the cooldown of an ERROR (M72).
    return f"{item.service}\n{fingerprint_of(item)}\n{item.level}"


def _subject(item: Told) -> dict[str, str]:
    if isinstance(item, Trouble):
        where, error_type, trace_id = _OWN, item.title, ""
    else:
        where, error_type, trace_id = place(item), item.error_type, item.trace_id
    return {
        "service": item.service,
        "place": where,
        "error_type": error_type,
        "message": item.message[:_MESSAGE_CHARS_MOST],
        "trace_id": trace_id,
    }
