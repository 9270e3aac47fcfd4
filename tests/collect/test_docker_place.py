"""Which lines are new after a reconnect, and which ones the engine repeats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.collect.docker_channel import Channel
from hantu.collect.docker_place import (
    FIRST_SIGHT,
    FROM_START,
    NO_MARK,
    OVERLAP_NS,
    WINDOW_LINES,
    Mark,
    Place,
    Resume,
    Window,
)
from hantu.formats.docker import Lines

NOW = 1_795_226_465_000_000_000


def channel(stream: str = "stdout") -> Channel:
    return Channel(stream, "web", {"stream": stream})


def feed(target: Channel, times: list[int], texts: list[str]) -> list[str]:
    lines = Lines(target.stream, times, [text.encode() for text in texts])
    return [entry.message for entry in target.take(target.fresh(lines), NOW)]


def test_a_mark_counts_the_lines_that_share_its_time() -> None:
    mark = NO_MARK.after([1, 2, 2])
    assert mark == Mark(2, 2, 2)
    assert mark.after([2]) == Mark(2, 3, 2)
    assert mark.after([2, 3]) == Mark(3, 1, 3)
    assert mark.after([]) == mark
    # A clock set back: the place is the last line, the largest time stays known.
    assert mark.after([1]) == Mark(1, 1, 2)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30), st.data())
def test_after_a_reconnect_exactly_the_lines_behind_the_place_are_new(
    steps: list[int], data: st.DataObject
) -> None:
    """Times that repeat, grow and (step 1) go back, cut anywhere, sent again from any earlier line."""
    times: list[int] = []
    now = 1_000
    for step in steps:
        now += {1: -150, 2: 0, 3: 0}.get(step, step)
        times.append(now)
    cut = data.draw(st.integers(1, len(times)))
    mark = NO_MARK.after(times[:cut])
    # Engines send again from some line at or before the first of those with the last time.
    first = times.index(mark.last_ns) if mark.last_ns == mark.most_ns else 0
    again = times[data.draw(st.integers(0, min(first, cut - 1))) :]
    if (
        again.count(mark.last_ns) != times.count(mark.last_ns)
        or times[:cut].count(mark.last_ns) != mark.count
    ):
        return  # the same nanosecond twice, before and after a step back: no clock does that
    resume = Resume(mark)
    at = resume.first_new(again)
    assert resume.done
    assert not resume.lost
    assert again[at:] == times[cut:]


def test_a_place_that_does_not_come_again_is_lost() -> None:
    resume = Resume(Mark(10, 1, 10))
    assert resume.first_new([11, 12]) == 0
    assert resume.lost


def test_a_place_survives_its_checkpoint() -> None:
    place = Place(5 * OVERLAP_NS, {"stdout": Mark(7, 1, 9)}, "2026-11-21T02:01:05Z")
    assert Place.decode(place.encode(name="web", image="busybox")) == place
    assert place.since_ns == 4 * OVERLAP_NS
    assert FROM_START.since_ns is None
    assert FIRST_SIGHT.since_ns is None
    with pytest.raises(ValueError, match=r".+"):
        Place.decode(b"{}")


def test_a_repeat_is_known_again_and_a_clock_set_back_is_not_taken_for_one() -> None:
    window = Window()
    assert window.fresh([1, 2, 3], [b"a", b"b", b"c"]) is None
    assert window.fresh([2, 3, 4], [b"b", b"c", b"d"]) == [2]
    assert window.fresh([4], [b"d"]) == []
    assert window.fresh([5, 5], [b"e", b"e"]) == [0]
    assert window.repeats == 4
    assert window.fresh([1, 2], [b"x", b"y"]) == [0, 1]
    assert window.fresh([3, 4], [b"z", b"z"]) is None


def test_the_window_is_bounded() -> None:
    window = Window()
    size = 1_000
    for start in range(0, 10 * WINDOW_LINES, size):
        window.fresh(list(range(start + 1, start + size + 1)), [b"x"] * size)
    kept = sum(len(times) for times, _ in window._kept)
    assert WINDOW_LINES <= kept < WINDOW_LINES + size


@pytest.mark.promise("M17")
def test_a_line_held_back_is_not_covered_by_the_mark() -> None:
    target = channel("stderr")
    target.connected(None, None, repeats=True)
    assert feed(target, [1, 2], ["one", "ERROR two"]) == ["one"]
    assert target.held == 1
    assert target.mark == Mark(1, 1, 1)
    assert target.reading_ns == 2
    assert [entry.message for entry in target.flush(NOW)] == ["ERROR two"]
    assert target.mark == Mark(2, 1, 2)
    assert target.reading_ns == 2


def test_what_was_held_back_comes_again_after_a_reconnect() -> None:
    target = channel()
    target.connected(None, None, repeats=True)
    feed(target, [1, 2], ["one", "ERROR two"])
    target.connected(target.mark, 0, repeats=True)
    assert target.resuming
    messages = feed(target, [1, 2, 3], ["one", "ERROR two", "INFO three"])
    messages += [entry.message for entry in target.flush(NOW)]
    assert messages == ["ERROR two", "INFO three"]
    assert not target.resuming


def test_lines_lost_in_a_reconnect_leave_a_gap_before_the_next_line() -> None:
    target = channel()
    target.connected(Mark(10, 1, 10), 5, repeats=True)
    entries = target.take(target.fresh(Lines("stdout", [20], [b"next"])), NOW)
    assert [entry.message for entry in entries][1:] == ["next"]
    gap = (entries[0].metadata or {})["gap"]
    assert (gap["from_ns"], gap["to_ns"], gap["lines"]) == (10, 20, None)
    assert target.gaps == 1


def test_a_stream_that_was_silent_for_long_needs_no_line_to_come_again() -> None:
    target = channel()
    target.connected(Mark(10, 1, 10), 1_000, repeats=True)
    assert feed(target, [2_000], ["next"]) == ["next"]
    assert target.gaps == 0


def test_a_cut_line_carries_its_true_length() -> None:
    target = channel()
    target.connected(None, None, repeats=False)
    batch = Lines("stdout", [1, 2, 3], [b"one", b"x" * 300, b"three"], {1: 5_000_000})
    entries = target.take(target.fresh(batch), NOW)
    entries += target.flush(NOW)
    assert [(entry.metadata or {}).get("truncated_bytes") for entry in entries] == [None, 5_000_000, None]
