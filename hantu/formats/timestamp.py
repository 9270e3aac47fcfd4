"""Times as logs write them, as integer nanoseconds UTC.

A Clock reads for one stream. It remembers the last second and the minutes it has seen, because most
lines share theirs with the line before: no date arithmetic is done for them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

Stamp = tuple[int, str]
"""Nanoseconds since the epoch, and what was inferred: "", "zone", "year,zone" or "date,zone"."""

SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS
OLDEST_NS: Final = 631_152_000 * SECOND_NS
"""1990-01-01: an older time in a log is a clock that was never set."""

_SCALE: Final = tuple(10 ** (9 - digits) for digits in range(10))
_KEPT: Final = 256

MONTH: Final = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
MONTHS: Final = {name: number for number, name in enumerate(MONTH.split("|"), start=1)}

# Only abbreviations that mean one zone in practice; CST, IST and the like mean several.
_ZONE_HOURS: Final = {
    "Z": 0, "z": 0, "UTC": 0, "GMT": 0, "WET": 0, "CET": 1, "WEST": 1, "CEST": 2, "EET": 2, "EEST": 3,
    "MSK": 3,
    "KST": 9, "JST": 9, "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip

ZONE: Final = rf"(?:{'|'.join(_ZONE_HOURS)})(?![A-Za-z])|[+-]\d\d:?\d\d"
ISO: Final = (
    r"(\d{4}[-/.]\d\d[-/.]\d\d[Tt _]\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?"
    r"(?: ?((?:Z|z|UTC|GMT)(?![A-Za-z])|[+-]\d\d:?\d\d(?!\d)|(?<=\d)[+-]\d\d(?!\d)))?"
)
"""Groups: date and time to the second, fraction, zone."""

_ISO: Final = re.compile(ISO + r"$")
_COMPACT: Final = re.compile(r"(\d{4})(\d\d)(\d\d)T?(\d\d)(\d\d)(\d\d)(?:[.,](\d{1,9})\d*)?(Z|[+-]\d{4})?$")
_DAY_FIRST: Final = re.compile(
    rf"(?:[A-Z][a-z]{{2}},? )?(\d{{1,2}})[ /-]({MONTH})[a-z]*[ /-](\d{{4}})[ :T](\d\d):(\d\d):(\d\d)"
    rf"(?:[.,](\d{{1,9}})\d*)? ?({ZONE})?$"
)
_MONTH_FIRST: Final = re.compile(
    rf"(?:[A-Z][a-z]{{2}},? )?({MONTH})[a-z]* +(\d{{1,2}}),?(?: (\d{{4}}),?)? (\d{{1,2}}):(\d\d):(\d\d)"
    rf"(?:[.,](\d{{1,9}})\d*)?(?: ([AP]M))?(?: ({ZONE}))?(?: (\d{{4}}))?$"
)
_NUMBER: Final = re.compile(r"(\d{9,20})(?:\.(\d{1,9})\d*)?$")


class Clock:
    """Reads the times of one stream.

    tz: the zone of times that name none; None: the system's. now_ns: set by the reader before it
    reads; years and dates that are missing are inferred from it."""

    def __init__(self, tz: tzinfo | None = None, now_ns: int = 0) -> None:
        self._tz = tz
        self._now_ns = now_ns
        self._hour = -1
        self._last_text = ""
        self._last_zone: str | None = None
        self._last: Stamp = 0, ""
        self._minutes: dict[tuple[str, str | None], Stamp] = {}

    @property
    def now_ns(self) -> int:
        """The time at which the lines are read."""
        return self._now_ns

    @now_ns.setter
    def now_ns(self, now_ns: int) -> None:
        self._now_ns = now_ns
        hour = now_ns // (3600 * SECOND_NS)
        if hour != self._hour:
            # A year inferred an hour ago may be wrong by now, and so may be the system's zone.
            self._last_text = ""
            self._minutes.clear()
            self._hour = hour

    def iso(self, text: str, fraction: str | None, zone: str | None) -> Stamp | None:
        """The time of `YYYY-MM-DD HH:MM:SS` (any separators), fraction digits and zone; None when
        there is no such time. The arguments are the groups of the pattern ISO."""
        if text == self._last_text and zone == self._last_zone:
            stamp: Stamp | None = self._last
        else:
            stamp = self._learn(text, zone, self._iso_minute)
        if stamp is not None and fraction:
            return stamp[0] + int(fraction) * _SCALE[len(fraction)], stamp[1]
        return stamp

    def clf(self, text: str) -> Stamp | None:
        """The time of an access log: `20/Nov/2026:14:02:31 +0900`."""
        zone = text[21:]
        text = text[:20]
        if text == self._last_text and zone == self._last_zone:
            return self._last
        return self._learn(text, zone, self._clf_minute)

    def yearless(self, text: str, fraction: str | None) -> Stamp | None:
        """The time of `Nov 20 14:02:31` or `1120 14:02:31`: in the year that puts it nearest before
        now (a day of slack for clocks that differ)."""
        if text == self._last_text and self._last_zone is None:
            stamp: Stamp | None = self._last
        else:
            stamp = self._learn(text, None, self._yearless_minute)
        if stamp is not None and fraction:
            return stamp[0] + int(fraction) * _SCALE[len(fraction)], stamp[1]
        return stamp

    def dateless(self, hour: int, minute: int, second: str, fraction: str | None) -> Stamp | None:
        """The time of HH, MM, SS on the day that puts it nearest before now (an hour of slack)."""
        latest = self._local(self._now_ns + 3600 * SECOND_NS)
        try:
            at = latest.replace(hour=hour, minute=minute, second=0, microsecond=0)
        except ValueError:
            return None
        if at > latest:
            at -= timedelta(days=1)
        base = self._minute((at.year, at.month, at.day, at.hour, at.minute), None)
        return base and _within((base[0], "date,zone"), second, fraction)

    def read(self, value: object) -> Stamp | None:
        """The time that `value` (text, or a number: epoch seconds, ms, µs or ns by magnitude) means;
        None when it is no time."""
        if isinstance(value, str):
            return self._read_text(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return epoch(value)

    def _read_text(self, text: str) -> Stamp | None:
        if match := _ISO.match(text):
            return self.iso(match[1], match[2], match[3])
        text = text.strip()
        if match := _ISO.match(text):
            return self.iso(match[1], match[2], match[3])
        if match := _NUMBER.match(text):
            return _epoch_digits(match[1], match[2])
        if match := _COMPACT.match(text):
            year, month, day, hour, minute, second, fraction, zone = match.groups()
            base = self._minute((int(year), int(month), int(day), int(hour), int(minute)), zone)
            return base and _within(base, second, fraction)
        if match := _DAY_FIRST.match(text):
            day, name, year, hour, minute, second, fraction, zone = match.groups()
            base = self._minute((int(year), MONTHS[name], int(day), int(hour), int(minute)), zone)
            return base and _within(base, second, fraction)
        if match := _MONTH_FIRST.match(text):
            return self._month_first(match)
        return None

    def _month_first(self, match: re.Match[str]) -> Stamp | None:
        name, day, year, hour, minute, second, fraction, half, zone, late_year = match.groups()
        hours = int(hour)
        if half:
            hours = hours % 12 + (12 if half == "PM" else 0)
        year = year or late_year
        if year is None:
            return self.yearless(f"{name} {day} {hours:02}:{minute}:{second}", fraction)
        base = self._minute((int(year), MONTHS[name], int(day), hours, int(minute)), zone)
        return base and _within(base, second, fraction)

    def _learn(
        self,
        text: str,
        zone: str | None,
        read: Callable[[str, str | None], Stamp | None],
    ) -> Stamp | None:
        """The time of `text`, whose last two characters are the seconds; remembered."""
        minute = text[:-3], zone
        base = self._minutes.get(minute)
        if base is None:
            base = read(*minute)
            if base is None:
                return None
            if len(self._minutes) >= _KEPT:
                self._minutes.clear()
            self._minutes[minute] = base
        second = int(text[-2:])
        if second > 60:  # 60: a leap second
            return None
        self._last_text, self._last_zone = text, zone
        self._last = stamp = base[0] + second * SECOND_NS, base[1]
        return stamp

    def _iso_minute(self, text: str, zone: str | None) -> Stamp | None:
        return self._minute(
            (int(text[:4]), int(text[5:7]), int(text[8:10]), int(text[11:13]), int(text[14:16])), zone
        )

    def _clf_minute(self, text: str, zone: str | None) -> Stamp | None:
        month = MONTHS.get(text[3:6])
        if month is None:
            return None
        return self._minute(
            (int(text[7:11]), month, int(text[:2]), int(text[12:14]), int(text[15:17])), zone
        )

    def _yearless_minute(self, text: str, _zone: str | None) -> Stamp | None:
        date, clock = text[:-5], text[-5:]
        month = MONTHS.get(date[:3]) or int(date[:2])
        day = int(date[3:] if date[0].isalpha() else date[2:4])
        latest_ns = self._now_ns + DAY_NS
        year = self._local(latest_ns).year
        # 29 February may lie up to eight years back.
        for back in range(9):
            base = self._minute((year - back, month, day, int(clock[:2]), int(clock[3:5])), None)
            if base is not None and base[0] <= latest_ns:
                return base[0], "year,zone"
        return None

    def _minute(self, parts: tuple[int, int, int, int, int], zone: str | None) -> Stamp | None:
        offset = _offset(zone) if zone else None
        try:
            if offset is not None:
                at = datetime(*parts, tzinfo=timezone(offset))
                return int(at.timestamp()) * SECOND_NS, ""
            if self._tz is not None:
                at = datetime(*parts, tzinfo=self._tz)
                return int(at.timestamp()) * SECOND_NS, "zone"
            datetime(*parts, tzinfo=UTC)  # mktime would take 31 February
            return int(time.mktime((*parts, 0, 0, 0, -1))) * SECOND_NS, "zone"
        except (ValueError, OverflowError):
            return None

    def _local(self, time_ns: int) -> datetime:
        seconds = max(0, min(time_ns // SECOND_NS, 253_402_000_000))
        return datetime.fromtimestamp(seconds, UTC).astimezone(self._tz)


def epoch(value: float) -> Stamp | None:
    """The time of a number: seconds, milliseconds, microseconds or nanoseconds by its magnitude."""
    if not 100_000_000 <= value < 10**19:
        return None
    if isinstance(value, int):
        if value < 10**11:
            return value * SECOND_NS, ""
        if value < 10**14:
            return value * 1_000_000, ""
        return value * (1000 if value < 10**17 else 1), ""
    # A double of today's seconds is exact to a quarter of a microsecond: more digits are noise.
    if value < 1e11:
        return round(value * 1e6) * 1000, ""
    return (round(value * 1e3) * 1000, "") if value < 1e14 else epoch(int(value))


def _epoch_digits(whole: str, fraction: str | None) -> Stamp | None:
    stamp = epoch(int(whole))
    if stamp is None or not fraction:
        return stamp
    size = len(whole)
    unit = SECOND_NS if size <= 11 else 1_000_000 if size <= 14 else 1000 if size <= 17 else 1
    return stamp[0] + int(fraction) * _SCALE[len(fraction)] * unit // SECOND_NS, ""


def _within(base: Stamp, second: str, fraction: str | None) -> Stamp | None:
    time_ns, inferred = base
    seconds = int(second)
    if seconds > 60:  # 60: a leap second
        return None
    time_ns += seconds * SECOND_NS
    if fraction:
        time_ns += int(fraction) * _SCALE[len(fraction)]
    return time_ns, inferred


def _offset(zone: str) -> timedelta | None:
    hours = _ZONE_HOURS.get(zone)
    if hours is not None:
        return timedelta(hours=hours)
    if zone[0] not in "+-":
        return None
    digits = zone[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4] or 0))
    return -size if zone[0] == "-" else size
