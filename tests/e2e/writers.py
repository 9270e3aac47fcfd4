"""Programs that print numbered lines into what hantu reads, at a steady pace."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hantu.threads import Worker
from tests.journald import PrivateJournal

LEVELS = ("INFO", "INFO", "WARNING", "ERROR", "DEBUG")
WANTED = {"INFO": "info", "WARNING": "warn", "ERROR": "error", "DEBUG": "debug"}


def level_of(number: int) -> str:
    """The level that line `number` is printed with."""
    return LEVELS[number % len(LEVELS)]


def text_line(name: str, number: int) -> str:
    """A line of a Python program's log: time, level, name, message with Korean in every tenth."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    korean = " 주문을 모의주문실행" if number % 10 == 0 else ""
    return (
        f"{stamp},{int(now * 1000) % 1000:03d} - shop - {level_of(number)} - {name} line {number}{korean}"
    )


def shell_lines(name: str, first: int, last: int, *, both_streams: bool) -> str:
    """A busybox script that prints such numbers; odd ones on stderr when both_streams.

    Fifty lines, then a short rest: about ten seconds for 10,000 lines."""
    to_stderr = "[ $((i % 2)) = 1 ] && exec 3>&2 || exec 3>&1" if both_streams else "exec 3>&1"
    return f"""
i={first}
while [ $i -le {last} ]; do
  case $((i % 5)) in 0|1) l=INFO;; 2) l=WARNING;; 3) l=ERROR;; *) l=DEBUG;; esac
  {to_stderr}
  echo "$l: {name} line $i" >&3
  [ $((i % 50)) = 0 ] && usleep 50000
  i=$((i+1))
done
sleep 300
"""


class JournalWriter:
    """Writes `count` entries into a journal, each with the priority of its level."""

    _PRIORITY: Final = {"INFO": 6, "WARNING": 4, "ERROR": 3, "DEBUG": 7}

    def __init__(self, journal: PrivateJournal, identifier: str, count: int) -> None:
        self._journal = journal
        self._identifier = identifier
        self._count = count
        self._worker = Worker(f"write-{identifier}", self._write)

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def join(self) -> None:
        """Wait for the last entry."""
        assert self._worker.join(120)
        assert self._worker.last_error is None

    def _write(self, stop: threading.Event) -> None:
        for number in range(1, self._count + 1):
            priority = self._PRIORITY[level_of(number)]
            self._journal.write(f"{self._identifier} line {number}", self._identifier, priority)
            if number % 25 == 0:
                stop.wait(0.02)


class FileWriter:
    """Writes `count` lines into `path`, and rotates it every `every` lines."""

    def __init__(self, path: Path, count: int, rotate: Callable[[Path, int], None], *, every: int) -> None:
        self._path = path
        self._count = count
        self._rotate = rotate
        self._every = every
        self.written = 0
        self._worker = Worker(f"write-{path.name}", self._write)

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def join(self) -> None:
        """Wait for the last line."""
        assert self._worker.join(120)
        assert self._worker.last_error is None

    def _write(self, stop: threading.Event) -> None:
        file = self._path.open("a", encoding="utf-8")
        for number in range(1, self._count + 1):
            file.write(text_line(self._path.stem, number) + "\n")
            if number % 25 == 0:
                file.flush()
                stop.wait(0.02)
            if number % self._every == 0 and number < self._count:
                file.flush()
                self._rotate(self._path, number // self._every)
                if not _same_file(file.fileno(), self._path):
                    file.close()
                    file = self._path.open("a", encoding="utf-8")
            self.written = number
        file.close()


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def rename(path: Path, _turn: int) -> None:
    """logrotate's way: app.log.2 ← app.log.1 ← app.log."""
    for number in range(9, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.rename(path.with_name(f"{path.name}.{number + 1}"))
    path.rename(path.with_name(f"{path.name}.1"))


def copytruncate(path: Path, _turn: int) -> None:
    """logrotate's copytruncate, with the program silent meanwhile."""
    for number in range(9, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.rename(path.with_name(f"{path.name}.{number + 1}"))
    shutil.copy2(path, path.with_name(f"{path.name}.1"))
    os.truncate(path, 0)
