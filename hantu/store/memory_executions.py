"""Executions in memory: ExecutionStorage as plainly as it can be said, against which others are tested."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

from hantu.executions import (
    KEEP,
    Artifact,
    ArtifactStatus,
    Change,
    Execution,
    ExecutionStatus,
    Keeping,
    NewArtifact,
    NewExecution,
    Transition,
    check_artifact,
    check_change,
    check_move,
    check_new,
    check_reason,
    kept_until_ns,
)
from hantu.executions.checks import check_content, check_heartbeat
from hantu.store.execution_base import (
    PROMPT_HEAD,
    Added,
    AddedArtifact,
    ExecutionPage,
    ExecutionQuery,
    ExecutionSize,
    ExecutionSort,
    ExecutionSummary,
    OverdueExecution,
    RemovedExecutions,
    SortOrder,
    Taken,
    UnknownArtifact,
    UnknownExecution,
)
from hantu.store.execution_sums import ExecutionSum, sums_of
from hantu.store.execution_words import (
    archived_ns_of,
    arriving,
    begun,
    changes,
    check_arrival,
    check_asked,
    is_again,
    known_artifact_id,
    known_execution_id,
    new_trace_id,
    overdue,
    searched_texts,
    sought,
)

_LAST_NS = (1 << 63) - 1
_RUNS_LOOKED_AT = 100


class MemoryExecutions:
    """The part of a MemoryStore that keeps executions."""

    _open: Callable[[], AbstractContextManager[object]]
    """The lock of the store, while it is open."""

    def __init__(self) -> None:
        self._executions: dict[str, tuple[int, Execution]] = {}
        self._transitions: dict[str, list[Transition]] = {}
        self._artifacts: dict[str, Artifact] = {}
        self._newest_execution = 0

    @contextmanager
    def together(self) -> Iterator[None]:
        """All that is changed inside is one change."""
        with self._open():
            steps = {name: list(found) for name, found in self._transitions.items()}
            before = dict(self._executions), steps, dict(self._artifacts), self._newest_execution
            try:
                yield
            except BaseException:
                self._executions, self._transitions, self._artifacts, self._newest_execution = before
                raise

    def add_execution(self, new: NewExecution, *, at_ns: int, reason: str = "") -> Added:
        """Store an execution."""
        check_new(new)
        check_reason(reason)
        with self._open():
            execution = begun(new, at_ns=at_ns, trace_id=new.trace_id or self._free_trace_id())
            if execution.id in self._executions:
                known = self.execution(execution.id)
                if not is_again(new, known):
                    raise Taken(f"the id {execution.id} is that of another execution")
                return Added(known, is_new=False)
            if self.execution_of_trace(execution.trace_id) is not None:
                raise Taken(f"the trace id {execution.trace_id} is that of another execution")
            self._newest_execution += 1
            self._executions[execution.id] = (self._newest_execution, execution)
            self._transitions[execution.id] = [
                Transition(execution.id, 1, None, ExecutionStatus.PENDING, at_ns, reason or None)
            ]
            return Added(execution, is_new=True)

    def change_execution(
        self, execution_id: str, change: Change, *, at_ns: int, reason: str = ""
    ) -> Execution:
        """Change fields and status."""
        check_change(change)
        check_reason(reason)
        with self._open():
            execution = self.execution(execution_id)
            if change.status is not KEEP:
                check_move(execution.status, change.status)
                steps = self._transitions[execution.id]
                steps.append(
                    Transition(
                        execution.id,
                        len(steps) + 1,
                        execution.status,
                        change.status,
                        at_ns,
                        reason or None,
                    )
                )
            return self._set(execution, **changes(execution, change, at_ns))

    def heartbeat(self, execution_id: str, *, at_ns: int, interval_ms: int) -> ExecutionStatus:
        """Note a sign of life."""
        check_heartbeat(interval_ms)
        with self._open():
            execution = self.execution(execution_id)
            if execution.status is ExecutionStatus.RUNNING:
                at_ns = max(at_ns, execution.heartbeat_ns or 0)
                self._set(execution, heartbeat_ns=at_ns, heartbeat_interval_ms=interval_ms)
            return execution.status

    def execution(self, execution_id: str) -> Execution:
        """The execution with this UUID."""
        with self._open():
            found = self._executions.get(known_execution_id(execution_id))
            if found is None:
                raise UnknownExecution(execution_id)
            return found[1]

    def execution_of_trace(self, trace_id: str) -> Execution | None:
        """The execution with this trace id."""
        with self._open():
            return next((each for each in self._every() if each.trace_id == trace_id), None)

    def executions(self, query: ExecutionQuery) -> ExecutionPage:
        """One page."""
        with self._open():
            found = [(number, each) for number, each in self._executions.values() if _matches(query, each)]
        down = query.order is SortOrder.DESC
        # Within a status the newest come first in either order: sorting keeps what is equal as it was.
        found.sort(key=lambda row: (row[1].created_ns, row[0]), reverse=True)
        found.sort(key=lambda row: _order_key(query.sort, *row), reverse=down)
        begin = (query.page - 1) * query.page_size
        page = tuple(_summary(each) for _, each in found[begin : begin + query.page_size])
        return ExecutionPage(page, query.page, query.page_size, len(found))

    def execution_counts(self) -> dict[ExecutionStatus, int]:
        """How many there are by status."""
        with self._open():
            every = [each.status for each in self._every()]
        return {status: every.count(status) for status in ExecutionStatus}

    def execution_sums(self, query: ExecutionQuery, *, utc_offset_s: int) -> tuple[ExecutionSum, ...]:
        """Runs, tokens and cost of what matches."""
        with self._open():
            return sums_of((each for each in self._every() if _matches(query, each)), utc_offset_s)

    def job_names(self) -> tuple[str, ...]:
        """The names of all jobs."""
        with self._open():
            return tuple(sorted({each.job_name for each in self._every()}))

    def job_durations(self, job_name: str, *, most: int = 20) -> tuple[int, ...]:
        """How long the newest runs of a job took."""
        runs = self._newest_of(job_name)[:_RUNS_LOOKED_AT]
        took = [each.duration_ns(0) for each in runs if each.status is ExecutionStatus.COMPLETED]
        return tuple(each for each in took if each is not None)[:most]

    def transitions(self, execution_id: str) -> tuple[Transition, ...]:
        """All steps of an execution."""
        with self._open():
            return tuple(self._transitions[self.execution(execution_id).id])

    def overdue_executions(self, now_ns: int, *, most: int = 100) -> tuple[OverdueExecution, ...]:
        """Runs past their timeout, or silent."""
        found: list[OverdueExecution] = []
        for each in self._every():
            if each.status is not ExecutionStatus.RUNNING:
                continue
            late = overdue(
                each.started_ns,
                each.timeout_ms,
                each.heartbeat_ns,
                each.heartbeat_interval_ms,
                now_ns=now_ns,
            )
            if late is not None:
                found.append(OverdueExecution(each.id, each.job_name, *late))
        return tuple(sorted(found, key=lambda each: each.at_ns)[:most])

    def due_callbacks(self, now_ns: int, *, most: int = 20) -> tuple[Execution, ...]:
        """Executions whose callback_url is to be told now."""
        due = [(each.callback_due_ns, each) for each in self._every() if each.callback_due_ns is not None]
        found = [(at_ns, each) for at_ns, each in due if at_ns <= now_ns]
        found.sort(key=lambda row: row[0])
        return tuple(each for _, each in found)[:most]

    def callback_tried(self, execution_id: str, *, next_ns: int | None) -> None:
        """Count a try."""
        with self._open():
            execution = self.execution(execution_id)
            self._set(execution, callback_due_ns=next_ns, callback_attempts=execution.callback_attempts + 1)

    def add_artifact(self, execution_id: str, new: NewArtifact, *, at_ns: int) -> AddedArtifact:
        """Store an artifact."""
        check_artifact(new)
        with self._open():
            execution = self.execution(execution_id)
            artifact = arriving(execution.id, new, at_ns)
            known = self._artifacts.get(artifact.id)
            if known is not None:
                if (known.execution_id, known.file_name) != (execution.id, new.file_name):
                    raise Taken(f"the id {known.id} is that of another artifact")
                return AddedArtifact(known, is_new=False)
            self._artifacts[artifact.id] = artifact
            self._count_artifacts(execution.id)
            return AddedArtifact(artifact, is_new=True)

    def artifact_arrived(self, artifact_id: str, *, size_bytes: int, checksum: str, at_ns: int) -> Artifact:
        """Its content is in its place."""
        del at_ns
        check_content(size_bytes, checksum)
        with self._open():
            artifact = self.artifact(artifact_id)
            check_arrival(artifact)
            return self._put(
                replace(artifact, status=ArtifactStatus.ACTIVE, file_size=size_bytes, checksum=checksum)
            )

    def move_artifact(self, artifact_id: str, to: ArtifactStatus, *, at_ns: int) -> Artifact:
        """Make it ARCHIVED, ACTIVE or DELETED."""
        with self._open():
            artifact = self.artifact(artifact_id)
            check_asked(artifact, to)
            archived_ns = archived_ns_of(artifact, to, at_ns)
            return self._put(replace(artifact, status=to, archived_ns=archived_ns))

    def artifact(self, artifact_id: str) -> Artifact:
        """The artifact with this UUID."""
        with self._open():
            found = self._artifacts.get(known_artifact_id(artifact_id))
            if found is None:
                raise UnknownArtifact(artifact_id)
            return found

    def artifacts(self, execution_id: str) -> tuple[Artifact, ...]:
        """All artifacts of an execution."""
        with self._open():
            return self._of(self.execution(execution_id).id)

    def artifact_states(self, artifact_ids: Sequence[str]) -> Mapping[str, ArtifactStatus]:
        """The status of each of these artifacts."""
        with self._open():
            return {each: self._artifacts[each].status for each in artifact_ids if each in self._artifacts}

    def expire_artifacts(self, now_ns: int, *, stale_before_ns: int) -> tuple[str, ...]:
        """Make DELETED what is past its time."""
        with self._open():
            gone = [each for each in self._artifacts.values() if _is_over(each, now_ns, stale_before_ns)]
            for each in gone:
                self._put(replace(each, status=ArtifactStatus.DELETED))
            return tuple(each.file_path for each in gone)

    def execution_size(self) -> ExecutionSize:
        """How much text executions have."""
        with self._open():
            every = self._every()
        ends = [
            each.completed_ns
            for each in every
            if each.completed_ns is not None and not each.is_permanent and each.retain_until_ns is None
        ]
        size = sum(len(f"{each.prompt}{each.output or ''}".encode()) for each in every)
        return ExecutionSize(size, min(ends, default=None))

    def remove_executions(
        self, keeping: Keeping, *, now_ns: int, pause: Callable[[], bool]
    ) -> RemovedExecutions:
        """Remove executions whose time is over."""
        del pause
        with self._open():
            own = [each for each in self._every() if each.retain_until_ns is not None]
            removed = [self._remove(own, keeping, now_ns)]
            newest = {
                each.id
                for job_name in self.job_names()
                for each in self._newest_of(job_name)[: keeping.runs]
            }
            others = [
                each for each in self._every() if each.retain_until_ns is None and each.id not in newest
            ]
            removed.append(self._remove(others, keeping, now_ns))
        return RemovedExecutions(
            sum(each.executions for each in removed),
            tuple(path for each in removed for path in each.artifact_paths),
        )

    def _remove(self, some: Sequence[Execution], keeping: Keeping, now_ns: int) -> RemovedExecutions:
        """Remove those of some whose time is over."""
        paths: list[str] = []
        gone = [each for each in some if (kept_until_ns(each, keeping) or now_ns + 1) <= now_ns]
        for each in gone:
            for artifact in self._of(each.id):
                paths.append(artifact.file_path)
                del self._artifacts[artifact.id]
            del self._executions[each.id]
            del self._transitions[each.id]
        return RemovedExecutions(len(gone), tuple(paths))

    def _every(self) -> list[Execution]:
        return [each for _, each in self._executions.values()]

    def _newest_of(self, job_name: str) -> list[Execution]:
        rows = [row for row in self._executions.values() if row[1].job_name == job_name]
        rows.sort(key=lambda row: (row[1].created_ns, row[0]), reverse=True)
        return [each for _, each in rows]

    def _free_trace_id(self) -> str:
        while self.execution_of_trace(trace_id := new_trace_id()) is not None:
            pass
        return trace_id

    def _set(self, execution: Execution, **fields: Any) -> Execution:
        number, _ = self._executions[execution.id]
        changed = replace(execution, **fields)
        self._executions[execution.id] = (number, changed)
        return changed

    def _put(self, artifact: Artifact) -> Artifact:
        self._artifacts[artifact.id] = artifact
        self._count_artifacts(artifact.execution_id)
        return artifact

    def _of(self, execution_id: str) -> tuple[Artifact, ...]:
        return tuple(each for each in self._artifacts.values() if each.execution_id == execution_id)

    def _count_artifacts(self, execution_id: str) -> None:
        many = sum(each.status is not ArtifactStatus.DELETED for each in self._of(execution_id))
        self._set(self.execution(execution_id), artifacts=many)


def _is_over(artifact: Artifact, now_ns: int, stale_before_ns: int) -> bool:
    if artifact.status is ArtifactStatus.UPLOADING:
        return artifact.created_ns < stale_before_ns
    return (
        artifact.status is ArtifactStatus.ACTIVE
        and artifact.expires_ns is not None
        and artifact.expires_ns <= now_ns
    )


def _matches(query: ExecutionQuery, execution: Execution) -> bool:
    return (
        (not query.statuses or execution.status in query.statuses)
        and (not query.job_names or execution.job_name in query.job_names)
        and (not query.models or execution.model in query.models)
        and (query.since_ns is None or execution.created_ns >= query.since_ns)
        and (query.until_ns is None or execution.created_ns < query.until_ns)
        and (query.has_artifacts is None or (execution.artifacts > 0) is query.has_artifacts)
        and sought(query.search).found_in(searched_texts(execution))
    )


def _order_key(sort: ExecutionSort, number: int, execution: Execution) -> tuple[int, ...]:
    if sort is ExecutionSort.STATUS:
        return (list(ExecutionStatus).index(execution.status),)
    if sort is ExecutionSort.CREATED:
        return execution.created_ns, number
    return _LAST_NS if execution.completed_ns is None else execution.completed_ns, number


def _summary(execution: Execution) -> ExecutionSummary:
    values: dict[str, Any] = {
        name: getattr(execution, name) for name in ExecutionSummary.__slots__ if name != "prompt_head"
    }
    return ExecutionSummary(**values, prompt_head=execution.prompt[:PROMPT_HEAD])
