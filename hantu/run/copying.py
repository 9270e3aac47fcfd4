"""A stream of a program: on to where it would have gone without us, and to the desk."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from typing import Final

from hantu.run.lines import Lines, Tail

CHUNK_BYTES: Final = 1 << 16
QUIET_S: Final = 1.0
"""After so long without output a stack trace has no further line."""


Troubled = Callable[[str], None]


class Copying:
    """Copies `source` to `target` unchanged and reads its lines. run() is the body of a thread."""

    def __init__(
        self, source: int, target: int, lines: Lines, tails: tuple[Tail, ...], troubled: Troubled
    ) -> None:
        self._source = source
        self._target = target
        self._lines = lines
        self._tails = tails
        self._troubled = troubled
        self._deaf = False
        self.over = False
        """Whether nothing is copied any more; true before anybody is told by ended()."""
        self._wake_read, self._wake_write = os.pipe()
        self._lock = threading.Lock()

    def run(self, stop: threading.Event, ended: Callable[[], None]) -> None:
        """Copy until the stream ends, nobody wants it any more, or stop is set and stop_now() called."""
        try:
            self._copy(stop)
            if not self._deaf:
                self._lines.end()
        finally:
            for fd in (self._source, self._wake_read):
                os.close(fd)
            with self._lock:
                os.close(self._wake_write)
                self._wake_write = -1
            self.over = True
            ended()

    def stop_now(self) -> None:
        """Have run() look at its stop."""
        with self._lock, contextlib.suppress(OSError):
            if self._wake_write >= 0:
                os.write(self._wake_write, b".")

    def _copy(self, stop: threading.Event) -> None:
        ready = select.poll()
        ready.register(self._source, select.POLLIN)
        ready.register(self._wake_read, select.POLLIN)
        while not stop.is_set():
            found = ready.poll(QUIET_S * 1000)
            if not found:
                self._lines.flush()
                continue
            if all(fd != self._source for fd, _ in found):
                continue
            data = os.read(self._source, CHUNK_BYTES)
            if not data or not self._write(data):
                return
            self._listen(data)

    def _listen(self, data: bytes) -> None:
        """Take what was printed. Whatever goes wrong, the program goes on printing."""
        if self._deaf:
            return
        try:
            for tail in self._tails:
                tail.add(data)
            self._lines.feed(data)
        except Exception as error:
            self._deaf = True
            self._troubled(f"the lines of the command are not kept any more: {error!r}")

    def _write(self, data: bytes) -> bool:
        """Pass it on; False when nobody reads it, which the program then learns as it would have."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._target, rest) :]
            except BlockingIOError:
                room = select.poll()
                room.register(self._target, select.POLLOUT)
                room.poll()
            except BrokenPipeError:
                return False
            except OSError:
                # No terminal any more, or a full disk: the desk still gets it.
                return True
        return True
