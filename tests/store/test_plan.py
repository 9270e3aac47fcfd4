"""A plan over frames finds what the definition of a match says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hantu.model import LogEntry
from hantu.query.expr import And, Expr, Field, Not, Op, Or, Regex, Substring, Word
from hantu.query.logquery import LogQuery
from hantu.query.match import matches
from hantu.store.ids import EntryIds
from hantu.store.sqlite.batch import LEVEL_BITS, Batch, BoolArray, Column
from hantu.store.sqlite.filter import Filter
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.metadata_term import _sieve
from hantu.store.sqlite.plan import Plan
from hantu.store.sqlite.segment_writer import encode
from hantu.store.sqlite.shapes import Shapes
from tests.contract.strategies import MESSAGES, entry_lists, queries
from tests.store.codec_parts import Book, batch_of, frame_of
from tests.store.indexed import File
from tests.store.made import entry

MANY = settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None)
IDS = EntryIds(7)


class Sealed:
    """Entries as a segment."""

    def __init__(
        self,
        entries: Sequence[LogEntry],
        *,
        hot: bool = False,
        shapes: Shapes | None = None,
        file: File | None = None,
    ) -> None:
        self.entries = [
            msgspec.structs.replace(each, key=number, id=IDS.text(number))
            for number, each in enumerate(entries, 1)
        ]
        numbers: dict[tuple[str, str], int] = {}
        cells = [
            numbers.setdefault((each.source, each.source_id), len(numbers) + 1) << LEVEL_BITS | each.level
            for each in entries
        ]
        self.streams = {number: origin for origin, number in numbers.items()}
        self.shapes = shapes or Shapes()
        self.file = file or File()
        batch = Batch(
            keys=np.arange(1, len(entries) + 1),
            times=np.array([each.time_ns for each in entries], np.int64),
            cells=np.array(cells, np.int64),
            messages=[each.message for each in entries],
            metadata=[
                None if each.metadata is None else msgspec.json.encode(each.metadata) for each in entries
            ],
            created=np.zeros(len(entries), np.int64),
        )
        self.columns = encode(batch, Shapes(shapes_most=0) if hot else self.shapes)
        self.frame = Frame(self.columns.__getitem__, self.shapes)

    def plan(self, query: LogQuery) -> Plan:
        """What is done to answer it."""
        return Plan.of(query, self.streams, IDS, self.file.seen(self.shapes))

    def found(self, query: LogQuery, *, filtered: bool = False) -> list[int]:
        """The keys of what the plan finds."""
        plan = self.plan(query)
        frame = self.frame
        verdict = plan.groups(frame.cells, frame.shapes, self.absent(plan) if filtered else None)
        lines = plan.lines(frame, verdict, None)
        assert (np.diff(lines) > 0).all()
        keys = frame.keys(lines).tolist()
        return sorted(keys if plan.key is None else {plan.key} & set(keys))

    def absent(self, plan: Plan) -> dict[int, BoolArray]:
        """What the filter says."""
        own = Filter(self.columns[Column.FILTER])
        size = len(self.frame.cells)
        return {each: np.full(size, not own.may_hold(each), np.bool_) for each in plan.hashes}

    def expected(self, query: LogQuery) -> list[int]:
        """The keys of what matches by definition, apart from times and keys."""
        free = replace(query, start_ns=None, end_ns=None, after_key=None)
        return [each.key for each in self.entries if matches(free, each)]

    def agrees(self, query: LogQuery) -> None:
        """The plan finds what matches, with the filter and without."""
        expected = self.expected(query)
        assert self.found(query) == expected
        assert self.found(query, filtered=True) == expected


def sealed(*messages: str, times: int = 2) -> Sealed:
    """Each message that many times, so that it has a shape."""
    return Sealed([entry(message) for message in messages for _ in range(times)])


@pytest.mark.promise("M16")
@MANY
@given(st.data())
def test_a_plan_finds_what_matches(data: st.DataObject) -> None:
    entries = data.draw(entry_lists(), label="entries")
    shapes, file = Shapes(), File()
    known = data.draw(st.booleans(), label="shapes known")
    if entries and known:
        Sealed(entries + entries, shapes=shapes)
    made = Sealed(entries, hot=data.draw(st.booleans(), label="hot"), shapes=shapes, file=file)
    for _ in range(3):
        made.agrees(data.draw(queries(entries), label="query"))


PARTS = (
    *("12", "7", "ab3", "beef", "cafe", "err", "port", "from", "x", "zz9", "10.1.2.3", "deadbeef01"),
    *(
        " ",
        " ",
        " ",
        "=",
        "-",
        ".",
        ":",
        "_",
        "\n",
        "\x00",
        "주문",
        "한",
        "µ",
        "é",
        "e\u0301",
        "→",
        "Σ",
        "ﾗ",
    ),
    *("\x1b[31m", "\x1b[0m", "\x1b(B", "İ", "\u3099", "\u1112\u1161", "\u212a", "ſ", "ꙮ", "K", "Port"),
)
MADE = st.lists(st.sampled_from(PARTS), max_size=9).map("".join)
CUTS = st.tuples(st.integers(0, 12), st.integers(1, 9))


@MANY
@given(st.data())
def test_words_and_parts_are_found_across_values(data: st.DataObject) -> None:
    messages = data.draw(st.lists(MADE, min_size=1, max_size=12))
    made = Sealed([entry(message) for message in messages * data.draw(st.integers(1, 3), label="times")])
    for _ in range(4):
        start, size = data.draw(CUTS)
        message = data.draw(st.sampled_from(messages))
        part = message[start : start + size] or data.draw(MADE) or "x"
        changed = data.draw(st.sampled_from((part, part.upper(), part.swapcase())))
        terms: tuple[Expr, ...] = (
            Word(changed, quoted=True),
            Word(changed, quoted=True, prefix=True),
            Substring(changed),
            Not(Substring(changed)),
        )
        made.agrees(LogQuery(search=data.draw(st.sampled_from(terms))))


def test_a_run_that_folding_joins_to_a_letter_is_no_token_of_its_own() -> None:
    made = Sealed([entry(message) for message in ("x 10.312e\u0301 y", "x 10.999 y", "a \u212a123é b")])
    for part in ("x 10.312é", "10.312e\u0301", "0.312é y", "x 10.999 y", " k123é ", "K123É b"):
        made.agrees(LogQuery(search=Substring(part)))
        assert made.expected(LogQuery(search=Substring(part)))


REGEX_PARTS = st.sampled_from(
    (
        *("port", "err", "be", "a", "k", "s", "12", r"\d+", r"\.", r"[0-9]", r"[^]x]", r"[[:alpha:]]", "."),
        *(
            "(err|port)",
            "(?:port)?",
            "(x)*",
            "from{0}",
            "ca+fe",
            "b{2}",
            "주문",
            r"\w",
            "^",
            "$",
            "(?i)",
            "|",
        ),
        *("e", "é", "(?P<n>po)", r"\x70", r"\Qpo\E", " ", "="),
    )
)


@MANY
@given(st.data())
def test_a_regular_expression_is_found_where_re2_finds_it(data: st.DataObject) -> None:
    messages = data.draw(st.lists(MADE, min_size=1, max_size=12))
    made = Sealed([entry(message) for message in messages * data.draw(st.integers(1, 2), label="times")])
    for _ in range(3):
        pattern = "".join(data.draw(st.lists(REGEX_PARTS, min_size=1, max_size=4)))
        made.agrees(LogQuery(search=Regex(pattern)))


@MANY
@given(st.lists(MESSAGES, min_size=1, max_size=10), st.data())
def test_verdicts_follow_the_shapes_that_come_later(messages: list[str], data: st.DataObject) -> None:
    shapes, file = Shapes(), File()
    word = data.draw(st.sampled_from(messages)).split()[:2]
    query = LogQuery(search=Word(" ".join(word) or "x", quoted=True))
    for size in range(1, len(messages) + 1):
        Sealed([entry(message) for message in messages[:size] * 2], shapes=shapes, file=file).agrees(query)
    shapes.remove([1])
    shapes.remove([2])
    made = Sealed([entry(message) for message in messages * 2], shapes=shapes, file=file)
    made.agrees(query)


@pytest.mark.parametrize(
    "search",
    [
        Substring("port 26"),
        Substring("in 3"),
        Substring("rhost=10.1.2.3"),
        Substring("2.3 port"),
        Substring("1"),
        Substring("26"),
        Word("10.1.2.3", quoted=True),
        Word("port 2", quoted=True, prefix=True),
        Word("2", prefix=True),
        Word("3ms"),
        And((Word("port"), Not(Word("26")))),
        Or((Word("nowhere"), Substring("3m"))),
        Regex("port 2[0-9]"),
        Regex("(?i)PORT"),
    ],
)
def test_values_and_text_together_are_found(search: Expr) -> None:
    made = sealed(
        "rhost=10.1.2.3 port 26",
        "rhost=10.1.2.31 port 126",
        "rhost=110.1.2.3 port 2",
        "done in 3ms",
        "done in 33 s",
        "done in 12µs",
        "done in 1\x1b[1mms",
        "no value",
    )
    expected = made.expected(LogQuery(search=search))
    assert expected
    made.agrees(LogQuery(search=search))


def test_a_common_value_is_compared_column_by_column() -> None:
    made = Sealed([entry(f"took {number % 5} of {number % 7} in {number}xyz") for number in range(3_000)])
    for part in ("took 3 of 2", "2 in 10", "2999xyz", "xyz", "3 of 2 in 1", "99xyz"):
        made.agrees(LogQuery(search=Substring(part)))
        made.agrees(LogQuery(search=Word(part, quoted=True)))


def test_a_plan_says_what_it_needs_no_lines_for() -> None:
    made = sealed("failed for root", "failed for 12", "done")

    def of(**parts: object) -> Plan:
        return made.plan(LogQuery(**parts))  # type: ignore[arg-type]  # test

    assert of().all
    assert of().simple
    plan = of(search=And((Word("failed"), Not(Word("root")))))
    assert (plan.simple, plan.all) == (True, False)
    verdict = plan.groups(made.frame.cells, made.frame.shapes)
    assert sorted(verdict.tolist()) == [0, 0, 2]
    assert not of(search=Word("12")).simple
    assert of(start_ns=5, end_ns=5).nothing
    assert of(search=Field("id", Op.EQ, IDS.text(3))).key == 3
    assert of(search=Field("id", Op.EQ, EntryIds(8).text(3))).nothing


def test_a_filter_settles_values_and_metadata() -> None:
    made = Sealed(
        [
            entry(f"user {number}, ok", metadata={"trace_id": f"abc{number:05}"})
            for number in range(10_000, 10_100)
        ]
    )
    for search in (Word("77777"), Field("trace", Op.EQ, "abc99999"), Substring("user 77777,")):
        plan = made.plan(LogQuery(search=search))
        shapes = made.frame.shapes
        assert plan.groups(made.frame.cells, shapes).any()
        assert not plan.groups(made.frame.cells, shapes, made.absent(plan)).any()
    made.agrees(LogQuery(search=Field("trace", Op.EQ, "ABC10007")))
    made.agrees(LogQuery(search=Not(Field("trace", Op.EQ, "abc99999"))))


def test_metadata_are_found_without_their_colours() -> None:
    made = Sealed([entry("x", metadata={"a": {"b": ["\x1b[31mabc12345", "\x1b[0mde\x1b[1mf98765"]}})] * 2)
    for value in ("abc12345", "def98765"):
        assert made.found(LogQuery(search=Field("a.b", Op.EQ, value)), filtered=True) == [1, 2]
        made.agrees(LogQuery(search=Field("a.b", Op.EQ, value)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("od", "abc12"),
        ("od", "a/b"),
        ("od", "a"),
        ("od", "42"),
        ("od", "x*"),
        ('o"d', "abc12"),
        ("o/d", "4"),
    ],
)
def test_metadata_are_found_however_they_are_spelled(name: str, value: str) -> None:
    said = {name: 42 if value == "42" else value.replace("*", "yz"), "stack": "one\n  two\tthree"}
    plain = msgspec.json.encode(said)
    spelled = plain.replace(b"d", rb"\u0064").replace(b"a", rb"\u0061").replace(b"/", rb"\/")
    other = msgspec.json.encode({"no": "q", "stack": "one\n  two"})
    batch = batch_of(["x"] * 4, metadata=[other, plain, spelled, other])
    column = frame_of(batch, Book()).metadata()
    sieve = _sieve(Field(name, Op.EQ, value))
    assert sieve is not None
    found = [column.texts[number] for number in sieve.candidates(column).tolist()]
    assert {plain, spelled} <= set(found)
    assert other not in found or '"' in name


def test_only_candidates_are_looked_at() -> None:
    made = sealed("took 12 ms", "took 13 ms", "other")
    plan = made.plan(LogQuery(search=Substring("took 1")))
    verdict = plan.groups(made.frame.cells, made.frame.shapes)
    every = plan.lines(made.frame, verdict, None)
    assert len(every) == 4
    assert plan.lines(made.frame, verdict, every[1:3]).tolist() == every[1:3].tolist()
