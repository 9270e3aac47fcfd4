"""The texts of all shapes, joined, so that one find() goes through every shape.

Shapes stand in the order in which they came; `numbers` tells which they are. Texts are made when a
query first needs them."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from hantu.store.sqlite.batch import ByteArray, IntArray
from hantu.store.sqlite.shape_text import ShapeText, shape_text


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines ended by newlines, with NUL for slots. starts[i] is where line i begins, with an end after
    the last; slots are the places of the NULs."""

    text: bytes
    starts: IntArray
    slots: IntArray

    @classmethod
    def of(cls, lines: Iterable[bytes]) -> Lines:
        """These lines, joined."""
        return cls.of_text(b"".join([line + b"\n" for line in lines]))

    @classmethod
    def of_text(cls, text: bytes) -> Lines:
        """The lines of a text, each ended by a newline."""
        octets = np.frombuffer(text, np.uint8)
        starts = np.concatenate([[0], np.flatnonzero(octets == 10) + 1]).astype(np.int64)
        return cls(text, starts, np.flatnonzero(octets == 0))

    def followed_by(self, more: Lines) -> Lines:
        """These lines and then the others."""
        size = len(self.text)
        return Lines(
            self.text + more.text,
            np.concatenate([self.starts, more.starts[1:] + size]),
            np.concatenate([self.slots, more.slots + size]),
        )

    def lines(self) -> list[bytes]:
        """The lines without their newlines."""
        return self.text.split(b"\n")[:-1]

    def holding(self, pattern: bytes, first: int) -> Iterator[int]:
        """The lines from `first` on in which `pattern` stands, each once."""
        find, text, starts = self.text.find, self.text, self.starts
        at = find(pattern, int(starts[first]))
        if at < 0:
            return
        bounds = starts.tolist()
        while at >= 0:
            line = bisect_right(bounds, at) - 1
            yield line
            at = text.find(pattern, bounds[line + 1])

    def find_all(self, pattern: bytes, first: int = 0) -> IntArray:
        """Where `pattern` stands, also overlapping itself, in the lines from `first` on."""
        find = self.text.find
        found: list[int] = []
        at = find(pattern, int(self.starts[first]))
        while at >= 0:
            found.append(at)
            at = find(pattern, at + 1)
        return np.array(found, np.int64)

    def rows_of(self, places: IntArray) -> IntArray:
        """The line of each place."""
        return np.searchsorted(self.starts, places, "right") - 1

    def places(self, pattern: bytes, first: int) -> tuple[IntArray, IntArray]:
        """(line, number of the first slot at or after the beginning of the place within its line) of
        each place of `pattern`, also overlapping ones, in the lines from `first` on."""
        found = self.find_all(pattern, first)
        lines = self.rows_of(found)
        before = np.searchsorted(self.slots, self.starts[lines])
        return lines, np.searchsorted(self.slots, found) - before


@dataclass(frozen=True, slots=True)
class ShapeTexts:
    """The texts of some shapes: row i is the shape numbers[i]; loose[i] says why its texts may not be
    the whole truth (shape_text.Loose). Rows of a later ShapeTexts of the same epoch are the same."""

    epoch: int
    numbers: IntArray
    folded: Lines
    words: Lines
    loose: ByteArray

    def __len__(self) -> int:
        return len(self.numbers)


class ShapeIndex:
    """Makes ShapeTexts as shapes come and go; safe in any thread."""

    def __init__(self, static: Callable[[int], bytes]) -> None:
        self._static = static
        self._lock = threading.Lock()
        self._waiting: list[int] = []
        self._texts = _joined(0, [], [])

    def add(self, number: int) -> None:
        """A shape has come; its text can be asked for from now on."""
        with self._lock:
            self._waiting.append(number)

    def remove(self, numbers: Iterable[int]) -> None:
        """Shapes have gone."""
        gone = set(numbers)
        if not gone:
            return
        with self._lock:
            self._waiting = [number for number in self._waiting if number not in gone]
            old = self._texts
            stays = np.flatnonzero(~np.isin(old.numbers, list(gone)))
            folded, words = old.folded.lines(), old.words.lines()
            self._texts = ShapeTexts(
                old.epoch + 1,
                old.numbers[stays],
                Lines.of(folded[at] for at in stays.tolist()),
                Lines.of(words[at] for at in stays.tolist()),
                old.loose[stays],
            )

    def texts(self) -> ShapeTexts:
        """The texts of all shapes there are."""
        if not self._waiting:
            return self._texts
        with self._lock:
            old, numbers = self._texts, self._waiting
            more = _joined(old.epoch, numbers, [shape_text(self._static(number)) for number in numbers])
            self._texts = ShapeTexts(
                old.epoch,
                np.concatenate([old.numbers, more.numbers]),
                old.folded.followed_by(more.folded),
                old.words.followed_by(more.words),
                np.concatenate([old.loose, more.loose]),
            )
            self._waiting = []
            return self._texts


def _joined(epoch: int, numbers: list[int], texts: list[ShapeText]) -> ShapeTexts:
    return ShapeTexts(
        epoch,
        np.array(numbers, np.int64),
        Lines.of(each.folded for each in texts),
        Lines.of(each.words for each in texts),
        np.array([each.loose for each in texts], np.uint8),
    )
