"""Time limits: one thread that interrupts statements which run too long.

Not SQLite's progress handler: that needs Python's lock every few thousand steps, so beside a busy
thread a scan would wait more than it works; and it is not called within FTS5."""

from __future__ import annotations

import threading
import time

import apsw

from hantu.threads import Worker

_AGAIN_S = 0.02


class Deadline:
    """When one piece of work must end. It can be moved while the work runs."""

    __slots__ = ("at", "connection")

    def __init__(self, connection: apsw.Connection, limit_ms: int | None) -> None:
        self.connection = connection
        self.at = None if limit_ms is None else time.monotonic() + limit_ms / 1000

    @property
    def passed(self) -> bool:
        """Whether the time is over."""
        return self.at is not None and time.monotonic() >= self.at

    def extend(self, ms: int) -> None:
        """Allow `ms` more from now, to hand out what was found."""
        if self.at is not None:
            self.at = max(self.at, time.monotonic() + ms / 1000)


class Watch:
    """Interrupts the connection of every deadline that has passed, until it is removed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._deadlines: set[Deadline] = set()
        self._wakes_at: float | None = None
        self._worker: Worker | None = None
        self._closed = False

    def add(self, deadline: Deadline) -> None:
        """Watch it; without a time there is nothing to watch."""
        if deadline.at is None:
            return
        with self._changed:
            self._deadlines.add(deadline)
            if self._worker is None and not self._closed:
                self._worker = Worker("store-deadlines", self._run)
                self._worker.start()
            elif self._wakes_at is None or self._wakes_at > deadline.at:
                self._changed.notify()

    def remove(self, deadline: Deadline) -> None:
        """Stop watching; after this no interrupt comes."""
        with self._changed:
            self._deadlines.discard(deadline)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._worker is not None:
            self._worker.join(5.0)

    def _run(self, _stop: threading.Event) -> None:
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                next_at: float | None = None
                for deadline in self._deadlines:
                    at = deadline.at or now
                    if at <= now:
                        # Again and again: an interrupt between two statements has no effect.
                        deadline.connection.interrupt()
                        at = now + _AGAIN_S
                    next_at = at if next_at is None else min(next_at, at)
                self._wakes_at = next_at
                self._changed.wait(None if next_at is None else next_at - now)
