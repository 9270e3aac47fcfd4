"""The figures hantu shows of itself, now and over the last day."""

from __future__ import annotations

import os
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HISTORY_SAMPLES: Final = 24 * 60
SAMPLE_S: Final = 60.0
QUERY_TIMES: Final = 200
_STATM: Final = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Gauges:
    """What CONTRACT M42 calls the warning signs, as they are now.

    query_ms_recent: the slowest of the last 20 searches, None before the first. lag_s: the longest
    of the collectors that collect, None without one."""

    memory_bytes: int
    queue_waiting: int
    queue_most: int
    tails: int
    tails_most: int
    skipped_total: int
    refused_total: int
    written_total: int
    query_ms_recent: float | None
    lag_s: float | None
    size_bytes: int
    disk_free_bytes: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One minute of the history. entries_per_min: stored within that minute."""

    at_ns: int
    entries_per_min: int
    query_ms: float | None
    lag_s: float | None
    memory_bytes: int
    queue_waiting: int
    tails: int
    size_bytes: int


class QueryTimes:
    """The durations of the last searches."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=QUERY_TIMES)

    def note(self, ms: float) -> None:
        """One search took ms milliseconds."""
        self._times.append(ms)

    def slowest(self, last: int = 20) -> float | None:
        """The slowest of the last `last` searches, in milliseconds."""
        times = list(self._times)[-last:]
        return max(times) if times else None


class TailSlots:
    """The cap on live tails: each holds a thread of the server, pages need some too."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0
        self._lock = threading.Lock()

    def acquire(self) -> bool:
        """Take a slot; False when all are taken."""
        with self._lock:
            if self.used >= self.most:
                return False
            self.used += 1
            return True

    def release(self) -> None:
        """Give a slot back."""
        with self._lock:
            self.used -= 1


def memory_bytes() -> int:
    """Resident memory of this process (Linux: /proc/self/statm, second field, in pages)."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def file_bytes(database: Path) -> int:
    """The size of the database with its write-ahead log."""
    size = 0
    for path in (database, database.with_name(database.name + "-wal")):
        try:
            size += path.stat().st_size
        except FileNotFoundError:
            continue
    return size
