"""Where a pattern with slots stands in shapes, worked out for those that a segment has."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import chain
from typing import Final

import numpy as np

from hantu.store.sqlite.batch import IntArray

_NOT_KNOWN: Final = -1
_BYTES_A_SHAPE: Final = 32
"""Of a shape with the pattern: its number, where its slots begin, how many they are, one slot."""


class Places:
    """The places of one pattern; safe in any thread.

    numbers: the shapes that have it, ascending. first_slots: of a shape, for each place the number of
    the first slot at or after the place's beginning."""

    def __init__(self, numbers: IntArray, first_slots: Callable[[int], list[int]]) -> None:
        self.numbers = numbers
        self._first_slots = first_slots
        self._lock = threading.Lock()
        self._begins = np.full(len(numbers), _NOT_KNOWN, np.int64)
        self._sizes = np.zeros(len(numbers), np.int64)
        self._slots = np.zeros(0, np.int64)

    @property
    def size_bytes(self) -> int:
        """Memory that it takes in the end."""
        return len(self.numbers) * _BYTES_A_SHAPE

    def among(self, shapes: IntArray) -> bool:
        """Whether one of these shapes has the pattern."""
        return bool(len(self._found(shapes)[0]))

    def of_shapes(self, shapes: IntArray) -> tuple[IntArray, IntArray]:
        """(position in `shapes`, first slot) of each place in these shapes."""
        at, rows = self._found(shapes)
        begins, sizes, slots = self._known(rows)
        ends = np.cumsum(sizes)
        within = np.arange(int(sizes.sum())) - np.repeat(ends - sizes, sizes)
        return np.repeat(at, sizes), slots[np.repeat(begins, sizes) + within]

    def _found(self, shapes: IntArray) -> tuple[IntArray, IntArray]:
        """(position in `shapes`, position in `numbers`) of those that have the pattern."""
        if not len(self.numbers):
            none = np.zeros(0, np.int64)
            return none, none
        rows = np.minimum(np.searchsorted(self.numbers, shapes), len(self.numbers) - 1)
        at = np.flatnonzero(self.numbers[rows] == shapes)
        return at, rows[at]

    def _known(self, rows: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """(where they begin in the third, how many) of the slots of these rows; all slots."""
        with self._lock:
            missing = np.unique(rows[self._begins[rows] == _NOT_KNOWN])
            if len(missing):
                slots = [self._first_slots(number) for number in self.numbers[missing].tolist()]
                sizes = np.fromiter(map(len, slots), np.int64, len(slots))
                self._begins[missing] = len(self._slots) + np.cumsum(sizes) - sizes
                self._sizes[missing] = sizes
                self._slots = np.concatenate(
                    [self._slots, np.fromiter(chain.from_iterable(slots), np.int64)]
                )
            return self._begins[rows], self._sizes[rows], self._slots
