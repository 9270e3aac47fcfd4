"""Timelines of segments; tests/store/codec_parts.py holds one against each frame of the codec's tests."""

from __future__ import annotations

from hantu.store.sqlite.timeline import Timeline
from tests.store.codec_parts import Book, batch_of, frame_of


def test_seconds_far_from_each_other_are_told_apart() -> None:
    batch = batch_of(["one", "two", "three"], times=(0, -(1 << 62), 1 << 62))
    timeline = Timeline.of(frame_of(batch, Book()))
    first, last = -(1 << 62) // 10**9, (1 << 62) // 10**9
    assert [timeline.at(second) for second in (first, first + 1, 0, 1, last, last + 1)] == [
        0,
        1,
        1,
        2,
        2,
        3,
    ]
