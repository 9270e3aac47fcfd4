"""A regular expression over many lines at once: one pass of RE2 instead of a call for each line.

Lines are joined by newlines, and the pattern is compiled so that it never matches a newline and takes
line ends for the ends of the text. So it finds in the joined lines what it finds in each alone."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import lru_cache
from typing import Any, Final, Protocol

import numpy as np
import re2

from hantu import text
from hantu.query.regex import compile_regex
from hantu.store.sqlite.batch import BoolArray
from hantu.store.sqlite.escape import unescape_lines
from hantu.store.sqlite.fields import octets

_KEPT: Final = 256
_NEWLINE: Final = ord("\n")
_ESC: Final = 0x1B
_ESCAPES: Final = 0xF8
"""The least byte that escaped lines have and UTF-8 has not."""
_ENDS_OF_TEXT: Final = re.compile(r"\\[AzZCQ]|\(\?[A-Za-z]*-")
"""What means the ends of the text itself, or could: \\A, (?-m); and what is not read here."""


class _Pattern(Protocol):
    def search(self, text: bytes, pos: int) -> Any | None: ...


@lru_cache(maxsize=_KEPT)
def _over_lines(pattern: str) -> _Pattern | None:
    """The pattern for joined lines; None when it cannot be had."""
    if _ENDS_OF_TEXT.search(pattern):
        return None
    options = re2.Options()
    options.log_errors = False
    options.never_nl = True
    try:
        found: _Pattern = re2.compile(f"(?m)(?:{pattern})", options)
    except re2.error:
        return None
    return found


def lines_matching(pattern: str, blob: bytes, count: int) -> BoolArray:
    """Which of `count` escaped lines, joined by newlines, the pattern is found in: bool[count]."""
    characters = octets(blob)
    ends = np.append(np.flatnonzero(characters == _NEWLINE), len(blob))
    if len(ends) != count:
        raise ValueError(f"{len(ends)} lines where {count} should be")
    joined = _over_lines(pattern)
    # Newlines inside, NULs and terminal sequences are not what the message has: such lines by themselves.
    escapes = np.flatnonzero((characters >= _ESCAPES) | (characters == _ESC))
    alone = np.unique(np.searchsorted(ends, escapes)) if joined is not None else np.arange(count)
    found = np.zeros(count, np.bool_)
    if joined is not None:
        _mark(found, joined, blob, ends.tolist())
    search = compile_regex(pattern).search
    for row in alone.tolist():
        begin = int(ends[row - 1]) + 1 if row else 0
        (message,) = unescape_lines(blob[begin : ends[row]], 1)
        found[row] = search(text.plain(message)) is not None
    return found


def _mark(found: BoolArray, pattern: _Pattern, blob: bytes, ends: list[int]) -> None:
    """Mark the lines in which the pattern is found."""
    row = at = 0
    while at <= len(blob):
        match = pattern.search(blob, at)
        if match is None:
            return
        start = match.start()
        row = bisect_left(ends, start, row)
        found[row] = True
        at = ends[row] + 1
