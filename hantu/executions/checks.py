"""Whether a new execution, a change or an artifact keeps within its limits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from hantu.executions import limits
from hantu.executions.artifact import NewArtifact
from hantu.executions.cost import COST_MOST
from hantu.executions.ids import execution_uuid
from hantu.executions.limits import NotAllowed
from hantu.executions.record import KEEP, Change, NewExecution
from hantu.executions.states import ArtifactType, ExecutionStatus

_TRACE_ID: Final = re.compile(
    rf"[A-Za-z0-9_.-]{{{limits.TRACE_ID_LEAST},{limits.TRACE_ID_MOST}}}", re.ASCII
)
_CHECKSUM: Final = re.compile(r"[0-9a-f]{64}")

Check = Callable[[str, Any], object]


def _text(most: int, least: int = 0) -> Check:
    return lambda field, value: limits.text(field, value, most=most, least=least)


def _long(most_bytes: int, least: int = 0) -> Check:
    return lambda field, value: limits.long_text(field, value, most_bytes=most_bytes, least=least)


def _whole(least: int, most: int) -> Check:
    return lambda field, value: limits.whole(field, value, least=least, most=most)


def _flag(field: str, value: object) -> None:
    if not isinstance(value, bool):
        raise NotAllowed(field, "is true or false")


def _trace_id(field: str, value: object) -> None:
    if not isinstance(value, str) or not _TRACE_ID.fullmatch(value):
        raise NotAllowed(
            field,
            f"has {limits.TRACE_ID_LEAST} to {limits.TRACE_ID_MOST} of the characters A–Z a–z 0–9 _ . -",
        )


def _callback_url(field: str, value: object) -> None:
    from urllib.parse import urlsplit

    said = limits.text(field, value, most=limits.CALLBACK_URL_MOST)
    try:
        parts = urlsplit(said)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or any(letter <= " " or letter == "\x7f" for letter in said):
        raise NotAllowed(field, "is an address that begins with http:// or https://")


def _tags(field: str, value: object) -> None:
    tags = limits.json_object(field, value, most_bytes=limits.TAGS_BYTES_MOST)
    if not all(isinstance(text, str) for text in tags.values()):
        raise NotAllowed(field, "is a JSON object with texts as its values")


def _checksum(field: str, value: object) -> None:
    if not isinstance(value, str) or not _CHECKSUM.fullmatch(value):
        raise NotAllowed(field, "is a SHA-256 of 64 hexadecimal digits in lower case")


def _days(field: str, value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= limits.RETENTION_DAYS_MOST:  # type: ignore[operator]  # a number
        raise NotAllowed(field, f"is a number of days above 0, at most {limits.RETENTION_DAYS_MOST:,}")


_TOKENS: Final = _whole(0, limits.TOKENS_MOST)
_TIME: Final = _whole(0, limits.TIME_NS_MOST)

_OF_NEW: Final[dict[str, Check]] = {
    "job_name": _text(limits.JOB_NAME_MOST, least=1),
    "prompt": _long(limits.PROMPT_BYTES_MOST, least=1),
    "model": _text(limits.MODEL_MOST, least=1),
    "max_tokens": _whole(1, limits.TOKENS_MOST),
    "is_permanent": _flag,
}
_OF_NEW_IF_GIVEN: Final[dict[str, Check]] = {
    "id": lambda _, value: execution_uuid(value),
    "trace_id": _trace_id,
    "metadata": limits.json_object,
    "resources": limits.json_object,
    "timeout_ms": _whole(1, limits.TIMEOUT_MS_MOST),
    "callback_url": _callback_url,
    "pod_name": _text(limits.POD_NAME_MOST),
    "retain_until_ns": _TIME,
}
_OF_CHANGE: Final[dict[str, Check]] = {
    "pod_name": _text(limits.POD_NAME_MOST),
    "output": _long(limits.OUTPUT_BYTES_MOST),
    "tokens_used": _TOKENS,
    "input_tokens": _TOKENS,
    "output_tokens": _TOKENS,
    "error_code": _text(limits.ERROR_CODE_MOST),
    "error_message": _long(limits.ERROR_MESSAGE_BYTES_MOST),
    "error_details": limits.json_value,
    "cost_micros": _whole(0, COST_MOST),
    "metadata": limits.json_object,
    "retain_until_ns": _TIME,
    "exit_code": _whole(-(1 << 31), (1 << 31) - 1),
    "peak_memory_bytes": _whole(0, limits.SIZE_MOST),
    "cpu_ms": _whole(0, limits.SIZE_MOST),
}
_OF_ARTIFACT_IF_GIVEN: Final[dict[str, Check]] = {
    "id": lambda _, value: execution_uuid(value),
    "file_size": _whole(0, limits.SIZE_MOST),
    "mime_type": _text(limits.MIME_TYPE_MOST),
    "checksum": _checksum,
    "tags": _tags,
    "retention_days": _days,
}


def check_new(new: NewExecution) -> None:
    """Raises NotAllowed, or TooLarge, for the first field that is not as it may be."""
    for field, check in _OF_NEW.items():
        check(field, getattr(new, field))
    _check_given(new, _OF_NEW_IF_GIVEN)


def check_change(change: Change) -> None:
    """Raises NotAllowed, or TooLarge, for the first field that is not as it may be."""
    if change.status is not KEEP and not isinstance(change.status, ExecutionStatus):
        raise NotAllowed("status", f"is {', '.join(ExecutionStatus)}")
    if change.is_permanent is not KEEP:
        _flag("is_permanent", change.is_permanent)
    for field, value in change.given().items():
        if value is not None and field in _OF_CHANGE:
            _OF_CHANGE[field](field, value)


def check_artifact(new: NewArtifact) -> None:
    """Raises NotAllowed, or TooLarge, for the first field that is not as it may be."""
    limits.text("file_name", new.file_name, most=limits.FILE_NAME_MOST, least=1)
    if not isinstance(new.type, ArtifactType):
        raise NotAllowed("type", f"is {', '.join(ArtifactType)}")
    _check_given(new, _OF_ARTIFACT_IF_GIVEN)


def check_reason(reason: str) -> None:
    """Raises NotAllowed, or TooLarge, when the reason of a move is not as it may be."""
    limits.text("reason", reason, most=limits.REASON_MOST)


def check_heartbeat(interval_ms: int) -> None:
    """Raises NotAllowed when no heartbeat may be that far from the next."""
    limits.whole("interval_ms", interval_ms, least=limits.HEARTBEAT_MS_LEAST, most=limits.HEARTBEAT_MS_MOST)


def check_content(size_bytes: int, checksum: str) -> None:
    """Raises NotAllowed for what cannot be the size and SHA-256 of a file."""
    limits.whole("file_size", size_bytes, least=0, most=limits.SIZE_MOST)
    _checksum("checksum", checksum)


def _check_given(new: object, checks: dict[str, Check]) -> None:
    for field, check in checks.items():
        value = getattr(new, field)
        if value is not None and value != "":
            check(field, value)
