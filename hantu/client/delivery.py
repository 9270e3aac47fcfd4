"""Errors on their way to the store: a queue in memory, a thread, tries and their end.

What is given up or dropped here is lost nowhere: the local JSON file has it, and the service reads that."""

from __future__ import annotations

import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from hantu.client import health as health_module
from hantu.client.health import Fault, Health
from hantu.client.outbox import Outbox, Pace, Waiting
from hantu.client.room import Capacity, Room
from hantu.client.sink import Parcel, Receipt, Sink, SinkError
from hantu.threads import Backoff, Worker

if TYPE_CHECKING:
    from hantu.client.notifier import Notifier
    from hantu.errors import ErrorRecord

DOWN: Final = "DB 연결 불가"
_SINK_SHARE: Final = 0.6
"""Part of the time at the end that the store gets when people may have to be told after it."""
_CANCEL_SHARE: Final = 0.1
"""Part of it in which a call that was broken off has to come back."""


class Delivery:
    """Takes errors from any thread and has them stored by `sink`; by notifier people are told of those
    that the receiver does not tell of itself. sink None: only people are told. on_stored: called in the
    delivery's thread with records that are stored now.

    Its thread starts with the first record, in each process of its own."""

    def __init__(
        self,
        sink: Sink | None,
        notifier: Notifier | None = None,
        *,
        pace: Pace | None = None,
        room: Room | None = None,
        health: Health = health_module.current,
        clock: Callable[[], float] = time.monotonic,
        on_stored: Callable[[Sequence[ErrorRecord]], None] | None = None,
    ) -> None:
        self._sink = sink
        self._on_stored = on_stored
        self.notifier = notifier
        self._pace = pace or Pace()
        self._room = room or Room()
        self._health = health
        self._clock = clock
        self._stopped = False
        self._late = False
        self.stored = 0
        self.refused = 0
        self.given_up = 0
        self.dropped = 0
        self._last_refusal = ""
        self._begin()
        _all.add(self)

    def submit(self, record: ErrorRecord) -> None:
        """Take a record; returns at once and never raises."""
        try:
            self._submit(record)
        except Exception as error:
            self._health.fault(Fault.HANDLER, f"an error could not be queued: {error!r}")

    def stop(self, limit_s: float = 2.0) -> bool:
        """Send what waits, within limit_s in all; True when everything was settled."""
        until = self._clock() + limit_s
        self._stopped = True
        worker = self._worker
        if worker is not None:
            worker.stop()
            self._inbox.put(None)
            ended = worker.join(limit_s * (_SINK_SHARE if self.notifier is not None else 1.0))
            if not ended and self._sink is not None:
                self._late = True
                self._sink.cancel()
                # It may be about to tell people of what was not taken.
                worker.join(limit_s * _CANCEL_SHARE)
                # Nobody knows what became of these; an error told twice is better than one told never.
                self._tell_undecided()
        settled = self.waiting == 0
        if self.notifier is not None:
            settled = self.notifier.stop(max(0.0, until - self._clock())) and settled
        return settled

    @property
    def waiting(self) -> int:
        """Records that are neither stored nor given up."""
        return self._inbox.qsize() + len(self._outbox)

    @property
    def taken_in(self) -> bool:
        """Whether the thread has seen all that was submitted."""
        return self._inbox.empty()

    def snapshot(self) -> dict[str, Any]:
        """Figures of this process as plain JSON values."""
        return {
            "to": None if self._sink is None else self._sink.place,
            "waiting": self.waiting,
            "room": self._capacity.records,
            "stored": self.stored,
            "refused": self.refused,
            "last_refusal": self._last_refusal,
            "given_up": self.given_up,
            "dropped": self.dropped,
            "alerts": None if self.notifier is None else self.notifier.snapshot(),
        }

    def _begin(self) -> None:
        self._inbox: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._outbox = Outbox(self._pace)
        self._undecided: dict[str, ErrorRecord] = {}
        self._capacity = Capacity(self._room, self._health)
        self._outage_told = False
        self._probe_at_s: float | None = None
        self._starting = threading.Lock()
        # Entered again by a signal handler without harm.
        self._counting = threading.RLock()
        self._worker: Worker | None = None

    def _after_fork(self) -> None:
        # What waits in the parent is the parent's to send, and its thread is not here.
        if self._sink is not None:
            self._sink.close()
        self._begin()

    def _submit(self, record: ErrorRecord) -> None:
        sink = self._sink
        alerted = sink is None or not sink.may_notify or self._health.standing(Fault.DATABASE)
        if alerted and self.notifier is not None:
            self.notifier.tell(record)
        if sink is None:
            return
        if self._stopped or not self._capacity.allows(self.waiting, self._outbox.size_bytes):
            self._drop(record, alerted=alerted)
            return
        if not alerted:
            self._undecided[record.id] = record
        self._inbox.put(Waiting(record, alerted=alerted and self.notifier is not None))
        if self._worker is None:
            self._start()

    def _drop(self, record: ErrorRecord, *, alerted: bool) -> None:
        with self._counting:
            self.dropped += 1
        if self._stopped:
            return
        self._capacity.overflowed(self.dropped)
        if not alerted and self.notifier is not None:
            self.notifier.tell(record)

    def _start(self) -> None:
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._worker is None:
                worker = Worker("delivery", self._run, backoff=Backoff(), on_error=self._broke)
                worker.start()
                self._worker = worker
        finally:
            self._starting.release()

    def _broke(self, error: BaseException) -> None:
        self._health.fault(Fault.HANDLER, f"the delivery of errors failed and starts again: {error!r}")

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._receive(self._wait_s())
            if stop.is_set():
                break
            if self._is_due():
                self._send()
            elif self._probe_at_s is not None and self._probe_at_s <= self._clock():
                self._probe()
        self._receive(0.0)
        self._outbox.hurry()
        while len(self._outbox) and not self._late and self._send():
            self._outbox.hurry()
        self._tell_undecided()
        if self._sink is not None:
            self._sink.close()

    def _wait_s(self) -> float | None:
        times = [each for each in (self._outbox.due_s(), self._probe_at_s) if each is not None]
        return max(0.0, min(times) - self._clock()) if times else None

    def _is_due(self) -> bool:
        due_s = self._outbox.due_s()
        return due_s is not None and due_s <= self._clock()

    def _receive(self, wait_s: float | None) -> None:
        """Move what came into the outbox; waits for something to come, wait_s at most."""
        try:
            waiting = self._inbox.get(timeout=wait_s)
            while True:
                if waiting is not None:
                    self._outbox.add(waiting, self._clock())
                waiting = self._inbox.get_nowait()
        except queue.Empty:
            pass
        if self._capacity.grew:
            self._capacity.grew = False
            self._outbox.hurry()

    def _send(self) -> bool:
        """Send the oldest that wait; False when they were not taken."""
        assert self._sink is not None  # noqa: S101  the thread runs only for a sink
        batch = self._outbox.batch()
        try:
            receipt = self._sink.send([Parcel(each.record, each.alerted) for each in batch])
        except SinkError as error:
            self._not_taken(batch, error)
            return False
        except Exception as error:
            # Counted like any other failure, so that one record cannot be tried for ever.
            self._not_taken(batch, SinkError(f"{self._sink.place}: {type(error).__name__}: {error}"))
            return False
        self._outbox.sent(batch)
        self._settle([each.record for each in batch], receipt)
        self._worked()
        self._capacity.relaxed(self.waiting)
        self._decide(batch, tell=not receipt.notifies)
        return True

    def _settle(self, records: list[ErrorRecord], receipt: Receipt) -> None:
        """Count what was stored and what was refused, and say which were stored."""
        stored = [record for place, record in enumerate(records) if place not in receipt.refused]
        self.stored += len(stored)
        self.refused += len(receipt.refused)
        for reason in receipt.refused.values():
            self._last_refusal = reason
        if self._on_stored is None or not stored:
            return
        try:
            self._on_stored(stored)
        except Exception as error:
            self._health.fault(Fault.HANDLER, f"what was stored could not be noted: {error!r}")

    def _not_taken(self, batch: list[Waiting], error: SinkError) -> None:
        now_s = self._clock()
        if error.busy:
            self._outbox.postponed(now_s, retry_after_s=error.retry_after_s or 1.0)
            return
        if error.permanent:
            self._outbox.refused(batch, now_s)
            self._give_up(batch, str(error))
            self._probe_at_s = None
        else:
            self._failed(str(error))
            over = self._outbox.failed(batch, now_s, retry_after_s=error.retry_after_s or 0.0)
            if over:
                self._give_up(over, str(error))
            self._probe_at_s = now_s + self._pace.retry_s
        self._decide(batch, tell=True)

    def _give_up(self, batch: list[Waiting], reason: str) -> None:
        """Leave these to the local file, and tell people once for each outage (M65)."""
        self.given_up += len(batch)
        if not self._stopped:
            self._health.gave_up(Fault.DATABASE, reason)
        if self._outage_told or self.notifier is None:
            return
        self._outage_told = True
        self.notifier.tell_fault(
            DOWN,
            f"에러 {len(batch):,}건을 저장하지 못해 로컬 JSON 파일에만 남겼습니다.\n{reason}",
        )

    def _probe(self) -> None:
        """Look whether a store that failed is well again when there is nothing to send."""
        assert self._sink is not None  # noqa: S101  the thread runs only for a sink
        try:
            self._sink.probe()
        except SinkError as error:
            self._failed(str(error))
            self._probe_at_s = self._clock() + self._pace.retry_s
            return
        self._worked()

    def _failed(self, reason: str) -> None:
        # One that is stopped gave way to another, whose health is told from then on.
        if not self._stopped:
            self._health.fault(Fault.DATABASE, reason)

    def _worked(self) -> None:
        self._health.cleared(Fault.DATABASE)
        self._outage_told = False
        self._probe_at_s = None

    def _decide(self, batch: list[Waiting], *, tell: bool) -> None:
        """Settle who tells people of these; what the library tells is marked, for the next try."""
        for waiting in batch:
            record = self._undecided.get(waiting.record.id)
            if record is not None and tell and self.notifier is not None:
                waiting.alerted = True
                self.notifier.tell(record)
            # Only now: at the end of the program somebody else tells of what is left here.
            self._undecided.pop(waiting.record.id, None)

    def _tell_undecided(self) -> None:
        for key in list(self._undecided):
            record = self._undecided.pop(key, None)
            if record is not None and self.notifier is not None:
                self.notifier.tell(record)


_all: weakref.WeakSet[Delivery] = weakref.WeakSet()


def _after_fork() -> None:
    for delivery in list(_all):
        delivery._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
