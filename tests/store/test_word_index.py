"""The index of words: it is asked, it answers right, and damage to it is noticed and mended."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hantu.model import LogEntry
from hantu.query.logquery import LogQuery
from hantu.query.match import matches
from hantu.store.sqlite import SqliteStore
from hantu.store.sqlite.database import Database, Reader
from hantu.store.sqlite.shape_lots import NewShapes
from hantu.store.sqlite.shape_text import word_text
from hantu.store.sqlite.word_index import WordIndex
from tests.store.indexed import File, known
from tests.store.made import DAY_NS, START_NS, asked, entry, opened, write_all

MESSAGES = (
    "failed for root port 4711",
    "failed for guest port 12",
    "disk beef full near 10.1.2.3 not and",
    "주문을 4711 접수",
    "모의주문실행 한국",
    "took 12µs failed",
    "done",
)
QUERIES = {
    "failed": ['"failed"'],
    "FAILED root": ['"failed"', '"root"'],
    "failed -root": ['"failed"', '"root"'],
    '"failed for"': ['"failed for"'],
    '"port 4711"': ['"port ꙮ"'],
    '"10.1.2.3"': ['"ꙮ ꙮ ꙮ ꙮ"'],
    "fai*": ['"fai" *'],
    "beef": ['"beef"'],
    "주문": ['"주문"'],
    "주문을": ['"주문 문을"'],
    "한": ['"한" *'],
    '"near" "and" "not"': ['"near"', '"and"', '"not"'],
    "nothing": ['"nothing"'],
    "4711": [],
    "*oot*": [],
    "/r.ot/": [],
}


def entries(*messages: str, at: float = 0) -> list[LogEntry]:
    """Each message 30 times with other values, so that it has a shape."""
    return [
        entry(message.replace("47", str(47 + time)), at=at + time)
        for time in range(30)
        for message in messages
    ]


@contextmanager
def sealed(path: Path, *messages: str) -> Iterator[SqliteStore]:
    """A store of such lines, opened anew after they were sealed."""
    with opened(path, background=False) as store:
        write_all(store, entries(*messages))
        store.seal()
    with opened(path, background=False) as store:
        yield store


def agrees(store: SqliteStore, text: str) -> int:
    """How many entries a query finds: those that match by definition."""
    expected = [each.key for each in store.export(LogQuery()) if matches(asked(text), each)]
    assert [each.key for each in store.export(asked(text))] == expected, text
    return len(expected)


@pytest.fixture
def looked_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The expressions that SQLite is asked to match, as it runs the statements."""
    seen: list[str] = []
    connect = Database.connect_reader

    def note(_cursor: apsw.Cursor, sql: str, binds: Any) -> bool:
        if "MATCH" in sql:
            seen.append(binds[0])
        return True

    def traced(database: Database) -> apsw.Connection:
        connection = connect(database)
        connection.exec_trace = note
        return connection

    monkeypatch.setattr(Database, "connect_reader", traced)
    return seen


@pytest.mark.promise("M16")
def test_words_phrases_and_prefixes_ask_fts5_once(tmp_path: Path, looked_for: list[str]) -> None:
    with sealed(tmp_path / "hantu.db", *MESSAGES) as store:
        # The first answer begins with a look at the index.
        agrees(store, "first")
        asked_before: set[str] = set()
        for text, expressions in QUERIES.items():
            looked_for.clear()
            agrees(store, text)
            # Answers are kept while the shapes are the same.
            assert sorted(looked_for) == sorted({*expressions} - asked_before), text
            asked_before |= {*expressions}
        assert agrees(store, "failed") == 90
        # Shapes come, and the answer is another one.
        write_all(store, entries("the 47 failed, too", at=100))
        assert agrees(store, "failed") == 120
        store.seal()
        looked_for.clear()
        assert agrees(store, "failed") == 120
        assert looked_for == ['"failed"']


def test_words_take_no_memory_for_texts(tmp_path: Path) -> None:
    with sealed(tmp_path / "hantu.db", *MESSAGES) as store:
        index = store._catalog.shapes.index
        assert agrees(store, '"port 4711"') == 1
        assert len(index._texts) == 0
        assert agrees(store, "*rt 4711*") == 1
        assert len(index._texts) == len(MESSAGES)


def test_lines_that_are_not_sealed_need_no_index(tmp_path: Path, looked_for: list[str]) -> None:
    with sealed(tmp_path / "hantu.db", *MESSAGES) as store:
        cursor = store.cursor()
        write_all(store, entries("failed anew", at=99))
        found = store.arrivals(asked("failed -root").after(cursor), most=1_000)
        assert len(found.entries) == 30
        assert looked_for == []


WORDS = st.lists(
    st.sampled_from(("failed", "for", "a", "\0", "주문", "문", "\0µs", "and", "near", "é")), max_size=6
)


@settings(max_examples=200)
@given(statics=st.lists(WORDS.map(" ".join), min_size=1, max_size=8), data=st.data())
def test_fts5_finds_what_stands_in_the_words_of_shapes(statics: list[str], data: st.DataObject) -> None:
    file = File()
    shapes = known(*dict.fromkeys(each.encode() for each in statics))
    file.seen(shapes)
    words = WordIndex(Reader(file.connection))
    for _ in range(5):
        sought = data.draw(WORDS.filter(len))
        is_open = data.draw(st.booleans())
        last = sought[-1][: data.draw(st.integers(1, len(sought[-1])))] if is_open else sought[-1]
        pattern = f" {' '.join([*sought[:-1], last])}{'' if is_open else ' '}".encode()
        expected = [
            number for number in range(1, len(shapes) + 1) if pattern in word_text(shapes.static(number))
        ]
        assert words.having(pattern).tolist() == expected


def test_what_is_sought_is_never_an_expression() -> None:
    file = File()
    file.seen(known(b"a b", b"b", b"c"))
    words = WordIndex(Reader(file.connection))
    assert words.having(b' a"b ').tolist() == [1]
    assert words.having(b' a" OR "c ').tolist() == []
    assert words.having(b" a NOT b ").tolist() == []
    assert words.having(b" text : c ").tolist() == []
    assert words.having(b'"').tolist() == []


def test_a_snapshot_is_asked_for_its_own_shapes(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with sealed(path, "failed 1") as store:
        with store._database.reading(None) as reader:
            old = WordIndex(reader)
            assert len(old.having(b" failed ")) == 1
            write_all(store, entries("failed otherwise", at=50))
            store.seal()
            assert agrees(store, "failed") == 60
            assert WordIndex(reader).version == old.version
            assert len(WordIndex(reader).having(b" failed ")) == 1
        with store._database.reading(None) as reader:
            assert WordIndex(reader).version != old.version
            assert len(WordIndex(reader).having(b" failed ")) == 2


def test_a_number_that_is_used_again_has_only_the_words_of_its_new_shape() -> None:
    file = File()
    NewShapes([(1, b"old \0"), (2, b"stays")]).put(file.connection)
    NewShapes([(1, b"new \0")]).put(file.connection)
    words = WordIndex(Reader(file.connection))
    assert [words.having(b" %s " % word).tolist() for word in (b"old", b"new", b"stays")] == [[], [1], [2]]
    assert words.damage() is None


@contextmanager
def half_cleaned(path: Path) -> Iterator[SqliteStore]:
    """A store whose clean-up was ended when shape 1 was gone and its words were not."""
    with sealed(path, "outdated words") as store:
        write_all(store, entries("young lines", at=3 * 86_400))
        store.seal()

        def pause() -> bool:
            with store._database.reading(None) as reader:
                return bool(reader.value("SELECT value FROM meta WHERE name = 'shapes_removed'"))

        store.maintain(1, now_ns=START_NS + 3 * DAY_NS, pause=pause)
        assert having(store, b" outdated ") == [1]
        yield store


def having(store: SqliteStore, pattern: bytes) -> list[int]:
    """What the index says."""
    with store._database.reading(None) as reader:
        return WordIndex(reader).having(pattern).tolist()


def test_words_that_a_clean_up_left_are_none_of_a_new_shape(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with half_cleaned(path):
        pass
    with opened(path, background=False) as store:
        write_all(store, entries("other things", at=3 * 86_400))
        store.seal()
        assert store._catalog.shapes.static(1) == b"other things"
        assert agrees(store, "outdated") == 0
        assert agrees(store, "other") == 30


def test_words_that_a_clean_up_left_go_with_the_next(tmp_path: Path) -> None:
    with half_cleaned(tmp_path / "hantu.db") as store:
        assert store.maintain(1, now_ns=START_NS + 3 * DAY_NS, pause=lambda: False).problems == ()
        assert having(store, b" outdated ") == []
        assert having(store, b" young ") == [2]
        assert agrees(store, "young") == 30


LEAF = "(SELECT max(id) FROM shape_word_data)"
DAMAGE = (
    f"UPDATE shape_word_data SET block = zeroblob(length(block)) WHERE id = {LEAF}",
    f"UPDATE shape_word_data SET block = randomblob(length(block)) WHERE id = {LEAF}",
    f"DELETE FROM shape_word_data WHERE id = {LEAF}",
    "UPDATE shape_word_data SET block = zeroblob(length(block)) WHERE id = 10",
    "DELETE FROM shape_word_data WHERE id = 10",
    "DELETE FROM shape_word_data",
)


def damage(path: Path, statement: str) -> None:
    """Change the file behind the store's back."""
    connection = apsw.Connection(str(path))
    connection.execute(statement)
    connection.close()


@pytest.mark.promise("M14", "M16")
@pytest.mark.parametrize("statement", DAMAGE)
def test_a_damaged_index_gives_no_wrong_answer_and_is_mended(
    tmp_path: Path, looked_for: list[str], caplog: pytest.LogCaptureFixture, statement: str
) -> None:
    path = tmp_path / "hantu.db"
    with sealed(path, *MESSAGES):
        pass
    damage(path, statement)
    with opened(path, background=False) as store, caplog.at_level(logging.ERROR, "hantu.store"):
        for text in QUERIES:
            agrees(store, text)
        assert [record.getMessage()[:30] for record in caplog.records] == ["the index of words is damaged:"]
        problems = store.maintain(7, now_ns=START_NS, pause=lambda: False).problems
        assert problems[-1].startswith("shape_word: ")
        assert problems[-1].endswith("; it was made anew from the shapes, nothing is lost")
        looked_for.clear()
        for text in QUERIES:
            agrees(store, text)
        assert looked_for
        assert store.maintain(7, now_ns=START_NS, pause=lambda: False).problems == ()
        assert len(caplog.records) == 1


def test_an_index_that_is_damaged_while_it_is_used_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with sealed(path, *MESSAGES) as store:
        assert agrees(store, "root") == 30
        damage(path, "DELETE FROM shape_word_data WHERE id > 10")
        assert agrees(store, "failed") == 90
        assert store._catalog.shapes.search.words_damage
        assert agrees(store, '"port 4711"') == 1


def test_a_damaged_index_that_cannot_be_mended_is_told(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with sealed(path, *MESSAGES) as store:
        damage(path, "DROP TABLE shape_word")
        assert agrees(store, "failed") == 90
        problems = store.maintain(7, now_ns=START_NS, pause=lambda: False).problems
        assert problems[-1].startswith("shape_word: no such table: ")
        assert "it could not be made anew" in problems[-1]
        assert agrees(store, "failed -root") == 60
