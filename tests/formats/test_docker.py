"""Frames and times as Docker 20.10 sent them (json-file, local and journald drivers)."""

from __future__ import annotations

import contextlib
import itertools
import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.formats.docker import (
    FRAGMENT_BYTES,
    STDERR,
    STDOUT,
    TTY,
    Demux,
    FrameError,
    Frames,
    Lines,
    TtyText,
    demux,
)
from hantu.model import MESSAGE_LIMIT_BYTES

T0 = 1_795_226_465_000_000_000  # 2026-11-21T02:01:05Z


def stamp(nanos: int, zone: bytes = b"Z") -> bytes:
    hour = 2 if zone == b"Z" else 11
    return b"2026-11-21T%02d:01:%02d.%09d%s " % (hour, 5 + nanos // 10**9, nanos % 10**9, zone)


def frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxI", kind, len(payload)) + payload


def collect(splitter: Demux, data: bytes, cuts: list[int]) -> dict[str, list[tuple[int, bytes]]]:
    """All lines of a stream, fed in pieces cut at `cuts`."""
    found: dict[str, list[tuple[int, bytes]]] = {}

    def keep(batch: list[Lines]) -> None:
        for lines in batch:
            pairs = zip(lines.times_ns, lines.lines, strict=True)
            found.setdefault(lines.stream, []).extend(pairs)

    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        keep(splitter.feed(data[start:end]))
    keep(splitter.finish())
    return found


# From `docker logs -t` of: echo out; echo err >&2; head -c 40000 /dev/zero | tr '\0' x; echo; printf noeol
MIXED = (
    frame(1, stamp(601_196_259) + b"out\n")
    + frame(2, stamp(601_419_264) + b"err\n")
    + frame(1, stamp(605_326_334) + b"x" * 16_384)
    + frame(1, stamp(605_326_334) + b"x" * 16_384)
    + frame(2, stamp(605_400_000) + "주문 실패".encode() + b"\n")
    + frame(1, stamp(605_326_334) + b"x" * 7_232 + b"\n")
    + frame(1, stamp(605_523_290) + b"\n")
    + frame(0, stamp(605_523_291) + b"typed\n")
    + frame(1, stamp(650_114_680) + b"noeol")
)
MIXED_LINES = {
    STDOUT: [
        (T0 + 601_196_259, b"out"),
        (T0 + 605_326_334, b"x" * 40_000),
        (T0 + 605_523_290, b""),
        (T0 + 605_523_291, b"typed"),
        (T0 + 650_114_680, b"noeol"),
    ],
    STDERR: [(T0 + 601_419_264, b"err"), (T0 + 605_400_000, "주문 실패".encode())],
}
RAW = (
    stamp(851_176_711)
    + b"out\r\n"
    + stamp(855_707_297)
    + b"x" * 16_384
    + stamp(855_707_297)
    + b"x" * 16_384
    + stamp(855_707_297)
    + b"x" * 7_232
    + b"\r\n"
    + stamp(855_956_752)
    + b"a\rb\r\n"
    + stamp(855_959_035)
    + b"\r\n"
    + stamp(877_095_021)
    + b"noeol"
)
RAW_LINES = {
    TTY: [
        (T0 + 851_176_711, b"out"),
        (T0 + 855_707_297, b"x" * 40_000),
        (T0 + 855_956_752, b"a\rb"),
        (T0 + 855_959_035, b""),
        (T0 + 877_095_021, b"noeol"),
    ]
}


@pytest.mark.promise("M19", "M21")
@given(cuts=st.lists(st.integers(0, 60_000), max_size=30))
def test_frames_cut_anywhere_give_the_same_lines(cuts: list[int]) -> None:
    assert collect(Frames(), MIXED, cuts) == MIXED_LINES


@pytest.mark.promise("M20", "M21")
@given(cuts=st.lists(st.integers(0, 60_000), max_size=30))
def test_a_tty_stream_cut_anywhere_gives_the_same_lines(cuts: list[int]) -> None:
    assert collect(TtyText(), RAW, cuts) == RAW_LINES


@pytest.mark.promise("M19")
def test_a_stream_fed_byte_by_byte_gives_the_same_lines() -> None:
    data = MIXED[:200]
    assert collect(Frames(), data, list(range(200))) == collect(Frames(), data, [])


@pytest.mark.promise("M20")
def test_the_splitter_is_chosen_by_tty() -> None:
    assert isinstance(demux(tty=True), TtyText)
    assert isinstance(demux(tty=False), Frames)


@pytest.mark.promise("M19")
@pytest.mark.parametrize(
    "data",
    [b"\x04\0\0\0\0\0\0\x01x", b"\xff\0\0\0\0\0\0\x01x", b"\x01\x01\0\0\0\0\0\x01x", b"2026-11-21T02:01"],
)
def test_an_unknown_kind_of_frame_is_an_error(data: bytes) -> None:
    with pytest.raises(FrameError, match="unknown frame header"):
        Frames().feed(data)


@pytest.mark.promise("M21")
def test_nanoseconds_are_kept_and_the_second_may_change() -> None:
    data = b"".join(frame(1, stamp(n) + b"x\n") for n in (1, 999_999_999, 1_000_000_000, 3_000_000_007))
    times = [time_ns - T0 for time_ns, _ in collect(Frames(), data, [])[STDOUT]]
    assert times == [1, 999_999_999, 1_000_000_000, 3_000_000_007]


@pytest.mark.promise("M21")
@pytest.mark.parametrize("splitter", [Frames, TtyText])
def test_a_time_in_the_engines_own_zone_is_understood(splitter: type[Demux]) -> None:
    # The local driver of an engine that runs with TZ=Asia/Seoul.
    line = stamp(5, b"+09:00") + b"hello\n"
    data = frame(1, line) if splitter is Frames else line
    assert list(collect(splitter(), data, []).values()) == [[(T0 + 5, b"hello")]]


@pytest.mark.promise("M21")
def test_a_shortened_fraction_is_understood() -> None:
    # Docker-compatible engines drop trailing zeros.
    data = frame(1, b"2026-11-21T02:01:05.12Z a\n") + frame(1, b"2026-11-21T02:01:06Z b\n")
    assert collect(Frames(), data, [])[STDOUT] == [(T0 + 120_000_000, b"a"), (T0 + 10**9, b"b")]


@pytest.mark.promise("M19")
def test_a_line_of_exactly_one_fragment_is_joined_with_its_empty_end() -> None:
    data = frame(1, stamp(1) + b"y" * FRAGMENT_BYTES) + frame(1, stamp(1) + b"\n")
    assert collect(Frames(), data, [])[STDOUT] == [(T0 + 1, b"y" * FRAGMENT_BYTES)]
    raw = stamp(1) + b"y" * FRAGMENT_BYTES + stamp(1) + b"\r\n" + stamp(2) + b"z\r\n"
    assert collect(TtyText(), raw, [])[TTY] == [(T0 + 1, b"y" * FRAGMENT_BYTES), (T0 + 2, b"z")]


@pytest.mark.promise("M19", "M20")
def test_the_last_piece_of_a_long_line_needs_no_newline() -> None:
    # The local driver of engine 20.10 leaves it out.
    piece = stamp(1) + b"y" * FRAGMENT_BYTES
    frames = Frames()
    (lines,) = frames.feed(frame(1, piece) + frame(1, piece) + frame(1, stamp(1) + b"yyy"))
    assert lines.lines == [b"y" * (2 * FRAGMENT_BYTES + 3)]
    raw = piece + piece + stamp(1) + b"yyy\r" + stamp(2) + b"end\r\n"
    assert collect(TtyText(), raw, [])[TTY] == [(T0 + 1, lines.lines[0]), (T0 + 2, b"end")]


@pytest.mark.promise("M19")
def test_a_line_without_end_is_closed_by_the_next_run_of_its_container() -> None:
    data = frame(1, stamp(1) + b"killed her") + frame(1, stamp(9) + b"started\n")
    expected = [(T0 + 1, b"killed her"), (T0 + 9, b"started")]
    assert collect(Frames(), data, [])[STDOUT] == expected
    raw = stamp(1) + b"killed her" + stamp(9) + b"started\r\n"
    assert collect(TtyText(), raw, [])[TTY] == expected


@pytest.mark.promise("M20")
def test_a_time_that_a_program_prints_does_not_split_its_line() -> None:
    raw = stamp(9) + b"seen at " + stamp(5) + b"ok\r\n"
    assert collect(TtyText(), raw, [])[TTY] == [(T0 + 9, b"seen at " + stamp(5) + b"ok")]


def test_what_the_engine_says_itself_is_a_notice_and_not_a_line() -> None:
    frames = Frames()
    (lines,) = frames.feed(frame(2, b"Error grabbing logs: unexpected EOF\n"))
    assert lines.notices == ["Error grabbing logs: unexpected EOF"]
    assert lines.lines == []


def test_a_message_without_time_is_kept_under_the_time_before() -> None:
    data = frame(1, stamp(3) + b"a\n") + frame(1, b"no time\n")
    assert collect(Frames(), data, [])[STDOUT] == [(T0 + 3, b"a"), (T0 + 3, b"no time")]


def oversize_pieces(kind: str, size: int) -> list[bytes]:
    piece = stamp(1) + b"z" * FRAGMENT_BYTES
    whole = size // FRAGMENT_BYTES
    if kind == "tty":
        return [piece] * whole + [stamp(1) + b"\r\n" + stamp(2) + b"next\r\n"]
    if kind == "fragments":
        return [frame(1, piece)] * whole + [frame(1, stamp(1) + b"\n") + frame(1, stamp(2) + b"next\n")]
    header = struct.pack(">BxxxI", 1, 31 + whole * FRAGMENT_BYTES + 1)
    text = b"z" * FRAGMENT_BYTES
    return [header + stamp(1), *[text] * whole, b"\n" + frame(1, stamp(2) + b"next\n")]


@pytest.mark.promise("M19")
@pytest.mark.parametrize("kind", ["fragments", "one frame", "tty"])
def test_a_huge_line_keeps_its_head_and_its_true_length_in_bounded_memory(kind: str) -> None:
    size = 64 * 1024 * 1024
    pieces = oversize_pieces(kind, size)
    splitter = demux(tty=kind == "tty")
    found: list[Lines] = []
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for piece in pieces:
        found += splitter.feed(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - before < 4 * 1024 * 1024
    lines = [line for batch in found for line in batch.lines]
    assert lines == [b"z" * MESSAGE_LIMIT_BYTES, b"next"]
    lengths = [length for batch in found for length in batch.oversize.values()]
    assert lengths == [size + (kind == "tty")]  # a TTY's carriage return counts as part of the line


def test_a_cut_line_ends_with_a_whole_character() -> None:
    text = "주".encode() * (MESSAGE_LIMIT_BYTES // 3 + 10)
    (lines,) = Frames().feed(frame(1, stamp(1) + text + b"\n"))
    assert len(lines.lines[0]) == MESSAGE_LIMIT_BYTES // 3 * 3
    assert lines.lines[0].decode() == "주" * (MESSAGE_LIMIT_BYTES // 3)
    assert lines.oversize == {0: len(text)}


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=8))
def test_no_bytes_break_the_splitters(data: bytes, cuts: list[int]) -> None:
    with contextlib.suppress(FrameError):
        collect(Frames(), data, cuts)
    collect(TtyText(), data, cuts)
