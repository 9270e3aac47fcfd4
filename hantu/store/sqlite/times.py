"""The column TIME: the fractions of a second of the entries' own times; the seconds stand in ORDER.

    form                                        1 byte: 0 units, 1 steps
  form 0: each group's fractions in the coarsest unit that is exact for all of them
    units                                       array by group: 0 whole seconds, 1 ms, 2 µs, 3 ns
    for 1, 2, 3: fractions                      10, 20, 30 bits each, highest bit first, the lines of the
                                                groups with that unit in group order; filled to a byte
  form 1: one unit for all; good when lines follow each other closely
    unit                                        1 byte, 1 … 3
    steps                                       array in arrival order: the first fraction, and differences
                                                to the one before, modulo one second

The form with fewer bits is taken. Without lines the column is empty but for its sections."""

from __future__ import annotations

from typing import Final

import numpy as np

from hantu.store.sqlite.batch import ByteArray, IntArray
from hantu.store.sqlite.fields import FieldReader, FieldWriter, octets, positions

SECOND_NS: Final = 10**9
_UNITS_NS: Final = (SECOND_NS, 10**6, 10**3, 1)
_BITS: Final = (0, 10, 20, 30)
_BY_GROUP: Final = b"\x00"
_IN_STEPS: Final = b"\x01"
_WINDOW: Final = 5
"""Bytes in which 30 bits lie, wherever they begin."""
_SAMPLE: Final = 8
"""Every so many steps are looked at to tell which form is shorter."""
_RANDOM_BITS: Final = 2.3
"""Bits that a step needs beyond the mean log2 of steps when lines come at random (log2 e + 0.83)."""


def write_times(fractions: IntArray, arrival: IntArray, starts: IntArray) -> bytes:
    """The raw column. fractions: nanoseconds in arrival order; arrival: arrival index by line number;
    starts: the first line of each group."""
    out = FieldWriter()
    size = len(fractions)
    if not size:
        return out.raw()
    units = _units_of(fractions)
    unit = max(1, int(units.max()))
    unit_of_group = np.maximum.reduceat(units[arrival], starts)
    counts = np.diff(starts, append=size)
    steps = fractions.copy()
    steps[1:] -= fractions[:-1]
    steps[steps < 0] += SECOND_NS
    steps //= _UNITS_NS[unit]
    bits_of_step = float(np.log2(steps[::_SAMPLE] + 1).mean()) + _RANDOM_BITS
    if int((unit_of_group * counts).sum()) * 10 <= bits_of_step * size:
        out.rest(_BY_GROUP)
        out.array(unit_of_group)
        by_line = fractions[arrival]
        unit_of_line = np.repeat(unit_of_group, counts)
        for each in (1, 2, 3):
            out.rest(_bits(by_line[unit_of_line == each] // _UNITS_NS[each], _BITS[each]))
    else:
        out.rest(_IN_STEPS + bytes((unit,)))
        out.cut()
        out.array(steps)
    return out.raw()


def read_times(raw: bytes, arrival: IntArray, counts: IntArray) -> IntArray:
    """Nanoseconds of the second in arrival order. Raises ValueError when `raw` is damaged.

    arrival: arrival index by line number; counts: lines of each group."""
    reader, size = FieldReader(raw), len(arrival)
    if not size:
        return np.zeros(0, np.int64)
    if reader.take(1) == _IN_STEPS:
        return _sums(reader, size) % SECOND_NS
    unit_of_line = np.repeat(reader.array(), counts)
    by_line = np.zeros(size, np.int64)
    for unit in (1, 2, 3):
        chosen = np.flatnonzero(unit_of_line == unit)
        packed = reader.take((len(chosen) * _BITS[unit] + 7) // 8)
        by_line[chosen] = _numbers(packed, len(chosen), _BITS[unit]) * _UNITS_NS[unit]
    fractions = np.empty(size, np.int64)
    fractions[arrival] = by_line
    return fractions


def _sums(reader: FieldReader, size: int) -> IntArray:
    """Form 1 in arrival order: the sums of all steps, of which a fraction is what exceeds whole seconds."""
    unit = reader.take(1)[0]
    steps = reader.array()
    if len(steps) != size or unit >= len(_UNITS_NS):
        raise ValueError("times are missing")
    return np.cumsum(steps * _UNITS_NS[unit])


class Fractions:
    """The fractions of a segment's lines, of few of them without decoding the rest.

    counts: lines of each group. Raises ValueError when `raw` is damaged."""

    def __init__(self, raw: bytes, counts: IntArray) -> None:
        self._raw = raw
        self._counts = counts
        self._steps: IntArray | None = None

    def all(self, arrival: IntArray) -> IntArray:
        """By arrival index; arrival: arrival index by line number."""
        return read_times(self._raw, arrival, self._counts)

    def some(self, lines: IntArray, groups: IntArray, arrival: IntArray) -> IntArray:
        """Of these lines, which lie in these groups and have these arrival indexes."""
        if not len(lines):
            return np.zeros(0, np.int64)
        reader = FieldReader(self._raw)
        if reader.take(1) == _IN_STEPS:
            if self._steps is None:
                self._steps = _sums(reader, int(self._counts.sum()))
            return self._steps[arrival] % SECOND_NS
        units = reader.array()
        if len(units) != len(self._counts) or int(units.max()) >= len(_UNITS_NS):
            raise ValueError("times are missing")
        starts = positions(self._counts)
        found = np.zeros(len(lines), np.int64)
        for unit in (1, 2, 3):
            sizes = np.where(units == unit, self._counts, 0)
            packed = octets(reader.take((int(sizes.sum()) * _BITS[unit] + 7) // 8))
            chosen = np.flatnonzero(units[groups] == unit)
            if len(chosen):
                group = groups[chosen]
                at = positions(sizes)[group] + lines[chosen] - starts[group]
                found[chosen] = _number_at(packed, at * _BITS[unit], _BITS[unit]) * _UNITS_NS[unit]
        return found


def _number_at(packed: ByteArray, at: IntArray, width: int) -> IntArray:
    """The numbers of `width` bits, 30 at most, that begin at these bits."""
    padded = np.concatenate((packed, np.zeros(_WINDOW, np.uint8)))
    windows = np.zeros(len(at), np.int64)
    for byte in range(_WINDOW):
        windows = windows << 8 | padded[(at >> 3) + byte]
    return windows >> (8 * _WINDOW - width - (at & 7)) & ((1 << width) - 1)


def _units_of(fractions: IntArray) -> IntArray:
    """The coarsest exact unit of each fraction."""
    units = np.full(len(fractions), 3)
    for unit in (2, 1, 0):
        at = np.flatnonzero(units == unit + 1)
        units[at[fractions[at] % _UNITS_NS[unit] == 0]] = unit
    return units


def _bits(numbers: IntArray, width: int) -> bytes:
    """Numbers of `width` bits one after the other."""
    bits = np.unpackbits(numbers.astype(">u4").view(np.uint8)).reshape(-1, 32)
    return np.packbits(bits[:, 32 - width :]).tobytes()


def _numbers(packed: bytes, size: int, width: int) -> IntArray:
    bits = np.zeros((size, 32), np.uint8)
    bits[:, 32 - width :] = np.unpackbits(octets(packed), count=size * width).reshape(size, width)
    return np.packbits(bits).view(">u4").astype(np.int64)
