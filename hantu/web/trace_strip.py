"""A trace at a glance: a lane for each source, a mark where it said something, the run as a bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hantu.web import i18n

WIDTH: Final = 1_000.0
MARK: Final = 3.0
LANES_MOST: Final = 8
SPAN_LEAST_NS: Final = 10**9
"""A trace that is shorter fills no strip: what it says stands in its lines."""

LEVELS: Final = ("trace", "debug", "info", "warn", "error", "fatal")


@dataclass(frozen=True, slots=True)
class Said:
    """Something on the timeline. level: as LEVELS has it."""

    source: str
    time_ns: int
    level: str


@dataclass(frozen=True, slots=True)
class Mark:
    """x: its left side. Marks that would lie upon each other are one, of the worst level."""

    x: float
    level: str


@dataclass(frozen=True, slots=True)
class Lane:
    """What a source said. bar: (x, width) of a run, None for a source. told: the lane in words."""

    name: str
    marks: tuple[Mark, ...]
    told: str
    bar: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Strip:
    """lanes: in the order in which they begin. left_out: sources beyond the most that are shown."""

    lanes: tuple[Lane, ...]
    left_out: int
    length: str


def strip(said: Sequence[Said], *, run: tuple[str, int, int] | None = None) -> Strip | None:
    """The lanes of what was said, in order of time. run: (name, start, end) in ns. None when there is too
    little to see."""
    times = [one.time_ns for one in said] + ([run[1], run[2]] if run else [])
    if not times or max(times) - min(times) < SPAN_LEAST_NS or len(said) < 2:
        return None
    start_ns, span_ns = min(times), max(times) - min(times)

    def place(time_ns: int) -> float:
        return round((time_ns - start_ns) / span_ns * (WIDTH - MARK), 1)

    by_source: dict[str, list[Said]] = {}
    for one in said:
        by_source.setdefault(one.source, []).append(one)
    lanes = [_lane(name, own, place) for name, own in list(by_source.items())[:LANES_MOST]]
    if run:
        name, begun_ns, ended_ns = run
        length = i18n.duration((ended_ns - begun_ns) / 1e9)
        x = place(begun_ns)
        lanes.insert(0, Lane(name, (), length, (x, round(max(place(ended_ns) - x, MARK), 1))))
    return Strip(tuple(lanes), max(len(by_source) - LANES_MOST, 0), i18n.duration(span_ns / 1e9))


def _lane(name: str, own: Sequence[Said], place: Callable[[int], float]) -> Lane:
    marks: list[Mark] = []
    for one in own:
        x = place(one.time_ns)
        if marks and x - marks[-1].x < MARK:
            worst = max(marks[-1].level, one.level, key=LEVELS.index)
            marks[-1] = Mark(marks[-1].x, worst)
        else:
            marks.append(Mark(x, one.level))
    told = i18n.plural("{n} line", "{n} lines", len(own))
    wrong = sum(LEVELS.index(one.level) >= LEVELS.index("error") for one in own)
    if wrong:
        told = f"{told}, {i18n.plural('{n} error', '{n} errors', wrong)}"
    return Lane(name, tuple(marks), told)
