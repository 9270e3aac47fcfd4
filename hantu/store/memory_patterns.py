"""The patterns of some entries, as plainly as it can be said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hantu.model import LogEntry
from hantu.store import pattern_families
from hantu.store.memory_variety import variable
from hantu.store.pattern_base import SECOND_NS, Pattern, PatternOrder, Patterns, Span, parts_of
from hantu.store.pattern_families import Families, Matcher, families, text_of


def fold(
    found: Sequence[LogEntry],
    everything: Sequence[LogEntry],
    span: Span,
    order: PatternOrder,
    *,
    most: int,
    buckets: int,
) -> Patterns:
    """The patterns of `found`. everything: all entries there are, to know which patterns are new."""
    start_ns, end_ns = span.start_s * SECOND_NS, span.end_s * SECOND_NS
    lines: dict[tuple[str, ...], list[LogEntry]] = {}
    for entry in found:
        if start_ns <= entry.time_ns < end_ns:
            lines.setdefault(parts_of(entry.message), []).append(entry)
    alike = families([text_of(parts) for parts in lines], variable)
    before = {text_of(parts_of(entry.message)) for entry in everything if entry.time_ns < start_ns}
    matcher = Matcher(alike, range(len(alike.texts)))
    known = {matcher.family(text) for text in before}
    patterns = []
    for family in range(len(alike.texts)):
        own = [parts for at, parts in enumerate(lines) if alike.family[at] == family]
        entries = [entry for parts in own for entry in lines[parts]]
        new = bool(before) and family not in known
        pattern = _pattern(_parts(own, alike, family), entries, span, buckets, new=new)
        patterns.append(replace(pattern, variants=len(own)))
    patterns.sort(key=lambda pattern: _rank(pattern, order))
    return Patterns(
        tuple(patterns[:most]),
        len(patterns),
        sum(pattern.count for pattern in patterns),
        start_ns,
        span.width_s * SECOND_NS,
    )


def _parts(own: Sequence[tuple[str, ...]], alike: Families, family: int) -> tuple[str, ...]:
    """The text of a family of these patterns; that of a single one as it is."""
    return own[0] if len(own) == 1 else pattern_families.parts_of(alike.texts[family])


def _pattern(
    parts: tuple[str, ...], entries: Sequence[LogEntry], span: Span, buckets: int, *, new: bool
) -> Pattern:
    counts = [0] * buckets
    for entry in entries:
        counts[(entry.time_ns // SECOND_NS - span.start_s) // span.width_s] += 1
    seconds = [entry.time_ns // SECOND_NS for entry in entries]
    return Pattern(
        parts,
        len(entries),
        max(entry.level for entry in entries),
        tuple(counts),
        min(seconds) * SECOND_NS,
        max(seconds) * SECOND_NS,
        new,
        entries[0],
    )


def _rank(pattern: Pattern, order: PatternOrder) -> tuple[int, int, tuple[str, ...]]:
    match order:
        case PatternOrder.COUNT:
            return -pattern.count, 0, pattern.parts
        case PatternOrder.RARE:
            return pattern.count, 0, pattern.parts
        case PatternOrder.NEW:
            return -pattern.first_ns, -pattern.count, pattern.parts
