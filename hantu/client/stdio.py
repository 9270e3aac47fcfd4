"""Lines to standard output and standard error: whole, at once, and never an exception."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any, Final

from hantu.client.levels import PRIORITIES

_GONE: Final = -2
_NO_FILE: Final = -1


class Stdio:
    """One of the two standard streams, whatever it is now: a terminal, a pipe, a file, a replacement.

    name: `stdout` or `stderr` of sys."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stream: Any = None
        self._fd = _NO_FILE
        self._encoding = "utf-8"
        self._journal = False
        self.failed = False
        """Whether the last line could not be written; last_error says why."""
        self.last_error = ""

    def write(self, line: str, level: int) -> bool:
        """Write a line (it ends with a newline); False when it could not be written.

        A record of several lines gets the level's prefix on each of them when systemd's journal reads
        the stream, for the journal makes an entry of each line."""
        try:
            stream = getattr(sys, self._name, None)
            if stream is None:
                # A program without a console, by its own choice.
                return True
            if stream is not self._stream:
                self._look_at(stream)
            if self._fd == _NO_FILE:
                stream.write(line)
                stream.flush()
                self.failed = False
                return True
            if self._fd == _GONE:
                return False
            if self._journal:
                line = with_priority(line, level)
            self._flush_others(stream)
            # Not through the stream's own buffer: what that cannot write would stay there and make the
            # interpreter fail at its end (a broken pipe), and a signal handler may not enter it twice.
            _write_all(self._fd, line.encode(self._encoding, "backslashreplace"))
        except Exception as error:
            self._failed(error)
            return False
        self.failed = False
        return True

    def _look_at(self, stream: Any) -> None:
        self._fd = _NO_FILE
        # A replacement (a tee, a test's, a terminal library's) does more than its file.
        if type(stream) is io.TextIOWrapper:
            with contextlib.suppress(OSError, ValueError):
                self._fd = stream.fileno()
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._journal = self._fd >= 0 and is_journal(self._fd)
        self._stream = stream

    def _flush_others(self, stream: Any) -> None:
        """What the application printed before comes before."""
        try:
            stream.flush()
        except RuntimeError:
            # A signal handler that interrupted the stream at its work.
            return

    def _failed(self, error: Exception) -> None:
        self.failed = True
        self.last_error = f"{self._name}: {type(error).__name__}: {error}"
        if isinstance(error, BrokenPipeError):
            self._fd = _GONE

    def forget(self) -> None:
        """Look at the stream anew at the next line."""
        self._stream = None


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    while written < len(data):
        data = data[written:]
        written = os.write(fd, data)


def with_priority(record: str, level: int) -> str:
    """The record with the journal's prefix on each line."""
    prefix = PRIORITIES[level]
    return "".join(prefix + line for line in record.splitlines(keepends=True))


def is_journal(fd: int) -> bool:
    """Whether systemd's journal reads this file. Source: systemd.exec(5), $JOURNAL_STREAM."""
    named = os.environ.get("JOURNAL_STREAM", "")
    if not named:
        return False
    try:
        found = os.fstat(fd)
    except OSError:
        return False
    return named == f"{found.st_dev}:{found.st_ino}"
