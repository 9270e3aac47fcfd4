"""hantu logs error: the occurrences of errors as they came, and as they come (CONTRACT M86)."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import click

from hantu.cli.context import WRONG_USE, Desk, fail, local_zone
from hantu.cli.error_lines import occurrence_line
from hantu.errors import CRITICAL, ErrorStatus
from hantu.inbox.wire import occurrence_of
from hantu.output import to_json
from hantu.query.error import QueryError
from hantu.query.times import end_of, start_of
from hantu.store.base import StoreError
from hantu.store.error_base import ErrorStorage, Occurrence, UnknownError

POLL_S: Final = 0.2
PART: Final = 500
LOOK_BACK_MOST: Final = 200_000
"""Occurrences that are looked through for those that the options ask for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which occurrences; "" and None ask for nothing. words: each stands in message, type or place."""

    words: tuple[str, ...] = ()
    service: str = ""
    status: str = ""
    level: str = ""
    trace_id: str = ""
    since_ns: int | None = None
    until_ns: int | None = None

    def holds(self, found: Occurrence, status_of: Callable[[int], ErrorStatus | None]) -> bool:
        """Whether the occurrence is wanted."""
        record = found.record
        text = "\n".join((record.message, record.error_type, record.module, record.function)).lower()
        return (
            (not self.service or record.service == self.service)
            and (not self.trace_id or record.trace_id == self.trace_id)
            and (self.level not in ("critical", "fatal") or record.level == CRITICAL)
            and (self.since_ns is None or record.time_ns >= self.since_ns)
            and (self.until_ns is None or record.time_ns < self.until_ns)
            and all(word.lower() in text for word in self.words)
            and (not self.status or status_of(found.group_no) == self.status.upper())
        )


def show_errors(
    desk: Desk,
    wanted: Wanted,
    *,
    lines: int,
    follow: bool,
) -> None:
    """Print the newest wanted occurrences, oldest first, and go on with new ones when asked to."""
    store = desk.read_store()
    show = _printer(desk)
    try:
        newest = store.newest_error_no()
        for found in _last(store, wanted, newest, lines) if lines else ():
            show(found)
        while follow:
            for found in _after(store, newest):
                newest = found.error_no
                if wanted.holds(found, _status_of(store)):
                    show(found)
            sys.stdout.flush()
            time.sleep(POLL_S)
    except StoreError as error:
        fail(str(error))
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        sys.stderr.close()
    finally:
        store.close()


def wanted_of(
    words: Iterable[str],
    *,
    service: str,
    status: str,
    level: str,
    trace_id: str,
    since: str,
    until: str,
) -> Wanted:
    """What the options ask for; ends the command when they are wrong."""
    if level.lower() not in ("", "error", "critical", "fatal"):
        fail(f"level: {level!r} is no level of errors; use error or critical", WRONG_USE)
    now_ns, zone = time.time_ns(), local_zone()
    try:
        return Wanted(
            words=tuple(word for text in words for word in text.split()),
            service=service,
            status=status,
            level=level.lower(),
            trace_id=trace_id,
            since_ns=start_of(since, now_ns=now_ns, tz=zone) if since else None,
            until_ns=end_of(until, now_ns=now_ns, tz=zone) if until else None,
        )
    except QueryError as error:
        fail(str(error), WRONG_USE)


def _last(store: ErrorStorage, wanted: Wanted, newest: int, lines: int) -> list[Occurrence]:
    """The newest `lines` wanted occurrences in the order of arrival."""
    if wanted.trace_id:
        own = store.errors_of_trace(wanted.trace_id)
        return [found for found in own if wanted.holds(found, _status_of(store))][-lines:]
    status_of = _status_of(store)
    kept: deque[Occurrence] = deque()
    end = newest
    while end > 0 and len(kept) < lines:
        if newest - end >= LOOK_BACK_MOST:
            click.echo(f"hantu: looked through the last {LOOK_BACK_MOST:,} errors", err=True)
            break
        start = max(0, end - PART)
        part = [found for found in store.errors_after(start, most=PART) if found.error_no <= end]
        kept.extendleft(reversed([found for found in part if wanted.holds(found, status_of)]))
        end = start
    return list(kept)[-lines:]


def _after(store: ErrorStorage, error_no: int) -> Iterator[Occurrence]:
    while part := store.errors_after(error_no, most=PART):
        yield from part
        error_no = part[-1].error_no


def _status_of(store: ErrorStorage) -> Callable[[int], ErrorStatus | None]:
    """The status of a group as it is now, asked for once each."""
    known: dict[int, ErrorStatus | None] = {}

    def status_of(group_no: int) -> ErrorStatus | None:
        if group_no not in known:
            try:
                known[group_no] = store.error_group(group_no).status
            except UnknownError:
                known[group_no] = None
        return known[group_no]

    return status_of


def _printer(desk: Desk) -> Callable[[Occurrence], None]:
    if desk.as_json:
        return lambda found: click.echo(to_json(occurrence_of(found)).decode())
    zone, colour = local_zone(), sys.stdout.isatty()
    return lambda found: click.echo(occurrence_line(found, zone=zone, colour=colour))
