"""Errors for tests of the inbox: as the log library sends them, and as they are found in logs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from hantu.model import LogEntry, LogLevel
from tests.web.desk import line

SECOND_NS: Final = 10**9
MINUTE_NS: Final = 60 * SECOND_NS
HOUR_NS: Final = 60 * MINUTE_NS
STACK: Final = (
    "Traceback (most recent call last):\n"
    '  File "/app/core/scheduler/loop.py", line 88, in tick\n'
    "    self.engine.execute_order(order)\n"
    '  File "/usr/local/lib/python3.11/site-packages/apscheduler/base.py", line 125, in run_job\n'
    "    retval = job.func(*job.args)\n"
    '  File "/app/core/trading/engine.py", line 218, in execute_order\n'
    "    raise InsufficientBalance(required, balance)  # 예수금이 모자람\n"
    "core.errors.InsufficientBalance: 예수금 부족: required 1,250,000, available 1,182,400"
)


ORDER: Final = {
    "order": {"id": 80412, "quantity": 25, "side": "buy"},
    "user": {"id": "***", "account": "****3391"},
}


def record(message: str = "주문 실패", **parts: Any) -> LogEntry:
    """A record of the log library as it comes in; parts: its own fields, or those of LogEntry."""
    service = parts.pop("service", "scheduler")
    metadata = {
        "service": service,
        "module": parts.pop("module", "core.trading.engine"),
        "function": parts.pop("function", "execute_order"),
        "error_type": parts.pop("error_type", "InsufficientBalance"),
        "stack_trace": parts.pop("stack_trace", ""),
        "context": parts.pop("context", None),
        "trace_id": parts.pop("trace_id", ""),
    }
    own: dict[str, Any] = {
        "source_id": service,
        "level": LogLevel.ERROR,
        "time_ns": time.time_ns(),
        "metadata": {name: value for name, value in metadata.items() if value},
    }
    own["metadata"]["function"] = metadata["function"]
    own["metadata"]["error_type"] = metadata["error_type"]
    return line(message, **(own | parts))


def kinds(count: int, **parts: Any) -> list[LogEntry]:
    """So many different errors, Kind0000 …, a second apart, the last one now."""
    now_ns = time.time_ns()
    return [
        record(
            "it failed",
            error_type=f"Kind{number:04d}",
            time_ns=now_ns - (count - 1 - number) * SECOND_NS,
            **parts,
        )
        for number in range(count)
    ]


def busy_day(now_ns: int) -> Sequence[LogEntry]:
    """The errors of a day at a small brokerage, with lines around them."""
    entries: list[LogEntry] = []

    def many(count: int, newest_ns: int, every_ns: int, message: str, **parts: Any) -> None:
        entries.extend(
            record(message.format(n=81_000 - at), time_ns=newest_ns - at * every_ns, **parts)
            for at in range(count)
        )

    many(
        47,
        now_ns - 8 * MINUTE_NS,
        7 * MINUTE_NS,
        "주문 실패: 예수금 부족 (required 1,250,000, available 1,182,400)",
        stack_trace=STACK,
        trace_id="9d01f3aa",
        context=ORDER,
    )
    many(
        1,
        now_ns - 70 * SECOND_NS,
        0,
        "주문 실패: 예수금 부족 (required 1,250,000, available 1,182,400)",
        stack_trace=STACK,
        trace_id="abc12345",
        context=ORDER,
    )
    many(
        44,
        now_ns - 80 * SECOND_NS,
        SECOND_NS,
        "upstream api:8000 did not answer in {n} ms",
        service="nginx",
        module="proxy",
        function="pass",
        error_type="UpstreamTimeout",
    )
    many(
        4,
        now_ns - 95 * SECOND_NS,
        3 * HOUR_NS,
        "worker 2 killed: out of memory (rss 512 MiB, limit 512 MiB)",
        module="scheduler.worker",
        function="run",
        error_type="OutOfMemory",
        level=LogLevel.FATAL,
    )
    many(
        127,
        now_ns - 6 * MINUTE_NS,
        25 * MINUTE_NS,
        "수량은 1 이상이어야 합니다: quantity=0",
        service="api",
        module="api.orders",
        function="create",
        error_type="ValidationError",
    )
    many(
        36,
        now_ns - 42 * MINUTE_NS,
        11 * MINUTE_NS,
        'duplicate key value violates unique constraint "settlement_pkey"',
        service="batch",
        module="batch.settle",
        function="write",
        error_type="IntegrityError",
    )
    many(
        32,
        now_ns - 19 * HOUR_NS,
        4 * MINUTE_NS,
        "시세 서버 연결 끊김: peer closed the socket",
        service="feed",
        module="feed.client",
        function="read",
        error_type="ConnectionReset",
    )
    at_ns = now_ns - 70 * SECOND_NS
    told = {"trace_id": "abc12345"}
    entries += [
        line(
            "POST /v1/orders/run 202",
            time_ns=at_ns - 380_000_000,
            source="docker",
            source_id="nginx",
            metadata=told,
        ),
        line(
            "모의주문실행 요청 접수",
            time_ns=at_ns - 364_000_000,
            source="docker",
            source_id="api",
            metadata=told,
        ),
        line("주문 실행 시작", time_ns=at_ns - 105_000_000, source_id="scheduler", metadata=told),
        line(
            "재시도 예약 in=30s attempt=1/3",
            time_ns=at_ns + 8_000_000,
            source_id="scheduler",
            level=LogLevel.WARN,
            metadata=told,
        ),
    ]
    return sorted(entries, key=lambda entry: entry.time_ns)
