"""LogBatchBuffer: the bounded queue that gathers batches."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from hantu.model import LogEntry
from hantu.pipeline.submission import PipelineStopped, QueueFull, Submission

QUEUE_ENTRIES: Final = 10_000
QUEUE_CHARS: Final = 48_000_000
"""So much text may wait: 10,000 lines of 256 KiB would be 2.6 GB."""
COMMIT_ENTRIES_MOST: Final = 2_000
"""2,000, 4,000 and 8,000 cost the same a line; a commit of 2,000 makes others wait for 15 ms, one of
8,000 for 65."""
COMMIT_CHARS_MOST: Final = 12_000_000
WATCHED_MS: Final = 100
"""While somebody follows, nothing waits longer: at 200 lines/s a batch of 100 is half a second old."""
_SUBMISSION_CHARS: Final = 500
"""What a submission weighs besides its text: one with a checkpoint alone takes room, too."""


class LogBatchBuffer:
    """Gathers submissions until `entries` of them are there or `wait_ms` passed since the first.

    CONTRACT M34: the timer starts at the first add and is cleared by a flush. Under load a flush
    takes all that waits, up to COMMIT_ENTRIES_MOST entries (or `entries`, if that is more) and
    COMMIT_CHARS_MOST of text; while watched() nothing waits for more than WATCHED_MS. The buffer is
    the bounded queue, too: put() waits for room, offer() refuses."""

    def __init__(
        self,
        *,
        entries: int = 100,
        wait_ms: int = 1000,
        most: int = QUEUE_ENTRIES,
        watched: Callable[[], bool] = bool,
    ) -> None:
        self._entries = entries
        self._commit_most = max(entries, COMMIT_ENTRIES_MOST)
        self._wait_s = wait_ms / 1000
        self._watched_s = min(wait_ms, WATCHED_MS) / 1000
        self._watched = watched
        self._waits_s = self._wait_s
        self._most = most
        self._queue: deque[tuple[Submission, int]] = deque()
        self._size = 0
        self._chars = 0
        self._first_at = 0.0
        self._urgent = False
        self._closed = False
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._work = threading.Condition(self._lock)

    def __len__(self) -> int:
        """Entries waiting."""
        return self._size

    @property
    def empty(self) -> bool:
        """Whether nothing waits, not even a checkpoint."""
        return not self._queue

    @property
    def due(self) -> bool:
        """Whether something waits that the writer should have taken."""
        with self._lock:
            return bool(self._queue) and self._due_in(self._wait_s) <= 0

    @property
    def half_full(self) -> bool:
        """Whether more than half of the room is taken."""
        return self._size > self._most // 2 or self._chars > QUEUE_CHARS // 2

    def put(self, submission: Submission, *, stopping: Callable[[], bool]) -> bool:
        """Add, waiting for room; False when stopping() became true first."""
        chars = weigh(submission.entries)
        with self._lock:
            while (self._size >= self._most or self._chars >= QUEUE_CHARS) and not self._closed:
                if stopping():
                    return False
                self._room.wait(0.2)
            self._add(submission, chars)
            return True

    def offer(self, submission: Submission) -> None:
        """Add, or raise QueueFull at once. A submission that alone exceeds the queue is taken when
        the queue is empty."""
        chars = weigh(submission.entries)
        with self._lock:
            many = self._size + len(submission.entries) > self._most
            if self._queue and (many or self._chars + chars > QUEUE_CHARS):
                raise QueueFull(f"{self._size} entries are waiting to be written; try again shortly")
            self._add(submission, chars)

    def _add(self, submission: Submission, chars: int) -> None:
        if self._closed:
            raise PipelineStopped("hantu is stopping")
        if not self._queue:
            self._first_at = time.monotonic()
        self._queue.append((submission, chars))
        self._size += len(submission.entries)
        self._chars += chars
        if submission.durable:
            self._urgent = True
        if self._is_due or len(self._queue) == 1 or self._wait_now_s < self._waits_s:
            self._work.notify()

    def take(self) -> list[Submission] | None:
        """The submissions of the next commit, as soon as they are due; None when closed and empty."""
        with self._lock:
            while True:
                self._waits_s = self._wait_now_s
                if self._queue and (self._closed or self._due_in(self._waits_s) <= 0):
                    return self._flush()
                if self._closed:
                    return None
                self._work.wait(self._due_in(self._waits_s) if self._queue else None)

    @property
    def _is_due(self) -> bool:
        return self._urgent or self._size >= self._entries or self._chars >= COMMIT_CHARS_MOST

    @property
    def _wait_now_s(self) -> float:
        return self._watched_s if self._watched() else self._wait_s

    def _due_in(self, wait_s: float) -> float:
        if self._is_due:
            return 0.0
        return self._first_at + wait_s - time.monotonic()

    def _flush(self) -> list[Submission]:
        taken: list[Submission] = []
        count = chars = 0
        while self._queue:
            submission, weight = self._queue[0]
            entries = len(submission.entries)
            if taken and (count + entries > self._commit_most or chars + weight > COMMIT_CHARS_MOST):
                break
            self._queue.popleft()
            taken.append(submission)
            count += entries
            chars += weight
        self._size -= count
        self._chars -= chars
        self._urgent = any(waiting.durable for waiting, _ in self._queue)
        self._first_at = time.monotonic()
        self._room.notify_all()
        return taken

    def drain(self) -> list[Submission]:
        """Everything that waits, at once."""
        with self._lock:
            taken = [submission for submission, _ in self._queue]
            self._queue.clear()
            self._size = self._chars = 0
            self._urgent = False
            self._room.notify_all()
            return taken

    def close(self) -> None:
        """Take nothing more; what waits is due now."""
        with self._lock:
            self._closed = True
            self._work.notify_all()
            self._room.notify_all()


def weigh(entries: Iterable[LogEntry]) -> int:
    """About how many characters a submission holds."""
    chars = _SUBMISSION_CHARS
    for entry in entries:
        chars += len(entry.message)
        if entry.metadata is not None:
            for value in entry.metadata.values():
                if type(value) is str:
                    chars += len(value)
                elif type(value) is dict or type(value) is list:
                    chars += _deep(value)
    return chars


def _deep(value: object) -> int:
    chars = 0
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            chars += len(found)
        elif isinstance(found, dict):
            waiting += found.values()
            chars += 50 * len(found)
        elif isinstance(found, list):
            waiting += found
            chars += 50 * len(found)
    return chars
