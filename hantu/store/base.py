"""What a log store promises: LogStorage, which every implementation keeps (tests/contract).

Nothing above this package knows rows or SQL. Reading methods may be called from any thread, at any
time; writing methods from one thread at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from hantu.model import LogEntry, LogLevel
from hantu.query.logquery import LogQuery, Place
from hantu.store.account_base import AccountStorage
from hantu.store.error_base import ErrorStorage
from hantu.store.execution_base import ExecutionStorage
from hantu.store.gap_base import GapStorage
from hantu.store.keeping import KeepRule, Removable
from hantu.store.pattern_base import PatternStorage
from hantu.store.preference_base import PreferenceStorage
from hantu.store.view_base import ViewStorage

QUERY_TIME_LIMIT_MS: Final = 5_000
COUNT_CAP: Final = 10_000


class StoreError(Exception):
    """The store cannot do what was asked; the message says why and what to do."""


class NewerSchema(StoreError):
    """The file was written by a newer hantu; it was left untouched."""


class StoreBusy(StoreError):
    """Another process has this store open for writing."""


class QueryTimeout(StoreError):
    """A query met its time limit before it had anything to answer."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """cursor: the key of the last entry committed. accepted: entries stored by this call.
    duplicates: positions, within the call's entries, of those whose event_id was known already."""

    cursor: int
    accepted: int
    duplicates: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """entries in the query's order. `next` leads to the page beyond, None at the end.

    complete=False: the time limit ended the search early; entries holds what was found so far and
    searched_to_ns how far back (or forward) it has looked: every match on the near side of that
    time is in. `next` then goes on from there."""

    entries: tuple[LogEntry, ...]
    next: Place | None = None
    complete: bool = True
    searched_to_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Entries in arrival order after a cursor. cursor: where to go on (also past entries that did
    not match). skipped: matching entries left out because there were more than asked for: the
    oldest of them; they lie in keys after_key < key ≤ skipped_to."""

    entries: tuple[LogEntry, ...]
    cursor: int
    skipped: int = 0
    skipped_to: int = 0


@dataclass(frozen=True, slots=True)
class Total:
    """count matching entries; exact=False means "at least count"."""

    count: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """A page and the total of its query (CONTRACT M8)."""

    page: Page
    total: Total


@dataclass(frozen=True, slots=True)
class Histogram:
    """counts[i][level] entries with start_ns + i·width_ns ≤ time < start_ns + (i+1)·width_ns.

    complete=False: the time limit ended the count; what is given is a lower bound."""

    start_ns: int
    width_ns: int
    counts: tuple[tuple[int, int, int, int, int, int], ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Facet:
    """The most frequent values of a field, most frequent first, ties by value."""

    field: str
    values: tuple[tuple[str, int], ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Counts and sizes. by_source and by_level hold only names with entries."""

    entries: int
    by_source: Mapping[str, int]
    by_level: Mapping[LogLevel, int]
    size_bytes: int
    wal_bytes: int
    oldest_ns: int | None
    newest_ns: int | None
    cursor: int
    schema_version: int


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """One (source, source_id) that has entries: how many (at least, when the store only estimates)
    and its newest time."""

    source: str
    source_id: str
    entries: int
    newest_ns: int


@dataclass(frozen=True, slots=True)
class Removal:
    """What one clean-up removed: when, entries older than before_ns, how many, bytes freed, why. scope: the
    rule of the setting `retention` that it followed, "" for none."""

    at_ns: int
    before_ns: int
    entries: int
    freed_bytes: int
    reason: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """An API token. The secret itself is never stored: digest is its SHA-256."""

    name: str
    scope: str
    digest: bytes
    created_ns: int
    last_used_ns: int | None = None


@dataclass(frozen=True, slots=True)
class MaintenanceReport:
    """What a maintenance run did. problems: findings of the integrity check, empty when sound."""

    removed: int
    freed_bytes: int
    problems: tuple[str, ...] = field(default_factory=tuple)


class LogStorage(
    ErrorStorage,
    ExecutionStorage,
    GapStorage,
    PatternStorage,
    PreferenceStorage,
    ViewStorage,
    AccountStorage,
    Protocol,
):
    """A store of entries, of the errors that they tell of, of executions and preferences. Every reading
    method may raise QueryTimeout and StoreError."""

    def write(self, entry: LogEntry) -> WriteResult:
        """Store one entry, durably."""
        ...

    def write_batch(
        self,
        entries: Sequence[LogEntry],
        checkpoints: Mapping[str, bytes | None] | None = None,
        *,
        durable: bool = False,
    ) -> WriteResult:
        """Store entries in order and checkpoints (None removes one) in ONE transaction.

        durable=True: the commit survives a power cut (synchronous=FULL). Either all is stored or
        StoreError is raised and nothing is. Sets id, key and created_ns itself. The errors that
        entries tell of (errors.error_of) are stored with them."""
        ...

    def checkpoint(self, name: str) -> bytes | None:
        """The checkpoint committed last under `name`."""
        ...

    def checkpoints(self, prefix: str) -> dict[str, bytes]:
        """All checkpoints whose name begins with prefix."""
        ...

    def cursor(self) -> int:
        """The key of the newest committed entry, 0 when there is none yet. Never goes back."""
        ...

    def get(self, entry_id: str) -> LogEntry | None:
        """The entry with this UUID (any case), None when unknown or removed or no UUID at all."""
        ...

    def query(self, query: LogQuery, *, time_limit_ms: int = QUERY_TIME_LIMIT_MS) -> Answer:
        """A page and its total."""
        ...

    def search(self, query: LogQuery, *, time_limit_ms: int = QUERY_TIME_LIMIT_MS) -> Page:
        """One page, ordered by (time_ns, key)."""
        ...

    def arrivals(self, query: LogQuery, *, most: int, time_limit_ms: int = QUERY_TIME_LIMIT_MS) -> Arrivals:
        """Matching entries with key > query.after_key in arrival order (after_key None: 0).

        When more than `most` match, the newest `most` are given and the others counted as skipped.
        query.place, order, limit, offset do not count here."""
        ...

    def count(
        self, query: LogQuery, *, cap: int = COUNT_CAP, time_limit_ms: int = QUERY_TIME_LIMIT_MS
    ) -> Total:
        """How many entries match, counted up to cap or the time limit, then "at least". Never
        raises QueryTimeout. limit, offset, place and order do not count here."""
        ...

    def histogram(
        self,
        query: LogQuery,
        *,
        start_ns: int,
        end_ns: int,
        buckets: int,
        time_limit_ms: int = QUERY_TIME_LIMIT_MS,
    ) -> Histogram:
        """Matching entries by time and level, start_ns ≤ time < end_ns, in `buckets` equal parts
        (width rounded up to a whole nanosecond)."""
        ...

    def facets(
        self,
        query: LogQuery,
        fields: Sequence[str],
        *,
        most: int = 10,
        time_limit_ms: int = QUERY_TIME_LIMIT_MS,
    ) -> tuple[Facet, ...]:
        """For each field, its most frequent values among matching entries. Fields: `source`,
        `source_id`, `level`, or a metadata path (values as the query language writes them)."""
        ...

    def field_names(self, *, most: int = 50) -> tuple[str, ...]:
        """Metadata paths seen in recent entries, most frequent first (for facets and completion)."""
        ...

    def context(
        self, entry: LogEntry, *, before: int, after: int, all_sources: bool = False
    ) -> tuple[LogEntry, ...]:
        """Entries around `entry` in (time, key) order, itself included, of its (source, source_id)
        or of all."""
        ...

    def source_ids(self) -> tuple[SourceInfo, ...]:
        """Every (source, source_id) that has entries, by source, then source_id."""
        ...

    def stats(self) -> StoreStats:
        """Counts per source and level, sizes, bounds."""
        ...

    def cleanup(
        self,
        retention_days: float = 7,
        *,
        now_ns: int | None = None,
        reason: str = "age",
        pause: Callable[[], bool] | None = None,
        rules: Sequence[KeepRule] = (),
    ) -> int:
        """Delete entries older than now − retention_days; returns how many. The file shrinks.

        rules: entries that stay longer or shorter; the first one that holds decides. pause() is called
        between slices, as in maintain()."""
        ...

    def spare_disk(self, *, scarce: bool) -> None:
        """Give back at once, and take no longer, what of the disk is not for entries themselves;
        scarce=False: there is room again. Raises StoreError when there was not even room for that."""
        ...

    def removable(
        self, retention_days: float, *, now_ns: int, rules: Sequence[KeepRule] = ()
    ) -> tuple[Removable, ...]:
        """What cleanup() would delete, by rule in their order; last what no rule speaks of."""
        ...

    def removals(self, *, most: int = 50) -> tuple[Removal, ...]:
        """What clean-ups removed, newest first; clean-ups that removed nothing are not listed."""
        ...

    def maintain(
        self,
        retention_days: float,
        *,
        now_ns: int,
        pause: Callable[[], bool],
        rules: Sequence[KeepRule] = (),
    ) -> MaintenanceReport:
        """Daily work in slices: retention (as cleanup()), index optimisation, vacuum, integrity check.

        pause() is called between slices, to let other writes in; it returns True to stop early."""
        ...

    def export(self, query: LogQuery) -> Iterator[LogEntry]:
        """Every matching entry in the query's order, streaming in constant memory, no time limit;
        limit, offset and place do not count here."""
        ...

    def tokens(self) -> tuple[Token, ...]:
        """All API tokens by name."""
        ...

    def add_token(self, token: Token) -> None:
        """Store a token. Raises StoreError when the name is taken."""
        ...

    def remove_token(self, name: str) -> bool:
        """Remove a token; False when there was none."""
        ...

    def touch_tokens(self, used: Mapping[str, int]) -> None:
        """Set last_used_ns by token name."""
        ...

    def close(self) -> None:
        """Flush and close; a closed store raises StoreError."""
        ...
