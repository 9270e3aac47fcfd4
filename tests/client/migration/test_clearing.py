"""Old logs are cleared only when they are kept elsewhere and nobody writes them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hantu.client.migration.backup import make_backup
from hantu.client.migration.clearing import (
    clear,
    holders,
    is_protected,
    make_folders,
    old_logs,
    wrong_folders,
)
from hantu.client.migration.tree import TreeError
from tests.client.migration.logtree import make_logs, state
from tests.parts import require

DAY = "20261121"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """An old folder of logs."""
    return make_logs(tmp_path / "logs")


@pytest.mark.promise("M88")
def test_old_logs_go_and_folders_and_other_files_stay(logs: Path, tmp_path: Path) -> None:
    make_folders(logs)
    (logs / "info" / "info_20261121.log").write_text("the library's own\n")
    (logs / "info" / "old.log").write_text("not the library's\n")
    backup = make_backup(logs, tmp_path, day=DAY)
    folders = [path for path in logs.rglob("*") if path.is_dir()]
    cleared = clear(logs, old_logs(logs), backup.kept, ())
    assert cleared.changed == ()
    assert len(cleared.removed) == 10
    assert sorted(os.fspath(path.relative_to(logs)) for path in logs.rglob("*") if not path.is_dir()) == [
        "app.log.1",
        "info/info_20261121.log",
        "trading/orders.csv",
    ]
    assert all(folder.is_dir() for folder in folders)


@pytest.mark.promise("M88")
def test_what_changed_since_the_backup_stays(logs: Path, tmp_path: Path) -> None:
    backup = make_backup(logs, tmp_path, day=DAY)
    (logs / "app.log").write_text("a line that is in no backup\n")
    (logs / "since.log").write_text("a file that is in no backup\n")
    cleared = clear(logs, old_logs(logs), backup.kept, ())
    assert sorted(cleared.changed) == ["app.log", "since.log"]
    assert (logs / "app.log").read_text() == "a line that is in no backup\n"
    assert (logs / "since.log").exists()


@pytest.mark.promise("M88")
def test_a_file_that_a_program_writes_is_told_and_stays(logs: Path, tmp_path: Path) -> None:
    code = "import sys, time; f = open(sys.argv[1], 'ab'); print('open', flush=True); sys.stdin.read()"
    writer = subprocess.Popen(
        [sys.executable, "-c", code, logs / "trading" / "주문 기록.log"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        # Whoever only reads a log is not in the way.
        with (logs / "app.log").open("rb"):
            held, complete = holders(logs)
        assert [(holder.path, holder.pid) for holder in held] == [("trading/주문 기록.log", writer.pid)]
        assert held[0].program.startswith("python")
        assert complete or os.geteuid() != 0
        backup = make_backup(logs, tmp_path, day=DAY)
        cleared = clear(logs, old_logs(logs), backup.kept, held)
        assert "app.log" in cleared.removed
        assert (logs / "trading" / "주문 기록.log").exists()
    finally:
        writer.communicate()
    assert holders(logs)[0] == []


@pytest.mark.promise("M88")
def test_folders_are_made_with_mode_755_whatever_the_umask(tmp_path: Path) -> None:
    logs = tmp_path / "deep" / "logs"
    before = os.umask(0o077)
    try:
        assert wrong_folders(logs) == [logs / "errors", logs / "info"]
        assert make_folders(logs) == [logs, logs / "errors", logs / "info"]
    finally:
        os.umask(before)
    for folder in (logs, logs / "errors", logs / "info"):
        assert folder.stat().st_mode & 0o777 == 0o755
    (logs / "info").chmod(0o700)
    (logs / "info" / "kept.txt").write_text("stays")
    assert wrong_folders(logs) == [logs / "info"]
    assert make_folders(logs) == [logs / "info"]
    seen = state(logs)
    assert make_folders(logs) == []
    assert state(logs) == seen


def test_a_file_in_place_of_a_folder_is_told_and_left(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "errors").write_text("somebody's")
    before = state(logs)
    with pytest.raises(TreeError, match="errors is a file"):
        make_folders(logs)
    assert state(logs) == before


def test_folders_that_root_makes_belong_to_who_has_the_logs(tmp_path: Path) -> None:
    require("root", os.geteuid() == 0, "giving away a folder needs root")
    logs = tmp_path / "logs"
    logs.mkdir()
    os.chown(logs, 1234, 2345)
    make_folders(logs)
    for name in ("errors", "info"):
        found = (logs / name).stat()
        assert (found.st_uid, found.st_gid) == (1234, 2345)


@pytest.mark.parametrize("folder", ["/", "/var/log", "/var/log/../log", "/etc", str(Path.home())])
def test_folders_of_the_system_are_refused(folder: str) -> None:
    assert is_protected(Path(folder))


def test_an_applications_folder_is_not_refused(tmp_path: Path) -> None:
    assert not is_protected(tmp_path / "logs")
    assert not is_protected(Path("/var/log/hantu-scheduler"))
    (tmp_path / "link").symlink_to("/var/log")
    assert is_protected(tmp_path / "link")
