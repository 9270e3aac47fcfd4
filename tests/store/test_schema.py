"""The schema: its history, its indexes, the settings of the file."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import apsw
import pytest

from hantu.model import DOCKER, LogLevel
from hantu.paths import SCHEMA
from hantu.query.logquery import LogQuery
from hantu.store.sqlite.migrate import MIGRATIONS, VERSION
from hantu.store.sqlite.search import select
from tests.store.made import START_NS, asked, entry, opened


def described(script: str) -> set[tuple[object, ...]]:
    """Every table, index, view and setting that a script leads to."""
    connection = apsw.Connection(":memory:")
    connection.execute(script)
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
    settings = connection.execute("SELECT 'word_config', k, v, '' FROM word_config").fetchall()
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
    assert connection.pragma("page_size") == 8192
    connection.close()
    with opened(path) as store:
        assert store.cursor() == 0


LOOK_UPS = {
    "source and time": (
        LogQuery(sources=(DOCKER,), start_ns=START_NS),
        "entry_source (source_no=? AND time_ns>",
    ),
    "level and time": (
        LogQuery(levels=(LogLevel.ERROR,), start_ns=START_NS),
        "entry_level (level=? AND time_ns>",
    ),
    "time": (LogQuery(start_ns=START_NS, end_ns=START_NS + 1), "entry_time (time_ns>? AND time_ns<?"),
    "source_id": (LogQuery(source_id="api"), "entry_stream (stream_no=? AND time_ns>"),
    "container": (asked("container:api"), "entry_stream (stream_no=? AND time_ns>"),
    "trace": (asked("trace:abc"), "entry_trace (trace_id=? AND time_ns>"),
    "word": (asked("hello"), "word VIRTUAL TABLE INDEX"),
}


@pytest.mark.promise("M5")
@pytest.mark.parametrize("name", LOOK_UPS)
def test_look_ups_are_served_by_an_index(tmp_path: Path, name: str) -> None:
    query, index = LOOK_UPS[name]
    with opened(tmp_path / "hantu.db") as store:
        store.write_batch([entry(), entry(source_id="web"), entry(source="app", source_id="/x")])
        with store._database.reading(None) as reader:
            plan = store._search.plan(reader, query)
            sql = select(plan, "e.key", "ORDER BY e.time_ns DESC, e.key DESC LIMIT 100")
            binds = {**plan.binds, "start_ns": 0, "end_ns": 1, "first": 0, "last": 1}
            steps = [row[3] for row in reader.rows(f"EXPLAIN QUERY PLAN {sql}", binds)]
    assert any(index in step for step in steps), steps
    assert not any(re.fullmatch(r"SCAN e", step) for step in steps), steps
    if "word" not in name and name != "trace":
        assert not any("TEMP B-TREE" in step for step in steps), steps


def test_a_sent_again_entry_is_found_by_an_index(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db") as store, store._database.reading(None) as reader:
        (step,) = reader.rows("EXPLAIN QUERY PLAN SELECT 1 FROM entry WHERE event_id = ?", (b"x",))
    assert "entry_event (event_id=?)" in step[3]


@pytest.mark.promise("M8")
def test_the_view_shows_entries_as_a_person_reads_them(tmp_path: Path) -> None:
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
