"""A segment's filter never denies what is there, and seldom affirms what is not."""

from collections import Counter
from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hantu.store.sqlite.batch import Column
from hantu.store.sqlite.filter import (
    PARTITIONS,
    Filter,
    look_up,
    row_of,
    token_hash,
    token_hashes,
    transpose,
    write_filter,
)
from hantu.store.sqlite.packing import pack_row, unpack_row
from hantu.store.sqlite.segment_writer import encode
from hantu.store.sqlite.snapshot import GROUP
from hantu.store.sqlite.token_places import token_places
from hantu.text import fold, tokens
from tests.store.codec_parts import Book, batch_of
from tests.store.made import asked, entry, many, opened

TOKENS = st.text("abcdefxyzABCXYZ0123456789", min_size=1, max_size=30).map(str.encode)


def filter_of(*messages: str, metadata: bytes | None = None, eager: bool = False) -> Filter:
    batch = batch_of(messages, metadata=[metadata] * len(messages))
    return Filter(encode(batch, Book(eager=eager))[Column.FILTER])


@settings(deadline=None)
@given(st.lists(TOKENS, min_size=1, max_size=40))
def test_hashes_of_many_tokens_are_those_of_each(parts: list[bytes]) -> None:
    lengths = np.array([len(part) for part in parts])
    hashes = token_hashes(b"".join(parts), np.cumsum(lengths) - lengths, lengths)
    assert hashes.tolist() == [token_hash(part) for part in parts]
    assert hashes.tolist() == [token_hash(part.lower()) for part in parts]


@settings(deadline=None)
@given(st.lists(st.sets(TOKENS, max_size=60), min_size=1, max_size=32))
def test_a_look_up_in_many_filters_is_that_in_each(segments: list[set[bytes]]) -> None:
    filters = [
        write_filter(np.array([token_hash(token) for token in each], np.uint64), 10**6) for each in segments
    ]
    rows = transpose(filters)
    assert len(rows) == 64
    for token in [*{token for each in segments for token in each}, b"neverthere", b"xx"]:
        number = token_hash(token)
        found = look_up(rows[row_of(number)], number)
        assert found.tolist() == [Filter(each).may_hold(number) for each in filters]
        for segment, held in zip(segments, found.tolist(), strict=True):
            assert held or token not in segment


def test_a_filter_errs_for_one_token_of_a_hundred() -> None:
    hashes = np.array([token_hash(b"there%d" % number) for number in range(20_000)], np.uint64)
    raw = write_filter(hashes, 10**7)
    assert len(raw) <= 20_000 * 12 // 8 + 128
    wrong = sum(Filter(raw).may_hold(token_hash(b"absent%d" % number)) for number in range(10_000))
    assert wrong < 100


def test_values_and_metadata_values_of_five_characters_are_held() -> None:
    held = filter_of(
        "GET 1234 abcd1 DEADBEEF99 word", metadata=b'{"trace_id":"4fa3b2c1","pid":65000}', eager=True
    )
    for token in (b"abcd1", b"deadbeef99", b"4fa3b2c1", b"65000"):
        assert held.may_hold(token_hash(token))
    for token in (b"1234", b"word", b"trace"):
        assert not held.may_hold(token_hash(token))


def test_a_segment_without_values_holds_nothing() -> None:
    assert not filter_of("no values here", "no values here").may_hold(token_hash(b"12345"))
    assert not filter_of().may_hold(token_hash(b"12345"))


@pytest.mark.parametrize(
    "message",
    [
        "plain Words seen once",
        "foo\x1b[31mbar\x1b[0m",
        "foo\x1b[1Kbar",
        "100 \u212aelvin",
        "abc\u0130stanbul xyz",
        "cafe\u0301s abc",
        "ABCH\u0331 next",
        "주문 order42 체결",
    ],
)
def test_all_tokens_of_a_plain_line_are_held(message: str) -> None:
    held = filter_of(message)
    for token in tokens(message):
        if not token.isascii() or len(token) >= 3:
            assert held.may_hold(token_hash(token.encode())), token


@example("\x1b\n0¹")
@example("\x1b\0가나")
@settings(deadline=None)
@given(st.text(max_size=40) | st.text("가나東京ーéß1aB_ \x1b[31m\n\x00İK", max_size=40))
def test_all_tokens_of_any_plain_line_are_held(message: str) -> None:
    held = filter_of(message)
    for token in tokens(message):
        if not token.isascii() or len(token) >= 3:
            assert held.may_hold(token_hash(fold(token).encode())), token


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60) | st.text("가나東京ー𠀀𐐀éß1aB_ \nİ", max_size=40))
def test_tokens_of_a_text_are_found_at_once(message: str) -> None:
    folded = fold(message)
    octets = folded.encode()
    starts, lengths = token_places(folded, 1)
    found = [octets[at : at + size].decode() for at, size in zip(starts, lengths, strict=True)]
    assert Counter(found) == Counter(tokens(message))


def test_text_with_too_many_tokens_has_no_filter() -> None:
    text = " ".join(f"{number * 2_654_435_761 % 2**32:08x}"[:5] for number in range(40_000))
    held = filter_of(text)
    assert held.width == 0
    assert held.may_hold(token_hash(b"12345"))
    assert look_up(transpose([bytes((1, 0, 0, 0, 0))])[0], 5).tolist() == [True]


@pytest.mark.parametrize("raw", [b"", b"\x04\0\0\0\0", b"\x01\x01\0\0\0", b"\x01\0\0\0\0rest"])
def test_a_damaged_filter_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="filter"):
        Filter(raw)
    with pytest.raises(ValueError, match="filter"):
        transpose([raw])
    with pytest.raises(ValueError, match="filter"):
        look_up(raw, 1)


def test_a_row_of_filters_comes_back_packed_and_as_it_was_written_before() -> None:
    hashes = np.random.default_rng(5).integers(0, (1 << 64) - 1, (GROUP, 20_000), np.uint64)
    filters = [write_filter(each, 1 << 24) for each in hashes]
    for row in transpose(filters):
        packed = pack_row(row)
        assert len(packed) < len(row)
        assert unpack_row(packed) == unpack_row(row) == row


@pytest.mark.fault
def test_a_damaged_row_of_filters_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    lines = many(5 * GROUP)
    with opened(path, seal_entries=10**6, background=False) as store:
        for at in range(0, len(lines), 5):
            store.write_batch([entry(f"run id00{at:05} done", at=at), *lines[at : at + 4]])
            store.seal()
    connection = apsw.Connection(str(path))
    rows = connection.execute("SELECT row_id, data FROM filter_row").fetchall()
    assert len(rows) == PARTITIONS
    for row_id, data in rows:
        flipped = data[:-9] + bytes((data[-9] ^ 0x10,)) + data[-8:]
        connection.execute("UPDATE filter_row SET data = ? WHERE row_id = ?", (flipped, row_id))
    connection.close()
    with opened(path) as store:
        for at in range(0, len(lines), 5):
            assert store.count(asked(f"id00{at:05}")).count == 1
        (problem,) = store._catalog.damage()
        assert "a row of filters is damaged" in problem
