"""What a file says of itself, read on a connection of its own."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

import apsw

from hantu.store.health import DatabaseHealth, Depth
from hantu.store.sqlite.copying import reading
from hantu.store.sqlite.database import failure

VERSION_LEAST: Final = (3, 43, 0)
"""FTS5 deletes from an index without content since then."""
INCREMENTAL: Final = 2
DAMAGE_MOST: Final = 10


def health(path: Path, depth: Depth) -> DatabaseHealth:
    """As hantu.store.health.database_health()."""
    version = apsw.sqlite_lib_version()
    try:
        with closing(reading(path)) as connection:
            damage = _damage(connection) if depth is Depth.PAGES else ()
            return DatabaseHealth(
                sqlite_version=version,
                sqlite_suffices=tuple(map(int, version.split("."))) >= VERSION_LEAST,
                wal_mode=connection.pragma("journal_mode") == "wal",
                gives_back=connection.pragma("auto_vacuum") == INCREMENTAL,
                free_bytes=connection.pragma("freelist_count") * connection.pragma("page_size"),
                wal_bytes=_size(path.with_name(path.name + "-wal")),
                damage=damage,
            )
    except apsw.Error as error:
        raise failure(error, path) from error


def _damage(connection: apsw.Connection) -> tuple[str, ...]:
    try:
        said = [str(text) for (text,) in connection.execute(f"PRAGMA integrity_check({DAMAGE_MOST:d})")]
    except apsw.CorruptError as error:
        return (str(error),)
    return () if said == ["ok"] else tuple(said)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
