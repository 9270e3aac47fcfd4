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
    """One part. rects: (level, y, height) from the foot. since, until: query words that zoom. at: which
    part of the chart; outside: beside the time that was chosen."""

    x: float
    width: float
    since: str
    until: str
    title: str
    rects: tuple[tuple[str, float, float], ...]
    at: int
    total: int
    outside: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """bars hold only parts with entries. blind: (x, width, title) where lines may be missing. keys:
    the levels that occur. total: entries counted; complete: that is all of them. edges: where the parts
    begin and the last one ends, as a query takes it. newest: what the last bar says. chosen: (x, width) of
    the time that was chosen, amid what is around it; zooms: the times beside and around it."""

    bars: tuple[Bar, ...]
    blind: tuple[tuple[float, float, str], ...]
    axis: tuple[str, ...]
    keys: tuple[str, ...]
    total: int
    complete: bool
    each: str
    width: int
    edges: tuple[str, ...]
    newest: str
    chosen: tuple[float, float] | None
    zooms: tuple[Zoom, ...]


@dataclass(frozen=True, slots=True)
class Zoom:
    """A link to another time, named in the reader's language."""

    text: str
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """start_ns ≤ time < end_ns, which the reader chose, and the counts just before and after it. now_ns:
    nothing is later."""

    start_ns: int
    end_ns: int
    now_ns: int
    before: Histogram
    after: Histogram


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


def beside(asked: Range) -> tuple[Range, Range]:
    """The times just before and after, a quarter as long each."""
    count = max(asked.buckets // 4, 2)
    first = asked.start_ns - count * asked.width_ns
    return Range(first, asked.width_ns, count), Range(asked.end_ns, asked.width_ns, count)


def chart(found: Histogram, blind: Sequence[Blind] = (), chosen: Chosen | None = None) -> Chart:
    """What to draw, in a box of 10 units a part by HEIGHT."""
    shown, first, last = found, 0, len(found.counts)
    if chosen is not None:
        counts = (*chosen.before.counts, *found.counts, *chosen.after.counts)
        shown = Histogram(chosen.before.start_ns, found.width_ns, counts)
        first = len(chosen.before.counts)
        last += first
    sums = [sum(counts) for counts in shown.counts]
    most = max(sums, default=0)
    parts = [(at, total) for at, total in enumerate(sums) if total]
    bars = tuple(_bar(shown, at, total, most, outside=not first <= at < last) for at, total in parts)
    used = [sum(counts[level] for counts in shown.counts) for level in LogLevel]
    keys = tuple(name for name, levels in reversed(_STACK) if any(used[level] for level in levels))
    within = [bar for bar in bars if not bar.outside]
    return Chart(
        bars,
        tuple(_blind(shown, one) for one in blind),
        _axis(shown),
        keys,
        sum(sums[first:last]),
        found.complete,
        i18n.duration(found.width_ns // _S),
        10 * len(shown.counts),
        tuple(clock.iso_local(shown.start_ns + at * shown.width_ns) for at in range(len(sums) + 1)),
        within[-1].title if within else "",
        _chosen(shown, chosen),
        _zooms(chosen),
    )


def _chosen(shown: Histogram, chosen: Chosen | None) -> tuple[float, float] | None:
    if chosen is None:
        return None
    scale = 10 / shown.width_ns
    x = (chosen.start_ns - shown.start_ns) * scale
    return round(x, 1), round(max((chosen.end_ns - chosen.start_ns) * scale, 2.0), 1)


def _zooms(chosen: Chosen | None) -> tuple[Zoom, ...]:
    if chosen is None:
        return ()
    start, end = chosen.start_ns // _S * _S, -(-chosen.end_ns // _S) * _S
    long = max(end - start, _S)
    return tuple(
        Zoom(text, clock.iso_local(since), clock.iso_local(until))
        for text, since, until in (
            (i18n.translate("Earlier"), start - long, start),
            (i18n.translate("Zoom out"), start - long, end + long),
            (i18n.translate("Later"), end, end + long),
        )
        if since < chosen.now_ns
    )


def _bar(found: Histogram, at: int, total: int, most: int, *, outside: bool) -> Bar:
    counts = found.counts[at]
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
        at * 10,
        8,
        clock.iso_local(start),
        clock.iso_local(start + found.width_ns),
        title,
        tuple(rects),
        at,
        total,
        outside,
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
