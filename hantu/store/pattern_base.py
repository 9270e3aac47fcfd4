"""What a store promises of patterns: PatternStorage, a part of LogStorage.

A pattern is what lines have in common that differ only in their values. A value is a maximal run of
[A-Za-z0-9] that has a digit, or that is all hex letters and at least two long; a terminal colour is
none. `Failed password for root from 10.1.2.3 port 4711` has the text
`Failed password for root from ‹›.‹›.‹›.‹› port ‹›`. Texts that are alike are one pattern, too
(pattern_families.py): with many users it is `Failed password for ‹› from ‹› port ‹›`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import repeat
from typing import Final, NamedTuple, Protocol

from hantu.model import LogEntry, LogLevel
from hantu.query.logquery import LogQuery
from hantu.text import plain

SECOND_NS: Final = 1_000_000_000
PATTERNS_MOST: Final = 100
BUCKETS: Final = 24
SLOT: Final = "\0"
_LIMIT_MS: Final = 5_000
_RUN: Final = re.compile(r"\x1b\[[0-9;:]*m|([A-Za-z0-9]+)")
_HEX_LETTERS: Final = re.compile(r"[a-fA-F]{2,}")
_DIGIT: Final = re.compile(r"[0-9]")


class PatternOrder(StrEnum):
    """Which patterns are given, and in which order: the most frequent, the rarest, those that were first
    seen last."""

    COUNT = "count"
    RARE = "rare"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Pattern:
    """Lines that differ only in their values, or also in a word or two that vary much.

    parts: the text around the values, one more than values. variants: how many different texts around
    values its lines have; with more than one, words that differ count as values, too. level: the most
    severe. counts: lines in each part of the time. first_ns, last_ns: of those lines, rounded down to
    seconds. new: no line of this pattern, whatever its source, is older than the time that was asked
    for, though other lines are. example: a line of it, None when time ran out."""

    parts: tuple[str, ...]
    count: int
    level: LogLevel
    counts: tuple[int, ...]
    first_ns: int
    last_ns: int
    new: bool
    example: LogEntry | None
    variants: int = 1


@dataclass(frozen=True, slots=True)
class Patterns:
    """patterns: those asked for. kinds: how many different ones there are (at least). total: lines of
    all of them. start_ns, width_ns: of the parts of the time, in whole seconds.

    complete=False: the time limit ended the count; it looked back to searched_to_ns."""

    patterns: tuple[Pattern, ...]
    kinds: int
    total: int
    start_ns: int
    width_ns: int
    complete: bool = True
    searched_to_ns: int | None = None


class PatternStorage(Protocol):
    """Folds lines that are alike."""

    def patterns(
        self,
        query: LogQuery,
        *,
        start_ns: int,
        end_ns: int,
        order: PatternOrder = PatternOrder.COUNT,
        most: int = PATTERNS_MOST,
        buckets: int = BUCKETS,
        time_limit_ms: int = _LIMIT_MS,
    ) -> Patterns:
        """The patterns of matching lines with start_ns ≤ time < end_ns, both widened to whole seconds.

        Ties in their order are decided by count, then by parts. Raises QueryTimeout when the time limit
        ended the count before anything was seen."""
        ...


class Span(NamedTuple):
    """The time that patterns are asked of, in seconds: start_s + width_s · buckets ≥ end_s."""

    start_s: int
    end_s: int
    width_s: int

    @classmethod
    def of(cls, start_ns: int, end_ns: int, buckets: int) -> Span:
        """start_ns … end_ns widened to whole seconds, in `buckets` parts."""
        start_s, end_s = start_ns // SECOND_NS, -(-end_ns // SECOND_NS)
        return cls(start_s, end_s, max(1, -(-(end_s - start_s) // buckets)))


def parts_of(message: str) -> tuple[str, ...]:
    """The text of a message around its values."""
    parts: list[str] = []
    end = 0
    for run in _RUN.finditer(message):
        text = run.group(1)
        if text is None or not (_DIGIT.search(text) or _HEX_LETTERS.fullmatch(text)):
            continue
        parts.append(message[end : run.start()])
        end = run.end()
    return (*parts, message[end:])


def values_of(message: str, parts: Sequence[str]) -> tuple[str, ...]:
    """The values that stand between these parts in a message of this pattern; none where that is not
    clear."""
    if parts_of(message) != tuple(parts):
        return tuple(_values_of_words(plain(message).split(" "), SLOT.join(parts).split(" ")))
    values: list[str] = []
    at = 0
    for run in _RUN.finditer(message):
        if len(values) + 1 == len(parts):
            break
        if run.group(1) is not None and run.start() == at + len(parts[len(values)]):
            values.append(run.group(1))
            at = run.end()
    return tuple(values)


def _values_of_words(words: Sequence[str], texts: Sequence[str]) -> Iterator[str]:
    """The words that are values; "" for values within a word."""
    if len(words) != len(texts):
        return
    for word, text in zip(words, texts, strict=True):
        if text == SLOT:
            yield word
        else:
            yield from repeat("", text.count(SLOT))
