"""Backups for reading, in both forms: a folder, and a .tar.gz."""

from __future__ import annotations

import contextlib
import gzip
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, Protocol

from hantu.client.migration.tree import CHUNK_BYTES, Entry, Kind, Stream, TreeError, open_regular, walk


class BackupError(Exception):
    """A backup could not be made or read; says why and what to do."""


class Reader(Protocol):
    """A backup, for reading."""

    def entries(self) -> Iterator[Entry]:
        """All entries, a folder before what is in it. Raises BackupError for what is no backup."""

    def open(self, entry: Entry) -> contextlib.AbstractContextManager[Stream]:
        """The content of a file."""


def open_backup(path: Path) -> Reader:
    """A backup for reading. Raises BackupError when there is none at `path`."""
    if path.is_dir():
        return Folder(path)
    if path.is_file():
        return Packed(path)
    raise BackupError(f"there is no backup {path}")


def same(entry: Entry, other: Entry) -> bool:
    """Whether two entries are alike but for their owner, which only root may give."""
    return (entry.path, entry.kind, entry.size, entry.target) == (
        other.path,
        other.kind,
        other.size,
        other.target,
    ) and (entry.kind is Kind.LINK or (entry.mode, entry.mtime_ns) == (other.mode, other.mtime_ns))


_TYPES: Final = {Kind.FILE: tarfile.REGTYPE, Kind.FOLDER: tarfile.DIRTYPE, Kind.LINK: tarfile.SYMTYPE}


def member_of(entry: Entry) -> tarfile.TarInfo:
    """The entry as a .tar.gz holds it."""
    member = tarfile.TarInfo(entry.path)
    member.type = _TYPES[entry.kind]
    member.mode, member.uid, member.gid = entry.mode, entry.uid, entry.gid
    member.size, member.linkname = entry.size, entry.target
    member.mtime = entry.mtime_ns // 10**9
    # Written as text, so that the last digits of the time survive: a float would lose them.
    sign = "-" if entry.mtime_ns < 0 else ""
    seconds, digits = divmod(abs(entry.mtime_ns), 10**9)
    member.pax_headers = {"mtime": f"{sign}{seconds}.{digits:09d}"}
    return member


class Folder:
    """A backup that is a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> Iterator[Entry]:
        try:
            yield from walk(self._path)
        except TreeError as error:
            raise BackupError(str(error)) from error

    @contextlib.contextmanager
    def open(self, entry: Entry) -> Iterator[Stream]:
        try:
            file = open_regular(self._path / entry.path)
        except TreeError as error:
            raise BackupError(str(error)) from error
        with file:
            yield file


_DAMAGES: Final = (tarfile.TarError, EOFError, OSError, ValueError, zlib.error)
"""What reading a .tar.gz may end in."""


class Packed:
    """A backup that is a .tar.gz; nothing outside its root can be named in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tar: tarfile.TarFile | None = None
        self._members: dict[str, tarfile.TarInfo] = {}

    def entries(self) -> Iterator[Entry]:
        try:
            # gzip and not tarfile's own: only that looks at the checksum, at the very end.
            with gzip.open(self._path) as packed:
                with tarfile.open(fileobj=packed, mode="r|") as self._tar:
                    for member in self._tar:
                        entry = _entry_of(member)
                        self._members = {entry.path: member}
                        yield entry
                while packed.read(CHUNK_BYTES):
                    pass
        except _DAMAGES as error:
            raise BackupError(f"{self._path} cannot be read: {error}") from error

    @contextlib.contextmanager
    def open(self, entry: Entry) -> Iterator[Stream]:
        """The content of the entry that entries() gave last."""
        assert self._tar is not None  # noqa: S101  entries() opened it
        file = self._tar.extractfile(self._members[entry.path])
        if file is None:
            raise BackupError(f"{self._path}: {entry.path} is no file")
        with file:
            yield _Member(file, f"{self._path}: {entry.path}")


class _Member:
    """A file in a .tar.gz, whose every failure is a BackupError."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self._name = name

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except _DAMAGES as error:
            raise BackupError(f"{self._name} cannot be read: {error}") from error


def _entry_of(member: tarfile.TarInfo) -> Entry:
    name = member.name.removeprefix("./") or "."
    if name.startswith("/") or "\0" in name or ".." in name.split("/"):
        raise ValueError(f"it names {member.name!r}, which is outside of it")
    kinds = [kind for kind, type_ in _TYPES.items() if member.type == type_]
    if not kinds:
        raise ValueError(f"{member.name!r} is neither file, folder nor link")
    written = member.pax_headers.get("mtime", str(int(member.mtime)))
    seconds, _, digits = written.removeprefix("-").partition(".")
    mtime_ns = int(seconds) * 10**9 + int(digits[:9].ljust(9, "0"))
    return Entry(
        name,
        kinds[0],
        member.mode & 0o7777,
        member.uid,
        member.gid,
        member.size if kinds[0] is Kind.FILE else 0,
        -mtime_ns if written.startswith("-") else mtime_ns,
        member.linkname if kinds[0] is Kind.LINK else "",
    )
