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

from hantu.store.sqlite.batch import ByteArray, IntArray
from hantu.store.sqlite.fields import FieldReader, FieldWriter, octets, positions

_LONG: Final = 255


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

    lengths, offsets: int64[m] by field number: where each value's characters stand in `text` and
    `blob`. text: as they were written. Raises ValueError when `raw` is damaged."""

    __slots__ = ("_blob", "lengths", "offsets", "text")

    def __init__(self, raw: bytes) -> None:
        reader = FieldReader(raw)
        size, long_size = reader.number(), reader.number()
        short = octets(reader.take(size))
        self.lengths: IntArray = short.astype(np.int64)
        if long_size:
            self.lengths[short == _LONG] = np.frombuffer(reader.take(4 * long_size), "<u4")
        self.text = reader.rest()
        self.offsets = positions(self.lengths)
        if size and self.offsets[-1] + self.lengths[-1] != len(self.text):
            raise ValueError("values do not fill their column")
        self._blob: bytes | None = None

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
