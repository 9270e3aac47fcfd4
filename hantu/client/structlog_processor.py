"""Beside structlog: its events go the same way as the library's own records. Does not import structlog."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, MutableMapping
from types import FrameType
from typing import Any, Final

from hantu.client.levels import BY_NAME, INFO
from hantu.client.logger import get_logger, here

_LEVELS: Final = {**BY_NAME, "EXCEPTION": logging.ERROR, "MSG": INFO}
_STRUCTLOG: Final = "structlog"


def structlog_processor(_logger: Any, method_name: str, event_dict: MutableMapping[str, Any]) -> str:
    """The last processor of structlog: writes the event by hantu and leaves nothing to print.

    Goes with `logger_factory=structlog.ReturnLoggerFactory()`, which prints nothing. The logger's name
    is the event's `logger`, else the module that logs. Never raises."""
    try:
        _write(method_name, dict(event_dict))
    except Exception as error:
        get_logger("hantu").warning("a structlog event could not be written: %s", type(error).__name__)
    return ""


def _write(method_name: str, event: dict[str, Any]) -> None:
    level = _LEVELS.get(str(event.pop("level", method_name)).upper(), INFO)
    if level < here.level:
        return
    from hantu.client.record import as_text

    event.pop("timestamp", None)
    module, function = _caller(sys._getframe(2))
    name = as_text(event.pop("logger", None) or module)
    fields: dict[str, Any] = {}
    exc_info = event.pop("exc_info", None) or (method_name == "exception" or None)
    if exc_info:
        fields["exc_info"] = exc_info
    formatted = [event.pop(key) for key in ("exception", "stack") if isinstance(event.get(key), str)]
    if formatted:
        fields["stack_text"] = "\n".join(formatted)
    message = as_text(event.pop("event", ""))
    fields["context"] = _plain(event)
    here.route.accept(level, get_logger(name), message, fields, function=function, time_ns=time.time_ns())


def _plain(event: Mapping[str, Any]) -> dict[str, Any] | None:
    return {key: value for key, value in event.items() if not str(key).startswith("_")} or None


def _caller(frame: FrameType | None) -> tuple[str, str]:
    """Module and function that called structlog."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module != _STRUCTLOG and not module.startswith(_STRUCTLOG + "."):
            return module, frame.f_code.co_name
        frame = frame.f_back
    return _STRUCTLOG, ""
