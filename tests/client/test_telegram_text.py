"""Telegram's texts, letter by letter, and their length whatever an application logs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.client.telegram_text import (
    UNITS_MOST,
    Head,
    Repeats,
    error_text,
    listing_text,
    message_text,
    repeats_line,
    units,
)
from tests.client.bot_api import seen
from tests.client.records import TIME_NS, a_record

SECOND_NS = 1_000_000_000
SPEC_STACK = 'File "core/trading/engine.py", line 123\n    raise InsufficientBalance()\nInsufficientBalance'


@pytest.fixture(autouse=True)
def seoul(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The local time of the texts."""
    monkeypatch.setenv("TZ", "Asia/Seoul")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.promise("M74")
def test_an_error_reads_as_promised() -> None:
    text = error_text(a_record(stack_trace=SPEC_STACK))
    assert text == (
        "🚨 [scheduler] 에러\n"
        "2026-02-01 12:34:58 | trading_engine.execute_order\n"
        "타입: InsufficientBalance\n"
        "\n"
        "주문 실행 실패: 잔고 부족\n"
        "\n"
        '<pre>File "core/trading/engine.py", line 123\n'
        "    raise InsufficientBalance()\n"
        "InsufficientBalance</pre>\n"
        "(trace_id: abc12345)"
    )


@pytest.mark.promise("M74")
def test_what_is_not_known_has_no_line() -> None:
    bare = a_record(module="", function="", error_type="", stack_trace="", trace_id="", context=None)
    assert error_text(bare) == ("🚨 [scheduler] 에러\n2026-02-01 12:34:58\n\n주문 실행 실패: 잔고 부족")


@pytest.mark.promise("M74", "M75")
def test_a_critical_error_has_the_head_of_an_error() -> None:
    assert error_text(a_record(level="CRITICAL")).startswith("🚨 [scheduler] 에러\n")


@pytest.mark.promise("M75")
@pytest.mark.parametrize(
    ("head", "line"),
    [
        (Head.ERROR, "🚨 [scheduler] 에러"),
        (Head.WARNING, "⚠️ [scheduler] 경고"),
        (Head.SUCCESS, "✅ [scheduler] 성공"),
        (Head.REPORT, "📊 [scheduler] 리포트"),
    ],
)
def test_each_kind_of_message_has_its_head(head: Head, line: str) -> None:
    text = message_text(head, "scheduler", TIME_NS, message="배포를 마쳤습니다")
    assert text == f"{line}\n2026-02-01 12:34:58\n\n배포를 마쳤습니다"


@pytest.mark.promise("M71")
@pytest.mark.parametrize(
    ("repeats", "line"),
    [
        (Repeats(1, TIME_NS, TIME_NS), "같은 에러가 1번 더 발생했습니다 (2026-02-01 12:34:58)"),
        (
            Repeats(1_499, TIME_NS, TIME_NS + 300 * SECOND_NS),
            "같은 에러가 1,499번 더 발생했습니다 (12:34:58부터 12:39:58까지)",
        ),
        (
            Repeats(2, TIME_NS, TIME_NS + 86_400 * SECOND_NS),
            "같은 에러가 2번 더 발생했습니다 (2026-02-01 12:34:58부터 2026-02-02 12:34:58까지)",
        ),
    ],
)
def test_repeats_are_told_as_a_sentence(repeats: Repeats, line: str) -> None:
    assert repeats_line(repeats) == line
    assert f"\n\n{line}\n\n<pre>" in error_text(a_record(), repeats=repeats)


def test_a_long_stack_keeps_its_tail_in_whole_lines() -> None:
    stack = "\n".join(f'  File "/srv/app/모듈.py", line {number}, in <lambda> 😀' for number in range(500))
    text = error_text(a_record(stack_trace=stack))
    assert UNITS_MOST - 100 < units(text) <= UNITS_MOST
    shown = seen(text)
    assert "<" not in text.partition("<pre>")[2].partition("</pre>")[0]
    block = shown.partition("잔고 부족\n\n")[2]
    assert block.startswith('…\n  File "')
    assert block.endswith("line 499, in <lambda> 😀\n(trace_id: abc12345)")


def test_one_endless_last_line_keeps_its_end() -> None:
    text = error_text(a_record(stack_trace="Traceback\n" + "x" * 9_000 + "END"))
    assert units(text) <= UNITS_MOST
    assert "xxxEND</pre>" in text


@pytest.mark.promise("M74")
def test_characters_that_deceive_are_shown_as_escapes() -> None:
    text = error_text(
        a_record(
            "지급\u202e완료\x1b[2J\x00\r끝",
            service="sched\nuler",
            error_type="Err\x07or",
            stack_trace="one\x1b]0;title\x07\n\ttwo",
        )
    )
    assert "🚨 [sched\\nuler] 에러" in text
    assert "타입: Err\\x07or" in text
    assert "지급\\u202e완료\\x1b[2J\\x00\\r끝" in text
    assert "<pre>one\\x1b]0;title\\x07\n\ttwo</pre>" in text


@pytest.mark.promise("M74")
def test_markup_of_an_application_is_text() -> None:
    evil = "<b>굵게</b> & <a href='tg://user'>눌러</a>"
    text = error_text(a_record(evil, service="<i>", stack_trace="</pre><script>"))
    assert evil in seen(text)
    assert "</pre><script>" in seen(text)


texts = st.text(max_size=40) | st.text(
    alphabet=st.sampled_from("<>&😀가\u202e\x1b\n\ud800 a"), min_size=0, max_size=6_000
)


@pytest.mark.promise("M74")
@given(texts, texts, texts, texts, st.lists(texts, max_size=3))
def test_every_text_is_within_the_limit_and_parses(
    message: str, stack: str, name: str, trace: str, notes: list[str]
) -> None:
    record = a_record(
        message,
        service=name,
        module=name,
        error_type=name,
        stack_trace=stack,
        trace_id=trace,
        fingerprint="x",
    )
    text = error_text(record, repeats=Repeats(7, TIME_NS, TIME_NS), notes=notes)
    assert len(text.encode("utf-16-le")) // 2 == units(text) <= UNITS_MOST
    assert seen(text).startswith("🚨 [")


def test_a_link_stands_at_the_end_and_cannot_break_out() -> None:
    text = error_text(a_record(), link='https://x.example/"><b>&')
    assert text.endswith(
        '\n(trace_id: abc12345)\n<a href="https://x.example/&quot;&gt;&lt;b&gt;&amp;">에러 보기</a>'
    )
    assert seen(text).endswith("\n에러 보기")


def listing(message: str, rows: list[str], link: str = "") -> str:
    return listing_text(
        Head.REPORT,
        "hantu",
        TIME_NS,
        message=message,
        rows=rows,
        left_out=lambda shown: f"{len(rows) - shown} more",
        link=link,
    )


def test_a_listing_shows_all_its_rows_when_they_fit() -> None:
    assert listing("둘", ["one", "<two>"]) == (
        "📊 [hantu] 리포트\n2026-02-01 12:34:58\n\n둘\n\none\n&lt;two&gt;"
    )
    assert listing("없음", []) == "📊 [hantu] 리포트\n2026-02-01 12:34:58\n\n없음"


def test_a_listing_that_is_too_long_says_how_many_rows_are_left_out() -> None:
    text = listing("여럿", [f"{at} {'가' * 100}" for at in range(60)], link="https://x.example/")
    shown = text.count("가" * 100)
    assert 30 < shown < 60
    assert f"\n{60 - shown} more\n<a " in text
    assert units(text) <= UNITS_MOST


@given(texts, st.lists(texts, max_size=80))
def test_every_listing_is_within_the_limit_and_parses(message: str, rows: list[str]) -> None:
    text = listing(message, rows, "https://x.example/errors/7")
    assert units(text) <= UNITS_MOST
    assert seen(text).startswith("📊 [")
