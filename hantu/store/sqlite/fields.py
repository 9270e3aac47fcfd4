"""Numbers and texts put one after the other into the bytes of a column, and read back.

A column begins with its sections: how many, 1 byte, and the length of each, 4 bytes, little-endian.
They say where bytes of another kind begin, so that packing.py can code each kind by itself. After
them:

A number is 8 bytes, little-endian, two's complement. A text is its length as a number, then its
bytes. An array is its length as a number, one byte `width` 0 … 8, then `width` byte planes: the
lowest byte of every element, then the next byte of every element, and so on (width 0: all zero).
Elements are not negative; what can be negative is zigzag coded: 0, −1, 1, −2 … → 0, 1, 2, 3 … Steps
are values that lie near each other: the first as a number (0 when there is none), then an array of
0 and the difference of each other to the one before, modulo 2⁶⁴, zigzag."""

from __future__ import annotations

import copy
import itertools
from typing import Any, Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from hantu.store.sqlite.batch import ByteArray, IntArray

Numbers = TypeVar("Numbers", bound=NDArray[Any])

_SECTION_LEAST: Final = 1024
"""A plane of fewer elements is not worth a code of its own."""


def section_lengths(raw: bytes) -> list[int]:
    """The lengths of a column's sections, the list of them being part of the first."""
    count = raw[0]
    lengths = np.frombuffer(raw, "<u4", count, 1).tolist()
    lengths[0] += 1 + 4 * count
    return cast("list[int]", lengths)


class FieldWriter:
    """Puts numbers, texts and arrays one after the other."""

    __slots__ = ("_cuts", "_parts")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._cuts: list[int] = []

    def number(self, value: int) -> None:
        """Append a number of 64 bits with sign."""
        self._parts.append(value.to_bytes(8, "little", signed=True))

    def text(self, text: bytes) -> None:
        """Append bytes with their length."""
        self.number(len(text))
        self._parts.append(text)

    def rest(self, text: bytes) -> None:
        """Append bytes without a length: the last thing in the column."""
        self._parts.append(text)

    def cut(self) -> None:
        """What follows is of another kind: a new section begins."""
        self._cuts.append(len(self._parts))

    def array(self, values: IntArray) -> None:
        """Append an array as byte planes, a section each; elements count as unsigned numbers of 64 bits."""
        size = len(values)
        top = int(values.view(np.uint64).max()) if size else 0
        width = (top.bit_length() + 7) // 8
        self.number(size)
        self._parts.append(bytes((width,)))
        if width == 1:
            self._parts.append(values.astype(np.uint8).tobytes())
        elif width:
            octets = np.ascontiguousarray(values, dtype="<i8").view(np.uint8).reshape(size, 8)
            for plane in range(width):
                self._parts.append(octets[:, plane].tobytes())
                if size >= _SECTION_LEAST:
                    self.cut()

    def steps(self, values: IntArray) -> None:
        """Append values of any sign that lie near each other; differences wrap around at 64 bits."""
        differences = np.zeros(len(values), np.int64)
        np.subtract(values[1:], values[:-1], out=differences[1:])
        self.number(int(values[0]) if len(values) else 0)
        self.array(zigzag(differences))

    def raw(self) -> bytes:
        """All that was put in."""
        bounds = [0, *self._cuts, len(self._parts)]
        sections = [b"".join(self._parts[start:end]) for start, end in itertools.pairwise(bounds)]
        lengths = np.array([len(section) for section in sections], "<u4").tobytes()
        return b"".join((bytes((len(sections),)), lengths, *sections))


class FieldReader:
    """Reads what FieldWriter wrote, in the same order. Every method raises ValueError at the end."""

    __slots__ = ("_at", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0
        sections = self.take(1)[0]
        self.take(4 * sections)

    def number(self) -> int:
        """The next number."""
        return int.from_bytes(self.take(8), "little", signed=True)

    def text(self) -> bytes:
        """The next text."""
        return self.take(self.number())

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._raw) - self._at)

    def array(self) -> IntArray:
        """The next array, int64."""
        size = self.number()
        width = self.take(1)[0]
        if width > 8:
            raise ValueError(f"an array of elements of {width} bytes")
        if width == 1:
            return np.frombuffer(self.take(size), np.uint8).astype(np.int64)
        if not width:
            if size > _MOST_ZEROS:
                raise ValueError(f"an array of {size} elements")
            return np.zeros(size, np.int64)
        planes = np.frombuffer(self.take(size * width), np.uint8).reshape(width, size)
        # From the highest byte down; faster than putting bytes side by side.
        values: IntArray = planes[-1].astype(np.int64)
        for plane in planes[-2::-1]:
            values <<= 8
            values |= plane
        return values

    def pass_array(self) -> FieldReader:
        """Go on behind the next array; a reader that stands before it."""
        before = self.copy()
        size = self.number()
        end = size * self.take(1)[0] + self._at
        if size < 0 or end > len(self._raw):
            raise ValueError("a column ends too early")
        self._at = end
        return before

    def pass_steps(self) -> FieldReader:
        """As pass_array(), of steps."""
        before = self.copy()
        self.number()
        self.pass_array()
        return before

    def steps(self) -> IntArray:
        """The values of the next steps."""
        first = self.number()
        differences = self._differences()
        differences[:1] = first
        return np.cumsum(differences, dtype=np.int64)

    def _differences(self) -> IntArray:
        """The next array, zigzag coded."""
        before = self._at
        size = self.number()
        if self.take(1) != b"\x01":
            self._at = before
            return unzigzag(self.array())
        # Of one byte each, as seconds are: a third less work than with eight.
        bits = octets(self.take(size))
        small = (bits >> np.uint8(1)) ^ (np.uint8(0) - (bits & np.uint8(1)))
        return small.view(np.int8).astype(np.int64)

    def copy(self) -> FieldReader:
        """A reader of what this one has not read yet."""
        return copy.copy(self)

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self._at + size
        if size < 0 or end > len(self._raw):
            raise ValueError("a column ends too early")
        taken = self._raw[self._at : end]
        self._at = end
        return taken


_MOST_ZEROS: Final = 1 << 24
"""More elements than any segment has: guards the memory against a damaged length."""


def zigzag(values: IntArray) -> IntArray:
    """Numbers with sign as numbers whose high bytes are zero when they are small."""
    return (values << 1) ^ (values >> 63)


def unzigzag(values: IntArray) -> IntArray:
    """The numbers that zigzag() was given."""
    bits = values.view(np.uint64)
    return cast("IntArray", (bits >> np.uint64(1)).view(np.int64)) ^ -(values & 1)


def positions(lengths: IntArray) -> IntArray:
    """Where each of the pieces begins that stand one after the other with these lengths."""
    return cast("IntArray", np.cumsum(lengths, dtype=np.int64) - lengths)


def octets(text: bytes) -> ByteArray:
    """`text` as an array, without a copy."""
    return np.frombuffer(text, np.uint8)


def sorted_set(values: Numbers) -> Numbers:
    """Each different value once, ascending: np.unique(), which hashes since numpy 2.3, takes eight times as
    long for the hashes of a segment's tokens."""
    ordered = np.sort(values)
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return cast("Numbers", ordered[first])
