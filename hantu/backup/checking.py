"""Whether a backup is whole: its names, its checksums, every page of its database, its counts."""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import msgspec

from hantu.backup.archive import (
    ARTIFACTS,
    BLOCK,
    CHUNK,
    DATABASE,
    FORMAT,
    MANIFEST,
    SUMS,
    BackupError,
    Manifest,
)
from hantu.backup.increments import is_increment, unpack_increment
from hantu.store.base import StoreError
from hantu.store.copying import Progress, check_copy

_TEXT_MOST: Final = 64 * 1024 * 1024
_PLACE: Final = re.compile(
    rf"{ARTIFACTS}/[0-9a-f]{{2}}/[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}"
)
_SUM: Final = re.compile(r"([0-9a-f]{64})  (\S+)")

Taken = Callable[[str, bytes], None]
"""Told of the name of a file in the archive and of its next bytes, none at its beginning."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What an archive holds. digests: SHA-256 by name."""

    digests: dict[str, str]
    texts: dict[str, bytes]


def check(file: Path, *, progress: Progress | None = None) -> Manifest:
    """What the backup says of itself, once all of it was found sound. Raises BackupError.

    Of a folder of increments: every chunk of the backup; its database lies there in parts, so that only
    restore() looks at its pages."""
    if is_increment(file):
        return unpack_increment(file, _nowhere, progress=progress)
    manifest = unpack(file, _nowhere, progress=progress)
    check_database(file, manifest, offset=BLOCK)
    return manifest


def unpack(file: Path, taken: Taken, *, progress: Progress | None = None) -> Manifest:
    """Give taken() the database and the artifacts of a backup, and compare every checksum.

    What was taken counts for nothing before this returns. Raises BackupError."""
    try:
        with _opened(file) as archive:
            size = file.stat().st_size

            def done(member: tarfile.TarInfo) -> None:
                if progress is not None:
                    progress(min(size, member.offset_data + member.size), size)

            read = _read(archive, taken, done)
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(f"{file} is no backup, or not all of it: {error}") from error
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror or error}") from error
    manifest = _manifest(file, read)
    _compare(file, manifest, read)
    return manifest


def check_database(path: Path, manifest: Manifest, *, offset: int) -> None:
    """Look at every page of the database at `offset` of a file, and count. Raises BackupError."""
    try:
        facts = check_copy(path, offset=offset)
    except StoreError as error:
        raise BackupError(str(error)) from error
    if facts != manifest.facts:
        raise BackupError(f"{path}: its database holds {facts}, and it says {manifest.facts}")


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    # No compression: a gzipped one is unpacked first, so that SQLite can look at it where it lies.
    with tarfile.open(file, "r:") as archive:
        yield archive


def _read(archive: tarfile.TarFile, taken: Taken, done: Callable[[tarfile.TarInfo], None]) -> _Read:
    read = _Read({}, {})
    for member in archive:
        name = member.name
        if not member.isfile() or name in read.digests:
            raise BackupError(f"{archive.name!s}: {name!r} does not belong into a backup")
        content = archive.extractfile(member)
        if content is None:
            raise BackupError(f"{archive.name!s}: {name!r} has no content")
        if name in (MANIFEST, SUMS):
            if member.size > _TEXT_MOST:
                raise BackupError(f"{archive.name!s}: {name} is too large")
            text = read.texts[name] = content.read()
            read.digests[name] = hashlib.sha256(text).hexdigest()
            continue
        if name != DATABASE and not _PLACE.fullmatch(name):
            raise BackupError(f"{archive.name!s}: {name!r} does not belong into a backup")
        read.digests[name] = _digest(content, name, taken)
        done(member)
    return read


def _digest(content: IO[bytes], name: str, taken: Taken) -> str:
    digest = hashlib.sha256()
    taken(name, b"")
    while chunk := content.read(CHUNK):
        digest.update(chunk)
        taken(name, chunk)
    return digest.hexdigest()


def _manifest(file: Path, read: _Read) -> Manifest:
    if DATABASE not in read.digests or MANIFEST not in read.texts or SUMS not in read.texts:
        raise BackupError(f"{file} is no backup of hantu, or not all of it: it lacks its end")
    try:
        manifest = msgspec.json.decode(read.texts[MANIFEST], type=Manifest)
    except msgspec.MsgspecError as error:
        raise BackupError(f"{file}: {MANIFEST} cannot be read: {error}") from error
    if manifest.format > FORMAT:
        raise BackupError(f"{file} was written by hantu {manifest.version}; this one is too old to read it")
    return manifest


def _compare(file: Path, manifest: Manifest, read: _Read) -> None:
    said = dict[str, str]()
    for line in read.texts[SUMS].decode("utf-8", "replace").splitlines():
        match = _SUM.fullmatch(line)
        if match is None:
            raise BackupError(f"{file}: {SUMS} has a line that is no checksum")
        said[match.group(2)] = match.group(1)
    found = {name: digest for name, digest in read.digests.items() if name != SUMS}
    wrong = sorted(name for name in said.keys() | found.keys() if said.get(name) != found.get(name))
    if wrong:
        raise BackupError(
            f"{file} is damaged: the checksum of {', '.join(wrong[:5])} is not what was written"
        )
    if sum(name.startswith(ARTIFACTS) for name in found) != manifest.artifact_files:
        raise BackupError(f"{file} is damaged: artifacts are missing in it")


def _nowhere(_name: str, _chunk: bytes) -> None:
    return None
