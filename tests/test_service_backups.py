"""The service makes the daily backup, keeps some, and says when there is none."""

from __future__ import annotations

import os
import time
from pathlib import Path

import apsw
import pytest

from hantu.backup import BackupError, check
from hantu.service import Service
from tests.test_service import configured, hand_in, lines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the backups go."""
    return tmp_path / "backups"


def begun(tmp_path: Path, folder: Path, **settings: object) -> Service:
    service = Service(configured(tmp_path / "data", backup_dir=str(folder), **settings))
    service.start()
    return service


def test_the_daily_maintenance_makes_a_backup_and_keeps_some(tmp_path: Path, folder: Path) -> None:
    folder.mkdir()
    for day in range(1, 5):
        (folder / f"hantu-2026010{day}-040000.tar").write_text("old")
    service = begun(tmp_path, folder, backup_keep=3)
    try:
        hand_in(service, lines(100))
        backups = service.maintenance.backups
        backups.work()
        assert len(backups.kept()) == 4
        service.maintenance.run()
        service.maintenance.work()
        newest, *older = backups.kept()
        assert [each.path.name for each in older] == [
            "hantu-20260104-040000.tar",
            "hantu-20260103-040000.tar",
        ]
        assert check(newest.path).facts.entries == 100
        assert newest.path.stat().st_mode & 0o777 == 0o600
        assert abs(newest.made_s - time.time()) < 60
        assert backups.failing == ""
        # Once a day, not at every look.
        service.maintenance.work()
        assert backups.kept()[0] == newest
    finally:
        service.stop()


def test_a_backup_that_fails_removes_nothing_and_is_tried_again(tmp_path: Path, folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    service = begun(tmp_path, folder)
    try:
        service.maintenance.run()
        service.maintenance.work()
        assert service.maintenance.backups.failing.startswith("the daily backup failed: ")
        # hantu itself works.
        assert service.problems() == []
        folder.unlink()
        service.maintenance.work()
        assert service.maintenance.backups.failing == ""
        assert len(service.maintenance.backups.kept()) == 1
    finally:
        service.stop()


def test_the_backup_of_a_damaged_database_does_not_drive_out_a_good_one(
    tmp_path: Path, folder: Path
) -> None:
    service = begun(tmp_path, folder, backup_keep=1)
    try:
        hand_in(service, lines(100))
        service.maintenance.backups.run()
        (good,) = service.maintenance.backups.kept()
        os.rename(good.path, folder / "hantu-20260101-040000.tar")
        connection = apsw.Connection(str(service.config.database))
        connection.pragma("wal_checkpoint", "TRUNCATE")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'token'").fetchone()
        connection.close()
        with service.config.database.open("r+b") as file:
            file.seek((root - 1) * 4096)
            file.write(b"\xff" * 64)
        with pytest.raises(BackupError, match="damaged"):
            service.maintenance.backups.run()
        assert [each.path.name for each in service.maintenance.backups.kept()] == [
            "hantu-20260101-040000.tar"
        ]
    finally:
        service.stop()


def test_without_the_setting_there_is_none(tmp_path: Path) -> None:
    service = Service(configured(tmp_path / "data"))
    service.start()
    try:
        service.maintenance.run()
        service.maintenance.work()
        assert service.maintenance.backups.kept() == ()
    finally:
        service.stop()
