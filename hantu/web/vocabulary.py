"""The names that searches can use: what the store holds of fields, sources and levels. Kept for a while
where finding them takes long."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from flask import current_app

from hantu.model import APP, DOCKER, JOURNAL, LogLevel
from hantu.query.edit import field_for_path
from hantu.store.base import LogStorage
from hantu.web.current import service

FRESH_S: Final = 5.0
QUICK_S: Final = 0.005
"""What is known so quickly is asked for whenever lines have come."""
SHARE: Final = 20
NAMES_MOST: Final = 200
ORIGINS_MOST: Final = 2_000
_KEY: Final = "hantu.vocabulary"
_MAKING: Final = threading.Lock()
_FIELDS: Final = {DOCKER: "container", JOURNAL: "unit"}


@dataclass(frozen=True, slots=True)
class Names:
    """fields: metadata paths of recent lines that a query can name, most frequent first. levels, sources:
    lines of each. origins: (field, source id) → lines, most first."""

    fields: tuple[str, ...]
    levels: Mapping[str, int]
    sources: Mapping[str, int]
    origins: Mapping[tuple[str, str], int]


class Vocabulary:
    """The names of one store; safe in any thread."""

    def __init__(self, store: LogStorage) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._names: Names | None = None
        self._cursor = -1
        self._until = 0.0

    def names(self) -> Names:
        """What there was in the last seconds. One thread looks, others take what was known before."""
        cursor = self._store.cursor()
        names = self._names
        if names is not None and (self._lock.locked() or self._fresh(cursor)):
            return names
        with self._lock:
            if self._names is None or not self._fresh(cursor):
                began = time.monotonic()
                self._names, self._cursor = _names(self._store), cursor
                took = time.monotonic() - began
                pause = 0.0 if took < QUICK_S else min(SHARE * took, FRESH_S)
                self._until = began + took + pause
            return self._names

    def _fresh(self, cursor: int) -> bool:
        return cursor == self._cursor or time.monotonic() < self._until


def names() -> Names:
    """The names of the service's store."""
    kept = current_app.extensions
    with _MAKING:
        if _KEY not in kept:
            kept[_KEY] = Vocabulary(service().store)
    return cast("Vocabulary", kept[_KEY]).names()


def origin_field(source: str, source_id: str) -> str:
    """The field of the query language that asks for a source id."""
    if source == APP and source_id.startswith("/"):
        return "file"
    return _FIELDS.get(source, "service")


def _names(store: LogStorage) -> Names:
    stats = store.stats()
    origins = sorted(store.source_ids(), key=lambda info: -info.entries)[:ORIGINS_MOST]
    counts: dict[tuple[str, str], int] = {}
    for info in origins:
        key = origin_field(info.source, info.source_id), info.source_id
        counts[key] = counts.get(key, 0) + info.entries
    return Names(
        tuple(path for path in store.field_names(most=NAMES_MOST) if field_for_path(path)),
        {level.label: stats.by_level.get(level, 0) for level in LogLevel},
        dict(sorted(stats.by_source.items(), key=lambda item: -item[1])),
        counts,
    )
