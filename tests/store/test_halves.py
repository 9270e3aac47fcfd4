"""Hexadecimal digits that lie two in a byte: they come back, and are found as they lie."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from hantu.store.sqlite.batch import Column
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.halves import may_hold
from hantu.store.sqlite.packing import pack, unpack
from hantu.store.sqlite.segment_writer import encode
from hantu.store.sqlite.value_column import Values, halved, write_values
from tests.store.codec_parts import Book, assert_same, batch_of

SMALL = st.text("0123456789abcdef", max_size=300)
ONE_CASE = SMALL | SMALL.map(str.upper)


def column_of(values: list[str]) -> bytes:
    return write_values(np.array([*map(len, values)], np.int64), "".join(values).encode())


@given(st.lists(ONE_CASE, min_size=1))
@example(["ED25519", "", "0f", "E" * 300])
def test_values_come_back_from_halves(values: list[str]) -> None:
    halves = halved(column_of(values))
    assert (halves is None) == (not "".join(values))
    if halves is None:
        return
    read = Values(halves)
    assert read.text == "".join(values).encode()
    assert read.lengths.tolist() == [*map(len, values)]
    assert read.blob == read.text.lower()


def test_values_that_are_no_digits_or_of_both_cases_stay_whole() -> None:
    assert halved(column_of(["12", "fg"])) is None
    assert halved(column_of(["12", "dEad"])) is None
    assert halved(column_of(["12", "dead", "BEEF"])) is not None


@given(st.text("0123456789abcdef", min_size=8, max_size=400), st.data())
def test_what_stands_in_halves_is_found(text: str, data: st.DataObject) -> None:
    values = Values(halved(column_of([text])) or b"")
    begin = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(begin + 1, len(text)))
    assert values.may_hold(text[begin:end].encode())
    assert values.may_hold(text[begin:end].encode())


@given(st.binary(max_size=60), st.text("0123456789abcdef", min_size=6, max_size=9))
def test_what_stands_nowhere_in_halves_is_denied(halves: bytes, sought: str) -> None:
    assert may_hold(halves, sought.encode()) == (sought in halves.hex())


def test_a_text_that_stands_everywhere_is_taken_to_be_there() -> None:
    assert may_hold(b"\x12" * 100, b"12123")
    assert not may_hold(b"\x12" * 10, b"12123")


def test_random_digits_lie_as_halves() -> None:
    draw = np.random.default_rng(5)
    random = column_of([draw.bytes(4).hex() for _ in range(2_000)])
    assert unpack(Column.HEX, pack(Column.HEX, random)) == halved(random)


def test_values_that_zstd_packs_better_stay_whole() -> None:
    draw = np.random.default_rng(5)
    known = [draw.bytes(20).hex() for _ in range(40)]
    # Halves at odd places: no two of these 40 values look alike there.
    repeated = column_of([f"{draw.integers(10)}{known[at]}" for at in draw.integers(40, size=2_000)])
    assert unpack(Column.HEX, pack(Column.HEX, repeated)) == repeated


def test_a_segment_of_format_1_is_read() -> None:
    batch = batch_of([f"blob {at * 0x9E3779B9:08x} by KEY" for at in range(200)])
    book = Book()
    raw = encode(batch, book)
    directory = raw[Column.DIRECTORY]
    at = 1 + 4 * directory[0]
    raw[Column.DIRECTORY] = directory[:at] + b"\x01" + directory[at + 1 :]
    assert_same(Frame(raw.__getitem__, book), batch)
