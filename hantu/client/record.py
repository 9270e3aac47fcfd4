"""What an application gave to a logging call → texts and plain values that can be written.

Whatever the objects do (raise in __str__, hold themselves, are no text at all), something is returned."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any, Final, NamedTuple

from hantu.hidden import clean, visible

TEXT_MOST: Final = 65_536
"""Characters of one text; the middle of a longer one is left out."""
_WORD_MOST: Final = 4_096
_SIMPLE: Final = frozenset({str, int, float})
ITEMS_MOST: Final = 500
"""Items of one collection."""
VALUES_MOST: Final = 5_000
"""Values of one context, at all depths."""
DEPTH_MOST: Final = 12
CONTINUED: Final = "\n    "
"""Further lines of one record are indented, so that none of them looks like a record."""

_HERE: Final = os.path.dirname(__file__)


class Raised(NamedTuple):
    """An exception as it is written: its class's name, its traceback."""

    error_type: str
    stack_trace: str


def as_text(value: object) -> str:
    """str(value), or what can be said of an object whose __str__ fails."""
    try:
        text = value if type(value) is str else str(value)
    except Exception as error:
        return f"<{type(value).__name__}: __str__ raised {type(error).__name__}>"
    return short(text)


def as_repr(value: object) -> str:
    """repr(value), or what can be said of an object whose __repr__ fails."""
    try:
        return short(repr(value))
    except Exception as error:
        return f"<{type(value).__name__}: __repr__ raised {type(error).__name__}>"


def short(text: str, most: int = TEXT_MOST) -> str:
    """`text`, without its middle when it is longer than `most` characters.

    The words at the cut go as a whole: half a secret would not be known as one."""
    if len(text) <= most:
        return text
    first, last = text[: most // 2], text[-(most - most // 2) :]
    first = first[:-_WORD_MOST] + first[-_WORD_MOST:].rpartition(" ")[0]
    last = last[:_WORD_MOST].partition(" ")[2] + last[_WORD_MOST:]
    return f"{first} … ({len(text) - len(first) - len(last)} characters left out) … {last}"


def formatted(message: object, args: tuple[object, ...]) -> str:
    """The message with its arguments put in as logging does. Raises what the arguments make it raise."""
    text = as_text(message)
    if not args:
        return text
    if len(args) == 1 and type(args[0]) not in _SIMPLE and isinstance(args[0], Mapping) and args[0]:
        return short(text % args[0])
    return short(text % args)


def unformatted(message: object, args: tuple[object, ...], error: Exception) -> str:
    """What is written when the arguments do not fit the message: both, and why."""
    shown = ", ".join(as_repr(arg) for arg in args[:ITEMS_MOST])
    return short(f"{as_text(message)} [args: {shown}; {type(error).__name__}: {as_text(error)}]")


def one_record(text: str) -> str:
    """`text` as part of one record of a text file: hidden characters visible, further lines indented."""
    # Most text is plain but for its line feeds, which is found out at a tenth of what visible() costs.
    if not text.replace("\n", "").isprintable():
        text = clean(visible(text))
    return text.replace("\n", CONTINUED)


def place(depth: int) -> tuple[str, str]:
    """Module and function of the caller `depth` frames above the caller of this."""
    frame: FrameType | None
    try:
        frame = sys._getframe(depth + 1)
    except ValueError:
        return "", ""
    return str(frame.f_globals.get("__name__", "")), frame.f_code.co_name


def raised(exc_info: object) -> Raised | None:
    """The exception that `exc_info` means: True for the one being handled, an exception, or a triple."""
    error: object = None
    if isinstance(exc_info, BaseException):
        error = exc_info
    elif isinstance(exc_info, tuple):
        error = exc_info[1] if len(exc_info) == 3 else None
    elif exc_info is not None and exc_info is not False:
        error = sys.exc_info()[1]
    if not isinstance(error, BaseException):
        return None
    return Raised(type(error).__name__, _stack(error))


def _stack(raised_error: BaseException) -> str:
    import traceback

    try:
        return short(clean("".join(traceback.format_exception(raised_error)).rstrip("\n")))
    except Exception as error:
        return f"<{type(raised_error).__name__}: its traceback raised {type(error).__name__}>"


def type_in(stack: str) -> str:
    """The type of the error that a traceback's text ends with; "" for another text."""
    if "Traceback (most recent call last):" not in stack:
        return ""
    from hantu.errors.stack import named

    return named(stack)[0]


def stack_here() -> str:
    """The calls that led here, without the library's own."""
    import traceback

    frames = [frame for frame in traceback.extract_stack() if os.path.dirname(frame.filename) != _HERE]
    return short(
        clean("Stack (most recent call last):\n" + "".join(traceback.format_list(frames)).rstrip())
    )


def mapping_of(values: object, name: str) -> Mapping[Any, Any]:
    """A copy of `values` when it is a mapping, else a mapping with it under `name`."""
    try:
        return dict(values) if isinstance(values, Mapping) else {name: values}
    except Exception:  # a mapping of the application: whatever it does, the record is written
        return {name: as_repr(values)}


class Plain:
    """Makes plain JSON values of anything. odd: what had to be shown by its repr()."""

    def __init__(self) -> None:
        self.odd = ""
        self._left = VALUES_MOST

    def dict_of(self, values: Mapping[Any, Any]) -> dict[str, Any]:
        """A plain dict of the mapping."""
        result = self._value(values, 0, ())
        return result if isinstance(result, dict) else {"value": result}

    def _value(self, value: Any, depth: int, within: tuple[int, ...]) -> Any:
        self._left -= 1
        if self._left < 0:
            return "…"
        kind = type(value)
        if value is None or kind is bool or (kind is int and abs(value) < 1 << 63):
            return value
        if kind is str:
            return short(clean(value))
        if kind is float:
            return value if math.isfinite(value) else repr(value)
        try:
            if isinstance(value, bytes | bytearray):
                return short(bytes(value[:TEXT_MOST]).decode("utf-8", "backslashreplace"))
            if isinstance(value, Mapping | list | tuple | set | frozenset):
                return self._collection(value, depth, within)
            if isinstance(value, BaseException):
                return short(clean(f"{kind.__name__}: {value}"))
            if _has_text(value):
                return short(clean(str(value)))
        except Exception as error:
            self.odd = f"{kind.__name__}: {type(error).__name__}: {as_text(error)}"
            return as_repr(value)
        self.odd = f"{kind.__name__} is no JSON value"
        return clean(as_repr(value))

    def _collection(self, value: Any, depth: int, within: tuple[int, ...]) -> Any:
        if id(value) in within or depth >= DEPTH_MOST or self._left <= 0:
            self.odd = (
                "a value that holds itself" if id(value) in within else "too many values, or too deep"
            )
            return "…"
        within = (*within, id(value))
        result: Any
        if isinstance(value, Mapping):
            result = {}
            for key, each in value.items():
                if len(result) >= ITEMS_MOST:
                    result["…"] = f"{len(value) - ITEMS_MOST} more"
                    break
                result[clean(as_text(key))] = self._value(each, depth + 1, within)
            return result
        result = []
        for each in value:
            if len(result) >= ITEMS_MOST:
                result.append(f"… {len(value) - ITEMS_MOST} more")
                break
            result.append(self._value(each, depth + 1, within))
        return result


def _has_text(value: object) -> bool:
    """Whether str() of the value is what a reader expects: numbers, times, ids, paths, enums."""
    from datetime import date, time, timedelta, tzinfo
    from decimal import Decimal
    from enum import Enum
    from fractions import Fraction
    from pathlib import PurePath
    from uuid import UUID

    expected = (date, time, timedelta, tzinfo, Decimal, Fraction, Enum, PurePath, UUID, int, float, str)
    return isinstance(value, expected)


def fields_text(context: Mapping[str, Any]) -> str:
    """The context as ` key=value` pairs at the end of a text line; values with blanks in quotes."""
    return "".join([f" {key}={_field(value)}" for key, value in context.items()])


def _field(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and (
        not text.isprintable() or any(mark in text for mark in ' "=') or not text
    ):
        return json.dumps(text, ensure_ascii=False)
    return short(text, 2_000)
