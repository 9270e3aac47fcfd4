"""The words for times: 2h, today, 2026-11-20, 2026-11-20T13:00:05+09:00, 1795226419."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final

from hantu.query.error import QueryError, shown

SECOND_NS: Final = 1_000_000_000
ALLOWED: Final = (
    "use 15m, 2h, 7d (that long ago), now, today, yesterday, 2026-11-20 or 2026-11-20T13:05:00, "
    "with a zone such as Z or +09:00 if it is not the local one"
)

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_AGO: Final = re.compile(r"-?((?:[0-9]{1,9}[smhdw])+)", re.IGNORECASE)
_AGO_PART: Final = re.compile(r"([0-9]+)([smhdw])", re.IGNORECASE)
_ISO: Final = re.compile(
    r"([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,]([0-9]{1,9})[0-9]*)?)?"
    # A blank before the zone's digits: a plus sign that lost its way in a URL.
    r" ?([Zz]|[+\- ][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_EPOCH: Final = re.compile(r"([0-9]{9,19})(?:\.([0-9]{1,9}))?")
_EPOCH_START: Final = datetime(1970, 1, 1)  # noqa: DTZ001 — wall clock arithmetic
# What SQLite and struct hold; entries lie within.
_NS_LEAST: Final = -(1 << 63)
_NS_MOST: Final = (1 << 63) - 1


def start_of(word: str, *, now_ns: int, tz: tzinfo) -> int:
    """The instant from which `since:word` counts, nanoseconds UTC. Raises QueryError."""
    return _span(word, now_ns, tz)[0]


def end_of(word: str, *, now_ns: int, tz: tzinfo) -> int:
    """The instant before which `until:word` ends; a day's name means its end. Raises QueryError."""
    return _span(word, now_ns, tz)[1]


def day_of(word: str, *, now_ns: int, tz: tzinfo) -> tuple[int, int]:
    """Start and end of the day that `on:word` names. Raises QueryError when it names no day."""
    day = _day(word, now_ns, tz)
    if day is None:
        raise QueryError(f"on: takes a day, not {shown(word)}; use today, yesterday or 2026-11-20")
    return _bounds(day, tz)


def to_words(time_ns: int) -> str:
    """An instant as words of the language that mean exactly it: ISO 8601, UTC."""
    seconds, rest = divmod(time_ns, SECOND_NS)
    moment = _EPOCH_START + timedelta(seconds=seconds)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{moment.isoformat()}{fraction}Z"


def _span(word: str, now_ns: int, tz: tzinfo) -> tuple[int, int]:
    folded = word.strip().lower()
    if folded == "now":
        return now_ns, now_ns
    day = _day(folded, now_ns, tz)
    if day is not None:
        return _bounds(day, tz)
    instant = _ago(folded, now_ns)
    if instant is None:
        instant = _iso(folded, word, tz)
    if instant is None:
        instant = _epoch(folded)
    if instant is None:
        raise QueryError(f"{shown(word)} is no time; {ALLOWED}")
    return instant, instant


def _ago(folded: str, now_ns: int) -> int | None:
    match = _AGO.fullmatch(folded)
    if match is None:
        return None
    seconds = sum(int(count) * _UNITS[unit] for count, unit in _AGO_PART.findall(match.group(1)))
    return _held(now_ns - seconds * SECOND_NS)


def _day(word: str, now_ns: int, tz: tzinfo) -> date | None:
    folded = word.strip().lower()
    if folded in ("today", "yesterday"):
        here = datetime.fromtimestamp(now_ns // SECOND_NS, tz).date()
        return here if folded == "today" else here - timedelta(days=1)
    match = _ISO.fullmatch(folded)
    if match is None or match.group(5) is not None:
        return None
    try:
        return date(int(match.group(1)), int(match.group(3)), int(match.group(4)))
    except ValueError as error:
        raise QueryError(f"{shown(word)} is no date: {error}") from None


def _bounds(day: date, tz: tzinfo) -> tuple[int, int]:
    start = datetime(day.year, day.month, day.day)  # noqa: DTZ001 — the zone is added below
    if day == date.max:
        return _instant(start, 0, tz), _NS_MOST
    return _instant(start, 0, tz), _instant(start + timedelta(days=1), 0, tz)


def _iso(folded: str, word: str, tz: tzinfo) -> int | None:
    match = _ISO.fullmatch(folded)
    if match is None:
        return None
    year, _, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        wall = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0))  # noqa: DTZ001
        return _instant(wall, int((fraction or "").ljust(9, "0")), _zone(zone) or tz)
    except ValueError as error:
        raise QueryError(f"{shown(word)} is no time: {error}") from None


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text == "z":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _epoch(folded: str) -> int | None:
    match = _EPOCH.fullmatch(folded)
    if match is None:
        return None
    digits, fraction = match.group(1), (match.group(2) or "").ljust(9, "0")
    # Seconds have 9–11 digits until the year 5138, milliseconds three more, and so on.
    steps = (max(len(digits), 11) - 9) // 3
    scale = SECOND_NS // 1000**steps
    return _held(int(digits) * scale + int(fraction) * scale // SECOND_NS)


def _instant(wall: datetime, nanoseconds: int, tz: tzinfo) -> int:
    """Nanoseconds UTC of a wall clock time, by integers: datetime overflows at the calendar's ends."""
    offset = wall.replace(tzinfo=tz).utcoffset() or timedelta(0)
    since = wall - _EPOCH_START - offset
    return _held((since.days * 86_400 + since.seconds) * SECOND_NS + nanoseconds)


def _held(time_ns: int) -> int:
    return min(max(time_ns, _NS_LEAST), _NS_MOST)
