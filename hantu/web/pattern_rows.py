"""A pattern as the page shows it, and the query that finds its lines."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

from hantu.query.expr import Not
from hantu.store.pattern_base import Pattern
from hantu.store.pattern_search import narrowed, search_of
from hantu.store.pattern_text import first_line, lines_beyond, slot_of
from hantu.text import visible
from hantu.web import spark


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
    return Row(
        pattern,
        html_of(pattern),
        lines_beyond(pattern),
        100 * pattern.count / max(total, 1),
        spark.bars(pattern.counts),
        narrowed(text, search),
        None if search is None else narrowed(text, Not(search)),
    )


def html_of(pattern: Pattern) -> Markup:
    """The first line of the pattern's text, a placeholder in place of its values."""
    return Markup("").join(
        escape(text) if value is None else _slot(value, pattern) for text, value in first_line(pattern)
    )


def _slot(value: str, pattern: Pattern) -> Markup:
    title = visible(value)[:80]
    return Markup('<span class="slot" title="{}">{}</span>').format(title, slot_of(value, pattern))
