"""Patterns that are alike are one family: their texts differ in a few words that vary much.

`status installed nginx:‹› ‹›` and 300 more with other packages become `status installed ‹› ‹›`. The way
of Drain (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017), said
without a tree, so that the order of the lines does not matter: among texts of as many words, a place is
variable where at least VARIETY different words stand between words that are the same. At least half of
the words of a text always stay, so that what happened is never folded away, only to whom.

A text is UTF-8 in which 0x00 stands for a value and 0xFF for a newline (and 0xFD for a NUL)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

SLOT: Final = b"\0"
VARIETY: Final = 8
"""With fewer different words a person would rather see each."""
VARIETY_OF_VALUES: Final = 2
"""Among words that begin with a value: `‹›~‹›` and `‹›+dfsg-‹›` are versions, whatever is in between."""
WORDS_MOST: Final = 60
_ROUNDS: Final = 4
"""So often what varies in one place may let another one vary."""
NEWLINE: Final = b"\xff"
_NUL: Final = b"\xfd"
_KEY_ENDS: Final = b"=\xfe "
"""What follows `key=` is a word of its own. No text has the byte 0xFE."""
_ONE_VALUE: Final = re.compile(rb"\0(?:[.:/_,+-]?\0)+")
_FIRST: Final = re.compile(rb"[^ =]*=?")
_COLOUR: Final = re.compile(rb"\x1b\[[0-9;:]*m")
WORDY: Final = re.compile(rb"[A-Za-z]{2}|[\xc2-\xf4]")

Variable = Callable[[Sequence[Sequence[bytes]]], Sequence[frozenset[int]]]
"""Of texts of as many words, all different: which words of each vary."""


class Varying(Protocol):
    """Texts of as many words, on the way to what varies in them. opened: how often places were."""

    opened: int

    def places(self) -> Sequence[int]:
        """Where the most different words stand comes first."""
        ...

    def open(self, place: int) -> None:
        """Let a place vary where enough different words stand between the same ones."""
        ...

    def absorb(self) -> None:
        """Put texts under those of which they are a case."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Families:
    """family: of each text, a number. texts: of each family, with a slot wherever its members differ.
    wild: the places of words which differ, by family."""

    family: list[int]
    texts: list[bytes]
    wild: list[frozenset[int]]


def text_of(parts: Sequence[str]) -> bytes:
    """The text of a pattern, when it is one line without terminal colours. parts: what stands around its
    values."""
    text = SLOT.join([part.encode().replace(SLOT, _NUL) for part in parts]).replace(b"\n", NEWLINE)
    return text if NEWLINE in text else seen(_COLOUR.sub(b"", text))


def parts_of(text: bytes) -> tuple[str, ...]:
    """What stands around the values of a text."""
    pieces = text.split(SLOT)
    return tuple(piece.replace(_NUL, b"\0").replace(NEWLINE, b"\n").decode() for piece in pieces)


def seen(text: bytes) -> bytes:
    """A text of one line, or many, as a person sees it: values with a sign between them are one."""
    return _ONE_VALUE.sub(SLOT, text)


def families(texts: Sequence[bytes], variable: Variable) -> Families:
    """Put texts that are alike into families; those of one line were made by seen()."""
    numbers: dict[bytes, int] = {}
    of_text = [numbers.setdefault(text, len(numbers)) for text in texts]
    common = list(numbers)
    wild: list[frozenset[int]] = [frozenset()] * len(common)
    for members, words in _by_length(common):
        for at, (member, places) in enumerate(zip(members, variable(words), strict=True)):
            if places:
                common[member] = masked(words[at], places)
                wild[member] = places
    found: dict[bytes, int] = {}
    of_distinct = [found.setdefault(text, len(found)) for text in common]
    places_of: list[frozenset[int]] = [frozenset()] * len(found)
    for family, own in zip(of_distinct, wild, strict=True):
        places_of[family] |= own
    return Families([of_distinct[number] for number in of_text], list(found), places_of)


def settle(texts: Varying) -> None:
    """Find what varies in these texts."""
    for _ in range(_ROUNDS):
        before = texts.opened
        for place in texts.places():
            texts.open(place)
        texts.absorb()
        if texts.opened == before:
            return


def masked(words: Sequence[bytes], places: Iterable[int]) -> bytes:
    """The text of these words, a slot at each of these places."""
    text = list(words)
    for place in places:
        text[place] = SLOT
    return b" ".join(text).replace(_KEY_ENDS, b"=")


def _words(text: bytes) -> list[bytes]:
    return text.replace(b"=", _KEY_ENDS).split(b" ")


class Matcher:
    """Tells which of some families a text is of."""

    def __init__(self, found: Families, wanted: Iterable[int]) -> None:
        self.texts = {family: found.texts[family] for family in wanted}
        # Also as it stands: a family may have members in which nothing varies.
        self._exact = {text: family for family, text in self.texts.items()}
        self._masks: dict[bytes, dict[int, dict[frozenset[int], dict[bytes, int]]]] = {}
        for family, text in self.texts.items():
            if mask := found.wild[family]:
                of_first = self._masks.setdefault(SLOT if 0 in mask else _first(text), {})
                of_first.setdefault(_gaps(text), {}).setdefault(mask, {})[text] = family

    def __bool__(self) -> bool:
        return bool(self.texts)

    def family(self, text: bytes) -> int | None:
        """The family of a text, None when it is of none; one of one line was made by seen()."""
        family = self._exact.get(text)
        if family is not None or NEWLINE in text:
            return family
        # Most texts are of none: they are told by their first word, without taking them apart.
        for first in (_first(text), SLOT):
            masks = self._masks[first].get(_gaps(text), {}) if first in self._masks else {}
            words = _words(text) if masks else []
            for mask, known in masks.items():
                family = known.get(masked(words, mask))
                if family in self.texts:
                    return family
        return None

    def drop(self, family: int) -> None:
        """Look for this family no longer, if at all."""
        text = self.texts.pop(family, None)
        if text is not None:
            del self._exact[text]


def _first(text: bytes) -> bytes:
    found = _FIRST.match(text)
    return found.group() if found else b""


def _gaps(text: bytes) -> int:
    return text.count(b" ") + text.count(b"=")


def _by_length(texts: Sequence[bytes]) -> Iterable[tuple[list[int], list[list[bytes]]]]:
    """The texts of one line that have as many words: their places, and the words of each."""
    lots: dict[int, tuple[list[int], list[list[bytes]]]] = {}
    lines = b"\n".join(texts).replace(b"=", _KEY_ENDS).split(b"\n")
    for at, line in enumerate(lines):
        gaps = line.count(b" ")
        if gaps < WORDS_MOST and NEWLINE not in line:
            members, words = lots.setdefault(gaps, ([], []))
            members.append(at)
            words.append(line.split(b" "))
    return [lot for lot in lots.values() if len(lot[0]) >= VARIETY_OF_VALUES]
