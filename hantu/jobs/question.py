"""ExecutionQuery ↔ the words of URL, API and command line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from enum import StrEnum
from typing import Final, TypeVar

from hantu.executions import ExecutionStatus
from hantu.query.error import QueryError, shown
from hantu.query.times import start_of
from hantu.store.execution_base import (
    PAGE_SIZE_DEFAULT,
    PAGE_SIZE_MOST,
    ExecutionQuery,
    ExecutionSort,
    SortOrder,
)

Word = TypeVar("Word", bound=StrEnum)

SEARCH_MOST: Final = 400
PAGE_MOST: Final = 1_000_000
WORDS: Final = (
    *("status", "jobName", "model", "createdAfter", "createdBefore", "hasArtifacts", "search"),
    *("page", "pageSize", "sortBy", "sortOrder"),
)
"""The names that question() reads; others are ignored."""

_FLAGS: Final = {"": None, "true": True, "1": True, "false": False, "0": False}


def question(words: Mapping[str, str], *, now_ns: int, tz: tzinfo) -> ExecutionQuery:
    """The question that WORDS ask; lists have commas, an empty word counts as absent.

    createdAfter and createdBefore are moments (a day: its first), the former included, the latter not.
    Raises QueryError with the name of the wrong word."""
    search = words.get("search", "").strip()
    if len(search) > SEARCH_MOST:
        raise QueryError(f"search: it has at most {SEARCH_MOST} characters", parameter="search")
    return ExecutionQuery(
        statuses=tuple(_named("status", name, ExecutionStatus) for name in _list(words, "status")),
        job_names=_list(words, "jobName"),
        models=_list(words, "model"),
        since_ns=_time("createdAfter", words, now_ns, tz),
        until_ns=_time("createdBefore", words, now_ns, tz),
        has_artifacts=_flag("hasArtifacts", words),
        search=search,
        sort=_named("sortBy", words.get("sortBy", "") or ExecutionSort.CREATED, ExecutionSort),
        order=_named("sortOrder", words.get("sortOrder", "") or SortOrder.DESC, SortOrder),
        page=_whole("page", words, 1, PAGE_MOST),
        page_size=_whole("pageSize", words, PAGE_SIZE_DEFAULT, PAGE_SIZE_MOST),
    )


def _named(name: str, said: str, kind: type[Word]) -> Word:
    for word in kind:
        if word.lower() == said.strip().lower():
            return word
    raise QueryError(f"{name}: {shown(said)} is unknown; use one of {', '.join(kind)}", parameter=name)


def _list(words: Mapping[str, str], name: str) -> tuple[str, ...]:
    parts = (part.strip() for part in words.get(name, "").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _time(name: str, words: Mapping[str, str], now_ns: int, tz: tzinfo) -> int | None:
    word = words.get(name, "").strip()
    if not word:
        return None
    try:
        return start_of(word, now_ns=now_ns, tz=tz)
    except QueryError as error:
        raise QueryError(f"{name}: {error.message}", parameter=name) from None


def _flag(name: str, words: Mapping[str, str]) -> bool | None:
    said = words.get(name, "").strip().lower()
    if said not in _FLAGS:
        raise QueryError(f"{name}: {shown(said)} is unknown; use true or false", parameter=name)
    return _FLAGS[said]


def _whole(name: str, words: Mapping[str, str], default: int, most: int) -> int:
    text = words.get(name, "").strip()
    if not text:
        return default
    value = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
    if not 1 <= value <= most:
        raise QueryError(f"{name}: {shown(text)} is no whole number from 1 to {most:,}", parameter=name)
    return value
