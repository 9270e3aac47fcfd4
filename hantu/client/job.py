"""Jobs, commands and batches: each run is one trace (CONTRACT M78–M80)."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast

from hantu.client.trace import TraceIdContext, accepted, active, new_trace_id, of_traceparent

F = TypeVar("F", bound=Callable[..., Any])


def traced(function: F) -> F:
    """`@traced` gives each call of a function, or coroutine function, a new trace id: a job, a batch."""
    if iscoroutinefunction(function):

        @wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            with TraceIdContext():
                return await function(*args, **kwargs)

        return cast("F", run_async)

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with TraceIdContext():
            return function(*args, **kwargs)

    return cast("F", run)


def start_trace(trace_id: str | None = None) -> str:
    """Give everything from here on one trace id, which it returns: the first line of a command.

    Without trace_id the variables HANTU_TRACE_ID and TRACEPARENT are asked, so that a command goes on
    with the trace of the program that started it; else it is new."""
    found = (
        accepted(trace_id)
        or accepted(os.environ.get("HANTU_TRACE_ID"))
        or of_traceparent(os.environ.get("TRACEPARENT"))
        or new_trace_id()
    )
    active.set(found)
    return found
