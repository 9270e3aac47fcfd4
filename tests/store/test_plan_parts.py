"""Parts of a plan: what a regular expression needs, what is sought in shapes and values."""

from __future__ import annotations

import numpy as np
import pytest

from hantu.query.expr import And, Expr, Or, Substring, Word
from hantu.store.sqlite.filter import token_hash
from hantu.store.sqlite.grams import gram_hashes
from hantu.store.sqlite.regex_needs import regex_needs
from hantu.store.sqlite.sought import Constraint, Match, Pattern, Sought, Where, sought_by
from tests.store.indexed import File, known


@pytest.mark.parametrize(
    ("pattern", "needs"),
    [
        ("port", Substring("port")),
        ("p", None),
        (r"port \d+ ssh", And((Substring("port "), Substring(" ssh")))),
        ("ab+c", And((Substring("ab"), Substring("bc")))),
        ("abc?d", Substring("ab")),
        ("abc{0,3}de{2}", And((Substring("ab"), Substring("de")))),
        ("(?i)Error", Substring("Error")),
        ("fail(ed|ure)", And((Substring("fail"), Or((Substring("ed"), Substring("ure")))))),
        ("(?:port)? from", Substring(" from")),
        ("(port)+x", Substring("port")),
        ("aa|bb", Or((Substring("aa"), Substring("bb")))),
        ("aa|b", None),
        ("aa|", None),
        (r"1\.2\.3", Substring("1.2.3")),
        ("[ab]cd[^]x]ef", And((Substring("cd"), Substring("ef")))),
        ("[[:digit:]]cd", Substring("cd")),
        ("ab{c", Substring("ab{c")),
        ("주문ab", Substring("ab")),
        ("^ab$", Substring("ab")),
        (r"\bab\B", Substring("ab")),
        (r"(?P<name>ab)", Substring("ab")),
        (r"\x61b", None),
        (r"\Qab\E", None),
        (r"\pLab", None),
        ("(?x)ab", None),
        ("ab(cd", None),
        ("ab)", None),
        ("a**", None),
        ("[ab", None),
        ("ab\\", None),
    ],
)
def test_a_regular_expression_says_what_it_needs(pattern: str, needs: Expr | None) -> None:
    assert regex_needs(pattern) == needs


def constrained(text: bytes, *constraints: tuple[Match, bytes]) -> Pattern:
    """A pattern with slots."""
    return Pattern(text, tuple(Constraint(*each) for each in constraints))


@pytest.mark.parametrize(
    ("expr", "patterns", "anywhere"),
    [
        (Word("Failed"), (Pattern(b" failed "),), None),
        (Word("fail", prefix=True), (Pattern(b" fail"),), Constraint(Match.STARTS, b"fail")),
        (Word("4711"), (), Constraint(Match.EQUAL, b"4711")),
        (Word("beef"), (Pattern(b" beef "),), Constraint(Match.EQUAL, b"beef")),
        (Word("10.2"), (constrained(b" \0 \0 ", (Match.EQUAL, b"10"), (Match.EQUAL, b"2")),), None),
        (Substring("rt 2"), (), None),
        (Substring("4f2a"), (), Constraint(Match.CONTAINS, b"4f2a")),
        (Substring("주문"), (Pattern("주문".encode()),), None),
    ],
)
def test_what_is_sought_may_be_text_or_values(
    expr: Word | Substring, patterns: tuple[Pattern, ...], anywhere: Constraint | None
) -> None:
    found = sought_by(expr)
    assert isinstance(found, Sought)
    if patterns or anywhere:
        assert (found.patterns, found.anywhere) == (patterns, anywhere)
    else:
        assert found.patterns == (
            constrained(b"rt \0", (Match.STARTS, b"2")),
            constrained(b"\0 \0", (Match.ENDS, b"rt"), (Match.STARTS, b"2")),
        )


def test_what_is_the_same_for_every_message_is_not_sought() -> None:
    assert sought_by(Substring("")) is True
    assert sought_by(Word("...", quoted=True)) is False


def test_tokens_that_must_be_there_are_asked_of_the_filter() -> None:
    found = sought_by(Word("id 3edae478-86f0-4d03-ae17-54a2821f", quoted=True))
    assert isinstance(found, Sought)
    assert found.slot_hashes == (token_hash(b"3edae478"), token_hash(b"54a2821f"))
    assert len(found.plain_hashes) == 3
    edge = sought_by(Substring("3edae478-86f0"))
    assert isinstance(edge, Sought)
    assert (edge.slot_hashes, edge.plain_hashes) == ((), gram_hashes(b"3edae478-86f0"))


def test_a_text_with_very_many_readings_asks_every_message() -> None:
    found = sought_by(Word(":".join(["be", "ad", "fa", "ce"] * 4), quoted=True))
    assert isinstance(found, Sought)
    assert found.too_many
    verdict = File().seen(known(b"x")).verdict(found)
    assert verdict.by_number.tolist() == [1, 1]
    assert verdict.asked.all()


def test_verdicts_are_kept_and_brought_up_to_date() -> None:
    shapes, file = known(b"port \0", b"other"), File()
    found = sought_by(Word("port 26", quoted=True))
    assert isinstance(found, Sought)
    first = file.seen(shapes).verdict(found)
    assert file.asked.pop() == '"port ꙮ"'
    file.asked.clear()
    assert file.seen(shapes).verdict(found) is first
    assert file.asked == []
    assert first.by_number.tolist() == [1, 1, 0]
    shapes.numbers([b"a port \0 port \0"] * 2)
    later = file.seen(shapes).verdict(found)
    assert file.asked == ['"port ꙮ"']
    assert later.by_number.tolist() == [1, 1, 0, 1]
    ((pattern, places),) = later.places
    assert pattern.text == b" port \0 "
    assert places.numbers.tolist() == [1, 3]
    assert [part.tolist() for part in places.of_shapes(np.array([3, 2, 1, 3]))] == [
        [0, 0, 2, 3, 3],
        [0, 1, 0, 0, 1],
    ]
    assert found.where is Where.WORDS
