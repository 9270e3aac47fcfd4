"""Where records go: text file, stdout; of errors error file, stderr, delivery, too (CONTRACT M44–M47)."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from hantu.client import health, record
from hantu.client.config import ClientConfig
from hantu.client.files import DatedFile, WriteError
from hantu.client.health import Fault
from hantu.client.levels import DEBUG, ERROR, NAMES
from hantu.client.logger import Logger
from hantu.client.masking import filter_of, masked_context
from hantu.client.record import CONTINUED, TEXT_MOST, Raised
from hantu.client.stdio import Stdio
from hantu.client.textlog import TextLog
from hantu.client.trace import active, of_process
from hantu.errors import ErrorRecord, to_json

RESERVED: Final = ("exc_info", "stack_info", "stack_text", "stacklevel", "extra", "context")
"""Keywords of a logging call that are no context of their own."""


_encode: Final = json.JSONEncoder(ensure_ascii=False).encode


class Delivers(Protocol):
    """Takes errors on their way to the service and to people."""

    def submit(self, record: ErrorRecord) -> None:
        """Take a record; returns at once and never raises."""


class Guards(Protocol):
    """Helps when a file cannot be written."""

    def rescue(self, error: OSError, write_again: Callable[[], None]) -> bool:
        """Make room if that helps; True when the lines are in the file then. Never raises."""

    def wrote(self) -> None:
        """Tell that files can be written again."""


class Given(NamedTuple):
    """A logging call taken apart: texts masked, nothing of the application's objects left."""

    level: int
    message: str
    context: dict[str, Any] | None
    raised: Raised | None
    stack: str
    """What stack_info asks for."""


class Desk:
    """The route of all loggers of a process. Nothing that it does raises; each place a record goes to is
    tried whatever became of the others."""

    def __init__(self, config: ClientConfig, *, delivery: Delivers, guard: Guards) -> None:
        self.config = config
        self.filter = filter_of(config)
        self.stdout = Stdio("stdout")
        self.stderr = Stdio("stderr")
        self._delivery = delivery
        self._guard = guard
        text_file = DatedFile(config.info_dir, "info", ".log")
        self.text = TextLog(text_file, flush_ms=config.flush_ms, on_failure=self._text_unwritten)
        self._errors = DatedFile(config.errors_dir, "error", ".json")
        self._errors_lock = threading.RLock()
        self._ids = Ids()
        self._mask = self.filter.mask
        self._add = self.text.add
        self._to_stdout = config.stdout
        self._tick: tuple[int, str] = (0, "")
        self._troubled = False
        self._errors_failed = False
        self._today = ""
        self.on_new_day: Callable[[], None] = _nothing
        """Called with the first record and with the first of each day after it."""

    def line(
        self, level: int, logger: Logger, message: object, args: tuple[object, ...], fields: dict[str, Any]
    ) -> None:
        """Write a record below ERROR."""
        try:
            if fields or logger.context is not None or type(message) is not str:
                text = self._full(level, logger, message, args, fields)
            else:
                if args:
                    message = _put_in(message, args)
                elif len(message) > TEXT_MOST:
                    message = record.short(message)
                text = self._mask(message)
                if not text.isprintable():
                    text = record.one_record(text)
                text = f"{logger.heads[level]}{text} (trace_id={active.get() or of_process.value})\n"
            now_s = time.time()
            tick = self._tick
            if tick[0] != int(now_s):
                tick = self._next_tick(int(now_s))
            text = tick[1] + text
            self._add(text.encode(), now_s)
            if self._to_stdout and level != DEBUG and not self.stdout.write(text, level):
                self._failed(self.stdout)
            elif self._troubled:
                self._well()
        except Exception as error:
            try:
                self._broken(level, logger, message, error)
            except RecursionError:
                # Not one more call fits the stack; the application learns it from its own next one.
                return

    def error(
        self, level: int, logger: Logger, message: object, args: tuple[object, ...], fields: dict[str, Any]
    ) -> None:
        """Write a record of ERROR or CRITICAL and hand it to delivery."""
        try:
            depth = fields.get("stacklevel", 1)
            module, function = record.place(1 + (depth if isinstance(depth, int) and depth > 0 else 1))
            given = self._given(level, logger, message, args, fields)
            self.put(given, logger, logger.name or module, function, time.time_ns())
        except Exception as error:
            try:
                self._broken(level, logger, message, error)
            except RecursionError:
                # Not one more call fits the stack; the application learns it from its own next one.
                return

    def accept(
        self,
        level: int,
        logger: Logger,
        message: str,
        fields: dict[str, Any],
        *,
        function: str,
        time_ns: int,
    ) -> None:
        """Write a record that came by another logging library."""
        try:
            given = self._given(level, logger, message, (), fields)
            if level >= ERROR:
                self.put(given, logger, logger.name, function, time_ns)
                return
            text = self._tick_of(time_ns // 1_000_000_000)[1] + _line(
                logger, given, active.get() or of_process.value
            )
            self._add(text.encode(), time_ns / 1e9)
            if self._to_stdout and level != DEBUG and not self.stdout.write(text, level):
                self._failed(self.stdout)
        except Exception as error:
            try:
                self._broken(level, logger, message, error)
            except RecursionError:
                # Not one more call fits the stack; the application learns it from its own next one.
                return

    def put(self, given: Given, logger: Logger, module: str, function: str, time_ns: int) -> None:
        """Write an error to each of its places."""
        trace_id = active.get() or of_process.value
        made = ErrorRecord(
            id=self._ids.new(time_ns),
            time_ns=time_ns,
            level=NAMES[given.level],
            service=self.config.service,
            module=module,
            function=function,
            message=given.message,
            error_type=given.raised.error_type if given.raised else "",
            stack_trace=given.raised.stack_trace if given.raised else "",
            context=given.context,
            trace_id=trace_id,
            # 27 µs: delivery makes it in its own thread.
            fingerprint="",
            source_id=self.config.service,
        )
        tick = self._tick_of(time_ns // 1_000_000_000)
        self._write_json(made, tick[1][:10].replace("-", ""))
        text = tick[1] + _line(logger, given, trace_id)
        if not self.stderr.write(text, given.level):
            self._failed(self.stderr)
        self._add(text.encode(), time_ns / 1e9)
        self.text.flush()
        self._delivery.submit(made)
        if self._troubled:
            self._well()

    def say(self, text: str) -> None:
        """Write a line of the library's own to standard error."""
        self.stderr.write(f"hantu: {record.one_record(self._mask(text))}\n", ERROR)

    def end(self) -> None:
        """Write what waits; later records are still written, each at once."""
        self.text.end()

    def after_fork(self) -> None:
        """Begin anew in a child process."""
        self._errors_lock = threading.RLock()
        self._ids = Ids()
        self.text.after_fork()
        self.stdout.forget()
        self.stderr.forget()

    def _full(
        self, level: int, logger: Logger, message: object, args: tuple[object, ...], fields: dict[str, Any]
    ) -> str:
        given = self._given(level, logger, message, args, fields)
        return _line(logger, given, active.get() or of_process.value)

    def _given(
        self, level: int, logger: Logger, message: object, args: tuple[object, ...], fields: dict[str, Any]
    ) -> Given:
        exc_info = fields.get("exc_info")
        if exc_info is None and isinstance(message, BaseException):
            exc_info = message
        text = self._mask(_put_in(message, args))
        found = record.raised(exc_info)
        if found is not None:
            found = Raised(found.error_type, self._mask(found.stack_trace))
        stack = fields.get("stack_text") or (record.stack_here() if fields.get("stack_info") else "")
        stack = self._mask(record.short(record.as_text(stack))) if stack else ""
        if found is None and stack and level >= ERROR:
            found, stack = Raised(record.type_in(stack), stack), ""
        return Given(level, text, self._context(logger, fields), found, stack)

    def _context(self, logger: Logger, fields: dict[str, Any]) -> dict[str, Any] | None:
        if not fields and logger.context is None:
            return None
        context = dict(logger.context or {})
        for name in ("extra", "context"):
            values = fields.get(name)
            if values is not None:
                context.update(record.mapping_of(values, name))
        context.update({key: value for key, value in fields.items() if key not in RESERVED})
        if not context:
            return None
        plain = record.Plain()
        result = masked_context(self.filter, plain.dict_of(context))
        if plain.odd:
            reason = self._mask(f"a value of a context is shown by its repr(): {plain.odd}")
            health.fault(Fault.SERIALISATION, reason)
        else:
            health.cleared(Fault.SERIALISATION)
        return result

    def _write_json(self, made: ErrorRecord, day: str) -> None:
        data = (_encode(to_json(made)) + "\n").encode("utf-8", "backslashreplace")

        def append(rest: bytes) -> None:
            with self._errors_lock:
                self._errors.append(day, rest)

        try:
            append(data)
        except WriteError as error:
            self._errors_failed = not self._rescued(error, append)
            if self._errors_failed:
                self.stderr.write(data.decode("utf-8", "replace"), ERROR)
        else:
            self._errors_failed = False

    def _text_unwritten(self, error: WriteError, day: str) -> None:
        if not self._rescued(error, lambda rest: self.text.append(day, rest)):
            # Standard error is what is left: a person can still find the lines there.
            self.stderr.write(error.rest.decode("utf-8", "replace"), ERROR)

    def _rescued(self, error: WriteError, append: Callable[[bytes], None]) -> bool:
        """Whether the lines that a file did not take are in it after all."""
        self._troubled = True
        rest = error.rest

        def again() -> None:
            nonlocal rest
            try:
                append(rest)
            except WriteError as failed:
                rest = failed.rest
                raise

        done = self._guard.rescue(error, again)
        error.rest = rest
        return done

    def _next_tick(self, second: int) -> tuple[int, str]:
        self._tick = tick = (second, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second)))
        if tick[1][:10] > self._today:
            self._today = tick[1][:10]
            self.on_new_day()
        return tick

    def _tick_of(self, second: int) -> tuple[int, str]:
        tick = self._tick
        return tick if tick[0] == second else self._next_tick(second)

    def _failed(self, stream: Stdio) -> None:
        """A line could not be written to a standard stream; the files have it."""
        self._troubled = True
        if not health.current.standing(Fault.HANDLER):
            health.fault(Fault.HANDLER, self._mask(stream.last_error))

    def _well(self) -> None:
        """After a record that went its way: what it went through is well again."""
        if self._errors_failed or self.text.failed or self.stdout.failed or self.stderr.failed:
            return
        self._troubled = False
        health.cleared(Fault.HANDLER)
        self._guard.wrote()

    def _broken(self, level: int, logger: Logger, message: object, error: Exception) -> None:
        """A record could not be written whole: say so in the file and on standard error (M58)."""
        try:
            self._troubled = True
            reason = f"{type(error).__name__}: {record.as_text(error)}"
            health.fault(Fault.HANDLER, self._mask(reason))
            said = f"{record.as_text(message)} [a part of the record could not be written: {reason}]"
            now_s = time.time()
            said = record.one_record(self._mask(said))
            text = f"{self._tick_of(int(now_s))[1]}{logger.heads[level]}{said}\n"
            self.stderr.write(text, level)
            self._add(text.encode(), now_s)
        except Exception:  # noqa: S110  there is nobody left to tell
            pass


def _nothing() -> None:
    """For a desk that has no days."""


def _put_in(message: object, args: tuple[object, ...]) -> str:
    try:
        return record.formatted(message, args)
    except Exception as error:
        return record.unformatted(message, args, error)


def _line(logger: Logger, given: Given, trace_id: str) -> str:
    """A record as in the text file, after its time: one line, further ones indented."""
    message = given.message
    if not message.isprintable():
        message = record.one_record(message)
    first, *more = message.split("\n", 1)
    fields = record.one_record(record.fields_text(given.context)) if given.context else ""
    text = f"{logger.heads[given.level]}{first}{fields} (trace_id={trace_id})"
    if more:
        text = f"{text}\n{more[0]}"
    for stack in (given.raised.stack_trace if given.raised else "", given.stack):
        if stack:
            text += CONTINUED + record.one_record(stack)
    return text + "\n"


class Ids:
    """Makes UUIDs of version 7. Those of one process sort by time, which keeps the index of a store small.

    48 bits of milliseconds, 12 of their fraction, 46 random ones of the process, a counter of 16."""

    def __init__(self) -> None:
        self._count = itertools.count(int.from_bytes(os.urandom(2), "big"))
        self._process = int.from_bytes(os.urandom(6), "big") >> 2

    def new(self, time_ns: int) -> str:
        """An id for something that happened at that time."""
        milliseconds, rest = divmod(time_ns, 1_000_000)
        last = self._process << 16 | next(self._count) & 0xFFFF
        text = f"{milliseconds & 0xFFFFFFFFFFFF:012x}"
        return (
            f"{text[:8]}-{text[8:]}-7{rest >> 8:03x}-{0x8000 | last >> 48:04x}-{last & 0xFFFFFFFFFFFF:012x}"
        )
