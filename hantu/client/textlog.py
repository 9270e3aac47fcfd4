"""The text file, buffered: a lone line is there at once, many are written together."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

from hantu.client.files import DatedFile, WriteError
from hantu.threads import Worker

LINES_MOST: Final = 1_000
"""Lines that wait at most; the caller of the next one writes them."""
LONG_BYTES: Final = 8_192
"""A line from this size on is written at once, so that what waits stays small."""

OnFailure = Callable[[WriteError, str], None]
"""Called under no lock with the lines that could not be written and their day (YYYYMMDD)."""


class TextLog:
    """Appends lines to a dated file; each begins with `YYYY-MM-DD `, which names its file.

    add() takes no lock, so that signal handlers and __del__ may log whatever was interrupted."""

    def __init__(self, file: DatedFile, *, flush_ms: int, on_failure: OnFailure) -> None:
        self._file = file
        self._flush_s = flush_ms / 1000
        self._on_failure = on_failure
        self._lines: deque[bytes] = deque()
        self._lock = threading.RLock()
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._awake = False
        self._flushed_s = 0.0
        self._worker: Worker | None = None
        self._starting = threading.Lock()
        self._ended = False
        self.failed = False
        """Whether the last lines could not be written."""

    def add(self, line: bytes, now_s: float) -> None:
        """Take a line, which is in the file within flush_ms. now_s: the time of day."""
        lines = self._lines
        lines.append(line)
        if now_s - self._flushed_s >= self._flush_s or len(lines) >= LINES_MOST or len(line) >= LONG_BYTES:
            self.flush()
        elif not self._awake:
            self._wake_up()

    def flush(self) -> None:
        """Write what waits. Returns when it is written, or was handed to on_failure."""
        failures: list[tuple[WriteError, str]] = []
        with self._lock:
            self._flushed_s = time.time()
            waiting = self._lines
            taken: list[bytes] = []
            # A signal handler may come in between and take the rest.
            with contextlib.suppress(IndexError):
                while waiting:
                    taken.append(waiting.popleft())
            for day, data in _by_day(taken):
                try:
                    self._file.append(day, data)
                except WriteError as error:
                    failures.append((error, day))
        if failures:
            self.failed = True
            for failure in failures:
                self._on_failure(*failure)
        elif taken:
            self.failed = False

    def append(self, day: str, data: bytes) -> None:
        """Append lines that could not be written before. Raises WriteError."""
        with self._lock:
            self._file.append(day, data)

    def end(self) -> None:
        """Write what waits, end the thread, close the file; later lines are written one by one."""
        self._ended = True
        self._flush_s = 0.0
        worker = self._worker
        if worker is not None:
            worker.stop()
            self._wake.put(True)
            worker.join(timeout_s=1)
        self.flush()
        with self._lock:
            self._file.close()

    def after_fork(self) -> None:
        """Begin anew in a child: what waits is the parent's to write, and its thread is not here."""
        self._lines.clear()
        self._lock = threading.RLock()
        self._wake = SimpleQueue()
        self._awake = False
        self._worker = None
        self._starting = threading.Lock()

    def _wake_up(self) -> None:
        if self._ended:
            self.flush()
            return
        self._awake = True
        # Not waited for: whoever starts the thread, this line is on its list.
        if self._worker is None and self._starting.acquire(blocking=False):
            try:
                self._worker = worker = Worker("log-flush", self._run)
                worker.start()
            except RuntimeError:
                # No thread any more: the interpreter ends, or the process has too many.
                self._worker, self._awake = None, False
                self.flush()
                return
            finally:
                self._starting.release()
        self._wake.put(True)

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._wake.get()
            stop.wait(self._flush_s)
            self._awake = False
            self.flush()


def _by_day(lines: list[bytes]) -> list[tuple[str, bytes]]:
    """Lines joined, for each run of one day."""
    if not lines:
        return []
    first = lines[0][:10]
    if lines[-1][:10] == first:
        # Within one flush the clock does not go to another day and back.
        return [(_day(first), b"".join(lines))]
    runs: list[tuple[bytes, list[bytes]]] = []
    for line in lines:
        if not runs or runs[-1][0] != line[:10]:
            runs.append((line[:10], []))
        runs[-1][1].append(line)
    return [(_day(day), b"".join(run)) for day, run in runs]


def _day(prefix: bytes) -> str:
    return prefix.decode("ascii").replace("-", "")
