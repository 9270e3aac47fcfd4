"""The trace id of what runs now: made where work begins, carried along, sent on (CONTRACT M77–M81)."""

from __future__ import annotations

import os
from contextvars import ContextVar, copy_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Token
    from typing import Final, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")

LENGTH_MOST: Final = 64
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_HEX: Final = frozenset("0123456789abcdef")
_PADDING: Final = "0" * 24

active: Final[ContextVar[str | None]] = ContextVar("hantu_trace_id", default=None)
"""The trace id of the context; None outside of every TraceIdContext."""


def new_trace_id() -> str:
    """A trace id of 8 hexadecimal digits."""
    return os.urandom(4).hex()


def accepted(text: str | None) -> str | None:
    """A trace id from outside, without blanks around it; None when it cannot be one."""
    if not isinstance(text, str):
        return None
    text = text.strip()
    return text if 0 < len(text) <= LENGTH_MOST and _PLAIN.issuperset(text) else None


class _OfProcess:
    """The trace id of what runs outside of every context: HANTU_TRACE_ID, else one for each process."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.value = accepted(os.environ.get("HANTU_TRACE_ID")) or new_trace_id()


of_process: Final = _OfProcess()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=of_process.renew)


def get_trace_id() -> str:
    """The trace id that a line logged now would have."""
    return active.get() or of_process.value


class TraceIdContext:
    """`with TraceIdContext() as trace_id:` gives everything inside one trace id, a new one by default.

    An id from outside that is too long or has other characters than letters, digits and `-_.` is not
    taken: a new one is made. Works with `async with`, too; tasks made inside inherit it."""

    __slots__ = ("_tokens", "trace_id")

    def __init__(self, trace_id: str | None = None) -> None:
        self.trace_id = accepted(trace_id) or new_trace_id()
        self._tokens: list[Token[str | None]] = []

    def __enter__(self) -> str:
        self._tokens.append(active.set(self.trace_id))
        return self.trace_id

    def __exit__(self, *exc: object) -> None:
        try:
            active.reset(self._tokens.pop())
        except (ValueError, LookupError):
            # Left in another context than it was entered in, as generators and async frameworks do.
            active.set(None)

    async def __aenter__(self) -> str:
        return self.__enter__()

    async def __aexit__(self, *exc: object) -> None:
        self.__exit__()


def carry(function: Callable[P, R]) -> Callable[P, R]:
    """`function` as it would run here, to be called in another thread: `executor.submit(carry(work), 1)`.

    It takes the trace id (and every other context variable) of the place where carry() is called; the
    result may be called many times, also by several threads at once."""
    context = copy_context()

    def carried(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(function, *args, **kwargs)

    carried.__name__ = getattr(function, "__name__", "carried")
    carried.__doc__ = function.__doc__
    return carried


def of_traceparent(header: str | None) -> str | None:
    """The trace id in a W3C traceparent header; None when it is not valid.

    Source: W3C Trace Context, "traceparent Header". An id that hantu filled up with zeros is given
    back as it was."""
    parts = (header or "").strip().split("-")
    if len(parts) < 4 or any(not _HEX.issuperset(part) for part in parts[:4]):
        return None
    version, trace, span, flags = parts[:4]
    if (len(version), len(trace), len(span), len(flags)) != (2, 32, 16, 2) or version == "ff":
        return None
    if (version == "00" and len(parts) != 4) or not trace.strip("0") or not span.strip("0"):
        return None
    return trace[24:] if trace.startswith(_PADDING) else trace


def traceparent(trace_id: str) -> str | None:
    """A traceparent header that goes on with `trace_id` in a new span; None for an id that is not hex."""
    trace = trace_id.replace("-", "").lower()
    if not trace or len(trace) > 32 or not _HEX.issuperset(trace) or not trace.strip("0"):
        return None
    return f"00-{trace.rjust(32, '0')}-{_span()}-01"


def _span() -> str:
    # All zeros are not allowed; one in 2^64 is not worth a loop.
    return f"{int.from_bytes(os.urandom(8), 'big') or 1:016x}"


def trace_headers() -> dict[str, str]:
    """Headers for a request to another service, so that its lines get the trace id of here."""
    trace_id = get_trace_id()
    header = traceparent(trace_id)
    return {"X-Request-ID": trace_id} | ({"traceparent": header} if header else {})


class Incoming:
    """What a request's headers say of its trace: the id to go on with, and the headers to answer with."""

    __slots__ = ("answer", "trace_id")

    def __init__(self, headers: Mapping[str, str]) -> None:
        """headers: by lower-case name."""
        request_id = accepted(headers.get("x-request-id"))
        parent = of_traceparent(headers.get("traceparent"))
        self.trace_id = parent or request_id or new_trace_id()
        self.answer = {"X-Request-ID": request_id or self.trace_id}
        if parent and (header := traceparent(parent)):
            self.answer["traceparent"] = header
