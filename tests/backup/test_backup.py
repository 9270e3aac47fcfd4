"""A backup holds one moment, whole, and is never written over another."""

from __future__ import annotations

import subprocess
import tarfile
import threading
from pathlib import Path

import apsw
import pytest

from hantu.backup import BackupError, back_up, check, kept_backups, next_name, rotate
from hantu.query.logquery import LogQuery
from hantu.store.copying import check_copy
from hantu.store.sqlite import SqliteStore
from tests.backup.made import ENTRIES, fill, run_with_files
from tests.fault.disks import Mount, mount
from tests.store.made import asked, entry, many, opened, write_all
from tests.store.test_rebuild import kinds, rows_file, stored

__all__ = ["mount"]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder with something of everything."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    fill(folder)
    return folder


def made(data_dir: Path, target: Path) -> Path:
    """The backup of a folder."""
    return back_up(data_dir / "hantu.db", data_dir / "artifacts", target).path


def test_a_backup_says_what_it_holds_and_only_its_owner_may_read_it(data_dir: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    target = tmp_path / "hantu.tar"
    done = back_up(
        data_dir / "hantu.db", data_dir / "artifacts", target, progress=lambda *how: told.append(how)
    )
    assert done.manifest == check(target)
    facts = done.manifest.facts
    assert (facts.entries, facts.errors, facts.executions, facts.artifacts) == (ENTRIES, 1, 1, 2)
    assert (done.manifest.artifact_files, done.manifest.artifacts_gone) == (2, ())
    assert done.size_bytes == target.stat().st_size
    assert target.stat().st_mode & 0o777 == 0o600
    assert told[-1][0] == told[-1][1] == done.manifest.database_bytes
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["hantu.tar"]


def test_a_backup_leaves_the_folder_as_it_was(data_dir: Path, tmp_path: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in data_dir.iterdir()}
    made(data_dir, tmp_path / "hantu.tar")
    assert {path.name: path.stat().st_mtime_ns for path in data_dir.iterdir()} == before


def test_standard_tools_bring_a_backup_back(data_dir: Path, tmp_path: Path) -> None:
    file = made(data_dir, tmp_path / "hantu.tar")
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "xf", str(file), "-C", str(out)], check=True)
    said = subprocess.run(
        ["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=out, check=True, capture_output=True
    )
    assert (said.stdout, said.stderr) == (b"", b"")
    with opened(out / "hantu.db") as store:
        assert store.count(LogQuery(), cap=10**6).count == ENTRIES
        assert store.count(asked("주문"), cap=10**6).count == ENTRIES
    assert len(list((out / "artifacts").rglob("*-*"))) == 2


def test_what_arrives_meanwhile_is_not_in_and_waits_for_nothing(data_dir: Path, tmp_path: Path) -> None:
    """The pages are taken in slices: each commit between two of them must leave the copy as it was."""
    database = data_dir / "hantu.db"
    with opened(database, seal_entries=500) as store:
        write_all(store, many(40_000, first=10_000))
        before = store.stats().entries
        commits = 0

        def pause() -> None:
            nonlocal commits
            commits += 1
            # Segments come and old ones go: pages that are still to be copied change.
            write_all(store, many(1_000, first=100_000 + commits * 1_000))
            store.cleanup(1, now_ns=entry().time_ns + (86_400 + 9_000 * commits) * 10**9)

        file = tmp_path / "hantu.tar"
        done = back_up(database, data_dir / "artifacts", file, pause=pause)
        assert commits > 2
        assert store.stats().entries != before
    assert done.manifest.facts.entries == before
    assert check(file) == done.manifest


def test_a_backup_is_made_while_another_thread_writes(data_dir: Path, tmp_path: Path) -> None:
    database = data_dir / "hantu.db"
    stop = threading.Event()
    with opened(database) as store:

        def write() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                store.write_batch(many(200, first=number * 200))

        thread = threading.Thread(target=write)
        thread.start()
        try:
            checked = [check(made(data_dir, tmp_path / f"{each}.tar")).facts.entries for each in range(3)]
        finally:
            stop.set()
            thread.join()
    assert checked == sorted(checked)
    assert checked[0] >= ENTRIES


@pytest.mark.parametrize("there", ["before", "meanwhile"])
def test_no_file_is_written_over(data_dir: Path, tmp_path: Path, there: str) -> None:
    target = tmp_path / "hantu.tar"

    def take() -> None:
        target.write_text("mine")

    if there == "before":
        take()
    with pytest.raises(BackupError, match="a backup is never written over"):
        back_up(data_dir / "hantu.db", data_dir / "artifacts", target, pause=take)
    assert target.read_text() == "mine"
    assert not target.with_name("hantu.tar.part").exists()


def test_an_artifact_that_goes_meanwhile_is_told(data_dir: Path, tmp_path: Path) -> None:
    with opened(data_dir / "hantu.db") as store:
        (path,) = run_with_files(store, data_dir, b"short-lived")
        target = tmp_path / "hantu.tar"
        done = back_up(
            data_dir / "hantu.db",
            data_dir / "artifacts",
            target,
            pause=lambda: (data_dir / "artifacts" / path).unlink(missing_ok=True),
        )
    assert (done.manifest.artifact_files, done.manifest.artifacts_gone) == (2, (path,))
    assert check(target) == done.manifest


def test_a_file_of_the_row_store_is_backed_up_as_it_is(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    entries = stored(kinds(200))
    rows_file(data_dir / "hantu.db", entries)
    done = back_up(data_dir / "hantu.db", data_dir / "artifacts", tmp_path / "old.tar")
    assert (done.manifest.facts.schema, done.manifest.facts.entries) == (1, len(entries))
    assert check(done.path) == done.manifest


def test_a_newer_file_is_not_taken_for_sound(data_dir: Path, tmp_path: Path) -> None:
    connection = apsw.Connection(str(data_dir / "hantu.db"))
    connection.pragma("user_version", 99)
    connection.close()
    with pytest.raises(BackupError, match="schema version 99"):
        made(data_dir, tmp_path / "hantu.tar")


@pytest.mark.parametrize("what", ["database", "artifact", "end", "rest", "name"])
def test_damage_is_found(data_dir: Path, tmp_path: Path, what: str) -> None:
    file = made(data_dir, tmp_path / "hantu.tar")
    with tarfile.open(file) as archive:
        members = {member.name: member for member in archive}
    content = bytearray(file.read_bytes())
    artifact = next(member for name, member in members.items() if name.startswith("artifacts/"))
    if what == "database":
        content[members["hantu.db"].offset_data + members["hantu.db"].size // 2] ^= 1
    elif what == "artifact":
        content[artifact.offset_data] ^= 1
    elif what == "end":
        del content[members["SHA256SUMS"].offset :]
    elif what == "rest":
        del content[members["hantu.db"].size // 2 :]
    else:
        content = bytearray(bytes(content).replace(b"artifacts/", b"../../../z", 1))
    file.write_bytes(content)
    with pytest.raises(BackupError):
        check(file)


def test_a_database_that_is_damaged_already_is_found_in_its_backup(data_dir: Path, tmp_path: Path) -> None:
    """Every checksum is right: only SQLite can tell."""
    database = data_dir / "hantu.db"
    connection = apsw.Connection(str(database))
    (root,) = connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'segment_column'"
    ).fetchone()
    connection.close()
    with database.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(bytes(64))
    backup = made(data_dir, tmp_path / "hantu.tar")
    with pytest.raises(BackupError, match="damaged"):
        check(backup)


def test_only_the_newest_daily_backups_stay(data_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in range(5):
        path = folder / next_name(1_790_000_000 + day * 86_400)
        path.write_bytes(b"x" * day)
    mine = folder / "hantu-before-the-move.tar"
    mine.write_text("mine")
    newest = [each.path.name for each in kept_backups(folder)][:2]
    assert len(rotate(folder, 2)) == 3
    assert sorted(path.name for path in folder.iterdir()) == sorted([*newest, mine.name])
    assert [each.size_bytes for each in kept_backups(folder)] == [4, 3]
    assert kept_backups(tmp_path / "nowhere") == ()


@pytest.mark.fault
def test_a_full_disk_leaves_no_half_backup(data_dir: Path, mount: Mount) -> None:
    disk = mount("1m")
    with pytest.raises(BackupError, match="the disk is full"):
        made(data_dir, disk / "hantu.tar")
    assert list(disk.iterdir()) == []


def test_a_missing_folder_is_said_and_a_database_alone_can_be_checked(
    data_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises(BackupError, match="there is no folder"):
        made(data_dir, tmp_path / "nowhere" / "hantu.tar")
    store = SqliteStore.open(data_dir / "hantu.db", read_only=True)
    try:
        assert check_copy(data_dir / "hantu.db").entries == store.stats().entries
    finally:
        store.close()
