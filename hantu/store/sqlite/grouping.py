"""Lines sorted into groups, and the column DIRECTORY.

A group is the lines of a segment with one cell and one shape. In group order the lines are sorted by
(cell, shape, arrival); a line number counts in group order.

    format                                      1 byte: 1 or 2
    number of lines                             8 bytes
    cells, shapes                               steps, of each group
    counts                                      array: lines of each group
    classes                                     array: ValueClass of each value column, (group, slot) order

Numbers and arrays are coded as fields.py says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.fields import FieldReader, FieldWriter, positions
from hantu.store.sqlite.values import ValueClass

FORMAT: Final = 2
_FORMATS: Final = (1, FORMAT)
"""In format 1 HEX has no halves."""
_MOST_LINES: Final = 1 << 24
"""More than any segment has: guards the memory against a damaged number."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of a segment, sorted by (cell, shape): int64[G] each."""

    cells: IntArray
    shapes: IntArray
    counts: IntArray

    @property
    def starts(self) -> IntArray:
        """The line number of each group's first line."""
        return positions(self.counts)


def stable_order(values: IntArray) -> IntArray:
    """The order that sorts numbers ≥ 0 and keeps equal ones as they stand."""
    if len(values) and values.max() <= 0xFFFF:
        values = values.astype(np.uint16)  # numpy sorts these by radix, ten times faster
    return np.argsort(values, kind="stable")


def group(cells: IntArray, shapes: IntArray) -> tuple[Groups, IntArray, IntArray]:
    """The groups of lines given in arrival order.

    Returns them, the arrival index by line number, and the group of each line by line number."""
    arrival = stable_order(shapes)
    arrival = arrival[stable_order(cells[arrival])]
    cells, shapes = cells[arrival], shapes[arrival]
    first = np.ones(len(cells), np.bool_)
    first[1:] = (cells[1:] != cells[:-1]) | (shapes[1:] != shapes[:-1])
    starts = np.flatnonzero(first)
    counts = np.diff(starts, append=len(cells))
    group_of_line = np.repeat(np.arange(len(starts)), counts)
    return Groups(cells[starts], shapes[starts], counts), arrival, group_of_line


def write_directory(groups: Groups, size: int, classes: IntArray) -> bytes:
    """The raw column DIRECTORY."""
    out = FieldWriter()
    out.rest(bytes((FORMAT,)))
    out.number(size)
    out.steps(groups.cells)
    out.steps(groups.shapes)
    out.array(groups.counts)
    out.array(classes)
    return out.raw()


def read_directory(raw: bytes) -> tuple[Groups, int, IntArray]:
    """Groups, number of lines and classes. Raises ValueError when `raw` is damaged or too new."""
    reader = FieldReader(raw)
    version = reader.take(1)[0]
    if version not in _FORMATS:
        raise ValueError(f"a segment of format {version}; this version reads up to format {FORMAT}")
    size = reader.number()
    groups = Groups(reader.steps(), reader.steps(), reader.array())
    classes = reader.array()
    if not len(groups.cells) == len(groups.shapes) == len(groups.counts):
        raise ValueError("a group has lost a part")
    if size > _MOST_LINES or np.any((groups.counts <= 0) | (groups.counts > size)):
        raise ValueError("groups of impossible size")
    if int(groups.counts.sum()) != size:
        raise ValueError("the groups do not add up")
    if np.any((classes < ValueClass.DECIMAL) | (classes > ValueClass.MIXED)):
        raise ValueError("an unknown class of values")
    return groups, size, classes
