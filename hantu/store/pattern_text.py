"""A pattern as people read it: its first line, a placeholder for each value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from hantu.store.pattern_base import Pattern, values_of
from hantu.text import plain, visible

SLOT: Final = "‹…›"
SHOWN_CHARS: Final = 400
_BETWEEN: Final = re.compile(r"[.:/_,+-]?")
"""Values with one of these between them are one to the eye: an address, a time, an id."""
_WORD: Final = re.compile(r"[A-Za-z]{2,5}")


def text_of(pattern: Pattern) -> str:
    """The first line of the pattern's text, harmless to a terminal."""
    return "".join(
        text if value is None else slot_of(value, pattern) for text, value in first_line(pattern)
    )


def lines_beyond(pattern: Pattern) -> int:
    """How many lines its text has beyond the first."""
    return SLOT.join(pattern.parts).strip("\n").count("\n")


def slot_of(value: str, pattern: Pattern) -> str:
    """What stands for a value of the example."""
    # Words such as `add` or `bad` are hex digits by chance: they say more than a placeholder. Not where
    # other lines have other words.
    return value if pattern.variants == 1 and _WORD.fullmatch(value) else SLOT


def first_line(pattern: Pattern) -> Iterator[tuple[str, str | None]]:
    """(text, None) and ("", value of the example) in turn, up to SHOWN_CHARS; control characters are
    shown as escapes."""
    values = () if pattern.example is None else values_of(pattern.example.message, pattern.parts)
    size = 0
    begun = False
    for piece, value in _pieces(pattern.parts, values):
        if value is not None:
            yield "", value
            size += len(SLOT)
            begun = True
            continue
        first, newline, _ = (piece if begun else piece.lstrip("\n")).partition("\n")
        begun = True
        yield visible(plain(first))[: SHOWN_CHARS - size], None
        size += len(first)
        if newline or size >= SHOWN_CHARS:
            if size >= SHOWN_CHARS:
                yield "…", None
            return


def _pieces(parts: Sequence[str], values: Sequence[str]) -> list[tuple[str, str | None]]:
    """(text, None) and ("", value) in turn; values that are one to the eye are put together."""
    pieces: list[tuple[str, str | None]] = [(parts[0], None)]
    for at, (before, part) in enumerate(pairwise(parts)):
        value = values[at] if at < len(values) else ""
        if at and len(pieces) > 1 and pieces[-1][1] is not None and _BETWEEN.fullmatch(before):
            pieces[-1] = ("", f"{pieces[-1][1]}{before}{value}" if values else "")
        else:
            if at:
                pieces.append((before, None))
            pieces.append(("", value))
        if at == len(parts) - 2:
            pieces.append((part, None))
    return pieces
