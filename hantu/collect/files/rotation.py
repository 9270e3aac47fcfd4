"""The files beside a log file: which of them are its rotated predecessors, and in what order."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hantu.collect.files.mark import Identity

_MIDDLE: Final = r"[-._]?\d[\dT:._Z+-]*"
_AFTER_NAME: Final = re.compile(rf"\.(?:old|bak|prev|save|orig)|~|{_MIDDLE}")
_NUMBER: Final = re.compile(r"\.(\d{1,5})")
_DATE_DIGITS: Final = 6
_TRIES: Final = 10
_TICK_NS: Final = 12_000_000


@dataclass(frozen=True, slots=True)
class Beside:
    """A file beside a log file. number: N of `name.N`, None when rotated names carry dates."""

    path: str
    identity: Identity
    size: int
    mtime_ns: int
    number: int | None
    packed: bool


def rotation_number(name: str, base: str) -> tuple[bool, int | None]:
    """Whether a file called `name` is a rotated `base`, and its number when it has one.

    `app.log.1`, `app.log-20260201`, `app.log.old`; and with a date before the ending `app-2026-02-01.log`
    (but never `app-1.log`, which may be another program's)."""
    if name.startswith(base) and len(name) > len(base):
        rest = name[len(base) :]
        if not _AFTER_NAME.fullmatch(rest):
            return False, None
        number = _NUMBER.fullmatch(rest)
        if number:
            return True, int(number.group(1))
        return rest[0] in ".~" or _has_date(rest), None
    stem, ending = os.path.splitext(base)
    if ending and name.startswith(stem) and name.endswith(ending) and len(name) > len(base):
        middle = name[len(stem) : -len(ending)]
        return bool(re.fullmatch(_MIDDLE, middle)) and _has_date(middle), None
    return False, None


def _has_date(text: str) -> bool:
    return sum(character.isdigit() for character in text) >= _DATE_DIGITS


def same_shape(name: str, other: str) -> bool:
    """Whether two names differ in their digits alone, as the targets of a switched link do."""
    return name != other and re.sub(r"\d+", "0", name) == re.sub(r"\d+", "0", other)


class Snapshot:
    """The regular files of some folders at one moment: folder → name → inode.

    A folder that changes while it is listed is listed again: a rename during a listing can hide a
    file. Names are only as good as current() says afterwards."""

    def __init__(self, folders: Iterable[str]) -> None:
        self._names: dict[str, dict[str, int]] = {}
        self._changed_ns: dict[str, int] = {}
        for folder in folders:
            self._changed_ns[folder], self._names[folder] = _list(folder)

    def current(self) -> bool:
        """Whether nothing was added, removed or renamed since."""
        return all(_changed_ns(folder) == changed_ns for folder, changed_ns in self._changed_ns.items())

    def by_inode(self, inode: int) -> list[str]:
        """Paths of files with this inode number (the device is for the caller to check)."""
        return [
            os.path.join(folder, name)
            for folder, names in self._names.items()
            for name, found in names.items()
            if found == inode
        ]

    def rotated(self, path: str) -> list[Beside]:
        """The rotated predecessors of `path`, oldest first. `name.N.gz` ones are `packed`."""
        folder, base = os.path.split(path)
        found: list[Beside] = []
        for name in self._names.get(folder, {}):
            packed = name.endswith(".gz")
            fits, number = rotation_number(name.removesuffix(".gz"), base)
            if fits:
                found += _look(os.path.join(folder, name), number=number, packed=packed)
        return _oldest_first(found)

    def like(self, path: str) -> list[Beside]:
        """Files whose names differ from that of `path` in digits alone, oldest first."""
        folder, base = os.path.split(path)
        found: list[Beside] = []
        for name in self._names.get(folder, {}):
            if same_shape(name, base):
                found += _look(os.path.join(folder, name), number=None, packed=False)
        return _oldest_first(found)


def _oldest_first(found: list[Beside]) -> list[Beside]:
    if all(beside.number is not None for beside in found):
        return sorted(found, key=lambda beside: -(beside.number or 0))
    return sorted(found, key=lambda beside: (beside.mtime_ns, beside.path))


def _look(path: str, *, number: int | None, packed: bool) -> list[Beside]:
    try:
        status = os.lstat(path)
    except OSError:
        return []
    if not stat.S_ISREG(status.st_mode):
        return []
    identity = (status.st_dev, status.st_ino)
    return [Beside(path, identity, status.st_size, status.st_mtime_ns, number, packed)]


def _changed_ns(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


def _list(folder: str) -> tuple[int, dict[str, int]]:
    """When the folder changed last, and its regular files."""
    names: dict[str, int] = {}
    before_ns = 0
    for _ in range(_TRIES):
        before_ns = _changed_ns(folder)
        # Two changes within one tick of the clock have the same time: let the tick pass.
        age_ns = time.time_ns() - before_ns
        if 0 <= age_ns < _TICK_NS:
            time.sleep((_TICK_NS - age_ns) / 1e9)
        try:
            with os.scandir(folder) as found:
                names = {
                    entry.name: entry.inode() for entry in found if entry.is_file(follow_symlinks=False)
                }
        except OSError:
            return before_ns, {}
        if _changed_ns(folder) == before_ns:
            break
    return before_ns, names
