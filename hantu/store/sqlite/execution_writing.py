"""What all that write executions share: the transaction, the row of one, a step of its life."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, NamedTuple

import apsw

from hantu.executions import Execution, ExecutionStatus
from hantu.store.execution_base import UnknownExecution
from hantu.store.execution_words import known_execution_id, new_trace_id
from hantu.store.sqlite.database import Database
from hantu.store.sqlite.execution_rows import ADD_TRANSITION, EXECUTION, execution

_BY_ID: Final = f"{EXECUTION} WHERE id = ?"
_BY_TRACE: Final = f"{EXECUTION} WHERE trace_id = ?"


class Step(NamedTuple):
    """When somebody moved an execution, and why."""

    at_ns: int
    reason: str


@contextmanager
def executions_changing(database: Database, *, durable: bool = True) -> Iterator[apsw.Connection]:
    """A write transaction. What is asked for in vain changes nothing and leaves the connection open."""
    with _refusing(database.writing(durable=durable)) as connection:
        yield connection


@contextmanager
def executions_joining(database: Database) -> Iterator[None]:
    """One write transaction for all changes that this thread makes inside. A refusal that is not caught
    inside undoes all of them."""
    with _refusing(database.joining()):
        yield


@contextmanager
def _refusing(writing: AbstractContextManager[apsw.Connection]) -> Iterator[apsw.Connection]:
    refused: Exception | None = None
    with writing as connection:
        try:
            # A savepoint: what was written before the refusal goes.
            with connection:
                yield connection
        except (KeyError, ValueError) as error:
            refused = error
    if refused is not None:
        raise refused


def execution_of_id(connection: apsw.Connection, execution_id: str) -> Execution:
    """The execution with this UUID. Raises UnknownExecution."""
    found = first_with_id(connection, known_execution_id(execution_id))
    if found is None:
        raise UnknownExecution(execution_id)
    return found


def first_with_id(connection: apsw.Connection, execution_id: str) -> Execution | None:
    """The execution with this id, as it is stored."""
    return _first(connection, _BY_ID, execution_id)


def first_of_trace(connection: apsw.Connection, trace_id: str) -> Execution | None:
    """The execution with this trace id."""
    return _first(connection, _BY_TRACE, trace_id)


def free_trace_id(connection: apsw.Connection) -> str:
    """A trace id that no execution has."""
    while first_of_trace(connection, trace_id := new_trace_id()) is not None:
        pass
    return trace_id


def note_step(connection: apsw.Connection, of: Execution, to: ExecutionStatus, step: Step) -> None:
    """Write a step of an execution's life: what it was becomes `to`."""
    begins = of.status is to
    connection.execute(
        ADD_TRANSITION,
        {
            "execution_id": of.id,
            "from_status": None if begins else of.status,
            "to_status": to,
            "at_ns": step.at_ns,
            "reason": step.reason or None,
        },
    )


def _first(connection: apsw.Connection, sql: str, value: str) -> Execution | None:
    row = connection.execute(sql, (value,)).fetchone()
    return None if row is None else execution(row)
