"""Whether a start would make the file anew, asked while the file is in use."""

from __future__ import annotations

import shutil
from pathlib import Path


def damage_of(path: Path) -> tuple[str, ...]:
    """What a look at every page finds wrong; it takes a second or two for each GB. Raises StoreError."""
    from hantu.store.sqlite.rescue import look

    return look(path, limit_s=None)


def is_marked(path: Path) -> bool:
    """Whether mark_damaged() was called since the last look at every page."""
    return path.with_name(f"{path.name}.damaged").exists()


def room_missing(path: Path) -> int:
    """So many bytes must become free before what can be read can be saved beside the file; 0: none."""
    from hantu.store.sqlite.rescue import ROOM_SHARE

    need = int(path.stat().st_size * ROOM_SHARE)
    return max(0, need - shutil.disk_usage(path.parent).free)


def rescued_s(path: Path) -> float | None:
    """When a damaged file was moved aside last (epoch s), None when none lies there."""
    asides = path.parent.glob(f"{path.name}.damaged-*")
    return max((aside.stat().st_ctime for aside in asides), default=None)
