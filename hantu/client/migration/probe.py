"""Uses the log library as an application does, in a process of its own, and tells what it did.

`python -m hantu.client.migration.probe`: settings come as JSON on stdin (a token must not stand in the
list of processes), the last line of stdout is the answer."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from typing import Any, Final

from hantu import TraceIdContext, WsgiMiddleware, configure, get_logger, shutdown, status

ANSWER: Final = "hantu-probe "
LOGGER: Final = "hantu.migrate"
NOTHING_TO_DO: Final = "마이그레이션 점검용입니다. 조치할 것은 없습니다."
_LINES: Final = 2_000


class MigrationCheck(Exception):
    """The exception of the errors that are made to see them arrive."""


def lines() -> dict[str, Any]:
    """A line of each level, an error with its exception, and two requests."""
    logger = get_logger(LOGGER)
    with TraceIdContext() as trace_id:
        logger.debug("마이그레이션 점검: DEBUG")
        logger.info("마이그레이션 점검: INFO")
        logger.success("마이그레이션 점검: SUCCESS")
        logger.warning("마이그레이션 점검: WARNING")
        _fail(critical=False)
    requests = [_request(number) for number in (1, 2)]
    settled = shutdown()
    return {"trace_id": trace_id, "requests": requests, "settled": settled, "status": status()}


def critical() -> dict[str, Any]:
    """A CRITICAL, which people are told of at once."""
    with TraceIdContext() as trace_id:
        _fail(critical=True)
    settled = shutdown()
    return {"trace_id": trace_id, "settled": settled, "status": status()}


def speed() -> dict[str, Any]:
    """How long a call takes, in microseconds."""
    logger = get_logger(LOGGER)
    logger.info("the first line starts the library")
    began_ns = time.perf_counter_ns()
    for number in range(_LINES):
        logger.info("주문 %d 실행 시작", number)
    info_us = (time.perf_counter_ns() - began_ns) / _LINES / 1000
    errors = _LINES // 20
    began_ns = time.perf_counter_ns()
    for number in range(errors):
        logger.error("주문 %d 실행 실패", number)
    error_us = (time.perf_counter_ns() - began_ns) / errors / 1000
    shutdown()
    return {"info_us": info_us, "error_us": error_us}


MODES: Final = {"lines": lines, "critical": critical, "speed": speed}


def _fail(*, critical: bool) -> None:
    logger = get_logger(LOGGER)
    log = logger.critical if critical else logger.error
    try:
        raise MigrationCheck(NOTHING_TO_DO)
    except MigrationCheck:
        log(NOTHING_TO_DO, exc_info=True, extra={"test": True})


def _request(number: int) -> dict[str, str]:
    """A request through the middleware, which logs in two functions; what it was answered with."""
    logger = get_logger(LOGGER)
    answered: dict[str, str] = {}

    def within() -> None:
        logger.debug("마이그레이션 점검: 요청 %d 끝", number)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        logger.debug("마이그레이션 점검: 요청 %d 시작", number)
        within()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["REQUEST_METHOD"].encode()]

    def start_response(_status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        answered.update({name.lower(): value for name, value in headers})

    from wsgiref.util import setup_testing_defaults

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    b"".join(WsgiMiddleware(app)(environ, start_response))
    return {"trace_id": answered.get("x-request-id", ""), "number": str(number)}


def main() -> None:
    """Do what stdin asks for."""
    asked = json.load(sys.stdin)
    configure(**asked["settings"])
    answer = MODES[asked["mode"]]()
    sys.stdout.flush()
    print(ANSWER + json.dumps(answer), flush=True)  # noqa: T201  the answer


if __name__ == "__main__":
    main()
