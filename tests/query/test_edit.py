"""Changing a query text by a click."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.query.edit import (
    exclude_field,
    field_for_path,
    has_field,
    joined,
    with_field,
    without_field,
    without_times,
)
from hantu.query.error import QueryError
from hantu.query.expr import And, Expr, Field, Op
from hantu.query.parser import parse
from hantu.query.write import unparse
from tests.contract.strategies import expressions


def read(text: str) -> Expr | None:
    return parse(text, now_ns=0, tz=UTC).search


@pytest.mark.parametrize(
    ("text", "name", "value", "expected"),
    [
        ("", "level", "error", "level:error"),
        ("주문", "level", "error", "주문 level:error"),
        ("주문 level:error", "level", "error", "주문"),
        ("level:ERR 주문", "level", "error", "주문"),
        ("-level:error 주문", "level", "error", "주문 level:error"),
        ("a NOT level:error b", "level", "error", "a b level:error"),
        ("level:warn", "level", "error", "level:warn level:error"),
        ("a OR b", "f", "x", "(a OR b) f:x"),
        ("(a OR b) f:x", "f", "x", "(a OR b)"),
        ("a OR f:x", "f", "x", "(a OR f:x) f:x"),
        ("(a f:x)", "f", "x", "(a f:x) f:x"),
        ("since:2h", "f", "x", "since:2h f:x"),
        ("a AND f:x AND b", "f", "x", "a AND b"),
        ("f:x AND b", "f", "x", "b"),
        ("a AND f:x", "f", "x", "a"),
        ("a  f:x   b", "f", "x", "a b"),
        ("f:x", "f", "x", ""),
        ("*", "f", "x", "* f:x"),
        ("", "f", "two words", 'f:"two words"'),
        ("", "f", 'say "hi"', r'f:"say \"hi\""'),
        ("", "f", "", 'f:""'),
        ("", "f", ">5", 'f:">5"'),
        ("", "f", "//x", 'f:"//x"'),
        ("", "be", "ef:01", 'be:"ef:01"'),
        ("", "c", "\\x", 'c:"\\x"'),
        ("", "f", "(a", 'f:"(a"'),
        ("", "f", "main()", "f:main()"),
    ],
)
def test_adding_a_value(text: str, name: str, value: str, expected: str) -> None:
    assert with_field(text, name, value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "-f:x"),
        ("a", "a -f:x"),
        ("a -f:x", "a"),
        ("a f:x", "a -f:x"),
        ("a OR b", "(a OR b) -f:x"),
        ("NOT f:x a", "a"),
        ("-(-f:x)", "-(-f:x) -f:x"),
    ],
)
def test_excluding_a_value(text: str, expected: str) -> None:
    assert exclude_field(text, "f", "x") == expected


def test_removing_a_value() -> None:
    assert without_field("a f:x -f:x f:y", "f", "x") == "a f:y"
    assert without_field("a f:x -f:>3 g:1", "f") == "a g:1"
    assert without_field("a LEVEL:warn level:>error", "Level") == "a"
    assert without_field("a OR f:x", "f", "x") == "a OR f:x"
    assert without_field("a", "f", "x") == "a"


def test_removing_times() -> None:
    assert without_times("since:2h a until:now on:today") == "a"
    assert without_times("a AND since:2h") == "a"
    assert without_times("(a OR b) since:2h") == "(a OR b)"


def test_what_a_text_asks_for() -> None:
    assert has_field("a f:x", "f", "X") is None
    assert has_field("a f:x", "f", "x") is True
    assert has_field("a -f:x", "f", "x") is False
    assert has_field("a OR f:x", "f", "x") is None


def test_a_wrong_text_or_name_is_refused() -> None:
    for wrong in ("a (", "level:loud"):
        with pytest.raises(QueryError):
            with_field(wrong, "f", "x")
    for name in ("no name", "", "키", "since"):
        with pytest.raises(QueryError):
            with_field("a", name, "x")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("user.id", "user.id"),
        ("id", "metadata.id"),
        ("level", "metadata.level"),
        ("Level", "metadata.Level"),
        ("since", "metadata.since"),
        ("logger", "logger"),
        ("service", "metadata.service"),
        ("trace_id", "trace_id"),
        ("키", None),
        ("two words", None),
        ("", None),
    ],
)
def test_the_field_that_asks_for_a_path(path: str, name: str | None) -> None:
    assert field_for_path(path) == name


@given(expressions(), st.sampled_from(("f", "user.id", "be", "a")), st.text())
def test_a_click_adds_the_value_and_a_second_takes_it_away(expr: Expr, name: str, value: str) -> None:
    text = unparse(expr)
    wanted = Field(name, Op.EQ, value)
    if has_field(text, name, value) is not None:
        return
    added = with_field(text, name, value)
    items = expr.items if isinstance(expr, And) else (expr,)
    assert read(added) == And((*items, wanted))
    assert has_field(added, name, value) is True
    assert read(with_field(added, name, value)) == expr
    excluded = exclude_field(added, name, value)
    assert has_field(excluded, name, value) is False
    assert read(without_field(excluded, name, value)) == expr


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("", ""), ""),
        (("a", ""), "a"),
        (("", "a OR b"), "a OR b"),
        (("a OR b", "since:2h"), "(a OR b) since:2h"),
        (("level:error since:2h", "x OR y"), "level:error since:2h (x OR y)"),
        (("(a OR b)", "c"), "(a OR b) c"),
    ],
)
def test_texts_joined_must_all_hold(parts: tuple[str, ...], expected: str) -> None:
    assert joined(*parts) == expected
    read(expected)
