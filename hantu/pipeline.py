"""The way of every entry to the store: submit → processors → bounded queue → buffer → one writer."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from hantu.model import LogEntry
from hantu.store.base import LogStorage, StoreError, WriteResult
from hantu.tail import CommitSignal
from hantu.threads import Worker

log = logging.getLogger(__name__)

T = TypeVar("T")

QUEUE_ENTRIES: Final = 10_000
COMMIT_ENTRIES_MOST: Final = 8_000
RETRY_S: Final = 1.0

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


class Pipeline:
    """Owns the one writer thread. Entries go through the processors in the submitter's thread."""

    def __init__(
        self,
        store: LogStorage,
        signal: CommitSignal,
        *,
        processors: Sequence[Processor] = (),
        batch_entries: int = 100,
        batch_ms: int = 1000,
        queue_entries: int = QUEUE_ENTRIES,
    ) -> None:
        self._store = store
        self._signal = signal
        self._processors = tuple(processors)
        self._buffer = LogBatchBuffer(entries=batch_entries, wait_ms=batch_ms, most=queue_entries)
        self._worker = Worker("writer", self._write_all)
        self._turn = threading.RLock()
        self._epoch = 0
        self._stopping = False
        self.queue_most = queue_entries
        self.written_total = 0
        self.refused_total = 0
        self.failing: str = ""

    @property
    def epoch(self) -> int:
        """Grows each time a commit failed. A reader whose epoch is old begins again at its
        checkpoint: what it had handed in since is refused."""
        return self._epoch

    @property
    def waiting(self) -> int:
        """Entries in the queue."""
        return len(self._buffer)

    def start(self) -> None:
        """Start the writer."""
        self._worker.start()

    def submit(self, submission: Submission, *, stopping: Callable[[], bool] = bool) -> bool:
        """Process and queue, waiting for room: for readers that can read again.

        False when stopping() became true while waiting. Raises Rewind when submission.epoch is old,
        PipelineStopped."""
        self._check_epoch(submission)
        return self._buffer.put(self._processed(submission), stopping=stopping)

    def offer(self, submission: Submission) -> None:
        """Process and queue without waiting: for pushes. Raises QueueFull, PipelineStopped."""
        try:
            self._buffer.offer(self._processed(submission))
        except QueueFull:
            self.refused_total += len(submission.entries)
            raise

    def with_store(self, work: Callable[[LogStorage], T]) -> T:
        """Run work(store) between two commits: the only way for others to write."""
        with self._turn:
            return work(self._store)

    def stop(self, timeout_s: float) -> bool:
        """Take nothing more, write what waits, end the writer; True when all was written."""
        self._stopping = True
        self._buffer.close()
        done = self._worker.join(timeout_s)
        for submission in self._buffer.drain():
            _settle(submission, None)
        return done

    def _check_epoch(self, submission: Submission) -> None:
        if submission.epoch is not None and submission.epoch != self._epoch:
            raise Rewind("the store failed; reading again from the checkpoint")

    def _processed(self, submission: Submission) -> Submission:
        entries = list(submission.entries)
        for processor in self._processors:
            entries = processor(entries)
        return replace(submission, entries=entries)

    def _write_all(self, _stop: threading.Event) -> None:
        while (taken := self._buffer.take()) is not None:
            self._commit(taken)

    def _commit(self, taken: list[Submission]) -> None:
        live = [s for s in taken if s.epoch is None or s.epoch == self._epoch]
        for submission in taken:
            if submission not in live:
                _settle(submission, None)
        if not live:
            return
        entries: list[LogEntry] = []
        checkpoints: dict[str, bytes | None] = {}
        for submission in live:
            entries.extend(submission.entries)
            checkpoints.update(submission.checkpoints)
        try:
            with self._turn:
                result = self._store.write_batch(
                    entries, checkpoints, durable=any(s.durable for s in live)
                )
        except StoreError as error:
            self._failed(live, error)
            return
        self.failing = ""
        self.written_total += result.accepted
        self._signal.publish(result.cursor)
        _settle_all(live, result)

    def _failed(self, live: list[Submission], error: StoreError) -> None:
        """Refuse what was in hand and what waits: readers read it again, pushers are told.

        Writing again from memory is wrong: a commit that reported failure may have persisted."""
        log.error("the store refused %d entries: %s", sum(len(s.entries) for s in live), error)
        self.failing = str(error)
        self._epoch += 1
        for submission in (*live, *self._buffer.drain()):
            self.refused_total += len(submission.entries)
            _settle(submission, None)
        if not self._stopping:
            self._worker.stopping.wait(RETRY_S)


def _settle_all(live: list[Submission], result: WriteResult) -> None:
    """Tell each submission its own part of the result: duplicates as positions within it."""
    first = 0
    duplicates = deque(sorted(result.duplicates))
    for submission in live:
        end = first + len(submission.entries)
        own: list[int] = []
        while duplicates and duplicates[0] < end:
            own.append(duplicates.popleft() - first)
        _settle(
            submission,
            WriteResult(result.cursor, len(submission.entries) - len(own), tuple(own)),
        )
        first = end


def _settle(submission: Submission, result: WriteResult | None) -> None:
    if submission.settled is None:
        return
    try:
        submission.settled(result)
    except Exception:
        log.exception("a submitter failed when told of its commit")
