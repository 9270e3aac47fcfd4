"""What a shape says without its values: its folded text and its index tokens.

In both a slot stays one NUL byte, for whatever value stands there, as long as the text around it
keeps value and surroundings apart. Where it does not (`loose`), only the whole message can tell.
Newlines and NULs of the message stay the bytes 0xFF and 0xFD, as in an escaped line (escape.py)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntFlag
from typing import Final

from hantu import text

SLOT_WORD: Final = "\ua66e"
"""The token ꙮ stands for a slot in the index of words: a letter that no program prints."""

_SLOT: Final = b"\0"
_SLOT_WORD: Final = SLOT_WORD.encode()
_ESCAPED_COLOUR: Final = re.compile(rb"\xf8[\x80-\x8b]*\xf9")
_NOT_ASCII_BUT_ESCAPED: Final = b"\xff\xfd"
_ASCII_TOKEN: Final = re.compile(rb"\0|[a-z0-9]+")
_FINAL_SIGMA: Final = "\u03a3"
_LONG_S: Final = "\u017f"
_ESC: Final = "\x1b"


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


@dataclass(frozen=True, slots=True)
class ShapeText:
    """folded: as hantu.text.fold gives it, escaped. words: its tokens, a blank before each and one
    after the last."""

    folded: bytes
    words: bytes
    loose: Loose


def shape_text(static: bytes) -> ShapeText:
    """The analysis of a shape."""
    if _ESC.encode() not in static and static.translate(None, _NOT_ASCII_BUT_ESCAPED).isascii():
        folded = static.lower()
        return ShapeText(folded, _spaced(_ASCII_TOKEN.findall(folded)), Loose.NONE)
    seen = readable(_ESCAPED_COLOUR.sub(b"", static).replace(_SLOT, _SLOT_WORD))
    folded_text = text.fold(seen)
    tokens = [token.encode().replace(_SLOT_WORD, _SLOT) for token in text.tokens(seen)]
    folded = escaped(folded_text).replace(_SLOT_WORD, _SLOT)
    return ShapeText(folded, _spaced(tokens), _loose(static, seen, folded_text))


def index_words(static: bytes) -> str:
    """The text to hand to an FTS5 table with tokenize='ascii': the shape's tokens, ꙮ for a slot."""
    return shape_text(static).words.strip().replace(_SLOT, _SLOT_WORD).decode()


def escaped(folded: str) -> bytes:
    """A folded text as bytes in which newline and NUL are escaped."""
    return folded.encode().replace(b"\0", b"\xfd").replace(b"\n", b"\xff")


def readable(line: bytes) -> str:
    """The text of an escaped line from which colours were taken out."""
    return line.replace(b"\xfd", b"\0").replace(b"\xff", b"\n").decode()


def is_odd(message: str) -> bool:
    """Whether an ASCII letter in it may be matched differently by fold() and by RE2: see Loose.CASE."""
    return not message.isascii() and (_LONG_S in message or any(map(unicodedata.combining, message)))


def _spaced(tokens: list[bytes]) -> bytes:
    return b" ".join([b"", *tokens, b""])


def _loose(static: bytes, seen: str, folded: str) -> Loose:
    loose = Loose.CASE if is_odd(seen) else Loose.NONE
    if _ESC in seen or _FINAL_SIGMA in seen or _SLOT_WORD in static:
        return loose | Loose.TEXT | Loose.WORDS
    for at in range(len(folded)):
        if folded[at] != SLOT_WORD:
            continue
        for beside in folded[max(0, at - 1) : at] + folded[at + 1 : at + 2]:
            loose |= _beside(beside)
    return loose


def _beside(character: str) -> Loose:
    """What follows from `character` standing next to a slot."""
    if character.isascii():
        return Loose.TEXT | Loose.WORDS if character.isalnum() else Loose.NONE
    if character == SLOT_WORD or unicodedata.combining(character):
        return Loose.TEXT | Loose.WORDS
    if not character.isalnum() or _is_cjk(character):
        return Loose.NONE
    return Loose.WORDS


def _is_cjk(character: str) -> bool:
    # A character of a CJK run stays a token of its own beside another run.
    return len(text.tokens(character + "a")) > 1
