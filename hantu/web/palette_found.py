"""What the palette finds in the store: sources, errors, runs, and whatever has an id."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hantu.errors import ErrorStatus
from hantu.query.edit import with_field
from hantu.store.base import QueryTimeout, SourceInfo, StoreError
from hantu.store.error_base import ErrorGroup, ErrorQuery, UnknownError
from hantu.store.execution_base import ExecutionQuery, ExecutionSummary, UnknownExecution
from hantu.web import i18n, inbox
from hantu.web.current import errors, executions, service
from hantu.web.executions import SIGNS
from hantu.web.facets import origin_field
from hantu.web.fuzzy import match, parts
from hantu.web.render import url
from hantu.web.rows import ICONS

SHOWN: Final = 6
"""Of each group, at most."""
SHOWN_UNASKED: Final = 4
LOOKED_AT: Final = 100
"""Newest errors and runs whose words are compared; older ones are found by whole words."""
TOLD_MOST: Final = 160
_NUMBER: Final = re.compile(r"#?([0-9]{1,9})")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_TRACE: Final = re.compile(r"[0-9a-fA-F]{8,32}")


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the palette. text: in pieces, each with whether it is what was typed. href: where it leads,
    or choice: what it chooses, as (name, value) of /settings. note: what tells it from others."""

    text: tuple[tuple[str, bool], ...]
    icon: str
    href: str = ""
    choice: tuple[str, str] = ("", "")
    note: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of one kind, the best first."""

    title: str
    items: tuple[Item, ...]


def sources(typed: str) -> Iterator[Item]:
    """Sources whose name is meant; of none typed, those with the newest lines."""
    known = sorted(service().store.source_ids(), key=lambda one: -one.newest_ns)
    now_ns = time.time_ns()
    for one in known if typed else known[:SHOWN_UNASKED]:
        found = match(typed, one.source_id, loose=True)
        if found is not None:
            yield Item(
                tuple(parts(one.source_id, found.at)),
                _icon(one),
                url("/logs", q=with_field("", origin_field(one.source, one.source_id), one.source_id)),
                note=i18n.ago(one.newest_ns, now_ns),
                score=found.score,
            )


def _icon(one: SourceInfo) -> str:
    return "file" if one.source_id.startswith("/") else ICONS.get(one.source, "app")


def errors_like(typed: str) -> Iterator[Item]:
    """Errors that say what was typed; of none typed, the newest open ones."""
    now_ns = time.time_ns()
    if not typed:
        found = errors().errors(
            ErrorQuery(statuses=(ErrorStatus.UNRESOLVED,), muted=False, limit=SHOWN_UNASKED, now_ns=now_ns)
        )
        for group in found.groups:
            yield _error(group, typed)
        return
    newest = errors().errors(ErrorQuery(limit=LOOKED_AT, now_ns=now_ns)).groups
    close = [group for group in newest if match(typed, _told(group), loose=False)]
    known = {group.group_no for group in close}
    if len(close) < SHOWN:
        by_word = errors().errors(ErrorQuery(search=typed, limit=SHOWN, now_ns=now_ns)).groups
        close += [group for group in by_word if group.group_no not in known]
    for group in close:
        yield _error(group, typed)


def _error(group: ErrorGroup, typed: str) -> Item:
    found = match(typed, _told(group), loose=False)
    *_, icon, word = inbox.sign_of(group, time.time_ns())
    note = f"{group.service} · {i18n.translate(word)} · ×{i18n.number(group.count)}"
    # What is open is looked for more often than what was settled.
    bonus = 0.0 if icon in ("good", "mute") else 1.0
    return Item(
        tuple(parts(_told(group), found.at if found else frozenset())),
        icon,
        f"/errors/{group.group_no}",
        note=note,
        score=(found.score if found else 20.0) + bonus,
    )


def _told(group: ErrorGroup) -> str:
    line = group.message.strip().partition("\n")[0]
    return f"{group.error_type}: {line}"[:TOLD_MOST] if group.error_type else line[:TOLD_MOST]


def runs_like(typed: str) -> Iterator[Item]:
    """Runs of a job that is meant, or that speak of what was typed."""
    newest = executions().executions(ExecutionQuery(page_size=LOOKED_AT)).executions if typed else ()
    close = [run for run in newest if match(typed, run.job_name, loose=True)]
    if typed and len(close) < SHOWN:
        known = {run.id for run in close}
        by_word = (
            executions().executions(ExecutionQuery(search=_as_words(typed), page_size=SHOWN)).executions
        )
        close += [run for run in by_word if run.id not in known]
    now_ns = time.time_ns()
    for run in close:
        yield _run(run, typed, now_ns)


def _as_words(typed: str) -> str:
    """What was typed as plain words of a search."""
    return " ".join(re.findall(r"[^\W_]+", typed))


def _run(run: ExecutionSummary, typed: str, now_ns: int) -> Item:
    found = match(typed, run.job_name, loose=True)
    _kind, icon, word = SIGNS[run.status]
    return Item(
        tuple(parts(run.job_name, found.at if found else frozenset())),
        icon,
        f"/executions/{run.id}",
        note=f"{i18n.translate(word)} · {i18n.ago(run.created_ns, now_ns)}",
        score=found.score if found else 20.0,
    )


def named(typed: str) -> Iterator[Item]:
    """What has exactly this number or id."""
    number = _NUMBER.fullmatch(typed)
    if number:
        try:
            group = errors().error_group(int(number.group(1)))
        except UnknownError:
            pass
        else:
            yield Item(
                ((_told(group), False),), "bad", f"/errors/{group.group_no}", note=group.service, score=200
            )
    if _UUID.fullmatch(typed):
        yield from _with_uuid(typed.lower())
    elif _TRACE.fullmatch(typed):
        text = i18n.translate("Trace {id}", id=typed)
        yield Item(((text, False),), "trace", f"/trace/{typed}", score=150)


def _with_uuid(typed: str) -> Iterator[Item]:
    try:
        run = executions().execution(typed)
    except UnknownExecution:
        pass
    else:
        yield Item(((run.job_name, False),), "run", f"/executions/{typed}", note=typed, score=200)
    try:
        error = errors().error(typed)
    except UnknownError:
        pass
    else:
        text = error.record.message.partition("\n")[0][:TOLD_MOST]
        yield Item(((text, False),), "bad", f"/errors/{typed}", note=error.record.service, score=200)
    try:
        entry = service().store.get(typed)
    except (QueryTimeout, StoreError):
        return
    if entry is not None:
        text = entry.message.partition("\n")[0][:TOLD_MOST]
        yield Item(((text, False),), "link", f"/logs/{typed}", note=entry.source_id, score=190)
