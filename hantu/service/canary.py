"""The canary: a line that hantu writes into the journal now and then, to see that lines arrive."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hantu.model import JOURNAL, LogEntry

SOCKET: Final = Path("/run/systemd/journal/socket")
IDENTIFIER: Final = "hantu-canary"
EVERY_S: Final = 600.0
MISSED_S: Final = 60.0
"""A canary that did not come within this time is missed."""
_HEAD: Final = "hantu looks whether this line arrives: "


@dataclass(frozen=True, slots=True)
class Sung:
    """The last canary. delay_s: from its writing to its arrival, None while it has not arrived; missed:
    it should have by now."""

    sent_ns: int
    delay_s: float | None
    missed: bool


class Canary:
    """Writes a line now and then and waits for it. It is a processor, too: the line goes no further.

    path: the socket of the journal (systemd.journal-fields, "native protocol")."""

    def __init__(self, path: Path = SOCKET, *, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock_s = clock_s
        self._awaited = ""
        self._sent_s = 0.0
        self._sent_ns = 0
        self._delay_s: float | None = None

    @property
    def last(self) -> Sung | None:
        """The last one, None before the first."""
        if not self._sent_ns:
            return None
        missed = self._delay_s is None and self._clock_s() - self._sent_s > MISSED_S
        return Sung(self._sent_ns, self._delay_s, missed)

    def body(self, stop: threading.Event) -> None:
        """A Worker's body: sends one every EVERY_S until stop."""
        wait_s = MISSED_S
        while not stop.wait(wait_s):
            self.send()
            wait_s = EVERY_S

    def send(self) -> bool:
        """Write one; False when there is no journal to write to."""
        awaited = _HEAD + secrets.token_hex(8)
        text = f"MESSAGE={awaited}\nPRIORITY=7\nSYSLOG_IDENTIFIER={IDENTIFIER}\n"
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
                sending.settimeout(1.0)
                self._awaited, self._delay_s = awaited, None
                self._sent_s, self._sent_ns = self._clock_s(), time.time_ns()
                sending.sendto(text.encode(), str(self._path))
        except OSError:
            self._awaited, self._sent_ns = "", 0
            return False
        return True

    def __call__(self, entries: list[LogEntry]) -> list[LogEntry]:
        """Entries without canaries; the arrival of the awaited one is noted."""
        if not self._sent_ns or not entries or entries[0].source != JOURNAL:
            return entries
        if not any(entry.message.startswith(_HEAD) for entry in entries):
            return entries
        if self._awaited and any(entry.message == self._awaited for entry in entries):
            self._delay_s = self._clock_s() - self._sent_s
            self._awaited = ""
        return [entry for entry in entries if not entry.message.startswith(_HEAD)]
