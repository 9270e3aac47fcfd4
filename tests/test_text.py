"""The tokeniser: what SQLite indexes is what tokens() says, and needles find what people mean."""

from __future__ import annotations

import unicodedata

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.text import clean, fold, highlight, needle, tokens, visible
from tests.contract.strategies import MESSAGES


@pytest.mark.promise("M16")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("!!! ___ --", []),
        ("🚀", []),
        ("Hello, World", ["hello", "world"]),
        ("error_code=E1042", ["error", "code", "e1042"]),
        ("10.1.2.3", ["10", "1", "2", "3"]),
        ("주문", ["주문", "문"]),
        ("모의주문실행", ["모의", "의주", "주문", "문실", "실행", "행"]),
        ("주", ["주"]),
        ("주문2건 ok", ["주문", "문", "2", "건", "ok"]),
        ("東京タワー", ["東京", "京タ", "タワ", "ワー", "ー"]),
        ("\u1112\u1161\u11ab", ["한"]),
        ("ÉTÉ e\u0301te\u0301", ["été", "été"]),
        ("a\x00b", ["a", "b"]),
        ("STRASSE Straße", ["strasse", "straße"]),
        ("Ⅷ ² ٣", ["ⅷ", "²", "٣"]),
    ],
)
def test_a_text_has_these_tokens(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


class Index:
    """An FTS5 table as the store makes it."""

    def __init__(self) -> None:
        self.db = apsw.Connection(":memory:")
        self.db.execute(
            """
            CREATE VIRTUAL TABLE line USING fts5(body, tokenize = 'ascii');
            CREATE VIRTUAL TABLE part USING fts5vocab(line, 'instance');
            """
        )

    def tokens(self, text: str) -> list[str]:
        """The tokens that SQLite makes of a text, in order."""
        self.db.execute("DELETE FROM line")
        self.db.execute("INSERT INTO line (rowid, body) VALUES (1, ?)", (text,))
        return [row[0] for row in self.db.execute("SELECT term FROM part ORDER BY offset")]


INDEX = Index()


@pytest.mark.promise("M16")
@given(MESSAGES | st.text(st.characters(exclude_categories=("Cs",))))
def test_sqlite_indexes_these_tokens(text: str) -> None:
    assert INDEX.tokens(" ".join(tokens(text))) == tokens(text)


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_folding_is_done_once_and_for_all(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert unicodedata.is_normalized("NFC", folded)


@given(st.text(st.characters(codec=None)))
def test_a_clean_text_can_be_encoded(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert len(cleaned) == len(text)
    assert clean(cleaned) == cleaned


@pytest.mark.promise("M16")
@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("주문", "주문을", True),
        ("주문", "모의주문실행", True),
        ("주문", "주 문", False),
        ("문", "주문", True),
        ("주", "주문", True),
        ("의주문실", "모의주문실행", True),
        ("의주실", "모의주문실행", False),
        ("err", "stderr", False),
        ("err", "err: x", True),
        ("a b", "a, b", True),
        ("a b", "b a", False),
        ("주문 실패", "모의주문 실패함", True),
        ("v1주문", "v1주문을", True),
        ("", "x", False),
    ],
)
def test_a_needle_is_found(query: str, text: str, *, expected: bool) -> None:
    assert needle(query).found_in(tokens(text)) is expected


@given(MESSAGES.filter(lambda text: bool(tokens(text))))
def test_a_text_finds_itself(text: str) -> None:
    assert needle(text).found_in(tokens(text))


@given(st.text("가나다라", min_size=2, max_size=4), st.text("가나다라마 ", max_size=12))
def test_a_korean_word_is_found_just_where_it_stands(word: str, text: str) -> None:
    assert needle(word).found_in(tokens(text)) is (word in text)


@given(st.text("abc", min_size=1, max_size=3), st.lists(st.text("abc", min_size=1, max_size=3), max_size=6))
def test_a_prefix_is_found_where_a_word_begins_with_it(prefix: str, words: list[str]) -> None:
    found = needle(prefix, prefix=True).found_in(tokens(" ".join(words)))
    assert found is any(word.startswith(prefix) for word in words)


@pytest.mark.parametrize(
    ("text", "words", "html"),
    [
        ("a <b> c", [], "a &lt;b&gt; c"),
        ("a <b> c", ["b"], "a &lt;<mark>b</mark>&gt; c"),
        ("주문을", ["주문"], "<mark>주문</mark>을"),
        ("stderr err", ["ERR"], "stderr <mark>err</mark>"),
        ("a.b*c", [".b*"], "a<mark>.b*</mark>c"),
        ("two words", ["two", "two words"], "<mark>two words</mark>"),
    ],
)
def test_words_are_marked_and_the_rest_escaped(text: str, words: list[str], html: str) -> None:
    assert str(highlight(text, words)) == html


@given(st.text(), st.lists(st.text(max_size=3), max_size=3))
def test_marking_never_lets_markup_through(text: str, words: list[str]) -> None:
    marked = str(highlight(text, words)).replace("<mark>", "").replace("</mark>", "")
    assert "<" not in marked
    assert ">" not in marked


def test_colours_are_taken_out_and_other_hidden_characters_shown() -> None:
    assert (
        visible("a\x1b[31mred\x1b[0m\x1b]0;x\x07\r\u202eb\tc\nd") == "ared\\x1b]0;x\\x07\\r\\u202eb\tc\nd"
    )


def test_words_beside_colours_are_found() -> None:
    assert tokens("\x1b[31mERROR\x1b[0m: \x1b]8;;http://x\x07link \x1b[2Jgone") == [
        "error",
        "link",
        "gone",
    ]
