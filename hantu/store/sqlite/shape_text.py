"""What a shape says without its values: its folded text and its index tokens.

In both a slot stays one NUL byte, for whatever value stands there, as long as the text around it
keeps value and surroundings apart. Where it does not (`looseness`), only the whole message can tell.
Newlines and NULs of the message stay the bytes 0xFF and 0xFD, as in an escaped line (escape.py)."""

from __future__ import annotations

import re
import unicodedata
from enum import IntFlag
from typing import Final

import numpy as np

from hantu import text
from hantu.store.sqlite.batch import BoolArray, IntArray

SLOT_WORD: Final = "\ua66e"
"""The token ꙮ stands for a slot in the index of words: a letter that no program prints."""

_SLOT: Final = b"\0"
_SLOT_WORD: Final = SLOT_WORD.encode()
_COLOUR: Final = b"\xf8"
_ESCAPED_COLOUR: Final = re.compile(rb"\xf8[\x80-\x8b]*\xf9")
_NOT_ASCII_BUT_ESCAPED: Final = b"\xff\xfd"
_WORDS_APART: Final = bytes(
    octet if chr(octet).isascii() and (chr(octet).isalnum() or not octet) else ord(" ")
    for octet in bytes(range(256)).lower()
)
"""A table for translate(): small letters, digits and slots stay, all else is a blank."""
_FINAL_SIGMA: Final = "\u03a3"
_LONG_S: Final = "\u017f"
_ESC: Final = "\x1b"
_ESC_BYTE: Final = b"\x1b"
_CALM: Final = re.compile(
    f"[\\x00-\\x1a\\x1c-\\x7f{SLOT_WORD}"
    "\u2010-\u2027\u2190-\u21ff\u2500-\u259f\u3001-\u3003\u3008-\u3011"
    "\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3]*"
)
"""Characters that fold to themselves, ASCII letters apart, whatever stands beside them. Beyond ASCII:
CJK, dashes and quotes, arrows, frames; no letter that makes one token with a value."""
_JOINED: Final = re.compile(f"{SLOT_WORD}[A-Za-z0-9{SLOT_WORD}]|[A-Za-z0-9]{SLOT_WORD}")


class Loose(IntFlag):
    """Why a shape alone cannot answer."""

    NONE = 0
    TEXT = 1
    """Its folded text and its tokens depend on the values."""
    WORDS = 2
    """Tokens that are neither ASCII nor CJK depend on the values: 12µs is one token."""
    CASE = 4
    """An ASCII letter of the message may be another in the folded text, or match one that is not
    ASCII in a regular expression without case."""


def folded_text(static: bytes) -> bytes:
    """The shape as hantu.text.fold gives it, escaped."""
    if _is_ascii(static):
        return static.lower()
    return escaped(text.fold(_seen(static))).replace(_SLOT_WORD, _SLOT)


def word_text(static: bytes) -> bytes:
    """The shape's tokens, a blank before each and one after the last."""
    if _is_ascii(static):
        # No letter or other slot stands beside a slot, or it would be one value with it.
        return _spaced(static.translate(_WORDS_APART).split())
    return _spaced([token.encode().replace(_SLOT_WORD, _SLOT) for token in text.tokens(_seen(static))])


def index_words(static: bytes) -> str:
    """The text to hand to an FTS5 table with tokenize='ascii': the shape's tokens, ꙮ for a slot."""
    return word_text(static).strip().replace(_SLOT, _SLOT_WORD).decode()


def looseness(static: bytes) -> Loose:
    """Whether the shape alone can answer."""
    if _is_ascii(static):
        return Loose.NONE
    seen = _seen(static)
    hostile = _SLOT_WORD in static
    # Nearly all shapes end here: folding each would take ten times as long.
    if not hostile and _CALM.fullmatch(seen):
        return Loose.TEXT | Loose.WORDS if _JOINED.search(seen) else Loose.NONE
    loose = Loose.CASE if is_odd(seen) else Loose.NONE
    if hostile or _ESC in seen or _FINAL_SIGMA in seen:
        return loose | Loose.TEXT | Loose.WORDS
    folded = text.fold(seen)
    for at, character in enumerate(folded):
        if character != SLOT_WORD:
            continue
        for beside in folded[max(0, at - 1) : at] + folded[at + 1 : at + 2]:
            loose |= _beside(beside)
    return loose


def escaped(folded: str) -> bytes:
    """A folded text as bytes in which newline and NUL are escaped."""
    return folded.encode().replace(b"\0", b"\xfd").replace(b"\n", b"\xff")


def unusual_places(lines: bytes) -> IntArray:
    """Where in escaped lines characters stand for which folding does more than make ASCII letters small."""
    octets = np.frombuffer(lines, np.uint8)
    # 0x80 … 0xFC become 0 … 0x7C; the escapes of newline and NUL lie above, ASCII still further.
    unusual: BoolArray = (octets ^ np.uint8(0x80)) < _NOT_ASCII_BUT_ESCAPED[-1] - 0x80
    if _ESC_BYTE in lines:
        unusual |= octets == _ESC_BYTE[0]
    return np.flatnonzero(unusual)


def readable(line: bytes) -> str:
    """The text of an escaped line from which colours were taken out."""
    return line.replace(b"\xfd", b"\0").replace(b"\xff", b"\n").decode()


def is_odd(message: str) -> bool:
    """Whether an ASCII letter in it may be matched differently by fold() and by RE2: see Loose.CASE."""
    return not message.isascii() and (_LONG_S in message or any(map(unicodedata.combining, message)))


def _is_ascii(static: bytes) -> bool:
    """Whether it is ASCII but for escapes, and no terminal sequence is in it."""
    if static.isascii() or static.translate(None, _NOT_ASCII_BUT_ESCAPED).isascii():
        return _ESC_BYTE not in static
    return False


def _seen(static: bytes) -> str:
    """The shape as it reads, without colours, ꙮ for a slot."""
    if _COLOUR in static:
        static = _ESCAPED_COLOUR.sub(b"", static)
    return readable(static.replace(_SLOT, _SLOT_WORD))


def _spaced(tokens: list[bytes]) -> bytes:
    return b" ".join([b"", *tokens, b""])


def _beside(character: str) -> Loose:
    """What follows from `character` standing next to a slot."""
    if character.isascii():
        return Loose.TEXT | Loose.WORDS if character.isalnum() else Loose.NONE
    if character == SLOT_WORD or unicodedata.combining(character):
        return Loose.TEXT | Loose.WORDS
    if not character.isalnum() or text.is_cjk(character):
        return Loose.NONE
    return Loose.WORDS
