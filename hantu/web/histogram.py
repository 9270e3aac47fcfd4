"""The level histogram as bars ready to draw, each a link that zooms in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hantu.model import LogLevel
from hantu.store.base import Histogram
from hantu.web import clock, i18n, sentences

BARS_MOST: Final = 120
HEIGHT: Final = 56.0
LEAST_HEIGHT: Final = 1.0
AXIS_LABELS: Final = 6
_S: Final = clock.SECOND_NS
# Widths that a person can read off a clock.
_WIDTHS: Final = tuple(
    seconds * _S
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
)
_DAY: Final = 86_400 * _S
# From the foot: the worst first, for only the lowest part of a stack can be compared by eye.
_STACK: Final = (
    ("fatal", (LogLevel.FATAL,)),
    ("error", (LogLevel.ERROR,)),
    ("warn", (LogLevel.WARN,)),
    ("info", (LogLevel.INFO,)),
    ("debug", (LogLevel.DEBUG, LogLevel.TRACE)),
)


@dataclass(frozen=True, slots=True)
class Range:
    """start_ns ≤ time < end_ns in `buckets` parts of width_ns, on round local times."""

    start_ns: int
    width_ns: int
    buckets: int

    @property
    def end_ns(self) -> int:
        """The end of the last part."""
        return self.start_ns + self.width_ns * self.buckets


@dataclass(frozen=True, slots=True)
class Bar:
    """One part. rects: (level, y, height) from the foot. since, until: query words that zoom."""

    x: float
    width: float
    since: str
    until: str
    title: str
    rects: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """bars hold only parts with entries. blind: (x, width, title) where lines may be missing. keys:
    the levels that occur. total: entries counted; complete: that is all of them."""

    bars: tuple[Bar, ...]
    blind: tuple[tuple[float, float, str], ...]
    axis: tuple[str, ...]
    keys: tuple[str, ...]
    total: int
    complete: bool
    each: str
    width: int


@dataclass(frozen=True, slots=True)
class Blind:
    """A time in which lines may be missing, with its reason."""

    start_ns: int
    end_ns: int
    reason: str


def fitting(start_ns: int, end_ns: int) -> Range:
    """The range that covers start…end in at most BARS_MOST parts of a readable width."""
    span = max(end_ns - start_ns, 1)
    width = next((width for width in _WIDTHS if span <= width * (BARS_MOST - 1)), 0)
    if not width:
        width = -(-span // ((BARS_MOST - 1) * _DAY)) * _DAY
    ahead = clock.offset_ns(start_ns)
    first = (start_ns + ahead) // width * width - ahead
    return Range(first, width, max(1, -(-(end_ns - first) // width)))


def chart(found: Histogram, blind: Sequence[Blind] = ()) -> Chart:
    """What to draw, in a box of 10 units a part by HEIGHT."""
    sums = [sum(counts) for counts in found.counts]
    most = max(sums, default=0)
    bars = tuple(
        _bar(found, at, counts, total, most)
        for at, (counts, total) in enumerate(zip(found.counts, sums, strict=True))
        if total
    )
    used = [sum(counts[level] for counts in found.counts) for level in LogLevel]
    keys = tuple(name for name, levels in reversed(_STACK) if any(used[level] for level in levels))
    return Chart(
        bars,
        tuple(_blind(found, one) for one in blind),
        _axis(found),
        keys,
        sum(sums),
        found.complete,
        i18n.duration(found.width_ns // _S),
        10 * len(found.counts),
    )


def _bar(found: Histogram, at: int, counts: Sequence[int], total: int, most: int) -> Bar:
    rects: list[tuple[str, float, float]] = []
    foot = HEIGHT
    for name, levels in _STACK:
        count = sum(counts[level] for level in levels)
        if not count:
            continue
        # Even one error among ten thousand lines must be seen.
        height = min(max(count / most * (HEIGHT - 2), LEAST_HEIGHT), foot)
        foot -= height
        rects.append((name, round(foot, 1), round(height, 1)))
    start = found.start_ns + at * found.width_ns
    errors = counts[LogLevel.ERROR] + counts[LogLevel.FATAL]
    title = f"{label(start, found.width_ns)} · {i18n.plural('{n} line', '{n} lines', total)}"
    if errors:
        title += f", {i18n.plural('{n} error', '{n} errors', errors)}"
    return Bar(
        at * 10, 8, clock.iso_local(start), clock.iso_local(start + found.width_ns), title, tuple(rects)
    )


def _blind(found: Histogram, one: Blind) -> tuple[float, float, str]:
    scale = 10 / found.width_ns
    most = 10.0 * len(found.counts)
    start = min(max((one.start_ns - found.start_ns) * scale, 0.0), most)
    end = min(max((one.end_ns - found.start_ns) * scale, 0.0), most)
    length = i18n.duration((one.end_ns - one.start_ns) / _S)
    title = i18n.translate("Blind {length}: {reason}", length=length, reason=sentences.say(one.reason))
    return round(start, 1), round(max(end - start, 3.0), 1), f"{label(one.start_ns, _S)} {title}"


def _axis(found: Histogram) -> tuple[str, ...]:
    """Labels at equal distances from the start to the end."""
    span = found.width_ns * len(found.counts)
    times = [found.start_ns + span * at // (AXIS_LABELS - 1) for at in range(AXIS_LABELS)]
    return tuple(label(time_ns, span // AXIS_LABELS) for time_ns in times)


def label(time_ns: int, step_ns: int) -> str:
    """A time to the detail that steps of step_ns need."""
    day, text, _iso = clock.row_time(time_ns)
    if step_ns >= _DAY:
        return i18n.short_day(clock.date(day))
    if step_ns >= 7200 * _S:
        return f"{i18n.short_day(clock.date(day))} {text[:5]}"
    return text[:5] if step_ns >= 60 * _S else text[:8]
