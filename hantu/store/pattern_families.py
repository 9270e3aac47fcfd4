"""Patterns that are alike are one family: their texts differ in a few words that vary much.

`status installed nginx:‹› ‹›` and 300 more with other packages become `status installed ‹› ‹›`. The way
of Drain (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017), said
without a tree, so that the order of the lines does not matter: among texts of as many words, a place is
variable where at least VARIETY different words stand between words that are the same. At least half of
the words of a text always stay, so that what happened is never folded away, only to whom.

A text is UTF-8 in which 0x00 stands for a value and 0xFF for a newline (and 0xFD for a NUL)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
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
_NEWLINE: Final = b"\xff"
_NUL: Final = b"\xfd"
_KEY_ENDS: Final = b"=\xfe "
"""What follows `key=` is a word of its own. No text has the byte 0xFE."""
_ONE_VALUE: Final = re.compile(rb"\0(?:[.:/_,+-]?\0)+")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]*m")
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
    """The text of a pattern without terminal colours. parts: what stands around its values."""
    pieces = (_COLOUR.sub("", part).encode().replace(SLOT, _NUL) for part in parts)
    return seen(SLOT.join(pieces).replace(b"\n", _NEWLINE))


def parts_of(text: bytes) -> tuple[str, ...]:
    """What stands around the values of a text."""
    pieces = text.split(SLOT)
    return tuple(piece.replace(_NUL, b"\0").replace(_NEWLINE, b"\n").decode() for piece in pieces)


def seen(text: bytes) -> bytes:
    """A text, or many, as a person sees it: values with a sign between them are one."""
    return _ONE_VALUE.sub(SLOT, text)


def families(texts: Sequence[bytes], variable: Variable) -> Families:
    """Put texts that are alike into families; each was made by seen()."""
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
        self._of_mask: dict[int, dict[frozenset[int], dict[bytes, int]]] = {}
        self.texts: dict[int, bytes] = {}
        for family in wanted:
            text = self.texts[family] = found.texts[family]
            masks = self._of_mask.setdefault(_gaps(text), {})
            # Also as it stands: a family may have members in which nothing varies.
            for mask in {frozenset[int](), found.wild[family]}:
                masks.setdefault(mask, {})[text] = family

    def __bool__(self) -> bool:
        return bool(self.texts)

    def family(self, text: bytes) -> int | None:
        """The family of a text that was made by seen(), None when it is of none."""
        masks: Mapping[frozenset[int], Mapping[bytes, int]] = self._of_mask.get(_gaps(text), {})
        words = _words(text)
        for mask, known in masks.items():
            family = known.get(masked(words, mask) if mask else text)
            if family is not None:
                return family
        return None

    def drop(self, family: int) -> None:
        """Look for this family no longer."""
        text = self.texts.pop(family)
        for known in self._of_mask[_gaps(text)].values():
            known.pop(text, None)


def _gaps(text: bytes) -> int:
    return text.count(b" ") + text.count(b"=")


def _by_length(texts: Sequence[bytes]) -> Iterable[tuple[list[int], list[list[bytes]]]]:
    """The texts of one line that have as many words: their places, and the words of each."""
    lots: dict[int, tuple[list[int], list[list[bytes]]]] = {}
    for at, text in enumerate(texts):
        gaps = _gaps(text)
        if gaps < WORDS_MOST and _NEWLINE not in text:
            members, words = lots.setdefault(gaps, ([], []))
            members.append(at)
            words.append(_words(text))
    return [lot for lot in lots.values() if len(lot[0]) >= VARIETY_OF_VALUES]
