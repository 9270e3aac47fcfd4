"""What every store promises of executions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from hantu.executions import (
    KEEP,
    Change,
    ExecutionStatus,
    IllegalMove,
    NotAllowed,
    TooLarge,
)
from hantu.executions.states import MOVES
from hantu.store.base import LogStorage
from hantu.store.execution_base import (
    ExecutionQuery,
    ExecutionSort,
    Overdue,
    SortOrder,
    Taken,
    UnknownExecution,
)
from tests.contract.execution_samples import PATH, at, every_page, listed, move, new, page, run, uuid

PENDING, RUNNING, COMPLETED, FAILED, CANCELLED = ExecutionStatus


@pytest.mark.promise("M100", "M101", "M102", "M112", "M117")
def test_an_execution_begins_as_it_was_asked_for(store: LogStorage) -> None:
    asked = new(
        metadata={"부서": "정산", "깊이": [1, None, {"a": True}]},
        resources={"cpu": "500m"},
        timeout_ms=60_000,
        callback_url="https://example.org/done",
        pod_name="run-7c9f",
        retain_until_ns=at(9),
        is_permanent=True,
        max_tokens=100,
        trace_id="5be20c77",
    )
    added = store.add_execution(asked, at_ns=at(1), reason="created by API")
    found = store.execution(added.execution.id)
    assert added.is_new
    assert found == added.execution
    assert UUID(found.id).version == 7
    assert (found.job_name, found.prompt, found.model) == (
        "nightly-report",
        "어제 주문 요약",
        "claude-sonnet-4-20250514",
    )
    assert (found.status, found.created_ns, found.updated_ns) == (PENDING, at(1), at(1))
    assert (found.started_ns, found.completed_ns, found.output) == (None, None, None)
    for name in ("metadata", "resources", "timeout_ms", "callback_url", "pod_name", "max_tokens"):
        assert getattr(found, name) == getattr(asked, name)
    assert (found.retain_until_ns, found.is_permanent, found.trace_id) == (at(9), True, "5be20c77")
    (first,) = store.transitions(found.id)
    assert (first.from_status, first.to_status, first.at_ns, first.reason) == (
        None,
        PENDING,
        at(1),
        "created by API",
    )
    assert UUID(first.id).version == 5


def test_what_is_too_long_or_wrong_is_not_stored(store: LogStorage) -> None:
    with pytest.raises(TooLarge):
        store.add_execution(new("j" * 256), at_ns=at(0))
    with pytest.raises(NotAllowed):
        store.add_execution(new(prompt=" "), at_ns=at(0))
    with pytest.raises(TooLarge):
        store.add_execution(new(), at_ns=at(0), reason="r" * 1001)
    assert page(store).total == 0
    known = run(store, status=RUNNING)
    with pytest.raises(NotAllowed):
        store.change_execution(known.id, Change(status=COMPLETED, exit_code=1 << 40), at_ns=at(1))
    with pytest.raises(NotAllowed):
        store.heartbeat(known.id, at_ns=at(1), interval_ms=1)
    assert store.execution(known.id) == known


def test_an_execution_sent_again_is_stored_once(store: LogStorage) -> None:
    asked = new(id=uuid(7).upper())
    first = store.add_execution(asked, at_ns=at(1))
    move(store, uuid(7), RUNNING)
    again = store.add_execution(asked, at_ns=at(5))
    assert (first.is_new, again.is_new) == (True, False)
    assert again.execution == store.execution(uuid(7))
    assert (again.execution.status, again.execution.created_ns) == (RUNNING, at(1))
    assert len(store.transitions(uuid(7))) == 2
    assert page(store).total == 1


def test_an_id_or_trace_id_of_another_execution_is_refused(store: LogStorage) -> None:
    store.add_execution(new(id=uuid(7), trace_id="5be20c77"), at_ns=at(1))
    for taken in (
        new("other", id=uuid(7)),
        new(id=uuid(7), trace_id="5be20c78"),
        new(prompt="other", id=uuid(7)),
        new(trace_id="5be20c77"),
        new(id=uuid(8), trace_id="5be20c77"),
    ):
        with pytest.raises(Taken):
            store.add_execution(taken, at_ns=at(2))
    assert listed(store) == [uuid(7)]


@pytest.mark.promise("M119")
def test_each_execution_has_a_trace_id_of_its_own(store: LogStorage) -> None:
    runs = [run(store, status=PENDING) for _ in range(20)]
    assert len({each.trace_id for each in runs}) == 20
    for each in runs:
        assert len(each.trace_id) == 8
        assert int(each.trace_id, 16) >= 0
        assert store.execution_of_trace(each.trace_id) == each
    assert store.execution_of_trace("none-such") is None
    assert store.execution_of_trace("") is None


@pytest.mark.promise("M97", "M118")
@pytest.mark.parametrize("status", ExecutionStatus)
def test_only_legal_moves_change_anything(store: LogStorage, status: ExecutionStatus) -> None:
    for to in ExecutionStatus:
        known = run(store, status=status)
        steps = store.transitions(known.id)
        change = Change(status=to, output="changed", tokens_used=7)
        if to in MOVES[status]:
            assert store.change_execution(known.id, change, at_ns=at(5)).output == "changed"
            assert len(store.transitions(known.id)) == len(steps) + 1
            continue
        with pytest.raises(IllegalMove, match=f"{status} and cannot become {to}"):
            store.change_execution(known.id, change, at_ns=at(5))
        assert store.execution(known.id) == known
        assert store.transitions(known.id) == steps


@pytest.mark.promise("M102", "M108")
def test_the_steps_of_a_run_have_their_times_and_reasons(store: LogStorage) -> None:
    known = store.add_execution(new(), at_ns=at(0)).execution
    store.change_execution(known.id, Change(status=RUNNING), at_ns=at(4), reason="pod run-7c9f")
    done = store.change_execution(known.id, Change(status=FAILED), at_ns=at(9), reason="가득 찼다")
    assert (done.started_ns, done.completed_ns) == (at(4), at(9))
    assert done.duration_ns(at(99)) == at(9) - at(4)
    steps = store.transitions(known.id)
    assert [(each.from_status, each.to_status, each.at_ns, each.reason) for each in steps] == [
        (None, PENDING, at(0), None),
        (PENDING, RUNNING, at(4), "pod run-7c9f"),
        (RUNNING, FAILED, at(9), "가득 찼다"),
    ]
    assert [each.number for each in steps] == [1, 2, 3]
    assert len({each.id for each in steps}) == 3


def test_a_run_cancelled_before_it_began_never_started(store: LogStorage) -> None:
    known = run(store, status=CANCELLED, created=3)
    assert (known.started_ns, known.completed_ns, known.duration_ns(at(9))) == (None, at(3), None)


RESULT: dict[str, Any] = {
    "pod_name": "run-7c9f",
    "output": "끝났다\0\n" + "x" * 70_000,
    "tokens_used": 14_906,
    "input_tokens": 12_696,
    "output_tokens": 2_210,
    "error_code": "E_FULL",
    "error_message": "디스크가 가득 찼다",
    "error_details": ["a", {"b": None}],
    "cost_micros": 71_482,
    "metadata": {"a": 1},
    "retain_until_ns": at(100),
    "is_permanent": True,
    "exit_code": 137,
    "peak_memory_bytes": 1 << 40,
    "cpu_ms": 1_234,
}


@pytest.mark.promise("M103", "M104", "M105", "M106", "M113")
def test_each_field_of_a_result_is_kept_and_can_be_emptied(store: LogStorage) -> None:
    known = run(store, status=RUNNING)
    changed = store.change_execution(known.id, Change(**RESULT), at_ns=at(5))
    assert changed == replace(known, **RESULT, updated_ns=at(5))
    assert store.execution(known.id) == changed
    assert store.change_execution(known.id, Change(), at_ns=at(6)) == replace(changed, updated_ns=at(6))
    emptied = dict.fromkeys(RESULT) | {"is_permanent": False}
    cleared = store.change_execution(known.id, Change(**emptied), at_ns=at(7))
    assert cleared == replace(known, **emptied, updated_ns=at(7))


def test_a_result_may_come_after_the_end(store: LogStorage) -> None:
    known = run(store, status=COMPLETED)
    assert store.change_execution(known.id, Change(output="late"), at_ns=at(9)).output == "late"


@pytest.mark.promise("M102")
def test_each_change_is_later_than_the_one_before(store: LogStorage) -> None:
    known = store.add_execution(new(), at_ns=at(5)).execution
    times = [
        store.change_execution(known.id, Change(pod_name=str(seconds)), at_ns=at(seconds)).updated_ns
        for seconds in (5, 5, 1, 9)
    ]
    assert times == [at(5) + 1, at(5) + 2, at(5) + 3, at(9)]


def test_an_unknown_execution_is_said_to_be_unknown(store: LogStorage) -> None:
    for name in (uuid(9), "no-uuid", ""):
        for ask in (
            lambda name: store.execution(name),
            lambda name: store.transitions(name),
            lambda name: store.artifacts(name),
            lambda name: move(store, name, RUNNING),
            lambda name: store.heartbeat(name, at_ns=1, interval_ms=1_000),
            lambda name: store.callback_tried(name, next_ns=None),
        ):
            with pytest.raises(UnknownExecution):
                ask(name)


@pytest.mark.promise("M115")
def test_a_list_is_paged_and_sorted_by_creation(store: LogStorage) -> None:
    ids = [run(store, status=PENDING, created=number % 7, id=uuid(number + 1)).id for number in range(25)]
    order = sorted(range(25), key=lambda number: (number % 7, number))
    oldest = [ids[number] for number in order]
    assert listed(store) == oldest[::-1][:20]
    assert listed(store, page=2) == oldest[::-1][20:]
    assert listed(store, page=3) == []
    assert listed(store, order=SortOrder.ASC, page_size=100) == oldest
    assert [page(store, page=number, page_size=7).total for number in (1, 2, 4, 9)] == [25] * 4
    assert every_page(store, page_size=7) == oldest[::-1]


@pytest.mark.promise("M115")
def test_a_list_has_its_bounds() -> None:
    assert (ExecutionQuery().page, ExecutionQuery().page_size) == (1, 20)
    assert (ExecutionQuery().sort, ExecutionQuery().order) == (ExecutionSort.CREATED, SortOrder.DESC)
    for wrong in ({"page": 0}, {"page_size": 0}, {"page_size": 101}):
        with pytest.raises(ValueError, match="1 to 100"):
            ExecutionQuery(**wrong)


@pytest.mark.promise("M115")
def test_a_list_is_sorted_by_end_with_what_runs_as_the_last(store: LogStorage) -> None:
    ends = {1: 30, 2: None, 3: 10, 4: 20, 5: None, 6: 10}
    for number, ended in ends.items():
        run(store, status=RUNNING if ended is None else COMPLETED, id=uuid(number), ended=ended)
    rising = [uuid(number) for number in (3, 6, 4, 1, 2, 5)]
    assert listed(store, sort=ExecutionSort.COMPLETED, order=SortOrder.ASC) == rising
    assert listed(store, sort=ExecutionSort.COMPLETED) == rising[::-1]
    assert listed(store, sort=ExecutionSort.COMPLETED, page=2, page_size=4) == rising[::-1][4:]
    assert listed(store, sort=ExecutionSort.COMPLETED, statuses=(RUNNING,)) == [uuid(5), uuid(2)]


@pytest.mark.promise("M115")
def test_a_list_is_sorted_by_status_as_a_life_goes(store: LogStorage) -> None:
    statuses = [FAILED, PENDING, CANCELLED, RUNNING, COMPLETED, PENDING, FAILED, FAILED]
    for number, status in enumerate(statuses):
        run(store, status=status, created=number, id=uuid(number))
    rising = [uuid(number) for number in (5, 1, 3, 4, 7, 6, 0, 2)]
    falling = [uuid(number) for number in (2, 7, 6, 0, 4, 3, 5, 1)]
    for size in (1, 2, 3, 100):
        asked: dict[str, Any] = {"sort": ExecutionSort.STATUS, "page_size": size}
        assert every_page(store, **asked) == falling
        assert every_page(store, **asked, order=SortOrder.ASC) == rising
    assert page(store, sort=ExecutionSort.STATUS, statuses=(FAILED, PENDING)).total == 5


@pytest.mark.promise("M114")
def test_a_list_is_filtered(store: LogStorage) -> None:
    for number, (status, job, model) in enumerate(
        [
            (COMPLETED, "nightly", "m1"),
            (FAILED, "nightly", "m2"),
            (RUNNING, "hourly", "m1"),
            (PENDING, "정산", "m1"),
        ]
    ):
        run(store, job, status=status, created=number, id=uuid(number), model=model)
    some: list[tuple[dict[str, Any], list[int]]] = [
        ({"statuses": (FAILED,)}, [1]),
        ({"statuses": (FAILED, COMPLETED)}, [1, 0]),
        ({"job_names": ("nightly",)}, [1, 0]),
        ({"job_names": ("정산", "hourly")}, [3, 2]),
        ({"models": ("m1",)}, [3, 2, 0]),
        ({"models": ("m1", "m2"), "statuses": (FAILED, RUNNING)}, [2, 1]),
        ({"since_ns": at(1)}, [3, 2, 1]),
        ({"until_ns": at(1)}, [0]),
        ({"since_ns": at(1), "until_ns": at(3)}, [2, 1]),
        ({"since_ns": at(1), "job_names": ("nightly",)}, [1]),
        ({"statuses": (CANCELLED,)}, []),
        ({"has_artifacts": False, "statuses": (PENDING,)}, [3]),
        ({"has_artifacts": True}, []),
    ]
    for asked, numbers in some:
        for sort in ExecutionSort:
            found = page(store, **asked, sort=sort)
            assert {each.id for each in found.executions} == {uuid(number) for number in numbers}
            assert found.total == len(numbers)
        assert listed(store, **asked) == [uuid(number) for number in numbers]


@pytest.mark.promise("M114")
def test_a_search_looks_into_names_prompt_output_and_error(store: LogStorage) -> None:
    run(store, "nightly-report", id=uuid(1), prompt="어제 체결된 모의주문실행을 요약한다")
    failed = run(store, "sync", id=uuid(2), prompt="Sync orders", trace_id="5be20c77", status=RUNNING)
    store.change_execution(
        failed.id,
        Change(status=FAILED, output="계좌 3개", error_code="E_FULL", error_message="disk is full"),
        at_ns=at(1),
    )
    finds = {
        "nightly": [1],
        "NIGHTLY-report": [1],
        "주문": [1],
        "요약": [1],
        "order": [],
        "order*": [2],
        "orders": [2],
        '"sync orders"': [2],
        '"orders sync"': [],
        "계좌": [2],
        "e_full": [2],
        "disk full": [2],
        "-disk": [1],
        "-disk -nightly": [],
        "sync -계좌": [],
        "5be20c77": [2],
        uuid(1): [1],
        uuid(2).upper(): [2],
        "": [2, 1],
        "!!! ---": [2, 1],
        '"unfinished phrase': [],
        '") OR 1 NEAR(*': [],
        "name:nightly": [],
        "없는말": [],
    }
    for search, numbers in finds.items():
        for sort in ExecutionSort:
            found = page(store, search=search, sort=sort)
            assert {each.id for each in found.executions} == set(map(uuid, numbers)), search
            assert found.total == len(numbers), search


def test_a_search_finds_what_is_there_now(store: LogStorage) -> None:
    known = run(store, status=RUNNING)
    store.change_execution(known.id, Change(output="alpha"), at_ns=at(1))
    store.change_execution(known.id, Change(output="beta", pod_name="pod-9"), at_ns=at(2))
    assert [page(store, search=word).total for word in ("alpha", "beta", "pod-9", "주문")] == [0, 1, 1, 1]
    store.change_execution(known.id, Change(output=None, tokens_used=3), at_ns=at(3))
    assert [page(store, search=word).total for word in ("beta", "pod-9", "주문")] == [0, 1, 1]


def test_a_line_of_the_list_says_what_it_should_without_long_texts(store: LogStorage) -> None:
    known = run(store, prompt="가" * 500, status=RUNNING)
    known = store.change_execution(known.id, Change(status=FAILED, **RESULT), at_ns=at(5))
    (line,) = page(store).executions
    assert line.prompt_head == "가" * 200
    for name in (*line.__slots__,):
        if name != "prompt_head":
            assert getattr(line, name) == getattr(known, name), name


def test_executions_are_counted_by_status(store: LogStorage) -> None:
    assert store.execution_counts() == dict.fromkeys(ExecutionStatus, 0)
    for status in (FAILED, FAILED, PENDING):
        run(store, status=status)
    assert store.execution_counts() == {PENDING: 1, RUNNING: 0, COMPLETED: 0, FAILED: 2, CANCELLED: 0}


def test_jobs_are_known_by_name_and_by_how_long_they_take(store: LogStorage) -> None:
    assert store.job_names() == ()
    for number, took in enumerate((3, 7, 5)):
        run(store, "정산", created=number * 10, ended=number * 10 + took)
    run(store, "정산", created=40, ended=90, status=FAILED)
    run(store, "정산", created=50, status=RUNNING)
    run(store, "api")
    assert store.job_names() == ("api", "정산")
    assert store.job_durations("정산") == (5 * 10**9, 7 * 10**9, 3 * 10**9)
    assert store.job_durations("정산", most=1) == (5 * 10**9,)
    assert store.job_durations("none") == ()


def test_a_run_past_its_timeout_or_silent_is_overdue(store: LogStorage) -> None:
    run(store, id=uuid(1), status=RUNNING, timeout_ms=10_000)
    run(store, id=uuid(2), status=RUNNING, created=2)
    run(store, id=uuid(3), status=PENDING, timeout_ms=1)
    run(store, id=uuid(4), status=COMPLETED, timeout_ms=1)
    run(store, id=uuid(5), status=RUNNING, timeout_ms=4_000)
    for number in (2, 3, 4, 5):
        store.heartbeat(uuid(number), at_ns=at(2), interval_ms=1_000)
    assert store.overdue_executions(at(3.999)) == ()
    found = store.overdue_executions(at(30))
    assert [(each.id, each.why, each.at_ns) for each in found] == [
        (uuid(5), Overdue.TIMEOUT, at(4)),
        (uuid(2), Overdue.LOST, at(5)),
        (uuid(1), Overdue.TIMEOUT, at(10)),
    ]
    assert found[0].job_name == "nightly-report"
    assert [each.id for each in store.overdue_executions(at(30), most=1)] == [uuid(5)]
    store.heartbeat(uuid(2), at_ns=at(29), interval_ms=500)
    move(store, uuid(1), FAILED, seconds=30)
    assert [each.id for each in store.overdue_executions(at(30))] == [uuid(5)]
    assert [each.id for each in store.overdue_executions(at(30.5))] == [uuid(5), uuid(2)]


def test_a_heartbeat_tells_the_runner_what_became_of_its_run(store: LogStorage) -> None:
    known = run(store, status=RUNNING)
    assert store.heartbeat(known.id, at_ns=at(9), interval_ms=5_000) is RUNNING
    assert store.heartbeat(known.id, at_ns=at(8), interval_ms=5_000) is RUNNING
    beating = store.execution(known.id)
    assert beating == replace(known, heartbeat_ns=at(9), heartbeat_interval_ms=5_000)
    move(store, known.id, CANCELLED, seconds=10)
    assert store.heartbeat(known.id, at_ns=at(11), interval_ms=5_000) is CANCELLED
    assert store.execution(known.id).heartbeat_ns == at(9)


@pytest.mark.parametrize("end", [COMPLETED, FAILED, CANCELLED])
def test_an_end_makes_its_callback_due(store: LogStorage, end: ExecutionStatus) -> None:
    url = "https://example.org/done"
    for number in (1, 2):
        run(store, status=end, ended=number * 10, created=1, id=uuid(number), callback_url=url)
    run(store, status=end, id=uuid(3))
    run(store, status=RUNNING, id=uuid(4), callback_url=url)
    assert store.due_callbacks(at(9)) == () or end is CANCELLED
    assert [each.id for each in store.due_callbacks(at(50))] == [uuid(1), uuid(2)]
    assert [each.id for each in store.due_callbacks(at(50), most=1)] == [uuid(1)]
    store.callback_tried(uuid(1), next_ns=at(60))
    store.callback_tried(uuid(2), next_ns=None)
    assert store.due_callbacks(at(59)) == ()
    (again,) = store.due_callbacks(at(60))
    assert (again.id, again.callback_attempts, again.callback_due_ns) == (uuid(1), 1, at(60))
    assert again == store.execution(uuid(1))
    assert store.execution(uuid(2)).callback_attempts == 1


def test_of_two_who_end_a_run_one_wins(store: LogStorage) -> None:
    known = run(store, status=RUNNING)
    first = store.change_execution(known.id, Change(status=COMPLETED, output="mine"), at_ns=at(5))
    with pytest.raises(IllegalMove, match="it stays as it is"):
        store.change_execution(known.id, Change(status=FAILED, output="theirs"), at_ns=at(5))
    assert store.execution(known.id) == first
    assert Change().status is KEEP


def test_every_state_can_be_reached() -> None:
    assert set(PATH) == set(ExecutionStatus)
