"""What lies in a folder, and copying it so that nothing of it changes on the way."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO, Final, Protocol

CHUNK_BYTES: Final = 1 << 20


class Kind(Enum):
    """What an entry of a folder is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"
    """A pipe, a socket or a device: nothing that has content to keep."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a tree. path: relative to its root, "." for the root. target: where a link leads."""

    path: str
    kind: Kind
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    target: str = ""


class TreeError(Exception):
    """Something in a folder could not be read or written; says what and why."""


def entry_at(root: Path, path: str) -> Entry | None:
    """The entry at `path` under root, None when there is none. Links are not followed."""
    full = root / path
    try:
        # The root may be a link to where the logs are; nothing below it is followed.
        found = full.stat() if path == "." else full.lstat()
        kind = _kind(found.st_mode)
        target = os.readlink(full) if kind is Kind.LINK else ""
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise TreeError(f"{full}: {error.strerror}") from error
    return Entry(
        path,
        kind,
        stat.S_IMODE(found.st_mode),
        found.st_uid,
        found.st_gid,
        found.st_size if kind is Kind.FILE else 0,
        found.st_mtime_ns,
        target,
    )


def _kind(mode: int) -> Kind:
    if stat.S_ISREG(mode):
        return Kind.FILE
    if stat.S_ISDIR(mode):
        return Kind.FOLDER
    return Kind.LINK if stat.S_ISLNK(mode) else Kind.OTHER


def walk(root: Path, path: str = ".") -> Iterator[Entry]:
    """All entries under root, a folder before what is in it, by name. Raises TreeError."""
    here = entry_at(root, path)
    if here is None:
        return
    yield here
    if here.kind is not Kind.FOLDER:
        return
    try:
        names = sorted(os.listdir(root / path))
    except OSError as error:
        raise TreeError(f"{root / path} cannot be read: {error.strerror}") from error
    for name in names:
        yield from walk(root, name if path == "." else f"{path}/{name}")


def open_regular(path: Path) -> IO[bytes]:
    """A regular file, opened for reading; no link, and no pipe to wait at. Raises TreeError."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise TreeError(f"{path} cannot be read: {error.strerror}") from error
    file = os.fdopen(fd, "rb", buffering=0)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        file.close()
        raise TreeError(f"{path} is no regular file any more")
    return file


class Stream(Protocol):
    """What can be read to its end."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; b"" at the end."""


class Reading:
    """A file's first `size` bytes as a stream, with the digest of what was read.

    A log may grow while it is copied: what came after the start belongs to no copy."""

    def __init__(self, file: Stream, size: int) -> None:
        self._file = file
        self._left = size
        self._digest = hashlib.sha256()

    @property
    def left(self) -> int:
        """Bytes that were not read: at the end above 0 when the file was cut meanwhile."""
        return self._left

    @property
    def digest(self) -> str:
        """SHA-256 of all that was read so far."""
        return self._digest.hexdigest()

    def read(self, size: int = -1) -> bytes:
        """The next bytes; b"" at the end."""
        most = self._left if size < 0 else min(size, self._left)
        data = self._file.read(most) if most else b""
        self._left -= len(data)
        self._digest.update(data)
        return data


def digest_of(stream: Stream) -> str:
    """SHA-256 of a stream to its end."""
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def write_file(stream: Stream, path: Path) -> None:
    """Write a stream into a new file that is on the disk when this returns. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb", buffering=0) as file:
        while chunk := stream.read(CHUNK_BYTES):
            rest = memoryview(chunk)
            while rest:
                rest = rest[file.write(rest) :]
        os.fsync(fd)


def put_attributes(path: Path, entry: Entry) -> None:
    """Give a file, folder or link the owner, mode and time of `entry`; the owner as far as one may."""
    with contextlib.suppress(PermissionError):
        os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
    if entry.kind is not Kind.LINK:
        path.chmod(entry.mode)
    os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)


def sync_folder(path: Path) -> None:
    """Have the names in a folder on the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
