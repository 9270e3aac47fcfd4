"""A real ext4 on a file, whose power can be cut."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts import require
from tests.waiting import wait_until

_SHUTDOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN, include/uapi/linux/ext4.h."""
_NO_LOG_FLUSH = 2
"""EXT4_GOING_FLAGS_NOLOGFLUSH: what only memory holds is gone."""


class LoopDisk:
    """An ext4 of 256 MiB."""

    def __init__(self, folder: Path) -> None:
        self._image = folder / "disk.img"
        self._folder = folder / "loop"
        self._folder.mkdir()
        with self._image.open("wb") as image:
            image.truncate(256 << 20)
        # Data is written through the journal's order as on any server; no lazy work that adds load.
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self._image))
        self._mounted = False

    def mount(self) -> Path:
        """The folder; mounted again, as after a start of the machine, the journal is replayed."""
        if not self._mounted:
            _run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self._folder))
            self._mounted = True
        return self._folder

    def cut_power(self) -> None:
        """From now on nothing reaches the disk, also not what waits in memory."""
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def break_it(self) -> None:
        """ext4 meets an error, and turns read-only as Debian mounts it."""
        source = _run("findmnt", "-n", "-o", "SOURCE", str(self._folder)).strip()
        Path("/sys/fs/ext4", Path(source).name, "trigger_fs_error").write_text("made to fail")

    def mend(self) -> None:
        """What an operator does: fsck."""
        done = subprocess.run(["e2fsck", "-fy", str(self._image)], check=False, capture_output=True)
        assert done.returncode in (0, 1), done.stdout

    def unmount(self) -> None:
        """Take it away."""
        if self._mounted:
            _run("umount", str(self._folder))
            self._mounted = False
            # A program that made mounts of its own meanwhile has a copy of this one; while it lives the
            # next mount would be the same, whose power is cut.
            wait_until(lambda: not _run("losetup", "-j", str(self._image)).strip(), 60)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def loop_disk(tmp_path: Path) -> Iterator[LoopDisk]:
    """A disk of its own; skips where there is no root, no loop device or no ext4."""
    require(
        "a loop device",
        os.geteuid() == 0 and shutil.which("mkfs.ext4") is not None and Path("/dev/loop-control").exists(),
        "it needs root, mkfs.ext4 and /dev/loop-control",
    )
    disk = LoopDisk(tmp_path)
    yield disk
    subprocess.run(["umount", "-l", str(tmp_path / "loop")], check=False, capture_output=True)
