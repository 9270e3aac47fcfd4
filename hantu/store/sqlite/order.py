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

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hantu.store.sqlite.batch import ByteArray, IntArray
from hantu.store.sqlite.fields import FieldReader, FieldWriter, octets
from hantu.store.sqlite.grouping import stable_order

_HIGH: Final = 255
GroupArray = NDArray[np.uint16] | IntArray


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

    groups: the group of each line in arrival order, in the smallest type that can hold it.
    counts: lines of each group."""

    __slots__ = ("_seconds", "groups")

    def __init__(self, raw: bytes, counts: IntArray) -> None:
        reader = FieldReader(raw)
        short = octets(reader.take(reader.number()))
        in_steps = reader.take(1) == b"\x01"
        high = (reader.steps() if in_steps else reader.array()) + _HIGH
        self._seconds = reader
        by_rank: GroupArray = _groups_by_rank(counts)
        if len(counts) <= 1 << 16:
            by_rank = by_rank.astype(np.uint16)
        if len(high) and not 0 <= int(high.min()) <= int(high.max()) < len(counts):
            raise ValueError("a line of a group that is not there")
        self.groups = _taken(by_rank, short)
        self.groups[short == _HIGH] = by_rank[high]

    def seconds(self) -> IntArray:
        """The second of each line, in arrival order."""
        seconds = self._seconds.copy().steps()
        if len(seconds) != len(self.groups):
            raise ValueError("seconds are missing")
        return seconds


def _taken(by_rank: GroupArray, short: ByteArray) -> GroupArray:
    """The group of each rank below 255; anything for 255."""
    if len(by_rank) < _HIGH and len(short) and int(short.max()) >= len(by_rank):
        raise ValueError("a line of a group that is not there")
    table = np.zeros(_HIGH + 1, by_rank.dtype)
    table[:_HIGH][: len(by_rank)] = by_rank[:_HIGH]
    return table.take(short)
