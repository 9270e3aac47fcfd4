"""What one snapshot of the file holds: plain values, without I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hantu.store.sqlite.batch import BoolArray, IntArray
from hantu.store.sqlite.hot import HotBatch

GROUP: Final = 32
"""Segments whose filters stand together."""

Packed = NDArray[np.int64] | NDArray[np.uint32] | NDArray[np.uint16]
Part = tuple[IntArray, IntArray, IntArray]
"""The cells, shapes and counts of a segment."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A row of the table `segment`. group_no, position: where its filter stands; None: on its own."""

    segment_no: int
    first_key: int
    last_key: int
    entries: int
    oldest_ns: int
    newest_ns: int
    group_no: int | None
    position: int | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the segments of a view lie, int64[S] each: block_no, at (the place in the block), the
    first and last key, the oldest and newest time. starts[b] is where block b begins, with an end."""

    block_no: IntArray
    at: IntArray
    first_key: IntArray
    last_key: IntArray
    oldest_ns: IntArray
    newest_ns: IntArray
    starts: IntArray

    @classmethod
    def of(cls, blocks: Sequence[Sequence[Segment]]) -> Bounds:
        """The bounds of the segments of these blocks, one block after the other."""
        rows = [
            (block_no, at, each.first_key, each.last_key, each.oldest_ns, each.newest_ns)
            for block_no, block in enumerate(blocks)
            for at, each in enumerate(block)
        ]
        block_no, at, first, last, oldest, newest = np.array(rows, np.int64).reshape(-1, 6).T.copy()
        starts = np.cumsum([0, *map(len, blocks)], dtype=np.int64)
        return cls(block_no, at, first, last, oldest, newest, starts)


@dataclass(frozen=True, slots=True)
class View:
    """What one snapshot holds. generation: counts seals and clean-ups. blocks: the segments in lots
    whose directories are kept together; bounds: where they lie."""

    generation: int
    cursor: int
    segments: tuple[Segment, ...]
    blocks: tuple[tuple[Segment, ...], ...]
    bounds: Bounds
    hot: tuple[HotBatch, ...]


@dataclass(frozen=True, slots=True)
class Directory:
    """The groups of a block's segments, GROUP at most, one segment after the other; starts[i] is where
    segment i begins, with an end after the last. Kept in as few bytes as they need.

    Segments of one time hold the same programs, so most groups are of few kinds, a cell and a shape each:
    what depends on these alone is asked of kinds. They are sorted by (cell, shape)."""

    _kind_cells: Packed
    _kind_shapes: Packed
    _totals: Packed
    _present: NDArray[np.uint32]
    """By kind, a bit for each segment that has it."""
    kinds: Packed
    """The kind of each group."""
    _counts: Packed
    starts: IntArray

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Directory:
        """Of one segment after the other."""
        sizes = [len(cells) for cells, _, _ in parts]
        cells, shapes, counts = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.lexsort((shapes, cells))
        first = np.ones(len(order), np.bool_)
        ordered = cells[order], shapes[order]
        first[1:] = (ordered[0][1:] != ordered[0][:-1]) | (ordered[1][1:] != ordered[1][:-1])
        kinds = np.empty(len(order), np.int64)
        kinds[order] = np.cumsum(first) - 1
        begins = np.flatnonzero(first)
        bits = np.repeat(np.uint32(1) << np.arange(len(parts), dtype=np.uint32), sizes)[order]
        return cls(
            _packed(ordered[0][first]),
            _packed(ordered[1][first]),
            _packed(np.add.reduceat(counts[order], begins) if len(begins) else counts),
            np.bitwise_or.reduceat(bits, begins) if len(begins) else bits,
            _packed(kinds),
            _packed(counts),
            np.cumsum([0, *sizes], dtype=np.int64),
        )

    @property
    def segments(self) -> int:
        """How many."""
        return len(self.starts) - 1

    @property
    def kind_cells(self) -> IntArray:
        """The cell of each kind, int64[K]."""
        return self._kind_cells.astype(np.int64)

    @property
    def kind_shapes(self) -> IntArray:
        """The shape number of each kind, int64[K]; 0: plain lines."""
        return self._kind_shapes.astype(np.int64)

    @property
    def totals(self) -> IntArray:
        """The number of lines of each kind, int64[K]."""
        return self._totals.astype(np.int64)

    @property
    def cells(self) -> IntArray:
        """The cell of each group, int64[G]."""
        return self.kind_cells.take(self.kinds)

    @property
    def shapes(self) -> IntArray:
        """The shape number of each group, int64[G]."""
        return self.kind_shapes.take(self.kinds)

    @property
    def counts(self) -> IntArray:
        """The number of lines of each group, int64[G]."""
        return self._counts.astype(np.int64)

    def kinds_of(self, at: int) -> Packed:
        """The kind of each group of a segment."""
        return self.kinds[self.starts[at] : self.starts[at + 1]]

    def part(self, at: int) -> Part:
        """The groups of a segment."""
        kinds = self.kinds_of(at)
        counts = self._counts[self.starts[at] : self.starts[at + 1]].astype(np.int64)
        cells, shapes = self._kind_cells.take(kinds), self._kind_shapes.take(kinds)
        return cells.astype(np.int64), shapes.astype(np.int64), counts

    def cells_of(self, groups: IntArray) -> IntArray:
        """The cell of each of some groups."""
        return self._kind_cells.take(self.kinds[groups]).astype(np.int64)

    def counts_of(self, groups: IntArray) -> IntArray:
        """The number of lines of some groups."""
        return self._counts[groups].astype(np.int64)

    def having(self, kinds: BoolArray) -> BoolArray:
        """The segments that have one of these kinds. kinds: bool[K]."""
        bits = np.bitwise_or.reduce(self._present[kinds], initial=np.uint32(0))
        found: BoolArray = (bits >> np.arange(self.segments, dtype=np.uint32) & np.uint32(1)) != 0
        return found

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        of_kinds = (self._kind_cells, self._kind_shapes, self._totals, self._present)
        return sum(each.nbytes for each in (*of_kinds, self.kinds, self._counts, self.starts))


def blocks_of(segments: Sequence[Segment]) -> tuple[tuple[Segment, ...], ...]:
    """Segments of one filter group together; those without a group in lots of GROUP."""
    groups: dict[int, list[Segment]] = {}
    alone: list[Segment] = []
    for segment in segments:
        if segment.group_no is None:
            alone.append(segment)
        else:
            groups.setdefault(segment.group_no, []).append(segment)
    lots = [alone[at : at + GROUP] for at in range(0, len(alone), GROUP)]
    return tuple(tuple(block) for block in (*groups.values(), *lots))


def _packed(values: IntArray) -> Packed:
    most = int(values.max()) if len(values) else 0
    if most <= np.iinfo(np.uint16).max:
        return values.astype(np.uint16)
    return values.astype(np.uint32) if most <= np.iinfo(np.uint32).max else values
