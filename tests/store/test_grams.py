"""Parts of words are denied by a filter only where they are not, and what it denies is not read."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hantu.store.sqlite.batch import Column
from hantu.store.sqlite.catalog import Catalog
from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.filter import Filter, look_up, row_of, token_hash, transpose, write_filter
from hantu.store.sqlite.grams import Grams, gram_hashes
from hantu.store.sqlite.segment_writer import encode
from hantu.text import fold
from tests.store.codec_parts import Book, batch_of
from tests.store.made import asked, entry, opened


def filter_of(*messages: str, eager: bool = False) -> Filter:
    return Filter(encode(batch_of(messages), Book(eager=eager))[Column.FILTER])


def held(its: Filter, sought: str) -> bool:
    return all(its.may_hold(each) for each in gram_hashes(sought.encode()))


@example("ab\x1b[31m3c", 0, 9)
@example("x1\u212a", 0, 9)
@settings(deadline=None)
@given(
    st.text(max_size=40) | st.text("a1B2-9\u212aé가 \x1b[31m\n\x00İ", max_size=40),
    st.integers(0, 40),
    st.integers(3, 40),
)
def test_every_part_of_a_plain_line_is_held(message: str, begin: int, size: int) -> None:
    assert held(filter_of(message), fold(message)[begin : begin + size])


@given(st.lists(st.text("0123456789abcdefghXYZ", min_size=1, max_size=12), min_size=1, max_size=6))
def test_every_part_of_a_mixed_value_is_held(values: list[str]) -> None:
    values = [f"{value}7z" for value in values]
    its = filter_of(" ".join(values), eager=True)
    for value in map(str.lower, values):
        assert all(held(its, value[begin:]) for begin in range(len(value)))


def test_what_is_between_values_is_none_of_their_parts() -> None:
    its = filter_of("12ms 34z 5x", eager=True)
    for there in ("12ms", "2ms", "34z"):
        assert held(its, there)
    for part in ("s34", "ms3", "34z5", "z5x"):
        assert not held(its, part)


def test_hexadecimal_values_give_no_parts() -> None:
    assert filter_of("run 83291e29 ended", eager=True).format == 3
    assert not held(filter_of("run 83291e29 ended", eager=True), "3291e2")


def test_filters_of_older_files_deny_no_part() -> None:
    hashes = np.array([token_hash(b"held%d" % at) for at in range(200)], np.uint64)
    raw = write_filter(hashes, 10**6, Grams().hashes())
    (token,) = gram_hashes(b"8f8")
    filters = [bytes((form,)) + raw[1:] for form in (1, 2, 3)]
    expected = [True, True, False]
    assert [Filter(each).may_hold(token) for each in filters] == expected
    assert look_up(transpose(filters)[row_of(token)], token).tolist() == expected
    for known in hashes[:9].tolist():
        assert look_up(transpose(filters)[row_of(known)], known).tolist() == [True] * 3


def test_text_with_all_parts_has_none_in_its_filter() -> None:
    draw = np.random.default_rng(3)
    grams = Grams()
    grams.add("".join(draw.choice([*"0123456789abcdefghijklmnopqrstuvwxyz"], 100_000)).encode())
    assert grams.hashes() is None
    some = Grams()
    some.add(b"".join(b"%d " % at for at in range(1_000)))
    assert some.hashes() is not None


def test_a_text_with_digits_is_looked_for_only_where_its_parts_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Column] = []
    column = Catalog.column

    def counted(own: Catalog, reader: Reader, segment_no: int, which: Column) -> bytes:
        read.append(which)
        return column(own, reader, segment_no, which)

    draw = np.random.default_rng(4)
    ids = [draw.bytes(4).hex() for _ in range(300)]
    messages = [f"call {at} took {at}ms id {each}" for at, each in enumerate(ids)]
    with opened(tmp_path / "hantu.db", seal_entries=10**6, background=False) as store:
        for text in (*messages, "a line met once 5z5q"):
            store.write_batch([entry(text)])
        store.seal()
        monkeypatch.setattr(Catalog, "column", counted)
        assert not store.search(asked(f"*{ids[7]}{ids[8]}*")).entries
        assert Column.HEX in read
        assert not {Column.PLAIN, Column.MIXED} & set(read)
        read.clear()
        assert not store.search(asked("*q0q*")).entries
        assert not set(read) - {Column.FILTER}
        assert len(store.search(asked("*z5q*")).entries) == 1
        assert [each.message for each in store.search(asked(f"*{ids[7][1:-1]}*")).entries] == [messages[7]]
