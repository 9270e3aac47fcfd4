"""What readers hand in, and what they may be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hantu.model import LogEntry
from hantu.store.base import WriteResult

Processor = Callable[[list[LogEntry]], list[LogEntry]]
"""Entries in, entries out, in order; may drop or replace, never raises for a bad entry."""

Settled = Callable[[WriteResult | None], None]
"""Called after the commit with its result, or with None when nothing was stored."""


class QueueFull(Exception):
    """The queue has no room and the caller did not want to wait."""


class PipelineStopped(Exception):
    """The pipeline no longer takes entries."""


class Rewind(Exception):
    """The store failed since this reader began: begin again at the stored checkpoint."""


@dataclass(frozen=True, slots=True)
class Submission:
    """Entries handed in together with the checkpoints that become true with them.

    epoch: Pipeline.epoch when the reader read its checkpoint; None for entries that nobody can read
    again. durable: the commit must survive a power cut."""

    entries: Sequence[LogEntry]
    checkpoints: Mapping[str, bytes | None] = field(default_factory=dict)
    epoch: int | None = None
    durable: bool = False
    settled: Settled | None = None
