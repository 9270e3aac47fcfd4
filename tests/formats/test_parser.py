"""What holds for any lines: chunks do not matter, nothing is lost, nothing raises; and their times."""

# ruff: noqa: E501  (real lines are as long as they are)

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.formats.detect import FORMATS
from hantu.formats.parser import LineParser
from hantu.formats.timestamp import Clock, epoch
from hantu.model import LogEntry

NOW_NS = 1_795_200_000_000_000_000
SECOND_NS = 10**9
KST = timezone(timedelta(hours=9))

TRACE_LINES = [
    "Traceback (most recent call last):", '  File "a.py", line 3, in f', "    go()", "    ^^^^", "KeyError: 'a'", "",
    "During handling of the above exception, another exception occurred:", "java.io.IOException: x",
    "\tat a.B.c(B.java:3)", "Caused by: a.b.CException: y", "\t... 3 more", "panic: x", "goroutine 1 [running]:",
    "main.main()", "/app/x.js:3", "    ^", "Error: boom", "    at f (/app/x.js:3:9) {", "  code: 'E'", "}",
    "thread 'main' panicked at src/main.rs:2:5:", "note: run with", "stack backtrace:", "plain", "  indented", "\t",
    "2026-11-20 14:02:31 ERROR failed", "2026-11-20 14:02:31 INFO fine", "ERROR first", '{"msg":"m","level":"error"}',
    "\x1b[31mError: red\x1b[0m", "2026-11-20 05:02:31.000 UTC [42] ERROR:  no",
]  # fmt: skip
LINES = st.lists(
    st.one_of(
        st.sampled_from([line.encode() for line in TRACE_LINES]),
        st.sampled_from([kind.example.encode() for kind in FORMATS]),
        st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"")),
    ),
    max_size=40,
)


def parser() -> LineParser:
    return LineParser(source="app", source_id="x", tz=KST)


@pytest.mark.promise("M33")
@given(lines=LINES, cuts=st.lists(st.integers(0, 40), max_size=6))
def test_entries_do_not_depend_on_how_the_stream_was_cut(lines: list[bytes], cuts: list[int]) -> None:
    whole = parser()
    expected = whole.feed(lines, None, NOW_NS)
    expected += whole.flush(NOW_NS)
    pieces = parser()
    got: list[LogEntry] = []
    edges = [0, *sorted(cut for cut in cuts if cut < len(lines)), len(lines)]
    for start, end in pairwise(edges):
        got += pieces.feed(lines[start:end], None, NOW_NS)
    got += pieces.flush(NOW_NS)
    assert got == expected


# Of a line of JSON, or of pairs, the message is one part: test_lines shows where the others go.
EXAMPLES = [*TRACE_LINES, *(kind.example for kind in FORMATS if kind.name not in {"json", "logfmt"})]


@pytest.mark.promise("M33")
@given(
    texts=st.lists(st.sampled_from([text for text in EXAMPLES if text.strip()]), max_size=40),
)
def test_every_line_stands_in_exactly_one_entry(texts: list[str]) -> None:
    # A mark at each line's end, where no head is: it must be found once, in order.
    marked = [f"{text} ~{at}~" for at, text in enumerate(texts)]
    reader = parser()
    entries = reader.feed([line.encode() for line in marked], None, NOW_NS) + reader.flush(NOW_NS)
    shown = "\n".join(entry.message for entry in entries)
    assert re.findall(r"~\d+~", shown) == [f"~{at}~" for at in range(len(marked))]


@given(lines=st.lists(st.binary(max_size=300)), times=st.booleans())
def test_no_bytes_raise(lines: list[bytes], times: bool) -> None:
    reader = parser()
    entries = reader.feed(lines, [NOW_NS] * len(lines) if times else None, NOW_NS) + reader.flush(NOW_NS)
    assert reader.held == 0
    for entry in entries:
        entry.message.encode()


@given(head=st.sampled_from([kind.example for kind in FORMATS]), data=st.data())
def test_no_damaged_line_raises(head: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(head)))
    line = head[:at] + data.draw(st.text(max_size=8)) + head[at + data.draw(st.integers(0, 5)) :]
    reader = parser()
    assert len(reader.feed([line.encode("utf-8", "replace")], None, NOW_NS) + reader.flush(NOW_NS)) <= 1


@pytest.mark.parametrize("filler", [" ", "a", "a.", "1", "[", '="', "\\", "a=", ",", "\x1b[", "Error"])
def test_no_line_takes_time_out_of_proportion_to_its_length(filler: str) -> None:
    # A pattern that backtracks over its square would take minutes here and meet the time-out.
    long = filler * (200_000 // len(filler))
    reader = parser()
    for kind in FORMATS:
        for part in (0.2, 0.5, 0.8):
            head = kind.example[: int(len(kind.example) * part)]
            reader.feed([(head + long).encode()], None, NOW_NS)
            reader.flush(NOW_NS)


@given(text=st.text(max_size=40))
def test_no_text_breaks_the_clock(text: str) -> None:
    stamp = Clock(KST, NOW_NS).read(text)
    assert stamp is None or isinstance(stamp[0], int)


def at_ns(*parts: int, zone: timezone = KST) -> int:
    return int(datetime(*parts, tzinfo=zone).timestamp()) * SECOND_NS


@pytest.mark.parametrize(
    ("text", "time_ns", "inferred"),
    [
        ("2026-11-20T14:02:31Z", at_ns(2026, 11, 20, 14, 2, 31, zone=UTC), ""),
        ("2026-11-20T14:02:31.123456789+09:00", at_ns(2026, 11, 20, 14, 2, 31) + 123_456_789, ""),
        ("2026-11-20T14:02:31.1234567891234Z", at_ns(2026, 11, 20, 14, 2, 31, zone=UTC) + 123_456_789, ""),
        ("2026-11-20 14:02:31,5", at_ns(2026, 11, 20, 14, 2, 31) + 500_000_000, "zone"),
        ("2026-11-20 14:02:31 -0330", at_ns(2026, 11, 20, 17, 32, 31, zone=UTC), ""),
        ("2026/11/20 14:02:31", at_ns(2026, 11, 20, 14, 2, 31), "zone"),
        ("20261120T140231Z", at_ns(2026, 11, 20, 14, 2, 31, zone=UTC), ""),
        ("20/Nov/2026:14:02:31 +0900", at_ns(2026, 11, 20, 14, 2, 31), ""),
        ("Nov 20 14:02:31", at_ns(2026, 11, 20, 14, 2, 31), "year,zone"),
        ("Dec  5 14:02:31", at_ns(2025, 12, 5, 14, 2, 31), "year,zone"),
        ("Feb 29 00:00:00", at_ns(2024, 2, 29), "year,zone"),
        ("Fri Nov 20 14:02:31 2026", at_ns(2026, 11, 20, 14, 2, 31), "zone"),
        ("Fri Nov 20 14:02:31 KST 2026", at_ns(2026, 11, 20, 14, 2, 31), ""),
        ("Fri, 20 Nov 2026 14:02:31 GMT", at_ns(2026, 11, 20, 14, 2, 31, zone=UTC), ""),
        ("Nov 20, 2026 2:02:31 PM", at_ns(2026, 11, 20, 14, 2, 31), "zone"),
        ("1795150951", 1795150951 * SECOND_NS, ""),
        ("1795150951.25", 1795150951_250_000_000, ""),
        ("1795150951123", 1795150951_123_000_000, ""),
        ("1795150951123456", 1795150951_123_456_000, ""),
        ("1795150951123456789", 1795150951_123_456_789, ""),
    ],
)
def test_a_time_is_read_however_it_is_written(text: str, time_ns: int, inferred: str) -> None:
    assert Clock(KST, NOW_NS).read(text) == (time_ns, inferred)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-13-01T00:00:00Z",
        "2026-02-30 00:00:00",
        "2026-11-20T24:00:00Z",
        "2026-11-20T14:02:99Z",
        "noon",
        "12",
    ],
)
def test_what_is_no_time_is_not_read_as_one(text: str) -> None:
    assert Clock(KST, NOW_NS).read(text) is None


def test_numbers_are_times_by_their_magnitude() -> None:
    assert epoch(1795150951.123456) == (1795150951_123_456_000, "")
    assert epoch(1795150951123.5) == (1795150951_123_500_000, "")
    assert epoch(True) is None
    assert epoch(7) is None


def test_the_year_is_inferred_anew_when_time_has_passed() -> None:
    clock = Clock(UTC, at_ns(2026, 12, 31, 12, zone=UTC))
    first = clock.yearless("Jan  2 00:00:00", None)
    clock.now_ns = at_ns(2027, 1, 3, zone=UTC)
    second = clock.yearless("Jan  2 00:00:00", None)
    assert first == (at_ns(2026, 1, 2, zone=UTC), "year,zone")
    assert second == (at_ns(2027, 1, 2, zone=UTC), "year,zone")


def test_a_line_without_a_time_follows_the_line_before_it() -> None:
    reader = parser()
    first, second = reader.feed([b"2020-01-01T00:00:00Z up", b"no time"], None, NOW_NS)
    assert first.time_ns == second.time_ns == at_ns(2020, 1, 1, zone=UTC)
    (later,) = reader.feed([b"no time"], None, NOW_NS + 5 * SECOND_NS)
    assert later.time_ns == first.time_ns + 5 * SECOND_NS


def test_a_time_that_cannot_be_is_kept_as_text() -> None:
    for text in ("1970-01-01T00:00:00Z", "2026-12-24T00:00:00Z"):
        (entry,) = parser().feed([f"{text} up".encode()], None, NOW_NS)
        assert (entry.time_ns, entry.metadata) == (NOW_NS, {"time_text": text})


def test_the_engines_time_is_the_entrys_time() -> None:
    lines = [
        b"2026-11-20T22:40:00Z same",
        b"2026-11-20T10:00:00Z old",
        b"2026-11-21 07:40:00 zone",
        b"none",
    ]
    times = [at_ns(2026, 11, 20, 22, 40, 1, zone=UTC)] * 4
    entries = parser().feed(lines, times, NOW_NS)
    assert [entry.time_ns for entry in entries] == times
    assert [entry.metadata for entry in entries] == [
        None,
        {"time_text": "2026-11-20T10:00:00Z"},
        None,
        None,
    ]


def test_metadata_of_the_stream_is_in_every_entry_and_not_shared() -> None:
    reader = LineParser(source="docker", source_id="web", metadata={"stream": "stderr"})
    first, second = reader.feed([b"one", b'{"msg":"two","n":1}'], [NOW_NS, NOW_NS], NOW_NS)
    assert (first.metadata, second.metadata) == ({"stream": "stderr"}, {"n": 1, "stream": "stderr"})
    assert (first.source, first.source_id) == ("docker", "web")
