"""Tokens of a filter for parts of words: any three of [a-z0-9] in a row with a digit among them.

Random hexadecimal digits have all of them within few lines, other values and lines of text few: so what
is sought in the middle of an id is seldom looked for elsewhere. Letters alone are left to the words."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import numpy as np

from hantu.store.sqlite.batch import BoolArray, ByteArray, IntArray
from hantu.store.sqlite.fields import octets, positions
from hantu.store.sqlite.filter import (
    GramHash,
    HashArray,
    joined_hash,
    joined_hashes,
    token_hash,
    token_hashes,
)

SIZE: Final = 3
MOST: Final = 8_192
"""A segment with more different ones has none in its filter: most would be found there."""
_ASKED_MOST: Final = 3
_CHARACTERS: Final = b"0123456789abcdefghijklmnopqrstuvwxyz"
_BASE: Final = len(_CHARACTERS) + 1
_DIGITS: Final = 10
_RUN: Final = re.compile(rb"[a-z0-9]{3,}")
_DIGIT: Final = re.compile(rb"[0-9]")
_NAME: Final = token_hash(b"gram")
_NAMES: Final = np.array([_NAME], np.uint64)


def _numbers() -> bytes:
    """By character its place in _CHARACTERS, from 1 on, capitals as small letters; 0: none."""
    table = bytearray(256)
    for number, character in enumerate(_CHARACTERS, 1):
        table[character] = table[ord(chr(character).upper())] = number
    return bytes(table)


def _valid() -> BoolArray:
    """Which numbers of three characters are of a gram."""
    one = np.arange(_BASE**SIZE)
    places = np.array([one // _BASE**2, one // _BASE % _BASE, one % _BASE])
    return np.asarray((places > 0).all(0) & (places <= _DIGITS).any(0))


_NUMBERS: Final = _numbers()
_VALID: Final = _valid()


class Grams:
    """The grams of a segment, collected from one text after the other."""

    def __init__(self) -> None:
        self._there = np.zeros(_BASE**SIZE, np.bool_)

    def add(self, text: bytes) -> None:
        """Those of a text in UTF-8."""
        self._add(octets(text.translate(_NUMBERS)))

    def add_pieces(self, text: bytes, lengths: IntArray) -> None:
        """Those of the pieces of these lengths that stand one after the other."""
        apart = np.zeros(len(text) + len(lengths), np.uint8)
        index = np.arange(len(text)) + np.repeat(np.arange(len(lengths)), lengths)
        apart[index] = octets(text.translate(_NUMBERS))
        self._add(apart)

    def hashes(self) -> HashArray | None:
        """Of all; None when they are too many."""
        found = np.flatnonzero(self._there & _VALID)
        if len(found) > MOST:
            return None
        characters = np.array([0, *_CHARACTERS], np.uint8)
        text = np.stack([characters[found // _BASE ** (SIZE - 1 - at) % _BASE] for at in range(SIZE)], 1)
        sizes = np.full(len(found), SIZE, np.int64)
        return joined_hashes(token_hashes(text.tobytes(), positions(sizes), sizes), _NAMES)

    def _add(self, numbers: ByteArray) -> None:
        # Below 0x10000: _BASE cubed is 50,653.
        wide = numbers.astype(np.uint16)
        self._there[(wide[:-2] * np.uint16(_BASE) + wide[1:-1]) * np.uint16(_BASE) + wide[2:]] = True


@lru_cache(maxsize=256)
def gram_hashes(text: bytes) -> tuple[int, ...]:
    """Hashes of grams of a folded text that is sought, () when it has none; first those that are rare."""
    grams = dict.fromkeys(
        run[at : at + SIZE] for run in _RUN.findall(text) for at in range(len(run) - SIZE + 1)
    )
    # Numbers of three digits are in most texts, letters between digits in few.
    chosen = sorted(filter(_DIGIT.search, grams), key=lambda gram: (gram.isdigit(), gram[1:2].isdigit()))
    return tuple(GramHash(joined_hash(token_hash(gram), _NAME)) for gram in chosen[:_ASKED_MOST])
