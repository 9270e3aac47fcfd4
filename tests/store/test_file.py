"""Opening the file: which files are refused, who may open it, with what rights."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest

from hantu.query.logquery import LogQuery
from hantu.store import open_sql, open_store
from hantu.store.base import NewerSchema, QueryTimeout, StoreBusy, StoreError
from hantu.store.sqlite import SqliteStore
from hantu.store.sqlite.migrate import VERSION
from hantu.threads import Worker
from tests.parts import require
from tests.store.made import asked, entry, many, opened
from tests.waiting import wait_until

NOBODY = 65_534
CHILD = """
import sys
from pathlib import Path
from hantu.store.sqlite import SqliteStore
from tests.store.made import many
store = SqliteStore.open(Path(sys.argv[1]))
store.write_batch(many(500), {"reader": b"500"})
print("ready", flush=True)
sys.stdin.read()
store.close()
"""


def child(path: Path) -> subprocess.Popen[str]:
    """Another process that has written 500 entries and holds the store open until its stdin ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    """Let it close the store."""
    process.communicate(timeout=30)


def kill(process: subprocess.Popen[str]) -> None:
    """End it without a chance to tidy up."""
    process.kill()
    process.communicate(timeout=30)


def files(folder: Path) -> dict[str, str]:
    """Name and digest of every file but locks."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.suffix != ".lock"
    }


def set_version(path: Path, version: int) -> None:
    """What a newer hantu would leave."""
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", version)
    connection.close()


@pytest.mark.promise("M11")
@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_file_is_refused_and_left_untouched(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "hantu.db"
    with opened(path) as store:
        store.write(entry())
    set_version(path, VERSION + 1)
    before = files(tmp_path)
    assert set(before) == {"hantu.db"}
    with pytest.raises(NewerSchema, match=f"schema version {VERSION + 1}.*not touched"):
        SqliteStore.open(path, read_only=read_only)
    assert files(tmp_path) == before


@pytest.mark.promise("M11")
def test_a_newer_version_that_only_the_wal_knows_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    process = child(path)
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", VERSION + 1)
    kill(process)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("hantu.db", "hantu.db-wal"):
        (copy / name).write_bytes((tmp_path / name).read_bytes())
    connection.close()
    before = files(copy)
    with pytest.raises(NewerSchema):
        SqliteStore.open(copy / "hantu.db")
    after = files(copy)
    assert {name: after[name] for name in before} == before


FOREIGN = {
    "text": b"this is no database, but it is long enough to be taken for one" * 4,
    "short": b"SQLite format 3\0",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_that_is_no_database_is_refused_and_left_untouched(tmp_path: Path, name: str) -> None:
    path = tmp_path / "hantu.db"
    path.write_bytes(FOREIGN[name])
    before = files(tmp_path)
    with pytest.raises(StoreError, match="not a SQLite file"):
        SqliteStore.open(path)
    assert files(tmp_path) == before


def test_a_database_of_another_program_is_refused_and_left_untouched(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE song (name TEXT)")
    connection.close()
    before = files(tmp_path)
    with pytest.raises(StoreError, match="another program"):
        SqliteStore.open(path)
    assert files(tmp_path) == before


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    path.touch()
    with opened(path) as store:
        assert store.write(entry()).cursor == 1


def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    path = tmp_path / "data" / "hantu.db"
    old = os.umask(0)
    try:
        with opened(path) as store:
            store.write(entry())
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    finally:
        os.umask(old)
    assert modes == dict.fromkeys(("hantu.db", "hantu.db-wal", "hantu.db-shm", "hantu.db.lock"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_root_makes_in_the_folder_of_the_services_user_is_that_users(tmp_path: Path) -> None:
    """`hantu restore` or `hantu passwd` before the service has made its files."""
    require("root", os.geteuid() == 0, "files of another user need it")
    folder = tmp_path / "data"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    with opened(folder / "hantu.db") as store:
        store.write_batch([entry(message="line")])
        owners = {each.name: (each.stat().st_uid, each.stat().st_gid) for each in folder.iterdir()}
    names = ("hantu.db", "hantu.db-wal", "hantu.db-shm", "hantu.db.lock")
    assert owners == dict.fromkeys(names, (NOBODY, NOBODY))


@pytest.mark.fault_row("R23")
def test_a_second_process_that_wants_to_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    process = child(path)
    try:
        with pytest.raises(StoreBusy, match=f"already open for writing by process {process.pid}"):
            SqliteStore.open(path)
    finally:
        end(process)
    with opened(path) as store:
        assert store.cursor() == 500
        with pytest.raises(StoreBusy):
            SqliteStore.open(path)


def test_a_second_process_reads_while_the_first_writes(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path) as store:
        store.write_batch(many(10))
        with opened(path, read_only=True) as reader:
            assert reader.count(LogQuery()).count == 10
            store.write_batch([entry("later", source_id="new")])
            assert [each.source_id for each in reader.search(asked("later")).entries] == ["new"]
            with pytest.raises(StoreError, match="reading only"):
                reader.write(entry())
    process = child(tmp_path / "other.db")
    try:
        with opened(tmp_path / "other.db", read_only=True) as reader:
            assert reader.count(asked("line")).count == 500
            assert reader.checkpoint("reader") == b"500"
    finally:
        end(process)


@pytest.mark.promise("M13")
@pytest.mark.parametrize("read_only", [True, False])
def test_what_a_killed_process_committed_is_there(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "hantu.db"
    process = child(path)
    kill(process)
    assert path.with_name("hantu.db-wal").stat().st_size > 0
    with opened(path, read_only=read_only) as store:
        assert store.count(LogQuery()).count == 500
        assert store.checkpoint("reader") == b"500"


def test_reading_leaves_no_files_behind(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path) as store:
        store.write(entry())
    before = files(tmp_path)
    assert set(before) == {"hantu.db"}
    with opened(path, read_only=True) as store:
        assert store.cursor() == 1
    assert files(tmp_path) == before


def test_a_missing_file_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database"):
        open_store(tmp_path / "hantu.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be (opened|read)"):
        SqliteStore.open(tmp_path / "file" / "hantu.db")


REFUSED = (
    "DELETE FROM entry",
    "DROP TABLE entry",
    "PRAGMA query_only = OFF",
    "PRAGMA journal_mode = DELETE",
    "ATTACH 'other.db' AS other",
    "VACUUM INTO 'copy.db'",
    "CREATE TEMP TABLE x (y)",
    "BEGIN IMMEDIATE",
    "SELECT load_extension('x')",
)


@pytest.mark.parametrize("statement", REFUSED)
def test_sql_of_a_person_changes_nothing(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "hantu.db"
    with opened(path) as store:
        store.write(entry())
    with open_sql(path) as run, pytest.raises(StoreError, match=r"only reads|SQL"):
        run(statement, most=10)
    with opened(path) as store:
        assert store.count(LogQuery()).count == 1


def test_sql_of_a_person_has_a_time_limit_and_a_row_limit(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path) as store:
        store.write_batch(many(20))
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT "
    with open_sql(path) as run:
        with pytest.raises(QueryTimeout, match=r"longer than 0.05 s"):
            run(endless + "count(*) FROM n", most=1, time_limit_ms=50)
        columns, rows = run("SELECT level, count(*) AS many FROM log_entry GROUP BY level", most=3)
        assert columns == ("level", "many")
        assert len(rows) == 3
        with pytest.raises(StoreError, match="no such table: missing"):
            run("SELECT * FROM missing", most=1)
        assert run("SELECT x FROM (" + endless + "x FROM n)", most=2)[1] == [(1,), (2,)]


def test_closing_ends_what_still_reads_and_leaves_no_wal(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    store = SqliteStore.open(path)
    store.write_batch(many(100))
    long = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    ended: list[str] = []

    def ask(_stop: threading.Event) -> None:
        with pytest.raises(QueryTimeout) as raised:
            store.sql(long, most=1, time_limit_ms=60_000)
        ended.append(str(raised.value))

    reader = Worker("test-reader", ask)
    reader.start()
    database = store._database
    wait_until(lambda: database._lent)
    store.close()
    assert reader.join(10)
    assert ended
    assert sorted(files(tmp_path)) == ["hantu.db"]
