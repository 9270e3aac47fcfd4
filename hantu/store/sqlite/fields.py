"""Numbers and texts put one after the other into the bytes of a column, and read back.

A number is 8 bytes, little-endian, two's complement. A text is its length as a number, then its
bytes. An array is its length as a number, one byte `width` 0 … 8, then `width` byte planes: the
lowest byte of every element, then the next byte of every element, and so on (width 0: all zero).
Elements are not negative; what can be negative is zigzag coded: 0, −1, 1, −2 … → 0, 1, 2, 3 …"""

from __future__ import annotations

from typing import cast

import numpy as np

from hantu.store.sqlite.batch import ByteArray, IntArray


class FieldWriter:
    """Puts numbers, texts and arrays one after the other."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

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

    def array(self, values: IntArray) -> None:
        """Append an array as byte planes; its elements are taken as unsigned numbers of 64 bits."""
        size = len(values)
        top = int(values.view(np.uint64).max()) if size else 0
        width = (top.bit_length() + 7) // 8
        self.number(size)
        self._parts.append(bytes((width,)))
        if width == 1:
            self._parts.append(values.astype(np.uint8).tobytes())
        elif width:
            octets = np.ascontiguousarray(values, dtype="<i8").view(np.uint8).reshape(size, 8)
            self._parts.append(octets[:, :width].T.tobytes())

    def raw(self) -> bytes:
        """All that was put in."""
        return b"".join(self._parts)


class FieldReader:
    """Reads what FieldWriter wrote, in the same order. Every method raises ValueError at the end."""

    __slots__ = ("_at", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

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
        octets = np.zeros((size, 8), np.uint8)
        octets[:, :width] = planes.T
        return octets.view("<i8").reshape(size).astype(np.int64, copy=False)

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self._at + size
        if size < 0 or end > len(self._raw):
            raise ValueError("a column ends too early")
        taken = self._raw[self._at : end]
        self._at = end
        return taken


_MOST_ZEROS = 1 << 28
"""More elements than any segment has: guards the memory against a damaged length."""


def zigzag(values: IntArray) -> IntArray:
    """Numbers with sign as numbers whose high bytes are zero when they are small."""
    return (values << 1) ^ (values >> 63)


def unzigzag(values: IntArray) -> IntArray:
    """The numbers that zigzag() was given."""
    bits = values.view(np.uint64)
    return cast("IntArray", (bits >> np.uint64(1)).view(np.int64)) ^ -(values & 1)


def deltas(values: IntArray) -> IntArray:
    """The first value and the steps after it, zigzag coded; steps wrap around at 64 bits."""
    steps = values.copy()
    np.subtract(values[1:], values[:-1], out=steps[1:])
    return zigzag(steps)


def summed(coded: IntArray) -> IntArray:
    """The values that deltas() was given."""
    return cast("IntArray", np.cumsum(unzigzag(coded), dtype=np.int64))


def positions(lengths: IntArray) -> IntArray:
    """Where each of the pieces begins that stand one after the other with these lengths."""
    return cast("IntArray", np.cumsum(lengths, dtype=np.int64) - lengths)


def octets(text: bytes) -> ByteArray:
    """`text` as an array, without a copy."""
    return np.frombuffer(text, np.uint8)
