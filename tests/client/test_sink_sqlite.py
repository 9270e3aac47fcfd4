"""Errors straight into the service's file: its own schema, its faults, and never a byte of harm."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hantu.client import sink_sqlite
from hantu.client.sink import Parcel, SinkError
from hantu.client.sink_sqlite import SqliteSink
from hantu.errors import ErrorRecord
from hantu.store.sqlite.database import APPLICATION_ID
from hantu.store.sqlite.migrate import VERSION
from tests.client.records import a_record
from tests.parts import require
from tests.store.made import opened


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file as the service makes it."""
    path = tmp_path / "hantu.db"
    with opened(path):
        pass
    return path


@pytest.fixture
def connection(database: Path) -> Iterator[sqlite3.Connection]:
    """Another program that has the file open."""
    opened_one = sqlite3.connect(database, isolation_level=None)
    opened_one.row_factory = sqlite3.Row
    yield opened_one
    opened_one.close()


def rows(connection: sqlite3.Connection, sql: str) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(sql)]


def parcels(*records: ErrorRecord) -> list[Parcel]:
    return [Parcel(record, alerted=False) for record in records]


def refusal(path: Path, *, busy_limit_s: float = 0.1) -> str:
    with pytest.raises(SinkError) as caught:
        SqliteSink(str(path), busy_limit_s=busy_limit_s).send(parcels(a_record()))
    assert not caught.value.permanent
    with pytest.raises(SinkError):
        SqliteSink(str(path), busy_limit_s=busy_limit_s).probe()
    return str(caught.value)


def test_the_sink_knows_the_services_schema() -> None:
    assert (sink_sqlite.APPLICATION_ID, sink_sqlite.NEWEST_VERSION) == (APPLICATION_ID, VERSION)


@pytest.mark.promise("M45", "M48")
def test_an_error_is_stored_with_all_that_is_known_of_it(
    database: Path, connection: sqlite3.Connection
) -> None:
    record = a_record("주문 실패 😀 \ud800")
    receipt = SqliteSink(str(database), now_ns=lambda: 77).send(parcels(record))
    assert (receipt.notifies, receipt.refused) == (False, {})
    (row,) = rows(connection, "SELECT * FROM error_logs")
    assert json.loads(row.pop("context")) == {"stock_code": "005930", "quantity": 10}
    expected = {
        "error_no": 1,
        "id": uuid.UUID(record.id).bytes,
        "time_ns": record.time_ns,
        "level": "ERROR",
        "service": "scheduler",
        "module": "trading_engine",
        "function": "execute_order",
        "message": "주문 실패 😀 \ufffd",
        "error_type": "InsufficientBalance",
        "stack_trace": record.stack_trace,
        "trace_id": "abc12345",
        "fingerprint": record.fingerprint,
        "source": "app",
        "source_id": "scheduler",
        "created_ns": 77,
    }
    # What else there is has a default of the schema's own.
    assert {name: row[name] for name in expected} == expected


def test_the_service_learns_what_the_library_has_told(
    database: Path, connection: sqlite3.Connection
) -> None:
    SqliteSink(str(database)).send(
        [Parcel(a_record("a"), alerted=True), Parcel(a_record("b"), alerted=False)]
    )
    found = rows(connection, "SELECT message, alerted FROM error_logs ORDER BY error_no")
    assert found == [{"message": "a", "alerted": 1}, {"message": "b", "alerted": 0}]


def test_equal_errors_are_one_group_and_a_second_sending_changes_nothing(
    database: Path, connection: sqlite3.Connection
) -> None:
    sink = SqliteSink(str(database))
    sent = parcels(*[a_record(f"order {number} failed") for number in range(5)])
    sink.send(sent)
    sink.send(sent)
    (group,) = rows(connection, "SELECT count, status, place FROM error_group")
    assert group == {"count": 5, "status": "UNRESOLVED", "place": "trading_engine.execute_order"}


def test_a_record_without_a_fingerprint_gets_the_one_it_has_everywhere(
    database: Path, connection: sqlite3.Connection
) -> None:
    record = a_record()
    SqliteSink(str(database)).send(parcels(record._replace(fingerprint="")))
    assert rows(connection, "SELECT fingerprint FROM error_logs") == [{"fingerprint": record.fingerprint}]


def test_errors_are_stored_beside_a_service_that_writes(database: Path) -> None:
    with opened(database) as store:
        SqliteSink(str(database)).send(parcels(a_record()))
        with sqlite3.connect(database) as reader:
            assert reader.execute("SELECT count(*) FROM error_logs").fetchone() == (1,)
        reader.close()
        assert store.stats().entries == 0


def test_nothing_stays_open(database: Path) -> None:
    before = os.listdir("/proc/self/fd")
    SqliteSink(str(database)).send(parcels(a_record()))
    assert len(os.listdir("/proc/self/fd")) == len(before)


@pytest.mark.promise("M59")
def test_a_locked_file_is_a_failure_that_passes(database: Path, connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    assert refusal(database) == f"{database} is locked by another process (database is locked)"
    connection.execute("ROLLBACK")
    SqliteSink(str(database)).send(parcels(a_record()))
    assert rows(connection, "SELECT count(*) AS n FROM error_logs") == [{"n": 1}]


def test_the_probe_leaves_nothing_behind(database: Path, connection: sqlite3.Connection) -> None:
    SqliteSink(str(database)).probe()
    for table in ("error_logs", "error_group", "error_fingerprint"):
        assert rows(connection, f"SELECT count(*) AS n FROM {table}") == [{"n": 0}]


@pytest.mark.promise("M59")
def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "hantu.db"
    assert refusal(path) == f"{path} is not there; the service makes it when it starts"
    assert not path.parent.exists()


@pytest.mark.promise("M59")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no SQLite file; it was not touched"),
        (b"PK\x03\x04" * 100, "is no SQLite file; it was not touched"),
    ],
)
def test_a_file_that_is_no_database_is_not_touched(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "hantu.db"
    path.write_bytes(content)
    assert refusal(path) == f"{path} {reason}"
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["hantu.db"]


@pytest.mark.promise("M59")
def test_a_database_of_another_program_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE error_logs (id)")
    other.close()
    before = path.read_bytes()
    assert refusal(path) == f"{path} is a database of another program; it was not touched"
    assert path.read_bytes() == before


@pytest.mark.promise("M59")
@pytest.mark.parametrize(
    ("version", "advice"),
    [
        (VERSION + 1, "update the hantu package of this program"),
        (sink_sqlite.OLDEST_VERSION - 1, "start the service once, which brings it up to date"),
    ],
)
def test_a_file_of_another_version_is_not_touched(database: Path, version: int, advice: str) -> None:
    other = sqlite3.connect(database)
    other.execute(f"PRAGMA user_version = {version}")
    other.close()
    before = database.read_bytes()
    said = refusal(database)
    assert f"(schema {version}, " in said
    assert said.endswith(advice)
    assert database.read_bytes() == before


@pytest.mark.promise("M59")
def test_a_version_that_only_the_wal_knows_is_refused_too(
    database: Path, connection: sqlite3.Connection
) -> None:
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    assert "made by a newer hantu" in refusal(database)
    assert rows(connection, "SELECT count(*) AS n FROM error_logs") == [{"n": 0}]


@pytest.mark.promise("M59")
def test_a_corrupt_file_is_told_as_such(database: Path) -> None:
    with database.open("r+b") as file:
        size = database.stat().st_size
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    before = database.read_bytes()
    assert "is damaged" in refusal(database)
    assert database.read_bytes() == before


@pytest.mark.promise("M59")
@pytest.mark.parametrize(
    ("mode", "words"),
    [(0o600, "cannot be read: Permission denied"), (0o644, "check the rights of the file")],
)
def test_a_file_of_somebody_else_is_told_as_such(database: Path, mode: int, words: str) -> None:
    require("root", os.geteuid() == 0, "only root can become somebody else")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = shutil.copy(database, folder)
        os.chmod(path, mode)
        pid = os.fork()
        if pid == 0:
            os.seteuid(65534)
            try:
                os._exit(0 if words in refusal(Path(path)) else 1)
            except BaseException:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_file_that_was_replaced_meanwhile_gets_the_next_errors(database: Path, tmp_path: Path) -> None:
    sink = SqliteSink(str(database))
    sink.send(parcels(a_record()))
    database.rename(tmp_path / "damaged.db")
    with opened(database):
        pass
    sink.send(parcels(a_record(), a_record()))
    fresh = sqlite3.connect(database)
    assert fresh.execute("SELECT count(*) FROM error_logs").fetchone() == (2,)
    fresh.close()
