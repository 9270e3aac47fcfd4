"""The column ORDER: which group each line belongs to, in arrival order.

Groups are ranked by how many lines they have, most first, then by number.

    number of lines                             8 bytes
    ranks                                       a byte each; 255: the rank is 255 or more
    high ranks                                  1 byte: 0 as they are, 1 steps, zigzag; then an array of
                                                rank − 255 in arrival order"""

from __future__ import annotations

from typing import Final

import numpy as np

from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.fields import FieldReader, FieldWriter, deltas, octets, summed

_HIGH: Final = 255


def _groups_by_rank(counts: IntArray) -> IntArray:
    return np.argsort(-counts, kind="stable")


def write_order(groups: IntArray, counts: IntArray) -> bytes:
    """The raw column. groups: of each line in arrival order; counts: lines of each group."""
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
    return out.raw()


def read_order(raw: bytes, counts: IntArray) -> IntArray:
    """The group of each line in arrival order. Raises ValueError when `raw` is damaged."""
    reader = FieldReader(raw)
    short = octets(reader.take(reader.number()))
    ranks = short.astype(np.int64)
    in_steps = reader.take(1) == b"\x01"
    high = reader.array()
    if len(high):
        ranks[short == _HIGH] = (summed(high) if in_steps else high) + _HIGH
    if len(ranks) and int(ranks.max()) >= len(counts):
        raise ValueError("a line of a group that is not there")
    return _groups_by_rank(counts)[ranks]
