"""Errors without a store: their fingerprint, their JSON line, and how entries tell of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hantu.errors import (
    MOVES,
    ErrorRecord,
    ErrorStatus,
    Move,
    error_of,
    fingerprint,
    fold_message,
    moved,
    of_json,
    place,
    recurs,
    to_json,
)
from hantu.errors.stack import cut, named, top_frame

AT_NS = 1_795_150_951_123_456_789
EVENT = UUID("0190c8a0-0000-7000-8000-000000000001")
PYTHON = (
    "Traceback (most recent call last):\n"
    '  File "/srv/app/core/engine.py", line 31, in execute_order\n    self.broker.send(order)\n'
    '  File "/srv/venv/lib/python3.12/site-packages/broker/http.py", line 7, in send\n    raise\n'
    "core.errors.InsufficientBalance: 잔고 부족: 1,200원"
)

SAME = {
    "numbers": ("user 42 has 3 orders", "user 7 has 120 orders"),
    "amounts": ("잔고 부족: 1,200,000원", "잔고 부족: -3.5원"),
    "Korean amounts": ("주문 3만 5천원 실패", "주문 12만원 실패"),
    "counters in Korean": ("주문을 3건 보냈으나 2번째에서 실패", "주문을 14건 보냈으나 11번째에서 실패"),
    "hex": ("block deadbeef12 at 0x7f3a lost", "block 00aa11bb at 0x10 lost"),
    "UUID": (f"order {EVENT} failed", f"order {str(EVENT).upper()} failed"),
    "addresses": ("no route to 10.1.2.3:8080", "no route to 192.168.0.17:80"),
    "IPv6": ("no route to [fe80::1%eth0]:80", "no route to [2001:db8::17]:8080"),
    "mail": ("no mail to kim@example.com", "no mail to lee.park+x@shop.example.kr"),
    "paths": ("GET /api/v1/orders/77/items failed", "GET /api/v1/orders/a81/items failed"),
    "query": ("GET /api/orders?id=7&page=2", "GET /api/orders?id=19&page=3"),
    "ISO time": ("due 2026-11-20T14:02:31.123+09:00", "due 2026-01-02 03:04:05Z"),
    "Korean time": (
        "예약 시각 2026년 11월 20일(금) 오후 2시 5분",
        "예약 시각 2025년 1월 2일(목) 오전 11시 59분",
    ),
    "English time": ("until Fri, 20 Nov 2026 14:02:31 GMT", "until Mon, 02 Feb 2026 01:02:03 GMT"),
    "clock": ("slot 14:02:31 is over", "slot 09:00:00.500 is over"),
    "quoted": ("no key 'order-77' in cache", "no key 'a b 9' in cache"),
    "names": ("job order12345 failed", "job order99817 failed"),
    "blanks": ("a  b\n c", "a b c"),
    "a stack trace behind": (f"failed\n{PYTHON}", "failed"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_what_differs_between_occurrences_does_not_count(one: str, other: str) -> None:
    assert fingerprint("E", "a.b", one) == fingerprint("E", "a.b", other), (
        fold_message(one),
        fold_message(other),
    )


OTHERS = {
    "type": (("KeyError", "a.b", "x"), ("ValueError", "a.b", "x")),
    "place": (("KeyError", "a.b", "x"), ("KeyError", "a.c", "x")),
    "words": (("", "a.b", "주문 실패"), ("", "a.b", "체결 실패")),
    "a quoted name": (("", "", "no column 'price'"), ("", "", "no column 'name'")),
    "a short name with a digit": (("", "", "utf8 expected"), ("", "", "http2 expected")),
    "static part of a path": (("", "", "GET /api/orders/7"), ("", "", "GET /api/users/7")),
    "parts do not run together": (("a", "b", ""), ("ab", "", "")),
}


@pytest.mark.parametrize(("one", "other"), OTHERS.values(), ids=OTHERS)
def test_what_makes_another_error_counts(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert fingerprint(*one) != fingerprint(*other)


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    code = "from hantu.errors import fingerprint; print(fingerprint('KeyError', 'core.run', '주문 7 실패'))"
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    # Written down: a change of the rules splits every group that users have, and must be meant.
    assert printed == {fingerprint("KeyError", "core.run", "주문 12 실패")} == {"9b4ba270601be46b"}


def test_line_numbers_and_folders_do_not_count() -> None:
    moved_to = PYTHON.replace("line 31", "line 99").replace("/srv/app/", "/home/kim/shop/")
    assert fingerprint("E", "", "x", PYTHON) == fingerprint("E", "", "x", moved_to)
    assert fingerprint("E", "", "x", PYTHON) != fingerprint(
        "E", "", "x", PYTHON.replace("execute_order", "run")
    )


FRAMES = {
    "python": (
        PYTHON,
        ("engine", "execute_order"),
        ("core.errors.InsufficientBalance", "잔고 부족: 1,200원"),
    ),
    "python chain": (
        f"{PYTHON}\n\nDuring handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "/srv/app/run.py", line 1, in main\nKeyError: 3',
        ("run", "main"),
        ("KeyError", "3"),
    ),
    "python group": (
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "/srv/app/run.py", line 1, in main\n  | ExceptionGroup: two (2 sub-exceptions)\n'
        "  +-+---------------- 1 ----------------\n    | ValueError: 1\n    +---",
        ("run", "main"),
        ("ExceptionGroup", "two (2 sub-exceptions)"),
    ),
    "java": (
        "java.lang.IllegalStateException: no stock\n"
        "\tat java.base/java.util.Optional.get(Optional.java:1)\n"
        "\tat com.shop.Orders$$Lambda$14.take(Orders.java:7)\n\tat com.shop.Main.main(Main.java:3)\n"
        "Caused by: java.io.IOException: disk\n\t... 2 more",
        ("com.shop.Orders", "take"),
        ("java.lang.IllegalStateException", "no stock"),
    ),
    "node": (
        "TypeError: x is not a function\n    at Array.map (<anonymous>)\n"
        "    at take (/app/node_modules/shop/index.js:1:2)\n    at async run (file:///app/src/orders.mjs:12:7)",
        ("orders", "run"),
        ("TypeError", "x is not a function"),
    ),
    "go": (
        "panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\n"
        "runtime.gopanic({0x1, 0x2})\n\t/usr/local/go/src/runtime/panic.go:7 +0x1\n"
        "shop/orders.(*Shop).take(0x0, {0x1, 0x2})\n\t/app/orders/main.go:12 +0x1a",
        ("orders", "(*Shop).take"),
        ("panic", "runtime error: index out of range [5] with length 3"),
    ),
    "rust": (
        "thread 'main' panicked at src/orders.rs:2:5:\nboom\nstack backtrace:\n   0: rust_begin_unwind\n"
        "             at /rustc/9fc6b431/library/std/src/panicking.rs:652:5\n"
        "   1: shop::orders::take::h0123456789abcdef\n             at ./src/orders.rs:2:5",
        ("shop::orders", "take"),
        ("panic", "boom"),
    ),
    ".NET": (
        "System.InvalidOperationException: no stock\n   at System.Linq.Enumerable.First(IEnumerable`1 s)\n"
        "   at Shop.Orders.Take(Int32 id) in /app/Orders.cs:line 7",
        ("Shop.Orders", "Take"),
        ("System.InvalidOperationException", "no stock"),
    ),
    "php": (
        "PHP Fatal error:  Uncaught RuntimeException: no stock in /app/a.php:3\nStack trace:\n"
        "#0 /app/vendor/x.php(9): y()\n#1 /app/orders.php(5): take()\n#2 {main}",
        ("orders", "take"),
        ("RuntimeException", "no stock"),
    ),
}


@pytest.mark.parametrize(("stack", "frame", "error"), FRAMES.values(), ids=FRAMES)
def test_a_stack_trace_names_its_error_and_the_frame_of_the_application(
    stack: str, frame: tuple[str, str], error: tuple[str, str]
) -> None:
    assert top_frame(stack) == frame
    assert named(stack) == error
    said, rest = cut(f"결제를 못 했습니다\n{stack}")
    assert (said, rest) == ("결제를 못 했습니다", stack.strip("\n"))
    found = error_of("docker", "api", 4, stack, AT_NS, None, None)
    assert found is not None
    assert (found.error_type, found.message, found.stack_trace) == (*error, stack)
    assert (found.module, found.function) == frame


def record(**changes: Any) -> ErrorRecord:
    values: dict[str, Any] = {
        "id": str(EVENT),
        "time_ns": AT_NS,
        "level": "CRITICAL",
        "service": "scheduler",
        "module": "core.engine",
        "function": "execute_order",
        "message": "주문 실패",
        "error_type": "InsufficientBalance",
        "stack_trace": PYTHON,
        "context": {"계좌": "***", "n": 1},
        "trace_id": "abc12345",
        "fingerprint": "",
    }
    made = ErrorRecord(**(values | changes))
    return made._replace(
        fingerprint=fingerprint(made.error_type, place(made), made.message, made.stack_trace)
    )


@pytest.mark.promise("M52")
def test_the_json_line_has_exactly_its_keys_and_local_time() -> None:
    line = to_json(record(), tz=ZoneInfo("Asia/Seoul"))
    assert line == {
        "id": str(EVENT),
        "timestamp": "2026-11-20T14:02:31.123456+09:00",
        "trace_id": "abc12345",
        "level": "CRITICAL",
        "service": "scheduler",
        "module": "core.engine",
        "function": "execute_order",
        "message": "주문 실패",
        "error_type": "InsufficientBalance",
        "stack_trace": PYTHON,
        "context": {"계좌": "***", "n": 1},
    }
    assert next(iter(line)) == "id"


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(
    st.integers(0, 4_000_000_000_000_000_000),
    st.sampled_from(("ERROR", "CRITICAL")),
    st.tuples(*([TEXTS] * 6)),
    st.none() | st.dictionaries(TEXTS, st.integers() | TEXTS, min_size=1, max_size=3),
)
def test_a_json_line_brings_back_its_record(
    time_ns: int, level: str, texts: tuple[str, ...], context: dict[str, Any] | None
) -> None:
    service, module, function, message, error_type, trace_id = texts
    made = record(
        time_ns=time_ns,
        level=level,
        service=service,
        module=module,
        function=function,
        message=message,
        error_type=error_type,
        trace_id=trace_id,
        context=context,
    )
    read = of_json(json.loads(json.dumps(to_json(made, tz=ZoneInfo("Europe/Berlin")))))
    assert read == made._replace(time_ns=time_ns // 1_000 * 1_000)


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"timestamp": "yesterday"},
        {"timestamp": 7},
        to_json(record()) | {"level": "INFO"},
        to_json(record()) | {"message": 7},
        to_json(record()) | {"timestamp": "2026-11-20T14:02:31"},
    ],
    ids=["nothing", "no time", "a number", "no error", "no text", "no offset"],
)
def test_what_is_no_record_is_refused(line: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no error record|isoformat"):
        of_json(line)


OWN = {
    "service": "scheduler",
    "module": "core.engine",
    "logger": "core.engine",
    "function": "execute_order",
    "error_type": "InsufficientBalance",
    "stack_trace": PYTHON,
    "context": {"계좌": "***", "n": 1},
    "trace_id": "abc12345",
}


def test_a_record_pushed_and_the_same_one_read_from_its_file_are_one() -> None:
    pushed = error_of("app", "scheduler", 5, "주문 실패", AT_NS, OWN, EVENT.bytes)
    of_file = {key: value for key, value in OWN.items() if key not in ("module", "stack_trace")}
    read = error_of("app", "/var/log/e.json", 5, f"주문 실패\n{PYTHON}", AT_NS, of_file, EVENT.bytes)
    assert pushed is not None
    assert read is not None
    assert pushed._replace(source_id="") == read._replace(source_id="") == record()


@pytest.mark.parametrize(
    ("source", "alerted", "known"),
    [("app", True, True), ("app", False, False), ("app", "yes", False), ("docker", True, False)],
)
def test_what_the_library_has_told_is_known(source: str, alerted: object, known: bool) -> None:
    found = error_of(source, "scheduler", 4, "주문 실패", AT_NS, {**OWN, "alerted": alerted}, EVENT.bytes)
    assert found is not None
    assert found.alerted is known


def test_an_error_of_the_library_needs_no_exception() -> None:
    bare = {"service": "shop", "function": "run", "logger": "core", "error_type": None, "context": None}
    found = error_of("app", "shop", 4, "잔고 부족", AT_NS, bare, EVENT.bytes)
    assert found is not None
    assert (found.error_type, found.stack_trace, place(found)) == ("", "", "core.run")
    assert (found.level, found.context, found.id) == ("ERROR", None, str(EVENT))


NO_ERRORS = {
    "a plain line": (4, "주문 실패", None),
    "a warning with a stack trace": (3, f"failed\n{PYTHON}", None),
    "the library's own text line": (
        4,
        "주문 실패\n  " + PYTHON.replace("\n", "\n  "),
        {"logger": "core.engine"},
    ),
    "several lines": (4, "SQL failed:\nSELECT 1\nFROM t", {"logger": "db"}),
    "prose": (4, "failed\n at 12:00 we look again", None),
    "the name of an exception alone": (4, "failed", {"exception": "none"}),
}


@pytest.mark.parametrize(("level", "message", "metadata"), NO_ERRORS.values(), ids=NO_ERRORS)
def test_other_entries_tell_of_no_error(level: int, message: str, metadata: dict[str, Any] | None) -> None:
    assert error_of("docker", "api", level, message, AT_NS, metadata, None) is None


def test_the_stack_trace_of_pino_is_found_and_the_rest_is_kept() -> None:
    stack = "TypeError: no\n    at take (/app/src/orders.js:1:2)"
    metadata = {"err": {"type": "TypeError", "stack": stack}, "reqId": "r1", "host": "web"}
    found = error_of("docker", "api", 4, "failed", AT_NS, metadata, None)
    assert found is not None
    assert (found.service, found.error_type, place(found)) == ("api", "TypeError", "orders.take")
    assert (found.stack_trace, found.id) == (stack, "")
    assert found.context is not None
    assert found.context["reqId"] == "r1"


@pytest.mark.parametrize(
    ("source_id", "service"),
    [("api", "api"), ("nginx.service", "nginx"), ("/var/log/shop.log", "shop"), ("/var/log/", "")],
)
def test_an_error_without_a_service_gets_that_of_its_place(source_id: str, service: str) -> None:
    found = error_of("app", source_id, 4, PYTHON, AT_NS, None, None)
    assert found is not None
    assert found.service == service


HOSTILE = (
    "PHP Fatal error: " + "a" * 200_000 + "\nStack trace:\n",
    "\n at " * 50_000,
    "panic: " + "\n" * 200_000 + "goroutine",
    "\n".join(["Exception"] * 25_000) + "\n at x",
    "goroutine 1 [\n" + "a(" * 100_000,
    "x\n at " + "a." * 100_000 + "(",
    "a-" * 100_000 + "\nTraceback (most recent call last):\nE",
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_takes_long(text: str) -> None:
    began = time.perf_counter()
    error_of("app", "x", 4, text, AT_NS, None, None)
    # Some 50 ms here; what is not linear takes minutes.
    assert time.perf_counter() - began < 2


@pytest.mark.promise("M55")
def test_only_legal_moves_change_a_status() -> None:
    assert moved(ErrorStatus.UNRESOLVED, Move.RESOLVE) is ErrorStatus.RESOLVED
    assert moved(ErrorStatus.RESOLVED, Move.REOPEN) is ErrorStatus.UNRESOLVED
    assert {(status, move) for status in ErrorStatus for move in Move if moved(status, move) is None} == {
        (status, move) for status in ErrorStatus for move in Move
    } - set(MOVES)


@pytest.mark.promise("M55")
def test_only_an_occurrence_after_it_was_resolved_reopens_a_group() -> None:
    assert recurs(ErrorStatus.RESOLVED, AT_NS, AT_NS + 1)
    assert not recurs(ErrorStatus.RESOLVED, AT_NS, AT_NS)
    assert not recurs(ErrorStatus.UNRESOLVED, None, AT_NS)


def test_the_documentation_folds_as_it_says() -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "errors.md").read_text("utf-8")
    table = page.partition("| What | Example | Folded |\n|---|---|---|\n")[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()]
    assert len(rows) == 7
    for _, examples, folded in rows:
        said, wanted = (re.findall("`([^`]+)`", cell) for cell in (examples, folded))
        assert {fold_message(example) for example in said} == set(wanted)
