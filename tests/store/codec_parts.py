"""A small registry of shapes and batches for tests of the codec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from hantu.store.sqlite.batch import Batch, Column, IntArray
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.packing import pack, unpack
from hantu.store.sqlite.segment_writer import ShapeBook, encode
from hantu.store.sqlite.timeline import Timeline


class Book:
    """A ShapeBook: a shape is known from its second sight on, or at once when `eager`."""

    def __init__(self, *, eager: bool = False) -> None:
        self._eager = eager
        self.texts = [b""]
        self._numbers: dict[bytes, int] = {}
        self._seen: set[bytes] = set()
        self._slots = np.zeros(1, np.int32)

    def numbers(self, statics: list[bytes]) -> IntArray:
        repeated: dict[bytes, int] = {}
        for static in statics:
            repeated[static] = repeated.get(static, 0) + 1
        for static, count in repeated.items():
            if static not in self._numbers and len(static) <= 4096:
                if count > 1 or self._eager or static in self._seen:
                    self._numbers[static] = len(self.texts)
                    self.texts.append(static)
                else:
                    self._seen.add(static)
        self._slots = np.array([text.count(0) for text in self.texts], np.int32)
        return np.array([self._numbers.get(static, 0) for static in statics], np.int64)

    def static(self, number: int) -> bytes:
        return self.texts[number]

    @property
    def slots(self) -> IntArray:
        return self._slots


def batch_of(
    messages: Sequence[str],
    *,
    metadata: Sequence[bytes | None] | None = None,
    times: Iterable[int] | None = None,
    cells: Iterable[int] | None = None,
    keys: Iterable[int] | None = None,
    created: Iterable[int] | None = None,
) -> Batch:
    """A batch of these messages; what is not given is plain."""
    size = len(messages)

    def column(values: Iterable[int] | None, default: Iterable[int]) -> IntArray:
        return np.array(list(default if values is None else values), np.int64)

    return Batch(
        keys=column(keys, range(1, size + 1)),
        times=column(times, range(1_795_000_000 * 10**9, 1_795_000_000 * 10**9 + size)),
        cells=column(cells, [8] * size),
        messages=messages,
        metadata=[None] * size if metadata is None else metadata,
        created=column(created, [7] * size),
    )


def frame_of(batch: Batch, book: ShapeBook) -> Frame:
    """The batch encoded, packed, unpacked and opened."""
    packed = {column: pack(column, raw) for column, raw in encode(batch, book).items()}

    def load(column: Column) -> bytes:
        return unpack(column, packed[column])

    return Frame(load, book)


def assert_same(frame: Frame, batch: Batch) -> None:
    """The frame holds exactly the batch."""
    size = len(batch)
    assert frame.size == size
    lines = frame.line_of(np.arange(size))
    assert np.array_equal(np.sort(lines), np.arange(size))
    assert np.array_equal(frame.arrival()[lines], np.arange(size))
    assert frame.messages(lines) == list(batch.messages)
    assert np.array_equal(frame.keys(lines), batch.keys)
    assert np.array_equal(frame.keys()[lines], batch.keys)
    assert np.array_equal(frame.times(lines), batch.times)
    assert np.array_equal(frame.times()[lines], batch.times)
    assert np.array_equal(frame.seconds()[lines], batch.times // 10**9)
    assert np.array_equal(frame.seconds_by_arrival(), batch.times // 10**9)
    check_timeline(Timeline.of(frame), frame)
    arrivals, groups = frame.plain_arrival()
    assert np.array_equal(arrivals, frame.arrival()[frame.plain_numbers()])
    assert np.array_equal(groups, frame.group_of(frame.plain_numbers()))
    assert np.array_equal(frame.created(lines), batch.created)
    cells = frame.cells[frame.group_of(lines)] if size else np.zeros(0, np.int64)
    assert np.array_equal(cells, batch.cells)
    column = frame.metadata()
    texts = [None if number < 0 else column.texts[number] for number in column.ids[lines].tolist()]
    assert texts == list(batch.metadata)
    for line in lines[:: max(1, size // 5)]:
        assert frame.messages(np.array([line])) == [batch.messages[frame.arrival()[line]]]
    for array in (
        frame.cells,
        frame.shapes,
        frame.counts,
        frame.starts,
        lines,
        frame.keys(),
        frame.times(),
    ):
        assert array.dtype == np.int64


def check_timeline(timeline: Timeline, frame: Frame) -> None:
    """Hold a timeline against the frame that it is of."""
    seconds, groups = frame.seconds(), frame.group_of(np.arange(frame.size))
    expected = sorted(zip(seconds.tolist(), groups.tolist(), strict=True))
    found: list[tuple[int, int]] = []
    for second in sorted(set(seconds.tolist())):
        own = timeline.groups[timeline.at(second) : timeline.at(second + 1)]
        found += [(second, group) for group in sorted(own.tolist())]
    assert found == expected
    assert timeline.at(-(1 << 62)) == 0
    assert timeline.at(1 << 62) == frame.size
    assert np.array_equal(timeline.groups[timeline.plain], frame.plain_arrival()[1])
    places = [timeline.at(second) for second in seconds[frame.plain_numbers()].tolist()]
    assert all(place >= begin for place, begin in zip(timeline.plain.tolist(), places, strict=True))
