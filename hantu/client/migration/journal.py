"""systemd's journal as a service's standard error reaches it, and as a person reads it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

WAIT_S: Final = 5.0
_LOOK_S: Final = 0.1


class JournalError(Exception):
    """The journal cannot be written or read; says why. fix: what mends it."""

    def __init__(self, reason: str, fix: str = "") -> None:
        super().__init__(reason)
        self.fix = fix


class Journal:
    """One journal. namespace: "" for the system's."""

    def __init__(self, namespace: str = "") -> None:
        self._namespace = namespace
        name = f"journal.{namespace}" if namespace else "journal"
        self._socket = Path("/run/systemd") / name / "stdout"

    @property
    def is_there(self) -> bool:
        """Whether a journal takes lines."""
        try:
            return stat.S_ISSOCK(self._socket.stat().st_mode)
        except OSError:
            return False

    @contextlib.contextmanager
    def stream(self, identifier: str) -> Iterator[tuple[int, str]]:
        """What systemd gives a service as standard error, and the value of its $JOURNAL_STREAM.

        Source: sd_journal_stream_fd(3) and systemd's journald-stream.c: identifier, unit, priority,
        prefixes, syslog, kernel, console, a line each."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            try:
                connection.connect(os.fspath(self._socket))
                connection.shutdown(socket.SHUT_RD)
                connection.sendall(f"{identifier}\n\n6\n1\n0\n0\n0\n".encode())
            except OSError as error:
                raise JournalError(f"{self._socket} takes no lines: {error.strerror}") from error
            found = os.fstat(connection.fileno())
            yield connection.fileno(), f"{found.st_dev}:{found.st_ino}"

    def priority_of(self, identifier: str, words: str) -> int:
        """The priority of a new line of `identifier` with these words. Raises JournalError."""
        until = time.monotonic() + WAIT_S
        while True:
            for entry in self._entries(identifier):
                if words in str(entry.get("MESSAGE")):
                    return int(str(entry.get("PRIORITY", -1)))
            if time.monotonic() > until:
                raise JournalError("a line that was written is not in the journal", "journalctl --verify")
            time.sleep(_LOOK_S)

    def _entries(self, identifier: str) -> Iterator[dict[str, object]]:
        command = ["journalctl", "-q", "-o", "json", "-n", "50", "--since=-5min", "-t", identifier]
        if self._namespace:
            command.append(f"--namespace={self._namespace}")
        try:
            done = subprocess.run(command, capture_output=True, timeout=30, check=False)
        except (OSError, subprocess.SubprocessError) as error:
            raise JournalError(f"journalctl cannot be run: {error}", "apt-get install systemd") from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise JournalError(f"journalctl: {said}", "usermod -aG systemd-journal USER, then log in again")
        for line in done.stdout.splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict):
                    yield entry
