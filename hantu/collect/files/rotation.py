"""The files beside a log file: which of them are its rotated predecessors, and in what order."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hantu.collect.files.listing import Listings, changed_ns
from hantu.collect.files.mark import Identity

_MIDDLE: Final = r"[-._]?\d[\dT:._Z+-]*"
_AFTER_NAME: Final = re.compile(rf"\.(?:old|bak|prev|save|orig)|~|{_MIDDLE}")
_NUMBER: Final = re.compile(r"\.(\d{1,5})")
_DATE_DIGITS: Final = 6


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
    """The regular files of some folders at one moment.

    Names are only as good as current() says afterwards."""

    def __init__(self, folders: Iterable[str], listings: Listings) -> None:
        self._folders = {folder: listings.list(folder) for folder in folders}

    def current(self) -> bool:
        """Whether nothing was added, removed or renamed since."""
        return all(changed_ns(folder) == listing.changed_ns for folder, listing in self._folders.items())

    def by_inode(self, inode: int) -> list[str]:
        """Paths of files with this inode number (the device is for the caller to check)."""
        return [
            os.path.join(folder, name)
            for folder, listing in self._folders.items()
            for name in listing.with_inode(inode)
        ]

    def rotated(self, path: str) -> list[Beside]:
        """The rotated predecessors of `path`, oldest first. `name.N.gz` ones are `packed`."""
        folder, base = os.path.split(path)
        found: list[Beside] = []
        listing = self._folders.get(folder)
        for name in listing.beginning(os.path.splitext(base)[0]) if listing is not None else ():
            packed = name.endswith(".gz")
            fits, number = rotation_number(name.removesuffix(".gz"), base)
            if fits:
                found += _look(os.path.join(folder, name), number=number, packed=packed)
        return _oldest_first(found)

    def like(self, path: str) -> list[Beside]:
        """Files whose names differ from that of `path` in digits alone, oldest first."""
        folder, base = os.path.split(path)
        found: list[Beside] = []
        listing = self._folders.get(folder)
        for name in listing.names if listing is not None else ():
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
