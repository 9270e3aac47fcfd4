"""The texts of errors are packed and shared, and read as they were written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hantu.model import LogEntry, LogLevel
from hantu.store.base import StoreError
from hantu.store.error_base import ErrorQuery, Occurrence
from hantu.store.sqlite import SqliteStore
from hantu.store.sqlite.error_rows import of_entry
from hantu.store.sqlite.error_texts import DAMAGED, USES_MOST
from tests.contract.error_samples import at, error
from tests.store.made import entry, made_by_version, opened, rows


def failing(number: int, place: str = "orders", **more: Any) -> LogEntry:
    """An error with a long stack trace of one place, which says something of its own."""
    frames = "".join(
        f'  File "/srv/app/{place}.py", line {line}, in step_{line}\n    self.{place}.run({line})\n'
        for line in range(12)
    )
    said = f"KeyError: '주문-{number:08}'"
    stack = f"Traceback (most recent call last):\n{frames}{said}"
    return error(f"주문 {number} 실패", number=number, seconds=number, stack_trace=stack, **more)


def written(entries: Sequence[LogEntry]) -> list[tuple[str, str, dict[str, Any] | None]]:
    """What errors of these entries say."""
    records = [record for each in entries if (record := of_entry(each)) is not None]
    return [(record.message, record.stack_trace, record.context) for record in records]


def read(store: SqliteStore) -> list[tuple[str, str, dict[str, Any] | None]]:
    """What errors of the store say, in order of arrival."""
    return [
        (each.record.message, each.record.stack_trace, each.record.context)
        for each in store.errors_after(0, most=10_000)
    ]


def stacks(store: SqliteStore) -> list[tuple[int, int]]:
    """(stack_no, uses) of each dictionary."""
    both = "SELECT stack_no, uses FROM error_outline FULL JOIN error_stack USING (stack_no)"
    return [(number, uses) for number, uses in rows(store, f"{both} ORDER BY stack_no")]


def test_errors_of_one_place_share_their_stack_trace(tmp_path: Path) -> None:
    entries = [failing(number) for number in range(1, 301)]
    with opened(tmp_path / "hantu.db") as store:
        for start in range(0, 300, 50):
            store.write_batch(entries[start : start + 50])
        assert read(store) == written(entries)
        assert stacks(store) == [(1, 300)]
        ((packed,),) = rows(store, "SELECT avg(length(packed)) FROM main.error_logs")
        ((plain,),) = rows(store, "SELECT avg(length(stack_trace)) FROM error_logs")
        assert packed < plain / 10
    with opened(tmp_path / "hantu.db") as store:
        store.write_batch([failing(301), failing(302, "users")])
        assert stacks(store) == [(1, 301), (2, 1)]


def test_a_dictionary_is_shared_by_so_many_errors_at_most(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db") as store:
        for start in range(1, 2 * USES_MOST, 100):
            store.write_batch([failing(number) for number in range(start, start + 100)])
        assert stacks(store) == [(1, USES_MOST), (2, USES_MOST)]


def test_dictionaries_go_with_the_last_error_that_uses_them(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db") as store:
        store.write_batch([failing(1), failing(2), failing(3, "users")])
        assert store.remove_errors(at(2), pause=bool) == 1
        assert stacks(store) == [(1, 1), (2, 1)]
        assert store.remove_errors(at(3), pause=bool) == 1
        assert stacks(store) == [(2, 1)]
        # The writer does not know of it, and must not use what is gone.
        store.write_batch([failing(4)])
        assert read(store) == written([failing(3, "users"), failing(4)])
        assert stacks(store) == [(2, 1), (3, 1)]


def test_a_file_of_version_4_keeps_its_dictionaries(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(tmp_path / "newer.db") as store:
        store.write_batch([failing(1)])
        ((outline, data),) = rows(store, "SELECT outline, hex(data) FROM error_outline JOIN error_stack")
    older = f"INSERT INTO error_stack (uses, outline, data) VALUES (2, {outline}, X'{data}')"
    made_by_version(path, 4, older)
    with opened(path) as store:
        store.write_batch([failing(2)])
        assert stacks(store) == [(1, 3)]
        assert read(store) == written([failing(2)])


def test_a_batch_that_failed_leaves_no_dictionary_behind(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db") as store:
        writer = store._database.writer()
        writer.execute(
            "CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.error_logs"
            " BEGIN SELECT raise(ABORT, 'no'); END"
        )
        with pytest.raises(StoreError):
            store.write_batch([failing(1)])
        # Its number is given again, to texts of another place.
        store.write_batch([failing(2, "users")])
        store.write_batch([failing(3)])
        assert read(store) == written([failing(2, "users"), failing(3)])
        assert stacks(store) == [(1, 1), (2, 1)]


@pytest.mark.fault
@pytest.mark.parametrize("table", ["error_logs", "error_stack"])
def test_damaged_texts_cost_only_the_rows_that_need_them(tmp_path: Path, table: str) -> None:
    column, key = ("packed", "error_no") if table == "error_logs" else ("data", "stack_no")
    entries = [failing(1), failing(2, "users"), failing(3, "users")]
    for byte in range(0, 40, 3):
        path = tmp_path / f"{byte}.db"
        with opened(path) as store:
            store.write_batch(entries)
            with store._database.writing() as connection:
                (data,) = connection.execute(
                    f"SELECT {column} FROM {table} WHERE {key} = 1"
                ).fetchone() or (b"",)
                at_byte = byte % len(data)
                flipped = data[:at_byte] + bytes((data[at_byte] ^ 0x5A,)) + data[at_byte + 1 :]
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = 1", (flipped,))
        with opened(path) as store:
            first, *others = read(store)
            assert first in (written(entries)[0], (DAMAGED, DAMAGED, None))
            assert others == written(entries)[1:]
            assert [group.count for group in store.errors(ErrorQuery()).groups] == [3]
            store.write_batch([failing(4)])
            assert read(store)[-1:] == written([failing(4)])


def test_hantu_sql_shows_texts_whoever_wrote_them(tmp_path: Path) -> None:
    plain = (
        "INSERT OR IGNORE INTO error_logs (id, time_ns, level, service, module, function, message,"
        " error_type, stack_trace, context, trace_id, fingerprint, source, source_id, created_ns)"
        " VALUES (?, 7, 'ERROR', 'api', 'core', 'run', '실패', 'KeyError', '한 줄', '{}', '', 'ff', 'app',"
        " 'api', 0)"
    )
    with opened(tmp_path / "hantu.db") as store:
        store.write_batch([failing(1), failing(2)])
        with store._database.writing() as connection:
            connection.execute(plain, (bytes(16),))
        asked = "SELECT message, stack_trace, context FROM error_logs ORDER BY error_no"
        assert [(said, stack, json.loads(context)) for said, stack, context in rows(store, asked)] == [
            *written([failing(1), failing(2)]),
            ("실패", "한 줄", {}),
        ]
        places = "SELECT DISTINCT source, source_id, module, function FROM error_logs ORDER BY error_no"
        assert rows(store, places) == [
            ("app", "scheduler", "core.engine", "execute_order"),
            ("app", "api", "core", "run"),
        ]
        found = "SELECT error_no FROM error_logs WHERE stack_trace LIKE '%00000002%'"
        assert rows(store, found) == [(2,)]
        # What a person asked leaves nothing behind that others would read.
        assert [each.error_no for each in store.errors_after(0, most=9)] == [1, 2, 3]
        with pytest.raises(StoreError):
            store.sql("SELECT nothing FROM error_logs", most=1)
        assert rows(store, found) == [(2,)]
        with pytest.raises(StoreError, match="only reads"):
            store.sql("DROP VIEW error_logs", most=1)
    with closing(SqliteStore.open(tmp_path / "hantu.db", read_only=True)) as store:
        assert rows(store, found) == [(2,)]
        types = "SELECT error_type, count(*) FROM error_logs GROUP BY error_type ORDER BY 1"
        assert rows(store, types) == [("InsufficientBalance", 2), ("KeyError", 1)]


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=8))
def test_any_texts_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str, str]]
) -> None:
    entries = [
        error(said, number=number + 1, stack_trace=f"{first}\n  at {frame}", context={"값": frame})
        for number, (said, first, frame) in enumerate(texts)
    ]
    with opened(tmp_path_factory.mktemp("texts") / "hantu.db") as store:
        store.write_batch(entries)
        store.write_batch([entry("line"), *reversed(entries)])
        assert read(store) == written(entries)


def _plainly(store: SqliteStore, entries: Sequence[LogEntry], known: set[str]) -> None:
    """Write the errors of entries as another program does, so that the trigger counts each."""
    with store._database.writing() as connection:
        for each in entries:
            record = of_entry(each)
            if record is None or record.id in known:
                continue
            known.add(record.id)
            connection.execute(
                "INSERT OR IGNORE INTO error_logs (id, time_ns, level, service, module, function, message,"
                " error_type, stack_trace, context, trace_id, fingerprint, source, source_id, created_ns)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    *(UUID(record.id).bytes, record.time_ns, record.level, record.service, record.module),
                    *(record.function, record.message, record.error_type, record.stack_trace),
                    *(json.dumps(record.context, ensure_ascii=False), record.trace_id, record.fingerprint),
                    *(record.source, record.source_id),
                ),
            )


@st.composite
def batches(draw: st.DrawFn) -> list[LogEntry]:
    """Errors of few places, some of them again, with times in any order."""
    return [
        error(
            draw(st.sampled_from(("주문 실패", "주문 7 실패", "disk full"))),
            seconds=draw(st.sampled_from((0, 1, 1, 2, 5, 50, 3_700))),
            service=draw(st.sampled_from(("api", "정산"))),
            number=draw(st.integers(1, 60)),
            level=draw(st.sampled_from((LogLevel.ERROR, LogLevel.ERROR, LogLevel.FATAL))),
        )
        for _ in range(draw(st.integers(1, 25)))
    ]


ACTS = ("resolve", "reopen", "mute", "merge", "remove", "none")


@pytest.mark.promise("M48", "M55")
@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.tuples(batches(), st.sampled_from(ACTS), st.integers(0, 60)), max_size=5))
def test_counting_a_batch_at_once_is_counting_each_by_the_trigger(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[list[LogEntry], str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("grouping")
    known: set[str] = set()
    with (
        opened(folder / "own.db", background=False) as own,
        opened(folder / "plain.db", background=False) as plain,
    ):
        for entries, act, seconds in steps:
            own.write_batch(entries)
            _plainly(plain, entries, known)
            for store in (own, plain):
                _act(store, act, seconds)
        assert _told(own) == _told(plain)


def _act(store: SqliteStore, act: str, seconds: int) -> None:
    numbers = [number for (number,) in rows(store, "SELECT group_no FROM error_group ORDER BY group_no")]
    match act:
        case "resolve":
            store.resolve(numbers[0], at_ns=at(seconds))
        case "reopen":
            store.reopen(numbers[-1], at_ns=at(seconds))
        case "mute":
            store.mute(numbers[0], at_ns=at(seconds), below_an_hour=1 + seconds // 10)
        case "merge":
            same = store.error_group(numbers[0]).service
            alike = [number for number in numbers if store.error_group(number).service == same]
            store.merge(alike, numbers[0], at_ns=at(seconds))
        case "remove":
            store.remove_errors(at(seconds), pause=bool)


def _told(store: SqliteStore) -> list[object]:
    tables = ("error_group", "error_fingerprint", "error_event")
    every: Sequence[Occurrence] = store.errors_after(0, most=10_000)
    return [
        *(rows(store, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables),
        [(each.error_no, each.group_no, each.reopened, each.record) for each in every],
    ]
