"""Lines that are kept as text, folded and joined so that one find() goes through all of them.

Folding a segment's plain lines costs more than all else that a search does in it, so what is sought is
first looked for in the lines as they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Final

import numpy as np

from hantu import text
from hantu.store.sqlite.batch import ByteArray, IntArray
from hantu.store.sqlite.escape import unescape_lines
from hantu.store.sqlite.fields import octets, sorted_set
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.scan import holds
from hantu.store.sqlite.shape_index import Lines
from hantu.store.sqlite.shape_text import escaped, is_odd, unusual_places

_PAIR: Final = 2
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
_ANSWERS_MOST: Final = 32
_NEAR_MOST: Final = 128
"""With more lines than this to ask, folding all of them is not dearer."""

_APART: Final = _ESCAPES
"""Bytes beyond ASCII that are part of no token."""
_ASCII_END: Final = 0x80
_NEWLINE: Final = ord("\n")
_APART_SURELY, _PERHAPS, _JOINED = range(3)


def _sides() -> ByteArray:
    """By byte beside an ASCII token of a line that was made small, whether the token ends there."""
    table = np.full(256, _PERHAPS, np.uint8)
    table[:_ASCII_END] = _APART_SURELY
    table[list(_APART)] = _APART_SURELY
    table[list(b"0123456789abcdefghijklmnopqrstuvwxyz")] = _JOINED
    return table


_SIDES: Final = _sides()
_ODD: Final = (b"\xc5\xbf", b"\xcc", b"\xcd")
"""ſ, and combining characters as in _JOINS: no others join an ASCII letter."""
_ODD_LEADS: Final = (b"\xc5", b"\xcc", b"\xcd")
"""Looking for one byte is ten times faster than for two."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A part of what is sought that stands in a line's text as it stands in its folded text.

    whole: it is all that is sought. lowered: in text in which ASCII letters were made small."""

    text: bytes
    whole: bool
    lowered: bool


class PlainText:
    """The lines of a frame that have no shape. A row is a line counted among these."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._text = frame.plain_text()
        self._answers: dict[text.Needle | str, IntArray] = {}

    def may_hold(self, parts: Sequence[str]) -> bool:
        """False when surely no line's folded text contains all these parts; quickly."""
        return all(run is None or self._holds(run) for run in map(self._run, parts))

    def with_substring(self, folded: str) -> IntArray:
        """The numbers of the lines whose folded text contains `folded`."""
        return self._answer(folded, lambda: self._with_substring(folded))

    def with_needle(self, needle: text.Needle) -> IntArray:
        """The numbers of the lines in whose tokens the needle is found."""
        return self._answer(needle, lambda: self._with_needle(needle))

    def _answer(self, sought: text.Needle | str, find: Callable[[], IntArray]) -> IntArray:
        """What was found before: of unsealed lines the rows, the count and the histogram of a page ask for
        the same, and so does the next page."""
        known = self._answers.get(sought)
        if known is None:
            known = find()
            known.flags.writeable = False
            if len(self._answers) >= _ANSWERS_MOST:
                self._answers = {}
            self._answers[sought] = known
        return known

    def _with_substring(self, folded: str) -> IntArray:
        run = self._run(folded)
        if run is not None:
            if not self._holds(run):
                return _NOWHERE
            if run.whole:
                return self._numbers(self._rows_with(run))
            near = self._near(run)
            if near is not None:
                return self._asked(near, lambda message: folded in text.fold(message))
        return self._numbers(np.fromiter(self._folded.holding(escaped(folded)), np.int64))

    def _with_needle(self, needle: text.Needle) -> IntArray:
        hangul = _hangul(needle)
        if hangul is not None and self._run(hangul) is not None:
            # Each pair of a run of Hangul is a token, and so is its end.
            return self.with_substring(hangul)
        runs = [self._run(token) for token in needle.tokens]
        if not all(run is None or self._holds(run) for run in runs):
            return _NOWHERE
        first = max((run for run in runs if run is not None), key=lambda run: len(run.text), default=None)
        if first is not None and all(run is not None and run.whole and run.lowered for run in runs):
            return self._with_tokens(needle, first)

        def found(message: str) -> bool:
            return needle.found_in(text.tokens(message))

        near = None if first is None else self._near(first)
        if near is None:
            longest = max(needle.tokens, key=len)
            near = list(dict.fromkeys(self._folded.holding(longest.encode())))
        return self._asked(near, found)

    @cached_property
    def odd(self) -> IntArray:
        """The numbers of the lines of which a literal of a regular expression says nothing: is_odd()."""
        if not any(mark in self._text for mark in _ODD_LEADS) or not any(
            mark in self._text for mark in _ODD
        ):
            return _NOWHERE
        return self._numbers([row for row in self._special if is_odd(self._message(row))])

    def _numbers(self, rows: Sequence[int] | IntArray) -> IntArray:
        return self._frame.plain_numbers()[rows] if len(rows) else _NOWHERE

    def _message(self, row: int) -> str:
        number = self._frame.plain_numbers()[row : row + 1]
        return unescape_lines(self._frame.plain_lines(number)[0], 1)[0]

    def _asked(self, rows: Iterable[int], holds: Callable[[str], bool]) -> IntArray:
        """The numbers of those of these rows for whose message it holds."""
        return self._numbers([row for row in rows if holds(self._message(row))])

    @cached_property
    def _in_place(self) -> bool:
        """Whether ASCII characters stand in the folded lines where they stand in the lines."""
        return not any(mark in self._text for mark in _JOINS)

    @cached_property
    def _has_kelvin(self) -> bool:
        return _KELVIN[:1] in self._text and _KELVIN in self._text

    @cached_property
    def _hangul_in_place(self) -> bool:
        return not any(mark in self._text for mark in _HANGUL_JOINS)

    def _run(self, part: str) -> _Run | None:
        """What can be looked for without folding a line; None when there is nothing."""
        run = _longest(_ASCII_RUN, part)
        if run and self._in_place and not ("k" in run and self._has_kelvin):
            return _Run(run.encode(), run == part, lowered=True)
        run = _longest(_HANGUL_RUN, part)
        if run and self._hangul_in_place:
            return _Run(run.encode(), run == part, lowered=False)
        return None

    def _holds(self, run: _Run) -> bool:
        return holds(self._text, run.text) if run.lowered else run.text in self._text

    def _text_for(self, run: _Run) -> bytes:
        """The lines in which a run stands as it is."""
        return self._lowered if run.lowered else self._text

    def _places(self, run: _Run) -> tuple[IntArray, IntArray]:
        """(where the run stands, the row of each), ascending."""
        found = _literal(run.text).finditer(self._text_for(run))
        places = np.fromiter((match.start() for match in found), np.int64)
        return places, np.searchsorted(self._ends, places)

    def _rows_with(self, run: _Run) -> IntArray:
        """The rows that have the run, ascending."""
        return sorted_set(self._places(run)[1])

    def _near(self, run: _Run) -> list[int] | None:
        """The rows that have the run; None when they are so many that asking each is dearer than folding
        all."""
        rows = self._rows_with(run)
        return rows.tolist() if len(rows) <= _NEAR_MOST else None

    def _with_tokens(self, needle: text.Needle, longest: _Run) -> IntArray:
        """with_needle() for ASCII tokens where ASCII stands in its place: decided by what stands beside
        them, as tokens() does; only beside a character that is not ASCII a line is asked."""
        places, rows = self._places(longest)
        if not len(places):
            return _NOWHERE
        beside = octets(b" " + self._lowered + b" ")
        before, behind = _SIDES[beside[places]], _SIDES[beside[places + 1 + len(longest.text)]]
        alone = len(needle.tokens) == 1
        if alone and needle.open:
            sure = (before == _APART_SURELY) & (beside[places + 1 + len(longest.text)] < _ASCII_END)
        else:
            sure = (before == _APART_SURELY) & (behind == _APART_SURELY) & alone
        # Where the whole needle stands, a letter or digit stands beside none of its tokens.
        likely = (before != _JOINED) & (needle.open | (behind != _JOINED))
        found = sorted_set(rows[sure])
        rest = np.setdiff1d(rows[likely & ~sure], found)
        asked = [row for row in rest.tolist() if self._has_tokens(row, needle)]
        return self._numbers(np.union1d(found, np.array(asked, np.int64)))

    def _has_tokens(self, row: int, needle: text.Needle) -> bool:
        """Whether a row has a needle of ASCII tokens."""
        lines, ends = self._lowered, self._ends
        begin, end = int(ends[row - 1]) + 1 if row else 0, int(ends[row])
        found = _tokens_pattern(needle).search(lines, begin, end)
        if found is None:
            return False
        around = lines[max(begin, found.start() - 1) : min(end, found.end() + 1)]
        return around.translate(None, _APART).isascii() or needle.found_in(text.tokens(self._message(row)))

    @cached_property
    def _ends(self) -> IntArray:
        """Where each row ends."""
        return np.append(np.flatnonzero(octets(self._text) == _NEWLINE), len(self._text))

    @cached_property
    def _lowered(self) -> bytes:
        return self._text.lower()

    @cached_property
    def _special(self) -> list[int]:
        """The rows that are not folded by making ASCII letters small."""
        places = unusual_places(self._text)
        if not len(places):
            return []
        ends = np.flatnonzero(np.frombuffer(self._text, np.uint8) == ord("\n"))
        rows: list[int] = np.unique(np.searchsorted(ends, places)).tolist()
        return rows

    @cached_property
    def _folded(self) -> Lines:
        lowered = self._lowered
        special = self._special
        if special:
            lines = lowered.split(b"\n")
            plain = self._frame.plain_lines(self._numbers(special))
            for row, line in zip(special, _fold_lines(plain), strict=True):
                lines[row] = line
            lowered = b"\n".join(lines)
        return Lines.of_text(lowered + b"\n")


def _longest(pattern: re.Pattern[str], folded: str) -> str:
    """The longest run of such characters, "" when there is none."""
    return max(pattern.findall(folded), key=len, default="")


def _hangul(needle: text.Needle) -> str | None:
    """The text of a needle that is found wherever its text stands, Hangul of one run."""
    tokens = needle.tokens
    if len(tokens) == 1 and needle.open == (len(tokens[0]) == 1):
        whole = tokens[0]
    elif not needle.open and all(
        len(token) == len(after) == _PAIR and token[1] == after[0] for token, after in pairwise(tokens)
    ):
        whole = tokens[0] + "".join(token[1] for token in tokens[1:])
    else:
        return None
    return whole if _HANGUL_RUN.fullmatch(whole) else None


@lru_cache(maxsize=64)
def _literal(sought: bytes) -> re.Pattern[bytes]:
    return re.compile(re.escape(sought))


@lru_cache(maxsize=64)
def _tokens_pattern(needle: text.Needle) -> re.Pattern[bytes]:
    """Where ASCII tokens may follow each other in a line that was made small."""
    tokens = rb"[^a-z0-9]+".join(token.encode() for token in needle.tokens)
    return re.compile(b"(?<![a-z0-9])" + tokens + (b"" if needle.open else b"(?![a-z0-9])"))


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
