"""How much a collector has handed in lately, for /sources."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from hantu.model import LogEntry

_SECONDS: Final = 60
_NS: Final = 1_000_000_000
_QUIET_S: Final = 10.0


class Meter:
    """Counts the entries of one collector: one thread adds, any thread reads.

    lines: entries handed in since the meter was made. last_ns: time of the newest entry, None before
    the first."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self.lines = 0
        self.last_ns: int | None = None
        self._lag_s: float | None = None
        self._added_s = 0.0
        self._clock_s = clock_s
        # One slot a second; a slot belongs to the second written beside it, so idle time costs nothing.
        self._counts = [0] * _SECONDS
        self._seconds = [-_SECONDS] * _SECONDS

    def add(self, entries: Sequence[LogEntry], now_ns: int) -> None:
        """Count entries as handed in at now_ns (epoch ns)."""
        if not entries:
            return
        self.lines += len(entries)
        newest = max(entry.time_ns for entry in entries)
        self.last_ns = newest if self.last_ns is None else max(self.last_ns, newest)
        self._lag_s = max(0.0, (now_ns - newest) / _NS)
        self._added_s = self._clock_s()
        second = int(self._added_s)
        slot = second % _SECONDS
        if self._seconds[slot] != second:
            self._counts[slot] = 0
            self._seconds[slot] = second
        self._counts[slot] += len(entries)

    @property
    def lag_s(self) -> float | None:
        """How old the newest entry of the last batch was when it was handed in: 0 when its clock is
        ahead or nothing came for a while (there is nothing to be behind of), None before the first."""
        if self._lag_s is None:
            return None
        return self._lag_s if self._clock_s() - self._added_s < _QUIET_S else 0.0

    def per_minute(self) -> float:
        """Entries of the last 60 seconds."""
        oldest = int(self._clock_s()) - _SECONDS
        pairs = zip(self._seconds, self._counts, strict=True)
        return float(sum(count for second, count in pairs if second > oldest))
