"""Beside the standard library's logging: its records go the same way as the library's own."""

from __future__ import annotations

import logging
from typing import Any, Final

from hantu.client import health
from hantu.client.health import Fault
from hantu.client.levels import ERROR, known
from hantu.client.logger import get_logger, here
from hantu.client.record import formatted, one_record, unformatted
from hantu.client.stdio import Stdio

_OWN: Final = frozenset(
    (*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "exc_info", "stacklevel")
)
"""What a LogRecord has by itself; everything else in it came by `extra=`."""


class HantuHandler(logging.Handler):
    """A handler for logging, and for everything that takes one: levels, exc_info and extra are kept.

    Its formatter is not used: hantu has formats of its own. failed: whether its last record was lost."""

    failed = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record. Never raises; a message that its arguments do not fit is written as it is."""
        try:
            level = known(record.levelno)
            if level < here.level:
                return
            fields: dict[str, Any] = {}
            extra = {key: value for key, value in vars(record).items() if key not in _OWN}
            if extra:
                fields["extra"] = _flat(extra)
            message = _message(record)
            if record.exc_info:
                fields["exc_info"] = record.exc_info
            else:
                stack = record.exc_text or record.stack_info
                if level >= ERROR and not stack and "\n" in message:
                    # A record that came through a queue: its exception is text already.
                    message, stack = _cut(message)
                fields["stack_text"] = stack
            here.route.accept(
                level,
                get_logger(record.name),
                message,
                fields,
                function=record.funcName or "",
                time_ns=int(record.created * 1e9),
            )
            if self.failed:
                self.failed = False
                health.cleared(Fault.HANDLER)
        except Exception:  # logging's contract: emit() never raises, handleError() says so
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """Say on standard error that a record was lost (M58); unlike logging's own, without its text."""
        self.failed = True
        said = f"a record of {record.name} could not be written ({record.pathname}:{record.lineno})"
        health.fault(Fault.HANDLER, said)
        Stdio("stderr").write(f"hantu: {one_record(said)}\n", ERROR)


def _cut(message: str) -> tuple[str, str]:
    from hantu.errors.stack import cut

    return cut(message)


def _flat(extra: dict[str, Any]) -> dict[str, Any]:
    """loguru hands over what was bound as one value, which is called extra."""
    bound = extra.get("extra")
    return (
        {**bound, **{key: extra[key] for key in extra if key != "extra"}} if type(bound) is dict else extra
    )


def _message(record: logging.LogRecord) -> str:
    args: Any = record.args or ()
    if not isinstance(args, tuple):
        args = (args,)
    try:
        return formatted(record.msg, args)
    except Exception as error:
        return unformatted(record.msg, args, error)


def install(level: int | str = logging.NOTSET, *, logger: str = "") -> HantuHandler:
    """Have logging's records written by hantu: those of `logger` and below (default: all), instead of
    what handled them.

    level: logging's level of that logger; NOTSET: DEBUG."""
    target = logging.getLogger(logger or None)
    handler = HantuHandler()
    for other in list(target.handlers):
        target.removeHandler(other)
    target.addHandler(handler)
    target.setLevel(level or logging.DEBUG)
    return handler
