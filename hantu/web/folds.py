"""Lines that say the same one after the other are one row that counts them."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hantu.model import LogEntry
from hantu.query.logquery import LogQuery, Order, Place
from hantu.store.base import LogStorage, Page

if TYPE_CHECKING:
    from hantu.web.rows import Row

ROWS_LEAST: Final = 60
"""More than a screen of them: else nothing could be scrolled to bring more."""
ENTRIES_MOST: Final = 2_000
REPEATS_MOST: Final = 500


def sign(entry: LogEntry, fields: str) -> str:
    """Short, and the same for lines that a reader could not tell apart but for their time. fields: what
    the row shows of the metadata."""
    said = "\0".join((entry.source, entry.source_id, entry.level.label, entry.message, fields))
    return f"{zlib.crc32(said.encode('utf-8', 'surrogatepass')):x}"


def folded(rows: Iterable[Row]) -> list[Row]:
    """Of each run of alike rows, in the order of time, the newest; it counts them and knows the place
    of the oldest. A run ends with its day."""
    out: list[Row] = []
    for row in rows:
        last = out[-1] if out else None
        if (
            last is None
            or row.day
            or not row.alike
            or row.alike != last.alike
            or row.message != last.message
        ):
            out.append(row)
            continue
        out[-1] = row._replace(
            times=last.times + 1, oldest=last.oldest or last.at, day=last.day, day_text=last.day_text
        )
    return out


def search(store: LogStorage, query: LogQuery, *, time_limit_ms: int) -> Page:
    """store.search() that goes on until there are enough rows to fill a screen, or ENTRIES_MOST lines."""
    until = time.monotonic() + time_limit_ms / 1000
    page = store.search(query, time_limit_ms=time_limit_ms)
    entries = list(page.entries)
    while page.next is not None and page.complete and _different(entries) < ROWS_LEAST:
        left_ms = int((until - time.monotonic()) * 1000)
        if len(entries) >= ENTRIES_MOST or left_ms <= 0:
            break
        more = replace(query, limit=min(4 * len(entries), ENTRIES_MOST - len(entries)))
        page = store.search(more.past(page.next), time_limit_ms=left_ms)
        entries += page.entries
    return replace(page, entries=tuple(entries))


def _different(entries: Sequence[LogEntry]) -> int:
    """How many runs of lines with the same text of the same source there are."""
    return sum(
        at == 0 or one.message != entries[at - 1].message or one.source_id != entries[at - 1].source_id
        for at, one in enumerate(entries)
    )


def repeats(store: LogStorage, newest: LogEntry, oldest: Place, query: LogQuery) -> tuple[LogEntry, ...]:
    """The lines of `query` that say the same as `newest`, which is the last of them, since `oldest`; newest
    first, at most REPEATS_MOST."""
    asked = replace(
        query,
        sources=(newest.source,),
        source_id=newest.source_id,
        levels=(newest.level,),
        start_ns=oldest.time_ns,
        end_ns=newest.time_ns + 1,
        limit=ENTRIES_MOST,
        order=Order.NEWEST,
        place=None,
    )
    found = store.search(asked).entries
    return tuple(one for one in found if one.message == newest.message)[:REPEATS_MOST]
