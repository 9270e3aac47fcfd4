"""Entries as columns: what is written into a segment, and the columns that a segment has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
ByteArray = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]
VerdictArray = NDArray[np.int8]

LEVEL_BITS: Final = 3
"""A cell is stream_no << LEVEL_BITS | level."""


class Column(IntEnum):
    """The columns of a segment; the values stand in the file and never change their meaning."""

    DIRECTORY = 0
    """Groups (cell, shape, count) and the class of each value column."""
    ORDER = 1
    """The group and the second of each line in arrival order."""
    TIME = 2
    """Fractions of a second."""
    DECIMAL = 3
    HEX = 4
    MIXED = 5
    """Values of each class."""
    PLAIN = 6
    """Lines without a shape, as text."""
    METADATA = 7
    """Distinct metadata texts and which line has which."""
    ARRIVAL = 8
    """Keys and times of arrival."""
    FILTER = 9
    """A Bloom filter of value tokens."""
    WORDS = 10
    """Which lines without a shape have which words; older segments have none."""


@dataclass(slots=True)
class Batch:
    """Entries as columns in arrival order, all of the same length n.

    keys: int64[n], ascending. times: int64[n], nanoseconds since the epoch, UTC. cells: int64[n],
    stream_no << LEVEL_BITS | level. messages: without lone surrogates. metadata: compact JSON
    objects, None when an entry has none. created: int64[n], nanoseconds."""

    keys: IntArray
    times: IntArray
    cells: IntArray
    messages: Sequence[str]
    metadata: Sequence[bytes | None]
    created: IntArray

    def __len__(self) -> int:
        return len(self.messages)
