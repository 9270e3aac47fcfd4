"""What a store of errors promises: ErrorStorage, which every store keeps beside LogStorage
(tests/contract/test_errors.py).

Occurrences come in with the entries that tell of them (LogStorage.write_batch) or as plain rows from the
library. Equal ones, by service and fingerprint, are one group. Reading methods may be called from any
thread; writing methods from one thread at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from hantu.errors import ErrorRecord, ErrorStatus

ERROR_LIMIT_DEFAULT: Final = 50
ERROR_LIMIT_MOST: Final = 1_000
SAMPLE_MOST: Final = 500
HOUR_NS: Final = 3_600_000_000_000


class UnknownError(KeyError):
    """There is no such group, occurrence or fingerprint."""


class DifferentServices(ValueError):
    """Errors of different services stay apart."""


class ErrorOrder(StrEnum):
    """Order of the inbox, greatest first, ties by group number."""

    LAST_SEEN = "last"
    FIRST_SEEN = "first"
    COUNT = "count"


class StatsBy(StrEnum):
    """What error_stats() counts by (CONTRACT M57). Days (2026-11-20) and hours (2026-11-20T14:00) are those
    of the given offset."""

    SERVICE = "service"
    TYPE = "type"
    LEVEL = "level"
    DAY = "day"
    HOUR = "hour"


class Act(StrEnum):
    """What was done with a group, for its history."""

    RESOLVED = "resolved"
    REOPENED = "reopened"
    REGRESSED = "regressed"
    MUTED = "muted"
    UNMUTED = "unmuted"
    MERGED = "merged"
    SPLIT = "split"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class ErrorPlace:
    """Where a page of groups ended: the value that it is ordered by, and the group."""

    value: int
    group_no: int


@dataclass(frozen=True, slots=True)
class ErrorQuery:
    """All given parts must hold. statuses, services, types: any of them. levels: ERROR, CRITICAL.
    search: each of its words stands within type, message or place, anywhere in a word, ASCII letters in any
    case. since_ns ≤ last seen <
    until_ns. muted, regressed: None: both. now_ns: what "muted until" is measured by."""

    statuses: tuple[ErrorStatus, ...] = ()
    services: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    search: str = ""
    since_ns: int | None = None
    until_ns: int | None = None
    muted: bool | None = None
    regressed: bool | None = None
    order: ErrorOrder = ErrorOrder.LAST_SEEN
    limit: int = ERROR_LIMIT_DEFAULT
    place: ErrorPlace | None = None
    now_ns: int = 0


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Equal errors of a service.

    error_type, place, message: of the newest occurrence, the message at most SAMPLE_MOST characters; level:
    the worst. count, first_ns, last_ns: of all that ever occurred. resolved_ns: when it was resolved last.
    regressed_ns: when an occurrence reopened it, None once it is resolved again. muted_until_ns,
    muted_below_an_hour: as mute() set them. fingerprints: in order; more than one when merged."""

    group_no: int
    service: str
    error_type: str
    place: str
    message: str
    level: str
    count: int
    first_ns: int
    last_ns: int
    status: ErrorStatus
    resolved_ns: int | None
    regressed_ns: int | None
    regressions: int
    muted_until_ns: int | None
    muted_below_an_hour: int | None
    fingerprints: tuple[str, ...]

    def is_muted(self, now_ns: int) -> bool:
        """Whether it is muted now. One muted below a rate stays so until unmute(), or until more come
        within an hour, which ends it."""
        return self.muted_below_an_hour is not None or (
            self.muted_until_ns is not None and now_ns < self.muted_until_ns
        )


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """groups in the query's order; next: leads on, None at the end; total: of all pages."""

    groups: tuple[ErrorGroup, ...]
    next: ErrorPlace | None
    total: int


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One error. error_no: its number in the order of arrival, from 1. reopened: it made a resolved group
    unresolved again."""

    error_no: int
    group_no: int
    record: ErrorRecord
    created_ns: int
    reopened: bool


@dataclass(frozen=True, slots=True)
class OccurrencePage:
    """Occurrences newest first by (time, error_no); next: `before` of the next page, None at the end."""

    occurrences: tuple[Occurrence, ...]
    next: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class GroupEvent:
    """An act of somebody (or of an occurrence: by is "") on a group; text: of a note, or details."""

    at_ns: int
    act: Act
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """A row of statistics: name is a service, type, level, or the day or hour in ISO 8601."""

    name: str
    count: int
    groups: int


@dataclass(frozen=True, slots=True)
class ErrorSize:
    """What kept occurrences take, without what finds them; the time of the oldest, None without any."""

    size_bytes: int
    oldest_ns: int | None


class ErrorStorage(Protocol):
    """A store of errors. Methods that name a group raise UnknownError when there is none; what changes
    something is durable when it returns. Reading methods may raise QueryTimeout and StoreError."""

    def errors(self, query: ErrorQuery) -> ErrorPage:
        """One page of the inbox."""
        ...

    def unresolved(self, now_ns: int) -> int:
        """How many groups are unresolved and not muted."""
        ...

    def error_services(self) -> tuple[str, ...]:
        """The services that have errors, in order."""
        ...

    def error_group(self, group_no: int) -> ErrorGroup:
        """The group; one that was merged into another is unknown."""
        ...

    def occurrences(
        self, group_no: int, *, most: int = 50, before: tuple[int, int] | None = None
    ) -> OccurrencePage:
        """The group's occurrences that are kept, newest first; before: only those before this
        (time_ns, error_no)."""
        ...

    def error(self, error_id: str) -> Occurrence:
        """The occurrence with this UUID."""
        ...

    def errors_of_trace(self, trace_id: str, *, most: int = 200) -> tuple[Occurrence, ...]:
        """Occurrences with this trace id, oldest first."""
        ...

    def errors_after(self, error_no: int, *, most: int) -> tuple[Occurrence, ...]:
        """Occurrences that arrived after this number, in the order of arrival."""
        ...

    def newest_error_no(self) -> int:
        """The number of the occurrence that arrived last, 0: none yet."""
        ...

    def group_events(self, group_no: int, *, most: int = 200) -> tuple[GroupEvent, ...]:
        """What was done with the group, newest first."""
        ...

    def resolve(self, group_no: int, *, at_ns: int, by: str = "") -> bool:
        """Resolve it; False when it was resolved already."""
        ...

    def reopen(self, group_no: int, *, at_ns: int, by: str = "") -> bool:
        """Make it unresolved by hand; False when it was."""
        ...

    def mute(
        self,
        group_no: int,
        *,
        at_ns: int,
        until_ns: int | None = None,
        below_an_hour: int | None = None,
        by: str = "",
    ) -> None:
        """Mute it until a time, or until more than so many come within an hour: exactly one is given, else
        ValueError. It takes the place of an earlier mute."""
        ...

    def unmute(self, group_no: int, *, at_ns: int, by: str = "") -> bool:
        """End muting; False when it was not muted."""
        ...

    def note(self, group_no: int, text: str, *, at_ns: int, by: str = "") -> None:
        """Add a note."""
        ...

    def merge(self, group_nos: Sequence[int], into: int, *, at_ns: int, by: str = "") -> ErrorGroup:
        """Make several groups one; later occurrences of all of them go there. It is resolved only when
        all are.

        Raises DifferentServices."""
        ...

    def split(self, service: str, fingerprint: str, *, at_ns: int, by: str = "") -> ErrorGroup:
        """Give a fingerprint of a merged group a group of its own again, with its own figures and the
        status of the one it leaves; one that is alone stays."""
        ...

    def error_stats(
        self, by: StatsBy, *, since_ns: int, until_ns: int, utc_offset_s: int = 0
    ) -> tuple[ErrorCount, ...]:
        """Occurrences that are kept, counted, most first, ties by name; days and hours in order, without
        empty ones."""
        ...

    def error_buckets(
        self, group_nos: Sequence[int], *, start_ns: int, end_ns: int, buckets: int
    ) -> dict[int, tuple[int, ...]]:
        """By group, its occurrences in equal parts of a time (width rounded up to a nanosecond): for
        sparklines."""
        ...

    def error_size(self) -> ErrorSize:
        """How much room occurrences take; goes through all of them."""
        ...

    def remove_errors(self, before_ns: int, *, pause: Callable[[], bool]) -> int:
        """Remove occurrences older than that; groups and their counts stay. How many were removed. The file
        shrinks.

        pause() is called between slices, as in LogStorage.maintain()."""
        ...
