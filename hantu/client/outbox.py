"""What waits to be delivered, and when it is due. Pure: time is passed in, one thread uses it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hantu.errors import ErrorRecord

BATCH_MOST: Final = 200
"""Records in one sending, however many wait."""
_RECORD_BYTES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Pace:
    """When what waits is sent. A batch is due at batch_records or batch_s after its first record; what
    failed is tried again after retry_s; after `retries` tries that failed, too, it is given up."""

    batch_records: int = 10
    batch_s: float = 5.0
    retry_s: float = 30.0
    retries: int = 3


@dataclass(slots=True)
class Waiting:
    """A record that waits: how often it failed, whether the library has told people of it."""

    record: ErrorRecord
    alerted: bool = False
    failed: int = 0

    @property
    def size_bytes(self) -> int:
        """About what it takes in memory."""
        return _RECORD_BYTES + 2 * (len(self.record.message) + len(self.record.stack_trace or ""))


class Outbox:
    """Records in order of arrival; all times are seconds of one monotonic clock."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._waiting: deque[Waiting] = deque()
        self._first_s = 0.0
        self._not_before_s = 0.0
        self._urgent = False
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, waiting: Waiting, now_s: float) -> None:
        """Take in a record; CRITICAL makes all that waits due."""
        if not self._waiting:
            self._first_s = now_s
        self._waiting.append(waiting)
        self.size_bytes += waiting.size_bytes
        self._urgent = self._urgent or waiting.record.level == "CRITICAL"

    def hurry(self) -> None:
        """Make all that waits due now, also what waits for its next try."""
        self._urgent = True
        self._not_before_s = 0.0

    def due_s(self) -> float | None:
        """When to send next; None when nothing waits."""
        if not self._waiting:
            return None
        at_once = self._urgent or len(self._waiting) >= self._pace.batch_records or self._waiting[0].failed
        return max(self._not_before_s, self._first_s + (0.0 if at_once else self._pace.batch_s))

    def batch(self) -> list[Waiting]:
        """The records to send now, oldest first; they wait on until they are settled."""
        return [each for each, _ in zip(self._waiting, range(BATCH_MOST), strict=False)]

    def sent(self, batch: list[Waiting]) -> None:
        """Let go of records that were delivered, or that never will be."""
        self._remove(batch)
        self._not_before_s = 0.0

    def refused(self, batch: list[Waiting], now_s: float) -> None:
        """Let go of records that will never be taken; others are tried after retry_s."""
        self._remove(batch)
        self._not_before_s = now_s + self._pace.retry_s

    def failed(self, batch: list[Waiting], now_s: float, *, retry_after_s: float = 0.0) -> list[Waiting]:
        """Keep what failed for its next try; gives back what was tried too often, and lets go of it."""
        self._not_before_s = now_s + max(self._pace.retry_s, retry_after_s)
        for waiting in batch:
            waiting.failed += 1
        # The first failure is no retry.
        over = [waiting for waiting in batch if waiting.failed > self._pace.retries]
        self._remove(over)
        return over

    def postponed(self, now_s: float, *, retry_after_s: float) -> None:
        """Wait as long as the receiver asks for; that is no failure."""
        self._not_before_s = now_s + retry_after_s

    def _remove(self, batch: list[Waiting]) -> None:
        # A batch is the oldest there is, so all of it stands at the left.
        for waiting in batch:
            assert self._waiting[0] is waiting  # noqa: S101  what is sent is the oldest that waits
            self._waiting.popleft()
            self.size_bytes -= waiting.size_bytes
        if not self._waiting:
            self._urgent = False
        elif len(self._waiting) < self._pace.batch_records:
            self._urgent = any(waiting.record.level == "CRITICAL" for waiting in self._waiting)
