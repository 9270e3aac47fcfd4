"""Text → expression: what a person types, and what is said of a wrong query."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.query.error import QueryError
from hantu.query.expr import And, Expr, Field, Not, Op, Or, Regex, Substring, Word
from hantu.query.lexer import TERMS_MOST
from hantu.query.logquery import LogQuery
from hantu.query.parser import TEXT_LIMIT, Parsed, parse

NOW_NS = 1_795_226_400_000_000_000
SEOUL = timezone(timedelta(hours=9))


def parsed(text: str) -> Parsed:
    """The text as parsed at NOW_NS."""
    return parse(text, now_ns=NOW_NS, tz=UTC)


def word(text: str) -> Word:
    return Word(text)


def field(name: str, value: str, op: Op = Op.EQ) -> Field:
    return Field(name, op, value)


A, B, C = word("a"), word("b"), word("c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("  \t\n", None),
        ("*", None),
        ("* **", None),
        ("a", A),
        ("a b", And((A, B))),
        ("a AND b", And((A, B))),
        ("a OR b", Or((A, B))),
        ("a OR b OR c", Or((A, B, C))),
        ("a b OR c", Or((And((A, B)), C))),
        ("a (b OR c)", And((A, Or((B, C))))),
        ("((a))", A),
        ("a (b c)", And((A, B, C))),
        ("(a OR b) OR c", Or((A, B, C))),
        ("a *", A),
        ("a OR *", None),
        ("-a", Not(A)),
        ("NOT a", Not(A)),
        ("NOT NOT a", Not(Not(A))),
        ("-(a b)", Not(And((A, B)))),
        ("NOT(a OR b)", Not(Or((A, B)))),
        ("(a)OR(b)", Or((A, B))),
        ('-"a b"', Not(Word("a b", quoted=True))),
        ("or and not", And((word("or"), word("and"), word("not")))),
        ("ORDER ANDROID NOTE", And((word("ORDER"), word("ANDROID"), word("NOTE")))),
        ('"OR"', Word("OR", quoted=True)),
        ("주문 실패", And((word("주문"), word("실패")))),
        ("주문\u3000실패", And((word("주문"), word("실패")))),
        ('"exact phrase"', Word("exact phrase", quoted=True)),
        ('"two wor"*', Word("two wor", quoted=True, prefix=True)),
        (r'"say \"hi\" \\ C:\x"', Word(r'say "hi" \ C:\x', quoted=True)),
        ('"a""b"', And((Word("a", quoted=True), Word("b", quoted=True)))),
        ("prefix*", Word("prefix", prefix=True)),
        ("*substring*", Substring("substring")),
        ("*end", Substring("end")),
        ('*"a b"*', Substring("a b")),
        ('*"a*b"*', Substring("a*b")),
        # Without index tokens: as it stands.
        ("!!!", Substring("!!!")),
        ("🚀", Substring("🚀")),
        ("_", Substring("_")),
        ("!!*", Substring("!!")),
        ('"…"', Substring("…")),
        ('" "', Substring(" ")),
        ("-", Substring("-")),
        ("a - b", And((A, Substring("-"), B))),
        ("->", Substring("->")),
        # Plain text that looks like something else.
        ("foo-bar", word("foo-bar")),
        ("--verbose", word("--verbose")),
        ("a.b", word("a.b")),
        ("10.1.2.3", word("10.1.2.3")),
        ("user@host", word("user@host")),
        ("key=value", word("key=value")),
        ("/api/v1/orders", word("/api/v1/orders")),
        ("/tmp /var/log/x", And((word("/tmp"), word("/var/log/x")))),
        ("//", Substring("//")),
        ("http://x/y", word("http://x/y")),
        ("redis://h:1", word("redis://h:1")),
        ("12:30:45", word("12:30:45")),
        ("C:\\x", word("C:\\x")),
        ("C:/x", word("C:/x")),
        ("std::vector", word("std::vector")),
        ("00:1a:2b:3c:4d:5e", word("00:1a:2b:3c:4d:5e")),
        ("aa:bb:cc:dd:ee:ff", word("aa:bb:cc:dd:ee:ff")),
        ("fe80::1", word("fe80::1")),
        ("에러:타임아웃", word("에러:타임아웃")),
        ("Error: x", And((word("Error:"), word("x")))),
        ("main()", word("main()")),
        ("call(a,b).then()", word("call(a,b).then()")),
        ("f(a OR b)", And((word("f"), Or((A, B))))),
        ("(main())", word("main()")),
        ("x/y/", word("x/y/")),
        # Regular expressions.
        ("/timeout|refused/", Regex("timeout|refused")),
        ("/a b/", Regex("a b")),
        ("/a b/i", Regex("(?i)a b")),
        (r"/a\/b\\/", Regex(r"a/b\\")),
        (r"/\d+\s\(/", Regex(r"\d+\s\(")),
        ("(/a/ OR -/b/)", Or((Regex("a"), Not(Regex("b"))))),
        # Fields.
        ("level:error", field("level", "error")),
        ("LEVEL:Critical", field("level", "fatal")),
        ("level:>=WARNING", field("level", "warn", Op.GE)),
        ("level:*", field("level", "*")),
        ("status:>=500", field("status", "500", Op.GE)),
        (
            "status:<500 n:<=1 n:>2",
            And((field("status", "500", Op.LT), field("n", "1", Op.LE), field("n", "2", Op.GT))),
        ),
        ("user.id:42", field("user.id", "42")),
        ("User.Id:42", field("User.Id", "42")),
        ("f:*", field("f", "*")),
        ('f:"two words"', field("f", "two words")),
        ('f:""', field("f", "")),
        ('f:">1"', field("f", ">1")),
        ('f:>"two words"', field("f", "two words", Op.GT)),
        ("-f:x", Not(field("f", "x"))),
        ("file:/var/log/*.log", field("file", "/var/log/*.log")),
        ("path:/api/v1/", field("path", "/api/v1/")),
        ("url:http://x/y?a=b", field("url", "http://x/y?a=b")),
        ("at:12:30:45", field("at", "12:30:45")),
        ("(level:error)", field("level", "error")),
        ("fn:main()", field("fn", "main()")),
        ("msg:주문", field("msg", "주문")),
        ("@t:1", word("@t:1")),
        ("_x-y@z.0:1", field("_x-y@z.0", "1")),
        ("metadata.id:7", field("metadata.id", "7")),
        (
            "id:018F2C1E-0000-8000-8000-000000000001",
            field("id", "018f2c1e-0000-8000-8000-000000000001"),
        ),
        ("bad \ud800", And((word("bad"), Substring("\ufffd")))),
    ],
)
def test_a_text_means(text: str, expected: Expr | None) -> None:
    assert parsed(text).search == expected


@pytest.mark.parametrize(
    ("text", "marked", "said"),
    [
        ('a "b', '"', "never closed"),
        ('a ""', '""', "empty quotes"),
        ('*""*', '*""*', "empty quotes"),
        ("a (b", "(", "never closed"),
        ("a b)", ")", "none is open"),
        ("a ()", "()", "empty"),
        ("a OR", "OR", "both sides"),
        ("OR a", "OR", "both sides"),
        ("a OR OR b", "OR", "both sides"),
        ("(a OR )", "OR", "both sides"),
        ("a AND", "AND", "both sides"),
        ("AND a", "AND", "both sides"),
        ("a NOT", "NOT", "after it"),
        ("-*", "-", "excludes everything"),
        ("a*b", "a*b", "regular expression"),
        ("x level:", "level:", "level:error"),
        ("x level: error", "level:", "level:error"),
        ("since:", "since:", "since:2h"),
        ("level:(a OR b)", "level:", "takes one value"),
        ("x foo:(a b)", "foo:", "takes one value"),
        ("x level:loud", "level:loud", "trace, debug, info, warn, error, fatal"),
        ("level:err*", "level:err*", "trace, debug, info, warn, error, fatal"),
        ("level:>=*", "level:>=*", "trace, debug, info, warn, error, fatal"),
        ("file:>x", "file:>x", "file:*.log"),
        ("n:>", "n:>", "needs a value"),
        ('n:>""', 'n:>""', "needs a value"),
        ("id:7", "id:7", "metadata.id:7"),
        ("since:soon", "since:soon", "15m, 2h, 7d"),
        ("since:2026-13-01", "since:2026-13-01", "no date"),
        ("since:2026-11-20T25:00", "since:2026-11-20T25:00", "hour"),
        ("since:>2h", "since:>2h", "no time"),
        ("on:2h", "on:2h", "takes a day"),
        ("a OR since:2h", "since:2h", "whole search"),
        ("(a since:2h)", "since:2h", "whole search"),
        ("a -until:2h", "until:2h", "whole search"),
        ("NOT on:today", "on:today", "whole search"),
        ("x /(a/", "/(a/", "missing )"),
        (r"x /(a)\1/", r"/(a)\1/", "back-references"),
        ("/(?=a)/", "/(?=a)/", "look-around"),
        ("/a{1001}/", "/a{1001}/", "repetition"),
        ("/" + "a" * 513 + "/", "/" + "a" * 513 + "/", "at most 512"),
    ],
)
def test_a_wrong_query_is_told_what_and_where(text: str, marked: str, said: str) -> None:
    with pytest.raises(QueryError, match=re.escape(said)) as raised:
        parsed(text)
    error = raised.value
    assert text[error.position : error.position + error.length].startswith(marked)
    assert "\n" not in str(error)


def test_a_long_query_is_refused() -> None:
    assert parsed("a" * TEXT_LIMIT).search is not None
    with pytest.raises(QueryError, match="4,096"):
        parsed("a" * (TEXT_LIMIT + 1))


def test_too_many_terms_are_refused() -> None:
    assert isinstance(parsed("a " * TERMS_MOST).search, And)
    with pytest.raises(QueryError, match="at most 32 terms") as raised:
        parsed("a " * (TERMS_MOST + 1))
    assert raised.value.position == 2 * TERMS_MOST


@pytest.mark.parametrize(
    "text", ["(" * 2000, "-(" * 1000 + "a" + ")" * 1000, "NOT " * 1000 + "a", "a(" * 2000]
)
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(QueryError):
        parsed(text)


def test_nesting_within_the_limit_is_understood() -> None:
    deep = parsed("-(a " * 15 + "b" + ")" * 15).search
    assert isinstance(deep, Not)
    assert parsed("(" * 50 + "a" + ")" * 50).search == A


def test_times_limit_the_whole_query() -> None:
    hour = 3_600_000_000_000
    assert parsed("a since:2h until:1h") == Parsed(A, NOW_NS - 2 * hour, NOW_NS - hour)
    assert parsed("since:2h") == Parsed(None, NOW_NS - 2 * hour, None)
    # Several limits must all hold.
    assert parsed("since:2h since:1h until:now until:1h") == Parsed(None, NOW_NS - hour, NOW_NS - hour)
    assert parsed("(a OR b) AND since:2h").search == Or((A, B))


def test_a_logquery_keeps_its_text() -> None:
    query = LogQuery.parse(" a  since:2h ", now_ns=NOW_NS, tz=SEOUL)
    assert query == LogQuery(search=A, start_ns=NOW_NS - 7_200_000_000_000, text=" a  since:2h ")


PIECES = st.sampled_from(
    [
        "a",
        "주문",
        '"',
        "(",
        ")",
        "-",
        "*",
        "/",
        "\\",
        ":",
        " ",
        "OR",
        "AND",
        "NOT",
        "level:",
        "since:",
        "on:",
        "id:",
        ">=",
        "<",
        "2h",
        "today",
        "2026-11-20",
        "T13:00",
        "+09:00",
        "9" * 12,
        "x.y:",
        "error",
        "[",
        "{",
        "?",
        "+",
        "|",
        "\x00",
        "\n",
        "🚀",
        "\ud800",
        "http://",
        "0001-01-01",
        "9999-12-31",
        "٣",
    ]
)


@given(st.text() | st.lists(PIECES, max_size=25).map("".join) | st.lists(PIECES, max_size=25).map(" ".join))
def test_no_text_raises_anything_but_query_error(text: str) -> None:
    try:
        found = parse(text, now_ns=NOW_NS, tz=SEOUL)
    except QueryError as error:
        wrong = error
    else:
        for bound in (found.start_ns, found.end_ns):
            assert bound is None or -(1 << 63) <= bound < 1 << 63
        return
    assert wrong.message
    assert 0 <= wrong.position <= wrong.position + wrong.length <= len(text)


@pytest.mark.parametrize("head", ["level:", "since:", "on:"])
def test_a_long_wrong_value_is_shortened_in_the_answer(head: str) -> None:
    with pytest.raises(QueryError) as raised:
        parsed(head + "x" * 4_000)
    assert len(raised.value.message) < 250
