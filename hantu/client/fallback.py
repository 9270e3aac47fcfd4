"""What is left when the library cannot start: standard error, still masked (CONTRACT M67)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from hantu.client import health, record
from hantu.client.health import Fault
from hantu.client.levels import DEBUG, ERROR
from hantu.client.logger import Logger
from hantu.client.stdio import Stdio


class Fallback:
    """A route that writes every record above DEBUG to standard error.

    reason: why the library could not start; "" when it is about to."""

    def __init__(self, reason: str = "") -> None:
        self._stderr = Stdio("stderr")
        self._mask = _mask()
        if not reason:
            return
        health.fault(Fault.INITIALISATION, self._mask(reason))
        # So that other libraries' records have a place, too; leaves alone what the application set up.
        logging.basicConfig()

    def line(
        self, level: int, logger: Logger, message: object, args: tuple[object, ...], fields: dict[str, Any]
    ) -> None:
        """Write a record below ERROR."""
        if level > DEBUG:
            self._write(level, logger, message, args, fields)

    def error(
        self, level: int, logger: Logger, message: object, args: tuple[object, ...], fields: dict[str, Any]
    ) -> None:
        """Write a record of ERROR or CRITICAL."""
        self._write(level, logger, message, args, fields)

    def accept(
        self,
        level: int,
        logger: Logger,
        message: str,
        fields: dict[str, Any],
        *,
        function: str,  # noqa: ARG002  the same call as the desk's
        time_ns: int,  # noqa: ARG002
    ) -> None:
        """Write a record that came by another logging library."""
        self.line(level, logger, message, (), fields)

    def say(self, text: str) -> None:
        """Write a line of the library's own."""
        self._stderr.write(f"hantu: {record.one_record(self._mask(text))}\n", ERROR)

    def _write(
        self, level: int, logger: Logger, message: object, args: tuple[object, ...], fields: dict[str, Any]
    ) -> None:
        try:
            text = record.formatted(message, args)
            raised = record.raised(fields.get("exc_info"))
            if raised is not None:
                text = f"{text}\n{raised.stack_trace}"
            self._stderr.write(
                f"{logger.heads[level].lstrip()}{record.one_record(self._mask(text))}\n", level
            )
        except Exception as error:
            self.say(f"a record could not be written: {type(error).__name__}")


def _mask() -> Callable[[str], str]:
    try:
        from hantu.mask import SensitiveDataFilter

        return SensitiveDataFilter().mask
    except Exception:
        # Nothing is better than a secret.
        return lambda _: "(not shown: it cannot be masked)"
