"""The way of every entry to the store: submit → processors → bounded queue → buffer → one writer."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hantu.model import LogEntry
from hantu.store.base import LogStorage, StoreError, WriteResult
from hantu.tail import CommitSignal
from hantu.threads import Worker

log = logging.getLogger(__name__)

QUEUE_ENTRIES: Final = 10_000
COMMIT_ENTRIES_MOST: Final = 8_000
RETRY_S: Final = 1.0

Processor = Callable[[list[LogEntry]], list[LogEntry]]
"""Entries in, entries out, in order; may drop or replace, never raises for a bad entry."""


class QueueFull(Exception):
    """The queue has no room and the caller did not want to wait."""


class PipelineStopped(Exception):
    """The pipeline no longer takes entries."""


@dataclass(slots=True, eq=False)
class Submission:
    """Entries handed in together with the checkpoints that become true with them.

    settled(result) is called by the writer after the commit, with None when the entries were
    refused: the store failed, or the pipeline was stopped."""

    entries: Sequence[LogEntry]
    checkpoints: Mapping[str, bytes | None] = field(default_factory=dict)
    durable: bool = False
    settled: Callable[[WriteResult | None], None] | None = None
