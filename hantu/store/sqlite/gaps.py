"""SqliteGaps: the ledger of gaps, within SqliteStore."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import apsw
import msgspec

from hantu.model import LogEntry
from hantu.store.base import QUERY_TIME_LIMIT_MS
from hantu.store.gap_base import GAPS_MOST, Gap, GapSum, gaps_of
from hantu.store.ids import EntryIds
from hantu.store.sqlite.database import Database

_ADD: Final = """
INSERT INTO gap (source, source_id, from_ns, to_ns, reason, lines, size_bytes, key, noted_ns)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_TRIM: Final = "DELETE FROM gap WHERE gap_no <= (SELECT max(gap_no) FROM gap) - ?"
_GAPS: Final = """
SELECT source, source_id, from_ns, to_ns, reason, lines, size_bytes, key, noted_ns
FROM gap INDEXED BY gap_to
WHERE to_ns >= :start
  AND from_ns < :end
  AND (:sources = '[]' OR source = '' OR source IN (SELECT value FROM json_each(:sources)))
  AND (:source_id IS NULL OR source_id = '' OR source_id = :source_id)
ORDER BY to_ns DESC, gap_no DESC
LIMIT :most
"""
_SUMS: Final = """
SELECT source, source_id, count(*), ifnull(sum(lines), 0)
FROM gap
WHERE to_ns >= ?
GROUP BY source, source_id
ORDER BY source, source_id
"""
_EARLIEST: Final = -(1 << 63)
_LATEST: Final = (1 << 63) - 1


def add_gaps(connection: apsw.Connection, entries: Sequence[tuple[int, LogEntry]], now_ns: int) -> None:
    """Put the gaps into the ledger of which these entries, each with its key, tell."""
    told = [_row(gap, entries[at][0], now_ns) for at, gap in gaps_of([entry for _, entry in entries])]
    if told:
        _insert(connection, told)


def _row(gap: Gap, key: int | None, now_ns: int) -> tuple[str | int | None, ...]:
    return (
        *(gap.source, gap.source_id, gap.from_ns, gap.to_ns, gap.reason),
        *(gap.lines, gap.size_bytes, key, now_ns),
    )


def _insert(connection: apsw.Connection, rows: Sequence[tuple[str | int | None, ...]]) -> None:
    connection.executemany(_ADD, rows)
    connection.execute(_TRIM, (GAPS_MOST,))


class SqliteGaps:
    """The ledger of one SQLite file."""

    _database: Database
    _ids: EntryIds

    def note_gaps(self, gaps: Sequence[Gap]) -> None:
        """Put gaps into the ledger."""
        now_ns = time.time_ns()
        with self._database.writing(durable=True) as connection:
            _insert(connection, [_row(gap, None, now_ns) for gap in gaps])

    def gaps(
        self,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        sources: Sequence[str] = (),
        source_id: str | None = None,
        most: int = 100,
    ) -> tuple[Gap, ...]:
        """The newest gaps that reach into a time."""
        asked = {
            "start": _EARLIEST if start_ns is None else start_ns,
            "end": _LATEST if end_ns is None else end_ns,
            "sources": msgspec.json.encode(list(sources)).decode(),
            "source_id": source_id,
            "most": most,
        }
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return tuple(self._gap(row) for row in reader.rows(_GAPS, asked))

    def _gap(self, row: tuple[Any, ...]) -> Gap:
        source, source_id, from_ns, to_ns, reason, lines, size_bytes, key, noted_ns = row
        entry_id = "" if key is None else self._ids.text(key)
        return Gap(source, source_id, from_ns, to_ns, reason, lines, size_bytes, entry_id, noted_ns)

    def gap_sums(self, *, start_ns: int | None = None) -> tuple[GapSum, ...]:
        """Gaps counted for each source and source_id."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            rows = reader.rows(_SUMS, (_EARLIEST if start_ns is None else start_ns,))
            return tuple(GapSum(*row) for row in rows)
