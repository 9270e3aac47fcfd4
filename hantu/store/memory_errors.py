"""Errors in memory: ErrorStorage as plainly as it can be said, against which others are tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TypeVar

from hantu.errors import CRITICAL, ErrorRecord, ErrorStatus, Move, moved, place, recurs
from hantu.store.error_base import (
    HOUR_NS,
    SAMPLE_MOST,
    Act,
    DifferentServices,
    ErrorCount,
    ErrorGroup,
    ErrorOrder,
    ErrorPage,
    ErrorPlace,
    ErrorQuery,
    ErrorSize,
    GroupEvent,
    Occurrence,
    OccurrencePage,
    StatsBy,
    UnknownError,
)
from hantu.store.error_words import (
    TIME_NAMES,
    bucket_width,
    error_uuid,
    merged_text,
    mute_text,
    search_words,
    searchable,
    time_name,
)

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Part:
    """What a fingerprint of a service contributes to its group."""

    group_no: int
    error_type: str
    place: str
    message: str
    level: str
    count: int
    first_ns: int
    last_ns: int


_Counted = TypeVar("_Counted", ErrorGroup, _Part)


class MemoryErrors:
    """The part of a MemoryStore that keeps errors."""

    _open: Callable[[], AbstractContextManager[object]]
    """The lock of the store, while it is open."""

    def __init__(self) -> None:
        self._occurrences: dict[int, tuple[ErrorRecord, int, bool]] = {}
        self._error_ids: dict[str, int] = {}
        self._parts: dict[_Key, _Part] = {}
        self._groups: dict[int, ErrorGroup] = {}
        self._events: list[tuple[int, int, GroupEvent]] = []
        self._newest = self._newest_group = 0

    def add_error(self, record: ErrorRecord, created_ns: int) -> None:
        """Store an occurrence and count it to its group, unless its id is known."""
        if record.id in self._error_ids:
            return
        self._newest += 1
        key = (record.service, record.fingerprint)
        if key not in self._parts:
            own = self._new_group(record.service)
            self._parts[key] = _Part(own, "", "", "", record.level, 0, record.time_ns, record.time_ns)
            self._sum_up(own)
        part = self._parts[key]
        group_no, group = part.group_no, self._groups[part.group_no]
        reopens = recurs(group.status, group.resolved_ns, record.time_ns)
        self._error_ids[record.id] = self._newest
        self._occurrences[self._newest] = (record, created_ns, reopens)
        self._parts[key] = _counted(part, record)
        group = self._groups[group_no] = _counted(group, record)
        if reopens:
            self._groups[group_no] = replace(
                group,
                status=moved(group.status, Move.RECUR) or group.status,
                regressed_ns=record.time_ns,
                regressions=group.regressions + 1,
            )
            self._note(group_no, GroupEvent(record.time_ns, Act.REGRESSED, "", ""))
        if (
            group.muted_below_an_hour is not None
            and self._near(group_no, record) > group.muted_below_an_hour
        ):
            self._groups[group_no] = replace(self._groups[group_no], muted_below_an_hour=None)
            self._note(group_no, GroupEvent(group.last_ns, Act.UNMUTED, "", ""))

    def _near(self, group_no: int, record: ErrorRecord) -> int:
        """Occurrences of the group within the hour before this one, itself included."""
        return sum(
            each.group_no == group_no and record.time_ns - HOUR_NS < each.record.time_ns <= record.time_ns
            for each in self._all()
        )

    def errors(self, query: ErrorQuery) -> ErrorPage:
        """One page of the inbox."""
        with self._open():
            found = [group for group in self._groups.values() if _matches(query, group)]
        found.sort(key=lambda group: _order_key(query.order, group), reverse=True)
        total = len(found)
        if query.place is not None:
            at = (query.place.value, query.place.group_no)
            found = [group for group in found if _order_key(query.order, group) < at]
        page = tuple(found[: query.limit])
        more = len(found) > query.limit and page
        return ErrorPage(page, ErrorPlace(*_order_key(query.order, page[-1])) if more else None, total)

    def unresolved(self, now_ns: int) -> int:
        """How many groups are unresolved and not muted."""
        return self.errors(ErrorQuery(statuses=(ErrorStatus.UNRESOLVED,), muted=False, now_ns=now_ns)).total

    def error_services(self) -> tuple[str, ...]:
        """The services that have errors."""
        with self._open():
            return tuple(sorted({group.service for group in self._groups.values()}))

    def error_group(self, group_no: int) -> ErrorGroup:
        """The group."""
        with self._open():
            if group_no not in self._groups:
                raise UnknownError(group_no)
            return self._groups[group_no]

    def occurrences(
        self, group_no: int, *, most: int = 50, before: tuple[int, int] | None = None
    ) -> OccurrencePage:
        """The group's occurrences, newest first."""
        self.error_group(group_no)
        found = [each for each in self._all() if each.group_no == group_no]
        found.sort(key=_time_key, reverse=True)
        found = [each for each in found if before is None or _time_key(each) < before]
        page = tuple(found[:most])
        return OccurrencePage(page, _time_key(page[-1]) if len(found) > most and page else None)

    def error(self, error_id: str) -> Occurrence:
        """The occurrence with this UUID."""
        wanted = error_uuid(error_id)
        for each in self._all():
            if each.record.id == str(wanted):
                return each
        raise UnknownError(error_id)

    def errors_of_trace(self, trace_id: str, *, most: int = 200) -> tuple[Occurrence, ...]:
        """Occurrences with this trace id, oldest first."""
        found = [each for each in self._all() if trace_id and each.record.trace_id == trace_id]
        return tuple(sorted(found, key=_time_key)[:most])

    def errors_after(self, error_no: int, *, most: int) -> tuple[Occurrence, ...]:
        """Occurrences that arrived after this number."""
        return tuple([each for each in self._all() if each.error_no > error_no][:most])

    def newest_error_no(self) -> int:
        """The number of the occurrence that arrived last."""
        with self._open():
            return self._newest

    def group_events(self, group_no: int, *, most: int = 200) -> tuple[GroupEvent, ...]:
        """What was done with the group, newest first."""
        self.error_group(group_no)
        with self._open():
            found = [event for _, of, event in self._events if of == group_no]
        return tuple(reversed(found))[:most]

    def resolve(self, group_no: int, *, at_ns: int, by: str = "") -> bool:
        """Resolve it."""
        return self._move(
            group_no,
            Move.RESOLVE,
            GroupEvent(at_ns, Act.RESOLVED, by, ""),
            resolved_ns=at_ns,
            regressed_ns=None,
        )

    def reopen(self, group_no: int, *, at_ns: int, by: str = "") -> bool:
        """Make it unresolved by hand."""
        return self._move(group_no, Move.REOPEN, GroupEvent(at_ns, Act.REOPENED, by, ""))

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
        text = mute_text(until_ns, below_an_hour, at_ns)
        with self._open():
            self._groups[group_no] = replace(
                self.error_group(group_no), muted_until_ns=until_ns, muted_below_an_hour=below_an_hour
            )
            self._note(group_no, GroupEvent(at_ns, Act.MUTED, by, text))

    def unmute(self, group_no: int, *, at_ns: int, by: str = "") -> bool:
        """End muting."""
        with self._open():
            group = self.error_group(group_no)
            if group.muted_until_ns is None and group.muted_below_an_hour is None:
                return False
            self._groups[group_no] = replace(group, muted_until_ns=None, muted_below_an_hour=None)
            self._note(group_no, GroupEvent(at_ns, Act.UNMUTED, by, ""))
            return True

    def note(self, group_no: int, text: str, *, at_ns: int, by: str = "") -> None:
        """Add a note."""
        with self._open():
            self.error_group(group_no)
            self._note(group_no, GroupEvent(at_ns, Act.NOTE, by, text))

    def merge(self, group_nos: Sequence[int], into: int, *, at_ns: int, by: str = "") -> ErrorGroup:
        """Make several groups one."""
        with self._open():
            gone = sorted(set(group_nos) - {into})
            groups = [self.error_group(group_no) for group_no in (into, *gone)]
            if len({group.service for group in groups}) > 1:
                raise DifferentServices("errors of different services cannot be merged")
            if not gone:
                return groups[0]
            resolved = all(group.status is ErrorStatus.RESOLVED for group in groups)
            self._groups[into] = replace(
                self._groups[into],
                status=ErrorStatus.RESOLVED if resolved else ErrorStatus.UNRESOLVED,
                resolved_ns=_largest(group.resolved_ns for group in groups),
                regressed_ns=None if resolved else _largest(group.regressed_ns for group in groups),
                regressions=sum(group.regressions for group in groups),
            )
            for key, part in self._parts.items():
                if part.group_no in gone:
                    self._parts[key] = replace(part, group_no=into)
            for group_no in gone:
                del self._groups[group_no]
            self._events = [(no, into if of in gone else of, event) for no, of, event in self._events]
            self._sum_up(into)
            self._note(into, GroupEvent(at_ns, Act.MERGED, by, merged_text(gone)))
            return self._groups[into]

    def split(self, service: str, fingerprint: str, *, at_ns: int, by: str = "") -> ErrorGroup:
        """Give a fingerprint of a merged group a group of its own again."""
        with self._open():
            part = self._parts.get((service, fingerprint))
            if part is None:
                raise UnknownError(fingerprint)
            left = self._groups[part.group_no]
            if len(left.fingerprints) == 1:
                return left
            own = self._new_group(service)
            self._groups[own] = replace(self._groups[own], status=left.status, resolved_ns=left.resolved_ns)
            self._parts[service, fingerprint] = replace(part, group_no=own)
            for group_no in (left.group_no, own):
                self._sum_up(group_no)
                self._note(group_no, GroupEvent(at_ns, Act.SPLIT, by, fingerprint))
            return self._groups[own]

    def error_stats(
        self, by: StatsBy, *, since_ns: int, until_ns: int, utc_offset_s: int = 0
    ) -> tuple[ErrorCount, ...]:
        """Occurrences counted."""
        counts: Counter[str] = Counter()
        groups: dict[str, set[int]] = {}
        for each in self._all():
            if since_ns <= each.record.time_ns < until_ns:
                name = _name(by, each.record, utc_offset_s)
                counts[name] += 1
                groups.setdefault(name, set()).add(each.group_no)
        found = [ErrorCount(name, count, len(groups[name])) for name, count in counts.items()]
        return tuple(sorted(found, key=lambda row: (0 if by in TIME_NAMES else -row.count, row.name)))

    def error_buckets(
        self, group_nos: Sequence[int], *, start_ns: int, end_ns: int, buckets: int
    ) -> dict[int, tuple[int, ...]]:
        """By group, its occurrences in equal parts of a time."""
        width_ns = bucket_width(start_ns, end_ns, buckets)
        counts = {group_no: [0] * buckets for group_no in group_nos}
        for each in self._all():
            if each.group_no in counts and start_ns <= each.record.time_ns < end_ns:
                counts[each.group_no][(each.record.time_ns - start_ns) // width_ns] += 1
        return {group_no: tuple(found) for group_no, found in counts.items()}

    def error_size(self) -> ErrorSize:
        """How much text occurrences have."""
        records = [each.record for each in self._all()]
        size = sum(len(f"{record.message}{record.stack_trace}".encode()) for record in records)
        return ErrorSize(size, min((record.time_ns for record in records), default=None))

    def remove_errors(self, before_ns: int, *, pause: Callable[[], bool]) -> int:
        """Remove occurrences older than that."""
        del pause
        with self._open():
            gone = [each for each in self._all() if each.record.time_ns < before_ns]
            for each in gone:
                del self._occurrences[each.error_no]
                del self._error_ids[each.record.id]
            return len(gone)

    def _all(self) -> list[Occurrence]:
        """All occurrences in order of arrival."""
        with self._open():
            return [
                Occurrence(
                    error_no,
                    self._parts[record.service, record.fingerprint].group_no,
                    record,
                    created_ns,
                    reopened,
                )
                for error_no, (record, created_ns, reopened) in self._occurrences.items()
            ]

    def _note(self, group_no: int, event: GroupEvent) -> None:
        self._events.append((len(self._events), group_no, event))

    def _new_group(self, service: str) -> int:
        self._newest_group += 1
        self._groups[self._newest_group] = ErrorGroup(
            self._newest_group,
            service,
            *("", "", "", ""),
            *(0, 0, 0),
            ErrorStatus.UNRESOLVED,
            *(None, None, 0),
            *(None, None),
            (),
        )
        return self._newest_group

    def _of_group(self, group_no: int) -> list[tuple[_Key, _Part]]:
        """The group's parts, last seen first, ties by their key."""
        parts = [(key, part) for key, part in self._parts.items() if part.group_no == group_no]
        return sorted(parts, key=lambda item: (-item[1].last_ns, item[0]))

    def _sum_up(self, group_no: int) -> None:
        """Make the group's figures anew from its parts."""
        parts = [part for _, part in self._of_group(group_no)]
        self._groups[group_no] = replace(
            self._groups[group_no],
            error_type=parts[0].error_type,
            place=parts[0].place,
            message=parts[0].message,
            level=min(part.level for part in parts),
            count=sum(part.count for part in parts),
            first_ns=min(part.first_ns for part in parts),
            last_ns=max(part.last_ns for part in parts),
            fingerprints=tuple(sorted(key[1] for key, _ in self._of_group(group_no))),
        )

    def _move(self, group_no: int, move: Move, event: GroupEvent, **changes: int | None) -> bool:
        with self._open():
            group = self.error_group(group_no)
            status = moved(group.status, move)
            if status is None:
                return False
            self._groups[group_no] = replace(group, status=status, **changes)  # type: ignore[arg-type]  # times
            self._note(group_no, event)
            return True


def _counted(counted: _Counted, record: ErrorRecord) -> _Counted:
    """A group, or its part, with one occurrence more."""
    if record.time_ns >= counted.last_ns:
        counted = replace(
            counted,
            error_type=record.error_type,
            place=place(record),
            message=record.message[:SAMPLE_MOST],
        )
    return replace(
        counted,
        level=CRITICAL if record.level == CRITICAL else counted.level,
        count=counted.count + 1,
        first_ns=min(counted.first_ns, record.time_ns),
        last_ns=max(counted.last_ns, record.time_ns),
    )


def _matches(query: ErrorQuery, group: ErrorGroup) -> bool:
    text = searchable(group.error_type, group.place, group.message)
    return (
        (not query.statuses or group.status in query.statuses)
        and (not query.services or group.service in query.services)
        and (not query.levels or group.level in query.levels)
        and (not query.types or group.error_type in query.types)
        and (query.since_ns is None or group.last_ns >= query.since_ns)
        and (query.until_ns is None or group.last_ns < query.until_ns)
        and (query.muted is None or group.is_muted(query.now_ns) is query.muted)
        and (query.regressed is None or (group.regressed_ns is not None) is query.regressed)
        and all(word in text for word in search_words(query.search))
    )


def _time_key(each: Occurrence) -> tuple[int, int]:
    return each.record.time_ns, each.error_no


def _order_key(order: ErrorOrder, group: ErrorGroup) -> tuple[int, int]:
    values = {
        ErrorOrder.LAST_SEEN: group.last_ns,
        ErrorOrder.FIRST_SEEN: group.first_ns,
        ErrorOrder.COUNT: group.count,
    }
    return values[order], group.group_no


def _name(by: StatsBy, record: ErrorRecord, utc_offset_s: int) -> str:
    match by:
        case StatsBy.SERVICE:
            return record.service
        case StatsBy.TYPE:
            return record.error_type
        case StatsBy.LEVEL:
            return record.level
        case _:
            return time_name(by, record.time_ns + utc_offset_s * 1_000_000_000)


def _largest(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
