"""What is wrong with a text of the search box: the sentence, its place, and right texts near it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from hantu.query.error import QueryError
from hantu.query.logquery import LogQuery
from hantu.web import ansi
from hantu.web.completion import FIELD, values_of, word_start
from hantu.web.vocabulary import Names

CONTEXT_CHARS: Final = 60
FIXES_MOST: Final = 6
_ENDINGS: Final = ('"', ")", " x")
"""What may follow a text that only goes on: a quote or a group closed, a word after OR."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """The part of a wrong text around what is wrong."""

    before: str
    at: str
    after: str


def wrong_of(text: str, tz: tzinfo) -> QueryError | None:
    """What is wrong with a text, None when nothing is."""
    try:
        LogQuery.parse(text, now_ns=time.time_ns(), tz=tz)
    except QueryError as error:
        return error
    return None


def in_word(text: str, at: int, error: QueryError) -> bool:
    """Whether what is wrong lies in the word that is being typed, which ends at character `at`."""
    start, _ = word_start(text, at)
    return error.position + error.length > start and error.position <= at


def goes_on(text: str, tz: tzinfo) -> bool:
    """Whether a wrong text is right as soon as it is typed to its end."""
    return any(wrong_of(text + ending, tz) is None for ending in _ENDINGS)


def pointer(text: str, error: QueryError) -> Pointer:
    """Where in the text the error is."""
    text = ansi.SPECIAL.sub("\ufffd", text).replace("\n", " ")
    start = min(max(error.position, 0), len(text))
    end = min(start + max(error.length, 1), len(text))
    first = max(0, start - CONTEXT_CHARS)
    return Pointer(
        text[first:start], text[start : min(end, start + CONTEXT_CHARS)], text[end : end + CONTEXT_CHARS]
    )


def fixes(text: str, error: QueryError, tz: tzinfo, names: Names) -> tuple[str, ...]:
    """Right texts near a wrong one: what is open closed, a wrong value replaced by those there are."""
    start, end = error.position, error.position + error.length
    field = FIELD.fullmatch(text[start:end])
    if field is None:
        tried = [f'{text}"', f"{text})"]
    else:
        items = values_of(field.group(1), field.group(2) or "", "", names)
        whole = [item.text.strip() for item in items if item.text.endswith(" ")]
        tried = [f"{text[:start]}{word}{text[end:]}" for word in whole]
    return tuple(other for other in tried if wrong_of(other, tz) is None)[:FIXES_MOST]
