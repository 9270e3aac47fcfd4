"""The patterns of some entries, as plainly as it can be said."""

from __future__ import annotations

from collections.abc import Sequence

from hantu.model import LogEntry
from hantu.store.pattern_base import SECOND_NS, Pattern, PatternOrder, Patterns, Span, parts_of


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
    before = {parts_of(entry.message) for entry in everything if entry.time_ns < start_ns}
    patterns = [
        _pattern(parts, entries, span, buckets, new=bool(before) and parts not in before)
        for parts, entries in lines.items()
    ]
    patterns.sort(key=lambda pattern: _rank(pattern, order))
    return Patterns(
        tuple(patterns[:most]),
        len(patterns),
        sum(pattern.count for pattern in patterns),
        start_ns,
        span.width_s * SECOND_NS,
    )


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
