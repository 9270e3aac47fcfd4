"""The column TIME: the entries' own times, in nanoseconds since the epoch.

A time is a second (rounded down) and a fraction of it, so that a histogram reads seconds alone.

    seconds                                     array in arrival order: first value and steps, zigzag
    form                                        1 byte: 0 units, 1 steps
  form 0: each group's fractions in the coarsest unit that is exact for all of them
    units                                       array by group: 0 whole seconds, 1 ms, 2 µs, 3 ns
    for 1, 2, 3: fractions                      10, 20, 30 bits each, highest bit first, the lines of the
                                                groups with that unit in group order; filled to a byte
  form 1: one unit for all; good when lines follow each other closely
    unit                                        1 byte, 1 … 3
    steps                                       a column of one array, packed, in arrival order: the first
                                                fraction, and differences modulo one second

The form with fewer bits is taken."""

from __future__ import annotations

from typing import Final

import numpy as np

from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.fields import FieldReader, FieldWriter, deltas, octets, section_lengths, summed
from hantu.store.sqlite.packing import compressed, decompressed

SECOND_NS: Final = 10**9
_UNITS_NS: Final = (SECOND_NS, 10**6, 10**3, 1)
_BITS: Final = (0, 10, 20, 30)
_BY_GROUP: Final = b"\x00"
_IN_STEPS: Final = b"\x01"
_EXPONENTIAL_BITS: Final = 1.5
"""Bits that a step needs beyond log2 of the mean step (log2 e for random arrival, and some loss)."""


def write_times(times: IntArray, arrival: IntArray, starts: IntArray) -> bytes:
    """The raw column. times: in arrival order; arrival: arrival index by line number; starts: the
    first line of each group."""
    seconds = times // SECOND_NS
    fractions = times - seconds * SECOND_NS
    out = FieldWriter()
    out.array(deltas(seconds))
    size = len(times)
    if not size:
        return out.raw()
    units = _unit_of(fractions)
    unit = max(1, int(units.max()))
    unit_of_group = np.maximum.reduceat(units[arrival], starts)
    unit_of_line = np.repeat(unit_of_group, np.diff(starts, append=size))
    steps = fractions.copy()
    steps[1:] -= fractions[:-1]
    steps[1:] += (steps[1:] < 0) * SECOND_NS
    steps //= _UNITS_NS[unit]
    bits_in_steps = size * (float(np.log2(steps.mean() + 1)) + _EXPONENTIAL_BITS)
    if int((unit_of_line * 10).sum()) <= bits_in_steps:
        out.rest(_BY_GROUP)
        out.array(unit_of_group)
        by_line = fractions[arrival]
        for each in (1, 2, 3):
            chosen = by_line if unit == each == unit_of_group.min() else by_line[unit_of_line == each]
            out.rest(_bits(chosen // _UNITS_NS[each], _BITS[each]))
    else:
        out.rest(_IN_STEPS + bytes((unit,)))
        inner = FieldWriter()
        inner.array(steps)
        raw = inner.raw()
        out.text(compressed(raw, 1, section_lengths(raw)))
    return out.raw()


def _unit_of(fractions: IntArray) -> IntArray:
    """The coarsest exact unit of each fraction."""
    units = np.full(len(fractions), 3)
    for unit in (2, 1, 0):
        at = np.flatnonzero(units == unit + 1)
        units[at[fractions[at] % _UNITS_NS[unit] == 0]] = unit
    return units


class Times:
    """The times of a segment. Raises ValueError when `raw` is damaged."""

    __slots__ = ("_fractions", "seconds")

    def __init__(self, raw: bytes) -> None:
        reader = FieldReader(raw)
        self.seconds = summed(reader.array())
        """In arrival order, int64[n]."""
        self._fractions = reader

    def fractions(self, arrival: IntArray, counts: IntArray) -> IntArray:
        """Nanoseconds of the second in arrival order."""
        reader, size = self._fractions.copy(), len(self.seconds)
        if not size:
            return np.zeros(0, np.int64)
        if reader.take(1) == _IN_STEPS:
            unit_ns = _UNITS_NS[reader.take(1)[0]]
            steps = FieldReader(decompressed(reader.text())).array()
            if len(steps) != size:
                raise ValueError("times are missing")
            return np.cumsum(steps * unit_ns) % SECOND_NS
        unit_of_line = np.repeat(reader.array(), counts)
        by_line = np.zeros(size, np.int64)
        for unit in (1, 2, 3):
            chosen = np.flatnonzero(unit_of_line == unit)
            packed = reader.take((len(chosen) * _BITS[unit] + 7) // 8)
            by_line[chosen] = _numbers(packed, len(chosen), _BITS[unit]) * _UNITS_NS[unit]
        fractions = np.empty(size, np.int64)
        fractions[arrival] = by_line
        return fractions


def _bits(numbers: IntArray, width: int) -> bytes:
    """Numbers of `width` bits one after the other."""
    bits = np.unpackbits(numbers.astype(">u4").view(np.uint8)).reshape(-1, 32)
    return np.packbits(bits[:, 32 - width :]).tobytes()


def _numbers(packed: bytes, size: int, width: int) -> IntArray:
    bits = np.zeros((size, 32), np.uint8)
    bits[:, 32 - width :] = np.unpackbits(octets(packed), count=size * width).reshape(size, width)
    return np.packbits(bits).view(">u4").astype(np.int64)
