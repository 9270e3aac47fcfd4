"""What every store says of the patterns of lines."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hantu.model import LogEntry, LogLevel
from hantu.query.logquery import LogQuery
from hantu.store.base import LogStorage
from hantu.store.memory import MemoryStore
from hantu.store.pattern_base import Pattern, PatternOrder, Patterns, parts_of, values_of
from hantu.store.pattern_families import VARIETY, text_of
from tests.contract.conftest import MakeStore
from tests.contract.samples import asked, entry
from tests.contract.strategies import SECOND_NS, START_NS, entry_lists, queries

ALL = LogQuery()
HOUR = {"start_ns": START_NS, "end_ns": START_NS + 3_600 * SECOND_NS}


def texts(found: Patterns) -> list[str]:
    return ["‹›".join(pattern.parts) for pattern in found.patterns]


def failed(number: int, at: int, **parts: Any) -> LogEntry:
    return entry(f"Failed password for root from 10.1.2.{number} port {4700 + number}", at=at, **parts)


@pytest.mark.parametrize(
    ("message", "parts", "values"),
    [
        ("plain words", ("plain words",), ()),
        ("order 42 failed", ("order ", " failed"), ("42",)),
        ("10.1.2.3", ("", ".", ".", ".", ""), ("10", "1", "2", "3")),
        ("took 31ms, deadbeef", ("took ", ", ", ""), ("31ms", "deadbeef")),
        ("a be x", ("a ", " x"), ("be",)),
        ("주문 7건", ("주문 ", "건"), ("7",)),
        ("\x1b[31mred\x1b[0m 5", ("\x1b[31mred\x1b[0m ", ""), ("5",)),
        ("", ("",), ()),
    ],
)
def test_a_value_has_a_digit_or_is_hex(
    message: str, parts: tuple[str, ...], values: tuple[str, ...]
) -> None:
    assert parts_of(message) == parts
    assert values_of(message, parts) == values
    assert values_of("another line 1 2", parts) == ()


def test_lines_that_differ_in_their_values_are_one_pattern(store: LogStorage) -> None:
    store.write_batch([failed(number, number * 60) for number in range(7)])
    store.write_batch(
        [entry("started", at=30), failed(9, 3_599, level=LogLevel.ERROR), entry("late", at=3_600)]
    )
    found = store.patterns(ALL, **HOUR, buckets=6)
    assert texts(found) == ["Failed password for root from ‹›.‹›.‹›.‹› port ‹›", "started"]
    first, second = found.patterns
    assert (first.count, first.counts, first.level) == (8, (7, 0, 0, 0, 0, 1), LogLevel.ERROR)
    assert (first.first_ns, first.last_ns) == (START_NS, START_NS + 3_599 * SECOND_NS)
    assert first.example is not None
    assert parts_of(first.example.message) == first.parts
    assert (second.count, second.level) == (1, LogLevel.INFO)
    assert (found.kinds, found.total, found.complete, found.width_ns) == (2, 9, True, 600 * SECOND_NS)


def test_patterns_are_those_of_the_lines_that_match(store: LogStorage) -> None:
    store.write_batch([failed(1, 1), failed(2, 2, level=LogLevel.ERROR), entry("other 1", at=3)])
    found = store.patterns(asked("password level:error"), **HOUR)
    assert [(pattern.count, pattern.level) for pattern in found.patterns] == [(1, LogLevel.ERROR)]
    assert store.patterns(asked("nowhere"), **HOUR).patterns == ()


def test_a_pattern_is_new_when_no_line_of_it_is_older(store: LogStorage) -> None:
    early = {"start_ns": START_NS + 100 * SECOND_NS, "end_ns": START_NS + 200 * SECOND_NS}
    store.write_batch([entry("job 1 done", at=110), entry("job 2 done", at=111)])
    assert [pattern.new for pattern in store.patterns(ALL, **early).patterns] == [False]
    # Of another source, and seen once alone before.
    store.write_batch(
        [entry("tick 1", at=5, source_id="web"), *(entry(f"tick {n}", at=120) for n in range(4))]
    )
    found = store.patterns(ALL, **early)
    assert [(pattern.parts[0], pattern.new) for pattern in found.patterns] == [
        ("tick ", False),
        ("job ", True),
    ]
    everything = store.patterns(ALL, start_ns=START_NS, end_ns=early["end_ns"])
    assert not any(pattern.new for pattern in everything.patterns)


def test_a_line_without_text_is_new_when_there_was_none(store: LogStorage) -> None:
    span = {"start_ns": START_NS + 100 * SECOND_NS, "end_ns": START_NS + 200 * SECOND_NS}
    for at in (1, 2, 3):
        store.write_batch([entry("tick", at=at)])
    store.write_batch([entry("", at=110)])
    assert [(each.parts, each.new) for each in store.patterns(ALL, **span).patterns] == [(("",), True)]
    store.write_batch([entry("", at=4)])
    assert [(each.parts, each.new) for each in store.patterns(ALL, **span).patterns] == [(("",), False)]


def test_patterns_come_by_count_rarest_or_newest_first(store: LogStorage) -> None:
    lines = [("a", 1)] * 3 + [("b", 50)] * 2 + [("c", 20)] * 2 + [("d", 30)]
    store.write_batch([entry(f"{name}x 1", at=at) for name, at in lines])
    for order, wanted in (
        (PatternOrder.COUNT, ["ax", "bx", "cx", "dx"]),
        (PatternOrder.RARE, ["dx", "bx", "cx", "ax"]),
        (PatternOrder.NEW, ["bx", "dx", "cx", "ax"]),
    ):
        found = store.patterns(ALL, **HOUR, order=order)
        assert [pattern.parts[0].strip() for pattern in found.patterns] == wanted
        few = store.patterns(ALL, **HOUR, order=order, most=2)
        assert (few.patterns, few.kinds, few.total) == (found.patterns[:2], 4, 8)


def test_many_texts_that_come_once_are_patterns_each(store: LogStorage) -> None:
    names = ["".join(letters) for letters in product("ghijklmnopqrstuvwxyz", repeat=2)]
    for at in range(0, len(names), 100):
        store.write_batch([entry(f"{name} {name}x no", at=at) for name in names[at : at + 100]])
    found = store.patterns(ALL, **HOUR, order=PatternOrder.RARE, most=len(names))
    assert texts(found) == [f"{name} {name}x no" for name in names]
    assert (found.kinds, found.total) == (400, 400)


USERS = ("kim", "lee", "park", "choi", "jung", "kang", "yoon", "lim")


def test_texts_that_differ_in_a_word_that_varies_are_one_pattern(store: LogStorage) -> None:
    span = {"start_ns": START_NS + 100 * SECOND_NS, "end_ns": START_NS + 200 * SECOND_NS}
    few = USERS[: VARIETY - 1]
    store.write_batch([entry(f"session opened for user {user}", at=150) for user in few])
    assert store.patterns(ALL, **span).kinds == len(few)
    # One more and it varies.
    store.write_batch(
        [
            entry(f"session opened for user {USERS[-1]}", at=160, level=LogLevel.ERROR),
            entry("session opened for user kim", at=199),
        ]
    )
    (one,) = store.patterns(ALL, **span, buckets=2).patterns
    assert (one.parts, one.count, one.variants) == (("session opened for user ", ""), VARIETY + 1, VARIETY)
    assert (one.counts, one.level) == ((0, VARIETY + 1), LogLevel.ERROR)
    assert (one.first_ns, one.last_ns) == (START_NS + 150 * SECOND_NS, START_NS + 199 * SECOND_NS)
    assert one.example is not None
    assert values_of(one.example.message, one.parts) == (one.example.message.rpartition(" ")[2],)


def test_at_least_half_of_the_words_of_a_pattern_stay(store: LogStorage) -> None:
    verbs = ("opened", "closed", "lost", "found", "begun", "ended", "kept", "moved", "shown")
    store.write_batch([entry(f"door {verb}", at=1) for verb in verbs])
    store.write_batch([entry(f"{verb} {verb} the door", at=2) for verb in verbs])
    found = texts(store.patterns(ALL, **HOUR))
    assert found[0] == "door ‹›"
    assert sorted(found[1:]) == sorted(f"{verb} {verb} the door" for verb in verbs)


@pytest.mark.parametrize("times", [1, 2])
def test_a_family_is_new_when_no_line_of_it_is_older(store: LogStorage, times: int) -> None:
    span = {"start_ns": START_NS + 100 * SECOND_NS, "end_ns": START_NS + 200 * SECOND_NS}
    store.write_batch([entry(f"hello {name} of port {at}", at=150 + at) for at, name in enumerate(USERS)])
    store.write_batch([entry("something else", at=1)])
    (one,) = store.patterns(ALL, **span).patterns
    assert one.new
    # Of somebody who is not among those of the span.
    for _ in range(times):
        store.write_batch([entry("hello oh of port 9", at=2, source_id="web")])
    (one,) = store.patterns(ALL, **span).patterns
    assert not one.new


def test_values_that_look_the_same_are_one_pattern(store: LogStorage) -> None:
    store.write_batch([entry(f"unpacked {version}", at=1) for version in ("1.2.3", "1.2-4", "7")])
    store.write_batch([entry("started \x1b[31m5\x1b[0m", at=4), entry("started 5", at=5)])
    found = store.patterns(ALL, **HOUR)
    assert [(each.parts, each.count, each.variants) for each in found.patterns] == [
        (("unpacked ", ""), 3, 3),
        (("started ", ""), 2, 2),
    ]


def plain(found: Patterns) -> Patterns:
    """Without examples: each store may show another line."""
    return replace(found, patterns=tuple(replace(pattern, example=None) for pattern in found.patterns))


@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.data())
def test_every_store_folds_as_the_reference_does(make_store: MakeStore, data: st.DataObject) -> None:
    entries = data.draw(entry_lists(), label="entries")
    store, reference = make_store(), MemoryStore()
    size = data.draw(st.integers(1, 12), label="batch")
    for first in range(0, len(entries), size):
        store.write_batch(entries[first : first + size])
        reference.write_batch(entries[first : first + size])
    try:
        for _ in range(3):
            query = data.draw(queries(entries), label="query")
            start_ns = START_NS - data.draw(st.integers(-5, 90_000), label="before") * SECOND_NS
            bounds = {"start_ns": start_ns, "end_ns": START_NS + 7 * SECOND_NS + 1, "buckets": 5}
            order = data.draw(st.sampled_from(PatternOrder), label="order")
            most = data.draw(st.sampled_from((1, 3, 100)), label="most")
            found = store.patterns(query, **bounds, order=order, most=most)
            assert plain(found) == plain(reference.patterns(query, **bounds, order=order, most=most))
            assert all(holds(query, pattern) for pattern in found.patterns)
    finally:
        store.close()


def holds(query: LogQuery, pattern: Pattern) -> bool:
    """Whether the example is a line of the pattern that the query asks for."""
    line = pattern.example
    if line is None or not query.matches(line):
        return False
    if pattern.variants == 1:
        return parts_of(line.message) == pattern.parts
    return fits(line.message, pattern)


def fits(message: str, pattern: Pattern) -> bool:
    """Whether the words of a message are those of a pattern, slots aside."""
    words, own = text_of(parts_of(message)).split(b" "), text_of(pattern.parts).split(b" ")
    return len(words) == len(own) and all(b in (a, b"\0") for a, b in zip(words, own, strict=True))
