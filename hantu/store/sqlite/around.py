"""The entries around one entry."""

from __future__ import annotations

from typing import Final

from hantu.model import LogEntry
from hantu.store.sqlite.database import Reader

_FIND_STREAM: Final = """
SELECT stream_no
FROM stream
JOIN source USING (source_no)
WHERE name = ? AND source_id = ?
"""
_OF_STREAM: Final = """
SELECT key
FROM entry INDEXED BY entry_stream
WHERE stream_no = :stream_no AND (time_ns, key) {beyond} (:time_ns, :key)
ORDER BY time_ns {direction}, key {direction}
LIMIT :most
"""
_OF_ALL: Final = """
SELECT key
FROM entry INDEXED BY entry_time
WHERE (time_ns, key) {beyond} (:time_ns, :key)
ORDER BY time_ns {direction}, key {direction}
LIMIT :most
"""


def context(reader: Reader, entry: LogEntry, *, before: int, after: int, all_sources: bool) -> list[int]:
    """The keys around `entry` in (time, key) order, its own among them."""
    stream_no = reader.value(_FIND_STREAM, (entry.source, entry.source_id))
    sql = _OF_ALL if all_sources else _OF_STREAM
    binds = {"stream_no": stream_no, "time_ns": entry.time_ns, "key": entry.key}
    older = reader.rows(sql.format(beyond="<", direction="DESC"), {**binds, "most": before}).fetchall()
    newer = reader.rows(sql.format(beyond=">", direction="ASC"), {**binds, "most": after}).fetchall()
    return [*(key for (key,) in reversed(older)), entry.key, *(key for (key,) in newer)]
