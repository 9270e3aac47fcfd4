"""The nearest matches of a query, put together from one unit after the other."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import numpy as np

from hantu.query.logquery import Place
from hantu.store.sqlite.batch import BoolArray, IntArray
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.sweep import Unit

FRAMES_MOST: Final = 32
"""Units whose columns stay in memory, up to 2.5 MB each: a page of rare matches may have a unit for each.
Fewer made pages of 100 slower by a fifth, more made none faster."""

KEPT_MOST: Final = 4
"""Units of a page that are kept: a page that was read from many shall not drive out all others."""


class Hits:
    """The nearest `most` matches so far: times, keys, and where each lies."""

    def __init__(self, most: int, *, newest_first: bool) -> None:
        self._most = most
        self._newest_first = newest_first
        self.times: IntArray = np.zeros(0, np.int64)
        self.keys: IntArray = np.zeros(0, np.int64)
        self.lines: IntArray = np.zeros(0, np.int64)
        self.numbers: IntArray = np.zeros(0, np.int64)
        self.units: list[Unit] = []
        self._open: OrderedDict[int, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self.times)

    @property
    def full(self) -> bool:
        """Whether there are as many as asked for."""
        return len(self) >= self._most

    def beyond(self, unit: Unit) -> bool:
        """Whether everything of a unit lies behind the hits, which are full."""
        if not self.full or not len(self):
            return self.full
        if self._newest_first:
            return unit.newest_ns < int(self.times[-1])
        return unit.oldest_ns > int(self.times[-1])

    def add(self, unit: Unit, lines: IntArray, place: Place | None) -> None:
        """Take in the matches of a unit that lie past `place`."""
        frame = unit.frame
        times = frame.times(lines)
        if place is not None:
            past = self._past(times, frame, lines, place)
            lines, times = lines[past], times[past]
        keep = self._near(times)
        if not keep.all():
            lines, times = lines[keep], times[keep]
        keys = frame.keys(lines)
        if not len(lines):
            return
        numbers = np.full(len(lines), len(self.units), np.int64)
        self.units.append(unit)
        times = np.concatenate((self.times, times))
        keys = np.concatenate((self.keys, keys))
        order = np.lexsort((keys, times))
        if self._newest_first:
            order = order[::-1]
        order = order[: self._most]
        self.times, self.keys = times[order], keys[order]
        self.lines = np.concatenate((self.lines, lines))[order]
        self.numbers = np.concatenate((self.numbers, numbers))[order]
        self.unit(len(self.units) - 1)

    def unit(self, number: int) -> Unit:
        """A unit to read lines of; FRAMES_MOST of those asked for last keep their columns."""
        self._open[number] = None
        self._open.move_to_end(number)
        if len(self._open) > FRAMES_MOST:
            self.units[self._open.popitem(last=False)[0]].release()
        return self.units[number]

    def keep(self) -> None:
        """Keep what was read of the units that have most of the hits for the next page."""
        shown = np.bincount(self.numbers, minlength=len(self.units))
        for number in np.argsort(-shown, kind="stable")[:KEPT_MOST].tolist():
            if shown[number]:
                self.units[number].keep()

    def _near(self, times: IntArray) -> BoolArray:
        """Those that may be among the hits, by time alone: few of many."""
        keep = np.ones(len(times), np.bool_)
        if self.full and len(self):
            last = int(self.times[-1])
            keep = times >= last if self._newest_first else times <= last
        rest = int(keep.sum())
        if rest > self._most > 0:
            at = rest - self._most if self._newest_first else self._most - 1
            border = int(np.partition(times[keep], at)[at])
            keep &= times >= border if self._newest_first else times <= border
        return keep

    def _past(self, times: IntArray, frame: Frame, lines: IntArray, place: Place) -> BoolArray:
        """Those that lie past the place."""
        past = times < place.time_ns if self._newest_first else times > place.time_ns
        same = np.flatnonzero(times == place.time_ns)
        if len(same):
            keys = frame.keys(lines[same])
            past[same] = keys < place.key if self._newest_first else keys > place.key
        return past

    def keep_within(self, frontier_ns: int) -> None:
        """Let go of hits beyond the frontier: others may be missing among them."""
        near = self.times >= frontier_ns if self._newest_first else self.times < frontier_ns
        self.times, self.keys = self.times[near], self.keys[near]
        self.lines, self.numbers = self.lines[near], self.numbers[near]
