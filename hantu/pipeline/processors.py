"""What happens to every entry between its reader and the queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from hantu.model import APP, JOURNAL, MESSAGE_LIMIT_BYTES, LogEntry, LogLevel, Metadata
from hantu.text import clean

OWN_UNIT: Final = "hantu.service"

MaskBatch = Callable[
    [Sequence[str], Sequence[Metadata | None]], tuple[Sequence[str], Sequence[Metadata | None]]
]
"""Messages and metadata in; the same objects out where nothing had to be masked."""


@dataclass(frozen=True, slots=True)
class DropSelf:
    """Drops hantu's own journal lines: what it logs about collecting would be collected for ever.

    since_ns: when this process began; what has its pid and is older was another program's, as after
    a restart of the machine."""

    pid: int
    since_ns: int = 0
    unit: str = OWN_UNIT

    def __call__(self, entries: list[LogEntry]) -> list[LogEntry]:
        if not entries or entries[0].source != JOURNAL:
            return entries
        return [entry for entry in entries if not self._own(entry)]

    def _own(self, entry: LogEntry) -> bool:
        if entry.source_id == self.unit:
            return True
        if entry.metadata is None or entry.time_ns < self.since_ns:
            return False
        return bool(entry.metadata.get("pid") == self.pid)


@dataclass(frozen=True, slots=True)
class DropCopies:
    """Drops the errors of the log library's text files: its error files hold the same with more.

    log_dir: the library's folder."""

    log_dir: Path

    def __call__(self, entries: list[LogEntry]) -> list[LogEntry]:
        if not entries or entries[0].source != APP:
            return entries
        folder = f"{self.log_dir}/info/"
        return [entry for entry in entries if not _is_copy(entry, folder)]


def _is_copy(entry: LogEntry, folder: str) -> bool:
    # A line without a logger was not written by the library.
    return (
        entry.level >= LogLevel.ERROR
        and entry.source_id.startswith(folder)
        and "logger" in (entry.metadata or ())
    )


@dataclass(frozen=True, slots=True)
class Mask:
    """Masks secrets in messages and metadata (CONTRACT M56)."""

    mask_batch: MaskBatch

    def __call__(self, entries: list[LogEntry]) -> list[LogEntry]:
        messages = [entry.message for entry in entries]
        metadatas = [entry.metadata for entry in entries]
        new_messages, new_metadatas = self.mask_batch(messages, metadatas)
        if new_messages is messages and new_metadatas is metadatas:
            return entries
        return [
            entry
            if message is entry.message and metadata is entry.metadata
            else msgspec.structs.replace(entry, message=message, metadata=metadata)
            for entry, message, metadata in zip(entries, new_messages, new_metadatas, strict=True)
        ]


def bound(entries: list[LogEntry]) -> list[LogEntry]:
    """Entries whose message can be stored: no lone surrogates, at most MESSAGE_LIMIT_BYTES."""
    # A quarter of the limit in characters is within the limit in any encoding of 4 bytes at most.
    near = MESSAGE_LIMIT_BYTES // 4
    if all(entry.message.isascii() and len(entry.message) <= near for entry in entries):
        return entries
    return [_bounded(entry, near) for entry in entries]


def _bounded(entry: LogEntry, near: int) -> LogEntry:
    message = clean(entry.message)
    metadata = entry.metadata
    if len(message) > near:
        raw = message.encode()
        if len(raw) > MESSAGE_LIMIT_BYTES:
            message = raw[:MESSAGE_LIMIT_BYTES].decode(errors="ignore")
            metadata = {"truncated_bytes": len(raw), **(metadata or {})}
    if message is entry.message and metadata is entry.metadata:
        return entry
    return msgspec.structs.replace(entry, message=message, metadata=metadata)
