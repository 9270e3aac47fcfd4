"""The one tokeniser: what is indexed, what matches and what is highlighted.

A *run* is a maximal run of letters and digits of one script kind. A CJK run (Han,
Hangul, Kana, Bopomofo) is indexed as overlapping pairs plus its last character, so that a word is
found inside another word: 모의주문실행 gives 모의 의주 주문 문실 실행 행. Any other run is one token.
All is folded first: terminal colours taken out, NFC, lower case.

What is indexed are these tokens with blanks between them: SQLite's FTS5 `ascii` tokenizer splits
them there and nowhere else, for it takes [A-Za-z0-9] and all characters beyond ASCII for letters. So
SQLite's index and tokens() are the same by construction. Source: SQLite FTS5, section 4.3.2 "Ascii
Tokenizer".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from hantu.hidden import HIDDEN, clean, shown, visible

__all__ = [
    "HIDDEN",
    "Needle",
    "clean",
    "fold",
    "highlight",
    "is_cjk",
    "needle",
    "plain",
    "shown",
    "tokens",
    "visible",
]

_CJK: Final = (
    "\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c"
    "\u3041-\u3096\u3099-\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u3131-\u318e"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb"
    "\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff"
)
_ASCII_TOKEN: Final = re.compile(r"[a-z0-9]+")
# Within \w only the underscore is no token character, as in FTS5's ascii tokenizer.
_RUN: Final = re.compile(rf"([{_CJK}]+)|([^\W_{_CJK}]+)")
_CJK_CHAR: Final = re.compile(rf"[{_CJK}]")
# CSI and OSC sequences and the two-character escapes. Source: ECMA-48, 5.4 and 8.3.89.
_ESCAPE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")


def plain(text: str) -> str:
    """`text` without terminal escape sequences: what a person sees of it, and so searches."""
    return _ESCAPE.sub("", text) if "\x1b" in text else text


def fold(text: str) -> str:
    """`text` as it is compared: without terminal escape sequences, NFC, lower case."""
    text = plain(text)
    if text.isascii():
        return text.lower()
    # Lower-casing can leave a decomposed character (İ), hence NFC again.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def tokens(text: str) -> list[str]:
    """The index tokens of `text` in order."""
    folded = fold(text)
    if folded.isascii():
        return _ASCII_TOKEN.findall(folded)
    return list(_split(folded))


def is_cjk(character: str) -> bool:
    """Whether the character is part of CJK runs."""
    return _CJK_CHAR.match(character) is not None


def _split(folded: str) -> Iterator[str]:
    for cjk, word in _RUN.findall(folded):
        if word:
            yield word
        else:
            for start in range(len(cjk) - 1):
                yield cjk[start : start + 2]
            yield cjk[-1]


@dataclass(frozen=True, slots=True)
class Needle:
    """A run of index tokens to find next to each other; open: the last one may go on (a prefix)."""

    tokens: tuple[str, ...]
    open: bool

    def found_in(self, haystack: Sequence[str]) -> bool:
        """Whether the tokens stand next to each other in `haystack`, as tokens() gives them."""
        size = len(self.tokens)
        if not size:
            return False
        head, last = self.tokens[:-1], self.tokens[-1]
        for end in range(size - 1, len(haystack)):
            token = haystack[end]
            if token != last and not (self.open and token.startswith(last)):
                continue
            if all(haystack[end - size + 1 + at] == part for at, part in enumerate(head)):
                return True
        return False


def needle(text: str, *, prefix: bool = False) -> Needle:
    """What a word or phrase of a query looks for; Needle without tokens when it has none.

    prefix: the last word may go on. The last CJK run may go on in any case: 주문 finds 주문을."""
    parts = tokens(text)
    if not parts:
        return Needle((), open=False)
    folded = fold(text)
    last_run = list(_RUN.finditer(folded))[-1]
    if last_run.group(1) is None:
        return Needle(tuple(parts), open=prefix)
    if len(last_run.group(1)) > 1:
        # The run's last character alone is a token only where a run ends; inside a word it is not.
        return Needle(tuple(parts[:-1]), open=False)
    return Needle(tuple(parts), open=True)


def highlight(text: str, words: Iterable[str]) -> Markup:
    """`text` escaped for HTML, with <mark> around each place where one of `words` stands.

    words: query words, phrases, prefixes or substrings as typed. A place is compared without case."""
    needles = sorted({word for word in words if word}, key=len, reverse=True)
    if not needles:
        return escape(text)
    pattern = re.compile("|".join(re.escape(word) for word in needles), re.IGNORECASE)
    out: list[str] = []
    end = 0
    for match in pattern.finditer(text):
        if not _stands_free(text, match):
            continue
        out.append(str(escape(text[end : match.start()])))
        out.append(f"<mark>{escape(match.group())}</mark>")
        end = match.end()
    out.append(str(escape(text[end:])))
    return Markup("".join(out))


def _stands_free(text: str, match: re.Match[str]) -> bool:
    """An ASCII word is marked only where it begins a word: `err` does not light up in `stderr`."""
    start = match.start()
    first = text[start]
    if not (first.isascii() and first.isalnum()) or not start:
        return True
    before = text[start - 1]
    return not (before.isascii() and before.isalnum())
