"""ErrorRecord: one occurrence of an error, and the JSON line that it is in a local file."""

from __future__ import annotations

import time
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any, Final, NamedTuple

ERROR: Final = "ERROR"
CRITICAL: Final = "CRITICAL"

JSON_KEYS: Final = (
    "id",
    "timestamp",
    "trace_id",
    "level",
    "service",
    "module",
    "function",
    "message",
    "error_type",
    "stack_trace",
    "context",
)
"""The keys of a JSON line, in its order."""

_SECOND_NS: Final = 1_000_000_000
_MICRO_NS: Final = 1_000


class ErrorRecord(NamedTuple):
    """One occurrence of an error. Texts are "" when they are not known.

    A named tuple, not a dataclass: the library is imported by every program that logs, and dataclasses
    alone would double the time of that. id: UUID text, "" until the store gives it. time_ns: since the
    epoch, UTC. level: ERROR or CRITICAL. source, source_id: the entry it was found in, if any.
    alerted: the library has told people of it."""

    id: str
    time_ns: int
    level: str
    service: str
    module: str
    function: str
    message: str
    error_type: str
    stack_trace: str
    context: dict[str, Any] | None
    trace_id: str
    fingerprint: str
    source: str = "app"
    source_id: str = ""
    alerted: bool = False


def place(record: ErrorRecord) -> str:
    """Where it happened: "module.function"; one of them, or "", when not both are known."""
    return place_of(record.module, record.function)


def place_of(module: str, function: str) -> str:
    """ "module.function" of two parts that may be empty."""
    return f"{module}.{function}" if module and function else module or function


def to_json(record: ErrorRecord, *, tz: tzinfo | None = None) -> dict[str, Any]:
    """The object of the record's JSON line (JSON_KEYS); its time is local, in `tz` when that is given.

    A trace_id that is not known is null; so is a context. Nanoseconds below a microsecond are lost."""
    second, offset = _local(record.time_ns // _SECOND_NS, tz, time.tzname)
    return {
        "id": record.id,
        "timestamp": f"{second}.{record.time_ns % _SECOND_NS // _MICRO_NS:06d}{offset}",
        "trace_id": record.trace_id or None,
        "level": record.level,
        "service": record.service,
        "module": record.module,
        "function": record.function,
        "message": record.message,
        "error_type": record.error_type,
        "stack_trace": record.stack_trace,
        "context": record.context,
    }


# A program in trouble writes many errors a second: the zone is asked once for all of them.
@lru_cache(maxsize=4)
def _local(second: int, tz: tzinfo | None, _system: tuple[str, str]) -> tuple[str, str]:
    """A second as YYYY-MM-DDTHH:MM:SS, and its offset; anew when the system's zone changes."""
    text = datetime.fromtimestamp(second, UTC).astimezone(tz).isoformat(timespec="seconds")
    return text[:19], text[19:]


def of_json(line: dict[str, Any]) -> ErrorRecord:
    """The record of a JSON line's object. Raises ValueError when it is none."""
    from hantu.errors.grouping import fingerprint

    try:
        at = datetime.fromisoformat(line["timestamp"])
        texts: dict[str, Any] = {
            name: _text(line, name) for name in JSON_KEYS if name not in ("timestamp", "context")
        }
        context = line.get("context")
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no error record: {error}") from None
    if at.tzinfo is None or texts["level"] not in (ERROR, CRITICAL):
        raise ValueError("this is no error record: its time has no offset, or its level is no error")
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    record = ErrorRecord(
        time_ns=((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * _MICRO_NS,
        context=context if isinstance(context, dict) else None,
        fingerprint="",
        **texts,
    )
    return record._replace(
        fingerprint=fingerprint(record.error_type, place(record), record.message, record.stack_trace)
    )


def _text(line: dict[str, Any], name: str) -> str:
    value = line.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value
