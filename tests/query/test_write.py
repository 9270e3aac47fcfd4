"""Expression → text → the same expression."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hantu.query.error import QueryError
from hantu.query.expr import And, Expr, Field, Not, Op, Or, Regex, Substring, Word
from hantu.query.match import expr_matches
from hantu.query.parser import parse
from hantu.query.write import terms, unparse
from tests.contract.strategies import entries, entry_lists, expressions, texts
from tests.query.test_parser import PIECES


def read(text: str) -> Expr | None:
    return parse(text, now_ns=0, tz=UTC).search


@given(st.data())
def test_what_is_written_reads_the_same(data: st.DataObject) -> None:
    known = data.draw(entry_lists(most=3))
    expr = data.draw(expressions(known))
    assert read(unparse(expr)) == expr


@given(st.lists(PIECES, max_size=20).map(" ".join) | st.text())
def test_what_is_read_is_written_once_and_for_all(text: str) -> None:
    try:
        expr = read(text)
    except QueryError:
        return
    if expr is not None:
        assert read(unparse(expr)) == expr


@given(st.data())
def test_a_quoted_text_reads_as_itself(data: st.DataObject) -> None:
    text = data.draw(texts([data.draw(entries())]) | st.text('\\"*/a ', min_size=1))
    assert read(unparse(Substring(text))) == Substring(text)
    field = Field("f", Op.EQ, text)
    assert read(unparse(field)) == field


@settings(max_examples=30)
@given(st.data())
def test_an_expression_no_parser_makes_keeps_its_meaning(data: st.DataObject) -> None:
    entry = data.draw(entries())
    bare = Word(data.draw(texts([entry])), quoted=False, prefix=data.draw(st.booleans()))
    if (written := read(unparse(bare))) is not None and not isinstance(written, Substring):
        assert expr_matches(written, entry) == expr_matches(bare, entry)


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (And((Word("a"), Or((Word("b"), Word("c"))))), "a (b OR c)"),
        (Or((And((Word("a"), Word("b"))), Word("c"))), "a b OR c"),
        (Not(And((Word("a"), Word("b")))), "-(a b)"),
        (Not(Not(Word("a"))), "-(-a)"),
        (Not(Word("--x")), "-(--x)"),
        (Word("OR"), '"OR"'),
        (Word("a b"), '"a b"'),
        (Word("a:b"), '"a:b"'),
        (Substring("!!"), "*!!*"),
        (Substring("a b"), '*"a b"*'),
        (Regex("a/b"), r"/a\/b/"),
        (Field("f", Op.GE, "5"), "f:>=5"),
        (Field("f", Op.EQ, ">5"), 'f:">5"'),
        (Field("f", Op.EQ, 'say "hi"\\'), r'f:"say \"hi\"\\"'),
        (Field("file", Op.EQ, "C:\\x"), "file:C:\\x"),
    ],
)
def test_the_canonical_text(expr: Expr, text: str) -> None:
    assert unparse(expr) == text


def test_only_texts_that_are_asked_for_are_highlighted() -> None:
    expr = read('주문 "two words" -no pre* *sub* /re/ f:v (x OR -(y z)) 주문')
    assert terms(expr) == ["주문", "two words", "pre", "sub", "x"]
    assert terms(None) == []
