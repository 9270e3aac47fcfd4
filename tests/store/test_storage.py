"""Where the bytes are: the parts add up to the file."""

from __future__ import annotations

from pathlib import Path

from hantu.store.sqlite.storage import EVENTS, FILTERS, FREE, HOT, SEGMENTS, SHAPES, TIERS
from tests.store.made import entry, many, opened, write_all


def test_an_empty_file_has_all_tiers(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db") as store:
        found = store.storage()
    assert tuple(found.tiers) == TIERS
    assert sum(found.tiers.values()) == found.file_bytes > 0
    assert (found.entries, found.segments, found.shapes, found.columns, found.sources) == (0, 0, 0, {}, {})


def test_the_tiers_add_up_to_the_file_and_say_where_entries_are(tmp_path: Path) -> None:
    path = tmp_path / "hantu.db"
    with opened(path, seal_entries=300, background=False) as store:
        write_all(store, many(3_000), size=100)
        store.write_batch([entry("with an id", event_id=bytes(16))])
        found = store.storage()
        assert sum(found.tiers.values()) == found.file_bytes
        assert found.entries == store.stats().entries == 3_001
        assert (found.segments, found.hot_entries) == (10, 1)
        assert all(found.tiers[tier] > 0 for tier in (HOT, SEGMENTS, FILTERS, SHAPES, EVENTS))
        assert 0 < sum(found.columns.values()) < found.tiers[SEGMENTS]
        assert found.shapes >= 1
        assert found.shape_bytes > 10
        store.seal()
        after = store.storage()
        assert (after.hot_entries, after.segments) == (0, 11)
        # What the hot tier had is free now, or used again.
        assert sum(after.tiers.values()) == after.file_bytes
    with opened(path, read_only=True) as store:
        assert store.storage().tiers[FREE] >= 0


def test_sources_are_shared_out_by_entries_segment_by_segment(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", seal_entries=10**6, background=False) as store:
        store.write_batch([entry(f"line {number}", source="app") for number in range(100)])
        store.seal()
        short = sum(store.storage().columns.values())
        store.write_batch(
            [entry(f"{number} " * 200, source=("docker", "journal")[number % 2]) for number in range(200)]
        )
        store.seal()
        found = store.storage()
    columns = sum(found.columns.values())
    assert found.sources["app"] == short
    assert abs(found.sources["docker"] - (columns - short) / 2) <= 1
    assert found.sources["docker"] == found.sources["journal"]


def test_hot_entries_count_for_their_source(tmp_path: Path) -> None:
    with opened(tmp_path / "hantu.db", background=False) as store:
        store.write_batch([entry(source="app"), entry(), entry(), entry()])
        found = store.storage()
    assert found.hot_entries == 4
    assert abs(found.sources["docker"] - 3 * found.sources["app"]) <= 3
