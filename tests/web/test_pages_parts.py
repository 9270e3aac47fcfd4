"""The parts of pages that only compute: colours, traces, menus, bars, times."""

from __future__ import annotations

import datetime
import time

import hypothesis.strategies as st
import pytest
from flask import Flask
from hypothesis import given

from hantu.model import LogLevel
from hantu.query.error import QueryError
from hantu.query.logquery import LogQuery
from hantu.store.base import Histogram
from hantu.text import visible
from hantu.web import ansi, charts, clock, histogram, picker, trace

SECOND_NS = 10**9
NOW_NS = 1_795_226_419_123_456_789


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain <b>", "plain &lt;b&gt;"),
        ("\x1b[31mred\x1b[0m.", '<span class="ansi-red">red</span>.'),
        (
            "\x1b[1m\x1b[91mx\x1b[22my\x1b[39mz",
            '<span class="ansi-bold ansi-red">x</span><span class="ansi-red">y</span>z',
        ),
        ("\x1b[38;5;2mpal\x1b[m", '<span class="ansi-green">pal</span>'),
        ("\x1b[38;2;1;2;3mtrue\x1b[48;5;9mback", "trueback"),
        ("\x1b[4:3mcurly", '<span class="ansi-underline ansi-italic">curly</span>'),
        ("a\x00b\rc\u202ed", None),
        ("\x1b[99999999999999mx\x1b[²mx", None),
    ],
)
def test_colours_become_classes(text: str, html: str | None) -> None:
    made = str(ansi.render(text))
    if html is not None:
        assert made == html
    assert not ansi.SPECIAL.search(made)


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_no_text_escapes_from_its_place(text: str) -> None:
    made = str(ansi.render(text))
    assert not ansi.SPECIAL.search(made)
    stripped = made.replace('<span class="entry-escape">', "").replace("</span>", "")
    for name in ("bold", "dim", "italic", "underline", "red", "green", "yellow", "blue", "black", "white"):
        stripped = stripped.replace(f"ansi-{name}", "")
    assert "<" not in stripped.replace('<span class="', "")
    assert not ansi.SPECIAL.search(visible(text))


PYTHON = """Traceback (most recent call last):
  File "/app/a.py", line 3, in main
    run()
    ~~~^^
  File "/usr/lib/python3.11/json/decoder.py", line 337, in decode
    obj, end = self.raw_decode(s)
ValueError: bad"""
JAVA = """java.lang.IllegalStateException: no order
\tat com.acme.Orders.find(Orders.java:42)
\tat org.springframework.web.Servlet.service(Servlet.java:9)
\tat java.base/java.lang.Thread.run(Thread.java:840)
Caused by: java.io.IOException: closed
\tat com.acme.Net.read(Net.java:7)
\t... 12 more"""
NODE = """TypeError: x is not a function
    at Orders.find (/srv/app/orders.js:12:5)
    at async /srv/app/node_modules/express/lib/router.js:4:1
    at node:internal/main/run_main_module:23:47"""
GO = """panic: runtime error: index out of range

goroutine 1 [running]:
main.work(0x1, 0x2)
\t/srv/app/main.go:9 +0x1d
runtime.main()
\t/usr/local/go/src/runtime/proc.go:250 +0x1b8"""


@pytest.mark.parametrize(
    ("text", "kinds", "places", "last"),
    [
        (PYTHON, ["text", "app", "library", "text"], ["/app/a.py:3"], "ValueError: bad"),
        (
            JAVA,
            ["text", "app", "library", "text", "app", "text"],
            ["Orders.java:42", "Net.java:7"],
            "\t... 12 more",
        ),
        (NODE, ["text", "app", "library"], ["/srv/app/orders.js:12"], ""),
        (GO, ["text", "app", "library"], ["/srv/app/main.go:9"], ""),
    ],
    ids=["python", "java", "node", "go"],
)
def test_a_stack_trace_is_read(text: str, kinds: list[str], places: list[str], last: str) -> None:
    parts = trace.parse(text)
    assert [part.kind for part in parts] == kinds
    assert [part.frames[0].place for part in parts if part.kind == "app"] == places
    assert not last or parts[-1].lines == (last,)


def test_the_code_under_a_python_frame_belongs_to_it() -> None:
    frame = trace.parse(PYTHON)[1].frames[0]
    assert frame.code == ("  run()", "  ~~~^^")


def test_a_text_without_frames_is_no_trace() -> None:
    assert trace.parse("one\ntwo\n  at noon (we met: 12:30)") == ()
    assert trace.parse("one line") == ()
    assert trace.parse('see\n  File "a.py", line 3, in f') == ()


def test_a_trace_of_one_frame_is_one_when_it_says_so() -> None:
    frame = '  File "/app/job.py", line 15, in run\n    raise Closed()\nClosed: 장 마감'
    heading, one, end = trace.parse(f"Traceback (most recent call last):\n{frame}")
    assert [part.kind for part in (heading, one, end)] == ["text", "app", "text"]
    assert (one.frames[0].place, one.frames[0].name) == ("/app/job.py:15", "run")
    assert trace.parse(frame) == ()
    assert [part.kind for part in trace.parse(frame, known=True)] == ["app", "text"]


@given(st.text(alphabet='\t\n at(File "x", line 1:)', max_size=200))
def test_no_line_of_a_trace_is_lost(text: str) -> None:
    parts = trace.parse(text)
    lines = sum(len(part.lines) + sum(1 + len(frame.code) for frame in part.frames) for part in parts)
    assert not parts or lines <= len(text.split("\n"))


@pytest.mark.parametrize(
    ("text", "since", "made"),
    [
        ("", "1h", "since:1h"),
        ("a b", "1h", "a b since:1h"),
        ("a OR b", "1h", "(a OR b) since:1h"),
        ("(a OR b) since:2h until:1h", "1h", "(a OR b) since:1h"),
        ("a on:2026-11-20", "", "a"),
        ('"since:1h" x', "", '"since:1h" x'),
    ],
)
def test_the_time_menu_edits_the_text(text: str, since: str, made: str) -> None:
    assert picker.with_times(text, since) == made


def test_the_level_menu_edits_the_text() -> None:
    assert picker.with_min_level("a OR b", LogLevel.WARN) == "(a OR b) level:>=warn"
    assert picker.with_min_level("(a OR b) since:1h", LogLevel.WARN) == "(a OR b) since:1h level:>=warn"
    assert picker.with_min_level("a level:>=error since:1h", LogLevel.WARN) == "a since:1h level:>=warn"
    assert picker.min_level("a level:>=error") is LogLevel.ERROR
    assert picker.min_level("a OR level:>=error") is None
    with pytest.raises(QueryError):
        picker.with_min_level("(", LogLevel.WARN)


TEXTS = st.sampled_from(
    ["", "a", "a OR b", "(a OR b) c", "-a", "since:1h", "x until:now since:2h", "level:error"]
)


@given(TEXTS, st.sampled_from(["15m", "7d", "today"]), st.sampled_from(list(LogLevel)))
def test_menus_always_make_a_right_text(text: str, since: str, level: LogLevel) -> None:
    made = picker.with_min_level(picker.with_times(text, since), level)
    query = LogQuery.parse(made, now_ns=NOW_NS, tz=datetime.UTC)
    assert query.start_ns is not None
    again = picker.with_times(picker.with_min_level(made, None))
    assert LogQuery.parse(again, now_ns=NOW_NS, tz=datetime.UTC).start_ns is None


@given(st.integers(0, 2**62), st.integers(1, 400 * 86_400 * SECOND_NS))
def test_bars_cover_their_time_in_readable_steps(start_ns: int, span_ns: int) -> None:
    made = histogram.fitting(start_ns, start_ns + span_ns)
    assert made.buckets <= histogram.BARS_MOST
    assert made.start_ns <= start_ns
    assert made.end_ns >= start_ns + span_ns
    assert made.start_ns + made.width_ns > start_ns


def test_one_error_among_thousands_is_seen(app: Flask) -> None:
    with app.test_request_context("/logs", headers={"Host": "localhost"}):
        counts = ((0, 0, 10_000, 0, 1, 0), (0, 0, 0, 0, 0, 0))
        made = histogram.chart(Histogram(NOW_NS, 60 * SECOND_NS, counts))
    (bar,) = made.bars
    assert [level for level, _, _ in bar.rects] == ["error", "info"]
    assert bar.rects[0][2] >= histogram.LEAST_HEIGHT
    assert all(y >= 0 and height >= 0 for _, y, height in bar.rects)
    assert "1 error" in bar.title
    assert made.keys == ("info", "error")


def test_a_peak_survives_thinning() -> None:
    points: list[tuple[int, float | None]] = [(at, 1.0) for at in range(5000)]
    points[1234] = (1234, 99.0)
    points[4000] = (4000, None)
    made = charts.line("t", "1", points, start_ns=0, end_ns=5000, notes=("", ""))
    assert made.path.count(",") <= charts.POINTS_MOST
    assert ",4.0 " in made.path


def test_a_limit_far_above_does_not_flatten_the_line() -> None:
    low = charts.line("t", "1", [(0, 40.0)], start_ns=0, end_ns=1, notes=("", ""), value=40, limit=8000)
    assert low.limit_y is None
    assert not low.over
    high = charts.line("t", "1", [(0, 40.0)], start_ns=0, end_ns=1, notes=("", ""), value=40, limit=30)
    assert high.over
    assert high.limit_y is not None


def test_times_are_shown_in_the_local_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Seoul")
    time.tzset()
    clock.forget_zone()
    try:
        assert clock.full_time(1_795_152_151_482_117_904) == "2026-11-20 14:22:31.482117904 +09:00"
        assert clock.row_time(1_795_152_151_482_117_904)[1:] == (
            "14:22:31.482",
            "2026-11-20T14:22:31.482+09:00",
        )
        assert clock.zone() == "KST +09:00"
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
        clock.forget_zone()


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_time_can_be_shown(time_ns: int) -> None:
    assert clock.full_time(time_ns)
    assert clock.iso(time_ns)
