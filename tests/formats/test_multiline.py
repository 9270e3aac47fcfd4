"""Stack traces and other records of several lines: real ones, as their programs print them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hantu.formats.multiline import BYTES_MOST, LINES_MOST
from hantu.formats.parser import LineParser
from hantu.model import LogEntry, LogLevel

NOW_NS = 1_795_200_000_000_000_000


def parser() -> LineParser:
    return LineParser(source="app", source_id="x")


def entries_of(text: str) -> list[LogEntry]:
    reader = parser()
    return reader.feed(text.encode().split(b"\n"), None, NOW_NS) + reader.flush(NOW_NS)


def printed_by_python(code: str, tmp_path: Path) -> str:
    """What Python writes to stderr when it runs `code`."""
    script = tmp_path / "script.py"
    script.write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    return done.stderr.rstrip("\n")


PYTHON = {
    "plain": ("raise KeyError('a')", "KeyError"),
    "context": ("try:\n  1/0\nexcept ZeroDivisionError:\n  raise KeyError('a')", "KeyError"),
    "cause": ("try:\n  1/0\nexcept ZeroDivisionError as e:\n  raise KeyError('a') from e", "KeyError"),
    "no text": ("raise SystemError", "SystemError"),
    "recursion": ("def f():\n  f()\nf()", "RecursionError"),
    "syntax": ("x = = 1", "SyntaxError"),
    "own": (
        "class Out(Exception): pass\nOut.__module__ = 'shop.errors'\nraise Out('x')",
        "shop.errors.Out",
    ),
}


@pytest.mark.promise("M33")
@pytest.mark.parametrize(("code", "error_type"), PYTHON.values(), ids=PYTHON)
def test_a_python_traceback_is_one_entry(code: str, error_type: str, tmp_path: Path) -> None:
    trace = printed_by_python(code, tmp_path)
    before, entry, after = entries_of(f"before\n{trace}\nafter")
    assert (before.message, after.message) == ("before", "after")
    assert entry.message == trace
    assert entry.level is LogLevel.ERROR
    assert entry.metadata == {"error_type": error_type}


@pytest.mark.promise("M33")
def test_an_exception_group_is_one_entry(tmp_path: Path) -> None:
    code = "raise ExceptionGroup('many', [ValueError('a'), ExceptionGroup('in', [TypeError('b')])])"
    trace = printed_by_python(code, tmp_path)
    _, entry, after = entries_of(f"before\n{trace}\nafter")
    assert (entry.message, after.message) == (trace, "after")


@pytest.mark.promise("M33")
def test_two_tracebacks_in_a_row_are_two_entries(tmp_path: Path) -> None:
    trace = printed_by_python("raise KeyError('a')", tmp_path)
    assert [entry.message for entry in entries_of(f"{trace}\n{trace}")] == [trace, trace]


@pytest.mark.promise("M33")
def test_a_log_line_and_its_traceback_are_one_entry(tmp_path: Path) -> None:
    code = (
        "import logging\n"
        "logging.basicConfig(format='%(asctime)s - %(name)s - %(levelname)s - %(message)s')\n"
        "try:\n  raise ValueError('one\\ntwo')\nexcept ValueError:\n  logging.exception('failed')\n"
        "logging.warning('next')\n"
    )
    first, second = entries_of(printed_by_python(code, tmp_path))
    lines = first.message.split("\n")
    assert (lines[0], lines[-2:]) == ("failed", ["ValueError: one", "two"])
    assert first.metadata is not None
    assert first.metadata["error_type"] == "ValueError"
    assert (second.message, second.level) == ("next", LogLevel.WARN)


TRACES = {
    # Throwable.printStackTrace, OpenJDK 21
    "java": (
        'Exception in thread "main" java.lang.IllegalStateException: no stock\n'
        "\tat com.shop.Orders.take(Orders.java:31)\n"
        "\tSuppressed: java.io.IOException: closed\n"
        "\t\tat com.shop.Orders.close(Orders.java:40)\n"
        "Caused by: java.io.IOException: disk\n"
        "\t... 12 more",
        "java.lang.IllegalStateException",
    ),
    "kotlin": (
        "kotlin.UninitializedPropertyAccessException: lateinit property db has not been initialized\n"
        "\tat shop.MainKt.main(Main.kt:3)",
        "kotlin.UninitializedPropertyAccessException",
    ),
    # Node 18, uncaught error with properties
    "node": (
        '/app/index.js:3\n    throw new Error("boom");\n    ^\n\nError: boom\n'
        "    at Object.<anonymous> (/app/index.js:3:9)\n"
        "    at node:internal/main/run_main_module:23:47 {\n  code: 'E_BOOM',\n  info: { a: 1 }\n}\n\n"
        "Node.js v18.19.0",
        "Error",
    ),
    # console.error(error) in Node
    "node console": (
        "TypeError: Cannot read properties of undefined (reading 'id')\n"
        "    at take (/app/orders.js:7:11)\n"
        "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
        "TypeError",
    ),
    # Rust 1.80 with RUST_BACKTRACE=1
    "rust": (
        "thread 'main' panicked at src/main.rs:2:5:\nboom\nstack backtrace:\n   0: rust_begin_unwind\n"
        "             at /rustc/9fc6b431/library/std/src/panicking.rs:652:5\n"
        "note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.",
        None,
    ),
    # .NET 8
    "dotnet": (
        "Unhandled exception. System.InvalidOperationException: no stock\n"
        " ---> System.IO.IOException: disk\n   at Shop.Disk.Read() in /app/Disk.cs:line 7\n"
        "   --- End of inner exception stack trace ---\n"
        "   at Shop.Program.Main() in /app/Program.cs:line 3",
        "System.InvalidOperationException",
    ),
    # PHP 8 command line
    "php": (
        "PHP Fatal error:  Uncaught Exception: no in /app/a.php:3\nStack trace:\n#0 /app/a.php(5): f()\n"
        "#1 {main}\n  thrown in /app/a.php on line 3",
        "Exception",
    ),
}


@pytest.mark.promise("M33")
@pytest.mark.parametrize(("trace", "error_type"), TRACES.values(), ids=TRACES)
def test_a_stack_trace_is_one_entry(trace: str, error_type: str | None) -> None:
    before, entry, after = entries_of(f"before\n{trace}\nafter")
    assert (before.message, entry.message, after.message) == ("before", trace, "after")
    assert entry.level is LogLevel.ERROR
    assert (entry.metadata or {}).get("error_type") == error_type


@pytest.mark.promise("M33")
def test_a_go_panic_is_one_entry_with_the_blank_lines_between_its_goroutines() -> None:
    # Go 1.22
    trace = (
        "panic: runtime error: invalid memory address or nil pointer dereference\n"
        "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x45d8ea]\n\n"
        "goroutine 1 [running]:\nmain.(*Shop).take(0x0, {0x1, 0x2})\n\t/app/main.go:12 +0x1a\n"
        "main.main()\n\t/app/main.go:5 +0x2f\n\n"
        "goroutine 7 [select, 2 minutes]:\nnet/http.(*Server).Serve(...)\n\t/usr/go/net/http/server.go:1\n"
        "created by main.main in goroutine 1\n\t/app/main.go:4 +0x1\nexit status 2"
    )
    entry, after = entries_of(f"{trace}\n\nready")
    assert (entry.message, entry.level) == (trace, LogLevel.FATAL)
    assert after.message == "ready"


@pytest.mark.promise("M33")
def test_a_java_log_line_takes_its_trace_and_the_next_line_is_its_own() -> None:
    head = "2026-11-20 14:02:31,000 [main] ERROR a.B - failed"
    first, second = entries_of(
        f"{head}\njava.io.IOException: two\nlines\n\tat a.B.c(B.java:1)\n"
        "2026-11-20 14:02:32,000 [main] INFO  a.B - next"
    )
    assert first.message == "failed\njava.io.IOException: two\nlines\n\tat a.B.c(B.java:1)"
    assert (first.level, second.message) == (LogLevel.ERROR, "next")


@pytest.mark.promise("M33")
def test_postgresql_joins_tabbed_lines_and_keeps_the_statement_apart() -> None:
    # PostgreSQL 16, a syntax error in a statement of two lines
    error, statement = entries_of(
        '2026-11-20 05:02:31.000 UTC [42] ERROR:  syntax error at or near "x"\n'
        "2026-11-20 05:02:31.000 UTC [42] STATEMENT:  select\n\t  x"
    )
    assert (error.message, error.level) == ('syntax error at or near "x"', LogLevel.ERROR)
    assert statement.message == "select\n\t  x"


def test_dotnets_console_record_is_one_entry() -> None:
    (entry,) = entries_of("warn: Shop.Orders[7]\n      stock is low\n      of tea")
    assert entry.message == "warn: Shop.Orders[7]\n      stock is low\n      of tea"
    assert (entry.level, entry.metadata) == (LogLevel.WARN, {"logger": "Shop.Orders", "event": 7})


def test_indented_lines_join_once_a_stream_has_shown_that_its_records_go_on() -> None:
    at = "2026-11-20 14:02:31 INFO"
    messages = [entry.message for entry in entries_of(f"{at} a\n  b\n{at} c\n  d\n{at} e")]
    assert messages == ["a", "  b", "c\n  d", "e"]


def test_indented_lines_of_plain_text_stay_entries_of_their_own() -> None:
    assert [entry.message for entry in entries_of("list:\n  one\n  two")] == ["list:", "  one", "  two"]


def test_a_json_line_is_never_continued_and_never_held() -> None:
    reader = parser()
    (entry,) = reader.feed([b'{"level":"error","msg":"m"}'], None, NOW_NS)
    assert (entry.message, reader.held) == ("m", 0)
    assert [e.message for e in reader.feed([b"  indented"], None, NOW_NS)] == ["  indented"]


def test_plain_and_info_lines_are_not_held() -> None:
    reader = parser()
    lines = [b"hello", b"2026-11-20 14:02:31 INFO up", b'10.0.0.1 - - [x] "GET /"']
    assert len(reader.feed(lines, None, NOW_NS)) == 3
    assert reader.held == 0


def test_held_counts_the_lines_whose_entry_was_not_returned() -> None:
    reader = parser()
    done = reader.feed(
        [b"hello", b"Traceback (most recent call last):", b'  File "a", line 1', b"KeyError: 'a'", b""],
        None,
        NOW_NS,
    )
    assert ([entry.message for entry in done], reader.held) == (["hello"], 4)
    (entry,) = reader.flush(NOW_NS)
    assert entry.message.endswith("KeyError: 'a'")
    assert (reader.held, reader.flush(NOW_NS)) == (0, [])


def test_a_trace_that_was_let_go_early_goes_on_with_its_level() -> None:
    reader = parser()
    reader.feed([b"Traceback (most recent call last):", b'  File "a", line 1'], None, NOW_NS)
    (first,) = reader.flush(NOW_NS)
    reader.feed([b"    go()", b"KeyError: 'a'"], None, NOW_NS + 10**9)
    (rest,) = reader.flush(NOW_NS + 10**9)
    assert rest.message == "    go()\nKeyError: 'a'"
    assert (rest.level, rest.time_ns) == (LogLevel.ERROR, first.time_ns)
    assert rest.metadata == {"continued": True, "error_type": "KeyError"}


def test_a_record_of_too_many_lines_is_cut_and_goes_on() -> None:
    frames = [f"\tat a.B.c(B.java:{at})" for at in range(2 * LINES_MOST)]
    entries = entries_of("\n".join(["java.lang.StackOverflowError", *frames, "done"]))
    assert [entry.message.count("\n") + 1 for entry in entries] == [LINES_MOST, LINES_MOST, 1, 1]
    assert [entry.level for entry in entries[:3]] == [LogLevel.ERROR] * 3
    joined = "\n".join(entry.message for entry in entries[:3])
    assert joined == "\n".join(["java.lang.StackOverflowError", *frames])


def test_a_record_of_too_many_bytes_is_cut_and_goes_on() -> None:
    lines = ["Error: big", *("  " + "가" * 10_000 for _ in range(30))]
    entries = entries_of("\n".join(lines))
    assert len(entries) > 1
    assert all(len(entry.message.encode()) <= BYTES_MOST for entry in entries)
    assert "\n".join(entry.message for entry in entries) == "\n".join(lines)


@pytest.mark.promise("M33")
@pytest.mark.parametrize(
    ("head", "levels"),
    [
        ("2026-11-20 14:00:00,000 - shop - INFO - started", ["info", "error"]),
        ("2026-11-20 14:00:00,000 - shop - WARNING - retrying", ["warn"]),
        ("2026-11-20 14:00:00,000 - shop - ERROR - failed", ["error"]),
    ],
)
def test_a_crash_is_an_error_of_its_own_and_a_caught_exception_belongs_to_its_line(
    head: str, levels: list[str]
) -> None:
    trace = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\nValueError: x\n'
    earlier = f"2026-11-20 13:59:59,000 - shop - ERROR - earlier\n{trace}"
    entries = entries_of(earlier + head + "\n" + trace)
    assert [entry.level.label for entry in entries] == ["error", *levels]


def test_a_crash_after_a_silence_is_an_error_whatever_line_stood_before() -> None:
    reader = parser()
    reader.feed([b"2026-11-20 14:00:00 ERROR failed", b"Traceback (most recent call last):"], None, NOW_NS)
    reader.feed([b'  File "a.py", line 1, in f', b"ValueError: x"], None, NOW_NS)
    assert reader.feed([b"2026-11-20 14:00:01 WARN slow"], None, NOW_NS)
    (warning,) = reader.flush(NOW_NS)
    reader.feed([b"Traceback (most recent call last):", b'  File "a.py", line 1, in f'], None, NOW_NS)
    reader.feed([b"ValueError: y"], None, NOW_NS)
    (crash,) = reader.flush(NOW_NS)
    assert (warning.level.label, crash.level.label) == ("warn", "error")
    assert "continued" not in (crash.metadata or {})


def test_a_panic_after_a_warning_is_fatal() -> None:
    panic = "panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:3 +0x1d\n"
    entries = entries_of("2026/11/20 14:00:00 WARN low memory\n" + panic)
    assert [entry.level.label for entry in entries] == ["warn", "fatal"]
