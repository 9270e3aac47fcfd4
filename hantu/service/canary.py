"""Canaries: lines that hantu writes itself now and then, to see that lines arrive.

One for each way that lines take: the journal, a file, POST /api/ingest. None of them is stored. In the
place of the line of a container, which hantu cannot write, stands the newest one that the engine has
(canary_engine.py)."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from hantu.model import DOCKER, LogEntry

EVERY_S: Final = 600.0
FIRST_S: Final = 60.0
"""A service that has just begun may have much to read first."""
MISSED_S: Final = 60.0
"""A canary that did not come within this time is missed."""
RETRY_S: Final = 5.0
HEAD: Final = "hantu looks whether this line arrives: "
# Whole, so that nobody can hide a line of theirs behind these words.
_LINE: Final = re.compile(re.escape(HEAD) + "[0-9a-f]{16}")


class Way(StrEnum):
    """How lines come to hantu."""

    JOURNAL = "journal"
    FILES = "files"
    INGEST = "ingest"
    DOCKER = "docker"


class Absent(Exception):
    """There is nothing here that a line could be written to."""


class CanaryError(Exception):
    """The line could not be written; says why."""


@dataclass(frozen=True, slots=True)
class Sung:
    """The last canary of a way. delay_s: from its writing to its arrival, None while it has not arrived;
    missed: it should have by now. error: why it could not be written. names: of the containers whose
    newest lines have not arrived; looked_at: of how many they were looked for."""

    way: Way
    sent_ns: int
    delay_s: float | None
    missed: bool
    error: str = ""
    names: tuple[str, ...] = ()
    looked_at: int = 0


class Singer(Protocol):
    """Looks whether lines arrive on one way."""

    @property
    def way(self) -> Way: ...

    @property
    def last(self) -> Sung | None:
        """The last look, None before the first and where there is nothing to look at."""
        ...

    def body(self, stop: threading.Event) -> None:
        """A Worker's body: looks every EVERY_S until stop."""
        ...


class Canary:
    """Writes a line on one way now and then, and waits for it.

    write(line): raises Absent, CanaryError. The line's arrival is told by arrived()."""

    def __init__(
        self,
        way: Way,
        write: Callable[[str], None],
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.way = way
        self._write = write
        self._clock_s = clock_s
        self._awaited = ""
        self._sent_s = 0.0
        self._sent_ns = 0
        self._delay_s: float | None = None
        self._error = ""

    @property
    def last(self) -> Sung | None:
        """The last one, None before the first and where there is nothing to write to."""
        if not self._sent_ns:
            return None
        missed = self._delay_s is None and self._clock_s() - self._sent_s > MISSED_S
        return Sung(self.way, self._sent_ns, self._delay_s, missed, self._error)

    def body(self, stop: threading.Event) -> None:
        """A Worker's body: sends one every EVERY_S until stop; one that failed, again and again."""
        wait_s = FIRST_S
        while not stop.wait(wait_s):
            self.send()
            while self._error and not stop.wait(RETRY_S):
                self._try()
            wait_s = EVERY_S

    def send(self) -> bool:
        """Write one; False when it could not be written."""
        self._awaited = HEAD + secrets.token_hex(8)
        self._delay_s = None
        self._sent_s, self._sent_ns = self._clock_s(), time.time_ns()
        return self._try()

    def _try(self) -> bool:
        try:
            self._write(self._awaited)
        except Absent:
            self._awaited, self._error, self._sent_ns = "", "", 0
            return False
        except CanaryError as error:
            self._error = str(error)
            return False
        self._error = ""
        return True

    def arrived(self, line: str) -> None:
        """Note that a line came, if it is the awaited one."""
        if line == self._awaited:
            self._delay_s = self._clock_s() - self._sent_s
            self._awaited = ""


class Canaries:
    """All canaries. They are a processor, too: their lines go no further.

    own_file: the source_id of the file that is there for them alone; whatever is read of it is dropped."""

    def __init__(self, singers: Sequence[Singer], *, own_file: str = "") -> None:
        self._singers = tuple(singers)
        self._canaries = tuple(each for each in singers if isinstance(each, Canary))
        self._own_file = own_file

    def __iter__(self) -> Iterator[Singer]:
        return iter(self._singers)

    @property
    def last(self) -> list[Sung]:
        """The last one of each way that has any."""
        return [last for each in self._singers if (last := each.last) is not None]

    @property
    def missed(self) -> list[Sung]:
        """Those of them that should have arrived by now."""
        return [last for last in self.last if last.missed]

    def add(self, singer: Singer) -> None:
        """One more that is no processor: before the service starts."""
        self._singers = (*self._singers, singer)

    def __call__(self, entries: list[LogEntry]) -> list[LogEntry]:
        """Entries without canaries; the arrival of the awaited ones is noted."""
        if not self._canaries or not entries or entries[0].source == DOCKER:
            return entries
        own_file = self._own_file
        own = [entry for entry in entries if entry.source_id == own_file or is_canary(entry.message)]
        if not own:
            return entries
        for entry in own:
            for canary in self._canaries:
                canary.arrived(entry.message)
        return [entry for entry in entries if entry.source_id != own_file and not is_canary(entry.message)]


def is_canary(message: str) -> bool:
    """Whether a message is the line of a canary, of this process or of an earlier one."""
    return message.startswith(HEAD) and _LINE.fullmatch(message) is not None
