"""Searches in lines without a shape find what folding and cutting each message would find."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hantu import text
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.plain_text import PlainText
from hantu.store.sqlite.segment_writer import encode
from tests.store.codec_parts import Book, batch_of

PIECES = st.sampled_from(
    [
        *("error", "Error", "errors", "terror", "aa", "aaa", "a", "AB", "26", "260", "126", "x26y"),
        *(" ", "  ", "-", ".", ":", "_", "/", "\n", "\0", "\x1b[31m", "\x1b[0m", "\x1b", "é", "ſ", "K"),
        *("İ", "\u0301", "주문", "주", "문체결", "東京", "ß", "\u1100\u1161", "`", ";"),
    ]
)
MESSAGES = st.lists(st.lists(PIECES, max_size=8).map("".join), min_size=1, max_size=12)


def plain(messages: list[str]) -> tuple[PlainText, Frame]:
    # In a book of its own each of them is seen for the first time, if it is not there twice.
    messages = list(dict.fromkeys(messages))
    book = Book()
    columns = encode(batch_of(messages), book)
    frame = Frame(columns.__getitem__, book)
    return PlainText(frame), frame


def _found(frame: Frame, numbers: object) -> list[str]:
    return sorted(frame.messages(numbers))  # type: ignore[arg-type]  # numbers of lines


@settings(max_examples=120, deadline=None)
@given(MESSAGES, st.lists(PIECES, min_size=1, max_size=3).map("".join), st.booleans())
@example(["aaa aa", "aaa", "aa\naaa", "éaa", "aa\u0301", "aa주"], "aa", False)
@example(["26é", "26주문", "260", "126 26", "x\x0026\x001", "26"], "26", True)
@example(["a error - aa", "error aa", "error\naa", "errors aa error aab"], "error aa", False)
def test_words_are_those_of_each_message(messages: list[str], sought: str, prefix: bool) -> None:
    needle = text.needle(sought, prefix=prefix)
    if not needle.tokens:
        return
    lines, frame = plain(messages)
    every = frame.messages(frame.plain_numbers())
    expected = sorted(each for each in every if needle.found_in(text.tokens(each)))
    # Twice: what the first answer made serves the second.
    for _ in range(2):
        assert _found(frame, lines.with_needle(needle)) == expected
    assert not expected or lines.may_hold(needle.tokens)


@settings(max_examples=120, deadline=None)
@given(MESSAGES, st.lists(PIECES, min_size=1, max_size=3).map("".join))
def test_substrings_are_those_of_each_message(messages: list[str], sought: str) -> None:
    folded = text.fold(sought)
    if not folded:
        return
    lines, frame = plain(messages)
    every = frame.messages(frame.plain_numbers())
    expected = sorted(each for each in every if folded in text.fold(each))
    for _ in range(2):
        assert _found(frame, lines.with_substring(folded)) == expected


@pytest.mark.parametrize("count", [1, 128, 129, 600])
def test_many_lines_with_a_part_of_what_is_sought_are_all_asked(count: int) -> None:
    messages = [f"of {'é' * (at % 3)}part{'ial' * (at % 2)}é {'z' * at}" for at in range(count)]
    lines, frame = plain(messages)
    needle = text.needle("parté")
    expected = sorted(each for each in messages if needle.found_in(text.tokens(each)))
    assert expected
    assert _found(frame, lines.with_needle(needle)) == expected
    assert len(lines.with_substring("part")) == count
