"""Clearing away old logs, and making the folders of the log library."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hantu.client.migration.backup import Kept
from hantu.client.migration.tree import Entry, Kind, TreeError, entry_at, sync_folder, walk

FOLDERS: Final = ("errors", "info")
FOLDER_MODE: Final = 0o755
_OWN: Final = re.compile(r"info/info_\d{8}\.log")
_PROTECTED: Final = frozenset(
    {"/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/media", "/mnt", "/opt", "/proc", "/root"}
    | {"/run", "/sbin", "/srv", "/sys", "/usr", "/usr/local", "/var", "/var/lib", "/var/log"}
    | {"/var/lib/docker", "/var/lib/hantu", "/var/log/journal", "/var/spool"}
    | {"/tmp", "/var/tmp"}  # noqa: S108  named so that nothing is cleared there
)


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a file open for writing. path: relative to the folder of logs."""

    path: str
    pid: int
    program: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """What clearing did. changed: files that stayed because they changed since they were copied."""

    removed: tuple[str, ...]
    changed: tuple[str, ...]


def is_protected(root: Path) -> bool:
    """Whether a folder is one that holds much else than one application's logs."""
    real = Path(os.path.realpath(root))
    return str(real) in _PROTECTED or real == Path.home() or real in Path.home().parents


def old_logs(root: Path) -> list[Entry]:
    """The `*.log` files and links under root that are not the log library's own. Raises TreeError."""
    return [
        entry
        for entry in walk(root)
        if entry.kind in (Kind.FILE, Kind.LINK)
        and entry.path.endswith(".log")
        and not _OWN.fullmatch(entry.path)
    ]


def clear(root: Path, old: Iterable[Entry], kept: Mapping[str, Kept], held: Iterable[Holder]) -> Cleared:
    """Remove the old logs that `kept` has word for word and that nobody writes. Folders stay.

    Raises TreeError when one cannot be removed."""
    held_paths = {holder.path for holder in held}
    removed, changed = [], []
    for entry in old:
        if entry.path in held_paths:
            continue
        copy = kept.get(entry.path)
        if copy is None or not copy.steady or entry_at(root, entry.path) != copy.entry:
            changed.append(entry.path)
            continue
        try:
            (root / entry.path).unlink()
        except OSError as error:
            raise TreeError(f"{root / entry.path} cannot be removed: {error.strerror}") from error
        removed.append(entry.path)
    return Cleared(tuple(removed), tuple(changed))


def make_folders(root: Path) -> list[Path]:
    """Make root, errors/ and info/ with mode 755, owned like the folder that they are in.

    Returns those that were made or changed. Raises TreeError."""
    changed = []
    for folder in (root, *(root / name for name in FOLDERS)):
        try:
            if _make_folder(folder, chmod=folder != root):
                changed.append(folder)
        except OSError as error:
            raise TreeError(f"{folder} cannot be made: {error.strerror}") from error
    return changed


def _make_folder(folder: Path, *, chmod: bool) -> bool:
    if folder.exists() and not folder.is_dir():
        raise TreeError(f"{folder} is a file, and has to be a folder; move it away")
    made = not folder.exists()
    if made:
        folder.mkdir(mode=FOLDER_MODE, parents=True)
        # Made by root for a service that is not: it has to be able to write here.
        parent = folder.parent.stat()
        if os.geteuid() == 0:
            os.chown(folder, parent.st_uid, parent.st_gid)
    if not chmod and not made:
        return False
    if folder.stat().st_mode & 0o777 != FOLDER_MODE:
        folder.chmod(FOLDER_MODE)
        made = True
    if made:
        sync_folder(folder.parent)
    return made


def wrong_folders(root: Path) -> list[Path]:
    """Those of the library's folders that make_folders() would make or change."""
    folders = [root / name for name in FOLDERS]
    return [
        folder for folder in folders if not folder.is_dir() or folder.stat().st_mode & 0o777 != FOLDER_MODE
    ]


def holders(root: Path, proc: Path = Path("/proc")) -> tuple[list[Holder], bool]:
    """The processes that have files under root open for writing, and whether all could be looked at."""
    found: list[Holder] = []
    complete = True
    real = os.path.realpath(root)
    for process in _processes(proc):
        try:
            descriptors = os.listdir(process / "fd")
        except PermissionError:
            complete = False
            continue
        except OSError:
            continue
        for descriptor in descriptors:
            path = _written(process, descriptor, real)
            if path is not None:
                found.append(Holder(path, int(process.name), _program(process)))
    return sorted(set(found), key=lambda holder: (holder.path, holder.pid)), complete


def _processes(proc: Path) -> Iterator[Path]:
    try:
        yield from (path for path in proc.iterdir() if path.name.isdigit())
    except OSError:
        return


def _written(process: Path, descriptor: str, root: str) -> str | None:
    """The path under root that the descriptor writes to."""
    try:
        target = os.readlink(process / "fd" / descriptor)
        if not target.startswith(root + "/"):
            return None
        info = (process / "fdinfo" / descriptor).read_text(encoding="ascii")
    except OSError:
        return None
    flags = re.search(r"^flags:\s*([0-7]+)", info, re.MULTILINE)
    writes = flags is not None and int(flags[1], 8) & os.O_ACCMODE != os.O_RDONLY
    return target[len(root) + 1 :] if writes else None


def _program(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "?"
