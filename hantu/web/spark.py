"""Sparklines: counts over time as small bars, drawn by the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 96.0
HEIGHT: Final = 20.0
_GAP: Final = 1.0
_FLOOR: Final = 1.0


@dataclass(frozen=True, slots=True)
class Bar:
    """x, y, width, height. now: the last one, when anything is in it."""

    x: float
    y: float
    width: float
    height: float
    now: bool


def bars(counts: Sequence[int], *, most: int = 0) -> tuple[Bar, ...]:
    """A bar for each count, oldest first; one without any is a line at the foot. most: what the full height
    stands for, when that is not the largest; then a count without any has no bar."""
    step = WIDTH / max(len(counts), 1)
    full = most or max(counts, default=0) or 1
    last = len(counts) - 1
    out = []
    for at, count in enumerate(counts):
        if most and not count:
            continue
        height = round(max(count / full * HEIGHT, _FLOOR), 1)
        out.append(
            Bar(
                round(at * step, 1),
                round(HEIGHT - height, 1),
                round(step - _GAP, 1),
                height,
                at == last and count > 0,
            )
        )
    return tuple(out)
