"""What the menus beside the search box do: they edit the text, which is the state."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import Final

from hantu.model import LogLevel
from hantu.query.edit import joined, without_field, without_times
from hantu.query.expr import And, Field, Op
from hantu.query.lexer import Kind, tokenize
from hantu.query.parser import parse

SPANS: Final = (
    ("15m", "Last 15 minutes"),
    ("1h", "Last 1 hour"),
    ("6h", "Last 6 hours"),
    ("24h", "Last 24 hours"),
    ("7d", "Last 7 days"),
    ("30d", "Last 30 days"),
    ("today", "Today"),
)
_LOCAL: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
"""What an input of type datetime-local sends."""


def times_of(text: str) -> tuple[str, ...]:
    """The since: until: and on: words of a right query text."""
    tokens = tokenize(text, now_ns=0, tz=UTC)
    return tuple(text[token.position : token.end] for token in tokens if token.kind is Kind.TIME)


def with_times(text: str, since: str = "", until: str = "") -> str:
    """`text` with these times instead of its own. Raises QueryError when `text` is wrong."""
    own = [_time_word("since", since), _time_word("until", until)]
    return joined(without_times(text), *(word for word in own if word))


def zoned(word: str, tz: tzinfo | None) -> str:
    """A time of a form or menu as a query takes it: with its offset, when it was given in another zone than
    the server's (tz None)."""
    word = word.strip()
    if tz is None:
        return word
    if word == "today":
        return datetime.now(tz).replace(hour=0, minute=0, second=0, microsecond=0).isoformat()
    if not _LOCAL.fullmatch(word):
        return word
    try:
        return datetime.fromisoformat(word).replace(tzinfo=tz).isoformat()
    except ValueError:
        return word


def min_level(text: str) -> LogLevel | None:
    """The level of the text's `level:>=…`, None when it has none."""
    search = parse(text, now_ns=0, tz=UTC).search
    for item in search.items if isinstance(search, And) else (search,):
        if isinstance(item, Field) and item.name == "level" and item.op is Op.GE:
            return LogLevel.parse(item.value)
    return None


def says_level(text: str) -> bool:
    """Whether the text says anything about levels."""
    tokens = tokenize(text, now_ns=0, tz=UTC)
    return any(isinstance(token.term, Field) and token.term.name == "level" for token in tokens)


def with_min_level(text: str, level: LogLevel | None) -> str:
    """`text` with `level:>=level` instead of its own top-level words for levels."""
    rest = without_field(text, "level")
    return rest if level is None else joined(rest, f"level:>={level.label}")


def for_live(text: str) -> str:
    """`text` as a live view begins with it: no end in time, info and above unless it says more
    (CONTRACT M36)."""
    times = times_of(text)
    if any(not word.lower().startswith("since:") for word in times):
        text = with_times(text)
    return text if says_level(text) else with_min_level(text, LogLevel.INFO)


def _time_word(name: str, value: str) -> str:
    value = value.strip()
    if not value:
        return ""
    return (
        f'{name}:"{value}"' if any(sign.isspace() or sign in '"()' for sign in value) else f"{name}:{value}"
    )
