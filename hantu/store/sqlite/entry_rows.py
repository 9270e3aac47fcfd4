"""Rows of log_entry, block by block, in the order that an Access asks for.

A block holds its rows by place; what a column says of them is read when the first row is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from hantu import text
from hantu.store.ids import EntryIds
from hantu.store.sqlite import entry_access
from hantu.store.sqlite.batch import LEVEL_BITS, BoolArray, IntArray
from hantu.store.sqlite.entries import LEVEL_MASK, LEVELS, decode_metadata
from hantu.store.sqlite.entry_access import CELL_COLUMNS, INT_MOST, SOURCE, Access, Bounds, Sequencing
from hantu.store.sqlite.metadata_column import MetadataColumn
from hantu.store.sqlite.shape_search import YES
from hantu.store.sqlite.sweep import Sweep, Unit

BLOCK_LEAST: Final = 128
BLOCK_MOST: Final = 4_096
"""Blocks grow from the one to the other: a statement with a LIMIT reads little."""
FRAMES_MOST: Final = 4
"""Units of one block whose columns are kept until the next block; of more, each is read again."""

Streams = Mapping[int, tuple[str, str]]
Values = list[Any]


class Names:
    """What ids and cells are called outside."""

    def __init__(self, ids: EntryIds, streams: Streams) -> None:
        self.id_text = ids.text
        self._streams = streams
        self._cells: dict[int, tuple[str, str, str]] = {}

    def of_cell(self, cell: int) -> tuple[str, str, str]:
        """Its source, source_id and level."""
        found = self._cells.get(cell)
        if found is None:
            stream = self._streams[cell >> LEVEL_BITS]
            found = self._cells[cell] = (*stream, LEVELS[cell & LEVEL_MASK].label)
        return found


class Block:
    """Rows at some places. numbers: for each row the unit it lies in; lines: its line there.

    What cannot be read because it is damaged is None."""

    def __init__(self, names: Names, units: list[Unit], numbers: IntArray, lines: IntArray) -> None:
        self._names = names
        self._units = units
        self._numbers = numbers
        self._lines = lines

    def __len__(self) -> int:
        return len(self._lines)

    def column(self, column: int) -> Values:
        """The column's value in each row."""
        chosen = np.unique(self._numbers).tolist()
        if len(chosen) == 1:
            return self._of_unit(self._units[chosen[0]], self._lines, column)
        values: Values = [None] * len(self)
        for number in chosen:
            at = np.flatnonzero(self._numbers == number)
            own = self._of_unit(self._units[number], self._lines[at], column)
            if len(chosen) > FRAMES_MOST:
                self._units[number].release()
            for place, value in zip(at.tolist(), own, strict=True):
                values[place] = value
        return values

    def _of_unit(self, unit: Unit, lines: IntArray, column: int) -> Values:
        try:
            return read_column(self._names, unit, lines, column)
        except ValueError:
            return [None] * len(lines)


class CellBlock:
    """Rows of one unit and one cell. lines: gives their numbers, which are seldom asked for."""

    def __init__(
        self, names: Names, unit: Unit, cell: int, size: int, lines: Callable[[Unit, int], IntArray]
    ) -> None:
        self._names = names
        self._unit = unit
        self._cell = cell
        self._size = size
        self._lines = lines

    def __len__(self) -> int:
        return self._size

    def column(self, column: int) -> Values:
        """The column's value in each row."""
        if column in CELL_COLUMNS:
            return [self._names.of_cell(self._cell)[column - SOURCE]] * self._size
        try:
            lines = self._lines(self._unit, self._cell)[: self._size]
            return read_column(self._names, self._unit, lines, column)
        except ValueError:
            return [None] * self._size
        finally:
            self._unit.release()


def read_column(names: Names, unit: Unit, lines: IntArray, column: int) -> Values:
    """A column's value at these lines. Raises ValueError when it is damaged."""
    frame = unit.frame
    if column in CELL_COLUMNS:
        part = column - SOURCE
        return [names.of_cell(cell)[part] for cell in frame.cells[frame.group_of(lines)].tolist()]
    match column:
        case entry_access.ID:
            return [names.id_text(key) for key in frame.keys(lines).tolist()]
        case entry_access.MESSAGE:
            return frame.messages(lines)
        case entry_access.TIME_NS:
            return list(frame.times(lines).tolist())
        case entry_access.TIMESTAMP:
            return timestamps(frame.times(lines))
        case entry_access.CREATED_AT:
            return timestamps(frame.created(lines))
        case entry_access.METADATA:
            return _of_metadata(frame.metadata(), lines, bytes.decode)
        case entry_access.TRACE_ID:
            return _of_metadata(frame.metadata(), lines, trace_id)
        case _:
            return list(frame.keys(lines).tolist())


def _of_metadata(column: MetadataColumn, lines: IntArray, read: Callable[[bytes], str | None]) -> Values:
    """What `read` makes of the metadata of these lines, asked once for each different text."""
    ids = column.ids[lines].tolist()
    values = {number: read(column.texts[number]) for number in set(ids) if number >= 0}
    return [values.get(number) for number in ids]


def trace_id(metadata: bytes) -> str | None:
    """The folded trace_id; empty when it is no text, None when there is none."""
    if b'"trace_id"' not in metadata:
        return None
    found = decode_metadata(metadata)
    if "trace_id" not in found:
        return None
    return text.fold(found["trace_id"]) if isinstance(found["trace_id"], str) else ""


def timestamps(times: IntArray) -> list[str]:
    """Times as ISO 8601 with nine digits, UTC."""
    return [f"{said}Z" for said in np.datetime_as_string(times.view("datetime64[ns]"), unit="ns").tolist()]


class Rows:
    """The rows of log_entry within some bounds."""

    def __init__(self, sweep: Sweep, names: Names, bounds: Bounds) -> None:
        self._sweep = sweep
        self._names = names
        self._bounds = bounds

    def blocks(self, access: Access) -> Iterator[Block | CellBlock]:
        """All rows, in the access's order. Raises InterruptError when the time is over."""
        order = access.sequencing
        if order is Sequencing.CELLS:
            return self._by_cell(access)
        if order in (Sequencing.TIME_UP, Sequencing.TIME_DOWN):
            return self._by_time(newest_first=order is Sequencing.TIME_DOWN)
        if order is Sequencing.ANY and access.used <= CELL_COLUMNS:
            return self._uncounted()
        return self._by_key(down=order is Sequencing.KEY_DOWN)

    def _units(self, *, newest_first: bool | None) -> Iterator[Unit]:
        for unit in self._sweep.units(newest_first=newest_first):
            if unit.first_key <= self._bounds.last_key:
                yield unit

    def _settled(self, unit: Unit) -> bool:
        return unit.settled and unit.last_key <= self._bounds.last_key

    def _lines(self, unit: Unit) -> IntArray:
        """The matching lines of a unit, none when it is damaged."""
        try:
            lines = unit.lines()
            if unit.last_key > self._bounds.last_key:
                lines = lines[unit.frame.keys(lines) <= self._bounds.last_key]
        except ValueError:
            return np.zeros(0, np.int64)
        return lines

    def _uncounted(self) -> Iterator[CellBlock]:
        """In no order, from directories alone where they say all."""
        for unit in self._units(newest_first=None):
            for cell, size in self._cells(unit):
                yield CellBlock(self._names, unit, cell, size, self._lines_of_cell)
            unit.release()

    def _by_cell(self, access: Access) -> Iterator[CellBlock]:
        found: dict[int, list[tuple[Unit, int]]] = {}
        for unit in self._units(newest_first=None):
            for cell, size in self._cells(unit):
                found.setdefault(cell, []).append((unit, size))
            unit.release()
        cells = list(found)
        for column, down in reversed(access.cells):
            cells.sort(key=lambda cell: self._names.of_cell(cell)[column - SOURCE], reverse=down)
        for cell in cells:
            for unit, size in found[cell]:
                yield CellBlock(self._names, unit, cell, 1 if access.once else size, self._lines_of_cell)
                if access.once:
                    break

    def _cells(self, unit: Unit) -> list[tuple[int, int]]:
        """The cells of a unit's matching lines, and how many lines each has."""
        if self._settled(unit):
            yes = unit.verdict == YES
            cells, _, counts = unit.groups
            cells, counts = cells[yes], counts[yes]
        else:
            lines = self._lines(unit)
            if not len(lines):
                return []
            groups, counts = np.unique(unit.frame.group_of(lines), return_counts=True)
            cells = unit.frame.cells[groups]
        names, at = np.unique(cells, return_inverse=True)
        sums = np.bincount(at, weights=counts, minlength=len(names)).astype(np.int64)
        return list(zip(names.tolist(), sums.tolist(), strict=True))

    def _lines_of_cell(self, unit: Unit, cell: int) -> IntArray:
        lines = self._lines(unit)
        own: BoolArray = unit.frame.cells[unit.frame.group_of(lines)] == cell
        return lines[own]

    def _by_key(self, *, down: bool) -> Iterator[Block]:
        units: Iterable[Unit] = self._units(newest_first=None)
        if down:
            units = reversed(list(units))
        size = BLOCK_LEAST
        for unit in units:
            lines = self._lines(unit)
            try:
                lines = lines[np.argsort(unit.frame.keys(lines))]
            except ValueError:
                continue
            if down:
                lines = lines[::-1]
            at = 0
            while at < len(lines):
                own = lines[at : at + size]
                yield Block(self._names, [unit], np.zeros(len(own), np.int64), own)
                at += size
                size = min(BLOCK_MOST, size * 2)
            unit.release()

    def _by_time(self, *, newest_first: bool) -> Iterator[Block]:
        pool = _Pool(self._names, sign=-1 if newest_first else 1)
        for unit in self._units(newest_first=newest_first):
            near = -unit.newest_ns if newest_first else unit.oldest_ns
            yield from pool.before(near)
            pool.add(unit, self._lines(unit))
        yield from pool.before(INT_MOST)


class _Pool:
    """Rows of units that have been met, in order of time, then key; both counted down with sign −1.

    It holds times, keys and places, 32 bytes a row, and at most FRAMES_MOST frames."""

    def __init__(self, names: Names, *, sign: int) -> None:
        self._names = names
        self._sign = sign
        self._size = BLOCK_LEAST
        self._units: list[Unit] = []
        none = np.zeros(0, np.int64)
        self._times, self._keys, self._numbers, self._lines = none, none, none, none

    def add(self, unit: Unit, lines: IntArray) -> None:
        """Take in a unit's lines."""
        try:
            times, keys = unit.frame.times(lines) * self._sign, unit.frame.keys(lines) * self._sign
        except ValueError:
            return
        numbers = np.full(len(lines), len(self._units), np.int64)
        self._units.append(unit)
        unit.release()
        times = np.concatenate((self._times, times))
        keys = np.concatenate((self._keys, keys))
        order = np.lexsort((keys, times))
        self._times, self._keys = times[order], keys[order]
        self._numbers = np.concatenate((self._numbers, numbers))[order]
        self._lines = np.concatenate((self._lines, lines))[order]

    def before(self, near: int) -> Iterator[Block]:
        """The rows before this time, block by block, which are let go of."""
        stop = int(np.searchsorted(self._times, near))
        at = 0
        while at < stop:
            end = min(stop, at + self._size)
            numbers = self._numbers[at:end]
            yield Block(self._names, self._units, numbers, self._lines[at:end])
            rest = self._numbers[end : end + 1].tolist()
            for number in set(np.unique(numbers).tolist()) - set(rest):
                self._units[number].release()
            at = end
            self._size = min(BLOCK_MOST, self._size * 2)
        self._times, self._keys = self._times[stop:], self._keys[stop:]
        self._numbers, self._lines = self._numbers[stop:], self._lines[stop:]
