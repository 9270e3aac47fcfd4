"""Bringing a backup back: checked first, nothing thrown away, the way back is said."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hantu.backup import BackupError, back_up, restore
from hantu.query.logquery import LogQuery
from hantu.store.sqlite import SqliteStore
from tests.backup.made import ENTRIES, fill, tree
from tests.parts import require
from tests.store.made import asked, entry, opened

NOW_S = 1_790_000_000.0


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """The backup of a folder with something of everything."""
    folder = tmp_path / "old"
    folder.mkdir(mode=0o700)
    fill(folder)
    return back_up(folder / "hantu.db", folder / "artifacts", tmp_path / "hantu.tar").path


def counted(folder: Path) -> tuple[int, int, int]:
    """Entries, files of artifacts, executions."""
    store = SqliteStore.open(folder / "hantu.db", read_only=True)
    try:
        _, ((executions,),) = store.sql("SELECT count(*) FROM executions", most=1)
        files = sum(path.is_file() for path in (folder / "artifacts").rglob("*"))
        return store.stats().entries, files, int(str(executions))
    finally:
        store.close()


def test_a_backup_comes_back_into_an_empty_folder(backup: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    done = restore(backup, folder, now_s=NOW_S)
    assert (done.aside, done.way_back) == (None, ())
    assert counted(folder) == (ENTRIES, 2, 1)
    assert (folder / "hantu.db").stat().st_mode & 0o777 == 0o600
    with opened(folder / "hantu.db") as store:
        assert store.maintain(36_500, now_ns=entry().time_ns, pause=lambda: False).problems == ()
        assert store.count(asked("still hot")).count == 1
        assert store.write(entry("next")).cursor == ENTRIES + 1


def test_what_is_there_is_moved_aside_and_can_come_back(backup: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    with opened(folder / "hantu.db") as store:
        store.write(entry("newer than the backup"))
    before = tree(folder)
    done = restore(backup, folder, now_s=NOW_S)
    assert counted(folder) == (ENTRIES, 2, 1)
    assert done.aside is not None
    assert tree(done.aside) == before
    for command in done.way_back:
        subprocess.run(["sh", "-c", command], check=True)
    with opened(folder / "hantu.db") as store:
        assert store.count(asked("newer")).count == 1
        assert store.count(LogQuery(), cap=10**6).count == ENTRIES + 1


def test_a_log_that_a_crash_left_does_not_reach_into_the_backup(backup: Path, tmp_path: Path) -> None:
    """SQLite would take the -wal of the former database for that of the new one."""
    folder = tmp_path / "old"
    with opened(folder / "hantu.db") as store:
        store.write(entry("only in the log"))
        wal = (folder / "hantu.db-wal").read_bytes()
    assert wal
    (folder / "hantu.db-wal").write_bytes(wal)
    done = restore(backup, folder, now_s=NOW_S)
    assert not (folder / "hantu.db-wal").exists()
    assert done.aside is not None
    assert (done.aside / "hantu.db-wal").read_bytes() == wal
    assert counted(folder)[0] == ENTRIES


def test_a_folder_in_use_is_refused(backup: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    with opened(folder / "hantu.db"), pytest.raises(BackupError, match="systemctl stop hantu"):
        restore(backup, folder)
    assert not list(folder.glob("before-restore*"))


@pytest.mark.parametrize("damage", ["byte", "short", "text"])
def test_a_backup_that_is_not_sound_changes_nothing(backup: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "old"
    before = tree(folder)
    content = bytearray(backup.read_bytes())
    if damage == "byte":
        content[len(content) // 3] ^= 1
    elif damage == "short":
        del content[len(content) // 2 :]
    else:
        content[:] = b"no tar"
    backup.write_bytes(content)
    with pytest.raises(BackupError):
        restore(backup, folder)
    assert tree(folder) == before
    assert not list(folder.glob(".restoring"))


def test_what_root_restores_belongs_to_the_owner_of_the_folder(backup: Path, tmp_path: Path) -> None:
    require("root", os.geteuid() == 0, "giving a folder away needs root")
    folder = tmp_path / "old"
    os.chown(folder, 65534, 65534)
    done = restore(backup, folder, now_s=NOW_S)
    assert done.aside is not None
    every = [folder / "hantu.db", *(folder / "artifacts").rglob("*"), done.aside]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in every} == {(65534, 65534)}


def test_two_restores_within_a_second_keep_both(backup: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    asides = {restore(backup, folder, now_s=NOW_S).aside for _ in range(2)}
    assert len(asides) == 2
    assert all(aside is not None and (aside / "hantu.db").is_file() for aside in asides)


def test_what_a_broken_off_restore_left_is_taken_away(backup: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    (folder / ".restoring" / "artifacts").mkdir(parents=True)
    (folder / ".restoring" / "hantu.db").write_text("half")
    restore(backup, folder)
    assert counted(folder)[0] == ENTRIES
    assert not (folder / ".restoring").exists()
