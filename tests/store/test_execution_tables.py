"""The tables of executions: what no writer can break, what serves each question, what damage does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hantu.executions import (
    ARTIFACT_MOVES,
    MOVES,
    ArtifactStatus,
    Change,
    ExecutionStatus,
    Keeping,
)
from hantu.executions.record import MODEL_DEFAULT
from hantu.store.execution_base import ExecutionSort
from hantu.store.sqlite import SqliteStore
from hantu.store.sqlite.migrate import VERSION
from hantu.store.sqlite.storage import EXECUTIONS
from tests.contract.execution_samples import CHECKSUM, DAY_S, a_file, at, listed, page, run, uuid
from tests.store.made import made_by_version


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore.open(tmp_path / "hantu.db", background=False)) as opened:
        yield opened


@pytest.fixture
def plain(store: SqliteStore) -> Iterator[sqlite3.Connection]:
    """The same file by the standard library, as other programs would write it."""
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection


ADD = """
INSERT INTO executions (id, trace_id, job_name, status, created_ns, updated_ns, prompt_head, prompt)
VALUES (:id, :trace_id, :job_name, :status, 1, 1, '', :prompt)
"""
GOOD = {"id": uuid(1), "trace_id": "5be20c77", "job_name": "job", "status": "PENDING", "prompt": "p"}


@pytest.mark.promise("M100", "M101", "M102")
def test_a_row_by_another_writer_has_the_defaults(plain: sqlite3.Connection, store: SqliteStore) -> None:
    plain.execute(ADD, GOOD)
    found = store.execution(uuid(1))
    assert (found.model, found.max_tokens, found.is_permanent) == ("claude-sonnet-4-20250514", 4096, False)
    plain.execute("UPDATE executions SET status = 'RUNNING', pod_name = 'p-1'")
    changed = store.execution(uuid(1))
    assert changed.status is ExecutionStatus.RUNNING
    assert changed.updated_ns > 1_700_000_000_000_000_000


@pytest.mark.promise("M97", "M101", "M109")
@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "no-uuid"},
        {"trace_id": "short"},
        {"job_name": ""},
        {"job_name": "j" * 256},
        {"status": "DONE"},
        {"prompt": None},
    ],
)
def test_no_writer_can_store_what_is_not_allowed(plain: sqlite3.Connection, wrong: dict[str, Any]) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        plain.execute(ADD, GOOD | wrong)


@pytest.mark.promise("M103", "M105", "M117")
@pytest.mark.parametrize(
    "wrong",
    [
        "model = printf('%101d', 0)",
        "max_tokens = 0",
        "pod_name = printf('%256d', 0)",
        "tokens_used = -1",
        "cost_micros = 10000000000",
        "error_code = printf('%101d', 0)",
        "is_permanent = 2",
        "metadata = '{'",
        "error_details = 'x'",
        "exit_code = 'x'",
    ],
)
def test_no_writer_can_set_what_is_not_allowed(
    plain: sqlite3.Connection, store: SqliteStore, wrong: str
) -> None:
    known = run(store)
    with pytest.raises(sqlite3.IntegrityError):
        plain.execute(f"UPDATE executions SET {wrong}")
    assert store.execution(known.id) == known


@pytest.mark.promise("M118")
@pytest.mark.parametrize("status", ExecutionStatus)
def test_no_writer_can_make_an_illegal_move(
    plain: sqlite3.Connection, store: SqliteStore, status: ExecutionStatus
) -> None:
    for to in ExecutionStatus:
        known = run(store, status=status)
        moved = "UPDATE executions SET status = ? WHERE id = ?"
        if to in MOVES[status]:
            plain.execute(moved, (to, known.id))
            continue
        with pytest.raises(sqlite3.IntegrityError, match="cannot go to that status"):
            plain.execute(moved, (to, known.id))
        assert store.execution(known.id) == known


@pytest.mark.parametrize("status", ArtifactStatus)
def test_no_writer_can_make_an_illegal_move_of_an_artifact(
    plain: sqlite3.Connection, store: SqliteStore, status: ArtifactStatus
) -> None:
    known = run(store)
    for to in ArtifactStatus:
        artifact = store.add_artifact(known.id, a_file(), at_ns=0).artifact
        plain.execute("DELETE FROM artifacts WHERE id = ?", (artifact.id,))
        plain.execute(
            "INSERT INTO artifacts (id, execution_id, file_name, file_path, status, created_ns)"
            " VALUES (?, ?, 'n', 'p', ?, 0)",
            (artifact.id, known.id, status),
        )
        moved = "UPDATE artifacts SET status = ? WHERE id = ?"
        if to in ARTIFACT_MOVES[status]:
            plain.execute(moved, (to, artifact.id))
            continue
        with pytest.raises(sqlite3.IntegrityError, match="cannot go to that status"):
            plain.execute(moved, (to, artifact.id))


@pytest.mark.promise("M111", "M117")
def test_steps_and_artifacts_belong_to_their_execution(
    plain: sqlite3.Connection, store: SqliteStore
) -> None:
    for statement in (
        "INSERT INTO status_transitions VALUES (?, 1, NULL, 'PENDING', 0, NULL)",
        "INSERT INTO artifacts (id, execution_id, file_name, file_path, created_ns)"
        f" VALUES ('{uuid(5)}', ?, 'n', 'p', 0)",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            plain.execute(statement, (uuid(9),))
    gone, stays = run(store, prompt="가라"), run(store, prompt="남아라")
    for each in (gone, stays):
        store.add_artifact(each.id, a_file(), at_ns=0)
    with store._database.writing() as connection:
        connection.execute("DELETE FROM executions WHERE id = ?", (gone.id,))
    for table in ("status_transitions", "artifacts"):
        assert plain.execute(f"SELECT DISTINCT execution_id FROM {table}").fetchall() == [(stays.id,)]
    assert (page(store, search="가라").total, page(store, search="남아라").total) == (0, 1)
    assert store.execution(stays.id).artifacts == 1


@pytest.mark.promise("M105")
def test_a_cost_is_read_as_people_write_it(plain: sqlite3.Connection, store: SqliteStore) -> None:
    for micros in (71_482, 0, 9_999_999_999, None):
        store.change_execution(run(store).id, Change(cost_micros=micros), at_ns=at(1))
    found = plain.execute("SELECT estimated_cost FROM executions ORDER BY execution_no").fetchall()
    assert [cost for (cost,) in found] == ["0.071482", "0.000000", "9999.999999", None]


SERVED = {
    "executions ORDER BY created_ns DESC LIMIT 20": "executions_created",
    "executions WHERE created_ns >= 1 AND created_ns < 2": "executions_created (created_ns>? AND",
    "executions GROUP BY status": "executions_status",
    "executions WHERE status = 'RUNNING'": "executions_status (status=?)",
    "executions WHERE job_name = 'a' ORDER BY created_ns DESC": "executions_job_name (job_name=?)",
    "executions WHERE id = 'a'": "(id=?)",
    "executions WHERE trace_id = 'a'": "(trace_id=?)",
    "executions WHERE retain_until_ns <= 1": "executions_retain (retain_until_ns<?)",
    "executions WHERE callback_due_ns <= 1": "executions_callback (callback_due_ns<?)",
    "status_transitions WHERE execution_id = 'a'": "PRIMARY KEY (execution_id=?)",
    "artifacts WHERE execution_id = 'a'": "artifacts_execution (execution_id=?)",
    "artifacts WHERE status = 'UPLOADING'": "artifacts_status (status=?)",
    "artifacts WHERE expires_ns <= 1": "artifacts_expires (expires_ns<?)",
}


@pytest.mark.promise("M11")
def test_a_file_from_before_executions_gets_their_tables(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    made_by_version(path, 3)
    with closing(SqliteStore.open(path, background=False)) as opened:
        assert opened.stats().schema_version == VERSION
        known = run(opened)
        assert listed(opened, search="주문") == [known.id]


@pytest.mark.promise("M107", "M108", "M110")
@pytest.mark.parametrize("question", SERVED)
def test_each_look_up_is_served_by_an_index(store: SqliteStore, question: str) -> None:
    _, rows = store.sql(f"EXPLAIN QUERY PLAN SELECT 1 FROM {question}", most=9)
    assert SERVED[question] in rows[0][3]


def test_pages_and_totals_are_read_from_indexes_alone(
    store: SqliteStore,
) -> None:
    run(store)
    run(store)
    asked: list[tuple[str, Any]] = []

    def note(_: object, sql: str, bound: object) -> bool:
        asked.append((sql, bound))
        return True

    with store._database.reading(None) as reader:
        reader.connection.exec_trace = note
    completed = {"statuses": (ExecutionStatus.COMPLETED,)}
    for sort in ExecutionSort:
        for filters in (
            {"statuses": tuple(ExecutionStatus)[2:4]},
            {**completed, "models": ("m", MODEL_DEFAULT), "since_ns": 1},
            {**completed, "job_names": ("nightly-report",)},
            {"job_names": ("a", "nightly-report"), "has_artifacts": False, "search": "주문"},
        ):
            some: dict[str, Any] = {**filters, "page_size": 1}
            assert page(store, sort=sort, **some).total == 2
    with store._database.reading(None) as reader:
        reader.connection.exec_trace = None
        lists = [each for each in asked if "INDEXED BY" in each[0]]
        assert len(lists) == 24
        for sql, bound in lists:
            plans = [row[3] for row in reader.rows(f"EXPLAIN QUERY PLAN {sql}", bound)]
            own = [plan for plan in plans if " executions " in plan]
            assert own
            assert all("USING COVERING INDEX" in plan for plan in own), own


def test_a_file_says_what_executions_take(store: SqliteStore) -> None:
    before = store.storage().tiers[EXECUTIONS]
    for _ in range(20):
        run(store, prompt="긴 글 " * 2_000)
    after = store.storage()
    assert after.tiers[EXECUTIONS] > before + 20 * 10_000
    assert sum(after.tiers.values()) == after.file_bytes


def test_the_file_shrinks_when_executions_go(store: SqliteStore) -> None:
    empty = store.storage().file_bytes
    for number in range(300):
        run(store, prompt=f"긴 글 {number} " * 300)
    full = store.storage().file_bytes
    removed = store.remove_executions(Keeping(days=1), now_ns=at(9 * DAY_S), pause=lambda: False)
    assert removed.executions == 300
    assert store.storage().file_bytes - empty < (full - empty) * 0.2
    assert store.maintain(1, now_ns=at(0), pause=lambda: False).problems == ()


def test_a_stop_leaves_the_rest_for_the_next_day(store: SqliteStore) -> None:
    for _ in range(250):
        run(store)
    stops = iter([False, True])
    removed = store.remove_executions(
        Keeping(days=1), now_ns=at(9 * DAY_S), pause=lambda: next(stops, True)
    )
    assert removed.executions == 200
    assert page(store).total == 50


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM execution_word_data WHERE id > 10",
        "UPDATE execution_word_data SET block = zeroblob(length(block)) WHERE id > 10",
        "DELETE FROM execution_word WHERE rowid = 3",
        "INSERT INTO execution_word (execution_word) VALUES ('delete-all')",
    ],
)
def test_a_damaged_index_of_words_is_made_anew(store: SqliteStore, damage: str) -> None:
    ids = [run(store, id=uuid(number), prompt=f"주문 {number}").id for number in range(1, 260)]
    with store._database.writing() as connection:
        connection.execute(damage)
    (problem,) = store.maintain(30, now_ns=at(0), pause=lambda: False).problems
    assert problem.startswith("execution_word: ")
    assert problem.endswith("it was made anew from the executions, nothing is lost")
    assert page(store, search="주문").total == len(ids)
    assert listed(store, search='"주문 7"') == [uuid(7)]
    assert store.maintain(30, now_ns=at(0), pause=lambda: False).problems == ()


def test_damage_of_the_tables_is_found(store: SqliteStore, plain: sqlite3.Connection) -> None:
    known = run(store)
    store.add_artifact(known.id, a_file(checksum=CHECKSUM), at_ns=0)
    plain.execute("PRAGMA ignore_check_constraints = ON")
    plain.execute("UPDATE executions SET job_name = ''")
    plain.execute("UPDATE artifacts SET type = 'PICTURE'")
    problems = store.maintain(30, now_ns=at(0), pause=lambda: False).problems
    assert [problem.partition(":")[0] for problem in problems] == ["executions", "artifacts"]
