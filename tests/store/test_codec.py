"""What is encoded comes back exactly."""

import random
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hantu.store.sqlite.values import runs_of
from tests.store.codec_parts import Book, assert_same, batch_of, frame_of

INT64 = st.integers(-(2**63), 2**63 - 1)
WORDS = st.sampled_from(
    [
        "a",
        "face",
        "port",
        "4711",
        "0x1F",
        "deadBEEF",
        " ",
        "\n",
        "\0",
        "\x01",
        "\x1e",
        "\r\n",
        "\x1b[31m",
        "\x1b[0m",
        "\x1b[",
        "\x1b[1;38:5",
        "m",
        "주문",
        "é",
        "\U0001f600",
        ":",
        "ꙮ",
        "\x7f",
        "\ufffd",
        "12345678901234567890",
        "z9" * 200,
    ]
)
MESSAGES = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(WORDS).map("".join)


@pytest.mark.promise("M3")
@settings(max_examples=300, deadline=None)
@given(st.lists(MESSAGES, max_size=12), st.booleans(), st.integers(0, 3))
def test_every_message_comes_back(messages: list[str], eager: bool, repeats: int) -> None:
    messages = messages * repeats
    book = Book(eager=eager)
    for _ in range(2):
        batch = batch_of(messages)
        assert_same(frame_of(batch, book), batch)


@settings(deadline=None)
@given(st.data(), st.integers(0, 40))
def test_every_time_key_cell_and_metadata_comes_back(data: st.DataObject, size: int) -> None:
    def draw(values: st.SearchStrategy[int]) -> list[int]:
        return data.draw(st.lists(values, min_size=size, max_size=size))

    unit = data.draw(st.sampled_from([1, 10**3, 10**6, 10**9]))
    around = st.integers(-(10**12) // unit, 10**13 // unit).map(lambda ticks: ticks * unit)
    batch = batch_of(
        data.draw(st.lists(st.sampled_from(["a 1", "b 22", "c", "d fe"]), min_size=size, max_size=size)),
        times=draw(data.draw(st.sampled_from([INT64, around]))),
        keys=sorted(set(draw(st.integers(1, 2**63 - 1))) | set(range(1, size + 1)))[-size:] if size else [],
        created=draw(st.sampled_from([1, 2, 2**63 - 1, -5])),
        cells=draw(st.integers(0, 2**40)),
        metadata=data.draw(
            st.lists(
                st.sampled_from([None, b"{}", b'{"a":1}', b'{"b":"x y"}']), min_size=size, max_size=size
            )
        ),
    )
    assert_same(frame_of(batch, Book()), batch)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_all_bytes_come_back_as_latin_text(text: bytes) -> None:
    batch = batch_of([text.decode("latin-1")] * 2)
    assert_same(frame_of(batch, Book()), batch)


def test_every_character_comes_back() -> None:
    characters = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000, 7)]))
    batch = batch_of([characters[at : at + 1000] for at in range(0, len(characters), 1000)])
    assert_same(frame_of(batch, Book(eager=True)), batch)


@pytest.mark.parametrize(
    "message",
    [
        "x" * 262_144,
        "7" * 262_144,
        "\n" * 262_144,
        "\0" * 262_144,
        "\x1b[31m" * 52_428,
        "1 " * 131_072,
        "한" * 87_381,
        "".join(f"\x1b[{number}m{number:x}" for number in range(20_000)),
        "value " + "9" * 255,
        "value " + "9" * 254,
        "value " + "f" * 70_000 + " end",
    ],
    ids=lambda message: f"{message[:8]!r} {len(message)}",
)
def test_long_messages_come_back(message: str) -> None:
    batch = batch_of([message, "between 1", message, "between 2", message[:-1]])
    assert_same(frame_of(batch, Book(eager=True)), batch)


def test_a_line_of_more_than_1000_values_is_kept_as_text() -> None:
    batch = batch_of(["1 " * 1000, "2 " * 1001] * 2)
    frame = frame_of(batch, Book(eager=True))
    numbers = frame.plain_numbers()
    assert frame.plain_lines(numbers) == [b"2 " * 1001] * 2
    assert frame.arrival()[numbers].tolist() == [1, 3]
    assert_same(frame, batch)


def test_lines_are_grouped_by_cell_and_shape_in_order_of_arrival() -> None:
    batch = batch_of(["b 1", "a 22", "b 3", "a 4", "b 5"], cells=[9, 8, 9, 8, 8])
    frame = frame_of(batch, Book())
    assert frame.cells.tolist() == [8, 8, 9]
    assert frame.counts.tolist() == [1, 2, 2]
    assert frame.arrival().tolist() == [4, 1, 3, 0, 2]
    assert frame.messages(np.array([4, 0, 2])) == ["b 3", "b 5", "a 4"]
    columns = frame.columns()
    values = frame.values(0)
    assert values.blob == b"522413"
    assert columns.first.tolist() == [0, 1, 3]
    assert values.lengths.tolist() == [1, 2, 1, 1, 1]


def test_values_have_the_narrowest_class_of_their_column() -> None:
    batch = batch_of(["1 1f AB9 z1", "2 2 cd0 30"])
    frame = frame_of(batch, Book())
    assert frame.columns().cls.tolist() == [0, 1, 1, 2]
    assert frame.values(1).blob == b"1f2ab9cd0"
    assert frame.values(2).blob == b"z130"


def test_a_colour_does_not_glue_to_the_word_behind_it() -> None:
    batch = batch_of(["\x1b[31mERROR\x1b[0m 17", "\x1b[31mERROR\x1b[0m 18"])
    frame = frame_of(batch, Book())
    assert frame.columns().slot.tolist() == [0]
    assert frame.values(0).blob == b"1718"
    assert_same(frame, batch)


def test_a_frame_reads_only_the_columns_it_needs() -> None:
    from hantu.store.sqlite.batch import Column
    from hantu.store.sqlite.frame import Frame
    from hantu.store.sqlite.segment_writer import encode

    book = Book()
    raw = encode(batch_of(["a 1", "a 2", "once upon a time"]), book)
    read: list[Column] = []

    def load(column: Column) -> bytes:
        read.append(column)
        return raw[column]

    frame = Frame(load, book)
    assert not read
    assert frame.counts.tolist() == [1, 2]
    assert read == [Column.DIRECTORY]
    assert frame.messages(np.array([1])) == ["a 1"]
    assert read == [Column.DIRECTORY, Column.DECIMAL]
    assert frame.plain_lines(frame.plain_numbers()) == [b"once upon a time"]
    assert frame.messages(np.array([0, 2])) == ["once upon a time", "a 2"]
    assert read == [Column.DIRECTORY, Column.DECIMAL, Column.PLAIN]


def test_the_kinds_of_very_many_runs_are_those_of_each() -> None:
    draw = random.Random(3)
    parts = [draw.choice(("12", "beef", "x", "a1", "Zz9", "7f")) for _ in range(70_000)]
    runs = runs_of("-".join(parts).encode())
    expected = {part: runs_of(part.encode()).kinds.tolist()[0] for part in set(parts)}
    assert runs.kinds.tolist() == [expected[part] for part in parts]
    assert runs.lengths.tolist() == [len(part) for part in parts]


@pytest.mark.parametrize("spread_ns", [1_000, 10**8, 10**9], ids=["steps", "far steps", "units"])
def test_times_of_few_lines_are_those_of_all(spread_ns: int) -> None:
    draw = random.Random(spread_ns)
    times = list(accumulate(draw.randrange(spread_ns) for _ in range(400)))
    batch = batch_of([f"turn {at}" if at % 3 else "x" * (at % 5) for at in range(400)], times=times)
    for _ in range(10):
        frame = frame_of(batch, Book(eager=True))
        lines = np.array(sorted(draw.sample(range(400), 20)))
        assert frame.times(lines).tolist() == batch.times[frame.arrival()[lines]].tolist()
