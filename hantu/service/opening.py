"""Opening the store at a start: a damaged one is made anew first, and people are told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from hantu.model import APP, LogEntry, LogLevel
from hantu.pipeline import Pipeline, Submission
from hantu.store import open_store, rescue_store
from hantu.store.base import LogStorage
from hantu.store.damage import is_marked

if TYPE_CHECKING:
    from hantu.store.sqlite.rebuild import Progress
    from hantu.store.sqlite.rescue import Rescued

OWN_NAME: Final = "hantu"
ERROR_TYPE: Final = "DatabaseDamaged"
LOOKED_LATELY_S: Final = 30.0
UNTOLD: Final = "rescued"
"""The checkpoint of a rescue of which nobody was told yet."""

_looked_at: dict[Path, float] = {}


class _Untold(msgspec.Struct, frozen=True):
    message: str
    metadata: dict[str, str | int | list[str]]


def open_sound(path: Path, *, progress: Progress | None = None) -> LogStorage:
    """As open_store() for writing, after a look for damage. Raises StoreError, NewerSchema, StoreBusy."""
    rescued = None
    # `hantu serve` opens it to see whether it could start, and the worker right after that.
    if is_marked(path) or time.monotonic() - _looked_at.get(path, -LOOKED_LATELY_S) >= LOOKED_LATELY_S:
        rescued = rescue_store(path)
        _looked_at[path] = time.monotonic()
    store = open_store(path, progress=progress)
    if rescued is not None:
        if rescued.gaps:
            store.note_gaps(rescued.gaps)
        store.write_batch([], {UNTOLD: msgspec.json.encode(_untold(rescued))}, durable=True)
    return store


def tell_of_rescue(store: LogStorage, pipeline: Pipeline) -> None:
    """Make an error of a rescue that nobody was told of: for the inbox, and told as critical ones are."""
    stored = store.checkpoint(UNTOLD)
    if stored is None:
        return
    told = msgspec.json.decode(stored, type=_Untold)
    entry = LogEntry(APP, OWN_NAME, LogLevel.FATAL, told.message, time.time_ns(), told.metadata)
    pipeline.submit(Submission([entry], {UNTOLD: None}, durable=True))


def _untold(rescued: Rescued) -> _Untold:
    lost = f"읽지 못한 줄 {rescued.lines_lost:,}개 이상" if rescued.gaps else "읽지 못한 줄 없음"
    return _Untold(
        f"데이터베이스가 손상되어 새로 만들었습니다. 옮긴 줄 {rescued.entries:,}개, {lost}. "
        f"손상된 파일은 그대로 {rescued.aside} 에 있습니다. 디스크를 점검하세요.",
        {
            "service": OWN_NAME,
            "function": "rescue",
            "error_type": ERROR_TYPE,
            "problems": list(rescued.problems),
            "entries": rescued.entries,
            "aside": str(rescued.aside),
        },
    )
