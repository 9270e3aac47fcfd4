"""Patterns as JSON: one form for the API and the command line."""

from __future__ import annotations

from hantu.output import Log, Wire, iso, log_of, optional_iso
from hantu.store.pattern_base import Pattern, Patterns
from hantu.store.pattern_search import query_of
from hantu.store.pattern_text import SLOT


class PatternInfo(Wire, frozen=True):
    """Lines that differ only in their values, or also in a word or two that vary much.

    text: with ‹…› for each value. variants: how many different texts around values they have. level:
    the most severe. counts: lines in each part of the time. first, last: to the second. new: no line
    like it is older than `since`. query: finds its lines, null where none can be written. example: one
    of them."""

    text: str
    count: int
    variants: int
    level: str
    counts: list[int]
    first: str
    last: str
    new: bool
    query: str | None
    example: Log | None


class PatternsAnswer(Wire, frozen=True):
    """kinds: different patterns there are, total: lines of all of them. Each part of the time is widthNs
    long. complete=false: the time limit ended the count, which looked back to searchedTo."""

    patterns: list[PatternInfo]
    kinds: int
    total: int
    start: str
    width_ns: int
    complete: bool
    searched_to: str | None


def answer_of(found: Patterns, text: str) -> PatternsAnswer:
    """What was found by the query `text`."""
    return PatternsAnswer(
        [_info(pattern, text) for pattern in found.patterns],
        found.kinds,
        found.total,
        iso(found.start_ns),
        found.width_ns,
        found.complete,
        optional_iso(found.searched_to_ns),
    )


def _info(pattern: Pattern, text: str) -> PatternInfo:
    return PatternInfo(
        SLOT.join(pattern.parts),
        pattern.count,
        pattern.variants,
        pattern.level.label,
        list(pattern.counts),
        iso(pattern.first_ns),
        iso(pattern.last_ns),
        pattern.new,
        query_of(text, pattern),
        None if pattern.example is None else log_of(pattern.example),
    )
