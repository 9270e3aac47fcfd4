"""What one snapshot of the file holds: plain values, without I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hantu.store.sqlite.batch import IntArray
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
    """The groups of a block's segments, one segment after the other: cells, shapes, counts int64[G];
    starts[i] is where segment i begins, with an end after the last. Kept in as few bytes as they need."""

    _cells: Packed
    _shapes: Packed
    _counts: Packed
    starts: IntArray

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Directory:
        """Of one segment after the other."""
        starts = np.cumsum([0, *(len(cells) for cells, _, _ in parts)], dtype=np.int64)
        cells, shapes, counts = (np.concatenate(each) for each in zip(*parts, strict=True))
        return cls(_packed(cells), _packed(shapes), _packed(counts), starts)

    def parts(self, many: int) -> list[Part]:
        """Those of its first `many` segments."""
        bounds = self.starts[: many + 1].tolist()
        cells, shapes, counts = self.cells, self.shapes, self.counts
        return [(cells[begin:end], shapes[begin:end], counts[begin:end]) for begin, end in pairwise(bounds)]

    @property
    def cells(self) -> IntArray:
        """The cell of each group."""
        return self._cells.astype(np.int64)

    @property
    def shapes(self) -> IntArray:
        """The shape number of each group, 0: plain lines."""
        return self._shapes.astype(np.int64)

    @property
    def counts(self) -> IntArray:
        """The number of lines of each group."""
        return self._counts.astype(np.int64)

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        return self._cells.nbytes + self._shapes.nbytes + self._counts.nbytes + self.starts.nbytes


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
