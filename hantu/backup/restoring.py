"""Bringing a backup back: nothing is touched before all of it was found sound, nothing is thrown away."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from hantu.backup.archive import ARTIFACTS, DATABASE, BackupError, Manifest
from hantu.backup.checking import check_database, unpack
from hantu.backup.increments import is_increment, manifest_of, unpack_increment
from hantu.store.base import StoreBusy, StoreError
from hantu.store.copying import Progress, alone

_COMING: Final = ".restoring"
_ROOM_LEAST: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was brought back. aside: the folder that what was there lies in now, None when there
    was nothing."""

    folder: Path
    manifest: Manifest
    aside: Path | None

    @property
    def way_back(self) -> tuple[str, ...]:
        """The commands that undo it, with the service stopped."""
        if self.aside is None:
            return ()
        away = self.folder / f"{self.aside.name}.undone"
        return (
            f"mkdir {away}",
            f"mv {self.folder}/{DATABASE}* {self.folder}/{ARTIFACTS} {away}/",
            f"mv {self.aside}/* {self.folder}/",
        )


def restore(
    file: Path, folder: Path, *, progress: Progress | None = None, now_s: float | None = None
) -> Restored:
    """Put the database and the artifacts of a backup into a data folder.

    What is there is moved into a folder beside it. Raises BackupError when the backup is not sound, when a
    hantu has the folder open, when there is no room; nothing has changed then."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_room(file, folder)
        with alone(folder / DATABASE):
            return _restore(file, folder, progress, time.time() if now_s is None else now_s)
    except StoreBusy as error:
        raise BackupError(f"{error}; systemctl stop hantu") from error
    except StoreError as error:
        raise BackupError(str(error)) from error
    except OSError as error:
        raise BackupError(f"{folder} cannot be written: {error.strerror or error}") from error


def _restore(file: Path, folder: Path, progress: Progress | None, now_s: float) -> Restored:
    coming = folder / _COMING
    # What a restore left that was broken off: nothing of it ever counted.
    shutil.rmtree(coming, ignore_errors=True)
    coming.mkdir(mode=0o700)
    try:
        with _Unpacking(coming) as unpacking:
            taking_out = unpack_increment if is_increment(file) else unpack
            manifest = taking_out(file, unpacking.take, progress=progress)
        check_database(coming / DATABASE, manifest, offset=0)
        _give_to(coming, folder)
        aside = _move_aside(folder, now_s)
        for name in (ARTIFACTS, DATABASE):
            (coming / name).rename(folder / name)
        _sync(folder)
    finally:
        with suppress(OSError):
            shutil.rmtree(coming)
    return Restored(folder, manifest, aside)


class _Unpacking:
    """Writes what comes out of an archive below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        (folder / ARTIFACTS).mkdir(mode=0o700)

    def __enter__(self) -> _Unpacking:
        return self

    def __exit__(self, *_error: object) -> None:
        self._close()

    def take(self, name: str, chunk: bytes) -> None:
        """The next bytes of a file, none at its beginning."""
        if not chunk:
            self._close()
            path = self._folder / name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            self._file = os.fdopen(descriptor, "wb")
        elif self._file is not None:
            self._file.write(chunk)

    def _close(self) -> None:
        if self._file is None:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()
            self._file = None


def _check_room(file: Path, folder: Path) -> None:
    size = _size(file)
    free = shutil.disk_usage(folder).free
    if free < size + _ROOM_LEAST:
        raise BackupError(
            f"{folder} has {free:,} bytes free and the backup needs {size + _ROOM_LEAST:,}, as what is "
            "there now stays beside it. Make room, or restore elsewhere: --to FOLDER"
        )


def _size(file: Path) -> int:
    """What it needs when it is unpacked."""
    if is_increment(file):
        manifest = manifest_of(file)
        return manifest.database_bytes + manifest.artifact_bytes
    try:
        return file.stat().st_size
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror}") from error


def _move_aside(folder: Path, now_s: float) -> Path | None:
    """Move database and artifacts of a data folder into one beside them; where, None without any."""
    # The log before the database: alone in the old place, SQLite would take it for the new one's.
    names = [f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}.rescue", DATABASE, ARTIFACTS]
    there = [name for name in names if (folder / name).exists()]
    if not there:
        return None
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now_s))
    aside = folder / f"before-restore-{stamp}"
    number = 1
    while aside.exists():
        number += 1
        aside = folder / f"before-restore-{stamp}-{number}"
    aside.mkdir(mode=0o700)
    _give_to(aside, folder)
    for name in there:
        (folder / name).rename(aside / name)
    return aside


def _give_to(path: Path, folder: Path) -> None:
    """Give a tree to the owner of the data folder: who restores is often root."""
    owner = folder.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for each in (path, *path.rglob("*")):
        os.chown(each, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
