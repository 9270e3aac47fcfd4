"""Backups of a folder of logs: made whole or not at all, verified, never overwritten."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hantu.client.migration.archive import BackupError, Folder, Packed, member_of, same
from hantu.client.migration.tree import (
    Entry,
    Kind,
    Reading,
    TreeError,
    digest_of,
    entry_at,
    open_regular,
    put_attributes,
    sync_folder,
    walk,
    write_file,
)

PACKED: Final = ".tar.gz"
PARTIAL: Final = ".partial"
SPARE_BYTES: Final = 16 << 20
"""Free space that a backup leaves: it must not be what fills the disk."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One entry of a backup. digest: SHA-256 of a file's content. steady: it did not change meanwhile."""

    entry: Entry
    digest: str = ""
    steady: bool = True


@dataclass(frozen=True, slots=True)
class Backup:
    """A complete, verified backup. kept: what is in it, by path."""

    path: Path
    kept: Mapping[str, Kept]

    @property
    def files(self) -> int:
        """How many files it has."""
        return sum(kept.entry.kind is Kind.FILE for kept in self.kept.values())

    @property
    def size_bytes(self) -> int:
        """How much they hold."""
        return sum(kept.entry.size for kept in self.kept.values())


def make_backup(root: Path, beside: Path, *, day: str, compress: bool = False) -> Backup:
    """Copy all of root to `beside/<name>_backup_<day>`, or with compress to a .tar.gz of that name.

    The copy has its name only when it is complete, verified and on the disk; a further one of a day gets
    `-2`, `-3` … Raises BackupError."""
    try:
        entries = [entry for entry in walk(root) if entry.kind is not Kind.OTHER]
        _need_space(beside, sum(entry.size for entry in entries))
        path = free_name(beside, f"{root.name}_backup_{day}", PACKED if compress else "")
        partial = path.with_name(path.name + PARTIAL)
        kept = _pack(root, entries, partial) if compress else _copy(root, entries, partial)
        _verify(partial, kept, packed=compress)
        partial.rename(path)
        sync_folder(beside)
    except TreeError as error:
        raise BackupError(str(error)) from error
    except OSError as error:
        raise BackupError(f"{beside} cannot take the backup: {error.strerror or error}") from error
    return Backup(path, kept)


def drop_partial(beside: Path, name: str) -> list[Path]:
    """Remove what interrupted runs left of backups of the folder `name`; returns what was removed."""
    dropped = []
    for path in _named(beside, name, PARTIAL):
        if path.is_dir() and not path.is_symlink():
            _remove(path)
        else:
            path.unlink()
        dropped.append(path)
    return dropped


def _remove(folder: Path) -> None:
    """Remove a copy, also of folders that nobody may write."""
    folder.chmod(0o700)
    for here, names, _ in os.walk(folder):
        for name in names:
            if not (Path(here) / name).is_symlink():
                (Path(here) / name).chmod(0o700)
    shutil.rmtree(folder)


def backups(beside: Path, name: str) -> list[Path]:
    """All complete backups of the folder `name`, the newest first."""
    return sorted([*_named(beside, name, ""), *_named(beside, name, PACKED)], key=_age, reverse=True)


def free_name(beside: Path, stem: str, suffix: str) -> Path:
    """`stem`, or `stem-2`, `stem-3` …: the first that no backup has, packed or not."""
    number = 1
    while True:
        name = stem if number == 1 else f"{stem}-{number}"
        if not any(os.path.lexists(beside / (name + end)) for end in ("", PACKED)):
            return beside / (name + suffix)
        number += 1


def _named(beside: Path, name: str, suffix: str) -> list[Path]:
    packed = f"({re.escape(PACKED)})?" if suffix == PARTIAL else ""
    pattern = re.compile(rf"{re.escape(name)}_backup_\d{{8}}(-\d+)?{packed}{re.escape(suffix)}")
    try:
        return sorted(path for path in beside.iterdir() if pattern.fullmatch(path.name))
    except FileNotFoundError:
        return []


def _age(path: Path) -> tuple[str, int]:
    found = re.search(r"_backup_(\d{8})(?:-(\d+))?", path.name)
    assert found is not None  # noqa: S101  _named() lets no other name through
    return found[1], int(found[2] or 1)


def _need_space(beside: Path, size_bytes: int) -> None:
    free, need = shutil.disk_usage(beside).free, size_bytes + SPARE_BYTES
    if free < need:
        raise BackupError(f"{beside} has {free >> 20} MiB free, the backup may need {need >> 20} MiB")


def _copy(root: Path, entries: list[Entry], partial: Path) -> dict[str, Kept]:
    partial.mkdir(mode=0o700)
    kept = {}
    for entry in entries:
        copy = partial / entry.path
        if entry.kind is Kind.FOLDER and entry.path != ".":
            copy.mkdir(mode=0o700)
        elif entry.kind is Kind.LINK:
            copy.symlink_to(entry.target)
        elif entry.kind is Kind.FILE:
            with open_regular(root / entry.path) as file:
                reading = Reading(file, entry.size)
                write_file(reading, copy)
            kept[entry.path] = _kept(root, entry, reading)
            entry = kept[entry.path].entry  # noqa: PLW2901  as long as what could be read
        kept.setdefault(entry.path, Kept(entry))
        if entry.kind is not Kind.FOLDER:
            put_attributes(copy, entry)
    # Folders last, the deepest first: what is made in them changes their times.
    for entry in reversed([each for each in entries if each.kind is Kind.FOLDER]):
        sync_folder(partial / entry.path)
        put_attributes(partial / entry.path, entry)
    return kept


def _kept(root: Path, entry: Entry, reading: Reading) -> Kept:
    size = entry.size - reading.left
    steady = entry_at(root, entry.path) == entry and not reading.left
    return Kept(_sized(entry, size), reading.digest, steady)


def _sized(entry: Entry, size: int) -> Entry:
    return Entry(
        entry.path, entry.kind, entry.mode, entry.uid, entry.gid, size, entry.mtime_ns, entry.target
    )


def _pack(root: Path, entries: list[Entry], partial: Path) -> dict[str, Kept]:
    kept = {}
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as raw:
        with (
            gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6) as packed,
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            for entry in entries:
                if entry.kind is not Kind.FILE:
                    tar.addfile(member_of(entry))
                    kept[entry.path] = Kept(entry)
                    continue
                with open_regular(root / entry.path) as file:
                    reading = Reading(file, entry.size)
                    try:
                        tar.addfile(member_of(entry), reading)
                    except OSError as error:
                        if not reading.left:
                            raise
                        raise BackupError(
                            f"{root / entry.path} was cut while it was copied; stop what writes it first"
                        ) from error
                kept[entry.path] = _kept(root, entry, reading)
        raw.flush()
        os.fsync(fd)
    return kept


def _verify(path: Path, kept: Mapping[str, Kept], *, packed: bool) -> None:
    """Read all of a new backup again. Raises BackupError when it is not what was read."""
    reader = Packed(path) if packed else Folder(path)
    seen = set()
    for entry in reader.entries():
        seen.add(entry.path)
        wanted = kept.get(entry.path)
        if wanted is None or not same(entry, wanted.entry):
            raise BackupError(f"{path}: {entry.path} is not as it was read; the disk may be failing")
        if entry.kind is Kind.FILE:
            with reader.open(entry) as file:
                if digest_of(file) != wanted.digest:
                    raise BackupError(
                        f"{path}: {entry.path} is not what was written; the disk may be failing"
                    )
    if missing := kept.keys() - seen:
        raise BackupError(f"{path}: {min(missing)} is missing; the disk may be failing")


def today() -> str:
    """The local date as in the names of backups."""
    return time.strftime("%Y%m%d")
