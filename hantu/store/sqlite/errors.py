"""Errors in the SQLite file: the part of a SqliteStore that keeps ErrorStorage's promises."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from heapq import merge
from itertools import islice
from typing import Final

import apsw

from hantu.store.base import QUERY_TIME_LIMIT_MS
from hantu.store.error_base import (
    Act,
    ErrorCount,
    ErrorGroup,
    ErrorPage,
    ErrorQuery,
    ErrorSize,
    GroupEvent,
    Occurrence,
    OccurrencePage,
    StatsBy,
    UnknownError,
)
from hantu.store.error_words import bucket_width, error_uuid
from hantu.store.sqlite import error_inbox as inbox
from hantu.store.sqlite import error_moves as moves
from hantu.store.sqlite.database import Database
from hantu.store.sqlite.error_counts import count
from hantu.store.sqlite.error_rows import OCCURRENCE, occurrences

SLICE_ROWS: Final = 200
"""Occurrences that one transaction of a clean-up removes: some 10 ms."""

_TIME_MOST: Final = (1 << 63) - 1

_OF_FINGERPRINT: Final = f"""
{OCCURRENCE}
WHERE service = :service AND fingerprint = :fingerprint AND (time_ns, error_no) < (:time_ns, :error_no)
ORDER BY error_logs.time_ns DESC, error_no DESC
LIMIT :most
"""
_BUCKETS: Final = """
SELECT own.group_no, (time_ns - :start) / :width AS bucket, count(*)
FROM error_fingerprint AS own
CROSS JOIN error_logs INDEXED BY error_logs_fingerprint USING (service, fingerprint)
WHERE own.group_no IN (SELECT value FROM json_each(:groups))
  AND time_ns >= :start AND time_ns < :end
GROUP BY own.group_no, bucket
"""
_EVENTS: Final = """
SELECT at_ns, act, actor, text
FROM error_event
WHERE group_no = ?
ORDER BY event_no DESC
LIMIT ?
"""
_SIZE: Final = (
    "SELECT sum(pgsize) FROM dbstat WHERE name IN ('error_logs', 'error_stack') AND aggregate = TRUE"
)
_REMOVE: Final = """
DELETE FROM error_logs
WHERE error_no IN (SELECT error_no FROM error_logs WHERE time_ns < ? ORDER BY time_ns LIMIT ?)
"""


class SqliteErrors:
    """The errors of one SQLite file."""

    _database: Database

    def errors(self, query: ErrorQuery) -> ErrorPage:
        """One page of the inbox."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return inbox.page(reader, query)

    def unresolved(self, now_ns: int) -> int:
        """How many groups are unresolved and not muted."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return inbox.unresolved(reader, now_ns)

    def error_services(self) -> tuple[str, ...]:
        """The services that have errors."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return inbox.services(reader)

    def error_group(self, group_no: int) -> ErrorGroup:
        """The group."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return inbox.read(reader, group_no)

    def occurrences(
        self, group_no: int, *, most: int = 50, before: tuple[int, int] | None = None
    ) -> OccurrencePage:
        """The group's occurrences, newest first."""
        time_ns, error_no = before or (_TIME_MOST, _TIME_MOST)
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            group = inbox.read(reader, group_no)
            # Each fingerprint's are read along the index; merged groups have few.
            found = [
                occurrences(
                    reader.rows(
                        _OF_FINGERPRINT,
                        {
                            "service": group.service,
                            "fingerprint": fingerprint,
                            "time_ns": time_ns,
                            "error_no": error_no,
                            "most": most + 1,
                        },
                    )
                )
                for fingerprint in group.fingerprints
            ]
        ordered = merge(*found, key=_time_key, reverse=True)
        some = tuple(islice(ordered, most + 1))
        page = some[:most]
        return OccurrencePage(page, _time_key(page[-1]) if len(some) > most and page else None)

    def error(self, error_id: str) -> Occurrence:
        """The occurrence with this UUID."""
        found = self._read(f"{OCCURRENCE} WHERE id = ?", (error_uuid(error_id).bytes,))
        if not found:
            raise UnknownError(error_id)
        return found[0]

    def errors_of_trace(self, trace_id: str, *, most: int = 200) -> tuple[Occurrence, ...]:
        """Occurrences with this trace id, oldest first."""
        return self._read(
            f"{OCCURRENCE} WHERE trace_id = ? AND trace_id <> ''"
            " ORDER BY error_logs.time_ns, error_no LIMIT ?",
            (trace_id, most),
        )

    def errors_after(self, error_no: int, *, most: int) -> tuple[Occurrence, ...]:
        """Occurrences that arrived after this number."""
        return self._read(f"{OCCURRENCE} WHERE error_no > ? ORDER BY error_no LIMIT ?", (error_no, most))

    def newest_error_no(self) -> int:
        """The number of the occurrence that arrived last."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return reader.value("SELECT seq FROM sqlite_sequence WHERE name = 'error_logs'") or 0

    def group_events(self, group_no: int, *, most: int = 200) -> tuple[GroupEvent, ...]:
        """What was done with the group, newest first."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            inbox.read(reader, group_no)
            return tuple(
                GroupEvent(at_ns, Act(act), by, text)
                for at_ns, act, by, text in reader.rows(_EVENTS, (group_no, most))
            )

    def resolve(self, group_no: int, *, at_ns: int, by: str = "") -> bool:
        """Resolve it."""
        with self._changing() as connection:
            return moves.resolve(connection, group_no, at_ns, by)

    def reopen(self, group_no: int, *, at_ns: int, by: str = "") -> bool:
        """Make it unresolved by hand."""
        with self._changing() as connection:
            return moves.reopen(connection, group_no, at_ns, by)

    def mute(
        self,
        group_no: int,
        *,
        at_ns: int,
        until_ns: int | None = None,
        below_an_hour: int | None = None,
        by: str = "",
    ) -> None:
        """Mute it."""
        with self._changing() as connection:
            moves.mute(
                connection, group_no, at_ns=at_ns, until_ns=until_ns, below_an_hour=below_an_hour, by=by
            )

    def unmute(self, group_no: int, *, at_ns: int, by: str = "") -> bool:
        """End muting."""
        with self._changing() as connection:
            return moves.unmute(connection, group_no, at_ns, by)

    def note(self, group_no: int, text: str, *, at_ns: int, by: str = "") -> None:
        """Add a note."""
        with self._changing() as connection:
            moves.note(connection, group_no, GroupEvent(at_ns, Act.NOTE, by, text))

    def merge(self, group_nos: Sequence[int], into: int, *, at_ns: int, by: str = "") -> ErrorGroup:
        """Make several groups one."""
        with self._changing() as connection:
            moves.merge(connection, group_nos, into, at_ns, by)
        return self.error_group(into)

    def split(self, service: str, fingerprint: str, *, at_ns: int, by: str = "") -> ErrorGroup:
        """Give a fingerprint of a merged group a group of its own again."""
        with self._changing() as connection:
            own = moves.split(connection, service, fingerprint, at_ns, by)
        return self.error_group(own)

    def error_stats(
        self, by: StatsBy, *, since_ns: int, until_ns: int, utc_offset_s: int = 0
    ) -> tuple[ErrorCount, ...]:
        """Occurrences counted."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return count(reader, by, since_ns=since_ns, until_ns=until_ns, utc_offset_s=utc_offset_s)

    def error_buckets(
        self, group_nos: Sequence[int], *, start_ns: int, end_ns: int, buckets: int
    ) -> dict[int, tuple[int, ...]]:
        """By group, its occurrences in equal parts of a time."""
        width_ns = bucket_width(start_ns, end_ns, buckets)
        counts = {group_no: [0] * buckets for group_no in group_nos}
        binds = {
            "groups": json.dumps(list(counts)),
            "start": start_ns,
            "end": end_ns,
            "width": width_ns,
        }
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            for group_no, bucket, many in reader.rows(_BUCKETS, binds):
                counts[group_no][bucket] = many
        return {group_no: tuple(found) for group_no, found in counts.items()}

    def error_size(self) -> ErrorSize:
        """How much room occurrences take."""
        with self._database.reading(None) as reader:
            return ErrorSize(reader.value(_SIZE) or 0, reader.value("SELECT min(time_ns) FROM error_logs"))

    def remove_errors(self, before_ns: int, *, pause: Callable[[], bool]) -> int:
        """Remove occurrences older than that, in slices."""
        gone = 0
        while True:
            with self._database.writing() as connection:
                connection.execute(_REMOVE, (before_ns, SLICE_ROWS))
                many = connection.changes()
            gone += many
            if many < SLICE_ROWS or pause():
                return gone

    @contextmanager
    def _changing(self) -> Iterator[apsw.Connection]:
        """A durable write transaction. What a person asks for in vain leaves the connection open."""
        refused: Exception | None = None
        with self._database.writing(durable=True) as connection:
            try:
                yield connection
            except (UnknownError, ValueError) as error:
                refused = error
        if refused is not None:
            raise refused

    def _read(self, sql: str, binds: tuple[object, ...]) -> tuple[Occurrence, ...]:
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return occurrences(reader.rows(sql, binds))


def _time_key(each: Occurrence) -> tuple[int, int]:
    return each.record.time_ns, each.error_no
