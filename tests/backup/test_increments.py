"""A folder of many backups: each costs what has changed, each comes back whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from hantu.backup import BackupError, add_increment, check, increments, restore
from hantu.backup.increments import CHUNK_BYTES, CHUNKS
from tests.backup.made import fill, run_with_files
from tests.backup.test_restore import counted
from tests.store.made import asked, many, opened, write_all

START_S = 1_790_000_000.0
DAY_S = 86_400.0


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder with something of everything."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    fill(folder, entries=60_000)
    return folder


def add(data_dir: Path, folder: Path, day: int, keep: int | None = None) -> int:
    """Add the backup of a day; what it added, in bytes."""
    made = add_increment(
        data_dir / "hantu.db", data_dir / "artifacts", folder, keep=keep, now_s=START_S + day * DAY_S
    )
    return made.new_bytes


def chunks(folder: Path) -> set[str]:
    return {path.name for path in (folder / CHUNKS).glob("*/*")}


def test_the_next_backup_costs_what_has_changed(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    first = add(data_dir, folder, 0)
    assert first > (data_dir / "hantu.db").stat().st_size - CHUNK_BYTES
    assert add(data_dir, folder, 1) == 0
    with opened(data_dir / "hantu.db", background=False) as store:
        write_all(store, many(2_000, first=500_000))
        run_with_files(store, data_dir, b"another")
    third = add(data_dir, folder, 2)
    assert 0 < third < first
    assert len(increments(folder)) == 3
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.rglob("*") if path.is_file())
    assert not list(folder.glob(".hantu.db*"))


def test_each_of_them_comes_back(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    add(data_dir, folder, 0)
    with opened(data_dir / "hantu.db") as store:
        write_all(store, many(100, first=700_000))
        run_with_files(store, data_dir, b"another")
    add(data_dir, folder, 1)
    newest, oldest = increments(folder)
    old, new = tmp_path / "old", tmp_path / "new"
    restore(oldest, old)
    done = restore(folder, new)
    assert counted(old) == (60_002, 2, 1)
    assert counted(new) == (60_102, 3, 2)
    assert done.manifest == check(newest)
    with opened(new / "hantu.db") as store:
        assert store.count(asked('"line 700001 of"')).count == 1


def test_only_the_newest_stay_with_what_they_need(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    add(data_dir, folder, 0)
    first = chunks(folder)
    (folder / CHUNKS / "ab").mkdir(exist_ok=True)
    (folder / CHUNKS / "ab" / ("ab" * 32)).write_text("left by a crash")
    with opened(data_dir / "hantu.db", background=False) as store:
        store.cleanup(0, now_ns=2**62)
    for day in (1, 2, 3):
        add(data_dir, folder, day, keep=2)
    assert len(increments(folder)) == 2
    left = chunks(folder)
    assert not left & {"ab" * 32}
    assert first - left
    for path in increments(folder):
        check(path)


@pytest.mark.parametrize("damage", ["changed", "missing", "list"])
def test_damage_is_found_and_changes_nothing(data_dir: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "many"
    add(data_dir, folder, 0)
    chunk = max((folder / CHUNKS).glob("*/*"), key=lambda path: path.stat().st_size)
    if damage == "changed":
        chunk.write_bytes(bytes(len(chunk.read_bytes())))
    elif damage == "missing":
        chunk.unlink()
    else:
        increments(folder)[0].write_text("{}")
    with pytest.raises(BackupError):
        check(folder)
    with pytest.raises(BackupError):
        restore(folder, tmp_path / "new")
    assert not (tmp_path / "new" / "hantu.db").exists()


def test_a_chunk_that_a_power_cut_shortened_is_written_again(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    add(data_dir, folder, 0)
    chunk = max((folder / CHUNKS).glob("*/*"), key=lambda path: path.stat().st_size)
    chunk.write_bytes(b"")
    assert add(data_dir, folder, 1) == CHUNK_BYTES
    check(folder)


def test_a_folder_without_any_is_said(tmp_path: Path) -> None:
    (tmp_path / "many" / CHUNKS).mkdir(parents=True)
    with pytest.raises(BackupError, match="there is no backup in"):
        restore(tmp_path / "many", tmp_path / "new")
