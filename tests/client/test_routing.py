"""Which level goes where, and what each place gets (CONTRACT M43–M47, M51–M53, M76)."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import RFC_4122, UUID

import pytest

from hantu import TraceIdContext, get_logger
from hantu.client import health
from hantu.client.desk import Ids
from hantu.formats.parser import LineParser
from tests.client.logs import Logs

Library = Callable[..., Logs]
Program = Callable[..., subprocess.CompletedProcess[str]]
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


class InsufficientBalance(Exception):
    """The error of the examples."""


def execute_order() -> None:
    raise InsufficientBalance("잔고 부족")


@pytest.mark.promise("M43", "M44", "M45", "M68", "M69", "M70")
@pytest.mark.parametrize(
    ("level", "text", "stdout", "stderr", "json"),
    [
        ("debug", True, False, False, False),
        ("info", True, True, False, False),
        ("success", True, True, False, False),
        ("warning", True, True, False, False),
        ("error", True, False, True, True),
        ("critical", True, False, True, True),
    ],
)
def test_each_level_goes_to_its_places(
    library: Library,
    capfd: pytest.CaptureFixture[str],
    level: str,
    text: bool,
    stdout: bool,
    stderr: bool,
    json: bool,
) -> None:
    logs = library()
    getattr(get_logger("core.trading.engine"), level)("주문 실행 시작")
    out, err = capfd.readouterr()
    assert ("주문 실행 시작" in logs.text) is text
    assert ("주문 실행 시작" in out) is stdout
    assert ("주문 실행 시작" in err) is stderr
    assert [error["message"] for error in logs.errors] == (["주문 실행 시작"] if json else [])


@pytest.mark.promise("M51", "M76")
@pytest.mark.parametrize(
    ("level", "head"),
    [
        ("debug", "[DEBUG]"),
        ("info", "[INFO]"),
        ("success", "✅ [INFO]"),
        ("warning", "⭕ [WARNING]"),
        ("error", "❌ [ERROR]"),
        ("critical", "❌ [CRITICAL]"),
    ],
)
def test_a_text_line_has_the_promised_form(library: Library, level: str, head: str) -> None:
    logs = library()
    with TraceIdContext("abc12345"):
        getattr(get_logger("core.trading.engine"), level)("주문 %s 실행 시작", "A-1")
    expected = re.escape(f" {head} core.trading.engine: 주문 A-1 실행 시작 (trace_id=abc12345)")
    assert re.fullmatch(TIME + expected + "\n", logs.text)


@pytest.mark.promise("M46", "M47")
def test_files_are_named_after_the_day(library: Library) -> None:
    before = time.strftime("%Y%m%d")
    logs = library()
    get_logger("shop").info("one")
    get_logger("shop").error("two")
    assert logs.text
    days = {before, time.strftime("%Y%m%d")}
    names = {path.relative_to(logs.folder).as_posix() for path in logs.folder.rglob("*") if path.is_file()}
    assert names <= {f"info/info_{day}.log" for day in days} | {f"errors/error_{day}.json" for day in days}
    assert {name.split("/")[0] for name in names} == {"info", "errors"}


@pytest.mark.promise("M52", "M53")
def test_an_error_fills_its_context_itself(library: Library) -> None:
    logs = library()
    try:
        execute_order()
    except InsufficientBalance as error:
        with TraceIdContext("abc12345"):
            get_logger("trading_engine").error(
                "주문 실행 실패: %s",
                error,
                exc_info=True,
                context={"stock_code": "005930", "order_type": "buy", "quantity": 10},
            )
    (found,) = logs.errors
    at = datetime.fromisoformat(found.pop("timestamp"))
    assert at.utcoffset() == datetime.now().astimezone().utcoffset()
    assert abs(time.time() - at.timestamp()) < 60
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", found.pop("id")
    )
    stack = found.pop("stack_trace")
    assert stack.startswith("Traceback (most recent call last):\n")
    assert stack.endswith("InsufficientBalance: 잔고 부족")
    assert found == {
        "trace_id": "abc12345",
        "level": "ERROR",
        "service": "scheduler",
        "module": "trading_engine",
        "function": "test_an_error_fills_its_context_itself",
        "message": "주문 실행 실패: 잔고 부족",
        "error_type": "InsufficientBalance",
        "context": {"stock_code": "005930", "order_type": "buy", "quantity": 10},
    }


@pytest.mark.promise("M53")
def test_exception_adds_the_traceback_and_so_does_an_exception_as_message(library: Library) -> None:
    logs = library()
    try:
        execute_order()
    except InsufficientBalance as error:
        get_logger("shop").exception("one")
        get_logger("shop").error(error)
        get_logger("shop").critical("three", exc_info=error)
    assert [found["error_type"] for found in logs.errors] == ["InsufficientBalance"] * 3
    assert all("in execute_order" in found["stack_trace"] for found in logs.errors)
    assert logs.errors[1]["message"] == "잔고 부족"


def test_a_helper_that_logs_may_name_its_caller(library: Library) -> None:
    logs = library()

    def fail() -> None:
        get_logger("shop").error("failed", stacklevel=2)

    fail()
    assert logs.errors[0]["function"] == "test_a_helper_that_logs_may_name_its_caller"


@pytest.mark.promise("M53")
def test_the_first_line_of_a_process_knows_its_caller_too(program: Program, tmp_path: Any) -> None:
    program("from hantu import get_logger\ndef job():\n get_logger('shop').error('x')\njob()")
    assert [found["function"] for found in Logs(tmp_path / "logs").errors] == ["job"]


def test_context_comes_by_extra_context_keywords_and_bind(library: Library) -> None:
    logs = library()
    logger = get_logger("shop").bind(user="kim")
    logger.error("x", extra={"a": 1}, context={"b": 2}, c=3)
    logger.info("paid", amount=71200, memo="두 단어")
    assert logs.errors[0]["context"] == {"user": "kim", "a": 1, "b": 2, "c": 3}
    assert ' shop: paid user=kim amount=71200 memo="두 단어" (trace_id=' in logs.lines[-1]


def test_lines_below_the_level_are_not_written(library: Library, capfd: pytest.CaptureFixture[str]) -> None:
    logs = library(level="ERROR")
    logger = get_logger("shop")
    for name in ("debug", "info", "success", "warning", "error"):
        getattr(logger, name)(name)
    logger.log("INFO", "by name")
    logger.log(45, "by a number of logging's")
    assert [error["message"] for error in logs.errors] == ["error", "by a number of logging's"]
    assert len(logs.lines) == 2
    assert capfd.readouterr().out == ""


def test_stdout_can_be_switched_off(library: Library, capfd: pytest.CaptureFixture[str]) -> None:
    logs = library(stdout=False)
    get_logger("shop").info("quiet")
    assert "quiet" in logs.text
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    "message",
    [
        "first\n2026-02-01 12:34:56 [INFO] shop: forged (trace_id=abc12345)",
        "first\r2026-02-01 12:34:56 [INFO] shop: forged",
        "first\r\n2026-02-01 12:34:56 ❌ [ERROR] shop: forged",
        "first\x0b\x0c\x1c\x85\u2028\u20292026-02-01 12:34:56 [INFO] shop: forged",
    ],
)
@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_a_newline_in_a_message_makes_no_second_record(library: Library, message: str, level: str) -> None:
    logs = library()
    getattr(get_logger("shop"), level)(message)
    getattr(get_logger("shop"), level)("%s", message)
    get_logger("shop").info("x", note=message)
    get_logger("shop").info("the end")
    raw = logs.text.encode()
    assert len(re.findall(rb"^\d{4}-\d\d-\d\d ", raw, re.MULTILINE)) == 4
    assert len(raw.decode().splitlines()) == raw.count(b"\n")
    parser = LineParser(source="app", source_id="info.log")
    now_ns = time.time_ns()
    entries = parser.feed(raw.split(b"\n")[:-1], None, now_ns) + parser.flush(now_ns)
    assert not [entry for entry in entries if entry.message.startswith("forged")]
    assert len(entries) == 4


def test_hidden_characters_are_shown_as_escapes(
    library: Library, capfd: pytest.CaptureFixture[str]
) -> None:
    logs = library()
    get_logger("shop").info("a\x1b]0;title\x07b\u202ec\x00d")
    assert r"a\x1b]0;title\x07b\u202ec\x00d" in logs.text
    assert "\x1b" not in capfd.readouterr().out


def test_each_line_to_the_journal_carries_its_priority(program: Program) -> None:
    code = """
import os, subprocess, sys
read, write = os.pipe()
found = os.fstat(write)
script = '''
from hantu import get_logger
logger = get_logger("shop")
try: 1 / 0
except ZeroDivisionError: logger.error("failed", exc_info=True)
logger.critical("worse")
'''
env = {**os.environ, "JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
subprocess.run([sys.executable, "-c", script], stderr=write, env=env, check=True)
os.close(write)
print(os.fdopen(read).read())
"""
    lines = program(code).stdout.strip().splitlines()
    assert len(lines) > 4
    assert all(line.startswith("<3>") for line in lines[:-1])
    assert lines[-1].startswith("<2>")
    assert "<" not in re.sub(r"^<\d>", "", lines[0])


def test_there_are_no_priorities_when_stderr_is_no_journal(program: Program) -> None:
    done = program("from hantu import get_logger\nget_logger('shop').error('x')", JOURNAL_STREAM="1:2")
    assert re.match(TIME + " ❌ ", done.stderr)


@pytest.mark.promise("M63")
def test_a_value_that_is_no_json_is_shown_by_its_repr(library: Library) -> None:
    class Odd:
        def __repr__(self) -> str:
            return "<odd>"

    logs = library()
    loop: dict[str, Any] = {}
    loop["self"] = loop
    get_logger("shop").error("x", odd=Odd(), nan=float("nan"), loop=loop, key={(1, 2): b"\xff"})
    context = logs.errors[0]["context"]
    assert context["odd"] == "<odd>"
    assert context["nan"] == "nan"
    assert context["key"] == {"(1, 2)": "\\xff"}
    assert health.current.state is health.State.WARNING
    get_logger("shop").error("x", fine=1)
    assert health.current.state is health.State.READY


def test_ids_are_uuids_of_version_7_that_differ_and_sort_by_time() -> None:
    made = [Ids().new(1_769_913_299_123_456_789 + at * 1_000) for at in range(20_000)]
    one = Ids()
    made += [one.new(1_769_913_300_000_000_000) for _ in range(20_000)]
    assert len(set(made)) == len(made)
    assert {(UUID(each).version, UUID(each).variant) for each in made} == {(7, RFC_4122)}
    assert [each[:18] for each in made] == sorted(each[:18] for each in made)
    assert int(made[0].replace("-", "")[:12], 16) == 1_769_913_299_123
