"""Frames over what is not sealed yet: exactly its entries, and each made once."""

from __future__ import annotations

import re
import weakref
from pathlib import Path

import numpy as np
import pytest

from hantu.store.sqlite.batch import LEVEL_BITS, Column
from hantu.store.sqlite.catalog import OPEN_ENTRIES, PRESS_AFTER_NS, Catalog
from hantu.store.sqlite.escape import escape_lines
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.hot import HotBatch
from hantu.store.sqlite.hot_frames import CHUNK_MOST, Chunk, HotFrames
from hantu.store.sqlite.segment_writer import VALUE_COLUMNS
from hantu.store.sqlite.shapes import Shapes
from tests.store.made import asked, many, opened

LINES = CHUNK_MOST // 4


def batch(first_key: int, size: int = LINES) -> HotBatch:
    """Lines of three streams whose times go back and forth."""
    numbers = range(first_key, first_key + size)
    return HotBatch(
        first_key,
        first_key * 1_000,
        [5_000_000_000 + number * 300_000_007 % 60_000_000_000 for number in numbers],
        [(number % 3 + 1) << LEVEL_BITS | 2 for number in numbers],
        [f"line {number}\n주문 \x1b[31m{number % 7}\x1b[0m" for number in numbers],
        [None if number % 2 else b'{"n":%d}' % (number % 5) for number in numbers],
    )


def in_a_row(many: int, *, first_key: int = 1, size: int = LINES) -> list[HotBatch]:
    return [batch(first_key + at * size, size) for at in range(many)]


def keys(chunks: list[Chunk]) -> list[int]:
    return [int(key) for chunk in chunks for key in chunk.frame.keys(chunk.frame.line_of(every(chunk)))]


def every(chunk: Chunk) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(chunk.size)


@pytest.mark.parametrize("pressed", [(), (0, 2), (0, 1, 2)])
def test_a_frame_of_batches_gives_back_each_of_their_entries(pressed: tuple[int, ...]) -> None:
    batches = in_a_row(3, size=50)
    for at in pressed:
        batches[at].press()
    (chunk,) = HotFrames(Shapes()).chunks(batches)
    frame = chunk.frame
    lines = frame.line_of(every(chunk))
    metadata = frame.metadata()
    assert frame.messages(lines) == [message for each in batches for message in each.messages]
    assert frame.times(lines).tolist() == [time_ns for each in batches for time_ns in each.times]
    assert frame.created(lines).tolist() == [each.created_ns for each in batches for _ in each.times]
    assert frame.cells[frame.group_of(lines)].tolist() == [cell for each in batches for cell in each.cells]
    texts = [text for each in batches for text in each.metadata]
    assert frame.metadata_texts(lines) == texts
    assert [
        None if number < 0 else metadata.texts[number] for number in metadata.ids[lines].tolist()
    ] == texts
    assert keys([chunk]) == list(range(1, 151))
    assert (chunk.oldest_ns, chunk.newest_ns) == (int(frame.times().min()), int(frame.times().max()))


def test_what_is_coded_says_the_same_as_what_is_at_hand() -> None:
    (chunk,) = HotFrames(Shapes()).chunks(in_a_row(3, size=50))
    frame = chunk.frame
    columns = [Column.DIRECTORY, Column.ORDER, Column.PLAIN, Column.METADATA, *VALUE_COLUMNS]
    raw = {column: frame._coded(column) for column in columns}
    coded = Frame(raw.__getitem__, Shapes())
    lines = every(chunk)
    assert coded.messages(lines) == frame.messages(lines)
    assert coded.metadata_texts(lines) == frame.metadata_texts(lines)
    assert coded.seconds(lines).tolist() == frame.seconds(lines).tolist()
    assert coded.cells.tolist() == frame.cells.tolist()
    assert coded.groups_by_arrival().tolist() == frame.groups_by_arrival().tolist()


def test_the_texts_around_values_are_taken_out_once_for_all_queries() -> None:
    (chunk,) = HotFrames(Shapes()).chunks(in_a_row(2, size=50))
    texts, of_line = chunk.frame.plain_statics()
    messages = escape_lines(chunk.frame.messages(every(chunk))).split(b"\n")
    values = re.compile(rb"[0-9]+")
    assert [texts[number] for number in of_line.tolist()] == [values.sub(b"\0", each) for each in messages]
    assert len(set(texts)) == len(texts) < len(messages)
    assert chunk.frame.plain_statics()[0] is texts


def test_small_batches_are_put_together() -> None:
    frames = HotFrames(Shapes())
    batches = in_a_row(300, size=10)
    for at in range(1, len(batches) + 1):
        chunks = frames.chunks(batches[:at])
    assert keys(chunks) == list(range(1, 3_001))
    assert len(chunks) < 12


def test_a_seal_that_ends_within_a_chunk_leaves_the_others_as_they_are() -> None:
    frames = HotFrames(Shapes())
    batches = in_a_row(20)
    before = frames.chunks(batches)
    assert len(before) == 5
    # A segment took the first two chunks and one batch of the third.
    after = frames.chunks(batches[9:])
    assert after[-2:] == before[-2:]
    assert keys(after) == list(range(9 * LINES + 1, 20 * LINES + 1))


def test_an_older_snapshot_is_answered_from_its_own_batches() -> None:
    frames = HotFrames(Shapes())
    batches = in_a_row(20)
    newest = frames.chunks(batches)
    assert keys(frames.chunks(batches[:10])) == list(range(1, 10 * LINES + 1))
    # What the newer one made is still there.
    assert frames.chunks(batches) == newest


def test_a_batch_read_again_after_damage_is_not_mistaken_for_another() -> None:
    frames = HotFrames(Shapes())
    batches = in_a_row(8)
    frames.chunks(batches)
    # Of the same keys, but not the same batch, and one is missing.
    other = [*batches[:2], batch(batches[2].first_key), *batches[4:]]
    assert keys(frames.chunks(other)) == [
        *range(1, 3 * LINES + 1),
        *range(4 * LINES + 1, 8 * LINES + 1),
    ]


@pytest.mark.parametrize("message", ["plain {}", "주문 {}\n둘째 줄", "", "\0{}\x1b[31m", "\U0001f9ff {} é"])
def test_a_pressed_batch_says_the_same_in_half_the_memory(message: str) -> None:
    open_one, pressed = batch(7, 100), batch(7, 100)
    for each in (open_one, pressed):
        each.messages = [message.format(number) for number in range(100)]
    pressed.press()
    assert list(pressed.messages) == open_one.messages
    assert [pressed.messages[at] for at in range(-100, 100)] == [
        open_one.messages[at] for at in range(-100, 100)
    ]
    for beyond in (100, -101):
        with pytest.raises(IndexError):
            pressed.messages[beyond]
    assert list(pressed.metadata) == open_one.metadata
    assert pressed.metadata[-30:] == open_one.metadata[-30:]
    assert (list(pressed.times), list(pressed.cells)) == (open_one.times, open_one.cells)
    assert (pressed.oldest_ns, pressed.newest_ns) == (open_one.oldest_ns, open_one.newest_ns)
    assert (len(pressed), pressed.characters) == (len(open_one), open_one.characters)


def test_batches_are_pressed_when_live_views_and_first_pages_have_read_them() -> None:
    catalog = Catalog(writes=True)
    old, recent, young = batch(1, 10), batch(11, 10), batch(11 + OPEN_ENTRIES, 10)
    old.created_ns = recent.created_ns = young.created_ns - PRESS_AFTER_NS - 1
    for each in (old, recent, young):
        catalog.accepted(each)
    assert not isinstance(old.messages, list)
    assert isinstance(recent.messages, list)
    next_one = batch(recent.last_key + 1 + OPEN_ENTRIES, 10)
    next_one.created_ns = young.created_ns
    catalog.accepted(next_one)
    assert not isinstance(recent.messages, list)
    assert isinstance(young.messages, list)


def test_a_seal_gives_up_what_queries_have_made_of_its_lines(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", seal_entries=10**6, background=False) as store:
        store.write_batch(many(100))
        store.query(asked("line"))
        (chunk,) = store._catalog.hot_frames._chunks
        frame = weakref.ref(chunk.frame)
        del chunk
        assert frame() is not None
        assert store.seal() == 100
        assert frame() is None
