"""What the engine makes of errors that arrived: which are told, which are late, which not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hantu.alert.gathering import Row
from hantu.alert.told_files import ToldFiles
from hantu.client.cooldown import Quiet
from hantu.client.telegram_text import Repeats, clock_text, error_text
from hantu.client.told import key_of
from hantu.errors import ErrorRecord
from hantu.store.base import LogStorage
from hantu.store.error_base import ErrorGroup, Occurrence, UnknownError

LATE_NS: Final = 600 * 10**9
"""An error that is older when it arrives is told in a summary."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """An error and its group as it stands now. regressed: the error reopened it."""

    record: ErrorRecord
    group: ErrorGroup
    regressed: bool

    @property
    def row(self) -> Row:
        """This one error for a message of many."""
        record = self.record
        return Row(
            record.service,
            record.error_type,
            record.message,
            record.level,
            1,
            record.time_ns,
            record.time_ns,
            self.regressed,
        )

    @property
    def key(self) -> str:
        """Equal for errors that share a cooldown."""
        return key_of(self.record)


def to_tell(
    store: LogStorage, occurrences: Iterable[Occurrence], now_ns: int, told: ToldFiles | None
) -> Iterator[Arrived]:
    """Those of which people are to be told: not what the library has told already, nor what is muted."""
    groups: dict[int, ErrorGroup | None] = {}
    for each in occurrences:
        if each.group_no not in groups:
            groups[each.group_no] = group_of(store, each.group_no)
        group = groups[each.group_no]
        if group is None or group.is_muted(now_ns) or each.record.alerted:
            continue
        if told is not None and told.has(each.record):
            continue
        # Errors that somebody merged are one to people: they share the cooldown of the first.
        yield Arrived(each.record._replace(fingerprint=group.fingerprints[0]), group, each.reopened)


def group_of(store: LogStorage, group_no: int) -> ErrorGroup | None:
    """The group, None when it was merged away a moment ago."""
    try:
        return store.error_group(group_no)
    except UnknownError:
        return None


def runs(arrived: Sequence[Arrived]) -> Iterator[list[Arrived]]:
    """In order, cut before each that reopened its group: it is told whatever came before."""
    run: list[Arrived] = []
    for each in arrived:
        if each.regressed and run:
            yield run
            run = []
        run.append(each)
    if run:
        yield run


def told_text(arrived: Arrived, quiet: Quiet | None, *, public_url: str) -> str:
    """The message of one error."""
    return error_text(
        arrived.record,
        repeats=None if quiet is None else Repeats(quiet.count, quiet.first_ns, quiet.last_ns),
        notes=(_regressed_note(arrived.group),) if arrived.regressed else (),
        link=link_to(public_url, arrived.record.id),
    )


def row_of_quiet(quiet: Quiet) -> Row:
    """Repeats that nobody was told of, for a message of many."""
    said = quiet.subject
    return Row(
        said.get("service", ""),
        said.get("error_type", ""),
        said.get("message", ""),
        said.get("level", ""),
        quiet.count,
        quiet.first_ns,
        quiet.last_ns,
    )


def link_to(public_url: str, error_id: str) -> str:
    """The address of an error's page, "" when nobody could reach it or there is no such page."""
    return f"{public_url.rstrip('/')}/errors/{error_id}" if public_url and error_id else ""


def _regressed_note(group: ErrorGroup) -> str:
    when = "" if group.resolved_ns is None else f" ({clock_text(group.resolved_ns)} 해결)"
    return f"🔁 재발: 해결했던 에러가 다시 발생했습니다{when}"
