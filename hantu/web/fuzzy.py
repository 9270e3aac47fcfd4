"""How well a few typed letters mean a name: for the palette. Korean by its first consonants, too:
ㅈㅁ means 주문, and so does 주무, which is 주문 as it is being typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

_SYLLABLES: Final = range(0xAC00, 0xD7A4)
_VOWELS: Final = 21
_FINALS: Final = 28
_INITIALS: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
# What an input method makes of two consonants typed one after the other.
_PAIRS: Final = str.maketrans(
    {
        "ㄳ": "ㄱㅅ",
        "ㄵ": "ㄴㅈ",
        "ㄶ": "ㄴㅎ",
        "ㄺ": "ㄹㄱ",
        "ㄻ": "ㄹㅁ",
        "ㄼ": "ㄹㅂ",
        "ㄽ": "ㄹㅅ",
        "ㄾ": "ㄹㅌ",
        "ㄿ": "ㄹㅍ",
        "ㅀ": "ㄹㅎ",
        "ㅄ": "ㅂㅅ",
    }
)
_EXACT: Final = 100
_WORD_START: Final = 80
_INSIDE: Final = 60
_SCATTERED: Final = 40
TEXT_MOST: Final = 200
"""Characters of a text that are looked at."""


class Match(NamedTuple):
    """score: the higher, the better. at: the places of the characters that were meant."""

    score: float
    at: frozenset[int]


def match(typed: str, text: str, *, loose: bool) -> Match | None:
    """How well `typed` means `text`: each of its words is within it. loose: also with letters between
    those of a word, as `exe` in `error, extra`. None when it does not."""
    folded = text[:TEXT_MOST].casefold()
    if len(folded) != len(text[:TEXT_MOST]):
        # A few letters fold into two: places would not be those of the text.
        folded = text[:TEXT_MOST].lower()[:TEXT_MOST]
    scores: list[float] = []
    at: set[int] = set()
    for word in typed.casefold().translate(_PAIRS).split():
        found = _together(word, folded) or (_scattered(word, folded) if loose else None)
        if found is None:
            return None
        scores.append(found.score)
        at |= found.at
    if not scores:
        return Match(0, frozenset())
    # Of equally good ones the shorter says more of what was meant.
    return Match(sum(scores) / len(scores) - len(text) / TEXT_MOST, frozenset(at))


def parts(text: str, at: frozenset[int]) -> Sequence[tuple[str, bool]]:
    """The text in pieces, each with whether it is among the places of a match."""
    out: list[tuple[str, bool]] = []
    for place, letter in enumerate(text):
        hit = place in at
        if out and out[-1][1] == hit:
            out[-1] = (out[-1][0] + letter, hit)
        else:
            out.append((letter, hit))
    return out


def _together(word: str, text: str) -> Match | None:
    """The best place where the letters of a word stand side by side."""
    best: Match | None = None
    for start in range(len(text) - len(word) + 1):
        if not all(_means(letter, text[start + at]) for at, letter in enumerate(word)):
            continue
        score = _INSIDE if start else _EXACT
        if start and not text[start - 1].isalnum():
            score = _WORD_START
        if best is None or score > best.score:
            best = Match(score, frozenset(range(start, start + len(word))))
    return best


def _scattered(word: str, text: str) -> Match | None:
    """The letters of a word in their order, with others between; the first at the start of a word."""
    at: list[int] = []
    for letter in word:
        start = at[-1] + 1 if at else 0
        place = next(
            (
                place
                for place in range(start, len(text))
                if _means(letter, text[place]) and (at or place == 0 or not text[place - 1].isalnum())
            ),
            None,
        )
        if place is None:
            return None
        at.append(place)
    return Match(_SCATTERED - (at[-1] - at[0] - len(word)), frozenset(at))


def _means(typed: str, letter: str) -> bool:
    """Whether a typed letter stands for one of the text: itself, or a syllable that begins with it."""
    if typed == letter:
        return True
    code = ord(letter)
    if code not in _SYLLABLES:
        return False
    place = code - _SYLLABLES.start
    if typed in _INITIALS:
        return _INITIALS[place // (_VOWELS * _FINALS)] == typed
    own = ord(typed) - _SYLLABLES.start
    return ord(typed) in _SYLLABLES and own % _FINALS == 0 and place // _FINALS == own // _FINALS
