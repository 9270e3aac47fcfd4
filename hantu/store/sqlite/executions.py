"""SqliteExecutions: ExecutionStorage over the tables of executions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Final

from hantu.executions import (
    KEEP,
    Change,
    Execution,
    ExecutionStatus,
    Keeping,
    NewExecution,
    Transition,
    check_change,
    check_move,
    check_new,
    check_reason,
)
from hantu.executions.checks import check_heartbeat
from hantu.executions.keeping import DAY_NS
from hantu.store.base import QUERY_TIME_LIMIT_MS, StoreError
from hantu.store.execution_base import (
    Added,
    ExecutionPage,
    ExecutionQuery,
    ExecutionSize,
    OverdueExecution,
    RemovedExecutions,
    Taken,
)
from hantu.store.execution_sums import ExecutionSum
from hantu.store.execution_words import (
    SEARCHED,
    begun,
    changes,
    is_again,
    overdue,
)
from hantu.store.sqlite import execution_list as listing
from hantu.store.sqlite.database import Database
from hantu.store.sqlite.execution_removal import (
    OLDEST_TO_GO,
    SLICE_EXECUTIONS,
    Removing,
    past_the_settings,
    past_their_own_time,
)
from hantu.store.sqlite.execution_rows import (
    ADD_EXECUTION,
    EXECUTION,
    TRANSITION,
    binds,
    binds_of_execution,
    execution,
    transition,
)
from hantu.store.sqlite.execution_sums import sums
from hantu.store.sqlite.execution_words import (
    forget_words,
    index_words,
    merge_words,
    words_damage,
)
from hantu.store.sqlite.execution_writing import (
    Step,
    execution_of_id,
    executions_changing,
    executions_joining,
    first_of_trace,
    first_with_id,
    free_trace_id,
    note_step,
)

RUNS_LOOKED_AT: Final = 100

_NEXT: Final = f"""
SELECT execution_no, {EXECUTION.strip().removeprefix("SELECT ")}
WHERE execution_no > ?
ORDER BY execution_no
LIMIT ?
"""
_SIZE: Final = """
SELECT sum(pgsize)
FROM dbstat
WHERE name IN ('executions', 'execution_word_data', 'status_transitions', 'artifacts') AND aggregate = TRUE
"""
_HEARTBEAT: Final = """
UPDATE executions
SET heartbeat_ns = max(ifnull(heartbeat_ns, :at_ns), :at_ns), heartbeat_interval_ms = :interval_ms
WHERE id = :id AND status = 'RUNNING'
"""
_DURATIONS: Final = """
SELECT completed_ns - started_ns
FROM (
  SELECT status, started_ns, completed_ns, created_ns, execution_no
  FROM executions
  WHERE job_name = :job_name
  ORDER BY created_ns DESC, execution_no DESC
  LIMIT :looked_at
)
WHERE status = 'COMPLETED'
ORDER BY created_ns DESC, execution_no DESC
LIMIT :most
"""
_RUNNING: Final = """
SELECT id, job_name, started_ns, timeout_ms, heartbeat_ns, heartbeat_interval_ms
FROM executions INDEXED BY executions_status
WHERE status = 'RUNNING'
ORDER BY execution_no
"""
_CALLBACKS: Final = f"""
{EXECUTION} INDEXED BY executions_callback
WHERE callback_due_ns <= ?
ORDER BY callback_due_ns, execution_no
LIMIT ?
"""
_TRIED: Final = """
UPDATE executions SET callback_due_ns = :next_ns, callback_attempts = callback_attempts + 1 WHERE id = :id
"""


class SqliteExecutions:
    """The executions of one SQLite file."""

    _database: Database

    def together(self) -> AbstractContextManager[None]:
        """All that is changed inside is one change."""
        return executions_joining(self._database)

    def add_execution(self, new: NewExecution, *, at_ns: int, reason: str = "") -> Added:
        """Store an execution."""
        check_new(new)
        check_reason(reason)
        with executions_changing(self._database) as connection:
            made = begun(new, at_ns=at_ns, trace_id=new.trace_id or free_trace_id(connection))
            known = first_with_id(connection, made.id)
            if known is not None:
                if not is_again(new, known):
                    raise Taken(f"the id {made.id} is that of another execution")
                return Added(known, is_new=False)
            if first_of_trace(connection, made.trace_id) is not None:
                raise Taken(f"the trace id {made.trace_id} is that of another execution")
            number = connection.execute(ADD_EXECUTION, binds_of_execution(made)).get
            index_words(connection, number, made)
            note_step(connection, made, made.status, Step(at_ns, reason))
            return Added(made, is_new=True)

    def change_execution(
        self, execution_id: str, change: Change, *, at_ns: int, reason: str = ""
    ) -> Execution:
        """Change fields and status."""
        check_change(change)
        check_reason(reason)
        with executions_changing(self._database) as connection:
            was = execution_of_id(connection, execution_id)
            if change.status is not KEEP:
                check_move(was.status, change.status)
                note_step(connection, was, change.status, Step(at_ns, reason))
            fields = changes(was, change, at_ns)
            assignments = ", ".join(f"{name} = :{name}" for name in fields)
            number = connection.execute(
                f"UPDATE executions SET {assignments} WHERE id = :id RETURNING execution_no",  # noqa: S608  names of fields
                {**binds(fields), "id": was.id},
            ).get
            changed = execution_of_id(connection, was.id)
            if not SEARCHED.isdisjoint(fields):
                index_words(connection, number, changed)
            return changed

    def heartbeat(self, execution_id: str, *, at_ns: int, interval_ms: int) -> ExecutionStatus:
        """Note a sign of life."""
        check_heartbeat(interval_ms)
        with executions_changing(self._database, durable=False) as connection:
            known = execution_of_id(connection, execution_id)
            connection.execute(_HEARTBEAT, {"id": known.id, "at_ns": at_ns, "interval_ms": interval_ms})
            return known.status

    def execution(self, execution_id: str) -> Execution:
        """The execution with this UUID."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return execution_of_id(reader.connection, execution_id)

    def execution_of_trace(self, trace_id: str) -> Execution | None:
        """The execution with this trace id."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return first_of_trace(reader.connection, trace_id)

    def executions(self, query: ExecutionQuery) -> ExecutionPage:
        """One page."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return listing.page(reader, query)

    def execution_counts(self) -> dict[ExecutionStatus, int]:
        """How many there are by status."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return listing.counts_by_status(reader)

    def execution_sums(self, query: ExecutionQuery, *, utc_offset_s: int) -> tuple[ExecutionSum, ...]:
        """Runs, tokens and cost of what matches."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return sums(reader, query, utc_offset_s=utc_offset_s)

    def job_names(self) -> tuple[str, ...]:
        """The names of all jobs."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return listing.job_names(reader)

    def job_durations(self, job_name: str, *, most: int = 20) -> tuple[int, ...]:
        """How long the newest runs of a job took."""
        binds = {"job_name": job_name, "looked_at": RUNS_LOOKED_AT, "most": most}
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return tuple(max(0, took_ns) for (took_ns,) in reader.rows(_DURATIONS, binds))

    def transitions(self, execution_id: str) -> tuple[Transition, ...]:
        """All steps of an execution."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            known = execution_of_id(reader.connection, execution_id)
            rows = reader.rows(f"{TRANSITION} WHERE execution_id = ? ORDER BY number", (known.id,))
            return tuple(map(transition, rows))

    def overdue_executions(self, now_ns: int, *, most: int = 100) -> tuple[OverdueExecution, ...]:
        """Runs past their timeout, or silent."""
        found: list[OverdueExecution] = []
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            rows: Iterable[tuple[Any, ...]] = reader.rows(_RUNNING)
            for execution_id, job_name, *times in rows:
                late = overdue(*times, now_ns=now_ns)
                if late is not None:
                    found.append(OverdueExecution(execution_id, job_name, *late))
        return tuple(sorted(found, key=lambda each: each.at_ns)[:most])

    def due_callbacks(self, now_ns: int, *, most: int = 20) -> tuple[Execution, ...]:
        """Executions whose callback_url is to be told now."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return tuple(map(execution, reader.rows(_CALLBACKS, (now_ns, most))))

    def callback_tried(self, execution_id: str, *, next_ns: int | None) -> None:
        """Count a try."""
        with executions_changing(self._database) as connection:
            known = execution_of_id(connection, execution_id)
            connection.execute(_TRIED, {"id": known.id, "next_ns": next_ns})

    def execution_size(self) -> ExecutionSize:
        """How much room executions take."""
        with self._database.reading(None) as reader:
            return ExecutionSize(reader.value(_SIZE) or 0, reader.value(OLDEST_TO_GO))

    def remove_executions(
        self, keeping: Keeping, *, now_ns: int, pause: Callable[[], bool]
    ) -> RemovedExecutions:
        """Remove executions whose time is over, in slices."""
        steps = [past_their_own_time(now_ns)]
        if keeping.days is not None:
            steps.append(past_the_settings(now_ns - int(keeping.days * DAY_NS), keeping.runs))
        stopped = False
        for step in steps:
            stopped = stopped or not self._remove(step, pause)
        removed = sum(step.removed for step in steps)
        if removed and not stopped:
            self._merge_words(pause)
        return RemovedExecutions(removed, tuple(path for step in steps for path in step.paths))

    def mend_execution_words(self, pause: Callable[[], bool]) -> tuple[str, ...]:
        """Look at the index of words, and make it anew when it is damaged; what was wrong."""
        try:
            with self._database.reading(None) as reader:
                damage = words_damage(reader)
            if damage is None:
                return ()
            self._index_words_anew(pause)
        except StoreError as error:
            return (f"execution_word: {error}",)
        return (f"execution_word: {damage}; it was made anew from the executions, nothing is lost",)

    def _index_words_anew(self, pause: Callable[[], bool]) -> None:
        """What a stop leaves out is noticed, and done, at the next look."""
        with self._database.writing() as connection:
            forget_words(connection)
        last = 0
        while True:
            with self._database.writing() as connection:
                rows: list[tuple[Any, ...]] = connection.execute(_NEXT, (last, SLICE_EXECUTIONS)).fetchall()
                for number, *row in rows:
                    index_words(connection, number, execution(tuple(row)))
            if not rows or pause():
                return
            last = rows[-1][0]

    def _remove(self, step: Removing, pause: Callable[[], bool]) -> bool:
        """Take all slices of a step; False when it was stopped."""
        while True:
            with self._database.writing() as connection:
                more = step.slice(connection)
            if not more:
                return True
            if pause():
                return False

    def _merge_words(self, pause: Callable[[], bool]) -> None:
        begin = True
        while True:
            with self._database.writing() as connection:
                more = merge_words(connection, begin=begin)
            begin = False
            if not more or pause():
                return
