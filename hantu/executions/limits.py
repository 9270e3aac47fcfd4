"""How long and how large the parts of executions and artifacts may be, and who says so."""

from __future__ import annotations

import json
from typing import Any, Final

JOB_NAME_MOST: Final = 255
POD_NAME_MOST: Final = 255
MODEL_MOST: Final = 100
ERROR_CODE_MOST: Final = 100
FILE_NAME_MOST: Final = 255
FILE_PATH_MOST: Final = 1024
MIME_TYPE_MOST: Final = 100
CHECKSUM_MOST: Final = 64
CALLBACK_URL_MOST: Final = 2048
REASON_MOST: Final = 1000
TRACE_ID_LEAST: Final = 8
TRACE_ID_MOST: Final = 64
"""Characters."""

PROMPT_BYTES_MOST: Final = 1 << 20
OUTPUT_BYTES_MOST: Final = 1 << 20
ERROR_MESSAGE_BYTES_MOST: Final = 64 << 10
JSON_BYTES_MOST: Final = 64 << 10
TAGS_BYTES_MOST: Final = 16 << 10
"""Bytes of UTF-8."""

JSON_DEPTH_MOST: Final = 100

TOKENS_MOST: Final = (1 << 31) - 1
TIMEOUT_MS_MOST: Final = 365 * 86_400_000
HEARTBEAT_MS_LEAST: Final = 100
HEARTBEAT_MS_MOST: Final = 86_400_000
TIME_NS_MOST: Final = (1 << 63) - 1
RETENTION_DAYS_MOST: Final = 36_500
SIZE_MOST: Final = (1 << 63) - 1


class NotAllowed(ValueError):
    """A value that is not allowed. field: which one; the message says what is allowed."""

    def __init__(self, field: str, allowed: str) -> None:
        super().__init__(f"{field} {allowed}")
        self.field = field
        self.allowed = allowed


class TooLarge(NotAllowed):
    """A value that is longer than what is allowed."""


def text(field: str, value: object, *, most: int, least: int = 0) -> str:
    """A text of at most so many characters. least=1: not blank. Raises NotAllowed, TooLarge."""
    said = _sound(field, value)
    if len(said) > most:
        raise TooLarge(field, f"has at most {most:,} characters; this one has {len(said):,}")
    if least and not said.strip():
        raise NotAllowed(field, "must not be empty")
    return said


def long_text(field: str, value: object, *, most_bytes: int, least: int = 0) -> str:
    """A text of at most so many bytes of UTF-8. Raises NotAllowed, TooLarge."""
    said = _sound(field, value)
    size = len(said.encode())
    if size > most_bytes:
        raise TooLarge(field, f"has at most {most_bytes:,} bytes; this one has {size:,}")
    if least and not said.strip():
        raise NotAllowed(field, "must not be empty")
    return said


def whole(field: str, value: object, *, least: int, most: int) -> int:
    """A whole number within bounds. Raises NotAllowed."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise NotAllowed(field, f"is a whole number from {least:,} to {most:,}")
    return value


def json_value(field: str, value: object, *, most_bytes: int = JSON_BYTES_MOST) -> str:
    """The JSON text of a value. Raises NotAllowed, TooLarge."""
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(written.encode())
    except (TypeError, ValueError, RecursionError):
        raise NotAllowed(
            field, "is no JSON: it has numbers, texts or a depth that JSON cannot hold"
        ) from None
    if size > most_bytes:
        raise TooLarge(field, f"has at most {most_bytes:,} bytes as JSON; this one has {size:,}")
    if _depth(value) > JSON_DEPTH_MOST:
        raise NotAllowed(field, f"is JSON of at most {JSON_DEPTH_MOST} levels")
    return written


def json_object(field: str, value: object, *, most_bytes: int = JSON_BYTES_MOST) -> dict[str, Any]:
    """A JSON object. Raises NotAllowed, TooLarge."""
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise NotAllowed(field, "is a JSON object")
    json_value(field, value, most_bytes=most_bytes)
    return value


def _depth(value: object) -> int:
    """How many levels of objects and lists it has; the size must be bounded already."""
    depth = 0
    level = [value]
    while level := [each for each in level if isinstance(each, dict | list | tuple)]:
        depth += 1
        level = [part for each in level for part in (each.values() if isinstance(each, dict) else each)]
    return depth


def _sound(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise NotAllowed(field, "is a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotAllowed(field, "has characters that are no text: halves of UTF-16 pairs") from None
    return value
