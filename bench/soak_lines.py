"""What a soak writes into a running service, every line with a number, and a ledger of what arrived."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.corpus import Corpus
from bench.journal import PRIORITIES
from bench.streams import file_line
from hantu.model import LogEntry
from hantu.query.logquery import LogQuery
from hantu.store import open_store
from hantu.store.base import StoreError
from hantu.threads import Worker
from tests.journald import PrivateJournal
from tests.running import RunningService
from tests.waiting import wait_until

STEP_S: Final = 0.1
FILE_LINES: Final = 20_000
"""Lines of a file before it is rotated."""
FILES_KEPT: Final = 3
SHAPES: Final = 20_000
"""So many different lines are made, and told again and again."""
HandOver = Callable[[list[tuple[LogEntry, str]]], None]
"""Hands lines over: the entry that each was made from, and its text."""
_NUMBER: Final = re.compile(r" soak-(\w+)=(\d+)")


def numbered(entry: LogEntry, name: str, number: int) -> str:
    """The entry's message with the number at the end of its first line."""
    first, cut, rest = entry.message.partition("\n")
    return f"{first} soak-{name}={number}{cut}{rest}"


class Writer:
    """Hands `per_second` numbered lines a second to `hand_over`, in steps of STEP_S, until it is stopped."""

    def __init__(
        self,
        name: str,
        per_second: int,
        entries: list[LogEntry],
        hand_over: HandOver,
    ) -> None:
        self.name = name
        self.written = 0
        self._per_second = per_second
        self._entries = itertools.cycle(entries)
        self._hand_over = hand_over
        self._worker = Worker(f"soak-{name}", self._write)

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def end(self) -> None:
        """Write no further line. Raises what kept it from writing."""
        self._worker.stop()
        if not self._worker.join(60):
            raise RuntimeError(f"the writer {self.name} does not end")
        if self._worker.last_error is not None:
            raise RuntimeError(f"the writer {self.name} failed: {self._worker.last_error}")

    def _write(self, stop: threading.Event) -> None:
        began = time.monotonic()
        for step in itertools.count(1):
            # By the clock: a step that came late is made up for.
            most = int(step * STEP_S * self._per_second) - self.written
            lines = []
            for number in range(self.written, self.written + most):
                entry = next(self._entries)
                lines.append((entry, numbered(entry, self.name, number)))
            self._hand_over(lines)
            self.written += len(lines)
            if stop.wait(max(0.0, began + step * STEP_S - time.monotonic())):
                return


def pushing(service: RunningService) -> HandOver:
    """Lines as NDJSON by HTTP; one that is refused for the moment is sent again until it is taken."""

    def hand_over(lines: list[tuple[LogEntry, str]]) -> None:
        body = "\n".join(
            json.dumps(
                {
                    "source": "app",
                    "sourceId": entry.source_id,
                    "level": entry.level.label,
                    "message": message,
                    "metadata": entry.metadata or {},
                }
            )
            for entry, message in lines
        ).encode()
        while True:
            try:
                service.call("POST", "/api/ingest", body)
            except urllib.error.HTTPError as error:
                if error.code != 429:
                    raise
                time.sleep(STEP_S)
            else:
                return

    return hand_over


class LogFile:
    """A log file that is rotated by renaming, as logrotate does; the oldest go."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a", encoding="utf-8")
        self._lines = 0

    def hand_over(self, lines: list[tuple[LogEntry, str]]) -> None:
        """Append lines with the time of now."""
        for entry, message in lines:
            now = LogEntry(entry.source, entry.source_id, entry.level, message, time.time_ns())
            self._file.write(file_line(now) + "\n")
        self._file.flush()
        self._lines += len(lines)
        if self._lines >= FILE_LINES:
            self._rotate()

    def close(self) -> None:
        """End writing."""
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(FILES_KEPT, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            if older.exists():
                older.rename(older.with_name(f"{self._path.name}.{number + 1}"))
        self._path.with_name(f"{self._path.name}.{FILES_KEPT + 1}").unlink(missing_ok=True)
        self._path.rename(self._path.with_name(f"{self._path.name}.1"))
        self._file = self._path.open("a", encoding="utf-8")
        self._lines = 0


def journalling(journal: PrivateJournal) -> HandOver:
    """Lines into a journal, each with the priority of its level."""

    def hand_over(lines: list[tuple[LogEntry, str]]) -> None:
        for entry, message in lines:
            journal.write(message, entry.source_id.rsplit("/", 1)[-1], PRIORITIES[entry.level])

    return hand_over


def shapes() -> list[LogEntry]:
    """Lines as small servers write them; errors with stack traces among them."""
    return list(Corpus().entries(SHAPES))


class Ledger:
    """Reads what arrives in the database, in order of arrival, and ticks each number off.

    It reads beside the service, from the file, and sees each line before retention takes it."""

    def __init__(self, database: Path) -> None:
        self._seen: dict[str, bytearray] = {}
        self.arrived = 0
        self.doubled = 0
        self.others = 0
        self._store = open_store(database, read_only=True)
        self._cursor = 0
        self._worker = Worker("soak-ledger", self._follow)

    def start(self) -> None:
        """Begin to read."""
        self._worker.start()

    def wait(self, lines: int) -> None:
        """Until so many numbered lines have arrived; AssertionError when they do not come."""
        wait_until(lambda: self.arrived >= lines, 60, 0.1)

    def stop(self) -> None:
        """End, when what was written last has been read. Raises what kept it from reading."""
        self._worker.stop()
        self._worker.join(60)
        self._store.close()
        if self._worker.last_error is not None:
            raise RuntimeError(f"the ledger failed: {self._worker.last_error}")

    def missing(self, name: str, written: int) -> int:
        """How many of the numbers below `written` never arrived."""
        return written - self._seen.get(name, bytearray()).count(1, 0, written)

    def _follow(self, stop: threading.Event) -> None:
        while True:
            found = self._read()
            if not found and stop.wait(0.5):
                return

    def _read(self) -> int:
        try:
            batch = self._store.arrivals(LogQuery().after(self._cursor), most=50_000, time_limit_ms=60_000)
        except StoreError:
            # The next look asks for the same again.
            return 0
        if batch.skipped:
            raise RuntimeError(f"the ledger fell behind by {batch.skipped} lines")
        self._cursor = max(self._cursor, batch.cursor)
        for entry in batch.entries:
            match = _NUMBER.search(entry.message)
            if match is None:
                self.others += 1
                continue
            name, number = match.group(1), int(match.group(2))
            seen = self._seen.setdefault(name, bytearray())
            if number >= len(seen):
                seen.extend(bytes(max(65_536, number + 1 - len(seen))))
            self.doubled += seen[number]
            seen[number] = 1
            self.arrived += 1
        return len(batch.entries)
