"""Any segment, sealed or hot, as columns that are read when first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from hantu.store.sqlite.arrival import read_arrival
from hantu.store.sqlite.batch import ByteArray, Column, IntArray
from hantu.store.sqlite.escape import unescape_lines
from hantu.store.sqlite.fields import octets, positions, sorted_set
from hantu.store.sqlite.grouping import Groups, read_directory
from hantu.store.sqlite.metadata_column import MetadataColumn
from hantu.store.sqlite.order import Order
from hantu.store.sqlite.segment_writer import VALUE_COLUMNS, ShapeBook
from hantu.store.sqlite.times import SECOND_NS, Fractions
from hantu.store.sqlite.value_column import Values
from hantu.store.sqlite.values import gathered, take_apart

_NONE: Final = np.zeros(0, np.int64)
_FEW: Final = 8
"""One line of so many or fewer is looked up by itself."""
_COUNT_BITS: Final = 21
_COUNT_MASK: Final = (1 << _COUNT_BITS) - 1
_DECODED: Final[tuple[str, ...]] = (
    "starts",
    "_directory",
    "_groups",
    "_size",
    "_group_of_line",
    "_order",
    "_arrival",
    "_line_of",
    "_keys_and_created",
    "_seconds",
    "_times_by_arrival",
    "_fractions",
    "_metadata",
    "_plain_text",
    "_plain_numbers",
    "_plain_split",
    "_plain_ends",
    "_values",
    "_columns",
)
"""What a frame makes of columns, and of nothing else."""
_LINE_BYTES: Final = 128
"""Memory of what is decoded, a line: up to nine numbers, and where its values and its text end."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The value columns of a segment, int64 each, in the order of (group, slot).

    By column: group, cls (a ValueClass), first: the number of its first field within its class; the
    field of the group's row r is first + r. of_group: by group, the number of its first column. sizes:
    the number of fields of each class."""

    group: IntArray
    cls: IntArray
    first: IntArray
    of_group: IntArray
    sizes: tuple[int, ...]

    @property
    def slot(self) -> IntArray:
        """The slot of each column."""
        return np.arange(len(self.group)) - self.of_group[self.group]


@dataclass(frozen=True, slots=True)
class Decoded:
    """What was read and decoded of a segment, for other frames of it. raw_bytes: of the columns read."""

    parts: Mapping[str, object]
    raw_bytes: int
    lines: int

    @property
    def size_bytes(self) -> int:
        """Memory that it takes at most."""
        return self.raw_bytes + self.lines * _LINE_BYTES


class Frame:
    """The entries of one segment.

    load: gives a column's raw bytes, and raises when it is damaged. groups: gives those of DIRECTORY when
    they are known already, for then it is not read before a value is. decoded: of an earlier frame.
    Columns are read and decoded when first asked for and kept as long as the frame. Arrays by line number
    unless said otherwise. Every method raises ValueError when a column is damaged; a frame may be read by
    several threads."""

    def __init__(
        self,
        load: Callable[[Column], bytes],
        shapes: ShapeBook,
        groups: Callable[[], Groups] | None = None,
        decoded: Decoded | None = None,
    ) -> None:
        self._load = load
        self._book = shapes
        self._known = groups
        self._raw_bytes = 0
        if decoded is not None:
            self._raw_bytes = decoded.raw_bytes
            # Where cached_property looks first.
            self.__dict__.update(decoded.parts)
        self.lacking: frozenset[int] = frozenset()
        """Hashes of tokens that its filter surely lacks, of those that were asked for."""

    @property
    def decoded(self) -> Decoded:
        """What it has read and decoded so far."""
        made = self.__dict__
        parts = {name: made[name] for name in _DECODED if name in made}
        return Decoded(parts, self._raw_bytes, self.size)

    @property
    def size(self) -> int:
        """The number of lines."""
        return self._size

    @property
    def cells(self) -> IntArray:
        """The cell of each group."""
        return self._groups.cells

    @property
    def shapes(self) -> IntArray:
        """The shape number of each group."""
        return self._groups.shapes

    @property
    def counts(self) -> IntArray:
        """The number of lines of each group."""
        return self._groups.counts

    @cached_property
    def starts(self) -> IntArray:
        """The line number of each group's first line."""
        return self._groups.starts

    def group_of(self, lines: IntArray) -> IntArray:
        """The group of each of these lines."""
        if len(lines) * _FEW < self.size:
            return np.searchsorted(self.starts, lines, "right") - 1
        return self._group_of_line[lines]

    def groups_by_arrival(self) -> IntArray:
        """The group of each line, in arrival order."""
        return self._order.groups.astype(np.int64)

    def arrival(self) -> IntArray:
        """The arrival index of each line."""
        return self._arrival

    def line_of(self, arrivals: IntArray) -> IntArray:
        """The line numbers of these arrival indexes."""
        return self._line_of[arrivals]

    def keys(self, lines: IntArray | None = None) -> IntArray:
        """The keys of these lines, or of all."""
        return self._keys_and_created[0][self._arrival_of(lines)]

    def created(self, lines: IntArray | None = None) -> IntArray:
        """The times of arrival of these lines, or of all; nanoseconds."""
        return self._keys_and_created[1][self._arrival_of(lines)]

    def times(self, lines: IntArray | None = None) -> IntArray:
        """The times of these lines, or of all; nanoseconds."""
        arrival = self._arrival_of(lines)
        if lines is not None and len(lines) * _FEW < self.size and "_times_by_arrival" not in self.__dict__:
            fractions = self._fractions.some(lines, self.group_of(lines), arrival)
            return self._seconds[arrival] * SECOND_NS + fractions
        return self._times_by_arrival[arrival]

    def seconds(self, lines: IntArray | None = None) -> IntArray:
        """The times of these lines, or of all, rounded down to seconds; reads ORDER alone."""
        return self._seconds[self._arrival_of(lines)]

    def seconds_by_arrival(self) -> IntArray:
        """The times rounded down to seconds, in arrival order: a third of the work of seconds()."""
        return self._seconds

    def messages(self, lines: IntArray) -> list[str]:
        """The messages of these lines, in their order."""
        return unescape_lines(self.escaped(lines), len(lines))

    def escaped(self, lines: IntArray) -> bytes:
        """The messages of these lines as a blob of escaped lines."""
        groups = self.group_of(lines)
        statics = self._statics(groups)
        parts = [statics[each] for each in groups.tolist()]
        shapes = self.shapes[groups]
        plain = np.flatnonzero(shapes == 0)
        if len(plain):
            texts = self.plain_lines(lines[plain])
            for at, text in zip(plain.tolist(), texts, strict=True):
                parts[at] = text
        blob = b"\n".join(parts)
        slots = self._book.slots[shapes].astype(np.int64)
        return self._filled(blob, lines, groups, slots) if slots.any() else blob

    def plain_numbers(self) -> IntArray:
        """The numbers of the lines without a shape, ascending."""
        return self._plain_numbers

    def plain_arrival(self) -> tuple[IntArray, IntArray]:
        """(arrival index, group) of each line without a shape, by line number; less work than arrival()."""
        return self._order.lines_of(self.shapes == 0)

    def plain_lines(self, lines: IntArray) -> list[bytes]:
        """These lines, which have no shape, escaped."""
        rows = np.searchsorted(self._plain_numbers, lines)
        if len(rows) * _FEW < len(self._plain_numbers):
            text, ends = self._plain_text, self._plain_ends
            begins = np.where(rows > 0, ends[rows - 1] + 1, 0).tolist()
            return [text[begin:end] for begin, end in zip(begins, ends[rows].tolist(), strict=True)]
        texts = self._plain_split
        return [texts[row] for row in rows.tolist()]

    def plain_text(self) -> bytes:
        """The lines without a shape, escaped, joined by newlines."""
        return self._plain_text

    def plain_statics(self) -> tuple[list[bytes], IntArray]:
        """The static texts of the lines without a shape, each once, and which of them each line has."""
        if not len(self.plain_numbers()):
            return [], _NONE
        texts = take_apart(self.plain_text())[1]
        distinct = list(dict.fromkeys(texts))
        numbers = dict(zip(distinct, range(len(distinct)), strict=True))
        return distinct, np.fromiter(map(numbers.__getitem__, texts), np.int64, len(texts))

    def metadata(self) -> MetadataColumn:
        """The metadata of the lines."""
        return self._metadata

    def metadata_texts(self, lines: IntArray) -> list[bytes | None]:
        """The metadata texts of these lines, None of a line without metadata."""
        column = self._metadata
        texts = column.texts
        return [None if number < 0 else texts[number] for number in column.ids[lines].tolist()]

    def values(self, cls: int) -> Values:
        """The values of one ValueClass."""
        values = self._unchecked(cls)
        if len(values) != self.columns().sizes[cls]:
            raise ValueError("values are missing")
        return values

    def may_hold(self, cls: int, sought: bytes) -> bool:
        """False when `sought`, lower case, surely stands in no value of one ValueClass."""
        return self._unchecked(cls).may_hold(sought)

    def columns(self) -> Columns:
        """Where each group's values stand."""
        return self._columns

    def _raw(self, column: Column) -> bytes:
        """The raw bytes of a column."""
        raw = self._load(column)
        self._raw_bytes += len(raw)
        return raw

    def _unchecked(self, cls: int) -> Values:
        values = self._values[cls]
        if values is None:
            values = self._values[cls] = Values(self._raw(VALUE_COLUMNS[cls]))
        return values

    def _arrival_of(self, lines: IntArray | None) -> IntArray:
        return self._arrival if lines is None else self._arrival[lines]

    def _statics(self, groups: IntArray) -> dict[int, bytes]:
        """The shapes of some groups."""
        chosen = sorted_set(groups)
        shapes = self.shapes[chosen].tolist()
        return {
            group: self._book.static(shape) if shape else b""
            for group, shape in zip(chosen.tolist(), shapes, strict=True)
        }

    def _filled(self, blob: bytes, lines: IntArray, groups: IntArray, slots: IntArray) -> bytes:
        """`blob`, the shapes of `lines`, with each 0x00 replaced by its value."""
        columns = self._columns
        slot = np.arange(int(slots.sum())) - np.repeat(positions(slots), slots)
        column = np.repeat(columns.of_group[groups], slots) + slot
        row = np.repeat(lines - self.starts[groups], slots)
        classes, fields = columns.cls[column], columns.first[column] + row
        starts, lengths = np.empty_like(fields), np.empty_like(fields)
        texts: list[ByteArray] = []
        base = 0
        for cls in range(len(VALUE_COLUMNS)):
            chosen = np.flatnonzero(classes == cls)
            if not len(chosen):
                continue
            values = self.values(cls)
            begins, lengths[chosen] = values.places(fields[chosen])
            starts[chosen] = begins + base
            texts.append(values.characters)
            base += len(values.text)
        shape_text = octets(blob)
        places = np.flatnonzero(shape_text == 0)
        if len(places) != len(slot):
            raise ValueError("a shape has other slots than its values")
        repeats = np.ones(len(shape_text), np.int64)
        repeats[places] = lengths
        out = np.repeat(shape_text, repeats)
        out[out == 0] = gathered(np.concatenate(texts), starts, lengths)
        return out.tobytes()

    @cached_property
    def _directory(self) -> tuple[Groups, int, IntArray]:
        directory = read_directory(self._raw(Column.DIRECTORY))
        shapes = directory[0].shapes
        if len(shapes) and not 0 <= int(shapes.min()) <= int(shapes.max()) < len(self._book.slots):
            raise ValueError("a shape that is not known")
        return directory

    @cached_property
    def _groups(self) -> Groups:
        return self._directory[0] if self._known is None else self._known()

    @cached_property
    def _size(self) -> int:
        return int(self._groups.counts.sum())

    @cached_property
    def _group_of_line(self) -> IntArray:
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @cached_property
    def _order(self) -> Order:
        order = Order(self._raw(Column.ORDER), self.counts)
        if len(order) != self.size:
            raise ValueError("the order of lines is incomplete")
        return order

    @cached_property
    def _arrival(self) -> IntArray:
        return np.argsort(self._order.groups, kind="stable")

    @cached_property
    def _line_of(self) -> IntArray:
        lines = np.empty(self.size, np.int64)
        lines[self._arrival] = np.arange(self.size)
        return lines

    @cached_property
    def _keys_and_created(self) -> tuple[IntArray, IntArray]:
        keys, created = read_arrival(self._raw(Column.ARRIVAL))
        if len(keys) != self.size:
            raise ValueError("keys are missing")
        return keys, created

    @cached_property
    def _seconds(self) -> IntArray:
        return self._order.seconds()

    @cached_property
    def _times_by_arrival(self) -> IntArray:
        return self._seconds * SECOND_NS + self._fractions.all(self._arrival)

    @cached_property
    def _fractions(self) -> Fractions:
        return Fractions(self._raw(Column.TIME), self.counts)

    @cached_property
    def _metadata(self) -> MetadataColumn:
        metadata = MetadataColumn(self._raw(Column.METADATA))
        if len(metadata) != self.size:
            raise ValueError("metadata of lines is missing")
        return metadata

    @cached_property
    def _plain_text(self) -> bytes:
        return self._raw(Column.PLAIN)

    @cached_property
    def _plain_numbers(self) -> IntArray:
        plain = np.flatnonzero(self.shapes == 0)
        sizes = self.counts[plain]
        return np.repeat(self.starts[plain] - positions(sizes), sizes) + np.arange(int(sizes.sum()))

    @cached_property
    def _plain_split(self) -> list[bytes]:
        texts = self._plain_text.split(b"\n") if len(self._plain_numbers) else []
        if len(texts) != len(self._plain_numbers):
            raise ValueError("plain lines are missing")
        return texts

    @cached_property
    def _plain_ends(self) -> IntArray:
        text = self._plain_text
        ends = np.append(np.flatnonzero(octets(text) == ord("\n")), len(text))
        if len(ends) != len(self._plain_numbers):
            raise ValueError("plain lines are missing")
        return ends

    @cached_property
    def _values(self) -> list[Values | None]:
        return [None] * len(VALUE_COLUMNS)

    @cached_property
    def _columns(self) -> Columns:
        slots = self._book.slots[self.shapes]
        of_group = positions(slots)
        group = np.repeat(np.arange(len(slots)), slots)
        cls = self._directory[2]
        if len(cls) != len(group):
            raise ValueError("the classes of values do not fit the shapes")
        lines = self.counts[group]
        first, sizes = _firsts(cls, lines)
        return Columns(group, cls, first, of_group, tuple(sizes))


def _firsts(cls: IntArray, sizes: IntArray) -> tuple[IntArray, tuple[int, ...]]:
    """By column the number of its first field within its class; by class the number of fields.

    cls, sizes: the class and the number of fields of each column."""
    classes = len(VALUE_COLUMNS)
    if int(sizes.sum()) <= _COUNT_MASK:
        # One sum for all classes: each counts in bits of its own.
        shifts = cls * _COUNT_BITS
        steps = sizes << shifts
        ends = np.cumsum(steps)
        last = int(ends[-1]) if len(ends) else 0
        first = (ends - steps) >> shifts & _COUNT_MASK
        return first, tuple(last >> each * _COUNT_BITS & _COUNT_MASK for each in range(classes))
    first = np.empty(len(cls), np.int64)
    totals = []
    for each in range(classes):
        chosen = np.flatnonzero(cls == each)
        first[chosen] = positions(sizes[chosen])
        totals.append(int(sizes[chosen].sum()))
    return first, tuple(totals)
