"""Lines that are kept as text, folded and joined so that one find() goes through all of them."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final

import numpy as np

from hantu import text
from hantu.store.sqlite.batch import BoolArray, ByteArray, IntArray
from hantu.store.sqlite.escape import unescape_lines
from hantu.store.sqlite.shape_index import Lines
from hantu.store.sqlite.shape_text import escaped, is_odd

_ESC: Final = b"\x1b"
_ESCAPED_COLOUR: Final = re.compile(rb"\xf8[\x80-\x8b]*\xf9")
_ESCAPES: Final = b"\xff\xfd"
_NOWHERE: Final = np.zeros(0, np.int64)

_APART, _JOINED, _UNKNOWN = 0, 1, 2
"""Whether a byte beside an ASCII token is part of the same token."""


def _kinds() -> ByteArray:
    kinds = np.zeros(256, np.uint8)
    kinds[0x80:] = _UNKNOWN
    kinds[list(_ESCAPES)] = _APART
    kinds[list(b"0123456789abcdefghijklmnopqrstuvwxyz")] = _JOINED
    return kinds


_KINDS: Final = _kinds()


class PlainText:
    """numbers: int64[p], the lines' numbers in their frame, ascending. lines: escaped."""

    def __init__(self, numbers: IntArray, lines: list[bytes]) -> None:
        self.numbers = numbers
        self._lines = lines

    def with_substring(self, folded: str) -> IntArray:
        """The numbers of the lines whose folded text contains `folded`."""
        rows = np.fromiter(self._folded.holding(escaped(folded), 0), np.int64)
        return self.numbers[rows]

    def with_needle(self, needle: text.Needle) -> IntArray:
        """The numbers of the lines in whose tokens the needle is found."""
        longest = max(needle.tokens, key=len)
        if len(needle.tokens) == 1 and longest.isascii():
            sure, unsure = self._with_token(longest.encode(), is_open=needle.open)
        else:
            sure = _NOWHERE
            unsure = np.fromiter(self._folded.holding(longest.encode(), 0), np.int64)
        asked = [row for row in unsure.tolist() if needle.found_in(text.tokens(self.message(row)))]
        return self.numbers[np.union1d(sure, np.array(asked, np.int64))]

    def message(self, row: int) -> str:
        """The message of the row-th of these lines."""
        return unescape_lines(self._lines[row], 1)[0]

    @cached_property
    def odd(self) -> IntArray:
        """The numbers of the lines of which a literal of a regular expression says nothing: is_odd()."""
        rows = [row for row in self._special if is_odd(self.message(row))]
        return self.numbers[np.array(rows, np.int64)]

    @cached_property
    def _special(self) -> list[int]:
        """The rows that are not folded by making ASCII letters small."""
        joined = b"\n".join(self._lines)
        if _is_simple(joined):
            return []
        return [row for row, line in enumerate(self._lines) if not _is_simple(line)]

    @cached_property
    def _folded(self) -> Lines:
        special = self._special
        if not special:
            return Lines.of_text(b"\n".join(self._lines).lower() + b"\n" if self._lines else b"")
        folded = [line.lower() for line in self._lines]
        chosen = [self._lines[row] for row in special]
        for row, line in zip(special, _fold_lines(chosen), strict=True):
            folded[row] = line
        return Lines.of(folded)

    def _with_token(self, token: bytes, *, is_open: bool) -> tuple[IntArray, IntArray]:
        """The rows that have the token, and those of which it is not clear."""
        lines = self._folded
        places = lines.find_all(token)
        if not len(places):
            return _NOWHERE, _NOWHERE
        kinds = _KINDS[np.frombuffer(b"\n" + lines.text, np.uint8)]
        before = kinds[places]
        after = kinds[places + len(token) + 1]
        if is_open:
            after = np.zeros(len(places), np.uint8)
        rows = lines.rows_of(places)
        worst: BoolArray = (before == _UNKNOWN) | (after == _UNKNOWN)
        apart: BoolArray = (before == _APART) & (after == _APART)
        unclear: BoolArray = worst & (before != _JOINED) & (after != _JOINED)
        sure = np.unique(rows[apart])
        return sure, np.setdiff1d(rows[unclear], sure)


def _is_simple(line: bytes) -> bool:
    return _ESC not in line and line.translate(None, _ESCAPES).isascii()


def _fold_lines(lines: list[bytes]) -> list[bytes]:
    """Escaped lines, folded."""
    joined = _ESCAPED_COLOUR.sub(b"", b"\n".join(lines))
    if _ESC in joined:
        # A sequence could reach over the end of a line.
        return [escaped(text.fold(message)) for message in unescape_lines(b"\n".join(lines), len(lines))]
    # The escapes of newline and NUL are no UTF-8: as lone surrogates, which no message has, they come
    # through unchanged; beside them letters fold as beside a newline.
    seen = joined.decode("utf-8", "surrogateescape")
    return text.fold(seen).encode("utf-8", "surrogateescape").split(b"\n")
