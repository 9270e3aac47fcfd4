"""The store in memory: LogStorage as plainly as it can be said, against which others are tested."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from hantu.errors import error_of
from hantu.model import LogEntry, LogLevel
from hantu.query.fields import leaf_paths, value_texts
from hantu.query.logquery import LogQuery, Order, Place
from hantu.query.match import matches
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
from hantu.store.gap_base import gaps_of
from hantu.store.ids import EntryIds, new_store_id
from hantu.store.keeping import Deadlines, KeepRule, Removable
from hantu.store.memory_accounts import MemoryAccounts
from hantu.store.memory_errors import MemoryErrors
from hantu.store.memory_executions import MemoryExecutions
from hantu.store.memory_gaps import MemoryGaps
from hantu.store.memory_patterns import fold
from hantu.store.memory_preferences import MemoryPreferences
from hantu.store.memory_views import MemoryViews
from hantu.store.pattern_base import BUCKETS, PATTERNS_MOST, PatternOrder, Patterns, Span

DAY_NS: Final = 86_400_000_000_000
RECENT_ENTRIES: Final = 1_000


class MemoryStore(
    MemoryErrors, MemoryExecutions, MemoryPreferences, MemoryViews, MemoryAccounts, MemoryGaps
):
    """A LogStorage that forgets everything at its end. Time limits do not count: a scan is whole."""

    def __init__(self, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        MemoryErrors.__init__(self)
        MemoryExecutions.__init__(self)
        MemoryViews.__init__(self)
        MemoryPreferences.__init__(self)
        MemoryAccounts.__init__(self)
        MemoryGaps.__init__(self)
        self._clock_ns = clock_ns
        self._lock = threading.RLock()
        self._ids = EntryIds(new_store_id())
        self._entries: dict[int, LogEntry] = {}
        self._event_ids: set[bytes] = set()
        self._checkpoints: dict[str, bytes] = {}
        self._removals: list[Removal] = []
        self._tokens: dict[str, Token] = {}
        self._cursor = 0
        self._closed = False

    def write(self, entry: LogEntry) -> WriteResult:
        """Store one entry."""
        return self.write_batch([entry])

    def write_batch(
        self,
        entries: Sequence[LogEntry],
        checkpoints: Mapping[str, bytes | None] | None = None,
        *,
        durable: bool = False,
    ) -> WriteResult:
        """Store entries and checkpoints; durable says nothing here."""
        del durable
        with self._open():
            duplicates = [at for at, entry in enumerate(entries) if not self._add(entry)]
            for name, value in (checkpoints or {}).items():
                if value is None:
                    self._checkpoints.pop(name, None)
                else:
                    self._checkpoints[name] = bytes(value)
            return WriteResult(self._cursor, len(entries) - len(duplicates), tuple(duplicates))

    def _add(self, entry: LogEntry) -> bool:
        """Store one entry unless its event_id is known."""
        if entry.event_id is not None:
            if entry.event_id in self._event_ids:
                return False
            self._event_ids.add(entry.event_id)
        self._cursor += 1
        stored = self._entries[self._cursor] = msgspec.structs.replace(
            entry, id=self._ids.text(self._cursor), key=self._cursor, created_ns=self._clock_ns()
        )
        if record := error_of(
            entry.source,
            entry.source_id,
            entry.level,
            entry.message,
            entry.time_ns,
            entry.metadata,
            entry.event_id,
        ):
            self.add_error(record._replace(id=record.id or stored.id), stored.created_ns)
        self.note_gaps([replace(gap, entry_id=stored.id) for _, gap in gaps_of([stored])])
        return True

    def checkpoint(self, name: str) -> bytes | None:
        """The checkpoint committed last under `name`."""
        with self._open():
            return self._checkpoints.get(name)

    def checkpoints(self, prefix: str) -> dict[str, bytes]:
        """All checkpoints whose name begins with prefix."""
        with self._open():
            return {name: value for name, value in self._checkpoints.items() if name.startswith(prefix)}

    def cursor(self) -> int:
        """The key of the newest entry ever committed."""
        with self._open():
            return self._cursor

    def get(self, entry_id: str) -> LogEntry | None:
        """The entry with this UUID."""
        with self._open():
            key = self._ids.key(entry_id)
            return None if key is None else self._entries.get(key)

    def query(self, query: LogQuery, *, time_limit_ms: int = QUERY_TIME_LIMIT_MS) -> Answer:
        """A page and its total."""
        with self._open():
            page = self.search(query, time_limit_ms=time_limit_ms)
            return Answer(page, self.count(query, time_limit_ms=time_limit_ms))

    def search(self, query: LogQuery, *, time_limit_ms: int = QUERY_TIME_LIMIT_MS) -> Page:
        """One page in the query's order."""
        del time_limit_ms
        found = [entry for entry in self._ordered(query) if _is_past(entry, query.place, query.order)]
        page = found[query.offset : query.offset + query.limit]
        more = len(found) > query.offset + query.limit
        return Page(tuple(page), _place(page[-1]) if page and more else None)

    def arrivals(self, query: LogQuery, *, most: int, time_limit_ms: int = QUERY_TIME_LIMIT_MS) -> Arrivals:
        """Matching entries after the cursor in arrival order, the newest `most` of them."""
        del time_limit_ms
        with self._open():
            found = self._matching(query.after(query.after_key or 0))
            skipped, given = found[: max(0, len(found) - most)], found[max(0, len(found) - most) :]
            return Arrivals(
                entries=tuple(given),
                cursor=self._cursor,
                skipped=len(skipped),
                skipped_to=skipped[-1].key if skipped else 0,
            )

    def count(
        self,
        query: LogQuery,
        *,
        cap: int = COUNT_CAP,
        time_limit_ms: int = QUERY_TIME_LIMIT_MS,
    ) -> Total:
        """How many entries match, up to cap."""
        del time_limit_ms
        count = len(self._matching(query))
        return Total(min(count, cap), exact=count <= cap)

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
        del time_limit_ms
        width_ns = max(1, -(-(end_ns - start_ns) // buckets))
        counts = [[0] * len(LogLevel) for _ in range(buckets)]
        for entry in self._matching(query):
            if start_ns <= entry.time_ns < end_ns:
                counts[(entry.time_ns - start_ns) // width_ns][entry.level] += 1
        return Histogram(start_ns, width_ns, tuple((a, b, c, d, e, f) for a, b, c, d, e, f in counts))

    def facets(
        self,
        query: LogQuery,
        fields: Sequence[str],
        *,
        most: int = 10,
        time_limit_ms: int = QUERY_TIME_LIMIT_MS,
    ) -> tuple[Facet, ...]:
        """For each field, its most frequent values; an entry counts once for each of its values."""
        del time_limit_ms
        found = self._matching(query)
        return tuple(
            Facet(field, _top((_values(entry, field) for entry in found), most)) for field in fields
        )

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
        del time_limit_ms
        found = self._matching(query)
        span = Span.of(start_ns, end_ns, buckets)
        with self._open():
            return fold(found, [*self._entries.values()], span, order, most=most, buckets=buckets)

    def field_names(self, *, most: int = 50) -> tuple[str, ...]:
        """Metadata paths of recent entries, most frequent first, ties by name."""
        with self._open():
            recent = list(self._entries.values())[-RECENT_ENTRIES:]
            return tuple(name for name, _ in _top((leaf_paths(entry.metadata) for entry in recent), most))

    def context(
        self, entry: LogEntry, *, before: int, after: int, all_sources: bool = False
    ) -> tuple[LogEntry, ...]:
        """Entries around `entry` in (time, key) order."""
        near = [
            other
            for other in self._ordered(LogQuery(order=Order.OLDEST))
            if all_sources or (other.source, other.source_id) == (entry.source, entry.source_id)
        ]
        older = [other for other in near if _order_key(other) < _order_key(entry)]
        itself = [other for other in near if _order_key(other) == _order_key(entry)]
        newer = [other for other in near if _order_key(other) > _order_key(entry)]
        return (*older[max(0, len(older) - before) :], *itself, *newer[:after])

    def source_ids(self) -> tuple[SourceInfo, ...]:
        """Every (source, source_id) that has entries."""
        with self._open():
            counts: Counter[tuple[str, str]] = Counter()
            newest: dict[tuple[str, str], int] = {}
            for entry in self._entries.values():
                origin = (entry.source, entry.source_id)
                counts[origin] += 1
                newest[origin] = max(entry.time_ns, newest.get(origin, entry.time_ns))
            return tuple(SourceInfo(*origin, counts[origin], newest[origin]) for origin in sorted(counts))

    def stats(self) -> StoreStats:
        """Counts and bounds; size_bytes is that of the messages."""
        with self._open():
            entries = list(self._entries.values())
            times = [entry.time_ns for entry in entries]
            return StoreStats(
                entries=len(entries),
                by_source=dict(Counter(entry.source for entry in entries)),
                by_level=dict(Counter(entry.level for entry in entries)),
                size_bytes=_size(entries),
                wal_bytes=0,
                oldest_ns=min(times, default=None),
                newest_ns=max(times, default=None),
                cursor=self._cursor,
                schema_version=0,
            )

    def cleanup(
        self,
        retention_days: float = 7,
        *,
        now_ns: int | None = None,
        reason: str = "age",
        pause: Callable[[], bool] | None = None,  # noqa: ARG002  it takes no time here
        rules: Sequence[KeepRule] = (),
    ) -> int:
        """Delete what is older than retention_days, or than the first rule that holds says."""
        with self._open():
            now = self._clock_ns() if now_ns is None else now_ns
            deadlines = Deadlines(retention_days, rules, now)
            gone = self._past(deadlines)
            for entry in (entry for entries in gone for entry in entries):
                del self._entries[entry.key]
                if entry.event_id is not None:
                    self._event_ids.discard(entry.event_id)
            for before_ns, scope, entries in zip(deadlines.before_ns, deadlines.scopes, gone, strict=True):
                if entries:
                    removal = Removal(now, before_ns, len(entries), _size(entries), reason, scope)
                    self._removals.append(removal)
            return sum(map(len, gone))

    def spare_disk(self, *, scarce: bool) -> None:  # noqa: ARG002  there is no disk
        """Nothing to give back."""
        with self._open():
            return

    def removable(
        self, retention_days: float, *, now_ns: int, rules: Sequence[KeepRule] = ()
    ) -> tuple[Removable, ...]:
        """What cleanup() would delete, by rule."""
        with self._open():
            deadlines = Deadlines(retention_days, rules, now_ns)
            counts = map(len, self._past(deadlines))
            return tuple(map(Removable, deadlines.scopes, deadlines.keep_days, counts))

    def _past(self, deadlines: Deadlines) -> list[list[LogEntry]]:
        """The entries whose time is over, by rule."""
        past: list[list[LogEntry]] = [[] for _ in deadlines.scopes]
        for entry in self._entries.values():
            number = deadlines.of(entry.source, entry.source_id, entry.level)
            if entry.time_ns < deadlines.before_ns[number]:
                past[number].append(entry)
        return past

    def removals(self, *, most: int = 50) -> tuple[Removal, ...]:
        """What clean-ups removed, newest first."""
        with self._open():
            return tuple(reversed(self._removals))[:most]

    def maintain(
        self,
        retention_days: float,
        *,
        now_ns: int,
        pause: Callable[[], bool],
        rules: Sequence[KeepRule] = (),
    ) -> MaintenanceReport:
        """Daily work: here only the retention."""
        self._check_open()
        if pause():
            return MaintenanceReport(removed=0, freed_bytes=0)
        with self._open():
            size = _size(self._entries.values())
            removed = self.cleanup(retention_days, now_ns=now_ns, rules=rules)
            return MaintenanceReport(removed, size - _size(self._entries.values()))

    def export(self, query: LogQuery) -> Iterator[LogEntry]:
        """Every matching entry in the query's order, as of now."""
        return iter(self._ordered(query))

    def tokens(self) -> tuple[Token, ...]:
        """All API tokens by name."""
        with self._open():
            return tuple(self._tokens[name] for name in sorted(self._tokens))

    def add_token(self, token: Token) -> None:
        """Store a token."""
        with self._open():
            if token.name in self._tokens:
                raise StoreError(f"a token named {token.name!r} exists already; choose another name")
            self._tokens[token.name] = token

    def remove_token(self, name: str) -> bool:
        """Remove a token."""
        with self._open():
            return self._tokens.pop(name, None) is not None

    def touch_tokens(self, used: Mapping[str, int]) -> None:
        """Set last_used_ns by token name; unknown names are passed over."""
        with self._open():
            for name, at_ns in used.items():
                token = self._tokens.get(name)
                if token is not None:
                    self._tokens[name] = replace(token, last_used_ns=at_ns)

    def close(self) -> None:
        """Forget everything; closing again does nothing."""
        with self._lock:
            self._closed = True
            self._entries.clear()

    def _open(self) -> threading.RLock:
        """The lock, of an open store."""
        self._check_open()
        return self._lock

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")

    def _matching(self, query: LogQuery) -> list[LogEntry]:
        """Matching entries in arrival order."""
        with self._open():
            entries = list(self._entries.values())
        return [entry for entry in entries if matches(query, entry)]

    def _ordered(self, query: LogQuery) -> list[LogEntry]:
        """Matching entries in the query's order."""
        return sorted(self._matching(query), key=_order_key, reverse=query.order is Order.NEWEST)


def _order_key(entry: LogEntry) -> tuple[int, int]:
    return entry.time_ns, entry.key


def _place(entry: LogEntry) -> Place:
    return Place(entry.time_ns, entry.key)


def _is_past(entry: LogEntry, place: Place | None, order: Order) -> bool:
    if place is None:
        return True
    at = (place.time_ns, place.key)
    return _order_key(entry) < at if order is Order.NEWEST else _order_key(entry) > at


def _values(entry: LogEntry, field: str) -> list[str]:
    match field:
        case "source":
            return [entry.source]
        case "source_id":
            return [entry.source_id]
        case "level":
            return [entry.level.label]
        case _:
            return value_texts(entry.metadata, field)


def _top(values: Iterable[Iterable[str]], most: int) -> tuple[tuple[str, int], ...]:
    """The `most` frequent values with their counts, ties by value."""
    counts = Counter(value for each in values for value in each)
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])


def _size(entries: Iterable[LogEntry]) -> int:
    return sum(len(entry.message.encode()) for entry in entries)
