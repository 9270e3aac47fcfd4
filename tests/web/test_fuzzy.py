"""What a few typed letters mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.web.fuzzy import match, parts


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("err", "Errors"),
        ("ERR", "errors"),
        ("ㅈㅁ", "주문"),
        ("ㅈㅁㅅㅎ", "모의주문실행"),
        ("주무", "주문 실패"),
        ("주문 실", "주문 실패"),
        ("실 주", "주문 실패"),
        ("ㅅㅈㅇ", "수집원"),
        ("ㄳ", "검색"),
        ("ㄶ", "내 화면"),
        ("ㅇㄹ", "에러"),
        ("hsch", "hantu-scheduler"),
        ("api err", "errors of api"),
        ("", "anything"),
    ],
)
def test_these_mean(typed: str, text: str) -> None:
    assert match(typed, text, loose=True)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("errs", "error"),
        ("ㅈㅈ", "주문"),
        ("줌", "주문"),
        ("z", "logs"),
        ("sr", "errors"),
        ("로그 z", "로그"),
    ],
)
def test_these_do_not(typed: str, text: str) -> None:
    assert match(typed, text, loose=True) is None


def test_letters_with_others_between_count_only_when_asked_for() -> None:
    assert match("hsch", "hantu-scheduler", loose=False) is None
    assert match("sched", "hantu-scheduler", loose=False)


def test_the_beginning_is_better_than_a_word_and_that_than_the_inside() -> None:
    found = [match("api", text, loose=True) for text in ("api", "my-api", "xapi", "a-p-i")]
    scores = [one.score for one in found if one]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)


def test_what_was_meant_is_marked() -> None:
    found = match("ㅁㅅㅎ", "모의주문실행", loose=False)
    assert found
    assert list(parts("모의주문실행", found.at)) == [("모의주", False), ("문실행", True)]


@given(st.text(max_size=20), st.text(max_size=300))
def test_marks_are_within_the_text_and_the_parts_are_all_of_it(typed: str, text: str) -> None:
    found = match(typed, text, loose=True)
    if found is not None:
        assert all(0 <= place < len(text) for place in found.at)
        assert "".join(part for part, _ in parts(text, found.at)) == text
