"""The way back: a folder of logs becomes what a backup holds; what is in its way is moved aside."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hantu.client.migration.archive import BackupError, Reader, same
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

_COMING: Final = ".hantu-restoring"


@dataclass(slots=True)
class Restored:
    """What a restore did, by paths relative to the folder. alike: were as in the backup already."""

    written: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)


def check_backup(backup: Reader) -> list[Entry]:
    """Read all of a backup and return its entries. Raises BackupError when anything is wrong with it."""
    entries: dict[str, Entry] = {}
    for entry in backup.entries():
        if entry.kind is Kind.OTHER:
            raise BackupError(f"{entry.path} is neither file, folder nor link")
        parent = entry.path.rpartition("/")[0] or "."
        if entry.path != "." and (parent not in entries or entries[parent].kind is not Kind.FOLDER):
            raise BackupError(f"{entry.path} is in no folder of the backup")
        if entry.path in entries:
            raise BackupError(f"{entry.path} is there twice")
        entries[entry.path] = entry
        if entry.kind is Kind.FILE:
            with backup.open(entry) as file:
                digest_of(file)
    if not entries:
        raise BackupError("it is empty")
    return list(entries.values())


def differences(root: Path, entries: list[Entry]) -> tuple[list[str], list[str]]:
    """What restore() would write, and what it would move aside, judged without reading contents."""
    wanted = {entry.path: entry for entry in entries}
    write = [
        entry.path
        for entry in entries
        if (here := entry_at(root, entry.path)) is None or not same(here, entry)
    ]
    extra = [entry.path for entry in walk(root) if entry.path not in wanted]
    return write, extra


def restore(backup: Reader, entries: list[Entry], root: Path, aside: Path) -> Restored:
    """Make root what the backup holds: names, contents, modes, times. entries: of check_backup().

    Nothing is deleted: what differs or is not in the backup goes to `aside` first, which is made when
    needed. Broken off and begun again it ends the same. Raises TreeError or BackupError."""
    done = Restored()
    try:
        root.mkdir(parents=True, exist_ok=True)
        _move_extra(root, entries, aside, done)
        for entry in backup.entries():
            _put(backup, entry, root, aside, done)
        for entry in reversed([entry for entry in entries if entry.kind is Kind.FOLDER]):
            sync_folder(root / entry.path)
            put_attributes(root / entry.path, entry)
    except OSError as error:
        raise TreeError(f"{error.filename or root} cannot be restored: {error.strerror}") from error
    return done


def _move_extra(root: Path, entries: list[Entry], aside: Path, done: Restored) -> None:
    """Move what the backup has not, and what is a folder in one and none in the other."""
    wanted = {entry.path: entry.kind is Kind.FOLDER for entry in entries}
    gone: set[str] = set()
    for entry in list(walk(root)):
        parent, _, name = entry.path.rpartition("/")
        if parent in gone:
            gone.add(entry.path)
        elif wanted.get(entry.path) == (entry.kind is Kind.FOLDER):
            continue
        elif name == _COMING:
            (root / entry.path).unlink()
        else:
            _move(root, entry.path, aside, done)
            gone.add(entry.path)


def _put(backup: Reader, entry: Entry, root: Path, aside: Path, done: Restored) -> None:
    here = entry_at(root, entry.path)
    if entry.kind is Kind.FOLDER:
        if here is None:
            (root / entry.path).mkdir(mode=0o700)
            done.written.append(entry.path)
        elif here.mode & 0o300 != 0o300:
            # Its mode is put back at the end.
            (root / entry.path).chmod(here.mode | 0o700)
        return
    coming = (root / entry.path).with_name(_COMING)
    digest = _write(backup, entry, coming)
    if here is not None:
        if _alike(here, entry, root, digest):
            coming.unlink()
            done.alike.append(entry.path)
            return
        _move(root, entry.path, aside, done)
    coming.rename(root / entry.path)
    done.written.append(entry.path)


def _alike(here: Entry, entry: Entry, root: Path, digest: str) -> bool:
    if not same(here, entry) or (os.geteuid() == 0 and (here.uid, here.gid) != (entry.uid, entry.gid)):
        return False
    if entry.kind is Kind.LINK:
        return True
    with open_regular(root / entry.path) as file:
        return digest_of(file) == digest


def _write(backup: Reader, entry: Entry, path: Path) -> str:
    """Write an entry under another name; returns the digest of a file's content."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    digest = ""
    if entry.kind is Kind.LINK:
        path.symlink_to(entry.target)
    else:
        with backup.open(entry) as file:
            reading = Reading(file, entry.size)
            write_file(reading, path)
            digest = reading.digest
        if reading.left:
            raise BackupError(f"{entry.path} ends too early in the backup")
    put_attributes(path, entry)
    return digest


def _move(root: Path, path: str, aside: Path, done: Restored) -> None:
    target = aside / path
    if not aside.exists():
        aside.mkdir(mode=0o700)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        (root / path).rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _move_across(root / path, target)
    done.moved.append(path)


def _move_across(source: Path, target: Path) -> None:
    """Move to another file system: the source goes only when all of the copy is on the disk."""
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True)
        for folder, _, names in os.walk(target):
            for name in names:
                _sync(Path(folder) / name)
            sync_folder(Path(folder))
        shutil.rmtree(source)
        return
    shutil.copy2(source, target, follow_symlinks=False)
    _sync(target)
    sync_folder(target.parent)
    source.unlink()


def _sync(path: Path) -> None:
    if path.is_file() and not path.is_symlink():
        with path.open("rb") as file:
            os.fsync(file.fileno())
