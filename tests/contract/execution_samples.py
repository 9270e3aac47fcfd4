"""Executions for tests of what every store promises of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hantu.executions import Change, Execution, ExecutionStatus, NewArtifact, NewExecution
from hantu.store.base import LogStorage
from hantu.store.execution_base import ExecutionPage, ExecutionQuery
from tests.contract.strategies import SECOND_NS, START_NS

CHECKSUM = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
DAY_S = 86_400

PATH = {
    ExecutionStatus.PENDING: (),
    ExecutionStatus.RUNNING: (ExecutionStatus.RUNNING,),
    ExecutionStatus.COMPLETED: (ExecutionStatus.RUNNING, ExecutionStatus.COMPLETED),
    ExecutionStatus.FAILED: (ExecutionStatus.RUNNING, ExecutionStatus.FAILED),
    ExecutionStatus.CANCELLED: (ExecutionStatus.CANCELLED,),
}
"""How a run comes to a state."""


def at(seconds: float) -> int:
    """A time of these tests, in nanoseconds."""
    return START_NS + round(seconds * SECOND_NS)


def uuid(number: int) -> str:
    """The UUID with this number."""
    return str(UUID(int=number))


def new(job_name: str = "nightly-report", prompt: str = "어제 주문 요약", **fields: Any) -> NewExecution:
    """A run that is asked for."""
    return NewExecution(job_name=job_name, prompt=prompt, **fields)


def run(
    store: LogStorage,
    job_name: str = "nightly-report",
    *,
    status: ExecutionStatus = ExecutionStatus.COMPLETED,
    created: float = 0,
    ended: float | None = None,
    **fields: Any,
) -> Execution:
    """A run that came to a status, at `ended` when that is given."""
    found = store.add_execution(new(job_name, **fields), at_ns=at(created)).execution
    for step in PATH[status]:
        moment = created if ended is None or step is ExecutionStatus.RUNNING else ended
        found = store.change_execution(found.id, Change(status=step), at_ns=at(moment))
    return found


def move(store: LogStorage, execution_id: str, to: ExecutionStatus, *, seconds: float = 0) -> Execution:
    """Move a run."""
    return store.change_execution(execution_id, Change(status=to), at_ns=at(seconds))


def a_file(file_name: str = "report.csv", **fields: Any) -> NewArtifact:
    """An artifact that is going to be sent."""
    return NewArtifact(file_name=file_name, **fields)


def listed(store: LogStorage, **asked: Any) -> list[str]:
    """The ids on a page of the list."""
    return [each.id for each in page(store, **asked).executions]


def every_page(store: LogStorage, **asked: Any) -> list[str]:
    """The ids on all pages, one after the other."""
    ids: list[str] = []
    number = 1
    while more := listed(store, page=number, **asked):
        ids += more
        number += 1
    return ids


def page(store: LogStorage, **asked: Any) -> ExecutionPage:
    """A page of the list."""
    return store.executions(ExecutionQuery(**asked))
