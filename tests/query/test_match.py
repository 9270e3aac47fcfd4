"""Whether an entry answers a query."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.model import LogEntry, LogLevel
from hantu.query.expr import And, Not, Or, Substring, Word
from hantu.query.logquery import LogQuery, Order, Place
from hantu.query.match import expr_matches, matches
from hantu.query.parser import parse
from tests.contract.strategies import entries, expressions, queries

ENTRY = LogEntry("docker", "api", LogLevel.ERROR, "주문 실패: Timeout after 30s /api/v1/orders", 100, key=7)


@pytest.mark.promise("M16")
@pytest.mark.parametrize(
    ("message", "text", "expected"),
    [
        ("주문을 보냈다", "주문", True),
        ("모의주문실행", "주문", True),
        ("모의주문실행", "문실행", True),
        ("주 문", "주문", False),
        ("주문", "주문을", False),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", "한글", True),
        ("한글", "\u1112\u1161\u11ab\u1100\u1173\u11af", True),
        ("가", "가", True),
        ("나가다", "가", True),
        ("나가", "가", True),
        ("stderr", "err", False),
        ("ERR: x", "err", True),
        ("error_code", "error", True),
        ("a.b", '"a b"', True),
        ("b a", '"a b"', False),
        ("timeouts", "timeout*", True),
        ("Straße", "STRASSE", False),
        ("İstanbul", "i̇stanbul", True),
        ("x\x00y", "y", True),
        ("東京タワー", "京タ", True),
        ("100%", "*0%*", True),
        ("a\nb", "/a.b/", False),
        ("a\nb", "/(?s)a.b/", True),
        ("Abc", "/abc/", False),
        ("Abc", "/abc/i", True),
        ("deploy 🚀", "🚀", True),
        ("", "-x", True),
        ("GET /api/v1/orders/7", "/api/v1/orders", True),
        ("key: value", "key=value", True),
    ],
)
def test_a_text_finds(message: str, text: str, *, expected: bool) -> None:
    query = LogQuery.parse(text, now_ns=0, tz=UTC)
    assert query.matches(replace_message(message)) is expected


def replace_message(message: str) -> LogEntry:
    return LogEntry("app", "x", LogLevel.INFO, message, 0)


@pytest.mark.promise("M4")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (LogQuery(), True),
        (LogQuery(sources=("journal", "docker")), True),
        (LogQuery(sources=("journal",)), False),
        (LogQuery(levels=(LogLevel.ERROR,)), True),
        (LogQuery(levels=(LogLevel.WARN,)), False),
        (LogQuery(min_level=LogLevel.ERROR), True),
        (LogQuery(min_level=LogLevel.FATAL), False),
        (LogQuery(source_id="api"), True),
        (LogQuery(source_id="ap"), False),
        (LogQuery(start_ns=100), True),
        (LogQuery(start_ns=101), False),
        (LogQuery(end_ns=101), True),
        (LogQuery(end_ns=100), False),
        (LogQuery(after_key=6), True),
        (LogQuery(after_key=7), False),
        (LogQuery(place=Place(0, 0), order=Order.NEWEST, limit=1, offset=9), True),
        (LogQuery(search=Word("실패"), sources=("journal",)), False),
    ],
)
def test_all_parts_must_hold(query: LogQuery, *, expected: bool) -> None:
    assert matches(query, ENTRY) is expected
    assert query.matches(ENTRY) is expected


@given(st.data())
def test_the_connectives_are_those_of_logic(data: st.DataObject) -> None:
    entry = data.draw(entries())
    one, two = data.draw(expressions([entry])), data.draw(expressions([entry]))
    first, second = expr_matches(one, entry), expr_matches(two, entry)
    assert expr_matches(Not(one), entry) is not first
    assert expr_matches(And((one, two)), entry) is (first and second)
    assert expr_matches(Or((one, two)), entry) is (first or second)


@given(entries(), st.data())
def test_any_part_of_a_message_is_a_substring_of_it(entry: LogEntry, data: st.DataObject) -> None:
    if entry.message.isascii() and entry.message:
        at = data.draw(st.integers(0, len(entry.message) - 1))
        part = entry.message[at : at + 9].upper()
        # A part that begins or ends within a terminal sequence is none of what a person sees.
        assert "\x1b" in entry.message or expr_matches(Substring(part), entry)


@given(entries())
def test_every_word_of_a_message_finds_it(entry: LogEntry) -> None:
    for text in entry.message.split():
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        if len(quoted) < 4_000:
            found = parse(f'"{quoted}"', now_ns=0, tz=UTC).search
            assert found is not None
            # Where NFC joins a letter with a mark before or behind the word, the word is no longer there.
            if not isinstance(found, Substring):
                assert expr_matches(found, entry), text


@given(st.data())
def test_narrower_queries_find_less(data: st.DataObject) -> None:
    entry = data.draw(entries())
    query = data.draw(queries([entry]))
    if matches(query, entry):
        assert matches(replace(query, search=None), entry)
        assert matches(replace(query, levels=(), sources=(), start_ns=None), entry)
