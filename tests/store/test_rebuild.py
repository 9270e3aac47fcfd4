"""Files of the row store are made anew: nothing lost, nothing doubled, whenever it is ended."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hantu import text
from hantu.model import LogEntry, LogLevel
from hantu.query.logquery import LogQuery
from hantu.store.base import Removal, StoreError, Token
from hantu.store.sqlite import SqliteStore, rebuild, rebuild_copy
from hantu.store.sqlite.database import APPLICATION_ID
from hantu.store.sqlite.migrate import ROWS, VERSION
from hantu.store.sqlite.segment_writer import encode
from hantu.store.sqlite.snapshot import GROUP
from tests.contract.strategies import ORIGINS, SAMPLES, entry_lists
from tests.store.killing import VFS, Fuse, changes
from tests.store.made import START_NS, asked, entry, many, opened

SCRIPT = Path(__file__).with_name("rows_v1.sql")
STORE_ID = 0x123456789ABCDEF
LOT = 10


def stored(entries: Sequence[LogEntry], *, holes: bool = True) -> list[LogEntry]:
    """The entries with keys that leave some out, times of arrival, and an event id here and there."""
    found = []
    key = 0
    for at, each in enumerate(entries):
        key += 1 + (holes and at % 7 == 3) * (1 + at % 1_000)
        found.append(
            msgspec.structs.replace(
                each,
                key=key,
                created_ns=START_NS + at // 5 * 1_000_003,
                event_id=hashlib.md5(b"%d" % at, usedforsecurity=False).digest() if at % 3 == 0 else None,
            )
        )
    return found


def rows_file(path: Path, entries: Sequence[LogEntry], *, wal: bool = False) -> Path:
    """A file as the row store left it. wal: its last entries are only in the WAL."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL")
    connection.pragma("application_id", APPLICATION_ID)
    connection.pragma("journal_mode", "WAL")
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(wal))
    connection.execute("BEGIN")
    connection.execute(SCRIPT.read_text("utf-8"))
    connection.pragma("user_version", ROWS)
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?)",
        [("store_id", STORE_ID), ("cursor", max((each.key for each in entries), default=0) + 5)],
    )
    connection.executemany(
        "INSERT INTO source VALUES (?, ?)",
        [(at * 3 + 2, name) for at, name in enumerate(sorted({each.source for each in entries}))],
    )
    connection.executemany(
        "INSERT INTO stream SELECT ?, source_no, ? FROM source WHERE name = ?",
        [
            (at * 2 + 5, source_id, source)
            for at, (source, source_id) in enumerate(
                sorted({(each.source, each.source_id) for each in entries})
            )
        ],
    )
    connection.executemany(
        "INSERT INTO entry SELECT ?, ?, source_no, stream_no, ?, ?, ?, ?, ?, ?"
        " FROM stream JOIN source USING (source_no) WHERE name = ? AND source_id = ?",
        [
            (
                each.key,
                each.time_ns,
                each.level,
                each.message,
                None if each.metadata is None else msgspec.json.encode(each.metadata).decode(),
                None,
                each.event_id,
                each.created_ns,
                each.source,
                each.source_id,
            )
            for each in entries
        ],
    )
    connection.executemany(
        "INSERT INTO word (rowid, message) VALUES (?, ?)",
        [(each.key, " ".join(text.tokens(each.message))) for each in entries],
    )
    connection.execute("INSERT INTO checkpoint VALUES ('journal', x'00ff'), ('docker:a', x'')")
    connection.execute("INSERT INTO removal VALUES (3, 10, 9, 8, 7, 'age'), (9, 20, 19, 18, 17, 'full')")
    connection.execute(
        "INSERT INTO token VALUES ('ci', 'ingest', x'01', 5, NULL), ('me', 'admin', x'02', 6, 7)"
    )
    connection.execute("COMMIT")
    connection.close()
    return path


def kinds(count: int) -> list[LogEntry]:
    """Entries of every kind, some late."""
    return [
        entry(
            f"{SAMPLES[at % len(SAMPLES)]} {at % 13}",
            at=at * 0.37 - (at % 17 == 0) * 90_000,
            source=ORIGINS[at % len(ORIGINS)][0],
            source_id=ORIGINS[at % len(ORIGINS)][1],
            level=LogLevel(at % 6),
            metadata=(None, {}, {"trace_id": f"abc{at % 5}", "키": [1, "둘", None]}, {"a": {"b": at}})[
                at % 4
            ],
        )
        for at in range(count)
    ]


def held(store: SqliteStore) -> list[LogEntry]:
    """All entries in order of arrival, without the ids."""
    return [msgspec.structs.replace(each, id="") for each in store.arrivals(LogQuery(), most=10**6).entries]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check(path: Path, entries: Sequence[LogEntry]) -> None:
    """The file has become one of today and holds all of it."""
    with opened(path, seal_entries=LOT, background=False) as store:
        assert held(store) == list(entries)
        assert names(path.parent) == ["hantu.db", "hantu.db-shm", "hantu.db-wal"]
        assert store.stats().schema_version == VERSION
        assert store.stats().entries == len(entries)
        cursor = max((each.key for each in entries), default=0) + 5
        assert store.cursor() == cursor
        for each in entries[:: max(1, len(entries) // 5)]:
            by_id = store.get(store._ids.text(each.key))
            assert by_id is not None
            assert by_id.message == each.message
        assert store.checkpoints("") == {"docker:a": b"", "journal": b"\x00\xff"}
        assert store.removals() == (Removal(20, 19, 18, 17, "full"), Removal(10, 9, 8, 7, "age"))
        assert store.tokens() == (Token("ci", "ingest", b"\x01", 5), Token("me", "admin", b"\x02", 6, 7))
        # What was sent is known still, and what comes goes on behind it.
        again = store.write_batch([*[each for each in entries if each.event_id][:3], entry("new")])
        assert (again.accepted, again.cursor) == (1, cursor + 1)
        assert store.maintain(10**5, now_ns=START_NS, pause=lambda: False).problems == ()
        with store._database.reading(None) as reader:
            assert reader.value("SELECT count(*) FROM meta") == 4


def test_a_file_of_the_row_store_is_made_anew(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    entries = stored(kinds(500))
    path = rows_file(tmp_path / "hantu.db", entries)
    size = path.stat().st_size
    told: list[tuple[int, int]] = []
    with opened(path, progress=lambda done, total: told.append((done, total))) as store:
        assert store.count(asked("주문"), cap=10**6).count == sum(
            asked("주문").matches(each) for each in entries
        )
        ids = [store._ids.text(each.key) for each in entries]
        assert [each.id for each in store.arrivals(LogQuery(), most=10**6).entries] == ids
    empty = tmp_path_factory.mktemp("empty") / "hantu.db"
    with opened(empty):
        pass
    tables = empty.stat().st_size
    assert path.stat().st_size - tables < size / 2
    assert told[0] == (0, 1_000)
    assert told[-1] == (1_000, 1_000)
    assert told == sorted(told)
    check(path, entries)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=entry_lists(most=60), lot=st.integers(1, 40), holes=st.booleans())
def test_every_kind_of_entry_is_kept(
    tmp_path_factory: pytest.TempPathFactory, entries: list[LogEntry], lot: int, holes: bool
) -> None:
    path = tmp_path_factory.mktemp("rows") / "hantu.db"
    kept = stored(entries, holes=holes)
    rows_file(path, kept)
    with opened(path, seal_entries=lot, background=False) as store:
        assert held(store) == kept
    check(path, kept)


def test_what_only_the_wal_of_a_killed_process_holds_is_kept(tmp_path: Path) -> None:
    entries = stored(kinds(50))
    path = rows_file(tmp_path / "hantu.db", entries, wal=True)
    assert path.with_name("hantu.db-wal").stat().st_size > path.stat().st_size
    check(path, entries)


def test_an_empty_file_is_made_anew(tmp_path: Path) -> None:
    check(rows_file(tmp_path / "hantu.db", []), [])


def killed(path: Path, kill_at: int | None) -> int:
    """As changes(): open the store; changes of names count too."""

    def open_store() -> None:
        logging.disable()
        for name in ("rename", "unlink"):
            setattr(os, name, burning(getattr(os, name)))
        Fuse.light()
        SqliteStore.open(path, vfs=VFS, seal_entries=LOT, background=False).close()

    return changes(open_store, kill_at)


def burning(act: Callable[..., Any]) -> Callable[..., Any]:
    def burned(*arguments: Any, **options: Any) -> Any:
        Fuse.burn()
        return act(*arguments, **options)

    return burned


def fresh(path: Path, folder: Path) -> Path:
    """A copy of the file in a folder of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return Path(shutil.copy(path, folder / "hantu.db"))


@pytest.mark.fault
@pytest.mark.timeout(600)
def test_a_kill_at_any_step_loses_and_doubles_nothing(tmp_path: Path) -> None:
    entries = stored(kinds(GROUP * LOT + 3 * LOT))
    path = rows_file(tmp_path / "hantu.db", entries)
    before = digest(path)
    writes = killed(fresh(path, tmp_path / "copy"), None)
    assert writes > 200
    # Each step of the exchange at the end, and some of the many before it.
    steps = sorted({round(at * writes / 50) for at in range(50)} | set(range(writes - 25, writes)))
    for kill_at in steps:
        copy = fresh(path, tmp_path / "copy")
        assert killed(copy, kill_at) == -1
        kept = [each for each in (copy, copy.with_name("hantu.db.rows")) if each.exists()]
        assert before in map(digest, kept) or "hantu.db" in names(copy.parent)
        check(copy, entries)


@pytest.mark.fault
@pytest.mark.timeout(300)
def test_it_gets_to_its_end_though_it_is_killed_again_and_again(tmp_path: Path) -> None:
    entries = stored(kinds(12 * LOT))
    path = rows_file(tmp_path / "hantu.db", entries)
    deaths = 0
    while killed(path, 90) == -1:
        deaths += 1
        assert deaths < 100
    assert deaths > 3
    check(path, entries)


def test_what_was_begun_for_another_state_of_the_file_is_begun_again(tmp_path: Path) -> None:
    entries = stored(kinds(12 * LOT))
    path = rows_file(tmp_path / "hantu.db", entries)
    assert killed(path, 150) == -1
    assert "hantu.db.rebuilding" in names(tmp_path)
    connection = apsw.Connection(str(path))
    connection.execute("DELETE FROM entry WHERE key = ?", (entries[3].key,))
    connection.close()
    check(path, [*entries[:3], *entries[4:]])


def test_a_half_made_file_that_is_damaged_is_begun_again(tmp_path: Path) -> None:
    entries = stored(kinds(12 * LOT))
    path = rows_file(tmp_path / "hantu.db", entries)
    assert killed(path, 150) == -1
    begun = tmp_path / "hantu.db.rebuilding"
    for each in tmp_path.glob("hantu.db.rebuilding*"):
        each.write_bytes(b"x" * 5_000)
    check(path, entries)
    assert not begun.exists()


def test_an_entry_that_was_not_kept_is_found_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = stored(kinds(5 * LOT))
    path = rows_file(tmp_path / "hantu.db", entries)
    before = digest(path)
    right = encode

    for change in ("messages", "metadata", "times", "cells", "created", "keys"):

        def wrong(batch: Any, shapes: Any, change: str = change) -> Any:
            values = getattr(batch, change)
            at = len(batch) - 1
            if change == "messages":
                values = (*values[:at], values[at] + " ")
            elif change == "metadata":
                values[at] = b'{"wrong":1}'
            else:
                values[at] += 1
            setattr(batch, change, values)
            return right(batch, shapes)

        monkeypatch.setattr(rebuild_copy, "encode", wrong)
        with pytest.raises(StoreError, match="was not kept as it is"):
            SqliteStore.open(path, seal_entries=LOT)
        assert digest(path) == before
        assert not any("rebuilding" in name or "rows" in name for name in names(tmp_path))
    monkeypatch.undo()
    check(path, entries)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_told_and_stays_as_it_is(tmp_path: Path, share: float) -> None:
    path = rows_file(tmp_path / "hantu.db", stored(kinds(800)))
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share) // 8192 * 8192)
    before = digest(path)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"hantu\.db is damaged .* was not changed"):
            SqliteStore.open(path, seal_entries=LOT)
        assert digest(path) == before
        assert not path.with_name("hantu.db.rows").exists()


def test_too_little_room_is_told_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = stored(kinds(50))
    path = rows_file(tmp_path / "hantu.db", entries)
    before = digest(path)
    monkeypatch.setattr(rebuild, "free_bytes", lambda _folder: 1_000)
    with pytest.raises(StoreError, match=r"needs 0 MB of room beside it; 0 MB are free"):
        SqliteStore.open(path)
    assert (digest(path), names(tmp_path)) == (before, ["hantu.db"])
    monkeypatch.undo()
    check(path, entries)


def test_reading_only_an_old_file_is_refused_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    path = rows_file(tmp_path / "hantu.db", stored(kinds(20)))
    before = digest(path)
    with pytest.raises(StoreError, match="was written by an older hantu; start hantu serve once"):
        SqliteStore.open(path, read_only=True)
    assert digest(path) == before


def test_two_files_of_the_old_format_are_not_chosen_between(tmp_path: Path) -> None:
    path = rows_file(tmp_path / "hantu.db", stored(kinds(20)))
    shutil.copy(path, tmp_path / "hantu.db.rows")
    with pytest.raises(StoreError, match="both hold entries"):
        SqliteStore.open(path)
    assert names(tmp_path) == ["hantu.db", "hantu.db.rows"]


def test_a_reader_of_the_old_file_that_goes_on_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "BUSY_MS", 10)
    entries = stored(kinds(20))
    path = rows_file(tmp_path / "hantu.db", entries, wal=True)
    other = apsw.Connection(str(path))
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM entry").fetchall()
    with pytest.raises(StoreError, match="another process reads"):
        SqliteStore.open(path)
    other.close(True)
    check(path, entries)


def test_progress_is_logged_when_nobody_asks_for_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = rows_file(tmp_path / "hantu.db", stored(many(40), holes=False))
    with caplog.at_level(logging.INFO), opened(path):
        pass
    said = [record.getMessage() for record in caplog.records]
    assert f"{path} is being made anew in a smaller format: 0 % of 40 entries" in said
    assert f"{path} is being made anew in a smaller format: 100 % of 40 entries" in said
    assert f"removed {path}.rows: {path} holds all of it" in said
