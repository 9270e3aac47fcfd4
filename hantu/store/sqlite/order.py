"""The column ORDER: the group and the second of each line, in arrival order.

Groups are ranked by how many lines they have, most first, then by number. Seconds are those since the
epoch, rounded down; they stand here and not beside their fractions because a histogram needs them
together with the groups, and nothing else.

    number of lines                             8 bytes
    ranks                                       a byte each; 255: the rank is 255 or more
    high ranks                                  1 byte: 0 as they are, 1 steps, zigzag; then an array of
                                                rank − 255 in arrival order
    seconds                                     array: first value and steps, zigzag

Ranks, high ranks and seconds are sections of their own."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hantu.store.sqlite.batch import ByteArray, IntArray
from hantu.store.sqlite.fields import FieldReader, FieldWriter, deltas, octets, summed

_HIGH: Final = 255
GroupArray = NDArray[np.uint16] | IntArray


def _groups_by_rank(counts: IntArray) -> IntArray:
    return np.argsort(-counts, kind="stable")


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
    steps = deltas(high)
    # Many sources of one line each: their ranks rise one by one.
    in_steps = bool(len(high)) and int(steps.sum()) < int(high.sum()) // 4
    out.cut()
    out.rest(bytes((in_steps,)))
    out.array(steps if in_steps else high)
    out.cut()
    out.array(deltas(seconds))
    return out.raw()


class Order:
    """The order of a segment's lines. Raises ValueError when `raw` is damaged.

    groups: the group of each line in arrival order, in the smallest type that can hold it.
    counts: lines of each group."""

    __slots__ = ("_seconds", "groups")

    def __init__(self, raw: bytes, counts: IntArray) -> None:
        reader = FieldReader(raw)
        short = octets(reader.take(reader.number()))
        in_steps = reader.take(1) == b"\x01"
        high = reader.array()
        self._seconds = reader
        small: GroupArray = _groups_by_rank(counts)
        if len(counts) <= 1 << 16:
            small = small.astype(np.uint16)
        if len(high):
            high = (summed(high) if in_steps else high) + _HIGH
            low = np.minimum(short, _HIGH - 1)
            self.groups = _taken(small, low)
            self.groups[short == _HIGH] = _taken(small, high)
        else:
            self.groups = _taken(small, short)

    def seconds(self) -> IntArray:
        """The second of each line, in arrival order."""
        seconds = summed(self._seconds.copy().array())
        if len(seconds) != len(self.groups):
            raise ValueError("seconds are missing")
        return seconds


def _taken(groups: GroupArray, ranks: IntArray | ByteArray) -> GroupArray:
    if len(ranks) and not 0 <= int(ranks.min()) <= int(ranks.max()) < len(groups):
        raise ValueError("a line of a group that is not there")
    return groups[ranks]
