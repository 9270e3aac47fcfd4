"""Lines that are kept as text, folded and joined so that one find() goes through all of them.

Folding a segment's plain lines costs more than all else that a search does in it, so what is sought is
first looked for in the lines as they stand."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from hantu import text
from hantu.query.regex import Pattern, compile_regex
from hantu.store.sqlite.batch import BoolArray, ByteArray, IntArray
from hantu.store.sqlite.escape import unescape_lines
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.shape_index import Lines
from hantu.store.sqlite.shape_text import escaped, is_odd

_ESC: Final = b"\x1b"
_ESCAPED_COLOUR: Final = re.compile(rb"\xf8[\x80-\x8b]*\xf9")
_ESCAPES: Final = b"\xff\xfd"
_NOWHERE: Final = np.zeros(0, np.int64)

_ASCII_RUN: Final = re.compile("[a-z0-9 !\"#$%&'()*+,./:<=>?@\\[\\]^_{|}~\\\\-]+")
"""Characters that stand in the folded text where they stand in the line, in either case, when the line
has none of _JOINS. Not ; and `, which others become."""
_JOINS: Final = (_ESC, b"\xf8", b"\xc4\xb0", b"\xcc", b"\xcd")
"""Terminal sequences and colours; İ; combining characters (U+0300 to U+036F)."""
_HANGUL_RUN: Final = re.compile("[\uac00-\ud7a3]+")
_HANGUL_JOINS: Final = (_ESC, b"\xf8", b"\xe1")
"""Jamo, of which folding makes syllables, begin with 0xE1."""
_RUN_LEAST: Final = 2
_RUN_MOST: Final = 64

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
    """The lines of a frame that have no shape. A row is a line counted among these."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._text = frame.plain_text()

    def with_substring(self, folded: str) -> IntArray:
        """The numbers of the lines whose folded text contains `folded`."""
        if self._lacks(folded):
            return _NOWHERE
        return self._numbers(np.fromiter(self._folded.holding(escaped(folded), 0), np.int64))

    def with_needle(self, needle: text.Needle) -> IntArray:
        """The numbers of the lines in whose tokens the needle is found."""
        if any(self._lacks(token) for token in needle.tokens):
            return _NOWHERE
        longest = max(needle.tokens, key=len)
        if len(needle.tokens) == 1 and longest.isascii():
            sure, unsure = self._with_token(longest.encode(), is_open=needle.open)
        else:
            sure = _NOWHERE
            unsure = np.fromiter(self._folded.holding(longest.encode(), 0), np.int64)
        asked = [row for row in unsure.tolist() if needle.found_in(text.tokens(self._message(row)))]
        return self._numbers(np.union1d(sure, np.array(asked, np.int64)))

    @cached_property
    def odd(self) -> IntArray:
        """The numbers of the lines of which a literal of a regular expression says nothing: is_odd()."""
        rows = [row for row in self._special if is_odd(self._message(row))]
        return self._numbers(np.array(rows, np.int64))

    def _numbers(self, rows: IntArray) -> IntArray:
        return self._frame.plain_lines()[0][rows] if len(rows) else _NOWHERE

    def _message(self, row: int) -> str:
        return unescape_lines(self._frame.plain_lines()[1][row], 1)[0]

    def _lacks(self, folded: str) -> bool:
        """Whether it is sure, without folding, that no line's folded text contains `folded`."""
        run = _longest(_ASCII_RUN, folded)
        if run and not any(mark in self._text for mark in _JOINS):
            return _without_case(run).search(self._text) is None
        run = _longest(_HANGUL_RUN, folded)
        if run and not any(mark in self._text for mark in _HANGUL_JOINS):
            return run.encode() not in self._text
        return False

    @cached_property
    def _special(self) -> list[int]:
        """The rows that are not folded by making ASCII letters small."""
        octets = np.frombuffer(self._text, np.uint8)
        high = np.count_nonzero(octets >= 0x80)
        if high == sum(self._text.count(each) for each in _ESCAPES) and _ESC not in self._text:
            return []
        unusual = (octets >= 0x80) & (octets != _ESCAPES[0]) & (octets != _ESCAPES[1]) | (octets == _ESC[0])
        ends = np.flatnonzero(octets == ord("\n"))
        rows: list[int] = np.unique(np.searchsorted(ends, np.flatnonzero(unusual))).tolist()
        return rows

    @cached_property
    def _folded(self) -> Lines:
        lowered = self._text.lower()
        special = self._special
        if special:
            lines = lowered.split(b"\n")
            plain = self._frame.plain_lines()[1]
            for row, line in zip(special, _fold_lines([plain[row] for row in special]), strict=True):
                lines[row] = line
            lowered = b"\n".join(lines)
        return Lines.of_text(lowered + b"\n")

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


def _longest(pattern: re.Pattern[str], folded: str) -> str:
    """The longest run of such characters, "" when none is long enough to tell."""
    run = max(pattern.findall(folded), key=len, default="")
    return run if len(run) >= _RUN_LEAST else ""


@lru_cache(maxsize=64)
def _without_case(run: str) -> Pattern:
    # RE2 without case is as fast as lower() alone; it finds K for k, as folding does.
    return compile_regex("(?i)" + re.escape(run[:_RUN_MOST]))


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
