"""Whatever is done with executions, legal or not, the SQLite store says what the store in memory says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hantu.executions import (
    ENDED,
    MOVES,
    ArtifactStatus,
    Change,
    Execution,
    ExecutionStatus,
    IllegalMove,
    Keeping,
)
from hantu.store.base import LogStorage
from hantu.store.execution_base import ExecutionQuery, ExecutionSort, SortOrder
from hantu.store.memory import MemoryStore
from hantu.store.sqlite import SqliteStore
from tests.contract.execution_samples import CHECKSUM, DAY_S, a_file, at, every_page, new, run, uuid

SECONDS = st.sampled_from((0, 1, 2, 5, 60, DAY_S, 3 * DAY_S))
IDS = st.sampled_from((*(uuid(number) for number in (1, 1, 2, 2, 3, 4)), "no-uuid"))
FILES = st.sampled_from((*(uuid(number) for number in (101, 101, 102, 103)), uuid(1)))
TEXTS = st.sampled_from(
    ("주문 실패", "모의주문실행", "order 42 failed", "", "É é", '"', "a-b_c", "disk\0full", "가" * 250)
)
SEARCHES = st.sampled_from(
    (
        "주문",
        "order",
        "ord*",
        "-order",
        '"42 failed"',
        "é",
        "a b c",
        uuid(1),
        "disk",
        "가가",
        "실행 -42",
        '"',
    )
)


def outcome(step: Callable[[], object]) -> object:
    """What a step gives, or how it is refused."""
    try:
        return step()
    except (KeyError, ValueError) as refused:
        return type(refused), str(refused)


class Stores(RuleBasedStateMachine):
    """Both stores side by side."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(prefix="hantu-agreement-")
        self.memory = MemoryStore()
        self.sqlite = SqliteStore.open(Path(self._folder.name) / "hantu.db", background=False)
        self.known: dict[str, ExecutionStatus] = {}
        # Else most of the steps would find nothing.
        for number in (1, 2):
            self.both(
                lambda store, number=number: store.add_execution(
                    new(id=uuid(number), trace_id=f"{number:08x}"), at_ns=at(0)
                )
            )
            self.known[uuid(number)] = ExecutionStatus.PENDING
        self.both(lambda store: store.add_artifact(uuid(1), a_file(id=uuid(101)), at_ns=at(0)))

    def teardown(self) -> None:
        self.sqlite.close()
        self.memory.close()
        self._folder.cleanup()

    def both(self, step: Callable[[LogStorage], object]) -> Any:
        """What both say."""
        said = outcome(lambda: step(self.sqlite))
        assert said == outcome(lambda: step(self.memory))
        return said

    @rule(
        number=st.integers(1, 4),
        seconds=SECONDS,
        job=st.sampled_from(("nightly", "정산")),
        prompt=st.sampled_from(("주문 실패", "order 42 failed", "가" * 250)),
        trace=st.sampled_from((0, 0, 0, 1, 2)),
        timeout_ms=st.sampled_from((None, 1, 2_000)),
        url=st.sampled_from((None, "http://127.0.0.1/")),
        until=st.none() | SECONDS,
        is_permanent=st.sampled_from((False, False, True)),
    )
    def add(self, number: int, seconds: int, job: str, prompt: str, trace: int, timeout_ms: int | None,
            url: str | None, until: int | None, is_permanent: bool) -> None:  # fmt: skip
        asked = new(
            job,
            prompt,
            id=uuid(number),
            trace_id=f"{trace or number:08x}",
            timeout_ms=timeout_ms,
            callback_url=url,
            retain_until_ns=None if until is None else at(until),
            is_permanent=is_permanent,
        )
        said = self.both(lambda store: store.add_execution(asked, at_ns=at(seconds), reason=job))
        if not isinstance(said, tuple):
            self.known.setdefault(said.execution.id, ExecutionStatus.PENDING)

    @rule(execution_id=IDS, to=st.sampled_from(ExecutionStatus), seconds=SECONDS, output=TEXTS)
    def go(self, execution_id: str, to: ExecutionStatus, seconds: int, output: str) -> None:
        change = Change(status=to, output=output)
        said = self.both(
            lambda store: store.change_execution(execution_id, change, at_ns=at(seconds), reason=output)
        )
        # The moves are those of the table, whatever came before.
        legal = execution_id in self.known and to in MOVES[self.known[execution_id]]
        assert isinstance(said, Execution) is legal
        if legal:
            self.known[execution_id] = to
        elif execution_id in self.known:
            assert said[0] is IllegalMove

    @rule(execution_id=IDS, pod=TEXTS, error=TEXTS, tokens=st.none() | st.integers(0, 9), seconds=SECONDS)
    def change(self, execution_id: str, pod: str, error: str, tokens: int | None, seconds: int) -> None:
        change = Change(pod_name=pod, error_message=error, error_details=[pod, tokens], tokens_used=tokens)
        self.both(lambda store: store.change_execution(execution_id, change, at_ns=at(seconds)))

    @rule(execution_id=IDS, seconds=SECONDS, interval_ms=st.sampled_from((1, 1_000)))
    def beat(self, execution_id: str, seconds: int, interval_ms: int) -> None:
        self.both(lambda store: store.heartbeat(execution_id, at_ns=at(seconds), interval_ms=interval_ms))

    @rule(execution_id=IDS, again=st.none() | SECONDS)
    def call_back(self, execution_id: str, again: int | None) -> None:
        next_ns = None if again is None else at(again)
        self.both(lambda store: store.callback_tried(execution_id, next_ns=next_ns))

    @rule(execution_id=IDS, file=FILES, name=TEXTS, days=st.sampled_from((None, 1, 2)), seconds=SECONDS)
    def add_artifact(
        self, execution_id: str, file: str, name: str, days: float | None, seconds: int
    ) -> None:
        asked = a_file(name, id=file, retention_days=days)
        self.both(lambda store: store.add_artifact(execution_id, asked, at_ns=at(seconds)))

    @rule(file=FILES, size=st.integers(-1, 3), seconds=SECONDS)
    def arrive(self, file: str, size: int, seconds: int) -> None:
        self.both(
            lambda store: store.artifact_arrived(
                file, size_bytes=size, checksum=CHECKSUM, at_ns=at(seconds)
            )
        )

    @rule(file=FILES, to=st.sampled_from(ArtifactStatus), seconds=SECONDS)
    def move(self, file: str, to: ArtifactStatus, seconds: int) -> None:
        self.both(lambda store: store.move_artifact(file, to, at_ns=at(seconds)))

    @rule(seconds=SECONDS, stale=SECONDS)
    def expire(self, seconds: int, stale: int) -> None:
        self.both(lambda store: store.expire_artifacts(at(seconds), stale_before_ns=at(stale)))

    @rule(days=st.sampled_from((None, 0, 1, 2)), runs=st.integers(0, 2), seconds=SECONDS)
    def remove(self, days: float | None, runs: int, seconds: int) -> None:
        before = set(self.known)
        keeping = Keeping(days, runs)
        # The order of removal is a store's own; which files go with it is not.
        said = {
            (removed.executions, frozenset(removed.artifact_paths))
            for removed in (
                store.remove_executions(keeping, now_ns=at(seconds), pause=lambda: False)
                for store in (self.sqlite, self.memory)
            )
        }
        assert len(said) == 1
        left = set(every_page(self.sqlite))
        assert all(self.known[gone] in ENDED for gone in before - left)
        self.known = {each: status for each, status in self.known.items() if each in left}

    @rule(
        statuses=st.lists(st.sampled_from(ExecutionStatus), max_size=2, unique=True),
        jobs=st.lists(st.sampled_from(("nightly", "정산", "none")), max_size=2, unique=True),
        since=st.none() | SECONDS,
        until=st.none() | SECONDS,
        has=st.none() | st.booleans(),
        search=st.just("") | SEARCHES,
        sort=st.sampled_from(ExecutionSort),
        order=st.sampled_from(SortOrder),
        page=st.integers(1, 3),
        size=st.integers(1, 4),
    )
    def ask(self, statuses: list[ExecutionStatus], jobs: list[str], since: int | None, until: int | None,
            has: bool | None, search: str, sort: ExecutionSort, order: SortOrder, page: int,
            size: int) -> None:  # fmt: skip
        query = ExecutionQuery(
            statuses=tuple(statuses),
            job_names=tuple(jobs),
            since_ns=None if since is None else at(since),
            until_ns=None if until is None else at(until),
            has_artifacts=has,
            search=search,
            sort=sort,
            order=order,
            page=page,
            page_size=size,
        )
        self.both(lambda store: store.executions(query))

    @invariant()
    def all_is_alike(self) -> None:
        self.both(_told)
        assert {each: self.sqlite.execution(each).status for each in self.known} == self.known


def _told(store: LogStorage) -> object:
    """All that a store says of its executions."""
    ids = every_page(store)
    return (
        [store.execution(each) for each in ids],
        [store.transitions(each) for each in ids],
        [store.artifacts(each) for each in ids],
        store.executions(ExecutionQuery(page_size=100)),
        store.execution_counts(),
        store.job_names(),
        store.job_durations("nightly"),
        [store.overdue_executions(at(seconds)) for seconds in (1, 4, DAY_S)],
        store.due_callbacks(at(DAY_S)),
        [store.execution_of_trace(f"{number:08x}") for number in range(7)],
    )


Stores.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.promise("M118")
class TestStoresAgree(Stores.TestCase):
    """Random lives of executions and artifacts."""


@pytest.mark.promise("M118")
def test_of_many_who_end_a_run_at_once_exactly_one_wins(tmp_path: Path) -> None:
    with closing(SqliteStore.open(tmp_path / "hantu.db", background=False)) as store:
        for _ in range(5):
            known = run(store, status=ExecutionStatus.RUNNING)
            together = threading.Barrier(4)
            said: list[object] = []

            def end(
                to: ExecutionStatus,
                by: str,
                execution_id: str = known.id,
                together: threading.Barrier = together,
                said: list[object] = said,
            ) -> None:
                together.wait()
                change = Change(status=to, output=by)
                said.append(
                    outcome(lambda: store.change_execution(execution_id, change, at_ns=at(1), reason=by))
                )

            ends = (*sorted(ENDED), ExecutionStatus.COMPLETED)
            clients = [
                threading.Thread(target=end, args=(to, f"client {number}"))
                for number, to in enumerate(ends)
            ]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            (winner,) = [each for each in said if isinstance(each, Execution)]
            lost = [each for each in said if each is not winner]
            assert [each[0] for each in lost if isinstance(each, tuple)] == [IllegalMove] * 3
            assert store.execution(known.id) == winner
            *_, last = store.transitions(known.id)
            assert (last.to_status, last.reason) == (winner.status, winner.output)
