"""What a store of executions promises: ExecutionStorage, which every store keeps beside LogStorage
(tests/contract/test_executions.py).

An execution's logs are the entries with its trace id. Reading methods may be called from any thread;
writing methods from one thread at a time; what they change is durable when they return, and all or nothing
of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from hantu.executions import (
    Artifact,
    ArtifactStatus,
    Change,
    Execution,
    ExecutionStatus,
    Keeping,
    NewArtifact,
    NewExecution,
    Transition,
)
from hantu.store.execution_sums import ExecutionSum

PAGE_SIZE_DEFAULT: Final = 20
PAGE_SIZE_MOST: Final = 100
PROMPT_HEAD: Final = 200
"""Characters of a prompt that a list shows."""

LOST_AFTER: Final = 3
"""Heartbeats that may be missing before a run counts as lost."""


class UnknownExecution(KeyError):
    """There is no such execution, or it was removed."""


class UnknownArtifact(KeyError):
    """There is no such artifact, or its execution was removed."""


class Taken(ValueError):
    """The id is another execution's or artifact's, or the trace id another execution's."""


class ExecutionSort(StrEnum):
    """What a list is sorted by. Ties: in the order of arrival, or the other way round."""

    CREATED = "createdAt"
    COMPLETED = "completedAt"
    STATUS = "status"


class SortOrder(StrEnum):
    """COMPLETED: what has not ended counts as later than all. STATUS: as ExecutionStatus lists them; within
    one the newest come first, in either order."""

    ASC = "asc"
    DESC = "desc"


@dataclass(frozen=True, slots=True)
class ExecutionQuery:
    """All given parts must hold. statuses, job_names, models: any of them. since_ns ≤ created < until_ns.
    has_artifacts: None: both; one that was deleted is none.

    search: each of its words stands in the job's name, the prompt, the output or the error, or is the id or
    trace id; as in the search of logs: "a phrase", prefix*, -not this. page: from 1."""

    statuses: tuple[ExecutionStatus, ...] = ()
    job_names: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    since_ns: int | None = None
    until_ns: int | None = None
    has_artifacts: bool | None = None
    search: str = ""
    sort: ExecutionSort = ExecutionSort.CREATED
    order: SortOrder = SortOrder.DESC
    page: int = 1
    page_size: int = PAGE_SIZE_DEFAULT

    def __post_init__(self) -> None:
        if self.page < 1 or not 1 <= self.page_size <= PAGE_SIZE_MOST:
            raise ValueError(f"pages are counted from 1 and have 1 to {PAGE_SIZE_MOST} executions")


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """An execution as a list shows it. prompt_head: the first PROMPT_HEAD characters of its prompt."""

    id: str
    trace_id: str
    job_name: str
    status: ExecutionStatus
    prompt_head: str
    model: str
    pod_name: str | None
    created_ns: int
    started_ns: int | None
    completed_ns: int | None
    updated_ns: int
    tokens_used: int | None
    input_tokens: int | None
    output_tokens: int | None
    cost_micros: int | None
    error_code: str | None
    exit_code: int | None
    retain_until_ns: int | None
    is_permanent: bool
    artifacts: int


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    """executions in the query's order. total: how many there are on all pages."""

    executions: tuple[ExecutionSummary, ...]
    page: int
    page_size: int
    total: int


@dataclass(frozen=True, slots=True)
class Added:
    """is_new=False: it was there already, and is as it was."""

    execution: Execution
    is_new: bool


@dataclass(frozen=True, slots=True)
class AddedArtifact:
    """is_new=False: it was there already, and is as it was."""

    artifact: Artifact
    is_new: bool


class Overdue(StrEnum):
    """Why a run should be ended by the service; also the error code that it gets."""

    TIMEOUT = "TIMEOUT"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class OverdueExecution:
    """A run that is RUNNING and should not be. at_ns: when it became so."""

    id: str
    job_name: str
    why: Overdue
    at_ns: int


@dataclass(frozen=True, slots=True)
class ExecutionSize:
    """What executions take in the file, without the contents of artifacts; the end of the oldest that may
    go early: neither permanent nor kept until a time of its own. None without any."""

    size_bytes: int
    oldest_ns: int | None


@dataclass(frozen=True, slots=True)
class RemovedExecutions:
    """artifact_paths: files that belong to nothing any more."""

    executions: int
    artifact_paths: tuple[str, ...]


class ExecutionStorage(Protocol):
    """A store of executions, their transitions and artifacts.

    Methods that name one raise UnknownExecution or UnknownArtifact when there is none, also for a text that
    is no UUID. What is longer or other than allowed raises NotAllowed. Reading methods may raise
    QueryTimeout and StoreError."""

    def together(self) -> AbstractContextManager[None]:
        """All that this thread changes inside is stored at once, and durable, when it ends; nothing of it
        when an exception leaves it. A refusal that is caught inside undoes only itself; one together()
        within another is a part of it that can be refused as a whole. What is read inside may be what was
        there before."""
        ...

    def add_execution(self, new: NewExecution, *, at_ns: int, reason: str = "") -> Added:
        """Store an execution as PENDING, with its first transition. at_ns: when it was created.

        Its own id makes sending it again harmless. Raises Taken when the id is that of another job or
        prompt, or the trace id another execution's."""
        ...

    def change_execution(
        self, execution_id: str, change: Change, *, at_ns: int, reason: str = ""
    ) -> Execution:
        """Change fields and status in one step; what it is afterwards.

        RUNNING sets started_ns to at_ns, an end completed_ns. Raises IllegalMove: nothing is changed."""
        ...

    def heartbeat(self, execution_id: str, *, at_ns: int, interval_ms: int) -> ExecutionStatus:
        """Note a sign of life of a run, the next of which comes within interval_ms; its status, by which a
        runner learns that somebody cancelled it. Only one that is RUNNING keeps it. Not durable."""
        ...

    def execution(self, execution_id: str) -> Execution:
        """The execution with this UUID."""
        ...

    def execution_of_trace(self, trace_id: str) -> Execution | None:
        """The execution with this trace id."""
        ...

    def executions(self, query: ExecutionQuery) -> ExecutionPage:
        """One page, without long texts."""
        ...

    def execution_counts(self) -> dict[ExecutionStatus, int]:
        """How many there are by status, for every status."""
        ...

    def execution_sums(self, query: ExecutionQuery, *, utc_offset_s: int) -> tuple[ExecutionSum, ...]:
        """Runs, tokens and cost of all that matches, by job, model and day, in that order; page and order
        of the query do not matter. utc_offset_s: how far the days' zone is ahead of UTC."""
        ...

    def job_names(self) -> tuple[str, ...]:
        """The names of all jobs, in order."""
        ...

    def job_durations(self, job_name: str, *, most: int = 20) -> tuple[int, ...]:
        """How long the newest runs of a job took that were COMPLETED, in ns, the newest first; only the
        newest 100 runs are looked at."""
        ...

    def transitions(self, execution_id: str) -> tuple[Transition, ...]:
        """All steps of an execution, the first one first."""
        ...

    def overdue_executions(self, now_ns: int, *, most: int = 100) -> tuple[OverdueExecution, ...]:
        """Runs past their timeout, or silent for LOST_AFTER heartbeats, in the order in which they became
        so; one that is both is TIMEOUT. A run that never sent a heartbeat is never lost."""
        ...

    def due_callbacks(self, now_ns: int, *, most: int = 20) -> tuple[Execution, ...]:
        """Executions whose callback_url is to be told now, the longest due first. An end makes it due."""
        ...

    def callback_tried(self, execution_id: str, *, next_ns: int | None) -> None:
        """Count a try; next_ns: when to try again, None: done, or given up."""
        ...

    def add_artifact(self, execution_id: str, new: NewArtifact, *, at_ns: int) -> AddedArtifact:
        """Store an artifact as UPLOADING; its expiry counts from at_ns.

        Raises Taken when the id is another execution's artifact or has another name."""
        ...

    def artifact_arrived(self, artifact_id: str, *, size_bytes: int, checksum: str, at_ns: int) -> Artifact:
        """Its content is in its place: it becomes ACTIVE. Raises IllegalMove unless it is UPLOADING."""
        ...

    def move_artifact(self, artifact_id: str, to: ArtifactStatus, *, at_ns: int) -> Artifact:
        """Make it ARCHIVED, ACTIVE or DELETED. Raises IllegalMove; also for an artifact that is UPLOADING
        and should become ACTIVE: artifact_arrived() does that."""
        ...

    def artifact(self, artifact_id: str) -> Artifact:
        """The artifact with this UUID."""
        ...

    def artifacts(self, execution_id: str) -> tuple[Artifact, ...]:
        """All artifacts of an execution in the order of arrival, those that are DELETED, too."""
        ...

    def artifact_states(self, artifact_ids: Sequence[str]) -> Mapping[str, ArtifactStatus]:
        """The status of each of these artifacts that is known."""
        ...

    def expire_artifacts(self, now_ns: int, *, stale_before_ns: int) -> tuple[str, ...]:
        """Make DELETED what is ACTIVE and past its expiry, and what is UPLOADING since before
        stale_before_ns; the file_path of each."""
        ...

    def execution_size(self) -> ExecutionSize:
        """How much room executions take; goes through all of them."""
        ...

    def remove_executions(
        self, keeping: Keeping, *, now_ns: int, pause: Callable[[], bool]
    ) -> RemovedExecutions:
        """Remove executions whose time is over (kept_until_ns), with their transitions and artifacts.

        The keeping.runs newest runs of a job stay, unless their own retain_until is over. pause() is called
        between slices, as in LogStorage.maintain()."""
        ...
