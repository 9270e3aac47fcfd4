"""A pattern as the page shows it, and the query that finds its lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import pairwise
from typing import Final

from markupsafe import Markup, escape

from hantu import text as words
from hantu.query.edit import joined
from hantu.query.error import QueryError
from hantu.query.expr import And, Expr, Not, Regex, Substring, Word
from hantu.query.logquery import LogQuery
from hantu.query.regex import PATTERN_LIMIT
from hantu.query.write import unparse
from hantu.store.pattern_base import Pattern, values_of
from hantu.text import plain, visible
from hantu.web import spark

PHRASES_MOST: Final = 5
PHRASE_CHARS: Final = 160
SHOWN_CHARS: Final = 400
REGEX_TOKENS: Final = 4
"""A pattern of so few words is found by its whole text: its words alone would find much else."""
_VALUE: Final = "[0-9A-Za-z]+"
_BETWEEN: Final = re.compile(r"[.:/_,+-]?")
"""Values with one of these between them are one to the eye: an address, a time, an id."""
_WORD: Final = re.compile(r"[A-Za-z]{2,5}")
_RE2_SPECIAL: Final = re.compile(r"[^A-Za-z0-9_ ]")


@dataclass(frozen=True, slots=True)
class Row:
    """A pattern to draw. html: its text, a placeholder for each value. more: lines beyond the first.
    percent: of all lines counted. only, hide: the texts of the searches for it and without it, None
    where none can be written."""

    pattern: Pattern
    html: Markup
    more: int
    percent: float
    bars: tuple[spark.Bar, ...]
    only: str | None
    hide: str | None


def row(text: str, pattern: Pattern, total: int) -> Row:
    """The row of a pattern that was found by the query `text`."""
    search = search_of(pattern)
    lines = sum(part.strip("\n").count("\n") for part in pattern.parts)
    return Row(
        pattern,
        html_of(pattern),
        lines,
        100 * pattern.count / max(total, 1),
        spark.bars(pattern.counts),
        _with(text, search),
        None if search is None else _with(text, Not(search)),
    )


def query_of(text: str, pattern: Pattern) -> str | None:
    """`text` narrowed to the lines of a pattern that it found; None where that cannot be written."""
    return _with(text, search_of(pattern))


def html_of(pattern: Pattern) -> Markup:
    """The first line of the pattern's text, a placeholder in place of its values."""
    values = () if pattern.example is None else values_of(pattern.example.message, pattern.parts)
    out: list[Markup] = []
    size = 0
    for piece, value in _pieces(pattern.parts, values):
        if value is not None:
            out.append(_slot(value))
            size += 3
            continue
        first, newline, _ = piece.lstrip("\n").partition("\n") if not out else piece.partition("\n")
        out.append(escape(visible(plain(first))[: SHOWN_CHARS - size]))
        size += len(first)
        if newline or size >= SHOWN_CHARS:
            if size >= SHOWN_CHARS:
                out.append(Markup("…"))
            break
    return Markup("").join(out)


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


def _slot(value: str) -> Markup:
    # Words such as `add` or `bad` are hex digits by chance: they say more than a placeholder.
    shown = value if _WORD.fullmatch(value) else "‹…›"
    title = visible(value)[:80]
    return Markup('<span class="slot" title="{}">{}</span>').format(title, shown)


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
    regex = Regex(f"^{_VALUE.join(escaped)}$")
    if len(regex.pattern) > PATTERN_LIMIT or not _holds(regex, pattern):
        return None
    return regex


def _escaped(match: re.Match[str]) -> str:
    sign = match.group()
    return f"\\{sign}" if sign.isascii() else sign


def _with(text: str, search: Expr | None) -> str | None:
    """`text` and this, as a query text; None when it cannot be written."""
    if search is None:
        return None
    try:
        both = joined(text, unparse(search))
        LogQuery.parse(both, now_ns=0, tz=UTC)
    except QueryError:
        return None
    return both
