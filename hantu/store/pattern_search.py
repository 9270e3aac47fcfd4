"""The query that finds the lines of a pattern."""

from __future__ import annotations

import re
from datetime import UTC
from typing import Final

from hantu import text as words
from hantu.query.edit import joined
from hantu.query.error import QueryError
from hantu.query.expr import And, Expr, Regex, Substring, Word
from hantu.query.logquery import LogQuery
from hantu.query.regex import PATTERN_LIMIT
from hantu.query.write import unparse
from hantu.store.pattern_base import Pattern
from hantu.text import plain

PHRASES_MOST: Final = 5
PHRASE_CHARS: Final = 160
REGEX_TOKENS: Final = 4
"""A pattern of so few words is found by its whole text: its words alone would find much else."""
_VALUE: Final = "[0-9A-Za-z]+"
_WORD: Final = r"[^ ]+"
"""A value of a pattern with several texts may be any word, or a part of one."""
_RE2_SPECIAL: Final = re.compile(r"[^A-Za-z0-9_ ]")


def query_of(text: str, pattern: Pattern) -> str | None:
    """`text` narrowed to the lines of a pattern that it found; None where that cannot be written."""
    return narrowed(text, search_of(pattern))


def search_of(pattern: Pattern) -> Expr | None:
    """What finds the lines of a pattern, and few others; None when nothing can."""
    phrases = _phrases(pattern)
    tokens = sum(len(words.tokens(each.text)) for each in phrases)
    if tokens < REGEX_TOKENS:
        exact = _exact(pattern)
        if exact is not None:
            return exact
    if not phrases:
        return None
    return phrases[0] if len(phrases) == 1 else And(tuple(phrases))


def _phrases(pattern: Pattern) -> list[Word | Substring]:
    """The longest texts between values, as phrases that the example has."""
    found: list[Word | Substring] = []
    for part in sorted(pattern.parts, key=len, reverse=True):
        phrase = _phrase(plain(part))
        if phrase is not None and phrase not in found and _holds(phrase, pattern):
            found.append(phrase)
        if len(found) == PHRASES_MOST:
            break
    # In the order in which they stand.
    return sorted(found, key=lambda each: plain("\n".join(pattern.parts)).find(each.text))


def _phrase(part: str) -> Word | Substring | None:
    text = part.strip().partition("\n")[0].strip()
    begun = text[:PHRASE_CHARS]
    if len(text) > PHRASE_CHARS:
        text = begun.rpartition(" ")[0].strip() or begun
    if not words.tokens(text) or not text.isprintable():
        return None
    # A word that was cut is found by its letters alone.
    return Substring(text) if text == begun and len(begun) == PHRASE_CHARS else Word(text, quoted=True)


def _holds(phrase: Expr, pattern: Pattern) -> bool:
    return pattern.example is None or LogQuery(search=phrase).matches(pattern.example)


def _exact(pattern: Pattern) -> Expr | None:
    """The whole text as a regular expression, when it is a short one."""
    text = "\0".join(pattern.parts)
    if not text.replace("\0", "").isprintable():
        return None
    escaped = [_RE2_SPECIAL.sub(_escaped, part) for part in pattern.parts]
    value = _VALUE if pattern.variants == 1 else _WORD
    regex = Regex(f"^{value.join(escaped)}$")
    if len(regex.pattern) > PATTERN_LIMIT or not _holds(regex, pattern):
        return None
    return regex


def _escaped(match: re.Match[str]) -> str:
    sign = match.group()
    return f"\\{sign}" if sign.isascii() else sign


def narrowed(text: str, search: Expr | None) -> str | None:
    """`text` and this, as a query text; None when it cannot be written."""
    if search is None:
        return None
    try:
        both = joined(text, unparse(search))
        LogQuery.parse(both, now_ns=0, tz=UTC)
    except QueryError:
        return None
    return both
