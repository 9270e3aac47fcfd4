"""When the lines of each group of a segment are: all that a histogram needs, whatever it counts.

To read it, a segment's ORDER is unpacked and put in order of time, which takes several times as long as
to count with it; so those that were asked for last are kept, and the page that is loaded again, or asks for
another word, has its histogram sooner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.frame import Frame

KEPT_BYTES: Final = 16 * 1024 * 1024
"""Memory for timelines; one of a segment takes some 45 kB."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """groups: the group of each line, in order of their seconds. plain: where in it the lines without a
    shape stand, by their number among these. Both in the smallest type that can hold them.

    first_s: the first second; _seconds: each second that has lines, less the first; _starts: where in
    `groups` its lines begin."""

    groups: NDArray[Any]
    plain: NDArray[Any]
    first_s: int
    _seconds: NDArray[Any]
    _starts: NDArray[Any]

    @classmethod
    def of(cls, frame: Frame) -> Timeline:
        """That of a frame. Raises ValueError when a column is damaged."""
        seconds = frame.seconds_by_arrival()
        size = len(seconds)
        first_s = int(seconds.min()) if size else 0
        seconds = _small(seconds - first_s)
        order = np.argsort(seconds, kind="stable")
        place = np.empty(size, np.int64)
        place[order] = np.arange(size)
        seconds = seconds[order]
        starts = np.flatnonzero(np.diff(seconds, prepend=seconds[:1]) != 0)
        starts = np.append(0, starts) if size else starts
        return cls(
            _small(frame.groups_by_arrival()[order]),
            _small(place[frame.plain_arrival()[0]]),
            first_s,
            seconds[starts],
            _small(starts),
        )

    def at(self, second: int) -> int:
        """Where in `groups` the lines of this second and later ones begin."""
        known = int(np.searchsorted(self._seconds, max(0, second - self.first_s)))
        return int(self._starts[known]) if known < len(self._starts) else len(self.groups)

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        return sum(each.nbytes for each in (self.groups, self.plain, self._seconds, self._starts))


def _small(values: IntArray) -> NDArray[Any]:
    """Numbers ≥ 0 in few bytes; those of two are sorted by radix."""
    most = int(values.max()) if len(values) else 0
    if most <= np.iinfo(np.uint16).max:
        return values.astype(np.uint16)
    return values.astype(np.uint32) if most <= np.iinfo(np.uint32).max else values
