"""The bodies of requests about executions, and what they mean to a store."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hantu.executions import (
    KEEP,
    ArtifactType,
    Change,
    ExecutionStatus,
    NewArtifact,
    NewExecution,
    NotAllowed,
    cost_micros,
)
from hantu.executions import limits as most
from hantu.executions.record import MAX_TOKENS_DEFAULT, MODEL_DEFAULT
from hantu.formats.timestamp import Clock
from hantu.jobs.acts import Recorded
from hantu.mask import SensitiveDataFilter
from hantu.output import Wire

Cost = int | float | str

_UUID: Final = Meta(extra_json_schema={"format": "uuid"})
_TIME: Final = Meta(description="ISO 8601, or epoch seconds, ms, µs or ns.")
_MS: Final = Meta(description="Milliseconds.")
_NAMES: Final = {"timeout_ms": "timeout", "retain_until_ns": "retainUntil", "cost_micros": "estimatedCost"}
_HUMP: Final = re.compile(r"_([a-z])")


class Results(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run brought. A field that is absent stays as it is, null empties it."""

    pod_name: str | UnsetType | None = UNSET
    output: str | UnsetType | None = UNSET
    tokens_used: int | UnsetType | None = UNSET
    input_tokens: int | UnsetType | None = UNSET
    output_tokens: int | UnsetType | None = UNSET
    error_code: str | UnsetType | None = UNSET
    error_message: str | UnsetType | None = UNSET
    error_details: Any = UNSET
    estimated_cost: Cost | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType | None = UNSET
    retain_until: Annotated[str | int | float | UnsetType | None, _TIME] = UNSET
    is_permanent: bool | UnsetType = UNSET
    exit_code: int | UnsetType | None = UNSET
    peak_memory_bytes: int | UnsetType | None = UNSET
    cpu_ms: int | UnsetType | None = UNSET


class ChangeAsked(Results, frozen=True, kw_only=True):
    """What is to become different of a run, all of it or nothing. at: when it did; reason: of the move.
    Both are for its timeline."""

    status: ExecutionStatus | UnsetType = UNSET
    at: Annotated[str | int | float | None, _TIME] = None
    reason: str = ""


class ExecutionAsked(Results, frozen=True, kw_only=True):
    """A run that is asked for, has begun, or is over already.

    id: a UUID of the sender's own makes sending again harmless. timeout: how long it may be RUNNING.
    callbackUrl: told of its end. status: where it stands by now; the steps to there are written as of
    createdAt, startedAt and completedAt."""

    prompt: str
    job_name: str
    id: Annotated[str, _UUID] = ""
    trace_id: str = ""
    model: str = MODEL_DEFAULT
    max_tokens: int = MAX_TOKENS_DEFAULT
    timeout: Annotated[int | None, _MS] = None
    callback_url: str | None = None
    resources: dict[str, Any] | None = None
    status: ExecutionStatus = ExecutionStatus.PENDING
    created_at: Annotated[str | int | float | None, _TIME] = None
    started_at: Annotated[str | int | float | None, _TIME] = None
    completed_at: Annotated[str | int | float | None, _TIME] = None
    reason: str = ""


class CancelAsked(Wire, frozen=True, forbid_unknown_fields=True):
    """Why it is cancelled."""

    reason: str = ""


class HeartbeatAsked(Wire, frozen=True, forbid_unknown_fields=True):
    """The next sign of life comes within that many milliseconds."""

    interval_ms: Annotated[int, Meta(ge=most.HEARTBEAT_MS_LEAST, le=most.HEARTBEAT_MS_MOST)]


class ArtifactAsked(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that is going to be sent. id: a UUID of the sender's own. fileSize, checksum (SHA-256,
    hexadecimal): its content must have them. retentionDays: absent: as long as its execution."""

    file_name: str
    id: Annotated[str, _UUID] = ""
    file_size: int | None = None
    mime_type: str | None = None
    checksum: str | None = None
    type: ArtifactType = ArtifactType.OTHER
    tags: dict[str, str] | None = None
    retention_days: float | None = None


class Masking:
    """Takes secrets out of what is about to be stored; does nothing without a filter."""

    def __init__(self, inner: SensitiveDataFilter | None) -> None:
        self._inner = inner

    def text(self, text: str) -> str:
        """A text without secrets."""
        return text if self._inner is None else self._inner.mask(text)

    def value(self, value: Any) -> Any:
        """Any JSON without secrets."""
        return value if self._inner is None else self._inner.mask_metadata({"value": value})["value"]


def recorded(asked: ExecutionAsked, masking: Masking) -> Recorded:
    """What the body of a new execution means. Raises NotAllowed."""
    brought = _results(asked, masking)
    new = NewExecution(
        job_name=asked.job_name,
        prompt=masking.text(asked.prompt),
        id=asked.id,
        trace_id=asked.trace_id,
        model=asked.model,
        max_tokens=asked.max_tokens,
        metadata=brought.pop("metadata", None),
        resources=None if asked.resources is None else masking.value(asked.resources),
        timeout_ms=asked.timeout,
        callback_url=asked.callback_url,
        pod_name=brought.pop("pod_name", None),
        retain_until_ns=brought.pop("retain_until_ns", None),
        is_permanent=brought.pop("is_permanent", False),
    )
    return Recorded(
        new=new,
        change=Change(**brought),
        status=asked.status,
        created_ns=time_ns_of("createdAt", asked.created_at),
        started_ns=time_ns_of("startedAt", asked.started_at),
        completed_ns=time_ns_of("completedAt", asked.completed_at),
        reason=masking.text(asked.reason),
    )


def change_of(asked: ChangeAsked, masking: Masking) -> Change:
    """What the body of a change means. Raises NotAllowed."""
    status = KEEP if asked.status is UNSET else asked.status
    return Change(status=status, **_results(asked, masking))


def _results(asked: Results, masking: Masking) -> dict[str, Any]:
    """The fields of Change that the body gives, by name."""
    given = {name: getattr(asked, name) for name in Results.__struct_fields__}
    given = {name: value for name, value in given.items() if value is not UNSET}
    for name in ("output", "error_message"):
        if given.get(name) is not None:
            given[name] = masking.text(given[name])
    for name in ("metadata", "error_details"):
        if given.get(name) is not None:
            given[name] = masking.value(given[name])
    if "estimated_cost" in given:
        cost = given.pop("estimated_cost")
        given["cost_micros"] = None if cost is None else cost_micros(cost)
    if "retain_until" in given:
        given["retain_until_ns"] = time_ns_of("retainUntil", given.pop("retain_until"))
    return given


def new_artifact(asked: ArtifactAsked) -> NewArtifact:
    """What the description of a file means."""
    return NewArtifact(**{name: getattr(asked, name) for name in asked.__struct_fields__})


def public_name(field: str) -> str:
    """The name of a field as bodies give it: max_tokens → maxTokens."""
    return _NAMES.get(field) or _HUMP.sub(lambda hump: hump.group(1).upper(), field)


def time_ns_of(name: str, value: str | int | float | None) -> int | None:
    """A time in a body, None for None. Raises NotAllowed."""
    if value is None:
        return None
    stamp = Clock(now_ns=time.time_ns()).read(value)
    if stamp is None or stamp[0] < 0:
        raise NotAllowed(name, "is a time: ISO 8601, or epoch seconds, ms, µs or ns")
    return stamp[0]


def text_fields(words: Mapping[str, str]) -> dict[str, Any]:
    """The words of a form or URL that describe a file, as the fields of ArtifactAsked; tags: a JSON object.

    Raises NotAllowed."""
    found: dict[str, Any] = {name: text for name, text in words.items() if text != ""}
    if "tags" in found:
        try:
            found["tags"] = msgspec.json.decode(found["tags"], type=dict[str, str])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise NotAllowed("tags", "is a JSON object with texts as its values") from None
    return found
