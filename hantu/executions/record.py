"""An execution: what is asked for, what is known of it, what may be changed (CONTRACT M100–M106, M113)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal
from uuid import UUID, uuid5

from hantu.executions.states import ExecutionStatus

MODEL_DEFAULT: Final = "claude-sonnet-4-20250514"
MAX_TOKENS_DEFAULT: Final = 4096


class Keep(Enum):
    """The type of KEEP."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP
"""The value of a field of Change that stays as it is; None empties the field."""

_Keep = Literal[Keep.KEEP]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExecution:
    """What somebody asks to be run.

    id: a UUID of the sender's own, so that sending it again does not make a second one; "": the store gives
    one. trace_id: 8 to 64 characters; "": the store gives one of 8 hexadecimal digits. timeout_ms: how long
    it may be RUNNING. callback_url: told of its end. resources, metadata: JSON objects."""

    job_name: str
    prompt: str
    id: str = ""
    trace_id: str = ""
    model: str = MODEL_DEFAULT
    max_tokens: int = MAX_TOKENS_DEFAULT
    metadata: dict[str, Any] | None = None
    resources: dict[str, Any] | None = None
    timeout_ms: int | None = None
    callback_url: str | None = None
    pod_name: str | None = None
    retain_until_ns: int | None = None
    is_permanent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A run of a job. Times are nanoseconds since the epoch, UTC.

    completed_ns: when it ended, in whatever way. cost_micros: millionths of the currency's unit.
    heartbeat_ns, heartbeat_interval_ms: its last sign of life and the distance it promised to the next.
    artifacts: how many it has that are not deleted. callback_due_ns: when its callback_url is told (again),
    None: never or no more; callback_attempts: how often that was tried."""

    id: str
    trace_id: str
    job_name: str
    status: ExecutionStatus
    prompt: str
    model: str
    max_tokens: int
    metadata: dict[str, Any] | None
    resources: dict[str, Any] | None
    timeout_ms: int | None
    callback_url: str | None
    pod_name: str | None
    created_ns: int
    started_ns: int | None = None
    completed_ns: int | None = None
    updated_ns: int
    output: str | None = None
    tokens_used: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    error_details: Any = None
    cost_micros: int | None = None
    retain_until_ns: int | None = None
    is_permanent: bool = False
    exit_code: int | None = None
    peak_memory_bytes: int | None = None
    cpu_ms: int | None = None
    heartbeat_ns: int | None = None
    heartbeat_interval_ms: int | None = None
    callback_due_ns: int | None = None
    callback_attempts: int = 0
    artifacts: int = 0

    def duration_ns(self, now_ns: int) -> int | None:
        """How long it has run, until now while it runs; None when it never began."""
        if self.started_ns is None:
            return None
        return max(0, (now_ns if self.completed_ns is None else self.completed_ns) - self.started_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to become different of an execution. A field that is KEEP stays; None empties it."""

    status: ExecutionStatus | _Keep = KEEP
    pod_name: str | _Keep | None = KEEP
    output: str | _Keep | None = KEEP
    tokens_used: int | _Keep | None = KEEP
    input_tokens: int | _Keep | None = KEEP
    output_tokens: int | _Keep | None = KEEP
    error_code: str | _Keep | None = KEEP
    error_message: str | _Keep | None = KEEP
    error_details: Any = KEEP
    cost_micros: int | _Keep | None = KEEP
    metadata: dict[str, Any] | _Keep | None = KEEP
    retain_until_ns: int | _Keep | None = KEEP
    is_permanent: bool | _Keep = KEEP
    exit_code: int | _Keep | None = KEEP
    peak_memory_bytes: int | _Keep | None = KEEP
    cpu_ms: int | _Keep | None = KEEP

    def given(self) -> dict[str, Any]:
        """The fields that are to change, by name; without status."""
        values = {name: getattr(self, name) for name in self.__slots__ if name != "status"}
        return {name: value for name, value in values.items() if value is not KEEP}


@dataclass(frozen=True, slots=True)
class Transition:
    """One step in the life of an execution. from_status: None for the first. number: grows with each."""

    execution_id: str
    number: int
    from_status: ExecutionStatus | None
    to_status: ExecutionStatus
    at_ns: int
    reason: str | None

    @property
    def id(self) -> str:
        """Its UUID, made of the execution's and its number."""
        return str(uuid5(UUID(self.execution_id), str(self.number)))
