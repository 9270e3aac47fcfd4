"""The registry of shapes: what a program prints again and again, with its values taken out.

A shape is an escaped line (see escape.py) with one NUL byte in place of each value. Shapes have
numbers from 1 on; number 0 stands for a line that is kept as text. A shape gets its number when it
is seen for the second time, so that what is never repeated costs no memory: of what was seen once
only a hash is kept, in a table of fixed size in which newer hashes overwrite older ones.

One thread at a time promotes, loads and removes; any number of threads may read meanwhile."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Final

import numpy as np

from hantu.store.sqlite.batch import IntArray
from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.shape_index import ShapeIndex
from hantu.store.sqlite.shape_search import ShapeSearch, ShapesSeen
from hantu.store.sqlite.word_index import WordIndex

SLOT: Final = b"\0"
SHAPES_MOST: Final = 50_000
TEXT_BYTES_MOST: Final = 16 * 1024 * 1024
"""Together 25 MB of memory at most; what comes after is kept as text."""
STATIC_BYTES_MOST: Final = 4_096
SLOTS_MOST: Final = 1_000

_SEEN_BITS: Final = 17
_SEEN_MASK: Final = (1 << _SEEN_BITS) - 1
_UNKNOWN: Final = -1


class Shapes:
    """All shapes of a store. Numbers are never used for another shape while the process lives."""

    def __init__(self, *, shapes_most: int = SHAPES_MOST, text_bytes_most: int = TEXT_BYTES_MOST) -> None:
        self._shapes_most = shapes_most
        self._text_bytes_most = text_bytes_most
        self._text_bytes = 0
        self._numbers: dict[bytes, int] = {}
        self._statics: list[bytes | None] = [b""]
        self._room: IntArray = np.zeros(1_024, np.int64)
        self._slots = self._room[:1]
        self._free: list[int] = []
        self._seen = array("q", bytes(8 << _SEEN_BITS))
        self._unwritten: list[int] = []
        self._given: list[int] = []
        self._leaving: list[int] = []
        self.index = ShapeIndex(self.static)
        self.search = ShapeSearch(self.index, self.static, lambda: self._slots)

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def text_bytes(self) -> int:
        """Bytes of all shapes."""
        return self._text_bytes

    @property
    def slots(self) -> IntArray:
        """Number of slots by shape number, int64[N+1]; 0 for number 0 and for numbers not in use."""
        return self._slots

    def static(self, number: int) -> bytes:
        """The shape's bytes. Raises KeyError for a number that no shape has."""
        found = self._statics[number] if 0 <= number < len(self._statics) else None
        if found is None:
            raise KeyError(f"there is no shape {number}")
        return found

    def numbers(self, statics: Sequence[bytes]) -> IntArray:
        """The shape number of each line; shapes seen for the second time get one, 0: kept as text."""
        self.keep_fresh()
        found = np.fromiter(map(self._numbers.get, statics, repeat(_UNKNOWN)), np.int64, count=len(statics))
        unknown = np.flatnonzero(found == _UNKNOWN).tolist()
        if unknown:
            times = Counter([statics[at] for at in unknown])
            found[unknown] = [self._promoted(statics[at], times) for at in unknown]
        return found

    def number_of(self, static: bytes) -> int:
        """The number of this shape, 0 when it has none."""
        return self._numbers.get(static, 0)

    def seen_by(self, reader: Reader) -> ShapesSeen:
        """The shapes for queries over the reader's snapshot."""
        return ShapesSeen(self.search, WordIndex(reader))

    def fresh(self) -> list[tuple[int, bytes]]:
        """(number, shape) of the shapes that have to be written with the lines that use them.

        Call keep_fresh() once they are committed, forget_fresh() when they are not."""
        self._given += self._unwritten
        self._unwritten = []
        return [(number, self.static(number)) for number in self._given]

    def keep_fresh(self) -> None:
        """What fresh() gave was committed. numbers() takes that for granted too."""
        self._given = []

    def forget_fresh(self) -> None:
        """What fresh() gave was not committed: it will give them again.

        The shapes keep their numbers, for frames of unsealed lines may use them already."""
        self._unwritten = self._given + self._unwritten
        self._given = []

    def load(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Take in shapes as they were written; those known already are passed over."""
        empty = len(self._statics) == 1
        for number, static in rows:
            if number >= len(self._statics) or self._statics[number] is None:
                self._place(number, static)
        if empty:
            # Only now: later on a number that a shape has left may still be known to someone.
            self._free = [number for number, static in enumerate(self._statics) if static is None]

    def remove(self, numbers: Iterable[int]) -> None:
        """Give up shapes that no line uses any more.

        Their text can be read until the next remove(), for queries that began before."""
        gone = [
            number
            for number in numbers
            if 0 < number < len(self._statics)
            and (static := self._statics[number]) is not None
            and self._numbers.get(static) == number
        ]
        for number in gone:
            static = self.static(number)
            del self._numbers[static]
            self._text_bytes -= len(static)
        self.index.remove(self._leaving)
        for number in self._leaving:
            self._statics[number] = None
            self._room[number] = 0
        self._leaving = gone
        leaving = set(gone)
        self._unwritten = [number for number in self._unwritten if number not in leaving]
        self._given = [number for number in self._given if number not in leaving]

    def _promoted(self, static: bytes, times: Counter[bytes]) -> int:
        number = self._numbers.get(static)
        if number is not None:
            return number
        if len(static) > STATIC_BYTES_MOST:
            return 0
        if times[static] < 2:
            code = hash(static)
            at = code & _SEEN_MASK
            if self._seen[at] != code:
                self._seen[at] = code
                return 0
        if (
            len(self._numbers) >= self._shapes_most
            or self._text_bytes + len(static) > self._text_bytes_most
            or static.count(SLOT) > SLOTS_MOST
        ):
            return 0
        number = self._free.pop() if self._free else len(self._statics)
        self._place(number, static)
        self._unwritten.append(number)
        return number

    def _place(self, number: int, static: bytes) -> None:
        missing = number + 1 - len(self._statics)
        if missing > 0:
            self._statics.extend(repeat(None, missing))
            if number >= len(self._room):
                self._room = np.concatenate([self._room, np.zeros(number + 1, np.int64)])
        self._statics[number] = static
        self._room[number] = static.count(SLOT)
        self._slots = self._room[: len(self._statics)]
        self._text_bytes += len(static)
        self._numbers[static] = number
        self.index.add(number)
