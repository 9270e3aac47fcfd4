"""Files that are read without a thread: every step is the test's own."""

from __future__ import annotations

import gzip
import itertools
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from hantu.collect.files.ledger import Patience
from hantu.collect.files.rounds import Rounds
from hantu.collect.files.watch import Watch
from hantu.model import APP, LogEntry, LogLevel
from hantu.pipeline import Pipeline, Rewind, Submission
from hantu.query.logquery import LogQuery, Order
from hantu.store.base import LogStorage, WriteResult
from hantu.store.memory import MemoryStore


class PlainParser:
    """Each line is an entry; the last `hold` lines are held, as an open stack trace would be."""

    def __init__(self, source_id: str, *, hold: int = 0) -> None:
        self._source_id = source_id
        self._hold = hold
        self._lines: list[bytes] = []

    @property
    def held(self) -> int:
        return len(self._lines)

    def feed(self, lines: Sequence[bytes], times_ns: Sequence[int] | None, now_ns: int) -> list[LogEntry]:
        self._lines += lines
        keep = min(self._hold, len(self._lines))
        out, self._lines = self._lines[: len(self._lines) - keep], self._lines[len(self._lines) - keep :]
        return [self._entry(line, now_ns) for line in out]

    def flush(self, now_ns: int) -> list[LogEntry]:
        out, self._lines = self._lines, []
        return [self._entry(line, now_ns) for line in out]

    def _entry(self, line: bytes, now_ns: int) -> LogEntry:
        return LogEntry(APP, self._source_id, LogLevel.INFO, line.decode("utf-8", "replace"), now_ns)


class StepPipeline:
    """Holds what is submitted until it is told to commit, to fail or to forget it all."""

    def __init__(self, store: LogStorage) -> None:
        self.store = store
        self.epoch = 0
        self.waiting: list[Submission] = []

    def submit(self, submission: Submission, *, stopping: Callable[[], bool] = bool) -> bool:
        if submission.epoch != self.epoch:
            raise Rewind
        self.waiting.append(submission)
        return True

    def commit(self, most: int | None = None) -> None:
        count = len(self.waiting) if most is None else min(most, len(self.waiting))
        for _ in range(count):
            # It waits until it is stored: one that the store refuses is answered by fail().
            submission = self.waiting[0]
            result = self.store.write_batch(submission.entries, submission.checkpoints)
            del self.waiting[0]
            assert submission.settled is not None
            submission.settled(result)

    def fail(self) -> None:
        waiting, self.waiting = self.waiting, []
        self.epoch += 1
        for submission in waiting:
            assert submission.settled is not None
            submission.settled(cast(WriteResult | None, None))


class FileDesk:
    """A folder of logs, a store, and one Rounds at a time."""

    def __init__(
        self,
        folder: Path,
        *patterns: str,
        begin: str = "start",
        hold: int = 0,
        patience: Patience | None = None,
    ) -> None:
        self.folder = folder
        self.store = self.make_store()
        self.now_s = 1000.0
        self.hold = hold
        self.patience = patience or Patience()
        self.patterns = patterns or (str(folder / "*.log"),)
        self.begin = begin
        self.counter = itertools.count(1)
        self.start()

    def make_store(self) -> LogStorage:
        """Where entries go."""
        return MemoryStore()

    def make_pipeline(self) -> StepPipeline:
        """What a new process hands entries to."""
        return StepPipeline(self.store)

    def start(self) -> None:
        """A new process begins with what is stored."""
        self.pipeline = self.make_pipeline()
        self.watches = [Watch(pattern, begin=self.begin) for pattern in self.patterns]
        self.rounds = Rounds(
            cast(Pipeline, self.pipeline),
            self.store,
            patience=self.patience,
            make_parser=lambda source_id: PlainParser(source_id, hold=self.hold),
            clock_s=lambda: self.now_s,
        )
        self.never = threading.Event()
        self.rounds.load(self.never)

    def poll(self, *, scan: bool = True) -> bool:
        """One look at everything; True when there is more to read."""
        self.now_s += 0.1
        try:
            if scan:
                self.rounds.scan(self.watches)
            busy = self.rounds.round(self.never, self.watches)
            if scan:
                self.rounds.show(self.watches)
            return busy
        except Rewind:
            self.rounds.rewind(self.never)
            return True

    def settle(self, seconds: float = 1.0) -> None:
        """Poll and commit until nothing moves, `seconds` on."""
        until = self.now_s + seconds
        while self.poll() or self.now_s < until or self.pipeline.waiting:
            self.pipeline.commit()

    def kill(self) -> None:
        """The process dies: what was not committed is gone, descriptors close."""
        self.rounds.close()
        self.start()

    def messages(self, source_id: str | None = None, *, gaps: bool = False) -> list[str]:
        """Messages in the order they were stored."""
        entries = self.store.export(LogQuery(source_id=source_id, order=Order.OLDEST))
        return [
            entry.message
            for entry in sorted(entries, key=lambda entry: entry.key)
            if ("gap" in (entry.metadata or {})) is gaps
        ]


def write(path: Path, *lines: str, end: str = "\n") -> None:
    """Append lines."""
    with open(path, "ab", buffering=0) as file:
        file.write("".join(f"{line}{end}" for line in lines).encode())


def shift(path: Path) -> Path:
    """Move name.N to name.N+1 for all N, compressed ones too; returns name.1, which is free."""
    numbers = sorted(
        (
            (int(name.removesuffix(".gz").rsplit(".", 1)[1]), name)
            for name in os.listdir(path.parent)
            if name.startswith(path.name + ".") and name.removesuffix(".gz").rsplit(".", 1)[1].isdigit()
        ),
        reverse=True,
    )
    for number, name in numbers:
        packed = ".gz" if name.endswith(".gz") else ""
        os.rename(path.parent / name, path.with_name(f"{path.name}.{number + 1}{packed}"))
    return path.with_name(f"{path.name}.1")


def rotate(path: Path, *, create: bool = True) -> Path:
    """Rotate by rename; returns where the lines are now."""
    first = shift(path)
    os.rename(path, first)
    if create:
        path.touch()
    return first


def copytruncate(path: Path) -> Path:
    """Copy and truncate; returns the copy."""
    first = shift(path)
    shutil.copyfile(path, first)
    os.truncate(path, 0)
    return first


def pack(path: Path) -> Path:
    """gzip, as gzip does: the time stays, the original goes."""
    packed = path.with_name(path.name + ".gz")
    status = path.stat()
    packed.write_bytes(gzip.compress(path.read_bytes()))
    os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
    path.unlink()
    return packed
