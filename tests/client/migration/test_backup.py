"""Backups: whole, verified, never overwritten; and the way back to the last bit."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from hantu.client.migration.archive import BackupError, open_backup
from hantu.client.migration.backup import backups, drop_partial, make_backup
from hantu.client.migration.restore import check_backup, restore
from hantu.client.migration.tree import TreeError
from tests.client.migration.logtree import State, contents, killed_at, make_logs, state
from tests.parts import require

DAY = "20261121"
both_forms = pytest.mark.parametrize("compress", [False, True], ids=["folder", "packed"])


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """An old folder of logs."""
    return make_logs(tmp_path / "logs")


def bring_back(backup: Path, root: Path, aside: Path) -> None:
    reader = open_backup(backup)
    restore(reader, check_backup(reader), root, aside)


@both_forms
@pytest.mark.promise("M87", "M91", "M95")
def test_a_backup_brings_back_every_bit_mode_and_time(logs: Path, tmp_path: Path, compress: bool) -> None:
    before = state(logs)
    backup = make_backup(logs, tmp_path, day=DAY, compress=compress)
    assert backup.path.name == "logs_backup_20261121" + (".tar.gz" if compress else "")
    assert state(logs) == before
    assert (backup.files, all(kept.steady for kept in backup.kept.values())) == (9, True)
    shutil.rmtree(logs)
    bring_back(backup.path, logs, tmp_path / "aside")
    assert state(logs) == before
    assert not (tmp_path / "aside").exists()


def test_a_folder_backup_is_the_folder_again(logs: Path, tmp_path: Path) -> None:
    backup = make_backup(logs, tmp_path, day=DAY)
    assert state(backup.path) == state(logs)


def test_a_packed_backup_is_for_tar_too_and_for_its_owner_only(logs: Path, tmp_path: Path) -> None:
    require("GNU tar", shutil.which("tar") is not None, "install tar")
    backup = make_backup(logs, tmp_path, day=DAY, compress=True)
    assert backup.path.stat().st_mode & 0o777 == 0o600
    target = tmp_path / "unpacked"
    target.mkdir()
    subprocess.run(["tar", "-xpzf", backup.path, "-C", target], check=True, timeout=60)
    assert state(target) == state(logs)


@both_forms
@pytest.mark.promise("M87")
def test_a_second_backup_of_a_day_overwrites_nothing(logs: Path, tmp_path: Path, compress: bool) -> None:
    first = make_backup(logs, tmp_path, day=DAY)
    kept = state(first.path)
    (logs / "later.log").write_text("later\n")
    second = make_backup(logs, tmp_path, day=DAY, compress=compress)
    third = make_backup(logs, tmp_path, day=DAY, compress=compress)
    assert state(first.path) == kept
    assert [path.name.removesuffix(".tar.gz") for path in (second.path, third.path)] == [
        "logs_backup_20261121-2",
        "logs_backup_20261121-3",
    ]
    older = make_backup(logs, tmp_path, day="20261120")
    for number in range(4, 12):
        (tmp_path / f"logs_backup_{DAY}-{number}").mkdir()
    newest = [path.name for path in backups(tmp_path, "logs")]
    assert newest[0] == f"logs_backup_{DAY}-11"
    assert newest[-2:] == [first.path.name, older.path.name]


@both_forms
def test_what_a_log_gains_meanwhile_is_told(logs: Path, tmp_path: Path, compress: bool) -> None:
    growing = logs / "api" / "2026" / "access.log"
    growing.chmod(0o640)
    begun = growing.stat().st_size

    class Growing(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            with growing.open("ab") as other:
                other.write(b"one more\n")
            return super().read(size)

    import hantu.client.migration.backup as module

    plain = module.open_regular
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            module, "open_regular", lambda path: Growing(path) if path == growing else plain(path)
        )
        backup = make_backup(logs, tmp_path, day=DAY, compress=compress)
    unsteady = [path for path, kept in backup.kept.items() if not kept.steady]
    assert unsteady == ["api/2026/access.log"]
    assert backup.kept["api/2026/access.log"].entry.size == begun


@both_forms
def test_a_full_disk_makes_no_backup(logs: Path, tmp_path: Path, compress: bool) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=18m", "none", small], capture_output=True, check=False
    )
    require("mount", mounted.returncode == 0, "mounting a tmpfs needs root")
    try:
        with pytest.raises(BackupError, match=r"MiB free, the backup may need"):
            make_backup(logs, small, day=DAY, compress=compress)
        (small / "filler").write_bytes(b"\0" * (17 << 20))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("hantu.client.migration.backup._need_space", lambda *_: None)
            with pytest.raises(BackupError, match="No space left"):
                make_backup(logs, small, day=DAY, compress=compress)
        assert backups(small, "logs") == []
        drop_partial(small, "logs")
        assert os.listdir(small) == ["filler"]
    finally:
        subprocess.run(["umount", small], check=True)


@both_forms
@pytest.mark.fault
@pytest.mark.promise("M87")
def test_killed_anywhere_a_backup_is_whole_or_not_there(tmp_path: Path, compress: bool) -> None:
    logs = small_logs(tmp_path / "logs")
    before = state(logs)
    number = 1
    while killed_at(number, lambda: make_backup(logs, tmp_path, day=DAY, compress=compress)):
        assert state(logs) == before
        for path in backups(tmp_path, "logs"):
            bring_back(path, tmp_path / "copy", tmp_path / "aside")
            assert state(tmp_path / "copy") == before
        drop_partial(tmp_path, "logs")
        number += 1
    assert number > 3
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []
    assert len(backups(tmp_path, "logs")) == 1


def small_logs(root: Path) -> Path:
    (root / "trading").mkdir(parents=True)
    for name in ("app.log", "trading/orders.log"):
        (root / name).write_bytes(os.urandom(5000))
        os.utime(root / name, ns=(1, 1_700_000_000_000_000_001))
    (root / "now.log").symlink_to("app.log")
    (root / "trading").chmod(0o555)
    return root


def changed_since(logs: Path) -> set[bytes]:
    """Change a folder after its backup in every way; what was added."""
    (logs / "app.log").chmod(0o640)
    (logs / "app.log").write_bytes(b"other content\n")
    shutil.rmtree(logs / "api")
    (logs / "api").write_bytes(b"a file where a folder was\n")
    (logs / "current.log").unlink()
    (logs / "current.log").mkdir()
    (logs / "current.log" / "inner").write_bytes(b"a folder where a link was\n")
    (logs / "info").mkdir(mode=0o755)
    (logs / "info" / "info_20261121.log").write_bytes(b"a line of today\n")
    return {b"other content\n", b"a file where a folder was\n"} | {
        b"a folder where a link was\n",
        b"a line of today\n",
    }


@both_forms
@pytest.mark.promise("M91")
def test_what_is_in_the_way_is_moved_aside_and_kept(logs: Path, tmp_path: Path, compress: bool) -> None:
    before = state(logs)
    backup = make_backup(logs, tmp_path, day=DAY, compress=compress)
    added = changed_since(logs)
    aside = tmp_path / "aside"
    bring_back(backup.path, logs, aside)
    assert state(logs) == before
    assert contents(aside) == added
    again = tmp_path / "aside-2"
    bring_back(backup.path, logs, again)
    assert state(logs) == before
    assert not again.exists()


@both_forms
@pytest.mark.fault
@pytest.mark.promise("M91")
def test_killed_anywhere_a_way_back_is_gone_to_its_end_the_next_time(
    tmp_path: Path, compress: bool
) -> None:
    logs = small_logs(tmp_path / "logs")
    before = state(logs)
    backup = make_backup(logs, tmp_path, day=DAY, compress=compress).path
    number = 1
    while True:
        later = tmp_path / f"later-{number}"
        shutil.copytree(logs, later, symlinks=True)
        (later / "app.log").write_bytes(b"other\n")
        (later / "new").mkdir()
        (later / "new" / "x.json").write_bytes(b"{}\n")
        asides = [tmp_path / f"aside-{number}-{turn}" for turn in (1, 2)]
        killed = killed_at(number, lambda to=later, aside=asides[0]: bring_back(backup, to, aside))  # type: ignore[misc]  # bound now
        assert {b"other\n", b"{}\n"} <= contents(later, asides[0])
        bring_back(backup, later, asides[1])
        assert state(later) == before
        assert {b"other\n", b"{}\n"} <= contents(*asides)
        if not killed:
            break
        number += 1
    assert number > 8


def packed(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, type_: bytes = tarfile.REGTYPE, **parts: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = type_
    for key, value in parts.items():
        setattr(made, key, value)
    return made


@pytest.mark.parametrize(
    "members",
    [
        [member("../evil.log", size=3)],
        [member(".", tarfile.DIRTYPE), member("a/../../evil.log", size=3)],
        [member("/tmp/evil.log", size=3)],
        [member("out", tarfile.SYMTYPE, linkname="/tmp"), member("out/evil.log", size=3)],
        [
            member(".", tarfile.DIRTYPE),
            member("out", tarfile.SYMTYPE, linkname="/tmp"),
            member("out/evil.log", size=3),
        ],
        [member(".", tarfile.DIRTYPE), member("pipe", tarfile.FIFOTYPE)],
        [member(".", tarfile.DIRTYPE), member("hard", tarfile.LNKTYPE, linkname="/etc/shadow")],
        [member(".", tarfile.DIRTYPE), member("twice", size=1), member("twice", size=2)],
        [],
    ],
)
def test_a_file_that_is_no_backup_of_logs_changes_nothing(
    tmp_path: Path, members: list[tarfile.TarInfo]
) -> None:
    logs = small_logs(tmp_path / "logs")
    before = state(tmp_path)
    path = packed(tmp_path / "evil.tar.gz", *members)
    before[path.name] = state(tmp_path)[path.name]
    before["."] = state(tmp_path)["."]
    with pytest.raises(BackupError):
        bring_back(path, logs, tmp_path / "aside")
    assert state(tmp_path) == before


def test_a_damaged_backup_changes_nothing(logs: Path, tmp_path: Path) -> None:
    path = make_backup(logs, tmp_path, day=DAY, compress=True).path
    whole = path.read_bytes()
    before = state(logs)
    for damaged in (whole[:-1000], whole[: len(whole) // 2], b"", b"no archive", _flipped(whole)):
        path.write_bytes(damaged)
        with pytest.raises(BackupError):
            bring_back(path, logs, tmp_path / "aside")
    assert state(logs) == before


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :]


def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    logs = small_logs(tmp_path / "logs")
    (logs / "app.log").chmod(0)
    require("root", os.geteuid() == 0, "becoming another user needs root")
    os.chmod(tmp_path, 0o777)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for folder in tmp_path.parents:
                if folder.stat().st_uid == 0 and folder.stat().st_mode & 0o007 == 0:
                    folder.chmod(0o711)
            os.setgid(65534)
            os.setuid(65534)
            make_backup(logs, tmp_path, day=DAY)
        except (BackupError, TreeError) as error:
            code = 0 if "app.log cannot be read: Permission denied" in str(error) else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert backups(tmp_path, "logs") == []


def test_times_before_1970_come_back(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.log").write_bytes(b"x")
    os.utime(logs / "a.log", ns=(0, -1_500_000_000))
    before: State = state(logs)
    backup = make_backup(logs, tmp_path, day=DAY, compress=True)
    shutil.rmtree(logs)
    bring_back(backup.path, logs, tmp_path / "aside")
    assert state(logs) == before
