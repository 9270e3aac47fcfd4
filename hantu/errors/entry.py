"""The error in an entry of the log: errors of every program come to the inbox by their stack trace."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import UUID

from hantu.errors.grouping import fingerprint
from hantu.errors.record import CRITICAL, ERROR, ErrorRecord, place_of
from hantu.errors.stack import cut, named, top_frame

LEVEL_ERROR: Final = 4
LEVEL_FATAL: Final = 5
"""The numbers of LogLevel.ERROR and LogLevel.FATAL."""

MESSAGE_MOST: Final = 10_000
STACK_MOST: Final = 60_000
CONTEXT_MOST: Final = 60_000
"""Characters that are kept of each; entries go after days, errors stay."""

_STACK_KEYS: Final = (
    *("stack_trace", "stacktrace", "stackTrace", "stack", "exc_info", "exc_text", "exception"),
    *("traceback", "errorVerbose", "Exception"),
)
_TYPE_KEYS: Final = ("error_type", "exc_type", "exception_type", "errorType")
_NESTED: Final = ("err", "error", "exception")
_OWN: Final = ("error_type", "service", "function")
_TELLING: Final = frozenset((*_STACK_KEYS, *_TYPE_KEYS, *_NESTED, *_OWN))
_TAKEN: Final = frozenset(
    (
        *(*_STACK_KEYS, *_TYPE_KEYS, "service", "module", "logger", "function", "trace_id", "context"),
        "alerted",
    )
)


_encode: Final = json.JSONEncoder(ensure_ascii=False).encode


def error_of(  # noqa: PLR0917  the store calls it for each error, with an entry's own fields
    source: str,
    source_id: str,
    level: int,
    message: str,
    time_ns: int,
    metadata: dict[str, Any] | None,
    event_id: bytes | None,
) -> ErrorRecord | None:
    """The error that an entry tells of, None when it tells of none.

    Entries at error or fatal count when they carry a stack trace or the type of an error, and every
    record of hantu's own library. Its id is the sender's; "" when there is no event_id."""
    if level < LEVEL_ERROR:
        return None
    found = metadata or {}
    said, stack_said = cut(message)
    tells = not _TELLING.isdisjoint(found)
    if not (tells or stack_said):
        # Most lines at error end here.
        return None
    stack = (_stack_of(found) if tells else "") or stack_said
    error_type = _type_of(found) if tells else ""
    if not (stack or error_type or all(key in found for key in _OWN)):
        return None
    if not error_type:
        error_type = named(stack)[0]
    module, function = _text(found, "module") or _text(found, "logger"), _text(found, "function")
    if not function:
        frame = top_frame(stack)
        module, function = frame if frame != ("", "") else (module, "")
    return ErrorRecord(
        id=str(UUID(bytes=event_id)) if event_id is not None else "",
        time_ns=time_ns,
        level=CRITICAL if level >= LEVEL_FATAL else ERROR,
        service=_text(found, "service") or service_of(source_id),
        module=module,
        function=function,
        message=_shortened(said, MESSAGE_MOST),
        error_type=error_type,
        stack_trace=_shortened(stack, STACK_MOST),
        context=_context_of(found),
        trace_id=_text(found, "trace_id"),
        fingerprint=fingerprint(error_type, place_of(module, function), said, stack),
        source=source,
        source_id=source_id,
        alerted=found.get("alerted") is True and source == "app",
    )


def service_of(source_id: str) -> str:
    """The service that a container, unit or file is likely to belong to: "api" of api,
    "nginx" of nginx.service, "shop" of /var/log/shop.log."""
    if "/" in source_id:
        name = source_id.rpartition("/")[2]
        return name.partition(".")[0] or name
    return source_id.removesuffix(".service")


def _text(metadata: dict[str, Any], key: str) -> str:
    value = metadata.get(key)
    return _storable(value) if isinstance(value, str) else ""


def _storable(text: str) -> str:
    # SQLite's own functions, which the trigger that groups errors uses, end a text at a NUL.
    return text.replace("\0", "\ufffd")


def _shortened(text: str, most: int) -> str:
    """`text` without its middle when it has more than `most` characters."""
    text = _storable(text)
    if len(text) <= most:
        return text
    return f"{text[: most // 4]}\n…\n{text[-(most * 3 // 4) :]}"


def _context_of(metadata: dict[str, Any]) -> dict[str, Any] | None:
    context = metadata.get("context") if "context" in metadata else _rest(metadata)
    if not isinstance(context, dict) or not context:
        return None
    try:
        size = len(_encode(context))
    except (ValueError, TypeError, RecursionError):
        return {"unreadable": True}
    return context if size <= CONTEXT_MOST else {"truncated_characters": size}


def _stack_of(metadata: dict[str, Any]) -> str:
    for key in _STACK_KEYS:
        if stack := _stack_text(metadata.get(key)):
            return stack
    for key in _NESTED:
        error = metadata.get(key)
        if isinstance(error, dict):
            for part in ("stack", "stack_trace", "stacktrace"):
                if stack := _stack_text(error.get(part)):
                    return stack
    return ""


def _stack_text(value: object) -> str:
    """A stack trace as text; one line is none, it is the name of something."""
    if isinstance(value, list) and all(isinstance(frame, str) for frame in value):
        value = "\n".join(value)
    return value.strip("\n") if isinstance(value, str) and "\n" in value.strip("\n") else ""


def _type_of(metadata: dict[str, Any]) -> str:
    for key in _TYPE_KEYS:
        if kind := _text(metadata, key):
            return kind
    for key in _NESTED:
        error = metadata.get(key)
        if isinstance(error, dict) and (kind := _text(error, "type") or _text(error, "name")):
            return kind
    return ""


def _rest(metadata: dict[str, Any]) -> dict[str, Any]:
    """What the entry says besides: kept with the error, for the entry goes much earlier."""
    return {key: value for key, value in metadata.items() if key not in _TAKEN}
