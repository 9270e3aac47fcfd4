"""The file of a backup: a plain tar, so that standard tools bring it back without hantu.

    hantu.db              the database of one moment, whole: no -wal belongs to it
    artifacts/ab/<uuid>   the contents that its rows call their own
    hantu-backup.json     when, by which version, what it holds (Manifest)
    SHA256SUMS            of all others, for `sha256sum -c`

hantu.db comes first, so that SQLite writes it straight into its place. The file is FILE.part until all of
it is on the disk; then it gets its name, unless that is taken by then."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import tarfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import msgspec

from hantu import __version__
from hantu.store.base import StoreError
from hantu.store.copying import Facts, Progress, copy_database

PART: Final = ".part"
DATABASE: Final = "hantu.db"
ARTIFACTS: Final = "artifacts"
MANIFEST: Final = "hantu-backup.json"
SUMS: Final = "SHA256SUMS"
FORMAT: Final = 1
BLOCK: Final = 512
"""Of tar: a header has one, contents are filled up to whole ones."""
CHUNK: Final = 1 << 20
_END: Final = bytes(2 * BLOCK)

Pause = Callable[[], None]


class BackupError(Exception):
    """The backup cannot be made, read or restored; the message says why and what to do."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """What a backup says of itself. artifact_files: contents in it; artifacts_gone: contents that were
    removed while it was made, so that their rows have none."""

    format: int
    version: str
    made_ns: int
    facts: Facts
    database_bytes: int
    artifact_files: int
    artifact_bytes: int
    artifacts_gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made."""

    path: Path
    size_bytes: int
    took_s: float
    manifest: Manifest


def back_up(
    database: Path,
    artifacts: Path,
    target: Path,
    *,
    progress: Progress | None = None,
    pause: Pause | None = None,
    now_ns: int | None = None,
) -> Backup:
    """Write a backup of database and artifacts to `target`, mode 0600, safe from a power cut.

    Works beside a running hantu and holds it up nowhere. progress: bytes of the database that are copied,
    and all; pause: called every few megabytes. Never writes over a file. Raises BackupError."""
    begun_s = time.monotonic()
    part = target.with_name(target.name + PART)
    if target.exists():
        raise BackupError(f"{target} is there already; a backup is never written over")
    try:
        with _part(part) as file:
            writing = _Writing(file, part, pause or _no_pause, time.time_ns() if now_ns is None else now_ns)
            manifest = writing.all(database, artifacts, progress)
            size_bytes = file.tell()
            os.fsync(file.fileno())
            _name(part, target)
    except StoreError as error:
        raise BackupError(str(error)) from error
    except OSError as error:
        raise BackupError(explained(error, target)) from error
    return Backup(target, size_bytes, time.monotonic() - begun_s, manifest)


class _Writing:
    """Writes one archive from its beginning."""

    def __init__(self, file: IO[bytes], part: Path, pause: Pause, now_ns: int) -> None:
        self._file = file
        self._part = part
        self._pause = pause
        self._now_ns = now_ns
        self._sums: list[str] = []

    def all(self, database: Path, artifacts: Path, progress: Progress | None) -> Manifest:
        """Write everything. Raises StoreError, OSError."""
        copied = copy_database(database, self._part, offset=BLOCK, progress=progress, pause=self._pause)
        self._header(DATABASE, copied.size_bytes)
        # Read back from the file: what the sum is of, is what lies there.
        self._sum(DATABASE, self._chunks(copied.size_bytes))
        files = artifact_bytes = 0
        gone: list[str] = []
        for path in copied.artifact_paths:
            size = self._artifact(artifacts / path, f"{ARTIFACTS}/{path}")
            if size is None:
                gone.append(path)
                continue
            files += 1
            artifact_bytes += size
        manifest = Manifest(
            format=FORMAT,
            version=__version__,
            made_ns=self._now_ns,
            facts=copied.facts,
            database_bytes=copied.size_bytes,
            artifact_files=files,
            artifact_bytes=artifact_bytes,
            artifacts_gone=tuple(gone),
        )
        self._text(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        self._text(SUMS, "".join(self._sums).encode())
        self._file.write(_END)
        self._file.truncate()
        self._file.flush()
        return manifest

    def _header(self, name: str, size: int) -> None:
        info = tarfile.TarInfo(name)
        info.size = size
        info.mode = 0o600
        info.mtime = self._now_ns // 10**9
        info.uname = info.gname = "hantu"
        # GNU's format tells any size within the one block that was left free for it.
        self._file.write(info.tobuf(tarfile.GNU_FORMAT))

    def _chunks(self, size: int) -> Iterable[bytes]:
        left = size
        while left:
            chunk = self._file.read(min(CHUNK, left))
            if not chunk:
                raise OSError(errno.EIO, "what was written cannot be read back")
            left -= len(chunk)
            yield chunk
            self._pause()

    def _sum(self, name: str, chunks: Iterable[bytes]) -> None:
        digest = hashlib.sha256()
        for chunk in chunks:
            digest.update(chunk)
        self._sums.append(f"{digest.hexdigest()}  {name}\n")

    def _text(self, name: str, text: bytes) -> None:
        self._header(name, len(text))
        self._file.write(text)
        self._fill(len(text))
        if name != SUMS:
            self._sum(name, [text])

    def _artifact(self, path: Path, name: str) -> int | None:
        """Copy a content; its size, None when it is gone."""
        try:
            content = path.open("rb")
        except FileNotFoundError:
            return None
        with content:
            size = os.fstat(content.fileno()).st_size
            self._header(name, size)
            self._sum(name, self._copied(content, size, path))
        self._fill(size)
        return size

    def _copied(self, content: IO[bytes], size: int, path: Path) -> Iterable[bytes]:
        left = size
        while left:
            chunk = content.read(min(CHUNK, left))
            if not chunk:
                raise OSError(errno.EIO, f"{path} became shorter while it was read")
            left -= len(chunk)
            self._file.write(chunk)
            yield chunk
            self._pause()

    def _fill(self, size: int) -> None:
        self._file.write(bytes(-size % BLOCK))


class _part:  # noqa: N801  used like a function
    """FILE.part, empty, for one writer only; removed at the end when something failed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> IO[bytes]:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "r+b")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise BackupError(f"{self._path} is being written by another hantu just now") from None
        os.fchmod(descriptor, 0o600)
        self._file.truncate(0)
        return self._file

    def __exit__(self, kind: object, _error: object, _trace: object) -> None:
        if kind is not None:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
        self._file.close()


def _name(part: Path, target: Path) -> None:
    """Give the finished file its name. Raises BackupError when somebody took it meanwhile."""
    try:
        # Not a rename: that would write over a file of this name.
        os.link(part, target)
    except FileExistsError:
        raise BackupError(f"{target} is there by now; a backup is never written over") from None
    except OSError as error:
        # A file system without hard links, such as that of a USB stick.
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        part.rename(target)
    else:
        part.unlink()
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def explained(error: OSError, target: Path) -> str:
    """What went wrong while `target` was written, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: {target} could not be written"
    if isinstance(error, FileNotFoundError):
        return f"there is no folder {target.parent}; make it first"
    if isinstance(error, PermissionError):
        return f"you may not write {target}, or not read what it is made of; try: sudo hantu backup …"
    return f"{target} could not be written: {error.strerror}"


def _no_pause() -> None:
    return None
