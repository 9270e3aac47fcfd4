"""The life of a collector: one thread at a time, its state, its failures and its further attempts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.collect.meter import Meter
from hantu.pipeline import PipelineStopped, Rewind
from hantu.threads import Backoff, Worker

log = logging.getLogger(__name__)

OnError = Callable[[Exception], None]

STARTING: Final = CollectorState.STARTING
COLLECTING: Final = CollectorState.COLLECTING
RECONNECTING: Final = CollectorState.RECONNECTING
FAILED: Final = CollectorState.FAILED
ENDED: Final = CollectorState.ENDED
STOPPED: Final = CollectorState.STOPPED

MOVES: Final[Mapping[CollectorState, frozenset[CollectorState]]] = {
    STOPPED: frozenset({STARTING}),
    STARTING: frozenset({COLLECTING, RECONNECTING, FAILED, ENDED, STOPPED}),
    # To STARTING: its thread had ended with the pipeline.
    COLLECTING: frozenset({STARTING, RECONNECTING, FAILED, ENDED, STOPPED}),
    RECONNECTING: frozenset({STARTING, COLLECTING, FAILED, ENDED, STOPPED}),
    # To RECONNECTING: whoever was told of it raised, and the Worker runs it again.
    FAILED: frozenset({STARTING, RECONNECTING, STOPPED}),
    # To COLLECTING: what was absent is there now.
    ENDED: frozenset({STARTING, COLLECTING, RECONNECTING, FAILED, STOPPED}),
}
"""The states that may follow each state; staying in one is always allowed."""

_AT_REST: Final = frozenset({STOPPED, FAILED, ENDED})
_SOON: Final = Backoff(first_s=0.05, most_s=2.0)
_REWIND_S: Final = 0.5
_ABSENT_S: Final = 15.0


class Absent(Exception):
    """What a collector would read is not on this machine, and nobody asked for it by name."""


class Lifecycle:
    """Runs a collector's body in a thread, again and again as its outcome asks for.

    body(stop): one attempt. It returns when stopped or at its end; True asks for another attempt soon.
    It raises one of `foreseen` when it failed: that is shown, logged as "{what()} failed" when it is
    not the failure before, told to on_error in the thread, and tried again after the back-off. It
    stays down instead, until start(), with reconnect "manual" and after an error whose `lasting` is
    true. Its `fix` is shown. Absent is no failure: the collector rests, status() tells why as `detail`,
    and another look is taken every _ABSENT_S. Any other exception is logged whole by the Worker and
    tried again; Rewind asks for another attempt, PipelineStopped ends the thread.

    meter: what the body reads. An attempt that read a line begins the back-off anew; without a meter,
    one that lasted backoff.reset_after_s. release() lets go, in the thread, of what the attempts share.

    Every method may be called from any thread. No second thread begins before the first has ended."""

    def __init__(
        self,
        name: str,
        body: Callable[[threading.Event], bool],
        *,
        what: Callable[[], str],
        foreseen: tuple[type[Exception], ...],
        backoff: Backoff,
        reconnect: str = "auto",
        meter: Meter | None = None,
        on_error: OnError | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        self._name = name
        self._body = body
        self._what = what
        self._foreseen = foreseen
        self._backoff = backoff
        self._manual = reconnect == "manual"
        self._meter = meter
        self._on_error = on_error
        self._release = release
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._interrupt: Callable[[], None] | None = None
        self._running = False
        self._again = False
        self._wake = threading.Event()
        self._failures = 0
        self._state = STOPPED
        self._since_ns = time.time_ns()
        self._error = ""
        self._fix = ""
        self._absent = ""
        self._retry_at: float | None = None

    def start(self) -> None:
        """Begin, or begin again. While it waits to try again: try now. While an attempt runs: make
        another one rather than rest or stay down after it. Returns at once."""
        with self._lock:
            self._again = True
            self._wake.set()
            if not self._running:
                self._begin()
            elif self._state in _AT_REST:
                self._to(STARTING)  # when the thread that is about to end has ended

    def stop(self) -> None:
        """End the thread and interrupt what it waits for; returns at once."""
        with self._lock:
            self._again = False
            self._to(STOPPED)
            if self._worker is not None:
                self._worker.stop()
            self._wake.set()
            if self._interrupt is not None:
                self._interrupt()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end; True when it has."""
        worker = self._worker
        return worker is None or worker.join(timeout_s)

    @property
    def state(self) -> CollectorState:
        """Where it stands now."""
        return self._state

    def status(
        self, key: str, name: str, source: str, *, source_id: str = "", gaps: int = 0, detail: str = ""
    ) -> CollectorStatus:
        """Its state now, with what the collector says of itself."""
        meter = self._meter or Meter()
        with self._lock:
            retry_at = self._retry_at
            return CollectorStatus(
                key=key,
                name=name,
                source=source,
                source_id=source_id,
                state=self._state,
                since_ns=self._since_ns,
                lines=meter.lines,
                per_minute=meter.per_minute(),
                lag_s=meter.lag_s,
                last_ns=meter.last_ns,
                error=self._error,
                fix=self._fix,
                retry_in_s=None if retry_at is None else max(0.0, retry_at - time.monotonic()),
                gaps=gaps,
                detail=self._absent or detail,
            )

    # For the body.

    def stopping(self) -> bool:
        """Whether the thread was told to end."""
        return self._worker is None or self._worker.stopping.is_set()

    def attach(self, interrupt: Callable[[], None] | None) -> None:
        """What ends the body's waiting, None when it waits for nothing. stop() calls it; it is called
        at once when that has come already. It must not wait."""
        with self._lock:
            self._interrupt = interrupt
            if interrupt is not None and self.stopping():
                interrupt()

    def collecting(self, error: str = "", fix: str = "") -> None:
        """It collects. error, fix: what is wrong nevertheless."""
        with self._lock:
            if not self.stopping():
                self._to(COLLECTING, error, fix)

    def rest(self) -> bool:
        """There is nothing to read until start(); False when that came since this attempt began."""
        with self._lock:
            if self._again:
                return False
            if not self.stopping():
                self._to(ENDED)
            return True

    def end(self) -> None:
        """There is nothing to read any more, whatever start() asked for meanwhile."""
        with self._lock:
            self._again = False
            if self._state is not STOPPED:
                self._to(ENDED)

    # The thread.

    def _begin(self) -> None:
        """Start a thread; the lock is held."""
        self._running = True
        self._to(STARTING)
        self._worker = Worker(
            self._name, self._run, backoff=self._backoff, on_error=self._broke, on_end=self._ended
        )
        self._worker.start()

    def _ended(self) -> None:
        with self._lock:
            self._running = False
            # start() after stop() may come before the old thread has gone.
            if self._again:
                self._begin()

    def _broke(self, error: BaseException) -> None:
        """Something nobody foresaw; the Worker has logged it and runs again."""
        with self._lock:
            if not self.stopping():
                self._to(RECONNECTING, f"{type(error).__name__}: {error}")

    def _run(self, stop: threading.Event) -> None:
        self._failures = 0
        try:
            while self._attempt(stop):
                pass
        finally:
            if self._release is not None:
                self._release()

    def _attempt(self, stop: threading.Event) -> bool:
        """Run the body once; True to run it again, when it is time for that."""
        with self._lock:
            if stop.is_set():
                return False  # a start() that came after stop() is for the next thread
            self._again = False
            self._wake.clear()
        lines = self._meter.lines if self._meter is not None else 0
        began = time.monotonic()
        try:
            more = self._body(stop)
        except Rewind:
            # The store failed; what was handed in since is refused.
            stop.wait(_REWIND_S)
            return True
        except PipelineStopped:
            return False
        except Absent as error:
            return self._missing(str(error))
        except self._foreseen as error:
            self._count(lines, began)
            return self._failed(error)
        self._count(lines, began)
        if more:
            self._wake.wait(_SOON.wait_s(self._failures))
        return more

    def _count(self, lines: int, began: float) -> None:
        if self._meter is not None:
            got_on = self._meter.lines > lines
        else:
            got_on = time.monotonic() - began > self._backoff.reset_after_s
        self._failures = 1 if got_on else self._failures + 1

    def _failed(self, error: Exception) -> bool:
        """Show the failure; wait and return True to try again, False to stay down."""
        message, fix = str(error) or repr(error), getattr(error, "fix", "")
        wait_s = self._backoff.wait_s(self._failures)
        with self._lock:
            if self.stopping():
                return False
            known = message == self._error
            down = (self._manual or getattr(error, "lasting", False)) and not self._again
            self._to(FAILED if down else RECONNECTING, message, fix)
            if not down:
                self._retry_at = time.monotonic() + wait_s
        if not known:
            log.warning("%s failed: %s%s", self._what(), message, f"; {fix}" if fix else "")
        if self._on_error is not None:
            self._on_error(error)
        if down:
            return False
        self._wake.wait(wait_s)
        return True

    def _missing(self, message: str) -> bool:
        """Rest until it is time to look again whether there is something to read now; True then."""
        with self._lock:
            if self.stopping():
                return False
            known = message == self._absent
            self._to(ENDED)
            self._absent = message
        if not known:
            log.info("%s: %s", self._what(), message)
        self._wake.wait(_ABSENT_S)
        return True

    def _to(self, state: CollectorState, error: str = "", fix: str = "") -> None:
        """Move on; the lock is held. Raises RuntimeError on a move that MOVES does not have."""
        if state is not self._state:
            if state not in MOVES[self._state]:
                raise RuntimeError(f"{self._name} cannot go from {self._state} to {state}")
            self._since_ns = time.time_ns()
        self._state, self._error, self._fix, self._absent = state, error, fix, ""
        self._retry_at = None
