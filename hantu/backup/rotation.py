"""The backups that are made every day: their names, and which of them stay."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"hantu-(\d{8})-(\d{6})\.tar")


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup in the folder of the daily ones. made_s: when the file was written."""

    path: Path
    made_s: float
    size_bytes: int


def next_name(now_s: float) -> str:
    """The name of a backup that is made now."""
    return time.strftime("hantu-%Y%m%d-%H%M%S.tar", time.localtime(now_s))


def kept_backups(folder: Path) -> tuple[Kept, ...]:
    """The backups in a folder that have such a name, the newest first; none without the folder.

    Raises OSError when it cannot be read."""
    try:
        names = sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)
    except FileNotFoundError:
        return ()
    return tuple(Kept(path, found.st_mtime, found.st_size) for path in names for found in (path.stat(),))


def rotate(folder: Path, keep: int) -> Sequence[Path]:
    """Remove all but the newest `keep`; which went. Files of other names stay. Raises OSError."""
    gone = [each.path for each in kept_backups(folder)[max(1, keep) :]]
    for path in gone:
        path.unlink()
    return gone
