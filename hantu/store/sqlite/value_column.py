"""The columns DECIMAL, HEX and MIXED: the values of one class, column after column.

    number of values, number of long values     2 × 8 bytes; −1 − number of long values: the characters
                                                are halves
    lengths                                     a byte each; 255: a long value
    lengths of the long values                  4 bytes each, little-endian, in order
    capitals, of halves alone                   steps: numbers of the values whose letters are capitals
    characters                                  of all values, without separators

A value column holds the values of one slot of one group, in the group's order of arrival. The columns
of a class stand in the order of (group, slot).

Halves are the characters 0-9 and a-f as half a byte each, the upper half first, 0 behind an odd number of
them. Random ones take as many bytes so as in zstd, and are searched without being taken apart."""

from __future__ import annotations

from binascii import hexlify, unhexlify
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hantu.store.sqlite.batch import ByteArray, IntArray
from hantu.store.sqlite.fields import FieldReader, FieldWriter, octets, positions
from hantu.store.sqlite.halves import may_hold
from hantu.store.sqlite.scan import holds

_LONG: Final = 255
_HEX: Final = b"0123456789abcdefABCDEF"
_BLANK: Final = ord(" ")
_ONLY_CAPITALS: Final = bytes(octet if octet in b"ABCDEF" else _BLANK for octet in range(256))
_TO_CAPITALS: Final = np.frombuffer(bytes(range(256)).upper(), np.uint8)
_NONE: Final = np.zeros(0, np.int64)
OffsetArray = NDArray[np.int32]


def write_values(lengths: IntArray, characters: bytes) -> bytes:
    """The raw column of values with these lengths."""
    long = lengths[lengths >= _LONG]
    out = FieldWriter()
    out.number(len(lengths))
    out.number(len(long))
    out.rest(np.minimum(lengths, _LONG).astype(np.uint8).tobytes())
    out.rest(long.astype("<u4").tobytes())
    out.cut()
    out.rest(characters)
    return out.raw()


def halved(raw: bytes) -> bytes | None:
    """The raw column with its characters as halves; None where they are not hexadecimal digits, or where
    small letters and capitals stand in one value."""
    values = Values(raw)
    text = values.text
    if not text or text.translate(None, _HEX):
        return None
    capitals = _with_capitals(values, text)
    if capitals is None:
        return None
    out = FieldWriter()
    out.number(len(values))
    out.number(-1 - len(values.long))
    out.rest(values.short.tobytes())
    out.rest(values.long.tobytes())
    out.steps(capitals)
    out.cut()
    out.rest(unhexlify(text + b"0" * (len(text) % 2)))
    return out.raw()


def _with_capitals(values: Values, text: bytes) -> IntArray | None:
    """The values that have capitals; None when one of them has small letters too."""
    # What is left in place of small letters and digits are blanks.
    marked = text.translate(_ONLY_CAPITALS)
    if marked.isspace():
        return _NONE
    places = np.flatnonzero(octets(marked) != _BLANK)
    fields = np.unique(np.searchsorted(values.offsets, places, "right") - 1)
    begins, lengths = values.places(fields)
    if any(
        text[begin : begin + length].upper() != text[begin : begin + length]
        for begin, length in zip(begins.tolist(), lengths.tolist(), strict=True)
    ):
        return None
    return fields


class Values:
    """The values of one class. What there is to know of them is made when first asked for: most searches
    end with may_hold(). Every method raises ValueError when the raw column is damaged, as making a
    Values does. Several threads may ask at once: what is made is made whole.

    short: the length of each, 255 of a long one. long: the lengths of these."""

    __slots__ = ("_blob", "_capitals", "_halves", "_offsets", "_stored", "_text", "long", "short")

    def __init__(self, raw: bytes) -> None:
        reader = FieldReader(raw)
        size, long_size = reader.number(), reader.number()
        self._halves = long_size < 0
        self.short = octets(reader.take(size))
        self.long = np.frombuffer(reader.take(4 * (-1 - long_size if self._halves else long_size)), "<u4")
        self._capitals = reader.pass_steps() if self._halves else reader
        self._stored = reader.rest()
        self._text: bytes | None = None if self._halves else self._stored
        self._offsets: OffsetArray | None = None
        self._blob: bytes | None = None

    def __len__(self) -> int:
        return len(self.short)

    def may_hold(self, sought: bytes) -> bool:
        """False when `sought`, lower case, surely stands nowhere in the characters."""
        return may_hold(self._stored, sought) if self._halves else holds(self._stored, sought)

    @property
    def text(self) -> bytes:
        """The characters of all values as they were written, without separators."""
        if self._text is None:
            self._text = self._digits()
        return self._text

    @property
    def lengths(self) -> IntArray:
        """The length of each value."""
        lengths = self.short.astype(np.int64)
        if len(self.long):
            lengths[self.short == _LONG] = self.long
        return lengths

    @property
    def offsets(self) -> OffsetArray:
        """Where each value's characters begin, and where the last one's end: int32[m + 1]."""
        if self._offsets is None:
            offsets = self._ends()
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

    def _ends(self) -> OffsetArray:
        """As `offsets`, whether the characters are there or not."""
        offsets = np.zeros(len(self) + 1, np.int32)
        lengths = self.lengths if len(self.long) else self.short
        np.cumsum(lengths, dtype=np.int32, out=offsets[1:])
        return offsets

    def _digits(self) -> bytes:
        """The characters of halves."""
        characters = hexlify(self._stored)
        offsets = self._ends()
        size = int(offsets[-1])
        if len(characters) != size + size % 2:
            raise ValueError("values do not fill their column")
        text = characters[:size]
        capitals = self._capitals.copy().steps()
        return self._with_capitals(text, offsets, capitals) if len(capitals) else text

    def _with_capitals(self, text: bytes, offsets: OffsetArray, fields: IntArray) -> bytes:
        if not 0 <= int(fields.min()) <= int(fields.max()) < len(self):
            raise ValueError("capitals in a value that is not there")
        begins = offsets[fields].astype(np.int64)
        lengths = offsets[fields + 1] - begins
        index = np.repeat(begins - positions(lengths), lengths) + np.arange(int(lengths.sum()))
        characters = octets(text).copy()
        characters[index] = _TO_CAPITALS[characters[index]]
        return characters.tobytes()


NO_VALUES: Final = write_values(np.zeros(0, np.int64), b"")
