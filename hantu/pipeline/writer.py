"""Pipeline: the processors, the queue and the one writer thread."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from hantu.model import LogEntry
from hantu.pipeline.buffer import QUEUE_ENTRIES, LogBatchBuffer
from hantu.pipeline.submission import Processor, QueueFull, Rewind, Submission
from hantu.store.base import LogStorage, StoreError, WriteResult
from hantu.tail import CommitSignal
from hantu.threads import Backoff, Worker

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_S: Final = 1.0
PROBE: Final = "writer"
"""The checkpoint that is written to see whether a store which failed takes writes again."""
PROBE_AFTER_S: Final = 5.0
"""Collectors try again sooner: the probe is for a hantu that nobody sends anything. On a full disk a
probe may find the last free page, and the next batch none."""
PAUSE_S: Final = 0.002


class Pipeline:
    """Owns the one writer thread. Entries go through the processors in the submitter's thread.

    watched: whether somebody follows what is written, see LogBatchBuffer."""

    def __init__(
        self,
        store: LogStorage,
        signal: CommitSignal,
        *,
        processors: Sequence[Processor] = (),
        batch_entries: int = 100,
        batch_ms: int = 1000,
        queue_entries: int = QUEUE_ENTRIES,
        watched: Callable[[], bool] = bool,
    ) -> None:
        self._store = store
        self._signal = signal
        self._processors = tuple(processors)
        self._buffer = LogBatchBuffer(
            entries=batch_entries, wait_ms=batch_ms, most=queue_entries, watched=watched
        )
        self._worker = Worker("writer", self._write_all, backoff=Backoff(first_s=RETRY_S))
        self._turn = threading.RLock()
        self._epoch = 0
        self._stopping = False
        self.queue_most = queue_entries
        self.written_total = 0
        self.refused_total = 0
        self.turns_total = 0
        """How often the writer came to an end with what it had taken: committed, or refused."""
        self.failing: str = ""

    @property
    def epoch(self) -> int:
        """Grows each time a commit failed. A reader whose epoch is old begins again at its
        checkpoint: what it had handed in since is refused."""
        return self._epoch

    @property
    def stopping(self) -> bool:
        """Whether stop() was called."""
        return self._stopping

    @property
    def waiting(self) -> int:
        """Entries in the queue."""
        return len(self._buffer)

    @property
    def due(self) -> bool:
        """Whether something waits that the writer should have taken."""
        return self._buffer.due

    @property
    def writing(self) -> bool:
        """Whether the writer was started and has not ended."""
        return self._worker.alive

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

    def pause(self) -> bool:
        """Within with_store: let commits in for a moment; True when the pipeline is stopping."""
        self._turn.release()
        try:
            # A lock is not fair: without a sleep the writer seldom gets it.
            time.sleep(PAUSE_S)
            while self._buffer.half_full and not self._stopping:
                time.sleep(PAUSE_S)
        finally:
            self._turn.acquire()
        return self._stopping

    def stop(self, timeout_s: float) -> bool:
        """Take nothing more, write what waits, end the writer; True when all was written."""
        self._stopping = True
        self._worker.stop()
        self._buffer.close()
        done = self._worker.join(timeout_s)
        left = self._buffer.drain()
        for submission in left:
            _settle(submission, None)
        return done and not left

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
            try:
                self._commit(taken)
            finally:
                self.turns_total += 1

    def _commit(self, taken: list[Submission]) -> None:
        live: list[Submission] = []
        for submission in taken:
            if submission.epoch is None or submission.epoch == self._epoch:
                live.append(submission)
            else:
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
                result = self._store.write_batch(entries, checkpoints, durable=any(s.durable for s in live))
        except StoreError as error:
            self._refuse(live, str(error))
            self._wait_for_store()
            return
        except Exception as error:
            # Nobody foresaw it. The Worker logs it and runs again; what was in hand must be answered.
            self._refuse(live, f"{type(error).__name__}: {error}")
            raise
        self._works()
        self.written_total += result.accepted
        self._signal.publish(result.cursor)
        _settle_all(live, result)

    def _refuse(self, live: list[Submission], why: str) -> None:
        """Refuse what was in hand and what waits: readers read it again, pushers are told.

        Writing again from memory is wrong: a commit that reported failure may have persisted."""
        if why != self.failing:
            log.error("the store refused %d entries: %s", sum(len(s.entries) for s in live), why)
        self.failing = why
        # Emptied first: what a reader hands in once it knows the new epoch must stay in the queue.
        refused = (*live, *self._buffer.drain())
        self._epoch += 1
        for submission in refused:
            self.refused_total += len(submission.entries)
            _settle(submission, None)

    def _wait_for_store(self) -> None:
        """Wait until there is something to write, or the store takes writes again."""
        probe_at = time.monotonic() + PROBE_AFTER_S
        while not self._worker.stopping.wait(RETRY_S) and self._buffer.empty:
            if time.monotonic() < probe_at:
                continue
            try:
                with self._turn:
                    # Another value each time: SQLite does not write what is there already.
                    self._store.write_batch([], {PROBE: b"%d" % time.monotonic_ns()})
            except StoreError as error:
                self.failing = str(error)
            else:
                self._works()
                return

    def _works(self) -> None:
        if self.failing:
            log.warning("the store takes writes again")
            self.failing = ""


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
