"""Lines whose values are what is sought: whole columns at a time, never line by line."""

from __future__ import annotations

from typing import Final

import numpy as np

from hantu.store.sqlite.batch import BoolArray, IntArray
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.places import Places
from hantu.store.sqlite.sought import Constraint, Match, Pattern
from hantu.store.sqlite.value_column import Values

_RARE_BYTES_LEAST: Final = 3
"""Shorter texts stand in every segment: looking for them tells nothing."""
_FIND_COST: Final = 16
"""Finding one place costs as much as comparing this many values of a column."""
_NOWHERE: Final = np.zeros(0, np.int64)


def lines_anywhere(frame: Frame, groups: BoolArray, constraint: Constraint) -> IntArray:
    """The lines of these groups of which any value is so; unsorted, some perhaps twice."""
    columns = frame.columns()
    found: list[IntArray] = []
    for cls in constraint.classes(frame.lacking):
        if not frame.may_hold(cls, constraint.text):
            continue
        values = frame.values(cls)
        fields = _found(values, _lowered(values, cls), constraint)
        if len(fields):
            column = _column_of(frame, cls, fields)
            chosen = groups[columns.group[column]]
            found.append(_lines(frame, column[chosen], fields[chosen] - columns.first[column[chosen]]))
    return np.concatenate(found) if found else _NOWHERE


def lines_with(frame: Frame, groups: BoolArray, pattern: Pattern, places: Places) -> IntArray:
    """The lines of these groups in which the pattern stands with the right values in its slots;
    unsorted, some perhaps twice. groups: bool[G]."""
    chosen = np.flatnonzero(groups)
    order = sorted(enumerate(pattern.constraints), key=_selectivity)
    (anchor, constraint), *others = order
    if not all(stands(frame, other) for _, other in order):
        return _NOWHERE
    at, slot = places.of_shapes(frame.shapes[chosen])
    if not len(at):
        return _NOWHERE
    columns = frame.columns()
    first = columns.of_group[chosen[at]] + slot
    column, row = _in_columns(frame, first + anchor, constraint)
    for offset, other in others:
        if not len(column):
            break
        kept = _holding(frame, column + (offset - anchor), row, other)
        column, row = column[kept], row[kept]
    return _lines(frame, column, row)


def _selectivity(item: tuple[int, Constraint]) -> tuple[bool, int, int]:
    """What is likely to leave the fewest lines comes first."""
    constraint = item[1]
    return constraint.match is not Match.EQUAL, -len(constraint.text), -constraint.class_least


def _lowered(values: Values, cls: int) -> bytes:
    """All characters, lower case; digits are so already."""
    return values.blob if cls else values.text


def stands(frame: Frame, constraint: Constraint) -> bool:
    """False when the text of the constraint surely stands nowhere among the values of a frame."""
    return any(frame.may_hold(cls, constraint.text) for cls in constraint.classes(frame.lacking))


def _in_columns(frame: Frame, chosen: IntArray, constraint: Constraint) -> tuple[IntArray, IntArray]:
    """(column, row) of each value of the chosen columns that is so."""
    columns = frame.columns()
    found: list[tuple[IntArray, IntArray]] = []
    for cls in constraint.classes(frame.lacking):
        own = chosen[columns.cls[chosen] == cls]
        if not len(own):
            continue
        values = frame.values(cls)
        blob = _lowered(values, cls)
        sizes = frame.counts[columns.group[own]]
        if _is_rarer(blob, constraint.text, int(sizes.sum())):
            fields = _found(values, blob, constraint)
            column = _column_of(frame, cls, fields)
            wanted = np.zeros(len(columns.cls), np.bool_)
            wanted[own] = True
            kept = wanted[column]
            column, fields = column[kept], fields[kept]
        else:
            ends = np.cumsum(sizes)
            fields = np.repeat(columns.first[own] - (ends - sizes), sizes) + np.arange(int(ends[-1]))
            hits = _compared(values, blob, fields, constraint)
            column, fields = np.repeat(own, sizes)[hits], fields[hits]
        if len(fields):
            found.append((column, fields - columns.first[column]))
    if not found:
        return _NOWHERE, _NOWHERE
    return np.concatenate([each for each, _ in found]), np.concatenate([each for _, each in found])


def _is_rarer(blob: bytes, text: bytes, fields: int) -> bool:
    """Whether finding the text is less work than comparing so many values."""
    return len(text) >= _RARE_BYTES_LEAST and blob.count(text) * _FIND_COST < fields


def _holding(frame: Frame, column: IntArray, row: IntArray, constraint: Constraint) -> IntArray:
    """Which of the values (column, row) are so: positions in these arrays."""
    columns = frame.columns()
    classes, fields = columns.cls[column], columns.first[column] + row
    found = [_NOWHERE]
    for cls in constraint.classes(frame.lacking):
        own = np.flatnonzero(classes == cls)
        if len(own):
            values = frame.values(cls)
            found.append(own[_compared(values, _lowered(values, cls), fields[own], constraint)])
    return np.concatenate(found)


def _compared(values: Values, blob: bytes, fields: IntArray, constraint: Constraint) -> IntArray:
    """Which of these fields are so: positions in `fields`. Not for CONTAINS."""
    size = len(constraint.text)
    begins, lengths = values.places(fields)
    fits = lengths == size if constraint.match is Match.EQUAL else lengths >= size
    left = np.flatnonzero(fits)
    at = begins[left]
    if constraint.match is Match.ENDS:
        at += lengths[left] - size
    characters = np.frombuffer(blob, np.uint8)
    # From the end: the last digits of numbers differ most.
    for place in range(size - 1, -1, -1):
        if not len(left):
            break
        same = characters[at + place] == constraint.text[place]
        left, at = left[same], at[same]
    return left


def _found(values: Values, blob: bytes, constraint: Constraint) -> IntArray:
    """The fields of a class that are so, found by their text; some perhaps twice."""
    sought = constraint.text
    places = _places(blob, sought)
    if not len(places):
        return _NOWHERE
    fields = np.searchsorted(values.offsets, places.astype(np.int32), "right") - 1
    begin, length = values.places(fields)
    fits: BoolArray = places + len(sought) <= begin + length
    if constraint.match in {Match.EQUAL, Match.STARTS}:
        fits &= places == begin
    if constraint.match in {Match.EQUAL, Match.ENDS}:
        fits &= places + len(sought) == begin + length
    return fields[fits]


def _places(blob: bytes, sought: bytes) -> IntArray:
    """Where a text stands, also overlapping itself."""
    at = blob.find(sought)
    if at < 0:
        return _NOWHERE
    if len(sought) < _RARE_BYTES_LEAST:
        characters = np.frombuffer(blob, np.uint8)
        last = len(blob) - len(sought) + 1
        same = characters[:last] == sought[0]
        for place in range(1, len(sought)):
            same &= characters[place : last + place] == sought[place]
        return np.flatnonzero(same)
    found: list[int] = []
    while at >= 0:
        found.append(at)
        at = blob.find(sought, at + 1)
    return np.array(found, np.int64)


def _column_of(frame: Frame, cls: int, fields: IntArray) -> IntArray:
    """The column of each field of a class."""
    columns = frame.columns()
    own = np.flatnonzero(columns.cls == cls)
    return own[np.searchsorted(columns.first[own], fields, "right") - 1]


def _lines(frame: Frame, column: IntArray, row: IntArray) -> IntArray:
    return frame.starts[frame.columns().group[column]] + row
