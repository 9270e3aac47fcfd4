"""Where the tokens of a folded text stand, found for a whole text at once.

The same tokens as hantu.text.tokens() gives; tests compare them."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hantu import text
from hantu.store.sqlite.batch import ByteArray, IntArray
from hantu.store.sqlite.fields import positions

_PLANE: Final = 0x10000
_ASCII: Final = 0x80
_WORD: Final = 1
_CJK: Final = 2


@cache
def _kinds() -> ByteArray:
    """By character below 0x10000: 0 no part of a token, 1 of a word, 2 of a CJK run."""
    kinds = np.zeros(_PLANE, np.uint8)
    for code in range(_PLANE):
        kinds[code] = _kind(chr(code))
    return kinds


def _kind(character: str) -> int:
    if not character.isalnum() and not text.is_cjk(character):
        return 0
    return _CJK if text.is_cjk(character) else _WORD


def _kinds_of(codes: NDArray[np.uint32]) -> ByteArray:
    kinds = _kinds()[np.minimum(codes, _PLANE - 1)]
    for at in np.flatnonzero(codes >= _PLANE).tolist():
        kinds[at] = _kind(chr(int(codes[at])))
    return kinds


def token_places(folded: str, ascii_least: int) -> tuple[IntArray, IntArray]:
    """(begin, length), in bytes of its UTF-8, of the tokens of a folded text, in no order; of those that
    are ASCII only the ones with `ascii_least` characters or more."""
    codes = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), "<u4")
    sizes = 1 + (codes >= _ASCII).astype(np.int64) + (codes >= 0x800) + (codes >= _PLANE)
    begins = positions(sizes)
    kinds = np.zeros(len(codes) + 1, np.uint8)
    kinds[:-1] = _kinds_of(codes)
    is_cjk = kinds == _CJK
    cjk = np.flatnonzero(is_cjk)
    # A pair of characters, or at the end of a run one.
    after = is_cjk[cjk + 1]
    second = np.append(sizes, 0)[cjk + 1]
    lengths = sizes[cjk] + np.where(after, second, 0)
    inside = np.zeros(len(codes) + 2, np.bool_)
    inside[1:-1] = kinds[:-1] == _WORD
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    first, end = edges[0::2], edges[1::2]
    ends = np.append(begins, int(sizes.sum()))
    words = ends[end] - ends[first]
    kept = (words > end - first) | (words >= ascii_least)
    return np.concatenate((begins[cjk], ends[first][kept])), np.concatenate((lengths, words[kept]))
