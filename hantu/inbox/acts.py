"""What can be done with a group of errors: the same for the page, the API and the commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from hantu.errors import ErrorStatus
from hantu.store.error_base import DifferentServices, ErrorGroup, ErrorStorage, UnknownError

NOTE_MOST: Final = 4_000
MUTE_DAYS_MOST: Final = 365
MERGE_MOST: Final = 200
PAGE: Final = "page"
"""Who acted when it was a person on the page, who has no name."""
_GROUP_NO_MOST: Final = (1 << 63) - 1


class Refused(Exception):
    """The state of the group does not allow it; the message says what it does allow."""


def group_no_of(store: ErrorStorage, name: str) -> int:
    """The number of the group that `name` means: its own number, or the id of one of its occurrences.

    Raises UnknownError."""
    if name.isascii() and name.isdecimal() and len(name) < 20 and int(name) <= _GROUP_NO_MOST:
        return store.error_group(int(name)).group_no
    try:
        error_id = str(UUID(name))
    except ValueError:
        raise UnknownError(name) from None
    return store.error(error_id).group_no


def allowed(group: ErrorGroup, now_ns: int) -> tuple[str, ...]:
    """The acts that change this group now."""
    return (
        "reopen" if group.status is ErrorStatus.RESOLVED else "resolve",
        "unmute" if group.is_muted(now_ns) else "mute",
        "note",
        "merge",
        *(("split",) if len(group.fingerprints) > 1 else ()),
    )


def resolve(store: ErrorStorage, group_no: int, *, at_ns: int, by: str) -> ErrorGroup:
    """Settle it. Raises Refused when it is resolved, UnknownError."""
    if not store.resolve(group_no, at_ns=at_ns, by=by):
        raise _refusal(store, group_no, at_ns, "is resolved already")
    return store.error_group(group_no)


def reopen(store: ErrorStorage, group_no: int, *, at_ns: int, by: str) -> ErrorGroup:
    """Take it up again. Raises Refused when it is unresolved, UnknownError."""
    if not store.reopen(group_no, at_ns=at_ns, by=by):
        raise _refusal(store, group_no, at_ns, "is unresolved already")
    return store.error_group(group_no)


def mute(
    store: ErrorStorage,
    group_no: int,
    *,
    at_ns: int,
    by: str,
    seconds: int | None = None,
    below_an_hour: int | None = None,
) -> ErrorGroup:
    """No alerts for so many seconds, or until more than so many come within an hour: one of them is given.

    A muted group may be muted anew. Raises UnknownError."""
    until_ns = None if seconds is None else at_ns + seconds * 10**9
    store.mute(group_no, at_ns=at_ns, until_ns=until_ns, below_an_hour=below_an_hour, by=by)
    return store.error_group(group_no)


def unmute(store: ErrorStorage, group_no: int, *, at_ns: int, by: str) -> ErrorGroup:
    """Alerts again. Raises Refused when it is not muted, UnknownError."""
    if not store.unmute(group_no, at_ns=at_ns, by=by):
        raise _refusal(store, group_no, at_ns, "is not muted")
    return store.error_group(group_no)


def note(store: ErrorStorage, group_no: int, text: str, *, at_ns: int, by: str) -> ErrorGroup:
    """Write a note into its history. Raises UnknownError, ValueError for an empty or too long one."""
    # A form sends line ends as CR LF.
    text = text.replace("\r\n", "\n").strip()
    if not 0 < len(text) <= NOTE_MOST:
        raise ValueError(f"a note has 1 to {NOTE_MOST:,} characters")
    store.note(group_no, text, at_ns=at_ns, by=by)
    return store.error_group(group_no)


def merge(store: ErrorStorage, group_nos: Sequence[int], into: int, *, at_ns: int, by: str) -> ErrorGroup:
    """Make them one group, which keeps the number `into`. Raises Refused when there is nothing to merge,
    UnknownError."""
    others = [group_no for group_no in dict.fromkeys(group_nos) if group_no != into]
    if not others:
        raise Refused(f"error {into} cannot be merged with itself; name another error")
    try:
        return store.merge(others, into, at_ns=at_ns, by=by)
    except DifferentServices:
        raise Refused("errors of different services stay apart") from None


def split(store: ErrorStorage, group_no: int, fingerprint: str, *, at_ns: int, by: str) -> ErrorGroup:
    """Give a fingerprint of a merged group a group of its own; returns that one.

    Raises Refused when the group has no such fingerprint or no other, UnknownError."""
    group = store.error_group(group_no)
    if fingerprint not in group.fingerprints:
        raise Refused(
            f"error {group_no} has no fingerprint {fingerprint}; it has {', '.join(group.fingerprints)}"
        )
    if len(group.fingerprints) == 1:
        raise _refusal(store, group_no, at_ns, "was not merged")
    return store.split(group.service, fingerprint, at_ns=at_ns, by=by)


def _refusal(store: ErrorStorage, group_no: int, now_ns: int, why: str) -> Refused:
    possible = ", ".join(allowed(store.error_group(group_no), now_ns))
    return Refused(f"error {group_no} {why}; possible now: {possible}")
