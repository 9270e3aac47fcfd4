"""Backups of many days in one folder, each of which costs what has changed.

    chunks/ab/<sha-256>            128 KiB of a file, under the name of its content; written once
    hantu-YYYYMMDD-HHMMSS.json     one backup: its manifest, and the chunks of each of its files in order

Segments never change once written, so most chunks of a day are those of the day before. Whatever copies
files (rsync, a cloud client) sends only new ones. A chunk that a crash left belongs to no backup, and goes
with the next one that is removed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import msgspec

from hantu import __version__
from hantu.backup.archive import ARTIFACTS, DATABASE, FORMAT, PART, BackupError, Manifest, explained
from hantu.store.base import StoreError
from hantu.store.copying import Progress, copy_database

CHUNK_BYTES: Final = 128 * 1024
"""32 pages: 8,192 files for a GB."""
CHUNKS: Final = "chunks"
_COPY: Final = ".hantu.db" + PART
_LOCK: Final = ".lock"
_NAME: Final = re.compile(r"hantu-\d{8}-\d{6}\.json")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

Taken = Callable[[str, bytes], None]


class _File(msgspec.Struct, frozen=True):
    """A file of a backup: the SHA-256 of each of its chunks, in order."""

    name: str
    size: int
    chunks: tuple[str, ...]


class _Increment(msgspec.Struct, frozen=True):
    """One backup of the folder."""

    manifest: Manifest
    files: tuple[_File, ...]


@dataclass(frozen=True, slots=True)
class Increment:
    """A backup that was made. new_bytes: what it added to the folder; removed: older backups that went."""

    path: Path
    manifest: Manifest
    new_bytes: int
    took_s: float
    removed: int


def add_increment(
    database: Path,
    artifacts: Path,
    folder: Path,
    *,
    keep: int | None = None,
    progress: Progress | None = None,
    now_s: float | None = None,
) -> Increment:
    """Add a backup to the folder of increments, made when it is not there; keep: the newest so many stay.

    The folder needs room for one whole copy of the database while it is made. Raises BackupError."""
    begun_s = time.monotonic()
    now_s = time.time() if now_s is None else now_s
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(folder):
            adding = _Adding(folder)
            made = adding.all(database, artifacts, round(now_s * 10**9), progress)
            path = _put(folder, made, now_s)
            removed = 0 if keep is None else _remove_oldest(folder, keep)
    except StoreError as error:
        raise BackupError(str(error)) from error
    except OSError as error:
        raise BackupError(explained(error, folder)) from error
    return Increment(path, made.manifest, adding.new_bytes, time.monotonic() - begun_s, removed)


def increments(folder: Path) -> tuple[Path, ...]:
    """The backups of a folder, the newest first. Raises OSError."""
    return tuple(sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True))


def is_increment(path: Path) -> bool:
    """Whether this names a folder of increments, or one of its backups."""
    return (path / CHUNKS).is_dir() or (path.suffix == ".json" and (path.parent / CHUNKS).is_dir())


def unpack_increment(path: Path, taken: Taken, *, progress: Progress | None = None) -> Manifest:
    """Give taken() every file of a backup (of the newest, when path is the folder).

    Each chunk is compared with its name. What was taken counts for nothing before this returns. Raises
    BackupError."""
    try:
        chosen = _newest(path) if path.is_dir() else path
        increment = _read(chosen)
        total = sum(file.size for file in increment.files)
        done = 0
        for file in increment.files:
            if file.name != DATABASE and not file.name.startswith(f"{ARTIFACTS}/"):
                raise BackupError(f"{chosen}: {file.name!r} does not belong into a backup")
            taken(file.name, b"")
            for digest in file.chunks:
                chunk = _chunk(chosen.parent, digest)
                taken(file.name, chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done, total)
        if done != total:
            raise BackupError(f"{chosen}: its files have {done:,} bytes, not {total:,} as it says")
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror or error}: {error.filename}") from error
    return increment.manifest


def manifest_of(path: Path) -> Manifest:
    """What a backup says of itself (the newest, when path is the folder). Raises BackupError."""
    try:
        return _read(_newest(path) if path.is_dir() else path).manifest
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}") from error


class _Adding:
    """Puts the files of one backup into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.new_bytes = 0

    def all(self, database: Path, artifacts: Path, now_ns: int, progress: Progress | None) -> _Increment:
        """Database and artifacts of one moment."""
        copy = self._folder / _COPY
        copy.unlink(missing_ok=True)
        try:
            os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            copied = copy_database(database, copy, progress=progress)
            files = [self._file(copy, DATABASE)]
        finally:
            with suppress(OSError):
                copy.unlink(missing_ok=True)
        gone: list[str] = []
        for path in copied.artifact_paths:
            try:
                files.append(self._file(artifacts / path, f"{ARTIFACTS}/{path}"))
            except FileNotFoundError:
                gone.append(path)
        # All chunks are on the disk before a backup names them.
        os.sync()
        manifest = Manifest(
            format=FORMAT,
            version=__version__,
            made_ns=now_ns,
            facts=copied.facts,
            database_bytes=copied.size_bytes,
            artifact_files=len(files) - 1,
            artifact_bytes=sum(file.size for file in files[1:]),
            artifacts_gone=tuple(gone),
        )
        return _Increment(manifest, tuple(files))

    def _file(self, path: Path, name: str) -> _File:
        digests: list[str] = []
        size = 0
        with path.open("rb") as content:
            while chunk := content.read(CHUNK_BYTES):
                digests.append(self._put(chunk))
                size += len(chunk)
        return _File(name, size, tuple(digests))

    def _put(self, chunk: bytes) -> str:
        digest = hashlib.sha256(chunk).hexdigest()
        place = _place(self._folder, digest)
        # One of another size was cut short by a power cut.
        if place.exists() and place.stat().st_size == len(chunk):
            return digest
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = place.with_name(place.name + PART)
        with open(part, "wb", opener=_private) as file:
            file.write(chunk)
        part.rename(place)
        self.new_bytes += len(chunk)
        return digest


def _put(folder: Path, increment: _Increment, now_s: float) -> Path:
    path = folder / time.strftime("hantu-%Y%m%d-%H%M%S.json", time.localtime(now_s))
    if path.exists():
        raise BackupError(f"{path} is there already; a backup is never written over")
    part = path.with_name(path.name + PART)
    with open(part, "wb", opener=_private) as file:
        file.write(msgspec.json.encode(increment))
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    return path


def _remove_oldest(folder: Path, keep: int) -> int:
    """Remove all but the newest backups, then the chunks that none names any more; how many went."""
    every = increments(folder)
    gone = every[max(1, keep) :]
    if not gone:
        return 0
    # First read all that stay: one that cannot be read must not lose its chunks.
    needed = {
        digest for path in every[: max(1, keep)] for file in _read(path).files for digest in file.chunks
    }
    for path in gone:
        path.unlink()
    for place in (folder / CHUNKS).glob("*/*"):
        if place.name not in needed:
            place.unlink()
    return len(gone)


def _newest(folder: Path) -> Path:
    found = increments(folder)
    if not found:
        raise BackupError(f"there is no backup in {folder}")
    return found[0]


def _read(path: Path) -> _Increment:
    try:
        increment = msgspec.json.decode(path.read_bytes(), type=_Increment)
    except msgspec.MsgspecError as error:
        raise BackupError(f"{path} is no backup, or not all of it: {error}") from error
    if increment.manifest.format > FORMAT:
        version = increment.manifest.version
        raise BackupError(f"{path} was written by hantu {version}; this one is too old to read it")
    return increment


def _chunk(folder: Path, digest: str) -> bytes:
    if not _DIGEST.fullmatch(digest):
        raise BackupError(f"{folder}: {digest!r} is no name of a chunk")
    place = _place(folder, digest)
    try:
        chunk = place.read_bytes()
    except FileNotFoundError:
        raise BackupError(f"{folder} is damaged: {place} is missing") from None
    if hashlib.sha256(chunk).hexdigest() != digest:
        raise BackupError(f"{folder} is damaged: {place} is not what was written")
    return chunk


def _place(folder: Path, digest: str) -> Path:
    return folder / CHUNKS / digest[:2] / digest


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


@contextmanager
def _alone(folder: Path) -> Iterator[IO[bytes]]:
    with open(folder / _LOCK, "wb", opener=_private) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"another hantu adds a backup to {folder} just now") from None
        yield lock
