"""Lines that are kept as text, folded and joined so that one find() goes through all of them.

Folding a segment's plain lines costs more than all else that a search does in it, so what is sought is
first looked for in the lines as they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Final

import numpy as np

from hantu import text
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
_JOINS: Final = (_ESC, b"\xf8", b"\xc4", b"\xcc", b"\xcd")
"""Terminal sequences and colours; İ, among U+0100 to U+013F; combining characters, U+0300 to U+036F."""
_HANGUL_RUN: Final = re.compile("[\uac00-\ud7a3]+")
_HANGUL_JOINS: Final = (_ESC, b"\xf8", b"\xe1")
"""Jamo, of which folding makes syllables, begin with 0xE1."""
_KELVIN: Final = b"\xe2\x84\xaa"
_NEAR_MOST: Final = 128
"""With more lines than this to ask, folding all of them is not dearer."""

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
        rows = self._near((folded,))
        if rows is None:
            return self._numbers(np.fromiter(self._folded.holding(escaped(folded), 0), np.int64))
        return self._asked(rows, lambda message: folded in text.fold(message))

    def with_needle(self, needle: text.Needle) -> IntArray:
        """The numbers of the lines in whose tokens the needle is found."""

        def holds(message: str) -> bool:
            return needle.found_in(text.tokens(message))

        rows = self._near(needle.tokens)
        if rows is not None:
            return self._asked(rows, holds)
        longest = max(needle.tokens, key=len)
        if len(needle.tokens) > 1 or not longest.isascii():
            return self._asked(self._folded.holding(longest.encode(), 0), holds)
        sure, unsure = self._with_token(longest.encode(), is_open=needle.open)
        return np.concatenate([self._numbers(sure), self._asked(dict.fromkeys(unsure.tolist()), holds)])

    @cached_property
    def odd(self) -> IntArray:
        """The numbers of the lines of which a literal of a regular expression says nothing: is_odd()."""
        rows = [row for row in self._special if is_odd(self._message(row))]
        return self._numbers(np.array(rows, np.int64))

    def _numbers(self, rows: IntArray) -> IntArray:
        return self._frame.plain_lines()[0][rows] if len(rows) else _NOWHERE

    def _message(self, row: int) -> str:
        return unescape_lines(self._frame.plain_lines()[1][row], 1)[0]

    def _asked(self, rows: Iterable[int], holds: Callable[[str], bool]) -> IntArray:
        """The numbers of those of these rows for whose message it holds."""
        return self._numbers(np.array([row for row in rows if holds(self._message(row))], np.int64))

    def _near(self, parts: Iterable[str]) -> Sequence[int] | None:
        """The rows that may have all these parts in their folded text, found without folding; None when
        that is not possible, or no help because they are many."""
        parts = sorted(parts, key=len, reverse=True)
        runs = [_longest(_ASCII_RUN, part).encode() for part in parts]
        if runs[0] and not any(mark in self._text for mark in _JOINS):
            if any(b"k" in run for run in runs) and _KELVIN in self._text:
                return None
            if any(run not in self._lowered for run in runs):
                return ()
            return self._rows_with(runs[0], self._lowered)
        run = _longest(_HANGUL_RUN, parts[0])
        if run and not any(mark in self._text for mark in _HANGUL_JOINS):
            return self._rows_with(run.encode(), self._text)
        return None

    @staticmethod
    def _rows_with(part: bytes, lines: bytes) -> list[int] | None:
        rows: list[int] = []
        row = end = 0
        at = lines.find(part)
        while at >= 0:
            row += lines.count(b"\n", end, at)
            rows.append(row)
            if len(rows) > _NEAR_MOST:
                return None
            end = lines.find(b"\n", at)
            if end < 0:
                break
            at = lines.find(part, end)
        return rows

    @cached_property
    def _lowered(self) -> bytes:
        return self._text.lower()

    @cached_property
    def _special(self) -> list[int]:
        """The rows that are not folded by making ASCII letters small."""
        octets = np.frombuffer(self._text, np.uint8)
        # 0x80 … 0xFC become 0 … 0x7C; the escapes of newline and NUL lie above, ASCII still further.
        unusual: BoolArray = (octets ^ np.uint8(0x80)) < _ESCAPES[-1] - 0x80
        if _ESC in self._text:
            unusual |= octets == _ESC[0]
        if not unusual.any():
            return []
        ends = np.flatnonzero(octets == ord("\n"))
        rows: list[int] = np.unique(np.searchsorted(ends, np.flatnonzero(unusual))).tolist()
        return rows

    @cached_property
    def _folded(self) -> Lines:
        lowered = self._lowered
        special = self._special
        if special:
            lines = lowered.split(b"\n")
            plain = self._frame.plain_lines()[1]
            for row, line in zip(special, _fold_lines([plain[row] for row in special]), strict=True):
                lines[row] = line
            lowered = b"\n".join(lines)
        return Lines.of_text(lowered + b"\n")

    def _with_token(self, token: bytes, *, is_open: bool) -> tuple[IntArray, IntArray]:
        """The rows that have the token, and those of which it is not clear; some more than once."""
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
        return rows[apart], rows[unclear]


def _longest(pattern: re.Pattern[str], folded: str) -> str:
    """The longest run of such characters, "" when there is none."""
    return max(pattern.findall(folded), key=len, default="")


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
