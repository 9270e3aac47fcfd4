"""Small line charts, drawn by the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 300.0
HEIGHT: Final = 64.0
POINTS_MOST: Final = 150
_TOP: Final = 4.0
CALM: Final = 0.05
"""Below this part of its limit a value draws near the foot: 40 of 10,000 must not look like a storm."""


@dataclass(frozen=True, slots=True)
class Chart:
    """title; now: the value of now in words; path: the line; limit_y: where the limit lies, None
    without one or far above the line; over: now is beyond the limit; notes: beneath, left and right."""

    title: str
    now: str
    path: str
    limit_y: float | None
    over: bool
    notes: tuple[str, str]


def line(
    title: str,
    now: str,
    points: Sequence[tuple[int, float | None]],
    *,
    start_ns: int,
    end_ns: int,
    notes: tuple[str, str],
    value: float | None = None,
    limit: float | None = None,
) -> Chart:
    """A chart of (time in ns, value) points; None interrupts the line. value: that of now."""
    shown = _thinned(points)
    most = max((y for _, y in shown if y is not None), default=0.0)
    # A limit far above would flatten the line to the floor and tell nothing.
    near = limit is not None and (most >= limit / 4)
    floor = 0.0 if limit is None else limit if near else limit * CALM
    top = max(most, floor) or 1.0
    path = _path(shown, start_ns, end_ns, top)
    return Chart(
        title,
        now,
        path,
        _y(limit, top) if near and limit is not None else None,
        limit is not None and value is not None and value > limit,
        notes,
    )


def _y(value: float, top: float) -> float:
    return round(HEIGHT - 1 - value / top * (HEIGHT - 1 - _TOP), 1)


def _path(points: Sequence[tuple[int, float | None]], start_ns: int, end_ns: int, top: float) -> str:
    out: list[str] = []
    pen = "M"
    for at, value in points:
        if value is None:
            pen = "M"
            continue
        x = (at - start_ns) / max(end_ns - start_ns, 1) * WIDTH
        out.append(f"{pen}{min(max(x, 0.0), WIDTH):.1f},{_y(value, top)}")
        pen = "L"
    if len(out) == 1:
        out.append("h2")
    return " ".join(out)


def _thinned(points: Sequence[tuple[int, float | None]]) -> list[tuple[int, float | None]]:
    """At most POINTS_MOST points: of each stretch the highest, so that no peak is lost."""
    if len(points) <= POINTS_MOST:
        return list(points)
    size = -(-len(points) // POINTS_MOST)
    out: list[tuple[int, float | None]] = []
    for at in range(0, len(points), size):
        stretch = points[at : at + size]
        out.append(max(stretch, key=lambda point: -1.0 if point[1] is None else point[1]))
    return out
