"""Messages as escaped lines: bytes that can be joined by newlines and split again, exactly.

An escaped line is the message's UTF-8 in which bytes stand that UTF-8 never has:

    0xFF                a newline
    0xFD                a NUL
    0xF8 … 0xF9         a terminal colour, ESC [ … m; each of its characters 0123456789;: is
                        one byte 0x80 + its place in that list

A colour is turned into such bytes so that its digits do not glue to the word after it. All other
bytes stay as they are. A blob is escaped lines joined by newlines."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from hantu.store.sqlite.fields import octets

_Replacement = Callable[[bytes], bytes]

NEWLINE: Final = b"\xff"
NUL: Final = b"\xfd"
COLOUR_BEGIN: Final = b"\xf8"
COLOUR_END: Final = b"\xf9"

_PARAMETERS: Final = b"0123456789;:"
_CODES: Final = bytes(range(0x80, 0x80 + len(_PARAMETERS)))
_TO_CODES: Final = bytes.maketrans(_PARAMETERS, _CODES)
_TO_PARAMETERS: Final = bytes.maketrans(_CODES, _PARAMETERS)
_COLOUR: Final = re.compile(rb"\x1b\[[0-9;:]*m")
ESCAPED_COLOUR: Final = re.compile(rb"\xf8[\x80-\x8b]*\xf9")
_FEW_COLOURS: Final = 32
"""Up to here one replace() for each colour is faster than a call for each place."""

# Joined by NUL, so that one translate() makes the newlines inside and between the lines different.
_INWARD: Final = bytes.maketrans(b"\0\n", b"\n\xff")
_OUTWARD: Final = bytes.maketrans(b"\n\xff", b"\0\n")


def escape_lines(messages: Sequence[str]) -> bytes:
    """`messages` as a blob: escaped lines joined by newlines.

    Raises UnicodeEncodeError for a lone surrogate (hantu.text.clean takes them out)."""
    # One by one: joined, a single line of Korean would make wide characters of all.
    lines = list(map(str.encode, messages))
    blob = b"\0".join(lines)
    if np.count_nonzero(octets(blob) == 0) > max(0, len(lines) - 1):
        blob = b"\0".join([line.replace(b"\0", NUL) for line in lines])
    blob = blob.translate(_INWARD)
    # One byte is looked for a hundred times as fast as two.
    return _replaced(blob, _COLOUR, _escaped_colour) if b"\x1b" in blob else blob


def unescape_lines(blob: bytes, count: int) -> list[str]:
    """The messages of a blob of `count` lines. Raises ValueError when it is not such a blob."""
    if not count:
        return []
    if COLOUR_BEGIN in blob:
        blob = _replaced(blob, ESCAPED_COLOUR, _colour)
    blob = blob.translate(_OUTWARD)
    if NUL in blob:
        messages = [line.replace(NUL, b"\0").decode() for line in blob.split(b"\0")]
    else:
        messages = blob.decode().split("\0")
    if len(messages) != count:
        raise ValueError(f"{len(messages)} lines where {count} should be")
    return messages


def _replaced(blob: bytes, pattern: re.Pattern[bytes], replacement: _Replacement) -> bytes:
    """`blob` with each match replaced; a server prints a handful of colours, a test file may hold many."""
    distinct = set(pattern.findall(blob))
    if len(distinct) > _FEW_COLOURS:
        return pattern.sub(lambda match: replacement(match.group()), blob)
    for colour in distinct:
        blob = blob.replace(colour, replacement(colour))
    return blob


def _escaped_colour(colour: bytes) -> bytes:
    return COLOUR_BEGIN + colour[2:-1].translate(_TO_CODES) + COLOUR_END


def _colour(escaped: bytes) -> bytes:
    return b"\x1b[" + escaped[1:-1].translate(_TO_PARAMETERS) + b"m"
