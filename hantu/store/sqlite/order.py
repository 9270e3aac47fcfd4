"""The column ORDER: the group and the second of each line, in arrival order.

Groups are ranked by how many lines they have, most first, then by number. Seconds are those since the
epoch, rounded down; they stand here and not beside their fractions because a histogram needs them
together with the groups, and nothing else.

    number of lines                             8 bytes
    ranks                                       a byte each; 255: the rank is 255 or more
    high ranks                                  1 byte: 0 an array, 1 steps; then rank − 255 of those, in
                                                arrival order
    seconds                                     steps

Ranks, high ranks and seconds are sections of their own."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from hantu.store.sqlite.batch import BoolArray, IntArray
from hantu.store.sqlite.fields import FieldReader, FieldWriter, octets
from hantu.store.sqlite.grouping import stable_order

_HIGH: Final = 255
_NOWHERE: Final = np.zeros(0, np.int64)
GroupArray = NDArray[np.uint16] | IntArray
Table = TypeVar("Table", bound=NDArray[Any])


def _groups_by_rank(counts: IntArray) -> IntArray:
    return stable_order(counts.max(initial=0) - counts)


def write_order(groups: IntArray, counts: IntArray, seconds: IntArray) -> bytes:
    """The raw column. groups, seconds: of each line in arrival order; counts: lines of each group."""
    by_rank = _groups_by_rank(counts)
    rank_of_group = np.empty(len(counts), np.int64)
    rank_of_group[by_rank] = np.arange(len(counts))
    ranks = rank_of_group[groups]
    out = FieldWriter()
    out.number(len(ranks))
    out.rest(np.minimum(ranks, _HIGH).astype(np.uint8).tobytes())
    high = ranks[ranks >= _HIGH] - _HIGH
    out.cut()
    # Many sources of one line each: their ranks rise one by one.
    in_steps = bool(len(high)) and int(np.abs(np.diff(high)).sum()) < int(high.sum()) // 8
    out.rest(bytes((in_steps,)))
    if in_steps:
        out.steps(high)
    else:
        out.array(high)
    out.cut()
    out.steps(seconds)
    return out.raw()


class Order:
    """The order of a segment's lines. Raises ValueError when `raw` is damaged.

    counts: lines of each group."""

    def __init__(self, raw: bytes, counts: IntArray) -> None:
        reader = FieldReader(raw)
        self._ranks = octets(reader.take(reader.number()))
        in_steps = reader.take(1) == b"\x01"
        high = (reader.steps() if in_steps else reader.array()) + _HIGH
        self._seconds = reader
        self._groups_by_rank = _groups_by_rank(counts)
        size = len(counts)
        if len(high) and not 0 <= int(high.min()) <= int(high.max()) < size:
            raise ValueError("a line of a group that is not there")
        if size <= _HIGH and len(self._ranks) and int(self._ranks.max()) >= size:
            raise ValueError("a line of a group that is not there")
        self._high = high
        # Few segments have so many groups, and then few lines are of these.
        self._high_at = np.flatnonzero(self._ranks == _HIGH) if size > _HIGH else _NOWHERE
        if len(self._high_at) != len(high):
            raise ValueError("ranks are missing")

    def __len__(self) -> int:
        """The number of lines."""
        return len(self._ranks)

    @cached_property
    def groups(self) -> GroupArray:
        """The group of each line in arrival order, in the smallest type that can hold it."""
        size = len(self._groups_by_rank)
        if size <= 1 << 16:
            return self.spread(np.arange(size, dtype=np.uint16))
        return self.spread(np.arange(size, dtype=np.int64))

    def spread(self, of_groups: Table) -> Table:
        """By line in arrival order what is given by group."""
        by_rank = of_groups[self._groups_by_rank]
        table = np.zeros(_HIGH + 1, by_rank.dtype)
        table[:_HIGH][: len(by_rank)] = by_rank[:_HIGH]
        found = table.take(self._ranks)
        found[self._high_at] = by_rank[self._high]
        return cast("Table", found)

    def lines_of(self, groups: BoolArray) -> tuple[IntArray, IntArray]:
        """(arrival index, group) of each line of some groups, by group and arrival; groups: bool[G]."""
        places = np.flatnonzero(self.spread(groups))
        ranks = self._ranks[places].astype(np.int64)
        high = np.flatnonzero(ranks == _HIGH)
        if len(high):
            ranks[high] = self._high[np.searchsorted(self._high_at, places[high])]
        found = self._groups_by_rank[ranks]
        order = stable_order(found)
        return places[order], found[order]

    def seconds(self) -> IntArray:
        """The second of each line, in arrival order."""
        seconds = self._seconds.copy().steps()
        if len(seconds) != len(self):
            raise ValueError("seconds are missing")
        return seconds
