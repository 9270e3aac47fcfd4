"""The schema: its history, its indexes, the settings of the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw
import pytest

from hantu.model import LogLevel
from hantu.paths import SCHEMA
from hantu.query.logquery import LogQuery
from hantu.store.sqlite import SqliteStore
from hantu.store.sqlite.database import Reader
from hantu.store.sqlite.frame import Frame
from hantu.store.sqlite.grouping import Groups
from hantu.store.sqlite.migrate import MIGRATIONS, VERSION
from hantu.store.sqlite.snapshot import Segment
from tests.store.made import SECOND_NS, START_NS, asked, entry, opened


def described(script: str) -> set[tuple[object, ...]]:
    """Every table, index, view and setting that a script leads to."""
    connection = apsw.Connection(":memory:")
    connection.execute(script)
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
    settings = connection.execute("SELECT 'shape_word_config', k, v, '' FROM shape_word_config").fetchall()
    return {
        (kind, name, table, re.sub(r"\s+", " ", str(sql))) for kind, name, table, sql in rows + settings
    }


@pytest.mark.promise("M11")
def test_schema_sql_is_where_all_migrations_lead() -> None:
    assert described(SCHEMA.read_text("utf-8")) == described("\n".join(MIGRATIONS))


def test_every_index_names_the_query_it_serves() -> None:
    lines = SCHEMA.read_text("utf-8").splitlines()
    for before, line in pairwise(lines):
        if line.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX", "CREATE TABLE", "CREATE VIEW")):
            assert before.startswith("-- "), line


@pytest.mark.promise("M11", "M12", "M13", "M14")
def test_a_new_file_has_its_version_wal_and_auto_vacuum(tmp_path: Path) -> None:
    path = tmp_path / "data" / "hantu.db"
    with opened(path) as store:
        assert store.stats().schema_version == VERSION
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    assert connection.pragma("user_version") == VERSION
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("auto_vacuum") == 2
    assert connection.pragma("page_size") == 4096
    connection.close()
    with opened(path) as store:
        assert store.cursor() == 0


APART_S = 3_600
SEGMENTS = 12
ODD: dict[int, dict[str, Any]] = {
    3: {"source": "app"},
    5: {"level": LogLevel.ERROR},
    7: {"source_id": "web"},
}
"""What the first entry of some segments has that no other segment has."""
TRACED = 9
HOUR_NS = APART_S * SECOND_NS


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    """Segments of an hour each, one after the other."""
    with opened(tmp_path_factory.mktemp("store") / "hantu.db", background=False) as store:
        for segment in range(SEGMENTS):
            at, traced = segment * APART_S, {"trace_id": f"{segment:07x}a"}
            lines = [entry(f"line {number}", at=at + number, metadata=traced) for number in range(50)]
            store.write_batch([entry("odd", at=at, **ODD.get(segment, {})), *lines])
            store.seal()
        assert store.count(LogQuery()).count == SEGMENTS * 51
        yield store


@pytest.fixture
def opened_segments(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The segments, counted from 0, whose lines were looked at."""
    found: list[int] = []
    begin = store._catalog.frame

    def noting(reader: Reader, segment: Segment, groups: Callable[[], Groups] | None = None) -> Frame:
        found.append(segment.segment_no - 1)
        return begin(reader, segment, groups)

    monkeypatch.setattr(store._catalog, "frame", noting)
    return found


LATE_NS = START_NS + 2 * HOUR_NS
LOOK_UPS: dict[str, tuple[LogQuery, str, str, set[int]]] = {
    "source and time": (
        LogQuery(sources=("app",), start_ns=LATE_NS),
        f"source = 'app' AND time_ns >= {LATE_NS}",
        "directories (source=?), bounds (time_ns>=?), newest first",
        {3},
    ),
    "level and time": (
        LogQuery(levels=(LogLevel.ERROR,), start_ns=LATE_NS),
        f"level = 'error' AND time_ns >= {LATE_NS}",
        "directories (level=?), bounds (time_ns>=?), newest first",
        {5},
    ),
    "time": (
        LogQuery(start_ns=LATE_NS, end_ns=LATE_NS + HOUR_NS),
        f"time_ns >= {LATE_NS} AND time_ns < {LATE_NS + HOUR_NS}",
        "bounds (time_ns>=? AND time_ns<?), newest first",
        {2},
    ),
    "source_id": (
        LogQuery(source_id="web"),
        "source_id = 'web'",
        "directories (source_id=?), newest first",
        {7},
    ),
    "trace": (
        asked(f"trace:{TRACED:07x}a"),
        f"trace_id = '{TRACED:07x}a'",
        "filters (trace_id=?), newest first",
        {TRACED},
    ),
}


@pytest.mark.promise("M5")
@pytest.mark.parametrize("name", LOOK_UPS)
def test_look_ups_are_served_by_an_index(store: SqliteStore, opened_segments: list[int], name: str) -> None:
    query, where, words, segments = LOOK_UPS[name]
    statement = f"SELECT key FROM log_entry WHERE {where} ORDER BY time_ns DESC"
    _, rows = store.sql(f"EXPLAIN QUERY PLAN {statement}", most=10)
    steps = [row[3] for row in rows]
    assert len(steps) == 1
    assert steps[0].endswith(f":{words}"), steps
    for look_up in (
        lambda: [found.key for found in store.search(query).entries],
        lambda: [key for (key,) in store.sql(statement, most=1_000)[1]],
    ):
        opened_segments.clear()
        keys = look_up()
        assert 1 <= len(keys) <= 51
        assert set(opened_segments) == segments


def test_the_newest_of_all_needs_the_newest_segment_alone(
    store: SqliteStore, opened_segments: list[int]
) -> None:
    assert len(store.search(LogQuery(limit=10)).entries) == 10
    assert len(store.sql("SELECT * FROM log_entry ORDER BY time_ns DESC LIMIT 10", most=99)[1]) == 10
    assert set(opened_segments) == {SEGMENTS - 1}


INDEXED = {
    "SELECT 1 FROM event WHERE event_id = x'00'": "event USING PRIMARY KEY (event_id=?)",
    "DELETE FROM event WHERE key BETWEEN 1 AND 2": "event_key (key>? AND key<?)",
    "SELECT data FROM segment_column WHERE column_id = 7": "INTEGER PRIMARY KEY (rowid=?)",
    "SELECT data FROM filter_row WHERE row_id = 7": "INTEGER PRIMARY KEY (rowid=?)",
    "SELECT first_key FROM hot WHERE first_key > 7": "INTEGER PRIMARY KEY (rowid>?)",
}


@pytest.mark.parametrize("statement", INDEXED)
def test_the_store_finds_its_own_rows_by_an_index(store: SqliteStore, statement: str) -> None:
    with store._database.reading(None) as reader:
        (step,) = reader.rows(f"EXPLAIN QUERY PLAN {statement}")
    assert INDEXED[statement] in step[3]


@pytest.mark.promise("M8")
def test_log_entry_shows_entries_as_a_person_reads_them(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db") as store:
        store.write_batch(
            [
                entry("주문 실행", at=0.123456789, metadata={"trace_id": "abc"}, level=LogLevel.ERROR),
                entry("before 1970", time_ns=-1),
            ]
        )
        columns, rows = store.sql("SELECT * FROM log_entry ORDER BY key", most=10)
        stored = store.search(replace(asked(), limit=1)).entries[0]
    names = "id key source source_id level message timestamp time_ns metadata trace_id created_at"
    assert columns == tuple(names.split())
    assert rows[0][:9] == (
        stored.id,
        1,
        "docker",
        "api",
        "error",
        "주문 실행",
        "2026-09-21T14:13:20.123456789Z",
        stored.time_ns,
        '{"trace_id":"abc"}',
    )
    assert rows[1][6] == "1969-12-31T23:59:59.999999999Z"
