"""What queries ask of all shapes at once: their folded texts, joined, so that one find() goes through
every shape; and which of them are loose. Both are made when a query first needs them.

Texts stand in the order in which shapes came; `numbers` tells which they are."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hantu.store.sqlite.batch import ByteArray, IntArray
from hantu.store.sqlite.shape_text import Loose, folded_text, looseness, unusual_places

ALL_LOOSE: Final = int(Loose.TEXT | Loose.WORDS | Loose.CASE)


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines ended by newlines. starts[i] is where line i begins, with an end after the last."""

    text: bytes
    starts: IntArray

    @classmethod
    def of(cls, lines: Iterable[bytes]) -> Lines:
        """These lines, joined."""
        return cls.of_text(b"".join([line + b"\n" for line in lines]))

    @classmethod
    def of_text(cls, text: bytes) -> Lines:
        """The lines of a text, each ended by a newline."""
        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
        return cls(text, np.concatenate([[0], ends + 1]).astype(np.int64))

    @classmethod
    def folded(cls, lines: Sequence[bytes]) -> Lines:
        """The folded texts of these shapes: of all at once where folding makes ASCII letters small."""
        text = b"\n".join([*lines, b""])
        places = unusual_places(text)
        if len(places):
            folded = [*lines]
            for at in np.unique(np.searchsorted(_ends(lines), places, "right")).tolist():
                folded[at] = folded_text(lines[at])
            lines, text = folded, b"\n".join([*folded, b""])
        return cls(text.lower(), np.append(0, _ends(lines)))

    def followed_by(self, more: Lines) -> Lines:
        """These lines and then the others."""
        return Lines(self.text + more.text, np.concatenate([self.starts, more.starts[1:] + len(self.text)]))

    def lines(self) -> list[bytes]:
        """The lines without their newlines."""
        return self.text.split(b"\n")[:-1]

    def holding(self, pattern: bytes) -> Iterator[int]:
        """The lines in which `pattern` stands, each once, ascending."""
        find = self.text.find
        at = find(pattern)
        if at < 0:
            return
        bounds = self.starts.tolist()
        while at >= 0:
            line = bisect_right(bounds, at) - 1
            yield line
            at = find(pattern, bounds[line + 1])


@dataclass(frozen=True, slots=True)
class ShapeTexts:
    """The folded texts of some shapes: line i is that of the shape numbers[i]."""

    numbers: IntArray
    folded: Lines

    def __len__(self) -> int:
        return len(self.numbers)

    def holding(self, pattern: bytes) -> IntArray:
        """The shapes in whose text `pattern` stands, ascending."""
        return np.sort(self.numbers[np.fromiter(self.folded.holding(pattern), np.int64)])


class ShapeIndex:
    """Keeps up with shapes as they come and go; safe in any thread."""

    def __init__(self, static: Callable[[int], bytes]) -> None:
        self._static = static
        self._lock = threading.Lock()
        self._without_text: list[int] = []
        self._not_judged: list[int] = []
        self._texts = ShapeTexts(np.zeros(0, np.int64), Lines.of([]))
        self._loose: ByteArray = np.zeros(1, np.uint8)

    def add(self, number: int) -> None:
        """A shape has come; it can be asked for from now on."""
        with self._lock:
            self._without_text.append(number)
            self._not_judged.append(number)

    def remove(self, numbers: Iterable[int]) -> None:
        """Shapes have gone."""
        gone = set(numbers)
        if not gone:
            return
        with self._lock:
            self._without_text = [number for number in self._without_text if number not in gone]
            self._not_judged = [number for number in self._not_judged if number not in gone]
            old = self._texts
            stays = np.flatnonzero(~np.isin(old.numbers, list(gone)))
            folded = old.folded.lines()
            self._texts = ShapeTexts(old.numbers[stays], Lines.of(folded[at] for at in stays.tolist()))

    def texts(self) -> ShapeTexts:
        """The texts of all shapes there are."""
        if not self._without_text:
            return self._texts
        with self._lock:
            old, numbers = self._texts, self._without_text
            more = ShapeTexts(np.array(numbers, np.int64), Lines.folded([*map(self._static, numbers)]))
            self._texts = ShapeTexts(
                np.concatenate([old.numbers, more.numbers]), old.folded.followed_by(more.folded)
            )
            self._without_text = []
            return self._texts

    def loose(self) -> ByteArray:
        """shape_text.Loose by shape number; of a number that never had a shape everything, of 0 nothing."""
        if not self._not_judged:
            return self._loose
        with self._lock:
            old, numbers = self._loose, self._not_judged
            loose = np.full(max(len(old), max(numbers, default=0) + 1), ALL_LOOSE, np.uint8)
            loose[: len(old)] = old
            loose[numbers] = [looseness(self._static(number)) for number in numbers]
            self._loose, self._not_judged = loose, []
            return loose


def _ends(lines: Sequence[bytes]) -> IntArray:
    """Behind the newline of each line, joined."""
    return np.cumsum(np.fromiter(map(len, lines), np.int64, len(lines)) + 1)
