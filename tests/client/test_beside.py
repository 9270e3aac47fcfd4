"""Beside logging, structlog and loguru: their records go the same way, with all that they say."""

from __future__ import annotations

import logging
import logging.handlers
import queue
import sys
import warnings
from collections.abc import Callable, Iterator

import pytest
import structlog
from loguru import logger as loguru_logger

from hantu import HantuHandler, TraceIdContext, get_logger, install, structlog_processor
from tests.client.logs import Logs

Library = Callable[..., Logs]


@pytest.fixture
def own() -> logging.Logger:
    """A logger of logging with a HantuHandler."""
    found = logging.Logger("shop.orders")
    found.addHandler(HantuHandler())
    return found


@pytest.mark.promise("M43")
def test_records_of_logging_go_the_same_way(
    library: Library, own: logging.Logger, capfd: pytest.CaptureFixture[str]
) -> None:
    logs = library()
    with TraceIdContext("abc12345"):
        own.debug("one")
        own.info("주문 %s", "A-1", extra={"order": 7})
        own.log(25, "between")
        own.warning("two %(a)s", {"a": 1})
        own.error("three", stack_info=True)
        try:
            raise KeyError("x")
        except KeyError:
            own.critical("four", exc_info=True, extra={"order": 8})
    heads = [line.split(" ", 2)[2] for line in logs.lines if line[:1] == "2"]
    assert heads == [
        "[DEBUG] shop.orders: one (trace_id=abc12345)",
        "[INFO] shop.orders: 주문 A-1 order=7 (trace_id=abc12345)",
        "✅ [INFO] shop.orders: between (trace_id=abc12345)",
        "⭕ [WARNING] shop.orders: two 1 (trace_id=abc12345)",
        "❌ [ERROR] shop.orders: three (trace_id=abc12345)",
        "❌ [CRITICAL] shop.orders: four order=8 (trace_id=abc12345)",
    ]
    third, fourth = logs.errors
    assert third["stack_trace"].startswith("Stack (most recent call last):")
    assert (fourth["error_type"], fourth["context"], fourth["module"]) == (
        "KeyError",
        {"order": 8},
        "shop.orders",
    )
    assert fourth["function"] == "test_records_of_logging_go_the_same_way"
    out, err = capfd.readouterr()
    assert (out.count("\n"), "three" in err, "three" in out) == (3, True, False)


@pytest.mark.promise("M58")
def test_bad_records_of_logging_do_no_harm(
    library: Library, own: logging.Logger, capfd: pytest.CaptureFixture[str]
) -> None:
    logs = library()

    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("no str")

    own.info("%d", "x")
    own.info(Hostile())
    own.error("x", extra={"bad": Hostile()})
    own.handle(logging.makeLogRecord({"msg": "bare", "levelno": 20, "args": 5}))
    record = logging.makeLogRecord({"name": "shop.orders", "levelno": [], "pathname": "/a.py", "lineno": 7})
    own.handlers[0].handle(record)
    text = logs.text
    assert "%d [args: 'x'; TypeError:" in text
    assert "<Hostile: __str__ raised RuntimeError>" in text
    assert "bare" in text
    err = capfd.readouterr().err
    assert "hantu: a record of shop.orders could not be written (/a.py:7)" in err
    assert "Logging error" not in err


def test_records_of_a_queue_keep_their_time_and_exception(library: Library) -> None:
    logs = library(retention_days=3650)
    waiting: queue.Queue[logging.LogRecord] = queue.Queue()
    sender = logging.Logger("shop.far")
    sender.addHandler(logging.handlers.QueueHandler(waiting))
    try:
        raise KeyError("x")
    except KeyError:
        sender.error("failed", exc_info=True)
    record = waiting.get()
    record.created = 1_700_000_000.25
    HantuHandler().handle(record)
    (error,) = logs.errors
    assert error["timestamp"].startswith(("2023-11-14T", "2023-11-15T"))
    assert (error["error_type"], error["message"]) == ("KeyError", "failed")
    assert "KeyError: 'x'" in error["stack_trace"]
    assert logs.lines[0].startswith("2023-11-1")


def test_install_takes_over_what_logging_writes(
    library: Library, capfd: pytest.CaptureFixture[str]
) -> None:
    logs = library()
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        handler = install("INFO")
        assert root.handlers == [handler]
        logging.getLogger("werkzeug").info("GET /orders 200")
        logging.getLogger("noise").debug("not this")
        logging.captureWarnings(True)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old call", UserWarning, stacklevel=1)
        logging.captureWarnings(False)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert "[INFO] werkzeug: GET /orders 200" in logs.text
    assert "⭕ [WARNING] py.warnings: " in logs.text
    assert "not this" not in logs.text
    assert capfd.readouterr().err == ""


@pytest.fixture
def events() -> Iterator[None]:
    """structlog set up to end in hantu."""
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog_processor],
        logger_factory=structlog.ReturnLoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.usefixtures("events")
def test_events_of_structlog_go_the_same_way(library: Library, capfd: pytest.CaptureFixture[str]) -> None:
    logs = library()
    logger = structlog.get_logger()
    with TraceIdContext("abc12345"), structlog.contextvars.bound_contextvars(user="kim"):
        logger.debug("one")
        logger.info("paid", order=7)
        logger.warning("two", logger="shop.named")
        try:
            raise KeyError("x")
        except KeyError:
            logger.exception("failed", order=8)
            logger.error("again", exc_info=True)
    heads = [line.split(" ", 2)[2] for line in logs.lines if line[:1] == "2"]
    name = __name__
    assert heads == [
        f"[DEBUG] {name}: one user=kim (trace_id=abc12345)",
        f"[INFO] {name}: paid order=7 user=kim (trace_id=abc12345)",
        "⭕ [WARNING] shop.named: two user=kim (trace_id=abc12345)",
        f"❌ [ERROR] {name}: failed order=8 user=kim (trace_id=abc12345)",
        f"❌ [ERROR] {name}: again user=kim (trace_id=abc12345)",
    ]
    for error in logs.errors:
        assert (error["error_type"], error["function"]) == (
            "KeyError",
            "test_events_of_structlog_go_the_same_way",
        )
    assert logs.errors[0]["context"] == {"user": "kim", "order": 8}
    assert "paid" in capfd.readouterr().out


@pytest.mark.usefixtures("events")
def test_events_that_structlog_formatted_keep_their_exception(library: Library) -> None:
    logs = library()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog_processor,
        ]
    )
    try:
        raise KeyError("x")
    except KeyError:
        structlog.get_logger().exception("failed")
    (error,) = logs.errors
    assert (error["level"], error["error_type"]) == ("ERROR", "KeyError")
    assert "KeyError: 'x'" in error["stack_trace"]
    assert error["context"] is None


def test_records_of_loguru_go_the_same_way(library: Library, capfd: pytest.CaptureFixture[str]) -> None:
    logs = library()
    loguru_logger.remove()
    number = loguru_logger.add(HantuHandler(), level=0, format=lambda _: "{message}")
    try:
        with TraceIdContext("abc12345"):
            loguru_logger.debug("one")
            loguru_logger.success("주문 {}", "A-1")
            loguru_logger.bind(order=7).warning("two")
            try:
                raise KeyError("x")
            except KeyError:
                loguru_logger.exception("failed")
    finally:
        loguru_logger.remove(number)
        loguru_logger.add(sys.stderr)
    heads = [line.split(" ", 2)[2] for line in logs.lines if line[:1] == "2"]
    assert heads[0] == f"[DEBUG] {__name__}: one (trace_id=abc12345)"
    assert heads[1] == f"✅ [INFO] {__name__}: 주문 A-1 (trace_id=abc12345)"
    assert heads[2] == f"⭕ [WARNING] {__name__}: two order=7 (trace_id=abc12345)"
    (error,) = logs.errors
    assert (error["error_type"], error["message"]) == ("KeyError", "failed")
    assert error["function"] == "test_records_of_loguru_go_the_same_way"
    assert capfd.readouterr().err.count("failed") == 1


def test_a_logger_of_the_library_is_the_same_each_time() -> None:
    assert get_logger("shop") is get_logger("shop")
    assert get_logger("shop") is not get_logger("shop2")
