"""The column WORDS: which lines without a shape have which words, so that a search for words reads
none of these lines.

A row is a line without a shape, counted in group order. A word is an index token (hantu.text) without
a digit 0 to 9; of a token with one there is what stands before its first digit, with 0 behind it.

    nothing at all                              not known: it would take too much space
    number of rows                              8 bytes
    words                                       text: sorted as bytes, a newline behind each
    counts                                      array: in how many rows each word stands
    steps                                       array: of each word its first row, then how many rows lie
                                                between one and the next

Counts and steps are sections of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hantu import text
from hantu.store.sqlite.batch import BoolArray, IntArray
from hantu.store.sqlite.escape import unescape_lines
from hantu.store.sqlite.fields import FieldReader, FieldWriter, octets, positions
from hantu.store.sqlite.grouping import stable_order

KEPT_BYTES: Final = 16 * 1024 * 1024
"""Memory for the words of sealed lines; a block of 32 segments takes some 300 kB."""

_MOST_SHARE: Final = 32
"""The column takes at most 1/32 of its segment's text, before it is packed: text that never repeats has
more words than are worth keeping twice. With 1/64 the first segments of a file had none, in which no
shape is known yet, and each of them took as long to search as thirty others."""
_LEAST_BYTES: Final = 1024
_ESC: Final = b"\x1b"
_DIGIT: Final = re.compile("[0-9]")
_NEWLINE: Final = ord("\n")


def _table() -> bytes:
    """Small letters, 0 for every digit, blanks between tokens: also for the newlines and NULs of a
    message. Terminal sequences and what is not ASCII stay."""
    table = bytearray(range(0x100))
    for code in range(0x80):
        character = chr(code).lower() if chr(code).isalpha() else "0" if chr(code).isdigit() else " "
        table[code] = ord(character)
    table[_ESC[0]] = _ESC[0]
    for escape in b"\xff\xfd":
        table[escape] = ord(" ")
    return bytes(table)


_FOLDED: Final = _table()

RowArray = NDArray[np.uint16] | NDArray[np.int32]


def write_words(plain: bytes, rows: int, text_bytes: int) -> bytes:
    """The raw column. plain: the column PLAIN, of so many rows. text_bytes: of the segment's lines."""
    most = max(_LEAST_BYTES, text_bytes // _MOST_SHARE)
    numbers = _Numbers()
    sizes: list[int] = []
    named: list[int] = []
    for line in plain.split(b"\n") if rows else ():
        here = numbers.of_line(line)
        sizes.append(len(here))
        named.extend(here)
        if len(named) > most:
            return b""
    words = numbers.words
    if len(named) + sum(map(len, words)) + 2 * len(words) > most:
        return b""
    order = sorted(range(len(words)), key=words.__getitem__)
    rank = np.empty(len(words), np.int64)
    rank[order] = np.arange(len(words))
    ranks = rank[np.array(named, np.int64)]
    counts = np.bincount(ranks, minlength=len(words))
    found = np.repeat(np.arange(len(sizes)), sizes)[stable_order(ranks)]
    steps = np.diff(found, prepend=0) - 1
    first = positions(counts)
    steps[first] = found[first]
    out = FieldWriter()
    out.number(rows)
    out.text(b"".join([words[number] + b"\n" for number in order]))
    out.cut()
    out.array(counts)
    out.cut()
    out.array(steps)
    return out.raw()


class _Numbers(dict[bytes, int]):
    """By run the number of its word, of which each has one from 0 on; −1: a run of digits, no word.

    words: by number. What a run is without what is behind its first digit is found out once: lines
    without a shape share most of their words."""

    def __init__(self) -> None:
        super().__init__({b"0": -1})
        self.words: list[bytes] = []

    def __missing__(self, run: bytes) -> int:
        digit = run.find(b"0") + 1
        if 0 < digit < len(run):
            number = self[run[:digit]]
        else:
            number = len(self.words)
            self.words.append(run)
        self[run] = number
        return number

    def of_line(self, line: bytes) -> set[int]:
        """The words of an escaped line."""
        folded = line.translate(_FOLDED)
        if folded.isascii() and _ESC not in folded:
            found = set(map(self.__getitem__, folded.split()))
            found.discard(-1)
            return found
        (message,) = unescape_lines(line, 1)
        return {self[word.encode()] for word in map(_word, text.tokens(message)) if word}


def _word(token: str) -> str:
    digit = _DIGIT.search(token)
    if digit is None:
        return token
    return f"{token[: digit.start()]}0" if digit.start() else ""


def tells(needle: text.Needle) -> bool:
    """Whether words say anything about a needle."""
    return not all(_DIGIT.search(token) for token in needle.tokens)


@dataclass(frozen=True, slots=True)
class Words:
    """One segment's column. rows: how many. words: a newline behind each. counts: int64, by word.
    found: int64, the rows of each word, ascending, one word after the other."""

    rows: int
    words: bytes
    counts: IntArray
    found: IntArray

    @classmethod
    def read(cls, raw: bytes) -> Words | None:
        """The words of a raw column, None when it knows nothing. Raises ValueError when it is damaged."""
        if not raw:
            return None
        reader = FieldReader(raw)
        rows, words = reader.number(), reader.text()
        counts, steps = reader.array(), reader.array()
        if words.count(b"\n") != len(counts) or int(counts.sum()) != len(steps):
            raise ValueError("words are missing")
        # One sum over all: what it was before a word began is taken away again.
        sums = np.cumsum(steps + 1)
        found = sums - 1 - np.repeat(np.append(0, sums)[positions(counts)], counts)
        if len(found) and int(found.max()) >= rows:
            raise ValueError("a word in a line that is not there")
        return cls(rows, words, counts, found)


class PlainWords:
    """The words of a block's plain lines. A row here counts through all segments that know theirs.

    groups: by row the number of its group among the groups of the block, ascending. named: each of these
    once; begins: its first row. starts: where each segment's rows begin, with an end."""

    __slots__ = ("_bounds", "_ends", "_rows", "_words", "begins", "groups", "named", "starts")

    def __init__(self, segments: Sequence[Words | None], groups: Sequence[IntArray]) -> None:
        """groups: of each segment those of its plain lines, by row; a segment with another number of
        rows is left out."""
        known = [
            (words, own) if words is not None and words.rows == len(own) else None
            for words, own in zip(segments, groups, strict=True)
        ]
        there = [each for each in known if each is not None]
        none = np.zeros(0, np.int64)
        self.starts = np.cumsum([0, *(len(each[1]) if each else 0 for each in known)], dtype=np.int64)
        self.groups = np.concatenate([none, *(own for _, own in there)]).astype(np.int32)
        self.begins = np.flatnonzero(np.diff(self.groups, prepend=-1))
        self.named = self.groups[self.begins]
        # Segments share most of their words: each stands here once, with its rows in all of them.
        numbers: dict[bytes, int] = {}
        named = [
            numbers.setdefault(word, len(numbers))
            for words, _ in there
            for word in words.words.split(b"\n")[:-1]
        ]
        self._words = b"\n".join([b"", *numbers, b""])
        self._ends = np.flatnonzero(octets(self._words) == _NEWLINE).astype(np.int32)
        bases = positions(np.array([words.rows for words, _ in there], np.int64))
        rows = np.concatenate(
            [none, *(words.found + base for (words, _), base in zip(there, bases.tolist(), strict=True))]
        )
        counts = np.concatenate([none, *(words.counts for words, _ in there)])
        of_row = np.repeat(np.array(named, np.int64), counts)
        rows = rows[stable_order(of_row)]
        few = len(self.groups) <= 1 << 16
        self._rows: RowArray = rows.astype(np.uint16) if few else rows.astype(np.int32)
        sizes = np.bincount(of_row, minlength=len(numbers))
        self._bounds = np.append(0, np.cumsum(sizes)).astype(np.int32)

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        arrays = (self.groups, self.begins, self.named, self._ends, self._bounds, self._rows)
        return len(self._words) + sum(each.nbytes for each in arrays)

    def of_needle(self, needle: text.Needle) -> tuple[BoolArray, bool]:
        """(the rows that have all its words, whether it is found in all of these); it is in no others."""
        last = len(needle.tokens) - 1
        found: BoolArray | None = None
        for at, token in enumerate(needle.tokens):
            if _DIGIT.search(token):
                continue
            own = self._with(token.encode(), is_open=needle.open and at == last)
            found = own if found is None else found & own
            if not own.any():
                break
        if found is None:
            found = np.ones(len(self.groups), np.bool_)
        return found, not last and tells(needle)

    def _with(self, word: bytes, *, is_open: bool) -> BoolArray:
        words, sought = self._words, b"\n" + word + (b"" if is_open else b"\n")
        found = np.zeros(len(self.groups), np.bool_)
        place = words.find(sought)
        while place >= 0:
            at = int(np.searchsorted(self._ends, place))
            found[self._rows[self._bounds[at] : self._bounds[at + 1]]] = True
            place = words.find(sought, place + 1) if is_open else -1
        return found
