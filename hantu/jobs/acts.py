"""What can be done with an execution: the same for the page, the API and the commands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from hantu.executions import ENDED, Change, Execution, ExecutionStatus, NewExecution
from hantu.store.execution_base import Added, ExecutionStorage

PAGE: Final = "page"
"""Who acted when it was a person on the page, who has no name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A run as somebody tells of it. change: what it brought, without a status. status: where it stands.

    The times: None when nothing was said."""

    new: NewExecution
    change: Change
    status: ExecutionStatus
    created_ns: int | None = None
    started_ns: int | None = None
    completed_ns: int | None = None
    reason: str = ""


def record(store: ExecutionStorage, told: Recorded, *, now_ns: int) -> Added:
    """Store a run with the steps that it has gone by now; steps that are stored already are left out, so
    that telling again is harmless.

    Raises Taken, NotAllowed, IllegalMove when it is stored as ended in another way."""
    created_ns = _first(told.created_ns, told.started_ns, told.completed_ns, now_ns)
    first_reason = told.reason if told.status is ExecutionStatus.PENDING else ""
    added = store.add_execution(told.new, at_ns=created_ns, reason=first_reason)
    execution = added.execution
    started_ns = max(execution.created_ns, _first(told.started_ns, told.completed_ns, now_ns))
    if told.status is ExecutionStatus.PENDING:
        if added.is_new and told.change.given():
            execution = store.change_execution(execution.id, told.change, at_ns=now_ns)
        return replace(added, execution=execution)
    if told.status is ExecutionStatus.RUNNING:
        if execution.status is ExecutionStatus.PENDING:
            change = replace(told.change, status=told.status)
            execution = store.change_execution(execution.id, change, at_ns=started_ns, reason=told.reason)
        return replace(added, execution=execution)
    return replace(added, execution=_end(store, told, execution, started_ns, now_ns))


def _end(
    store: ExecutionStorage, told: Recorded, execution: Execution, started_ns: int, now_ns: int
) -> Execution:
    if execution.status is told.status:
        return execution
    never_began = told.status is ExecutionStatus.CANCELLED and told.started_ns is None
    if execution.status is ExecutionStatus.PENDING and not never_began:
        begun = Change(status=ExecutionStatus.RUNNING)
        execution = store.change_execution(execution.id, begun, at_ns=started_ns)
    ended_ns = max(execution.started_ns or execution.created_ns, _first(told.completed_ns, now_ns))
    change = replace(told.change, status=told.status)
    return store.change_execution(execution.id, change, at_ns=ended_ns, reason=told.reason)


def change(
    store: ExecutionStorage,
    execution_id: str,
    change: Change,
    *,
    now_ns: int,
    at_ns: int | None = None,
    reason: str = "",
) -> Execution:
    """Change a run. at_ns: when it changed, None: now; never before the step before it.

    Raises IllegalMove, NotAllowed, UnknownExecution."""
    if at_ns is not None:
        known = store.execution(execution_id)
        at_ns = max(at_ns, known.started_ns or known.created_ns)
    return store.change_execution(
        execution_id, change, at_ns=now_ns if at_ns is None else at_ns, reason=reason
    )


def cancel(
    store: ExecutionStorage, execution_id: str, *, at_ns: int, by: str, reason: str = ""
) -> Execution:
    """Cancel a run. Raises IllegalMove when it is over, UnknownExecution."""
    change = Change(status=ExecutionStatus.CANCELLED)
    return store.change_execution(execution_id, change, at_ns=at_ns, reason=reason or f"cancelled by {by}")


def allowed(status: ExecutionStatus) -> tuple[str, ...]:
    """The acts that change a run in this state."""
    return () if status in ENDED else ("cancel",)


def _first(*times: int | None) -> int:
    """The first time that was said; the last one always is."""
    return next(time_ns for time_ns in times if time_ns is not None)
