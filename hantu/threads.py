"""The only place that makes threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import logging


class Backoff(NamedTuple):
    """Waiting times after failures: first_s, doubled each time up to most_s; back to first_s after
    a run that lasted reset_after_s."""

    first_s: float = 0.5
    most_s: float = 30.0
    reset_after_s: float = 60.0

    def wait_s(self, failures: int) -> float:
        """Seconds to wait after the `failures`-th failure in a row (1 is the first)."""
        return min(self.most_s, self.first_s * 2.0 ** min(failures - 1, 30))


class Worker:
    """A named thread which runs body(stop) until it returns or stop is set.

    A body that raises is logged, reported to on_error, and run again after the back-off; with
    backoff=None it stays down. No exception leaves the thread."""

    def __init__(
        self,
        name: str,
        body: Callable[[threading.Event], None],
        *,
        backoff: Backoff | None = None,
        on_error: Callable[[BaseException], None] | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.failures = 0
        self.last_error: BaseException | None = None
        self._body = body
        self._backoff = backoff
        self._on_error = on_error
        self._on_end = on_end
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"hantu-{name}", daemon=True)

    def start(self) -> None:
        """Start the thread; a Worker is started once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the body to end; returns at once."""
        self.stopping.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; True when the thread has ended (or was never started)."""
        if self._thread.ident is None or self._thread is threading.current_thread():
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """True from start() until the thread has ended."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self.stopping.is_set():
                began = time.monotonic()
                try:
                    self._body(self.stopping)
                    return
                except Exception as error:
                    self._failed(error, time.monotonic() - began)
                if self._backoff is None:
                    return
                self.stopping.wait(self._backoff.wait_s(self.failures))
        finally:
            if self._on_end is not None:
                self._on_end()

    def _failed(self, error: Exception, ran_s: float) -> None:
        if self._backoff is not None and ran_s > self._backoff.reset_after_s:
            self.failures = 0
        self.failures += 1
        self.last_error = error
        if self.stopping.is_set():
            _log().debug("%s ended with %r while stopping", self.name, error)
            return
        _log().exception("%s failed", self.name)
        if self._on_error is not None:
            self._on_error(error)


def _log() -> logging.Logger:
    # Loaded by the first failure: a program that runs for a moment has threads and no failure.
    import logging

    return logging.getLogger(__name__)


class DaemonThread(threading.Thread):
    """For libraries that take a thread class: their threads do not hold up the end of the process."""

    def __init__(self, target: Callable[[], object]) -> None:
        super().__init__(target=target, daemon=True)
