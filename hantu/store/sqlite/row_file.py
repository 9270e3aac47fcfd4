"""A file of the row store, schema version ROWS: read, never written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

import apsw
import numpy as np

from hantu.store.base import StoreError
from hantu.store.sqlite.batch import LEVEL_BITS, Batch
from hantu.store.sqlite.database import BUSY_MS, failure

Row = tuple[int, int, int, int, str, str | None, bytes | None, int]
"""key, time_ns, stream_no, level, message, metadata, event_id, created_ns."""

Identity = tuple[int, int, int, int | None, int | None]
"""store_id, cursor, number of entries, first and last key: two files with the same hold the same."""

_ROWS: Final = """
SELECT key, time_ns, stream_no, level, message, metadata, event_id, created_ns
FROM entry
WHERE key > ?
ORDER BY key
"""
_IDENTITY: Final = """
SELECT
  (SELECT value FROM meta WHERE name = 'store_id'),
  (SELECT value FROM meta WHERE name = 'cursor'),
  (SELECT count(*) FROM entry),
  (SELECT min(key) FROM entry),
  (SELECT max(key) FROM entry)
"""


class RowFile:
    """The entries and small tables of the file at `path`. Every method raises StoreError."""

    def __init__(self, path: Path, vfs: str | None = None) -> None:
        self.path = path
        with self._told():
            self._connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
            # It must keep its bytes, whatever comes: no checkpoint when this closes.
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self._connection.set_busy_timeout(BUSY_MS)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close(True)

    def identity(self) -> Identity:
        """What tells it from other files."""
        with self._told():
            found: Identity = self._connection.execute(_IDENTITY).get
            return found

    def rows(self, after_key: int) -> Iterator[Row]:
        """Rows with greater keys, in order of keys."""
        with self._told():
            yield from self._connection.execute(_ROWS, (after_key,))

    def table(self, name: str, columns: str) -> list[tuple[Any, ...]]:
        """A small table, whole. name and columns are the program's own words."""
        with self._told():
            return self._connection.execute(f"SELECT {columns} FROM {name}").fetchall()  # noqa: S608

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (apsw.Error, UnicodeDecodeError) as error:
            said = failure(error, self.path) if isinstance(error, apsw.Error) else error
            raise StoreError(f"{said}. The file was not changed") from error


def lots(rows: Iterator[Row], *, entries: int, characters: int) -> Iterator[list[Row]]:
    """Rows in lots of so many entries, or of so many characters of messages if that is reached first."""
    while lot := list(islice(rows, 1)):
        size = len(lot[0][4])
        while len(lot) < entries and size < characters:
            row = next(rows, None)
            if row is None:
                break
            lot.append(row)
            size += len(row[4])
        yield lot


def as_batch(lot: list[Row]) -> Batch:
    """Rows as columns."""
    keys, times, streams, levels, messages, metadata, _, created = zip(*lot, strict=True)
    return Batch(
        keys=np.array(keys, np.int64),
        times=np.array(times, np.int64),
        cells=np.array(streams, np.int64) << LEVEL_BITS | np.array(levels, np.int64),
        messages=messages,
        metadata=[None if text is None else text.encode() for text in metadata],
        created=np.array(created, np.int64),
    )
