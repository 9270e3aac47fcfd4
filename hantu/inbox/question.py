"""ErrorQuery ↔ the words of URL, API and command line, and the cursor of a page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from enum import StrEnum
from typing import Final, TypeVar

from hantu.errors import CRITICAL, ERROR, ErrorStatus
from hantu.query.error import QueryError, shown
from hantu.query.times import end_of, start_of
from hantu.store.error_base import (
    ERROR_LIMIT_DEFAULT,
    ERROR_LIMIT_MOST,
    ErrorOrder,
    ErrorPlace,
    ErrorQuery,
)

Word = TypeVar("Word", bound=StrEnum)

SEARCH_MOST: Final = 400
_NS_MOST: Final = (1 << 63) - 1
_LEVELS: Final = {"error": ERROR, "critical": CRITICAL, "fatal": CRITICAL}


class Shown(StrEnum):
    """Which groups: open ones wait for somebody; unresolved ones are these and the muted."""

    OPEN = "open"
    UNRESOLVED = "unresolved"
    REGRESSED = "regressed"
    MUTED = "muted"
    RESOLVED = "resolved"
    ALL = "all"


def question(
    words: Mapping[str, str], *, now_ns: int, tz: tzinfo, default: Shown = Shown.OPEN
) -> ErrorQuery:
    """The question that the words status, service, type, level, q, since, until, order, limit and cursor
    ask; lists have commas, an empty word counts as absent.

    default: the status when none is said. Raises QueryError with the name of the wrong word."""
    order = one_of("order", words.get("order", ""), ErrorOrder, ErrorOrder.LAST_SEEN)
    search = words.get("q", "").strip()
    if len(search) > SEARCH_MOST:
        raise QueryError(f"q: a search has at most {SEARCH_MOST} characters", parameter="q")
    statuses, muted, regressed = _states(one_of("status", words.get("status", ""), Shown, default))
    return ErrorQuery(
        statuses=statuses,
        services=_list(words, "service"),
        levels=tuple(_level(name) for name in _list(words, "level")),
        types=_list(words, "type"),
        search=search,
        since_ns=_time("since", words, now_ns, tz),
        until_ns=_time("until", words, now_ns, tz),
        muted=muted,
        regressed=regressed,
        order=order,
        limit=_limit(words),
        place=read_cursor(words.get("cursor", ""), order),
        now_ns=now_ns,
    )


def _states(wanted: Shown) -> tuple[tuple[ErrorStatus, ...], bool | None, bool | None]:
    """statuses, muted and regressed of a query."""
    unresolved = (ErrorStatus.UNRESOLVED,)
    match wanted:
        case Shown.OPEN:
            return unresolved, False, None
        case Shown.UNRESOLVED:
            return unresolved, None, None
        case Shown.REGRESSED:
            return unresolved, None, True
        case Shown.MUTED:
            return unresolved, True, None
        case Shown.RESOLVED:
            return (ErrorStatus.RESOLVED,), None, None
        case Shown.ALL:
            return (), None, None


def write_cursor(place: ErrorPlace | None, order: ErrorOrder) -> str | None:
    """Where a page ended, as text; None at the end."""
    return None if place is None else f"{order}-{place.value}-{place.group_no}"


def read_cursor(text: str, order: ErrorOrder) -> ErrorPlace | None:
    """The place that a cursor names, None for "". Raises QueryError."""
    if not text:
        return None
    own, _, rest = text.partition("-")
    value, _, group_no = rest.rpartition("-")
    if own in list(ErrorOrder) and own != order:
        raise QueryError(
            f"cursor: it comes from a page in order {own}, and order is {order}; leave one out",
            parameter="cursor",
        )
    place = ErrorPlace(_int(value), _int(group_no))
    if own != order or not (-_NS_MOST <= place.value <= _NS_MOST and 0 <= place.group_no <= _NS_MOST):
        raise QueryError(
            f"cursor: {shown(text)} is none; use the nextCursor of the page before", parameter="cursor"
        )
    return place


def _int(text: str) -> int:
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 20 else _NS_MOST + 1


def one_of(name: str, said: str, kind: type[Word], default: Word) -> Word:
    """The word of a set that was said, the default when none was. Raises QueryError."""
    said = said.strip().lower()
    if not said:
        return default
    if said not in list(kind):
        raise QueryError(f"{name}: {shown(said)} is unknown; use one of {', '.join(kind)}", parameter=name)
    return kind(said)


def _list(words: Mapping[str, str], name: str) -> tuple[str, ...]:
    parts = (part.strip() for part in words.get(name, "").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _level(name: str) -> str:
    level = _LEVELS.get(name.lower())
    if level is None:
        raise QueryError(
            f"level: {shown(name)} is no level of errors; use error or critical", parameter="level"
        )
    return level


def _time(name: str, words: Mapping[str, str], now_ns: int, tz: tzinfo) -> int | None:
    word = words.get(name, "").strip()
    if not word:
        return None
    try:
        return (start_of if name == "since" else end_of)(word, now_ns=now_ns, tz=tz)
    except QueryError as error:
        raise QueryError(f"{name}: {error.message}", parameter=name) from None


def _limit(words: Mapping[str, str]) -> int:
    text = words.get("limit", "").strip()
    if not text:
        return ERROR_LIMIT_DEFAULT
    value = _int(text)
    if not 1 <= value <= ERROR_LIMIT_MOST:
        raise QueryError(
            f"limit: {shown(text)} is no whole number from 1 to {ERROR_LIMIT_MOST:,}", parameter="limit"
        )
    return value
