"""What a collector is and the states it passes through."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class CollectorState(StrEnum):
    """Where a collector stands."""

    STARTING = "starting"
    COLLECTING = "collecting"
    RECONNECTING = "reconnecting"
    """It failed; it will try again by itself."""
    FAILED = "failed"
    """It failed; it waits for a person (reconnect = manual, or a cause that trying cannot mend)."""
    ENDED = "ended"
    """Its container has exited or its file is gone; it goes on by itself when that comes back."""
    STOPPED = "stopped"
    """A person stopped it."""


@dataclass(frozen=True, slots=True)
class CollectorStatus:
    """A collector as /sources shows it.

    key: `docker:{container id}`, `journal`, `file:{pattern or path}`. name: what a person calls it.
    source, source_id: where its entries lie (source_id "" when it has several). lines: entries
    handed to the pipeline since its start; per_minute: over the last minute. lag_s: age of the
    newest entry when it was handed over, None before the first. last_ns: time of its newest entry.
    error and fix: what is wrong, in one sentence, and the command or act that mends it. gaps: times
    it knows that lines were lost. detail: image, path count, units … for the page."""

    key: str
    name: str
    source: str
    source_id: str
    state: CollectorState
    since_ns: int
    lines: int = 0
    per_minute: float = 0.0
    lag_s: float | None = None
    last_ns: int | None = None
    error: str = ""
    fix: str = ""
    retry_in_s: float | None = None
    gaps: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A running container that is not collected: excluded by a setting. up_since_ns: when it was
    started (epoch ns), 0 when unknown."""

    key: str
    name: str
    image: str
    up_since_ns: int


class LogCollector(Protocol):
    """Moves bytes from one source to the pipeline, on threads of its own (CONTRACT M22)."""

    @property
    def key(self) -> str: ...

    @property
    def source(self) -> str: ...

    def start(self) -> None:
        """Begin (or begin again after stop). Returns at once."""
        ...

    def stop(self) -> None:
        """End and release every stream; returns at once. join() waits."""
        ...

    def join(self, timeout_s: float) -> bool:
        """Wait for the threads to end; True when they have."""
        ...

    def status(self) -> CollectorStatus:
        """Its state now."""
        ...
