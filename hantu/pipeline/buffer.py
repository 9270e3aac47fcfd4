"""LogBatchBuffer: the bounded queue that gathers batches."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from hantu.pipeline.submission import PipelineStopped, QueueFull, Submission

QUEUE_ENTRIES: Final = 10_000
COMMIT_ENTRIES_MOST: Final = 8_000


class LogBatchBuffer:
    """Gathers submissions until `entries` of them are there or `wait_ms` passed since the first.

    CONTRACT M34: the timer starts at the first add and is cleared by a flush. Under load a flush
    takes all that waits, up to COMMIT_ENTRIES_MOST entries. The buffer is the bounded queue, too:
    put() waits for room, offer() refuses."""

    def __init__(self, *, entries: int = 100, wait_ms: int = 1000, most: int = QUEUE_ENTRIES) -> None:
        self._entries = entries
        self._wait_s = wait_ms / 1000
        self._most = most
        self._queue: deque[Submission] = deque()
        self._size = 0
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

    def put(self, submission: Submission, *, stopping: Callable[[], bool]) -> bool:
        """Add, waiting for room; False when stopping() became true first."""
        with self._lock:
            while self._size >= self._most and not self._closed:
                if stopping():
                    return False
                self._room.wait(0.2)
            self._add(submission)
            return True

    def offer(self, submission: Submission) -> None:
        """Add, or raise QueueFull at once. A submission that alone exceeds the queue is taken when
        the queue is empty."""
        with self._lock:
            if self._size and self._size + len(submission.entries) > self._most:
                raise QueueFull(f"{self._size} entries are waiting to be written; try again shortly")
            self._add(submission)

    def _add(self, submission: Submission) -> None:
        if self._closed:
            raise PipelineStopped("hantu is stopping")
        if not self._queue:
            self._first_at = time.monotonic()
        self._queue.append(submission)
        self._size += len(submission.entries)
        if submission.durable:
            self._urgent = True
        if self._urgent or self._size >= self._entries or len(self._queue) == 1:
            self._work.notify()

    def take(self) -> list[Submission] | None:
        """The submissions of the next commit, as soon as they are due; None when closed and empty."""
        with self._lock:
            while True:
                if self._queue and (self._closed or self._due_in() <= 0):
                    return self._flush()
                if self._closed:
                    return None
                self._work.wait(self._due_in() if self._queue else None)

    def _due_in(self) -> float:
        if self._urgent or self._size >= self._entries:
            return 0.0
        return self._first_at + self._wait_s - time.monotonic()

    def _flush(self) -> list[Submission]:
        taken: list[Submission] = []
        count = 0
        while self._queue and (not taken or count + len(self._queue[0].entries) <= COMMIT_ENTRIES_MOST):
            submission = self._queue.popleft()
            taken.append(submission)
            count += len(submission.entries)
        self._size -= count
        self._urgent = any(waiting.durable for waiting in self._queue)
        self._first_at = time.monotonic()
        self._room.notify_all()
        return taken

    def drain(self) -> list[Submission]:
        """Everything that waits, at once."""
        with self._lock:
            taken = list(self._queue)
            self._queue.clear()
            self._size = 0
            self._urgent = False
            self._room.notify_all()
            return taken

    def close(self) -> None:
        """Take nothing more; what waits is due now."""
        with self._lock:
            self._closed = True
            self._work.notify_all()
            self._room.notify_all()
