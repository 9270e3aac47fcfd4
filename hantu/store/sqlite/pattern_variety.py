"""Which words of alike texts vary, in arrays: ten thousand texts at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np

from hantu.store.pattern_families import SLOT, VARIETY, VARIETY_OF_VALUES, WORDS_MOST, WORDY, settle
from hantu.store.sqlite.batch import IntArray

_FACTORS: Final = np.random.default_rng(20_261_121).integers(1, 1 << 62, WORDS_MOST) * 2 + 1
"""A row times these is its hash."""


def variable(words: Sequence[Sequence[bytes]]) -> list[frozenset[int]]:
    """Which words of some texts vary, as pattern_families says. words: texts × places."""
    rows = _Rows(words)
    settle(rows)
    places = [frozenset(np.flatnonzero(row).tolist()) for row in rows.wild]
    return [places[row] for row in rows.of_text.tolist()]


class _Rows:
    """Different texts of as many words. words: the number of each, 0 where it varies. of_text: the row
    that each text has come to. opened: how often places were."""

    def __init__(self, words: Sequence[Sequence[bytes]]) -> None:
        flat = list(chain.from_iterable(words))
        numbers = {word: number for number, word in enumerate(dict.fromkeys(chain([SLOT], flat)))}
        found = np.fromiter(map(numbers.__getitem__, flat), np.int64, count=len(flat))
        self.words = found.reshape(len(words), len(words[0]))
        self.wild = np.zeros(self.words.shape, np.bool_)
        self.of_text = np.arange(len(words))
        self.opened = 0
        self._wordy = np.array([WORDY.search(word) is not None for word in numbers])
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
