"""Times as people read them: in the zone the reader chose, else in the server's, with all digits where
asked for."""

from __future__ import annotations

import datetime
import time
from functools import lru_cache
from typing import Final, NamedTuple, cast
from zoneinfo import ZoneInfo

from flask import g, has_request_context

from hantu.web import preferences

SECOND_NS: Final = 10**9


class _Minute(NamedTuple):
    day: str
    clock: str
    offset: str


def chosen_zone() -> str:
    """The name of the zone that the reader chose, "" for the server's."""
    if not has_request_context():
        return ""
    if "zone" not in g:
        g.zone = preferences.chosen(preferences.ZONE)
    return cast(str, g.zone)


def tz() -> datetime.tzinfo | None:
    """The zone that the reader chose, None for the server's."""
    return _zone(chosen_zone())


@lru_cache(maxsize=64)
def _zone(name: str) -> datetime.tzinfo | None:
    return ZoneInfo(name) if name else None


def _minute(minute: int) -> _Minute:
    """The local day, HH:MM and offset of a minute since the epoch. Zone offsets of this century are
    whole minutes, so the seconds are the same everywhere."""
    return _minute_in(chosen_zone(), minute)


@lru_cache(maxsize=8192)
def _minute_in(zone_name: str, minute: int) -> _Minute:
    local = _local(minute * 60, zone_name)
    offset = local.strftime("%z")
    return _Minute(local.strftime("%Y-%m-%d"), local.strftime("%H:%M"), f"{offset[:3]}:{offset[3:5]}")


def _local(seconds: int, zone_name: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).astimezone(_zone(zone_name))
    except (OverflowError, ValueError, OSError):
        # Beyond the calendar; such times come from broken programs and are only to be survived.
        return datetime.datetime(1 if seconds < 0 else 9999, 1, 1, tzinfo=datetime.UTC)


def row_time(time_ns: int) -> tuple[str, str, str]:
    """(local day, HH:MM:SS.mmm, ISO 8601 with offset) of a row."""
    seconds, rest = divmod(time_ns, SECOND_NS)
    minute, second = divmod(seconds, 60)
    day, clock, offset = _minute(minute)
    text = f"{clock}:{second:02d}.{rest // 1_000_000:03d}"
    return day, text, f"{day}T{text}{offset}"


def day_of(time_ns: int) -> str:
    """The local day, YYYY-MM-DD."""
    return _minute(time_ns // (60 * SECOND_NS)).day


def full_time(time_ns: int) -> str:
    """The local time with all nine digits: 2026-11-20 14:02:31.482117904 +09:00."""
    seconds, rest = divmod(time_ns, SECOND_NS)
    day, clock, offset = _minute(seconds // 60)
    return f"{day} {clock}:{seconds % 60:02d}.{rest:09d} {offset}"


def iso_local(time_ns: int) -> str:
    """The local time to the second as a query takes it: 2026-11-20T14:02:31, and with its offset when
    the reader's zone is not the server's, which a query means by a time without one."""
    return iso(time_ns) if chosen_zone() else iso(time_ns)[:-6]


def iso(time_ns: int) -> str:
    """The local time to the second with its offset, for <time datetime>."""
    seconds = time_ns // SECOND_NS
    day, clock, offset = _minute(seconds // 60)
    return f"{day}T{clock}:{seconds % 60:02d}{offset}"


def offset_ns(time_ns: int) -> int:
    """How far local time is ahead of UTC at that time."""
    offset = _local(time_ns // SECOND_NS, chosen_zone()).utcoffset()
    return int(offset.total_seconds()) * SECOND_NS if offset else 0


def date(day: str) -> datetime.date:
    """The date of YYYY-MM-DD."""
    return datetime.date.fromisoformat(day)


def is_day(text: str) -> bool:
    """Whether `text` is a day as day_of() gives it."""
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def zone() -> str:
    """The name and offset of the reader's zone now: KST +09:00, or UTC alone."""
    return _named(chosen_zone())


def server_zone() -> str:
    """As zone(), of the server's zone."""
    return _named("")


def _named(zone_name: str) -> str:
    seconds = int(time.time())
    name = _local(seconds, zone_name).tzname() or ""
    offset = _minute_in(zone_name, seconds // 60).offset
    return "UTC" if offset == "+00:00" else f"{name} {offset}" if name.isalpha() else offset


def forget_zone() -> None:
    """Forget what was computed, after the process's zone was changed."""
    _minute_in.cache_clear()
