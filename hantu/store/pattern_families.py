"""Patterns that are alike are one family: their texts differ in a few words that vary much.

`status installed nginx:‹› ‹›` and 300 more with other packages become `status installed ‹› ‹›`. The way
of Drain (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017), said
without a tree, so that the order of the lines does not matter: among texts of as many words, a place is
variable where at least VARIETY different words stand between words that are the same. At least half of
the words of a text always stay, so that what happened is never folded away, only to whom.

A text is UTF-8 in which 0x00 stands for a value and 0xFF for a newline (and 0xFD for a NUL)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

SLOT: Final = b"\0"
VARIETY: Final = 8
"""With fewer different words a person would rather see each."""
VARIETY_OF_VALUES: Final = 2
"""Among words that begin with a value: `‹›~‹›` and `‹›+dfsg-‹›` are versions, whatever is in between."""
WORDS_MOST: Final = 60
_ROUNDS: Final = 4
_NEWLINE: Final = b"\xff"
_NUL: Final = b"\xfd"
_KEY_ENDS: Final = b"=\xfe "
"""What follows `key=` is a word of its own. No text has the byte 0xFE."""
_ONE_VALUE: Final = re.compile(rb"\0(?:[.:/_,+-]?\0)+")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]*m")
_WORDY: Final = re.compile(rb"[A-Za-z]{2}|[\xc2-\xf4]")
_FACTORS: Final = np.random.default_rng(20_261_121).integers(1, 1 << 62, WORDS_MOST) * 2 + 1

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Families:
    """family: of each text, a number. texts: of each family, with a slot wherever its members differ.
    wild: the places of words which differ, by family."""

    family: IntArray
    texts: list[bytes]
    wild: list[frozenset[int]]


def text_of(parts: Sequence[str]) -> bytes:
    """The text of a pattern without terminal colours. parts: what stands around its values."""
    pieces = (_COLOUR.sub("", part).encode().replace(SLOT, _NUL) for part in parts)
    return seen(SLOT.join(pieces).replace(b"\n", _NEWLINE))


def parts_of(text: bytes) -> tuple[str, ...]:
    """What stands around the values of a text."""
    pieces = text.split(SLOT)
    return tuple(piece.replace(_NUL, b"\0").replace(_NEWLINE, b"\n").decode() for piece in pieces)


def seen(text: bytes) -> bytes:
    """A text, or many, as a person sees it: values with a sign between them are one."""
    return _ONE_VALUE.sub(SLOT, text)


def families(texts: Sequence[bytes]) -> Families:
    """Put texts that are alike into families; each was made by seen()."""
    numbers: dict[bytes, int] = {}
    of_text = [numbers.setdefault(text, len(numbers)) for text in texts]
    distinct = list(numbers)
    common = list(distinct)
    wild: list[frozenset[int]] = [frozenset()] * len(distinct)
    for members, words in _by_length(distinct):
        varies = _variable(words)
        for row in np.flatnonzero(varies.any(1)).tolist():
            places = np.flatnonzero(varies[row]).tolist()
            common[members[row]] = masked(words[row], places)
            wild[members[row]] = frozenset(places)
    found: dict[bytes, int] = {}
    of_distinct = [found.setdefault(text, len(found)) for text in common]
    places_of: list[frozenset[int]] = [frozenset()] * len(found)
    for family, own in zip(of_distinct, wild, strict=True):
        places_of[family] |= own
    of_each = np.array([of_distinct[number] for number in of_text], np.int64)
    return Families(of_each, list(found), places_of)


def masked(words: Sequence[bytes], places: Iterable[int]) -> bytes:
    """The text of these words, a slot at each of these places."""
    text = list(words)
    for place in places:
        text[place] = SLOT
    return b" ".join(text).replace(_KEY_ENDS, b"=")


def _words(text: bytes) -> list[bytes]:
    return text.replace(b"=", _KEY_ENDS).split(b" ")


class Matcher:
    """Tells which of some families a text is of."""

    def __init__(self, found: Families, wanted: Iterable[int]) -> None:
        self._of_mask: dict[int, dict[frozenset[int], dict[bytes, int]]] = {}
        self.texts: dict[int, bytes] = {}
        for family in wanted:
            text = self.texts[family] = found.texts[family]
            masks = self._of_mask.setdefault(_gaps(text), {})
            # Also as it stands: a family may have members in which nothing varies.
            for mask in {frozenset[int](), found.wild[family]}:
                masks.setdefault(mask, {})[text] = family

    def __bool__(self) -> bool:
        return bool(self.texts)

    def family(self, text: bytes) -> int | None:
        """The family of a text that was made by seen(), None when it is of none."""
        masks: Mapping[frozenset[int], Mapping[bytes, int]] = self._of_mask.get(_gaps(text), {})
        words = _words(text)
        for mask, known in masks.items():
            family = known.get(masked(words, mask) if mask else text)
            if family is not None:
                return family
        return None

    def drop(self, family: int) -> None:
        """Look for this family no longer."""
        text = self.texts.pop(family)
        for known in self._of_mask[_gaps(text)].values():
            known.pop(text, None)


def _gaps(text: bytes) -> int:
    return text.count(b" ") + text.count(b"=")


def _by_length(texts: Sequence[bytes]) -> Iterable[tuple[list[int], list[list[bytes]]]]:
    """The texts of one line that have as many words: their places, and the words of each."""
    lots: dict[int, tuple[list[int], list[list[bytes]]]] = {}
    for at, text in enumerate(texts):
        gaps = _gaps(text)
        if gaps < WORDS_MOST and _NEWLINE not in text:
            members, words = lots.setdefault(gaps, ([], []))
            members.append(at)
            words.append(_words(text))
    return [lot for lot in lots.values() if len(lot[0]) >= VARIETY_OF_VALUES]


def _variable(words: Sequence[Sequence[bytes]]) -> BoolArray:
    """Which words of some texts vary. words: texts × places, as many in each text."""
    rows = _Rows(words)
    for _ in range(_ROUNDS):
        before = rows.opened
        for place in rows.places():
            rows.open(place)
        rows.absorb()
        if rows.opened == before:
            break
    return rows.wild[rows.of_text]


class _Rows:
    """Different texts of as many words. words: the number of each, 0 where it varies. of_text: the row
    that each text has come to. opened: how often places were."""

    def __init__(self, words: Sequence[Sequence[bytes]]) -> None:
        numbers: dict[bytes, int] = {SLOT: 0}
        flat = [numbers.setdefault(word, len(numbers)) for text in words for word in text]
        self.words = np.array(flat, np.int64).reshape(len(words), len(words[0]))
        self.wild = np.zeros(self.words.shape, np.bool_)
        self.of_text = np.arange(len(words))
        self.opened = 0
        self._wordy = np.array([_WORDY.search(word) is not None for word in numbers])
        self._values = np.array([word.startswith(SLOT) for word in numbers])
        self._least = np.maximum(1, (self._wordy[self.words].sum(1) + 1) // 2)
        self._factors = _FACTORS[: self.words.shape[1]]

    def places(self) -> list[int]:
        """Where the most different words stand comes first."""
        many = [np.count_nonzero(np.bincount(column)) for column in self.words.T]
        return sorted(range(len(many)), key=lambda place: (-many[place], place))

    def open(self, place: int) -> None:
        """Let a place vary where enough different words stand between the same ones."""
        stays = self._wordy[self.words]
        stays[:, place] = False
        rows = np.flatnonzero(stays.sum(1) >= self._least)
        if len(rows) < VARIETY_OF_VALUES:
            return
        own = self.words[rows, place]
        others = self.words[rows] @ self._factors - own * self._factors[place]
        order = np.argsort(others)
        rows, own, others = rows[order], own[order], others[order]
        starts = np.flatnonzero(np.concatenate(([True], others[1:] != others[:-1])))
        # Rows are different: those of a group differ here.
        many = np.diff(starts, append=len(rows))
        varied = np.logical_or.reduceat(self.wild[rows, place], starts)
        values = np.logical_and.reduceat(self._values[own], starts)
        enough = many >= np.where(values, VARIETY_OF_VALUES, VARIETY)
        self._open(rows[np.repeat((enough | varied) & (many > 1), many)], [place])

    def absorb(self) -> None:
        """Put texts under those of which they are a case."""
        masks = np.unique(self.wild[self.wild.any(1)], axis=0)
        for mask in sorted(masks.tolist(), key=lambda each: (sum(each), each)):
            own = np.array(mask, np.bool_)
            same = (self.wild == own).all(1)
            keys = np.where(own, 0, self.words) @ self._factors
            within = ~same & ~(self.wild & ~own).any(1) & np.isin(keys, keys[same])
            self._open(np.flatnonzero(within), np.flatnonzero(own).tolist())

    def _open(self, rows: IntArray, places: Sequence[int]) -> None:
        if not len(rows):
            return
        self.opened += 1
        for place in places:
            self.wild[rows, place] = True
            self.words[rows, place] = 0
        _, first, row = np.unique(self.words @ self._factors, return_index=True, return_inverse=True)
        wild = np.zeros((len(first), self.wild.shape[1]), np.bool_)
        least = np.zeros(len(first), np.int64)
        np.logical_or.at(wild, row, self.wild)
        np.maximum.at(least, row, self._least)
        self.words, self.wild, self._least = self.words[first], wild, least
        self.of_text = row[self.of_text]
