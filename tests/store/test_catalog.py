"""Views follow the file: what was sealed, grouped, cut and dropped since the last one."""

from __future__ import annotations

from pathlib import Path

import apsw

from hantu.store.sqlite import SqliteStore
from hantu.store.sqlite.catalog import Catalog
from hantu.store.sqlite.sealing import SEAL_CHARACTERS
from hantu.store.sqlite.snapshot import GROUP, Segment
from tests.store.made import DAY_NS, START_NS, asked, entry, many, opened


def seen(store: SqliteStore) -> tuple[Segment, ...]:
    """The segments of the store's own view."""
    with store._database.reading(None) as reader:
        return store._catalog.view(reader).segments


def in_file(store: SqliteStore) -> tuple[Segment, ...]:
    """Those that who has seen nothing yet reads."""
    with store._database.reading(None) as reader:
        return Catalog(writes=False).view(reader).segments


def test_a_view_follows_whatever_happens_to_segments(tmp_path: Path) -> None:
    lines = many(5 * (GROUP + 3), step_s=3_600)
    with opened(tmp_path / "hantu.db", seal_entries=10**6, background=False) as store:
        for at in range(0, len(lines), 5):
            store.write_batch(lines[at : at + 5])
            store.seal()
            assert seen(store) == in_file(store)
        assert sum(each.group_no is not None for each in seen(store)) == GROUP
        for hours in (1, 7, 9, 100):
            now_ns = START_NS + DAY_NS + hours * 3_600 * 10**9
            assert store.cleanup(1, now_ns=now_ns) > 0
            assert seen(store) == in_file(store)
            store.write_batch(many(3, first=len(lines), step_s=3_600))
            store.seal()
            assert seen(store) == in_file(store)


def test_after_a_seal_only_what_came_is_read(tmp_path: Path) -> None:
    read: list[object] = []

    def note(_cursor: apsw.Cursor, row: tuple[object, ...]) -> tuple[object, ...]:
        if len(row) == len(Segment.__slots__):
            read.append(row[0])
        return row

    catalog = Catalog(writes=False)
    with opened(tmp_path / "hantu.db", seal_entries=10**6, background=False) as store:
        for number in range(5):
            store.write_batch(many(2, first=2 * number))
            store.seal()
            with store._database.reading(None) as reader:
                reader.connection.row_trace = note
                assert len(catalog.view(reader).segments) == number + 1
                reader.connection.row_trace = None
    assert read == [1, 2, 3, 4, 5]


def test_the_shapes_in_use_are_told_without_keeping_directories(tmp_path: Path) -> None:
    catalog = Catalog(writes=False)
    with opened(tmp_path / "hantu.db", seal_entries=10**6, background=False) as store:
        for word in ("red", "green", "blue"):
            store.write_batch([entry(f"{word} {number}") for number in range(5)])
            store.seal()
        with store._database.reading(None) as reader:
            (block,) = catalog.view(reader).blocks
            told = set(catalog.shapes_in(reader, block).tolist())
            assert catalog.directory_bytes == 0
            assert told == set(catalog.directory(reader, block).shapes.tolist())
            assert told == set(catalog.shapes_in(reader, block).tolist())
            assert catalog.directory_bytes > 0
    assert len(told) == 3


def test_long_metadata_are_sealed_before_they_are_many(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", background=False) as store:
        for at in range(50):
            store.write_batch([entry("failed", at=at, metadata={"stack_trace": f"{at}" + "x" * 100_000})])
        with store._database.reading(None) as reader:
            (segment,) = store._catalog.view(reader).segments
        assert segment.entries == 1 + SEAL_CHARACTERS // 100_000
        assert store.count(asked("failed")).count == 50


def test_nothing_is_kept_of_segments_that_are_gone(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", seal_entries=10**6, background=False) as store:
        for number in range(3):
            store.write_batch([*many(50, first=50 * number), entry("never" + "xyz"[number] + " again")])
            store.seal()
        ask_all_kinds(store)
        catalog = store._catalog
        kept = (catalog.decoded, catalog.timelines, catalog._words, catalog._filters, catalog._directories)
        assert all(each.size_bytes > 0 for each in kept)
        store.cleanup(1, now_ns=START_NS + 30 * DAY_NS)
        assert seen(store) == ()
        assert [each.size_bytes for each in kept] == [0] * len(kept)


def ask_all_kinds(store: SqliteStore) -> None:
    """A page, a word that is a value, and a histogram that looks into segments."""
    store.query(asked())
    store.query(asked("98765"))
    store.histogram(asked("line"), start_ns=START_NS, end_ns=START_NS + 150 * 10**9, buckets=15)
