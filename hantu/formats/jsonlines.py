"""JSON lines: Pino, bunyan, winston, structlog, python-json-logger, zap, zerolog, logrus, slog, ECS,
Google Cloud, Serilog, .NET, logback, Log4j, tracing, MongoDB, GELF and hantu's own library.

Which key plays which part is decided once for each shape (the keys of an object, in order): lines of
one program have few shapes, so that a line costs its decoding and a few dictionary pops.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec

from hantu.formats import level as levels
from hantu.formats.parsed import RESERVED, Format, Parsed
from hantu.formats.timestamp import SECOND_NS, Clock, Stamp
from hantu.model import MESSAGE_LIMIT_BYTES, LogLevel, Metadata
from hantu.text import clean

JSON: Final = Format(
    "json", '{"level":30,"time":1767225600000,"pid":7,"hostname":"web","msg":"ready"}', closed=True
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_MESSAGE: Final = _words(
    "msg message @message Message short_message event @m @mt textPayload body MESSAGE log text"
)
_TIME: Final = _words(
    "time timestamp @timestamp ts Timestamp @t t date datetime asctime timeMillis instant eventTime"
    " event_time created"
)
_LEVEL: Final = _words(
    "level_name levelname level severity log.level @level LogLevel SeverityText severityText severity_text"
    " loglevel logLevel lvl @l levelno syslog_severity syslog.severity priority PRIORITY severityNumber"
    " SeverityNumber severity_number s"
)
_SYSLOG_KEYS: Final = frozenset({"syslog_severity", "syslog.severity", "priority", "PRIORITY"})
_OTEL_KEYS: Final = frozenset({"severityNumber", "SeverityNumber", "severity_number"})
_LOGGER: Final = _words(
    "logger logger_name loggerName log.logger module name target @module Category SourceContext channel c"
)
_TRACE: Final = _words("trace_id traceId trace.id traceID TraceId traceid logging.googleapis.com/trace")
_STACK: Final = _words(
    "stack_trace stacktrace stackTrace stack error.stack_trace exc_info exc_text exception Exception"
    " traceback errorVerbose @x full_message"
)
_RENAMED: Final = {
    "hostname": "host",
    "service.name": "service",
    "serviceName": "service",
    "error.type": "error_type",
}
_NESTED: Final = frozenset({"err", "error", "exception", "log", "fields", "trace", "service"})
_OWN: Final = frozenset({"timestamp", "level", "service", "module", "function", "message", "id"})

_DEPTH_MOST: Final = 64
_SHAPES_MOST: Final = 512
_DECODER: Final = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class _Shape:
    """The keys that play a part, "" when there is none."""

    message: str
    time: str
    level: str
    logger: str
    trace: str
    stack: str
    renamed: tuple[tuple[str, str], ...]
    nested: bool
    own: bool
    plain: bool
    """No stack, no ids, no objects to look after."""
    of_level: Callable[[Any], LogLevel | None]


class JsonLines:
    """Reads JSON lines of one stream."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shapes: dict[tuple[str, ...], _Shape] = {}

    def read(self, raw: bytes) -> Parsed | None:
        """What the line says; None when it is no JSON object (or a monster: deeper than 64 levels,
        longer than a message may be)."""
        try:
            record = _DECODER.decode(raw)
        except (ValueError, RecursionError):
            record = _lenient(raw)
        if type(record) is not dict or len(raw) > MESSAGE_LIMIT_BYTES:
            return None
        if raw.count(b"{") + raw.count(b"[") > _DEPTH_MOST and _too_deep(record):
            return None
        keys = tuple(record)
        shape = self._shapes.get(keys)
        if shape is None:
            shape = self._learn(keys)
        return self._parse(record, shape, raw)

    def _learn(self, keys: tuple[str, ...]) -> _Shape:
        if len(self._shapes) >= _SHAPES_MOST:
            self._shapes.clear()
        shape = self._shapes[keys] = _shape_of(frozenset(keys))
        return shape

    def _parse(self, record: Metadata, shape: _Shape, raw: bytes) -> Parsed:
        level = time = event_id = message = word = time_text = None
        if shape.level:
            word = record[shape.level]
            level = shape.of_level(word)
            if level is not None:
                del record[shape.level]
        if shape.time:
            time_text = record[shape.time]
            time = self._clock.read(time_text) or self._odd_time(time_text)
            if time is not None:
                del record[shape.time]
        if shape.message:
            message = record.pop(shape.message)
        if shape.logger and type(record[shape.logger]) is str:
            record["logger"] = record.pop(shape.logger)
        for old, new in shape.renamed:
            record[new] = record.pop(old)
        stacks: list[str] | None = None
        if not shape.plain:
            stacks = []
            event_id = _tidy(record, shape, stacks)
            if shape.nested:
                message, level, word = _unnest(record, stacks, message, level, word)
            if level is None and stacks:
                level = LogLevel.ERROR
        if type(message) is not str or not message:
            message = "" if message is None else msgspec.json.encode(message).decode()
            if message in {"", '""'}:
                message = raw.decode("utf-8", "replace")
                stacks = None
        if stacks:
            message = "\n".join([message, *(stack for stack in stacks if stack not in message)])
        if type(word) is str and level is not None and word not in levels.PLAIN:
            levels.note_word(word, record)
        return Parsed(JSON, level, message, record or None, time, time_text, event_id)

    def _odd_time(self, value: object) -> Stamp | None:
        """MongoDB's {"$date": …}, Log4j's {"epochSecond": …, "nanoOfSecond": …}."""
        if not isinstance(value, dict):
            return None
        second, nano = value.get("epochSecond"), value.get("nanoOfSecond", 0)
        if isinstance(second, int) and isinstance(nano, int):
            return second * SECOND_NS + nano, ""
        return self._clock.read(value.get("$date"))


def _shape_of(keys: frozenset[str]) -> _Shape:
    def first(names: tuple[str, ...]) -> str:
        return next((name for name in names if name in keys), "")

    message, time, level, logger = first(_MESSAGE), first(_TIME), first(_LEVEL), first(_LOGGER)
    mongo = {"t", "s", "c", "msg"} <= keys
    if level == "s" and not mongo:
        level = ""
    if logger == "c" and not mongo:
        logger = ""
    if time == "created" and "levelname" not in keys:
        time = ""
    trace = first(_TRACE)
    stack = first(_STACK)
    # The first name wins: the second `service` of an object stays under its own name.
    wanted = {new: old for old, new in reversed(_RENAMED.items()) if old in keys and new not in keys}
    renamed = [(old, new) for new, old in wanted.items()]
    renamed += [(name, f"line_{name}") for name in RESERVED & keys if name not in {message, time, level}]
    nested = not _NESTED.isdisjoint(keys)
    own = keys >= _OWN
    return _Shape(
        message=message,
        time=time,
        level=level,
        logger="" if logger == message else logger,
        trace=trace,
        stack="" if stack == message else stack,
        renamed=tuple(renamed),
        nested=nested,
        own=own,
        plain=not (trace or stack or nested or own),
        of_level=_reader_of(level, gelf="short_message" in keys),
    )


def _reader_of(key: str, *, gelf: bool) -> Callable[[Any], LogLevel | None]:
    if key == "levelno":
        return lambda value: levels.of_python(value) if _is_number(value) else None
    if key in _SYSLOG_KEYS or gelf:
        return _of_syslog
    if key in _OTEL_KEYS:
        return _of_otel
    return _of_level


def _is_number(value: object) -> bool:
    return type(value) is int or type(value) is float


def _of_level(value: Any) -> LogLevel | None:
    if type(value) is str:
        found = levels.of_word(value)
        if found is not None:
            return found
        if value.isdecimal() and len(value) < 4:
            return levels.of_number(int(value))
        return levels.LETTERS.get(value.upper()) if len(value) == 1 else None
    return levels.of_number(value) if _is_number(value) else None


def _of_syslog(value: Any) -> LogLevel | None:
    if type(value) is str and len(value) == 1 and value.isdecimal():
        value = int(value)
    if type(value) is int and 0 <= value <= 7:
        return levels.SYSLOG[value]
    return levels.of_word(value) if type(value) is str else None


def _of_otel(value: Any) -> LogLevel | None:
    """Source: OpenTelemetry logs data model, "Field: SeverityNumber": six bands of four from 1."""
    return LogLevel((value - 1) // 4) if type(value) is int and 1 <= value <= 24 else None


def _tidy(record: Metadata, shape: _Shape, stacks: list[str]) -> bytes | None:
    """Take out stacks and ids; the event id when there is one."""
    if shape.trace:
        trace = record.pop(shape.trace)
        if type(trace) is str and trace.startswith("projects/"):
            trace = trace.rpartition("/")[2]
        record["trace_id"] = trace
    if shape.stack:
        _take_stack(record, shape.stack, stacks)
    if not shape.own:
        return None
    try:
        event_id = UUID(record["id"]).bytes
    except (ValueError, AttributeError, TypeError):
        return None
    del record["id"]
    return event_id


def _take_stack(record: Metadata, key: str, stacks: list[str]) -> None:
    stack = record[key]
    if type(stack) is str and stack:
        del record[key]
        stacks.append(stack.rstrip("\n"))
    elif type(stack) is list and stack and all(type(frame) is str for frame in stack):
        del record[key]
        stacks.append("\n".join(stack))
    elif stack is None or stack == "":
        del record[key]


def _unnest(
    record: Metadata, stacks: list[str], message: object, level: LogLevel | None, word: object
) -> tuple[object, LogLevel | None, object]:
    """Take level, logger, message, stack, ids and service out of the objects they stand in."""
    fields = record.get("fields")
    if type(fields) is dict and message is None and type(fields.get("message")) is str:
        # Rust's tracing: the event's own fields lie beside its message.
        message = fields.pop("message")
        for key in [key for key in fields if key not in record and key not in RESERVED]:
            record[key] = fields.pop(key)
        if not fields:
            del record["fields"]
    log = record.get("log")
    if type(log) is dict:
        if level is None and type(log.get("level")) is str:
            word = log["level"]
            level = levels.of_word(log["level"])
            if level is not None:
                del log["level"]
        if "logger" not in record and type(log.get("logger")) is str:
            record["logger"] = log.pop("logger")
        if not log:
            del record["log"]
    for key in ("err", "error", "exception"):
        error = record.get(key)
        if type(error) is dict:
            _unnest_error(record, error, stacks)
    _lift(record, "trace", "id", "trace_id")
    _lift(record, "service", "name", "service")
    return message, level, word


def _unnest_error(record: Metadata, error: Metadata, stacks: list[str]) -> None:
    for key in ("stack", "stack_trace", "stacktrace"):
        if key in error:
            _take_stack(error, key, stacks)
    kind = error.get("type") or error.get("name")
    if "error_type" not in record and type(kind) is str:
        record["error_type"] = kind


def _lift(record: Metadata, key: str, part: str, name: str) -> None:
    """record[key][part] becomes record[name]; the rest of the object stays as it can."""
    outer = record.get(key)
    if type(outer) is not dict or type(outer.get(part)) is not str or (name != key and name in record):
        return
    value = outer.pop(part)
    if not outer:
        del record[key]
    elif name == key:
        record[f"{key}_info"] = outer
    record[name] = value


def _lenient(raw: bytes) -> object:
    """The object when only details keep it from being JSON: raw control characters, NaN, lone
    surrogates, bytes that are no UTF-8, numbers beyond a double."""
    if not raw.rstrip().endswith(b"}") or len(raw) > MESSAGE_LIMIT_BYTES:
        return None
    try:
        record = json.loads(
            raw.decode("utf-8", "replace"), strict=False, parse_constant=str, parse_float=_float
        )
    except (ValueError, RecursionError):
        return None
    return None if _too_deep(record) else _cleaned(record)


def _float(text: str) -> float | str:
    value = float(text)
    return text if value in {float("inf"), float("-inf")} else value


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value


def _too_deep(value: object) -> bool:
    layer: list[Any] = [value]
    for _ in range(_DEPTH_MOST):
        layer = [
            inner
            for item in layer
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, dict | list)
        ]
        if not layer:
            return False
    return True
