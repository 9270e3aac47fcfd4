"""The columns DECIMAL, HEX and MIXED: the values of one class, column after column.

    number of values, number of long values     2 × 8 bytes
    lengths                                     a byte each; 255: a long value
    lengths of the long values                  4 bytes each, little-endian, in order
    characters                                  of all values, without separators

A value column holds the values of one slot of one group, in the group's order of arrival. The columns
of a class stand in the order of (group, slot)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hantu.store.sqlite.batch import ByteArray, IntArray
from hantu.store.sqlite.fields import FieldReader, FieldWriter, octets

_LONG: Final = 255
OffsetArray = NDArray[np.int32]


def write_values(lengths: IntArray, characters: bytes) -> bytes:
    """The raw column of values with these lengths."""
    out = FieldWriter()
    long = lengths[lengths >= _LONG]
    out.number(len(lengths))
    out.number(len(long))
    out.rest(np.minimum(lengths, _LONG).astype(np.uint8).tobytes())
    out.rest(long.astype("<u4").tobytes())
    out.cut()
    out.rest(characters)
    return out.raw()


class Values:
    """The values of one class.

    text: their characters as they were written, without separators. What else there is to know is made
    when first asked for: most searches end with the text. Every method raises ValueError when the raw
    column is damaged, as making a Values does."""

    __slots__ = ("_blob", "_long", "_offsets", "_short", "text")

    def __init__(self, raw: bytes) -> None:
        reader = FieldReader(raw)
        size, long_size = reader.number(), reader.number()
        self._short = octets(reader.take(size))
        self._long = np.frombuffer(reader.take(4 * long_size), "<u4")
        self.text = reader.rest()
        self._offsets: OffsetArray | None = None
        self._blob: bytes | None = None

    def __len__(self) -> int:
        return len(self._short)

    @property
    def lengths(self) -> IntArray:
        """The length of each value."""
        lengths = self._short.astype(np.int64)
        if len(self._long):
            lengths[self._short == _LONG] = self._long
        return lengths

    @property
    def offsets(self) -> OffsetArray:
        """Where each value's characters begin, and where the last one's end: int32[m + 1]."""
        if self._offsets is None:
            offsets = np.zeros(len(self) + 1, np.int32)
            lengths = self.lengths if len(self._long) else self._short
            np.cumsum(lengths, dtype=np.int32, out=offsets[1:])
            if int(offsets[-1]) != len(self.text):
                raise ValueError("values do not fill their column")
            self._offsets = offsets
        return self._offsets

    def places(self, fields: IntArray) -> tuple[IntArray, IntArray]:
        """(where the characters begin, how many they are) of these values."""
        offsets = self.offsets
        begins = offsets[fields].astype(np.int64)
        return begins, offsets[fields + 1] - begins

    @property
    def blob(self) -> bytes:
        """All characters in lower case, without separators."""
        if self._blob is None:
            self._blob = self.text.lower()
        return self._blob

    @property
    def characters(self) -> ByteArray:
        """`text` as an array."""
        return octets(self.text)


NO_VALUES: Final = write_values(np.zeros(0, np.int64), b"")
