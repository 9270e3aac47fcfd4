"""How a database file fares, apart from what is in it: what `hantu doctor` looks at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Depth(Enum):
    """How much is read: the settings of the file, or every page of it."""

    SETTINGS = "settings"
    PAGES = "pages"


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """sqlite_version: of the library in use; it is enough when sqlite_suffices. wal_mode, gives_back: what
    every file of hantu has, WAL and auto_vacuum. damage: what SQLite says, of Depth.PAGES."""

    sqlite_version: str
    sqlite_suffices: bool
    wal_mode: bool
    gives_back: bool
    free_bytes: int
    wal_bytes: int
    damage: tuple[str, ...]


def database_health(path: Path, depth: Depth) -> DatabaseHealth:
    """Look at a file, also beside a hantu that writes. Raises StoreError."""
    from hantu.store.sqlite.health import health

    return health(path, depth)
