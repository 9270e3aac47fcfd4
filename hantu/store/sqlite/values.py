"""Splitting text into shapes and values, a whole blob at a time.

A value is a maximal run of [A-Za-z0-9] that has a digit, or that is all hex letters and at least two
long. What is left of a line is its static text; with one byte 0x00 for each value it is the shape."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Final, cast

import numpy as np

from hantu.store.sqlite.batch import BoolArray, ByteArray, IntArray
from hantu.store.sqlite.fields import octets, positions

DIGIT: Final = 1
HEX_LETTER: Final = 2
OTHER_LETTER: Final = 4
"""What kinds of characters a run has, or-ed together."""


class ValueClass(IntEnum):
    """The characters that a value column needs; the numbers stand in the file."""

    DECIMAL = 0
    HEX = 1
    MIXED = 2


_AT_ONCE: Final = 1 << 15
"""Runs whose kinds are told in one call: it holds Python's lock for half a millisecond."""

_CLASS_OF_KINDS: Final = np.array([0, 0, 1, 1, 2, 2, 2, 2], np.uint8)


def _kinds() -> bytes:
    table = bytearray(256)
    for kind, characters in (
        (DIGIT, b"0123456789"),
        (HEX_LETTER, b"abcdefABCDEF"),
        (OTHER_LETTER, b"ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ"),
    ):
        for character in characters:
            table[character] = kind
    return bytes(table)


_KINDS: Final = _kinds()


@dataclass(frozen=True, slots=True)
class Runs:
    """The maximal runs of [A-Za-z0-9] in a blob. starts, lengths: int64[r]; kinds: uint8[r]."""

    starts: IntArray
    lengths: IntArray
    kinds: ByteArray

    def where(self, mask: BoolArray) -> Runs:
        """Some of the runs."""
        at = np.flatnonzero(mask)  # Arrays take numbers of places three times as fast as a mask.
        return Runs(self.starts[at], self.lengths[at], self.kinds[at])

    def values(self) -> BoolArray:
        """Which of the runs are values."""
        return cast(
            "BoolArray", ((self.kinds & DIGIT) != 0) | ((self.kinds == HEX_LETTER) & (self.lengths >= 2))
        )


def runs_of(blob: bytes) -> Runs:
    """The runs of `blob` in order."""
    kinds = octets(blob.translate(_KINDS))
    inside = np.empty(len(blob) + 2, np.bool_)
    inside[0] = inside[-1] = False
    np.not_equal(kinds, 0, out=inside[1:-1])
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    starts, ends = edges[0::2], edges[1::2]
    if not len(starts):
        return Runs(starts, starts, np.zeros(0, np.uint8))
    # Each run with the gap behind it, which has no kind.
    return Runs(starts, ends - starts, _or_ed(kinds, starts))


def _or_ed(kinds: ByteArray, cuts: IntArray) -> ByteArray:
    """What the pieces that begin at the cuts have together, each or-ed."""
    bounds = [*range(0, len(cuts), _AT_ONCE), len(cuts)]
    ends = [*cuts[bounds[1:-1]].tolist(), len(kinds)]
    return np.concatenate(
        [
            np.bitwise_or.reduceat(kinds[:end], cuts[begin:stop])
            for (begin, stop), end in zip(pairwise(bounds), ends, strict=True)
        ]
    )


def statics(blob: bytes, values: Runs) -> list[bytes]:
    """The static text of each line of `blob`, a byte 0x00 for each of the blob's values."""
    if not len(values.starts):
        return blob.split(b"\n")
    text = octets(blob).copy()
    text[values.starts] = 0
    # +1 behind a value's first byte, −1 at its end: the sum is 1 inside and 0 elsewhere.
    steps = np.zeros(len(text) + 1, np.int8)
    steps[values.starts + 1] = 1
    steps[values.starts + values.lengths] -= 1
    kept: bytes = text[np.cumsum(steps[:-1], dtype=np.int8) == 0].tobytes()
    return kept.split(b"\n")


def class_of(kinds: ByteArray) -> ByteArray:
    """The ValueClass of columns whose values have these kinds of characters."""
    return _CLASS_OF_KINDS[kinds]


def gathered(text: ByteArray, starts: IntArray, lengths: IntArray) -> ByteArray:
    """The pieces of `text` at `starts`, one after the other."""
    ends_at = positions(lengths)
    index = np.repeat(starts - ends_at, lengths)
    index += np.arange(len(index))
    return text[index]
