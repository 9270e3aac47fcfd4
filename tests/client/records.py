"""Error records for tests."""

from __future__ import annotations

import uuid
from typing import Any

from hantu.errors import ErrorRecord, fingerprint, place

TIME_NS = 1_769_916_898_123_456_789
"""2026-02-01 03:34:58 UTC."""
STACK = """\
Traceback (most recent call last):
  File "/srv/app/core/trading/engine.py", line 123, in execute_order
    raise InsufficientBalance()
InsufficientBalance: 잔고 부족"""


def a_record(message: str = "주문 실행 실패: 잔고 부족", **changes: Any) -> ErrorRecord:
    """An error with its own id and the fingerprint of what it is."""
    record = ErrorRecord(
        id=str(uuid.uuid4()),
        time_ns=TIME_NS,
        level="ERROR",
        service="scheduler",
        module="trading_engine",
        function="execute_order",
        message=message,
        error_type="InsufficientBalance",
        stack_trace=STACK,
        context={"stock_code": "005930", "quantity": 10},
        trace_id="abc12345",
        fingerprint="",
    )._replace(**changes)
    if record.fingerprint:
        return record
    made = fingerprint(record.error_type, place(record), record.message, record.stack_trace)
    return record._replace(fingerprint=made)
