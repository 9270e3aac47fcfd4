"""SqliteStore: LogStorage over one SQLite file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from hantu.executions import Keeping
from hantu.model import LogEntry
from hantu.query.expr import Field, Op
from hantu.query.logquery import LogQuery, Order, Place
from hantu.store.base import (
    COUNT_CAP,
    QUERY_TIME_LIMIT_MS,
    Answer,
    Arrivals,
    Facet,
    Histogram,
    MaintenanceReport,
    Page,
    Removal,
    SourceInfo,
    StoreError,
    StoreStats,
    Token,
    Total,
    WriteResult,
)
from hantu.store.execution_base import RemovedExecutions
from hantu.store.ids import EntryIds
from hantu.store.keeping import Deadlines, KeepRule, Removable
from hantu.store.pattern_base import BUCKETS, PATTERNS_MOST, PatternOrder, Patterns, Span
from hantu.store.sqlite.accounts import SqliteAccounts
from hantu.store.sqlite.artifacts import SqliteArtifacts
from hantu.store.sqlite.catalog import Catalog
from hantu.store.sqlite.database import Database
from hantu.store.sqlite.entries import EntryReader, EntryWriter
from hantu.store.sqlite.entry_table import EntryTable
from hantu.store.sqlite.error_rows import ErrorRows
from hantu.store.sqlite.error_table import errors_shown
from hantu.store.sqlite.errors import SqliteErrors
from hantu.store.sqlite.executions import SqliteExecutions
from hantu.store.sqlite.gaps import SqliteGaps
from hantu.store.sqlite.hot import HotBatch
from hantu.store.sqlite.patterns import PatternFinder
from hantu.store.sqlite.preferences import SqlitePreferences
from hantu.store.sqlite.question import Rows, ask
from hantu.store.sqlite.rebuild import Progress, bring_up_to_date, tidy
from hantu.store.sqlite.rescue_copy import keep_for_rescue
from hantu.store.sqlite.retention import Retention, Stopped
from hantu.store.sqlite.sealing import SEAL_ENTRIES, Sealer
from hantu.store.sqlite.search import Search
from hantu.store.sqlite.storage import Memory, Storage, measure
from hantu.store.sqlite.tallies import Tallies
from hantu.store.sqlite.views import SqliteViews

DAY_NS: Final = 86_400_000_000_000


class SqliteStore(
    SqliteErrors,
    SqliteExecutions,
    SqliteArtifacts,
    SqlitePreferences,
    SqliteViews,
    SqliteAccounts,
    SqliteGaps,
):
    """Entries, errors, executions, checkpoints and tokens in one SQLite file."""

    def __init__(self, database: Database, *, seal_entries: int, background: bool) -> None:
        """Use open()."""
        self._database = database
        with database.reading(QUERY_TIME_LIMIT_MS) as reader:
            store_id = reader.value("SELECT value FROM meta WHERE name = 'store_id'")
        self._ids = EntryIds(store_id)
        self._catalog = Catalog(writes=not database.read_only)
        self._entries = EntryReader(self._ids, self._catalog)
        self._sealer = Sealer(
            database,
            self._catalog,
            seal_entries=seal_entries,
            background=background and not database.read_only,
        )
        self._writer = EntryWriter(database, self._accepted, ErrorRows(self._ids))
        self._search = Search(database, self._catalog, self._entries)
        self._tallies = Tallies(database, self._catalog, self._entries, self._search)
        self._patterns = PatternFinder(database, self._catalog, self._entries, self._search)
        self._retention = Retention(database, self._catalog, self._writer, self._sealer)
        if not database.read_only:
            self._sealer.begin()

    def _accepted(self, batch: HotBatch) -> None:
        self._catalog.accepted(batch)
        self._sealer.accepted(batch)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        vfs: str | None = None,
        seal_entries: int = SEAL_ENTRIES,
        background: bool = True,
        progress: Progress | None = None,
    ) -> SqliteStore:
        """Open the file, making it when it is not there. vfs: the name of an SQLite VFS.

        A file of the row store is made anew first, as progress is told (the log when None).
        seal_entries: hot entries that make a segment; background: sealed by a thread of their own, not
        by the writer's. Raises NewerSchema, StoreBusy (another process writes to it), StoreError; a file
        that is refused is left as it is. read_only needs no lock and works beside a writer."""
        if not read_only:
            bring_up_to_date(path, lot_entries=seal_entries, progress=progress, vfs=vfs)
        database = Database(path, read_only=read_only, vfs=vfs)
        try:
            store = cls(database, seal_entries=seal_entries, background=background)
        except BaseException:
            database.close()
            raise
        if not read_only:
            tidy(path)
        return store

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    def write(self, entry: LogEntry) -> WriteResult:
        """Store one entry, durably."""
        return self.write_batch([entry], durable=True)

    def write_batch(
        self,
        entries: Sequence[LogEntry],
        checkpoints: Mapping[str, bytes | None] | None = None,
        *,
        durable: bool = False,
    ) -> WriteResult:
        """Store entries and checkpoints in one transaction."""
        return self._writer.write_batch(entries, checkpoints or {}, durable=durable)

    def checkpoint(self, name: str) -> bytes | None:
        """The checkpoint committed last under `name`."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            found: bytes | None = reader.value("SELECT value FROM checkpoint WHERE name = ?", (name,))
            return found

    def checkpoints(self, prefix: str) -> dict[str, bytes]:
        """All checkpoints whose name begins with prefix."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            rows = reader.rows(
                "SELECT name, value FROM checkpoint WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
                (prefix,),
            )
            return dict(rows)

    def cursor(self) -> int:
        """The key of the newest entry ever committed."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            return int(reader.value("SELECT value FROM meta WHERE name = 'cursor'"))

    def get(self, entry_id: str) -> LogEntry | None:
        """The entry with this UUID."""
        self._database.check_open()
        if self._ids.key(entry_id) is None:
            return None
        page = self._search.page(
            LogQuery(search=Field("id", Op.EQ, entry_id), limit=1), QUERY_TIME_LIMIT_MS
        )
        return page.entries[0] if page.entries else None

    def query(self, query: LogQuery, *, time_limit_ms: int = QUERY_TIME_LIMIT_MS) -> Answer:
        """A page and its total."""
        page = self.search(query, time_limit_ms=time_limit_ms)
        return Answer(page, self.count(query, time_limit_ms=time_limit_ms))

    def search(self, query: LogQuery, *, time_limit_ms: int = QUERY_TIME_LIMIT_MS) -> Page:
        """One page in the query's order."""
        return self._search.page(query, time_limit_ms)

    def arrivals(self, query: LogQuery, *, most: int, time_limit_ms: int = QUERY_TIME_LIMIT_MS) -> Arrivals:
        """Matching entries after the cursor in arrival order, the newest `most` of them.

        When time runs out, those up to a key that the answer's cursor gives."""
        return self._search.arrivals(query, most, time_limit_ms)

    def count(
        self, query: LogQuery, *, cap: int = COUNT_CAP, time_limit_ms: int = QUERY_TIME_LIMIT_MS
    ) -> Total:
        """How many entries match, up to cap."""
        return self._search.count(query, cap, time_limit_ms)

    def histogram(
        self,
        query: LogQuery,
        *,
        start_ns: int,
        end_ns: int,
        buckets: int,
        time_limit_ms: int = QUERY_TIME_LIMIT_MS,
    ) -> Histogram:
        """Matching entries by time and level."""
        return self._tallies.histogram(
            query, start_ns=start_ns, end_ns=end_ns, buckets=buckets, limit_ms=time_limit_ms
        )

    def facets(
        self,
        query: LogQuery,
        fields: Sequence[str],
        *,
        most: int = 10,
        time_limit_ms: int = QUERY_TIME_LIMIT_MS,
    ) -> tuple[Facet, ...]:
        """For each field, its most frequent values."""
        return self._tallies.facets(query, fields, most=most, limit_ms=time_limit_ms)

    def patterns(
        self,
        query: LogQuery,
        *,
        start_ns: int,
        end_ns: int,
        order: PatternOrder = PatternOrder.COUNT,
        most: int = PATTERNS_MOST,
        buckets: int = BUCKETS,
        time_limit_ms: int = QUERY_TIME_LIMIT_MS,
    ) -> Patterns:
        """Matching lines folded to patterns."""
        span = Span.of(start_ns, end_ns, buckets)
        return self._patterns.find(query, span, order, most=most, buckets=buckets, limit_ms=time_limit_ms)

    def field_names(self, *, most: int = 50) -> tuple[str, ...]:
        """Metadata paths of recent entries, most frequent first."""
        return self._tallies.field_names(most, QUERY_TIME_LIMIT_MS)

    def context(
        self, entry: LogEntry, *, before: int, after: int, all_sources: bool = False
    ) -> tuple[LogEntry, ...]:
        """Entries around `entry` in (time, key) order."""
        around = LogQuery(place=Place(entry.time_ns, entry.key))
        if not all_sources:
            around = replace(around, sources=(entry.source,), source_id=entry.source_id)
        older: tuple[LogEntry, ...] = ()
        newer: tuple[LogEntry, ...] = ()
        if before:
            older = self.search(replace(around, limit=before)).entries
        if after:
            newer = self.search(replace(around, limit=after, order=Order.OLDEST)).entries
        own = self.get(self._ids.text(entry.key))
        return (*reversed(older), *((own,) if own is not None else ()), *newer)

    def source_ids(self) -> tuple[SourceInfo, ...]:
        """Every (source, source_id) that has entries."""
        return self._tallies.source_ids(QUERY_TIME_LIMIT_MS)

    def stats(self) -> StoreStats:
        """Counts per source and level, sizes, bounds."""
        return self._tallies.stats(QUERY_TIME_LIMIT_MS)

    def storage(self) -> Storage:
        """Where the bytes of the file are; goes through all of it."""
        return measure(self._database, self._catalog)

    def memory(self) -> Memory:
        """What grows in memory as the file grows."""
        shapes = self._catalog.shapes
        return Memory(self._catalog.directory_bytes, len(shapes), shapes.text_bytes)

    def cleanup(
        self,
        retention_days: float = 7,
        *,
        now_ns: int | None = None,
        reason: str = "age",
        pause: Callable[[], bool] | None = None,
        rules: Sequence[KeepRule] = (),
    ) -> int:
        """Delete entries older than now − retention_days, or than their rule says; returns how many."""
        now = time.time_ns() if now_ns is None else now_ns
        removed = 0

        def count(many: int) -> None:
            nonlocal removed
            removed += many

        with suppress(Stopped):
            self._retention.cleanup(
                Deadlines(retention_days, rules, now),
                now_ns=now,
                reason=reason,
                pause=pause or bool,
                removed=count,
            )
        return removed

    def spare_disk(self, *, scarce: bool) -> None:
        """Keep what lies beside the file small."""
        self._retention.spare_disk(scarce=scarce)

    def removable(
        self, retention_days: float, *, now_ns: int, rules: Sequence[KeepRule] = ()
    ) -> tuple[Removable, ...]:
        """What cleanup() would delete, by rule."""
        return self._retention.removable(Deadlines(retention_days, rules, now_ns))

    def remove_errors(self, before_ns: int, *, pause: Callable[[], bool]) -> int:
        """Remove occurrences older than that, and shrink the file."""
        removed = super().remove_errors(before_ns, pause=pause)
        if removed:
            with suppress(Stopped):
                self._retention.shrink(pause)
        return removed

    def remove_executions(
        self, keeping: Keeping, *, now_ns: int, pause: Callable[[], bool]
    ) -> RemovedExecutions:
        """Remove executions whose time is over, and shrink the file."""
        removed = super().remove_executions(keeping, now_ns=now_ns, pause=pause)
        if removed.executions:
            with suppress(Stopped):
                self._retention.shrink(pause)
        return removed

    def removals(self, *, most: int = 50) -> tuple[Removal, ...]:
        """What clean-ups removed, newest first."""
        return self._retention.removals(most)

    def maintain(
        self,
        retention_days: float,
        *,
        now_ns: int,
        pause: Callable[[], bool],
        rules: Sequence[KeepRule] = (),
    ) -> MaintenanceReport:
        """Retention, index optimisation, vacuum, integrity check, in slices."""
        deadlines = Deadlines(retention_days, rules, now_ns)
        report = self._retention.maintain(deadlines, now_ns=now_ns, pause=pause)
        keep_for_rescue(self.path)
        return replace(report, problems=report.problems + self.mend_execution_words(pause))

    def export(self, query: LogQuery) -> Iterator[LogEntry]:
        """Every matching entry in the query's order."""
        return self._search.export(query)

    def tokens(self) -> tuple[Token, ...]:
        """All API tokens by name."""
        with self._database.reading(QUERY_TIME_LIMIT_MS) as reader:
            rows = reader.rows(
                "SELECT name, scope, digest, created_ns, last_used_ns FROM token ORDER BY name"
            )
            return tuple(Token(*row) for row in rows)

    def add_token(self, token: Token) -> None:
        """Store a token."""
        with self._database.writing(durable=True) as connection:
            taken = connection.execute("SELECT 1 FROM token WHERE name = ?", (token.name,)).fetchone()
            if taken is not None:
                raise StoreError(f"a token named {token.name!r} exists already; choose another name")
            connection.execute(
                "INSERT INTO token (name, scope, digest, created_ns, last_used_ns) VALUES (?, ?, ?, ?, ?)",
                (token.name, token.scope, token.digest, token.created_ns, token.last_used_ns),
            )

    def remove_token(self, name: str) -> bool:
        """Remove a token; False when there was none."""
        with self._database.writing(durable=True) as connection:
            connection.execute("DELETE FROM token WHERE name = ?", (name,))
            return connection.changes() > 0

    def touch_tokens(self, used: Mapping[str, int]) -> None:
        """Set last_used_ns by token name; unknown names are passed over."""
        with self._database.writing() as connection:
            connection.executemany(
                "UPDATE token SET last_used_ns = ? WHERE name = ?",
                [(at_ns, name) for name, at_ns in used.items()],
            )

    def sql(self, statement: str, *, most: int, time_limit_ms: int = QUERY_TIME_LIMIT_MS) -> Rows:
        """Run one statement of a person; nothing can be changed. Raises StoreError."""
        tables = (EntryTable(self._search, self._catalog, self._ids).on, errors_shown)
        return ask(self._database, statement, most=most, limit_ms=time_limit_ms, tables=tables)

    def seal(self) -> int:
        """Make segments of all that is hot; how many entries that were."""
        sealed = 0
        while more := self._sealer.seal():
            sealed += more
        return sealed

    def close(self) -> None:
        """Close the file; a closed store raises StoreError."""
        self._sealer.close()
        self._database.close()
