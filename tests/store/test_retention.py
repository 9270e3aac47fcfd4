"""Retention and maintenance: the file shrinks, in slices, and damage is found."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import apsw
import msgspec
import pytest

from hantu.query.logquery import LogQuery
from hantu.store.base import StoreError
from hantu.store.sqlite.batch import Column
from hantu.store.sqlite.catalog import COLUMN_BITS
from hantu.store.sqlite.database import WAL_PAGES, WAL_PAGES_SCARCE
from hantu.store.sqlite.retention import COPY_BYTES, TRUNCATE_TRIES
from tests.store.made import DAY_NS, START_NS, asked, entry, many, opened, write_all

LINES = 40_000
TEN_DAYS_S = 10 * 86_400


@pytest.mark.promise("M9", "M14")
@pytest.mark.parametrize("by", ["cleanup", "maintain"])
def test_a_file_that_lost_nine_tenths_is_as_small_as_a_fresh_one(tmp_path: Path, by: str) -> None:
    entries = many(LINES, step_s=TEN_DAYS_S / LINES)
    now_ns = START_NS + 10 * DAY_NS
    kept = [each for each in entries if each.time_ns >= now_ns - DAY_NS]
    fresh, worn = tmp_path / "fresh.db", tmp_path / "worn.db"
    # Sealed by who writes: a thread that is late would make the file grow again after the clean-up.
    with opened(fresh, background=False) as store:
        write_all(store, kept)
    with opened(worn, background=False) as store:
        write_all(store, entries)
        full_bytes = store.stats().size_bytes
        if by == "cleanup":
            assert store.cleanup(1, now_ns=now_ns) == LINES - len(kept)
        else:
            report = store.maintain(1, now_ns=now_ns, pause=lambda: False)
            assert (report.removed, report.problems) == (LINES - len(kept), ())
            assert report.freed_bytes > full_bytes // 2
        # Already now, not only once it is closed.
        assert worn.stat().st_size == store.stats().size_bytes
        (removal,) = store.removals()
        assert (removal.entries, removal.reason) == (LINES - len(kept), "age")
        assert removal.freed_bytes > full_bytes // 2
        assert store.count(asked("line"), cap=LINES).count == len(kept)
        assert store.stats().entries == len(kept)
        assert store.write(entry("next")).cursor == LINES + 1
    assert worn.stat().st_size < 1.2 * fresh.stat().st_size


@pytest.mark.promise("M14")
def test_other_writes_go_on_between_the_slices(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", seal_entries=100) as store:
        write_all(store, many(12_000, step_s=0.001), size=100)
        between = 0

        def pause() -> bool:
            nonlocal between
            between += 1
            store.write_batch([entry(f"between {between}", at=86_400)])
            return False

        report = store.maintain(0.5, now_ns=START_NS + DAY_NS, pause=pause)
        assert (report.removed, report.problems) == (12_000, ())
        assert between > 5
        assert store.count(asked("between"), cap=10**6).count == between == store.stats().entries


def test_a_run_that_is_stopped_leaves_a_sound_store_and_says_what_it_did(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", seal_entries=50, background=False) as store:
        write_all(store, many(6_000, step_s=0.001), size=50)
        calls = 0

        def pause() -> bool:
            nonlocal calls
            calls += 1
            return calls == 3

        removed = store.cleanup(1, now_ns=START_NS + 2 * DAY_NS, pause=pause)
        assert 0 < removed < 6_000
        assert store.stats().entries == 6_000 - removed == store.count(asked("line"), cap=10**5).count
        assert [each.entries for each in store.removals()] == [removed]
        assert store.cleanup(1, now_ns=START_NS + 2 * DAY_NS) == 6_000 - removed
        assert store.maintain(7, now_ns=START_NS, pause=lambda: False).problems == ()


def test_a_stream_without_entries_is_forgotten_and_may_come_back(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db") as store, opened(tmp_path / "hantu.db", read_only=True) as reader:
        store.write_batch([entry("old", source_id="gone"), entry("young", at=2 * 86_400)])
        assert [each.source_id for each in reader.source_ids()] == ["api", "gone"]
        assert store.cleanup(1, now_ns=START_NS + 2 * DAY_NS) == 1
        assert [each.source_id for each in store.source_ids()] == ["api"]
        assert reader.search(asked("container:gone")).entries == ()
        store.write_batch([entry("again", source_id="gone", at=2 * 86_400)])
        for each in (store, reader):
            assert [found.message for found in each.search(asked("container:gone")).entries] == ["again"]


@pytest.mark.promise("M14")
def test_a_damaged_index_of_words_is_found(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path) as store:
        write_all(store, many(3_000))
        store.seal()
    connection = apsw.Connection(str(path))
    # A leaf of the index, with other content of the same size.
    connection.execute(
        "UPDATE shape_word_data SET block = randomblob(length(block))"
        " WHERE id = (SELECT max(id) FROM shape_word_data)"
    )
    connection.close()
    with opened(path) as store:
        problems = store.maintain(7, now_ns=START_NS, pause=lambda: False).problems
        # What does not need the index is still there.
        assert store.count(LogQuery()).count == 3_000
    assert any("shape_word" in problem for problem in problems), problems


def test_a_damaged_page_is_found_and_said(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path) as store:
        write_all(store, many(30_000))
    connection = apsw.Connection(str(path))
    (page_size,) = connection.execute("PRAGMA page_size").fetchone() or (0,)
    pages = connection.execute(
        "SELECT pageno FROM dbstat WHERE name IN ('hot', 'segment_column') AND pagetype <> 'internal'"
        " AND path <> '/'"
    ).fetchall()
    connection.close()
    with path.open("r+b") as file:
        for (number,) in pages:
            file.seek((number - 1) * page_size)
            file.write(b"\xa5" * page_size)
    with opened(path) as store:
        problems = store.maintain(7, now_ns=START_NS, pause=lambda: False).problems
        assert problems
        with pytest.raises(StoreError, match="damaged"):
            list(store.export(asked("*no such text*")))


def test_a_damaged_column_costs_only_its_segment_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "hantu.db"
    with opened(path, seal_entries=100, background=False) as store:
        write_all(store, many(300), size=100)
    damage(path, 2, Column.DECIMAL)
    damage(path, 3, Column.METADATA)
    with opened(path) as store:
        found = store.search(replace(asked("line"), limit=1000)).entries
        assert sorted(int(each.message.split()[1]) for each in found) == [*range(100), *range(200, 300)]
        assert all(each.metadata is None for each in found if int(each.message.split()[1]) >= 200)
        assert any(each.metadata for each in found)
        problems = store.maintain(7, now_ns=START_NS, pause=lambda: False).problems
        assert any("decimal of segment 2 is damaged" in problem for problem in problems), problems
        assert store.write(entry("next")).cursor == 301
    said = [record.getMessage() for record in caplog.records if "segment 2" in record.getMessage()]
    assert len(said) == 1


def test_damaged_shapes_cost_only_their_lines_and_are_told(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path, seal_entries=100, background=False) as store:
        write_all(store, [entry(f"first {number} of many") for number in range(100)])
        write_all(store, [entry(f"then {number} of others") for number in range(100)])
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE shape_lot SET data = randomblob(length(data)) WHERE lot_no = 1")
    connection.close()
    with opened(path) as store:
        found = store.search(replace(LogQuery(), limit=1000)).entries
        assert {each.message.split()[0] for each in found} == {"then"}
        folded = store.patterns(LogQuery(), start_ns=START_NS, end_ns=START_NS + DAY_NS).patterns
        assert [(pattern.parts, pattern.count) for pattern in folded] == [(("then ", " of others"), 100)]
        problems = store.maintain(7, now_ns=START_NS, pause=lambda: False).problems
        assert any("lot of shapes is damaged" in problem for problem in problems), problems


def test_lots_of_shapes_are_put_together(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    lines = [entry(f"{chr(103 + at // 20)}{chr(103 + at % 20)} says {at} twice") for at in range(300)]
    with opened(path, seal_entries=2, background=False) as store:
        for each in lines:
            store.write_batch([each, each])
        store.maintain(7, now_ns=START_NS, pause=lambda: False)
        with store._database.reading(None) as reader:
            assert reader.value("SELECT count(*) FROM shape_lot") == 1
    with opened(path) as store:
        found = store.arrivals(LogQuery(), most=10**4).entries
        assert [each.message for each in found] == [each.message for each in lines for _ in range(2)]
        assert store.count(asked("says")).count == 600


def test_a_damaged_filter_hides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path, seal_entries=100, background=False) as store:
        write_all(store, [entry(f"request abc{number:05d} done") for number in range(300)], size=100)
    damage(path, 2, Column.FILTER)
    with opened(path) as store:
        assert [each.key for each in store.search(asked("abc00150")).entries] == [151]


def test_a_damaged_hot_batch_costs_only_its_entries(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path) as store:
        write_all(store, many(300), size=100)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE hot SET data = randomblob(length(data)) WHERE first_key = 101")
    connection.close()
    with opened(path) as store:
        assert store.count(asked("line")).count == 200
        problems = store.maintain(7, now_ns=START_NS, pause=lambda: False).problems
        assert any("from number 101 on is damaged" in problem for problem in problems), problems
        store.write(entry("line next"))
        assert store.seal() == 201
        assert store.count(asked("line")).count == 201


def damage(path: Path, segment_no: int, column: Column) -> None:
    """Put other bytes in the place of a column."""
    connection = apsw.Connection(str(path))
    connection.execute(
        "UPDATE segment_column SET data = randomblob(length(data)) WHERE column_id = ?",
        (segment_no << COLUMN_BITS | column,),
    )
    assert connection.changes() == 1
    connection.close()


def test_somebody_who_reads_all_the_time_holds_up_no_commit(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path) as store:
        write_all(store, many(2_000))
        other = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM hot").fetchall()
        pauses: list[float] = []
        assert store.cleanup(1, now_ns=START_NS + DAY_NS + 1000 * 10**9, pause=counting(pauses)) == 1_000
        other.close()
        # Without a pause the wait for that reader took all of the busy timeout, 10 s.
        assert len(pauses) > TRUNCATE_TRIES
        assert max(later - before for before, later in pairwise(pauses)) < 5
        store.cleanup(1, now_ns=START_NS + DAY_NS + 1100 * 10**9)
        assert store.stats().wal_bytes < 10_000


def test_no_commit_copies_the_wal_back_while_a_clean_up_runs(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", seal_entries=500, background=False) as store:
        write_all(store, many(20_000), size=500)
        largest = 0
        pages: set[int] = set()

        def pause() -> bool:
            nonlocal largest
            largest = max(largest, store.stats().wal_bytes)
            with store._database.holding() as connection:
                pages.add(connection.pragma("wal_autocheckpoint"))
            return False

        assert store.cleanup(0, now_ns=START_NS + 15_000 * 10**9, pause=pause) == 15_000
        assert pages == {0}
        # What was written meanwhile was copied back all the same, and nothing is left to do.
        assert largest < 2 * COPY_BYTES
        assert store.stats().wal_bytes < 10_000
        with store._database.holding() as connection:
            assert connection.pragma("wal_autocheckpoint") == WAL_PAGES


PAGE_BYTES = 4_096


def test_little_is_beside_the_file_while_the_disk_is_scarce(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", background=False) as store:
        write_all(store, many(4_000), size=200)
        before = store.stats().wal_bytes
        store.spare_disk(scarce=True)
        assert store.stats().wal_bytes == 0 < before
        # Also on the connection that follows one which failed.
        with pytest.raises(StoreError), store._database.writing() as connection:
            connection.execute("INSERT INTO nothing VALUES (1)")
        largest = 0
        for at in range(0, 16_000, 200):
            store.write_batch(many(200, first=4_000 + at))
            largest = max(largest, store.stats().wal_bytes)
        # A commit and what it copies back; then the WAL begins anew, and is cut to what that took.
        assert PAGE_BYTES < largest < 2 * WAL_PAGES_SCARCE * PAGE_BYTES
        store.spare_disk(scarce=False)
        with store._database.holding() as connection:
            assert connection.pragma("wal_autocheckpoint") == WAL_PAGES


def test_lines_that_are_not_sealed_go_without_a_segment(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", background=False) as store:
        write_all(store, many(1_000), size=100)
        # Batches of which something stays: those of every second line are of another time.
        late = many(100, first=1_000)[::2]
        mixed = [msgspec.structs.replace(each, time_ns=each.time_ns + DAY_NS) for each in late]
        store.write_batch([*many(50, first=2_000), *mixed])
        with store._database.reading(None) as reader:
            before = reader.value("SELECT count(*) FROM hot")
        pauses = 0

        def pause() -> bool:
            nonlocal pauses
            pauses += 1
            return True

        # Stopped at once, before anything is sealed: what could go whole is gone.
        assert store.cleanup(0, now_ns=START_NS + 500 * 10**9, pause=pause) == 500
        with store._database.reading(None) as reader:
            assert reader.value("SELECT count(*) FROM hot") == before - 5
            assert reader.value("SELECT count(*) FROM segment") == 0
        assert store.cleanup(0, now_ns=START_NS + DAY_NS) == 550
        assert store.stats().entries == len(mixed)
        found = store.search(LogQuery(limit=100)).entries
        assert sorted(each.message for each in found) == sorted(each.message for each in mixed)


def counting(pauses: list[float]) -> Callable[[], bool]:
    """A pause() that notes when it was called."""

    def pause() -> bool:
        pauses.append(time.monotonic())
        return False

    return pause


def test_cleaning_up_beside_a_writer_and_a_sealer_breaks_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", seal_entries=200) as store:
        write_all(store, many(4_000, step_s=30.0), size=100)
        failed: list[BaseException] = []
        done = threading.Event()

        def write() -> None:
            number = 10_000
            while not done.is_set():
                try:
                    store.write_batch(many(50, first=number, step_s=30.0))
                except BaseException as error:
                    failed.append(error)
                    return
                number += 50

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for hours in range(1, 21):
                store.cleanup(0, now_ns=START_NS + hours * 3600 * 10**9)
                store.search(asked("line"))
        finally:
            done.set()
            writer.join(30)
        assert failed == []
        assert store.maintain(0, now_ns=START_NS + 20 * 3600 * 10**9, pause=lambda: False).problems == ()
        kept = [each.time_ns for each in store.export(LogQuery())]
        assert min(kept) >= START_NS + 20 * 3600 * 10**9
        assert len(kept) == store.stats().entries
