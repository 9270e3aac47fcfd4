"""Errors in the file: what other writers may rely on, which index serves what, what a crash leaves."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest

from hantu.errors import ErrorStatus
from hantu.query.logquery import LogQuery
from hantu.store.error_base import ErrorOrder, ErrorQuery, StatsBy
from hantu.store.sqlite import SqliteStore
from hantu.store.sqlite.database import APPLICATION_ID, Reader
from hantu.store.sqlite.errors import SLICE_ROWS
from hantu.store.sqlite.migrate import FIRST, MIGRATIONS, VERSION
from tests.contract.error_samples import at, error, groups, only_group
from tests.store.killing import VFS, Fuse, changes
from tests.store.made import entry, opened

INSERTING = """
import json, sqlite3, sys
path, rows = sys.argv[1], json.loads(sys.argv[2])
connection = sqlite3.connect(path, isolation_level=None, timeout=30)
for number, time_ns, fingerprint in rows:
    connection.execute(
        "INSERT OR IGNORE INTO error_logs ("
        " id, time_ns, level, service, module, function, message, error_type, stack_trace, context,"
        " trace_id, fingerprint, source, source_id, created_ns)"
        " VALUES (?, ?, 'ERROR', 'api', 'core', 'run', ?, 'KeyError', 'Traceback', '{}', '', ?, 'app',"
        " 'api', 0)",
        (number.to_bytes(16, "big"), time_ns, f"실패 {number}", fingerprint),
    )
"""
"""Another program, for two copies of SQLite in one process would break each other's locks."""


def inserting(path: Path, *rows: tuple[int, int, str]) -> subprocess.Popen[bytes]:
    """A program that inserts errors (number, time, fingerprint) with the standard library."""
    return subprocess.Popen([sys.executable, "-c", INSERTING, str(path), json.dumps(rows)])


@pytest.mark.promise("M48", "M55")
def test_a_plain_insert_of_another_sqlite_is_grouped_counted_and_reopens(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    often, once = "f" * 16, "e" * 16
    with opened(path) as store:
        rows = [(1, at(0), often), (2, at(1), often), (1, at(0), often), (3, at(0), once)]
        assert inserting(path, *rows).wait(30) == 0
        found = groups(store, order=ErrorOrder.COUNT)
        assert [(group.count, group.message, group.place) for group in found] == [
            (2, "실패 2", "core.run"),
            (1, "실패 3", "core.run"),
        ]
        number = found[0].group_no
        store.resolve(number, at_ns=at(5))
        assert inserting(path, (4, at(4), often)).wait(30) == 0
        assert store.error_group(number).status is ErrorStatus.RESOLVED
        assert inserting(path, (5, at(6), often)).wait(30) == 0
        group = store.error_group(number)
        assert (group.status, group.regressions, group.count) == (ErrorStatus.UNRESOLVED, 1, 4)
        assert [each.reopened for each in store.errors_after(0, most=9)] == [False] * 4 + [True]
        # The same error comes with its line of log, too.
        store.write_batch([error("실패 5", number=5)])
        assert sum(group.count for group in groups(store)) == 5


def test_two_processes_that_write_errors_at_once_lose_none(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path) as store:
        other = inserting(path, *[(number, at(number), "f" * 16) for number in range(1, 301)])
        written = 0
        while other.poll() is None or written < 100:
            written += 1
            store.write_batch([error(number=1_000 + written), entry("line")])
        assert other.wait() == 0
        assert sorted(group.count for group in groups(store)) == sorted((written, 300))
        assert store.maintain(10**5, now_ns=at(0), pause=bool).problems == ()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    """Some groups, two of them merged."""
    with opened(tmp_path_factory.mktemp("errors") / "hantu.db") as store:
        for letter in "가나다라":
            store.write_batch([error(letter, seconds=second, trace_id="abc12345") for second in range(50)])
        first, second = (group.group_no for group in groups(store)[:2])
        store.merge([first, second], first, at_ns=at(100))
        yield store


PLANS = {
    "inbox by last seen": "SEARCH error_group USING INDEX error_group_last (status=?)",
    "inbox by first seen": "SEARCH error_group USING INDEX error_group_first (status=?)",
    "inbox by count": "SEARCH error_group USING INDEX error_group_count (status=?)",
    "occurrences": "SEARCH error_logs USING INDEX error_logs_fingerprint"
    " (service=? AND fingerprint=? AND time_ns<?)",
    "by id": "SEARCH error_logs USING INDEX sqlite_autoindex_error_logs_1 (id=?)",
    "trace": "SEARCH error_logs USING INDEX error_logs_trace (trace_id=?)",
    "arrival": "SEARCH error_logs USING INTEGER PRIMARY KEY (rowid>?)",
    "buckets": "SEARCH error_logs USING COVERING INDEX error_logs_fingerprint"
    " (service=? AND fingerprint=? AND time_ns>? AND time_ns<?)",
    "statistics": "SEARCH error_logs USING INDEX error_logs_time (time_ns>? AND time_ns<?)",
    "removal": "SEARCH error_logs USING COVERING INDEX error_logs_time (time_ns<?)",
    "history": "SEARCH error_event USING INDEX error_event_group (group_no=?)",
    "service by hand": "SEARCH error_logs USING INDEX error_logs_service (service=? AND time_ns>?)",
    "time by hand": "SEARCH error_logs USING INDEX error_logs_time (time_ns>?)",
    "level by hand": "SEARCH error_logs USING INDEX error_logs_time (time_ns>?)",
    "rare level by hand": "SEARCH error_logs USING INDEX error_logs_level (level=? AND time_ns>?)",
}


BY_HAND = {
    "service by hand": "SELECT * FROM error_logs WHERE service = 'api' AND time_ns > 7 ORDER BY time_ns",
    "time by hand": "SELECT * FROM error_logs WHERE time_ns > 7 ORDER BY time_ns",
    # Nearly all are of this level: those of a time are read along their times.
    "level by hand": "SELECT * FROM error_logs WHERE level = 'ERROR' AND time_ns > 7 ORDER BY time_ns",
    "rare level by hand": "SELECT * FROM error_logs WHERE level = 'CRITICAL' AND time_ns > 7"
    " ORDER BY time_ns",
}


@pytest.mark.promise("M5", "M48")
@pytest.mark.parametrize("what", PLANS)
def test_look_ups_of_errors_are_served_by_an_index(
    filled: SqliteStore, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, newest = groups(filled)[0], filled.errors_after(0, most=1)[0]
    asks: dict[str, Callable[[], object]] = {
        "inbox by last seen": lambda: filled.errors(ErrorQuery()),
        "inbox by first seen": lambda: filled.errors(ErrorQuery(order=ErrorOrder.FIRST_SEEN)),
        "inbox by count": lambda: filled.errors(ErrorQuery(order=ErrorOrder.COUNT)),
        "occurrences": lambda: filled.occurrences(group.group_no),
        "by id": lambda: filled.error(newest.record.id),
        "trace": lambda: filled.errors_of_trace("abc12345"),
        "arrival": lambda: filled.errors_after(3, most=5),
        "buckets": lambda: filled.error_buckets([group.group_no], start_ns=at(0), end_ns=at(9), buckets=3),
        "statistics": lambda: filled.error_stats(StatsBy.TYPE, since_ns=at(0), until_ns=at(9)),
        "removal": lambda: filled.remove_errors(at(-100), pause=bool),
        "history": lambda: filled.group_events(group.group_no),
    }
    asked: list[tuple[str, Any]] = []
    rows = Reader.rows

    def noted(reader: Reader, sql: str, binds: Any = None) -> apsw.Cursor:
        asked.append((sql, binds))
        return rows(reader, sql, binds)

    def note(_cursor: apsw.Cursor, sql: str, binds: Any) -> bool:
        asked.append((sql, binds))
        return True

    writer = filled._database.writer()
    monkeypatch.setattr(Reader, "rows", noted)
    writer.exec_trace = note
    try:
        if what in BY_HAND:
            asked.append((BY_HAND[what], None))
        else:
            asks[what]()
    finally:
        writer.exec_trace = None
    steps = [
        step
        for sql, binds in list(asked)
        if "error_" in sql
        for *_, step in writer.execute(f"EXPLAIN QUERY PLAN {sql}", binds)
    ]
    assert PLANS[what] in steps
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps


STEPS = ("write", "resolve", "merge", "remove")


def _acted(path: Path, what: str, kill_at: int | None) -> int:
    """Do something with errors in a process that is killed on the way, as changes()."""

    def act() -> None:
        store = SqliteStore.open(path, vfs=VFS, background=False)
        Fuse.light()
        numbers = [group.group_no for group in groups(store)]
        match what:
            case "write":
                store.write_batch([error("가", number=900 + each) for each in range(5)], durable=True)
            case "resolve":
                store.resolve(numbers[0], at_ns=at(100))
            case "merge":
                store.merge(numbers, numbers[0], at_ns=at(100))
            case "remove":
                store.remove_errors(at(10), pause=bool)

    return changes(act, kill_at)


@pytest.mark.fault
@pytest.mark.parametrize("what", STEPS)
def test_counts_are_exact_whenever_the_process_is_killed(tmp_path: Path, what: str) -> None:
    seed = tmp_path / "seed" / "hantu.db"
    with opened(seed) as store:
        store.write_batch([error(letter, seconds=second) for letter in "가나" for second in range(20)])
        groups_before = {group.group_no: group.count for group in groups(store)}
    path = tmp_path / "hantu.db"
    shutil.copy(seed, path)
    writes = _acted(path, what, None)
    assert writes > 3
    kept = set()
    for kill_at in range(writes):
        for part in tmp_path.glob("hantu.db*"):
            part.unlink()
        shutil.copy(seed, path)
        assert _acted(path, what, kill_at) == -1
        with opened(path, background=False) as store:
            entries = store.count(LogQuery()).count
            every = store.errors_after(0, most=1_000)
            found = {group.group_no: group.count for group in groups(store)}
            assert sum(found.values()) == entries
            if what == "remove":
                assert found == groups_before
                assert len(every) in (20, 40)
            else:
                assert len(every) == entries
                assert {number: _count(store, number) for number in found} == found
            assert store.maintain(10**5, now_ns=at(0), pause=bool).problems == ()
            kept.add(
                (entries, len(every), len(found), len(groups(store, statuses=(ErrorStatus.RESOLVED,))))
            )
    # Killed before its commit nothing was done, after it all was.
    assert len(kept) == 2


def _count(store: SqliteStore, group_no: int) -> int:
    return len(store.occurrences(group_no, most=1_000).occurrences)


def test_old_occurrences_go_in_slices_that_let_others_write(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db") as store:
        store.write_batch([error(seconds=second) for second in range(5 * SLICE_ROWS)])
        paused: list[int] = []

        def pause() -> bool:
            store.write_batch([error("새 오류", seconds=10**6 + len(paused))])
            paused.append(store.newest_error_no())
            return len(paused) == 3

        assert store.remove_errors(at(10**5), pause=pause) == 3 * SLICE_ROWS
        assert len(paused) >= 3
        assert only_count(store, "새 오류") == len(paused)


def only_count(store: SqliteStore, search: str) -> int:
    (group,) = groups(store, search=search)
    return group.count


def test_removed_errors_give_their_room_back(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db") as store:
        draw = Random(1)
        stacks = [f"Traceback\n  at {draw.randbytes(5_000).hex()}" for _ in range(400)]
        store.write_batch([error(seconds=at, stack_trace=stack) for at, stack in enumerate(stacks)])
        size = store.stats().size_bytes
        assert store.error_size().size_bytes > 400 * 5_000
        assert store.remove_errors(at(390), pause=bool) == 390
        assert store.stats().size_bytes < size - 380 * 5_000
        assert store.error_size().oldest_ns == at(390)
        assert only_group(store).count == 400


def test_hantu_sql_asks_errors_as_tables(filled: SqliteStore) -> None:
    columns, rows = filled.sql(
        "SELECT service, count(*) AS errors, datetime(max(time_ns) / 1e9, 'unixepoch') AS last"
        " FROM error_logs GROUP BY service",
        most=5,
    )
    assert columns == ("service", "errors", "last")
    assert rows == [("scheduler", 200, "2026-11-21 02:00:49")]


def test_the_statements_of_the_documentation_run(filled: SqliteStore) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "errors.md").read_text("utf-8")
    statements = page.partition("```sql\n")[2].partition("```")[0].split(";")[:-1]
    assert len(statements) == 2
    today, last = (filled.sql(statement, most=10) for statement in statements)
    assert today[0] == ("service", "error_type", "errors")
    assert last[0] == ("at", "message")


@pytest.mark.promise("M11")
def test_a_file_from_before_errors_gets_their_tables(tmp_path: Path) -> None:
    path, old = tmp_path / "hantu.db", tmp_path / "old.db"
    with opened(path) as store:
        store.write_batch([error(number=1), entry("line")])
    connection = apsw.Connection(str(old))
    connection.pragma("application_id", APPLICATION_ID)
    connection.execute(MIGRATIONS[0])
    connection.execute("ATTACH ? AS new", (str(path),))
    for table in ("meta", "source", "stream", "hot", "event", "checkpoint"):
        connection.execute(f"INSERT INTO {table} SELECT * FROM new.{table}")
    connection.pragma("user_version", FIRST)
    connection.close()
    with opened(old) as store:
        assert store.count(LogQuery()).count == 2
        assert groups(store) == []
        # Its line is known from before: the error was never told, and is not told late.
        store.write_batch([error(number=1), error(number=2)])
        assert only_group(store).count == 1
        assert store.stats().schema_version == VERSION
