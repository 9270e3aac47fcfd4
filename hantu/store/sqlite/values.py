"""Splitting text into shapes and values, a whole blob at a time.

A value is a maximal run of [A-Za-z0-9] that has a digit, or that is all hex letters and at least two
long. What is left of a line is its static text; with one byte 0x00 for each value it is the shape."""

from __future__ import annotations

from collections.abc import Callable
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


_PIECE_BYTES: Final = 128 * 1024
"""Text that is taken apart at a time: its arrays stay in the processor's cache, and take the same pages of
memory again and again. Those of a whole segment take 20 MB, and twice as long."""
_GATHERED: Final = 32 * 1024
_WORD: Final = 8
_MASKS: Final = np.array([(1 << (8 * size)) - 1 for size in range(_WORD + 1)], np.uint64)

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

    def placed(self, at: IntArray) -> Runs:
        """All of the runs, each at its place; int64[r]."""
        placed = Runs(np.empty_like(self.starts), np.empty_like(self.lengths), np.empty_like(self.kinds))
        placed.starts[at], placed.lengths[at], placed.kinds[at] = self.starts, self.lengths, self.kinds
        return placed

    def values(self) -> BoolArray:
        """Which of the runs are values."""
        return cast(
            "BoolArray", ((self.kinds & DIGIT) != 0) | ((self.kinds == HEX_LETTER) & (self.lengths >= 2))
        )


def runs_of(blob: bytes) -> Runs:
    """The runs of `blob` in order."""
    padded = octets(blob.translate(_KINDS) + bytes(_WORD))
    kinds = padded[: len(blob)]
    inside = np.empty(len(blob) + 2, np.bool_)
    inside[0] = inside[-1] = False
    np.not_equal(kinds, 0, out=inside[1:-1])
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    starts, ends = edges[0::2], edges[1::2]
    if not len(starts):
        return Runs(starts, starts, np.zeros(0, np.uint8))
    lengths = ends - starts
    return Runs(starts, lengths, _or_ed(padded, starts, lengths))


def _or_ed(padded: ByteArray, starts: IntArray, lengths: IntArray) -> ByteArray:
    """The kinds of all characters of each run, or-ed. padded: kinds of characters, and _WORD more bytes."""
    words = np.ndarray((len(padded) - _WORD + 1,), "<u8", padded.data, strides=(1,))
    ored = words[starts] & _MASKS[np.minimum(lengths, _WORD)]
    long = np.flatnonzero(lengths > _WORD)
    # To fetch words takes most of the time. Most runs are short, and two words are all of most others.
    ored[long] |= words[starts[long] + lengths[long] - _WORD]
    for bits in (32, 16, 8):
        ored |= ored >> np.uint64(bits)
    found: ByteArray = ored.astype(np.uint8)
    longer = long[lengths[long] > 2 * _WORD]
    if len(longer):
        # Each with the gap behind it, which has no kind.
        bounds = np.stack((starts[longer], starts[longer] + lengths[longer]), axis=1).ravel()
        found[longer] = np.bitwise_or.reduceat(padded, bounds)[::2]
    return found


def take_apart(blob: bytes, breathe: Callable[[], None] = lambda: None) -> tuple[Runs, list[bytes]]:
    """The values of `blob`, and the static text of each of its lines, a byte 0x00 for each value.

    breathe: called after each piece of less than a millisecond, so that others may come first."""
    values: list[Runs] = []
    lines: list[bytes] = []
    begin, end = 0, -1
    while end < len(blob):
        begin = end + 1
        end = _end_of_piece(blob, begin)
        piece = blob[begin:end]
        runs = runs_of(piece)
        own = runs.where(runs.values())
        lines += statics(piece, own)
        values.append(Runs(own.starts + begin, own.lengths, own.kinds))
        breathe()
    every = Runs(
        np.concatenate([own.starts for own in values]),
        np.concatenate([own.lengths for own in values]),
        np.concatenate([own.kinds for own in values]),
    )
    return every, lines


def _end_of_piece(blob: bytes, begin: int) -> int:
    """The end of a line some _PIECE_BYTES behind `begin`."""
    if len(blob) - begin <= _PIECE_BYTES:
        return len(blob)
    end = blob.rfind(b"\n", begin, begin + _PIECE_BYTES)
    if end < 0:
        end = blob.find(b"\n", begin + _PIECE_BYTES)
    return end if end >= 0 else len(blob)


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
    ends = np.cumsum(lengths)
    # Some at a time: eight bytes tell the place of each, which would not stay in the processor's cache.
    cuts = np.searchsorted(ends, np.arange(_GATHERED, ends[-1], _GATHERED)) if len(ends) else ends
    if not len(cuts):
        return _gathered(text, starts, lengths)
    bounds = pairwise((0, *cuts.tolist(), len(starts)))
    return np.concatenate([_gathered(text, starts[at:to], lengths[at:to]) for at, to in bounds])


def _gathered(text: ByteArray, starts: IntArray, lengths: IntArray) -> ByteArray:
    ends_at = positions(lengths)
    index = np.repeat(starts - ends_at, lengths)
    index += np.arange(len(index))
    return text[index]
