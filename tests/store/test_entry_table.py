"""log_entry: what it answers equals a plain table of the same rows, however it is asked."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import WeakSet

import apsw
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hantu import text
from hantu.model import LogEntry, LogLevel
from hantu.query.logquery import LogQuery
from hantu.store.base import QueryTimeout, StoreError
from hantu.store.sqlite import SqliteStore
from hantu.store.sqlite.batch import Column
from hantu.store.sqlite.entry_access import DECLARATION
from hantu.store.sqlite.entry_rows import FRAMES_MOST
from hantu.store.sqlite.frame import Frame
from tests.contract.strategies import ORIGINS, SAMPLES
from tests.store.made import START_NS, entry, many, opened, rows, write_all

NAMES_OF_COLUMNS = "id key source source_id level message timestamp time_ns metadata trace_id created_at"
COLUMNS = NAMES_OF_COLUMNS.split(" ")
STEP_NS = 250_000_000


def made(count: int) -> list[LogEntry]:
    """Entries of every kind whose times jump about."""
    chance = random.Random(7)
    found = []
    for number in range(count):
        source, source_id = ORIGINS[chance.randrange(len(ORIGINS))]
        late = chance.randrange(200) == 0
        found.append(
            entry(
                f"{chance.choice(SAMPLES)} {number % 50}",
                source=source,
                source_id=source_id,
                level=LogLevel(chance.randrange(6)),
                time_ns=START_NS + STEP_NS * (number + chance.randrange(-20, 20) - 900 * late),
                metadata=chance.choice(
                    (
                        None,
                        {"trace_id": f"Trace-{number % 9}"},
                        {"trace_id": number % 9},
                        {"trace_id": "", "host": "웹-1"},
                        {"host": "web", "id": number},
                        {"a": "trace_id"},
                    )
                ),
            )
        )
    found[5] = entry("before 1970", time_ns=-1)
    return found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SqliteStore, apsw.Connection]]:
    """A store with segments, the last entries hot, and a plain table of the same rows."""
    path = tmp_path_factory.mktemp("store") / "hantu.db"
    with opened(path, seal_entries=150, background=False) as store:
        write_all(store, made(1_000), size=37)
        entries = store.arrivals(LogQuery(), most=10**6).entries
        plain = apsw.Connection(":memory:")
        plain.execute(DECLARATION)
        plain.executemany(
            f"INSERT INTO log_entry VALUES ({','.join('?' * len(COLUMNS))})", map(as_row, entries)
        )
        yield store, plain


def as_row(entry: LogEntry) -> tuple[Any, ...]:
    """What log_entry says of an entry, from the entry itself."""
    metadata = entry.metadata
    trace = None
    if metadata is not None and "trace_id" in metadata:
        trace = text.fold(metadata["trace_id"]) if isinstance(metadata["trace_id"], str) else ""
    return (
        entry.id,
        entry.key,
        entry.source,
        entry.source_id,
        entry.level.label,
        entry.message,
        iso(entry.time_ns),
        entry.time_ns,
        None if metadata is None else msgspec.json.encode(metadata).decode(),
        trace,
        iso(entry.created_ns),
    )


def iso(time_ns: int) -> str:
    seconds, rest = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def steps(store: SqliteStore, statement: str) -> str:
    """The query plan."""
    return "; ".join(row[3] for row in rows(store, f"EXPLAIN QUERY PLAN {statement}"))


def quoted(value: object) -> str:
    return str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"


NUMBERS = st.one_of(
    st.integers(-40, 1_040).map(lambda at: START_NS + at * STEP_NS),
    st.integers(-1, 1_001),
    st.floats(0, 1_001).map(lambda key: round(key, 1)),
    st.sampled_from((-(2**63), 2**63 - 1, 1e300, "500", "x", "inf", "1.5")),
)
STAMPS = st.one_of(
    st.integers(-40, 1_040).map(lambda at: iso(START_NS + at * STEP_NS)),
    st.integers(4, 30).map(lambda cut: iso(START_NS + 99 * STEP_NS)[:cut]),
    st.sampled_from(("", "1969", "1970-01-01T00:00:00.000000000Z", "9999", "zzz", "2026-09-21 14", 2026)),
)
RANGES = st.sampled_from(("=", "<", "<=", ">", ">=", "IS"))
NAMES = {
    "source": ("docker", "app", "DOCKER", "none", 3),
    "source_id": ("api", "db-1", "/srv/주문/app.log", "system", "", 3),
    "level": ("error", "info", "fatal", "ERROR", "", 4),
    "trace_id": ("trace-3", "Trace-3", "", "trace-*", "*", 3),
}


@st.composite
def conditions(draw: st.DrawFn) -> str:
    """One condition."""
    kind = draw(st.integers(0, 6))
    if kind == 0:
        column, op = draw(st.sampled_from(("key", "time_ns", "rowid"))), draw(RANGES)
        return f"{'key' if column == 'rowid' else column} {op} {quoted(draw(NUMBERS))}"
    if kind == 1:
        return f"timestamp {draw(RANGES)} {quoted(draw(STAMPS))}"
    if kind == 2:
        first, last = sorted((draw(st.integers(-5, 1_005)), draw(st.integers(-5, 1_005))))
        return f"time_ns BETWEEN {START_NS + first * STEP_NS} AND {START_NS + last * STEP_NS}"
    name = draw(st.sampled_from(sorted(NAMES)))
    if kind == 3:
        values = draw(st.lists(st.sampled_from((*NAMES[name], None)), max_size=3))
        return f"{name} IN ({', '.join('NULL' if each is None else quoted(each) for each in values)})"
    if kind == 4:
        return draw(
            st.sampled_from(
                (
                    "message LIKE '%주문%'",
                    "trace_id IS NULL",
                    "level <> 'info'",
                    "source = NULL",
                    "source = 'DOCKER' COLLATE NOCASE",
                    "metadata ->> '$.host' = 'web'",
                    "id = (SELECT id FROM log_entry WHERE key = 7)",
                    "id = 'x'",
                    "key IN (SELECT max(key) FROM log_entry GROUP BY source)",
                    "level = 'error' OR source = 'app'",
                    "time_ns < 0 OR key = 17 OR trace_id = 'trace-1'",
                )
            )
        )
    return f"{name} = {quoted(draw(st.sampled_from(NAMES[name])))}"


@st.composite
def statements(draw: st.DrawFn) -> str:
    """A statement and, in its own ORDER BY, whether its rows have an order."""
    where = " AND ".join(f"({each})" for each in draw(st.lists(conditions(), max_size=3)))
    where = f" WHERE {where}" if where else ""
    cells = draw(st.lists(st.sampled_from(("source", "source_id", "level")), min_size=1, unique=True))
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return f"SELECT {', '.join(cells)}, count(*) FROM log_entry{where} GROUP BY {', '.join(cells)}"
    if kind == 1:
        return f"SELECT DISTINCT {', '.join(cells)} FROM log_entry{where}"
    if kind == 2:
        down = draw(st.sampled_from(("", " DESC")))
        return f"SELECT {', '.join(cells)} FROM log_entry{where} ORDER BY {f'{down}, '.join(cells)}{down}"
    if kind == 3:
        return f"SELECT count(*), min(key), max(time_ns), count(DISTINCT trace_id) FROM log_entry{where}"
    chosen = draw(st.lists(st.sampled_from(COLUMNS), min_size=1, unique=True))
    order = draw(
        st.sampled_from(
            (
                "key",
                "key DESC",
                "id",
                "time_ns, key",
                "time_ns DESC, key DESC",
                "timestamp DESC, id DESC, level",
                "time_ns DESC, key",
                "level, time_ns, key",
            )
        )
    )
    limit = draw(st.sampled_from(("", " LIMIT 1", " LIMIT 10", " LIMIT 200 OFFSET 3")))
    return f"SELECT {', '.join(chosen)} FROM log_entry{where} ORDER BY {order}{limit}"


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(statement=statements())
def test_every_statement_is_answered_as_a_plain_table_would(
    both: tuple[SqliteStore, apsw.Connection], statement: str
) -> None:
    store, plain = both
    wanted = plain.execute(statement).fetchall()
    found = rows(store, statement)
    if "ORDER BY" in statement:
        assert found == wanted
    else:
        assert sorted(map(repr, found)) == sorted(map(repr, wanted))


def test_the_rowid_is_the_key_in_every_order(both: tuple[SqliteStore, apsw.Connection]) -> None:
    store, _ = both
    for order in ("", "ORDER BY time_ns", "ORDER BY key DESC", "ORDER BY level, source"):
        found = rows(store, f"SELECT rowid, key FROM log_entry {order}")
        assert len(found) == 1_000
        assert all(rowid == key for rowid, key in found)
    found = rows(store, "SELECT rowid, level FROM log_entry ORDER BY level DESC")
    assert sorted(rowid for rowid, _ in found) == list(range(1, 1_001))
    assert [level for _, level in found] == sorted((level for _, level in found), reverse=True)


ORDERS = {
    "ORDER BY time_ns DESC": "newest first",
    "ORDER BY time_ns": "oldest first",
    "ORDER BY timestamp DESC, key DESC": "newest first",
    "ORDER BY key DESC": "last to arrive first",
    "ORDER BY id": "in order of arrival",
    "GROUP BY level, source": "by level, source",
}


@pytest.mark.parametrize("order", ORDERS)
def test_cheap_orders_need_no_sorting(both: tuple[SqliteStore, apsw.Connection], order: str) -> None:
    said = steps(both[0], f"SELECT level, source FROM log_entry {order}")
    assert ORDERS[order] in said
    assert "TEMP B-TREE" not in said


@pytest.fixture
def columns_read(monkeypatch: pytest.MonkeyPatch) -> set[Column]:
    """The columns of segments that were read."""
    seen: set[Column] = set()
    begin = Frame.__init__

    def noting(self: Frame, load: Any, *rest: Any) -> None:
        def note(column: Column) -> bytes:
            seen.add(column)
            found: bytes = load(column)
            return found

        begin(self, note, *rest)

    monkeypatch.setattr(Frame, "__init__", noting)
    return seen


READS: dict[str, set[Column]] = {
    "SELECT level, count(*) FROM log_entry GROUP BY level": set(),
    "SELECT count(*) FROM log_entry WHERE source = 'docker'": set(),
    "SELECT DISTINCT source_id FROM log_entry": set(),
    f"SELECT level, count(*) FROM log_entry WHERE time_ns < {START_NS + 300 * STEP_NS} GROUP BY 1": {
        Column.ORDER,
        Column.TIME,
    },
    "SELECT max(time_ns) FROM log_entry": {Column.ORDER, Column.TIME, Column.ARRIVAL},
}


@pytest.mark.parametrize("statement", READS)
def test_only_the_columns_that_are_asked_for_are_read(
    tmp_path: Path, columns_read: set[Column], statement: str
) -> None:
    with opened(tmp_path / "hantu.db", background=False) as store:
        write_all(store, many(1_000))
        store.seal()
        columns_read.clear()
        rows(store, statement)
        assert columns_read - {Column.DIRECTORY} <= READS[statement]


def test_a_limit_reads_no_further_than_it_must(both: tuple[SqliteStore, apsw.Connection]) -> None:
    store, plain = both
    statement = "SELECT message, metadata FROM log_entry ORDER BY time_ns DESC, key DESC LIMIT 5"
    opened: list[int] = []
    begin = store._catalog.frame

    def noting(reader: Any, segment: Any, groups: Any = None) -> Frame:
        opened.append(segment.segment_no)
        return begin(reader, segment, groups)

    store._catalog.frame = noting  # type: ignore[method-assign]  # undone below
    try:
        assert rows(store, statement) == plain.execute(statement).fetchall()
    finally:
        del store._catalog.frame
    assert len(set(opened)) <= 3


@pytest.mark.parametrize("order", ["time_ns DESC, key DESC", "time_ns", "level, source", "key DESC"])
def test_segments_of_the_same_time_are_not_all_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    begin = Frame.__init__
    alive: WeakSet[Frame] = WeakSet()
    most = 0

    def noting(self: Frame, load: Any, *rest: Any) -> None:
        nonlocal most
        begin(self, load, *rest)
        alive.add(self)
        most = max(most, len(alive))

    with opened(tmp_path / "hantu.db", background=False) as store:
        for first in range(20):
            store.write_batch([entry(f"{first} {at}", at=at + first / 20) for at in range(100)])
            store.seal()
        monkeypatch.setattr(Frame, "__init__", noting)
        found = rows(store, f"SELECT message, key, time_ns FROM log_entry ORDER BY {order}")
    assert len(found) == 2_000
    if order.startswith("time_ns"):
        assert [row[2] for row in found] == sorted((row[2] for row in found), reverse="DESC" in order)
        assert found[0][0] == ("19 99" if "DESC" in order else "0 0")
    assert most <= FRAMES_MOST + 2


@pytest.mark.parametrize("order", ["", "ORDER BY time_ns", "ORDER BY level", "ORDER BY key DESC"])
def test_the_time_limit_ends_a_statement(both: tuple[SqliteStore, apsw.Connection], order: str) -> None:
    store, _ = both
    with pytest.raises(QueryTimeout):
        store.sql(
            f"SELECT count(*) FROM log_entry AS a, log_entry AS b, (SELECT * FROM log_entry {order}) AS c"
            " WHERE a.message < b.message || c.message",
            most=1,
            time_limit_ms=100,
        )
    assert rows(store, "SELECT count(*) FROM log_entry") == [(1_000,)]


def test_a_reader_beside_the_writer_sees_both_tiers(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path, background=False) as store:
        write_all(store, many(300))
        store.seal()
        with opened(path, read_only=True) as other:
            for total in (300, 310, 320):
                assert rows(other, "SELECT count(*), max(key) FROM log_entry") == [(total, total)]
                store.write_batch(many(10, first=total))
            store.seal()
            assert rows(other, "SELECT count(message), max(key) FROM log_entry") == [(330, 330)]


def test_a_damaged_column_is_null_and_the_others_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path, background=False) as store:
        write_all(store, many(100))
        store.seal()
    connection = apsw.Connection(str(path))
    connection.execute(
        "UPDATE segment_column SET data = zeroblob(length(data)) WHERE column_id & 15 = ?",
        (Column.METADATA,),
    )
    connection.close()
    with opened(path) as store:
        found = rows(store, "SELECT metadata, message FROM log_entry ORDER BY key")
    assert [metadata for metadata, _ in found] == [None] * 100
    assert found[7][1].startswith("line 7 ")


def test_nothing_can_be_written_through_it(both: tuple[SqliteStore, apsw.Connection]) -> None:
    for statement in (
        "DELETE FROM log_entry",
        "UPDATE log_entry SET level = 'info'",
        "DROP TABLE log_entry",
    ):
        with pytest.raises(StoreError):
            rows(both[0], statement)


@pytest.mark.promise("M8")
def test_the_columns_are_those_that_were_promised(both: tuple[SqliteStore, apsw.Connection]) -> None:
    columns, _ = both[0].sql("SELECT * FROM log_entry LIMIT 0", most=1)
    assert list(columns) == COLUMNS
    assert [row[1] for row in rows(both[0], "PRAGMA table_info(log_entry)")] == COLUMNS
