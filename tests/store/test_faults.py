"""Disks that fail: nothing half is stored, the error is said, and the next write works."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from hantu.query.logquery import LogQuery
from hantu.store.base import StoreError
from tests.parts import require
from tests.store.made import asked, many, opened

VFS = "hantu-faulty"


class Faults:
    """Which operation on the WAL fails next: counts down to it."""

    left: int | None = None
    error: type[apsw.Error] = apsw.IOError
    operations = 0

    @classmethod
    def meet(cls) -> None:
        """An operation on the WAL happens."""
        cls.operations += 1
        if cls.left is not None:
            cls.left -= 1
            if cls.left <= 0:
                raise cls.error("made to fail")


class FaultyFile(apsw.VFSFile):
    """A WAL that can fail to be written or synced."""

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 — SQLite's name
        Faults.meet()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 — SQLite's name
        Faults.meet()
        super().xSync(flags)


class FaultyVFS(apsw.VFS):
    """The default VFS, but for the WAL."""

    def __init__(self) -> None:
        super().__init__(VFS, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 — SQLite's name
        if flags[0] & apsw.SQLITE_OPEN_WAL:
            return FaultyFile("", name, flags)
        return apsw.VFSFile("", name, flags)


@pytest.fixture
def vfs() -> Iterator[str]:
    """The name of a VFS whose WAL fails as Faults says."""
    made = FaultyVFS()
    Faults.left = None
    Faults.operations = 0
    yield VFS
    Faults.left = None
    made.unregister()


@pytest.mark.fault
@pytest.mark.parametrize(
    ("error", "said"), [(apsw.IOError, "the disk failed"), (apsw.FullError, "disk is full")]
)
@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.fault_row("R3")
def test_a_failed_commit_stores_nothing_or_all_and_the_next_one_works(
    tmp_path: Path, vfs: str, durable: bool, error: type[apsw.Error], said: str
) -> None:
    with opened(tmp_path / "hantu.db", vfs=vfs) as store:
        store.write_batch(many(100), {"reader": b"100"})
        Faults.operations = 0
        store.write_batch(many(100, first=100), {"reader": b"200"}, durable=durable)
        operations = Faults.operations
        assert operations > 5
        stored = 200
        for at in (1, 2, operations // 2, operations - 1, operations):
            Faults.error, Faults.left = error, at
            with pytest.raises(StoreError, match=said):
                store.write_batch(
                    many(100, first=stored), {"reader": b"%d" % (stored + 100)}, durable=durable
                )
            Faults.left = None
            # A commit that failed may have persisted: the checkpoint tells.
            checkpoint = store.checkpoint("reader")
            assert checkpoint is not None
            assert int(checkpoint) in (stored, stored + 100)
            stored = int(checkpoint)
            store.write_batch(many(100, first=stored), {"reader": b"%d" % (stored + 100)})
            stored += 100
            assert store.count(LogQuery()).count == stored == store.stats().entries
            assert store.count(asked("line")).count == stored
        assert store.maintain(7, now_ns=0, pause=lambda: False).problems == ()
        messages = [each.message.split()[1] for each in store.arrivals(LogQuery(), most=10**5).entries]
        assert messages == [str(number) for number in range(stored)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = False
    if os.geteuid() == 0:
        done = (
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)],
                check=False,
                capture_output=True,
            ).returncode
            == 0
        )
    require("mount", done, "mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.fault
@pytest.mark.fault_row("R5")
def test_a_full_disk_is_said_and_writing_goes_on_once_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1 << 20))
    with opened(small_disk / "hantu.db") as store:
        said = ""
        stored = 0
        while not said:
            try:
                store.write_batch(many(500, first=stored))
                stored += 500
            except StoreError as error:
                said = str(error)
        assert "disk is full" in said
        assert store.count(asked("line"), cap=10**6).count == stored
        with pytest.raises(StoreError, match="disk is full"):
            store.write_batch(many(5_000, first=stored))
        ballast.unlink()
        store.write_batch(many(500, first=stored))
        assert store.count(LogQuery(), cap=10**6).count == stored + 500
