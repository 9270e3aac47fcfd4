"""Words of lines without a shape: which lines have them is known without reading one."""

from __future__ import annotations

from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hantu import text
from hantu.model import LogEntry, LogLevel
from hantu.query.logquery import LogQuery
from hantu.store.base import LogStorage
from hantu.store.memory import MemoryStore
from hantu.store.sqlite.batch import Column
from hantu.store.sqlite.catalog import COLUMN_BITS
from hantu.store.sqlite.escape import escape_lines
from hantu.store.sqlite.plain_words import PlainWords, Words, write_words
from tests.contract.strategies import MESSAGES
from tests.store.made import SECOND_NS, START_NS, asked, entry, opened, write_all
from tests.store.test_plan import MADE

LINES = st.lists(MADE | MESSAGES, max_size=8)


def words_of(*segments: list[str]) -> PlainWords:
    """The words of these segments, each with one group for every line."""
    columns = [
        Words.read(write_words(escape_lines(lines) if lines else b"", len(lines), 1 << 20))
        for lines in segments
    ]
    ends = np.cumsum([0, *map(len, segments)])
    groups = [np.arange(begin, begin + len(lines)) for begin, lines in zip(ends, segments, strict=False)]
    return PlainWords(columns, groups)


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=3), MADE | MESSAGES, st.booleans())
def test_words_stand_where_the_definition_finds_them(
    segments: list[list[str]], sought: str, prefix: bool
) -> None:
    needle = text.needle(sought, prefix=prefix)
    found, is_all = words_of(*segments).of_needle(needle)
    expected = [needle.found_in(text.tokens(line)) for lines in segments for line in lines]
    if is_all:
        assert found.tolist() == expected
    else:
        assert all(own or not wanted for own, wanted in zip(found.tolist(), expected, strict=True))


@settings(max_examples=100, deadline=None)
@given(LINES.filter(bool), st.data())
def test_each_token_of_a_line_is_found(lines: list[str], data: st.DataObject) -> None:
    line = data.draw(st.sampled_from(lines))
    for token in text.tokens(line):
        found, is_all = words_of(lines).of_needle(text.Needle((token,), open=False))
        assert found[lines.index(line)]
        assert is_all == (not any("0" <= character <= "9" for character in token))


def test_text_that_has_too_many_words_has_no_column() -> None:
    lines = [
        " ".join(f"word{chr(97 + at % 26)}x{chr(97 + row % 26)}" for at in range(50)) for row in range(90)
    ]
    assert write_words("\n".join(lines).encode(), len(lines), 5_000) == b""
    assert Words.read(b"") is None


def test_a_segment_that_does_not_know_its_words_has_no_rows() -> None:
    known = Words.read(write_words(b"one\ntwo", 2, 1 << 20))
    words = PlainWords([None, known, known], [np.array([0, 1]), np.array([4, 4, 5]), np.array([7, 9])])
    assert words.starts.tolist() == [0, 0, 0, 2]
    assert words.groups.tolist() == [7, 9]
    assert words.of_needle(text.needle("two"))[0].tolist() == [False, True]


@pytest.mark.parametrize("cut", [1, 9, 20, 30])
def test_a_damaged_column_of_words_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match=r"too early|missing"):
        Words.read(write_words(b"one two\ntwo three\nfour", 3, 1 << 20)[:-cut])


TEXTS = [
    *(f"once owl in stage {chr(97 + at % 26)}{chr(97 + at // 26)}zz" for at in range(60)),
    *(f"nowhere near {chr(97 + at)}qx" for at in range(20)),
    *("took 12 ms", "took 13 ms", "took 14 ms") * 40,
    *("owl is a shape",) * 30,
]
WORDS = ("owl", "once", "owl level:error", "once owl", "owl OR near", "-bee", "stag*", "near -once")
WHOLE = {"start_ns": START_NS, "end_ns": START_NS + len(TEXTS) * SECOND_NS}


def entries() -> list[LogEntry]:
    """Lines with a shape and without, of three segments."""
    return [
        entry(message, at=at * 37 % len(TEXTS), level=LogLevel(at % 6), source_id=f"svc-{at % 3}")
        for at, message in enumerate(TEXTS)
    ]


def written(path: Path) -> None:
    """A file with these entries."""
    with opened(path, background=False, seal_entries=96) as store:
        write_all(store, entries(), size=32)
        store.seal()


def answers(store: LogStorage, query: LogQuery) -> list[object]:
    """What counts say of a query; the histogram's buckets end within segments."""
    return [
        store.count(query),
        store.histogram(query, buckets=7, **WHOLE).counts,
        store.facets(query, ["level", "source_id"]),
    ]


def remove(path: Path, column: Column) -> None:
    """Take a column from every segment."""
    connection = apsw.Connection(str(path))
    connection.execute(
        f"DELETE FROM segment_column WHERE column_id & {(1 << COLUMN_BITS) - 1} = {int(column)}"
    )
    assert connection.changes() == 3
    connection.close()


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("gone", [None, Column.WORDS, Column.PLAIN], ids=["whole", "older file", "unread"])
def test_words_are_counted_the_same_with_and_without_their_column(
    tmp_path: Path, words: str, gone: Column | None
) -> None:
    path = tmp_path / "hantu.db"
    written(path)
    if gone is not None:
        remove(path, gone)
    reference = MemoryStore()
    reference.write_batch(entries())
    query = asked(words)
    expected = answers(reference, query)
    with opened(path) as store:
        assert answers(store, query) == expected
        if gone is not Column.PLAIN:
            found = [each.message for each in store.search(query).entries]
            assert found == [each.message for each in reference.search(query).entries]
        assert not store.maintain(7, now_ns=START_NS, pause=lambda: False).problems or gone is Column.PLAIN


def test_a_damaged_column_of_words_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    written(path)
    connection = apsw.Connection(str(path))
    connection.execute(
        f"UPDATE segment_column SET data = zeroblob(9) WHERE column_id % 16 = {int(Column.WORDS)}"
    )
    connection.close()
    with opened(path) as store:
        assert store.count(asked("once")).count == 60
