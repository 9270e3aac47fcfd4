"""Executions and artifacts as JSON: the answers of /api/executions, and what commands print with --json."""

from __future__ import annotations

from typing import Any

from hantu import executions as domain
from hantu.executions.cost import MICROS
from hantu.output import Wire, iso, optional_iso
from hantu.store.execution_base import ExecutionPage, ExecutionSummary


class Transition(Wire, frozen=True):
    """A step in the life of an execution. fromStatus: null for the first."""

    id: str
    execution_id: str
    from_status: str | None
    to_status: str
    transitioned_at: str
    reason: str | None


class Artifact(Wire, frozen=True):
    """A file of an execution. fileSize, checksum (SHA-256): of its content, or as announced; null: unknown.

    filePath: where it lies in the folder of artifacts, never a name that anybody gave."""

    id: str
    execution_id: str
    file_name: str
    file_path: str
    file_size: int | None
    mime_type: str | None
    checksum: str | None
    type: str
    status: str
    created_at: str
    expires_at: str | None
    archived_at: str | None
    tags: dict[str, str] | None


class Execution(Wire, frozen=True):
    """A run of a job. timeout, durationMs, heartbeatIntervalMs: milliseconds; durationMs: until now while
    it runs. estimatedCost: at most six digits behind the point. callbackAt: when callbackUrl is told, or
    told again.

    prompt, output, errorMessage, errorDetails, metadata, resources and callbackUrl are null for a token
    with scope ingest, which may report but not read."""

    id: str
    trace_id: str
    job_name: str
    status: str
    prompt: str | None
    model: str
    max_tokens: int
    metadata: dict[str, Any] | None
    resources: dict[str, Any] | None
    timeout: int | None
    callback_url: str | None
    pod_name: str | None
    created_at: str
    started_at: str | None
    completed_at: str | None
    updated_at: str
    duration_ms: int | None
    output: str | None
    tokens_used: int | None
    input_tokens: int | None
    output_tokens: int | None
    error_code: str | None
    error_message: str | None
    error_details: Any
    estimated_cost: float | None
    retain_until: str | None
    is_permanent: bool
    exit_code: int | None
    peak_memory_bytes: int | None
    cpu_ms: int | None
    heartbeat_at: str | None
    heartbeat_interval_ms: int | None
    callback_at: str | None
    callback_attempts: int
    artifact_count: int


class ExecutionDetail(Execution, frozen=True):
    """An execution with its steps, the first one first, and its artifacts in the order of arrival."""

    status_transitions: list[Transition]
    artifacts: list[Artifact]


class ExecutionRow(Wire, frozen=True):
    """An execution as a list shows it. promptHead: the beginning of its prompt."""

    id: str
    trace_id: str
    job_name: str
    status: str
    prompt_head: str
    model: str
    pod_name: str | None
    created_at: str
    started_at: str | None
    completed_at: str | None
    updated_at: str
    duration_ms: int | None
    tokens_used: int | None
    input_tokens: int | None
    output_tokens: int | None
    estimated_cost: float | None
    error_code: str | None
    exit_code: int | None
    retain_until: str | None
    is_permanent: bool
    artifact_count: int


class ExecutionsAnswer(Wire, frozen=True):
    """A page. total: of all pages."""

    executions: list[ExecutionRow]
    page: int
    page_size: int
    total: int


class TransitionsAnswer(Wire, frozen=True):
    """The steps of an execution, the first one first."""

    transitions: list[Transition]


class ArtifactsAnswer(Wire, frozen=True):
    """The artifacts of an execution in the order of arrival, those that are DELETED, too."""

    artifacts: list[Artifact]


class HeartbeatAnswer(Wire, frozen=True):
    """status: when it is no longer RUNNING, somebody ended the run: the runner should stop."""

    status: str


def execution_of(found: domain.Execution, now_ns: int, *, texts: bool = True) -> Execution:
    """An execution as JSON gives it. texts=False: without what only a reader may see."""
    return Execution(**_fields(found, now_ns, texts=texts))


def detail_of(
    found: domain.Execution,
    transitions: tuple[domain.Transition, ...],
    artifacts: tuple[domain.Artifact, ...],
    now_ns: int,
) -> ExecutionDetail:
    """An execution with all that hangs on it, as JSON gives it."""
    return ExecutionDetail(
        **_fields(found, now_ns, texts=True),
        status_transitions=[transition_of(each) for each in transitions],
        artifacts=[artifact_of(each) for each in artifacts],
    )


def _fields(found: domain.Execution, now_ns: int, *, texts: bool) -> dict[str, Any]:
    duration_ns = found.duration_ns(now_ns)
    return {
        "id": found.id,
        "trace_id": found.trace_id,
        "job_name": found.job_name,
        "status": found.status.value,
        "prompt": found.prompt if texts else None,
        "model": found.model,
        "max_tokens": found.max_tokens,
        "metadata": found.metadata if texts else None,
        "resources": found.resources if texts else None,
        "timeout": found.timeout_ms,
        "callback_url": found.callback_url if texts else None,
        "pod_name": found.pod_name,
        "created_at": iso(found.created_ns),
        "started_at": optional_iso(found.started_ns),
        "completed_at": optional_iso(found.completed_ns),
        "updated_at": iso(found.updated_ns),
        "duration_ms": None if duration_ns is None else duration_ns // 1_000_000,
        "output": found.output if texts else None,
        "tokens_used": found.tokens_used,
        "input_tokens": found.input_tokens,
        "output_tokens": found.output_tokens,
        "error_code": found.error_code,
        "error_message": found.error_message if texts else None,
        "error_details": found.error_details if texts else None,
        "estimated_cost": _cost(found.cost_micros),
        "retain_until": optional_iso(found.retain_until_ns),
        "is_permanent": found.is_permanent,
        "exit_code": found.exit_code,
        "peak_memory_bytes": found.peak_memory_bytes,
        "cpu_ms": found.cpu_ms,
        "heartbeat_at": optional_iso(found.heartbeat_ns),
        "heartbeat_interval_ms": found.heartbeat_interval_ms,
        "callback_at": optional_iso(found.callback_due_ns),
        "callback_attempts": found.callback_attempts,
        "artifact_count": found.artifacts,
    }


def page_of(page: ExecutionPage, now_ns: int) -> ExecutionsAnswer:
    """A page of executions as JSON gives it."""
    return ExecutionsAnswer(
        [row_of(each, now_ns) for each in page.executions], page.page, page.page_size, page.total
    )


def row_of(found: ExecutionSummary, now_ns: int) -> ExecutionRow:
    """An execution of a list as JSON gives it."""
    return ExecutionRow(
        id=found.id,
        trace_id=found.trace_id,
        job_name=found.job_name,
        status=found.status.value,
        prompt_head=found.prompt_head,
        model=found.model,
        pod_name=found.pod_name,
        created_at=iso(found.created_ns),
        started_at=optional_iso(found.started_ns),
        completed_at=optional_iso(found.completed_ns),
        updated_at=iso(found.updated_ns),
        duration_ms=_duration_ms(found, now_ns),
        tokens_used=found.tokens_used,
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        estimated_cost=_cost(found.cost_micros),
        error_code=found.error_code,
        exit_code=found.exit_code,
        retain_until=optional_iso(found.retain_until_ns),
        is_permanent=found.is_permanent,
        artifact_count=found.artifacts,
    )


def transition_of(step: domain.Transition) -> Transition:
    """A step as JSON gives it."""
    return Transition(
        id=step.id,
        execution_id=step.execution_id,
        from_status=None if step.from_status is None else step.from_status.value,
        to_status=step.to_status.value,
        transitioned_at=iso(step.at_ns),
        reason=step.reason,
    )


def artifact_of(found: domain.Artifact) -> Artifact:
    """An artifact as JSON gives it."""
    return Artifact(
        id=found.id,
        execution_id=found.execution_id,
        file_name=found.file_name,
        file_path=found.file_path,
        file_size=found.file_size,
        mime_type=found.mime_type,
        checksum=found.checksum,
        type=found.type.value,
        status=found.status.value,
        created_at=iso(found.created_ns),
        expires_at=optional_iso(found.expires_ns),
        archived_at=optional_iso(found.archived_ns),
        tags=found.tags,
    )


def _duration_ms(found: ExecutionSummary, now_ns: int) -> int | None:
    if found.started_ns is None:
        return None
    end_ns = now_ns if found.completed_ns is None else found.completed_ns
    return max(0, end_ns - found.started_ns) // 1_000_000


def _cost(micros: int | None) -> float | None:
    """Ten digits: the nearest float is written with exactly these digits again."""
    return None if micros is None else micros / MICROS
