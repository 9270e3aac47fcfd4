"""The registry of shapes and what shapes say without their values."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu import text
from hantu.store.sqlite import shapes as shapes_module
from hantu.store.sqlite.escape import escape_lines
from hantu.store.sqlite.shape_index import Lines
from hantu.store.sqlite.shape_text import (
    _CALM,
    SLOT_WORD,
    Loose,
    _beside,
    folded_text,
    index_words,
    is_odd,
    looseness,
    readable,
    word_text,
)
from hantu.store.sqlite.shapes import STATIC_BYTES_MOST, Shapes
from hantu.store.sqlite.values import runs_of, statics


def known(*shapes: bytes) -> Shapes:
    """A registry of these shapes, from number 1 on."""
    registry = Shapes()
    registry.load(enumerate(shapes, 1))
    return registry


def test_a_shape_gets_its_number_on_second_sight() -> None:
    shapes = Shapes()
    assert shapes.numbers([b"a \0", b"b"]).tolist() == [0, 0]
    assert shapes.numbers([b"b", b"c", b"a \0"]).tolist() == [1, 0, 2]
    assert shapes.static(2) == b"a \0"
    assert shapes.slots.tolist() == [0, 0, 1]


def test_a_shape_that_stands_twice_in_one_call_gets_its_number_at_once() -> None:
    assert Shapes().numbers([b"a", b"b \0", b"a"]).tolist() == [1, 0, 1]


def test_what_is_too_long_or_too_much_stays_text(monkeypatch: pytest.MonkeyPatch) -> None:
    long = b"x" * (STATIC_BYTES_MOST + 1)
    shapes = Shapes(shapes_most=2)
    assert shapes.numbers([long, long]).tolist() == [0, 0]
    assert shapes.numbers([b"\0," * 1_001] * 2).tolist() == [0, 0]
    assert shapes.numbers([b"a", b"a", b"b", b"b", b"c", b"c"]).tolist() == [1, 1, 2, 2, 0, 0]
    assert Shapes(text_bytes_most=3).numbers([b"ab", b"ab", b"cd", b"cd"]).tolist() == [1, 1, 0, 0]


def test_what_was_seen_once_takes_bounded_memory() -> None:
    shapes = Shapes()
    for part in range(0, 300_000, 10_000):
        assert not shapes.numbers([b"%d" % number for number in range(part, part + 10_000)]).any()
    assert len(shapes._seen) == 1 << shapes_module._SEEN_BITS
    assert len(shapes) == 0


def test_fresh_shapes_are_given_until_they_are_kept() -> None:
    shapes = Shapes()
    shapes.numbers([b"a", b"a"])
    assert shapes.fresh() == [(1, b"a")]
    shapes.forget_fresh()
    shapes.numbers([b"b", b"b"])
    assert shapes.fresh() == [(1, b"a"), (2, b"b")]
    shapes.keep_fresh()
    shapes.forget_fresh()
    assert shapes.fresh() == []


def test_a_removed_shape_can_be_read_until_the_next_removal() -> None:
    shapes = known(b"a", b"b \0", b"c")
    assert len(shapes.index.texts()) == 3
    shapes.remove([2])
    assert shapes.static(2) == b"b \0"
    assert len(shapes) == 2
    shapes.remove([1])
    with pytest.raises(KeyError):
        shapes.static(2)
    texts = shapes.index.texts()
    assert (texts.numbers.tolist(), texts.folded.text) == ([1, 3], b"a\nc\n")
    assert shapes.numbers([b"d", b"d"]).tolist() == [4, 4]
    assert len(shapes) == 2


@given(st.lists(st.text("aB1 ;\u212aéÉ가İ\x1b[31m\n\0", max_size=12)))
def test_texts_of_many_shapes_are_those_of_each(messages: list[str]) -> None:
    blob = escape_lines(messages) if messages else b""
    lines = statics(blob, runs_of(blob).where(runs_of(blob).values()))[: len(messages)]
    folded = Lines.folded(lines)
    assert folded.lines() == [folded_text(line) for line in lines]
    begins = folded.starts.tolist()
    assert [folded.text[begin : end - 1] for begin, end in pairwise(begins)] == folded.lines()


def test_numbers_without_a_shape_are_used_again_after_a_start() -> None:
    shapes = Shapes()
    shapes.load([(3, b"c"), (1, b"a")])
    assert shapes.numbers([b"d", b"d", b"e", b"e"]).tolist() == [2, 2, 4, 4]


def test_texts_grow_with_the_shapes() -> None:
    shapes = known(b"Port \0")
    first = shapes.index.texts()
    shapes.numbers([b"x \0 \0." + "µ".encode()] * 2)
    texts = shapes.index.texts()
    assert texts.folded.text == "port \0\nx \0 \0.µ\n".encode()
    assert (len(first), len(texts)) == (1, 2)
    assert texts.holding(b"o").tolist() == [1]
    assert texts.holding(b"\0").tolist() == [1, 2]
    assert texts.holding(b"y").tolist() == []


def test_what_is_loose_is_known_of_shapes_that_come_later() -> None:
    shapes = known(b"a \0")
    shapes.load([(4, "\0µs".encode())])
    every = int(Loose.TEXT | Loose.WORDS | Loose.CASE)
    assert shapes.search.loose().tolist() == [0, 0, every, every, int(Loose.WORDS)]
    shapes.numbers(["ſ".encode()] * 2)
    assert shapes.search.loose()[5] == Loose.CASE


@pytest.mark.parametrize(
    ("static", "words", "loose"),
    [
        (b"Failed for \0 port \0", "failed for ꙮ port ꙮ", Loose.NONE),
        ("주문 \0건을".encode(), "주문 문 ꙮ 건을 을", Loose.NONE),
        (b"\xf8\x83\x81\xf9\0\xf8\xf9 ok", "ꙮ ok", Loose.NONE),
        (b"\0\xf8\xf9ms", "ꙮms", Loose.TEXT | Loose.WORDS),
        (b"\0\xf8\xf9\0", "ꙮꙮ", Loose.TEXT | Loose.WORDS),
        ("\0µs".encode(), "ꙮµs", Loose.WORDS),
        ("→\0…".encode(), "ꙮ", Loose.NONE),
        ("\0\u0301".encode(), "ꙮ", Loose.TEXT | Loose.WORDS | Loose.CASE),
        (b"\x1b]\0;t", "", Loose.TEXT | Loose.WORDS),
        ("ΟΔΟΣ \0".encode(), "οδος ꙮ", Loose.TEXT | Loose.WORDS),
        ("ꙮ \0".encode(), "ꙮ ꙮ", Loose.TEXT | Loose.WORDS),
        (b"a\xffb\xfdc", "a b c", Loose.NONE),
    ],
)
def test_a_shape_knows_its_words_and_where_only_the_message_can_tell(
    static: bytes, words: str, loose: Loose
) -> None:
    assert (index_words(static), looseness(static)) == (words, loose)


def test_what_is_taken_for_calm_changes_nothing_beside_it() -> None:
    calm = [chr(code) for code in range(0x80, 0x110000) if _CALM.fullmatch(chr(code))]
    assert len(calm) > 32_000
    for character in calm:
        assert text.fold(character) == character
        assert not is_odd(character)
        assert character == SLOT_WORD or not _beside(character)


VALUE = re.compile(rb"[A-Za-z0-9]+")
PIECES = st.lists(
    st.sampled_from(
        (
            *(
                "12",
                "ab3",
                "BEEF",
                " ",
                "-",
                "=",
                "_",
                "\n",
                "err",
                "주문",
                "한",
                "\u1112\u1161",
                "ﾗ",
                "→",
                "…",
            ),
            *("µ", "é", "e\u0301", "\u3099", "\u0338", "\u212a", "İ", "Σ", "ꙮ"),
            *("\x1b[31m", "\x1b[0m", "\x1b(B"),
        )
    ),
    max_size=8,
)


@given(PIECES)
def test_text_and_words_of_a_shape_are_those_of_the_message(pieces: list[str]) -> None:
    message = "".join(pieces)
    line = message.replace("\x1b[31m", "<").replace("\x1b[0m", ">").encode()
    line = line.replace(b"<", b"\xf8\x83\x81\xf9").replace(b">", b"\xf8\x80\xf9").replace(b"\n", b"\xff")
    values: list[bytes] = []

    def taken_out(match: re.Match[bytes]) -> bytes:
        run = match.group()
        if not re.search(rb"[0-9]", run) and not re.fullmatch(rb"[A-Fa-f]{2,}", run):
            return run
        values.append(run.lower())
        return b"\0"

    static = VALUE.sub(taken_out, line)
    if looseness(static) & Loose.TEXT:
        return
    parts = iter(values)
    folded = re.sub(rb"\0", lambda _: next(parts), folded_text(static))
    assert readable(folded) == text.fold(message)
    parts = iter(values)
    words = re.sub(rb"\0", lambda _: next(parts), word_text(static))
    assert words.decode().split() == text.tokens(message)
