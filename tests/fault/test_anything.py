"""The whole against a model: files appended to, rotated, copied, packed; the process killed and started
again, or away for a while; the disk full for a while; the clock, and with it the times of files, set back
and forth: in any order, over the real store."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import apsw
import pytest
from hypothesis import example, given, note, settings
from hypothesis import strategies as st

from hantu.store.base import LogStorage, StoreError
from hantu.store.sqlite import SqliteStore
from tests.collect.filedesk import FileDesk, StepPipeline, copytruncate, pack, rotate, write
from tests.fault import tally
from tests.fault.length import pick
from tests.fault.test_io import VFS, FailingVFS, Failure

WRITING = ("append", "append", "many", "partial", "pack", "rename", "rename later", "copytruncate")
LINKED = ("append linked", "append linked", "switch")
"""What happens at a link, which leads to one file after the other."""
READING = ("poll", "poll", "commit", "commit one", "park")
BREAKING = ("kill", "restart", "away", "back", "full", "room", "clock back", "clock forth", "seal")
UNSEEN = (*READING, "kill", "restart", "away", "full", "room", "seal")
"""What happens to a process, and not while there is none."""
STEPS = st.sampled_from((*WRITING, *LINKED, *READING, *BREAKING))
DAY_NS = 86_400 * 10**9


class HonestPipeline(StepPipeline):
    """Refuses what waits when the store refuses, as the real one does."""

    def commit(self, most: int | None = None) -> None:
        try:
            super().commit(most)
        except StoreError:
            self.fail()


class RealDesk(FileDesk):
    """Over a real file on a disk that can be full."""

    lives = 0
    away = False

    def make_store(self) -> LogStorage:
        return SqliteStore.open(self.path, vfs=VFS, background=False, seal_entries=40)

    def make_pipeline(self) -> StepPipeline:
        return HonestPipeline(self.store)

    @property
    def path(self) -> Path:
        return self.folder.parent / f"{self.folder.name}-{self.lives}.db"

    def kill(self) -> None:
        """What a SIGKILL leaves: the file and its WAL as they are at this moment."""
        Failure.arm(None)
        before = self.path
        self.lives += 1
        for ending in ("", "-wal"):
            source = before.with_name(before.name + ending)
            if source.exists():
                shutil.copy(source, self.path.with_name(self.path.name + ending))
        self._close()
        self._begin()

    def restart(self) -> None:
        """An end in order."""
        self.leave()
        self.come_back()

    def leave(self) -> None:
        """An end in order, and no new beginning yet."""
        Failure.arm(None)
        self.pipeline.commit()
        self._close()
        self.away = True

    def come_back(self) -> None:
        """The beginning after leave()."""
        self.away = False
        self._begin()

    def _close(self) -> None:
        self.rounds.close()
        self.store.close()

    def _begin(self) -> None:
        self.store = self.make_store()
        self.start()


class Clock:
    """The time of day, moved."""

    def __init__(self) -> None:
        self._real = time.time_ns
        self.moved_ns = 0

    def __call__(self) -> int:
        return self._real() + self.moved_ns

    def stamp(self, folder: Path, before: dict[int, int]) -> None:
        """Give what changed in `folder` the time that the clock says. before: as changed() said."""
        now_ns = self()
        for file in folder.iterdir():
            status = file.stat()
            if before.get(status.st_ino) != status.st_mtime_ns and not file.name.endswith(".gz"):
                os.utime(file, ns=(now_ns, now_ns))


class Linked:
    """A link to a file that is another one after each switch."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "current.log"
        self.written: list[str] = []
        self._number = 1
        self._target().touch()
        self.path.symlink_to(self._target().name)

    def _target(self) -> Path:
        return self.path.with_name(f"run.{self._number}")

    def append(self) -> None:
        self.written.append(f"linked {len(self.written)} {'y' * 20}")
        write(self.path, self.written[-1])

    def switch(self) -> None:
        self._number += 1
        self._target().touch()
        fresh = self.path.with_name("fresh")
        fresh.symlink_to(self._target().name)
        fresh.rename(self.path)


def changed(folder: Path) -> dict[int, int]:
    """When each file of it changed."""
    return {(status := file.stat()).st_ino: status.st_mtime_ns for file in folder.iterdir()}


@contextmanager
def playground() -> Iterator[tuple[Path, Clock]]:
    folder = Path(tempfile.mkdtemp(prefix="hantu-anything-"))
    vfs = FailingVFS()
    Failure.arm(None)
    Failure.error = apsw.FullError
    clock = Clock()
    (folder / "logs").mkdir()
    try:
        with mock.patch("time.time_ns", clock):
            yield folder / "logs", clock
    finally:
        Failure.arm(None)
        vfs.unregister()
        shutil.rmtree(folder)


@pytest.mark.fault
@pytest.mark.fault_row("R1", "R5", "R8", "R13", "R14")
@pytest.mark.timeout(pick(120, 1800))
@given(
    # Half of the tries at length are long ones: what only a long life brings.
    steps=st.lists(STEPS, max_size=40) | st.lists(STEPS, min_size=pick(0, 30), max_size=pick(40, 90)),
    hold=st.sampled_from([0, 0, 2]),
)
@example(steps=["append", "poll", "append", *["copytruncate"] * 2, "pack", "poll", "restart"], hold=0)
@example(steps=["append", "poll", *["copytruncate"] * 2, "many", "pack", "poll", "restart"], hold=0)
@example(steps=["rename", "rename later", "kill", "pack", "append linked", "switch"], hold=0)
@example(
    steps=["clock forth", "append", "poll", "clock back", "away", "append", "rename", "append", "rename"],
    hold=0,
)
@settings(max_examples=pick(15, 1_000))
def test_each_line_is_stored_once_and_in_order_whatever_breaks(steps: list[str], hold: int) -> None:
    note(f"{steps} hold={hold}")
    with playground() as (folder, clock):
        _play(folder, clock, steps, hold)


def _play(folder: Path, clock: Clock, steps: list[str], hold: int) -> None:
    path = folder / "app.log"
    path.touch()
    linked = Linked(folder)
    desk = RealDesk(folder, hold=hold)
    desk.settle()
    written: list[str] = []
    begun = ""
    stored_ns = 0

    def line(text: str = "") -> str:
        nonlocal begun
        written.append(begun + (text or f"line {next(desk.counter)} {'x' * 20}"))
        text, begun = written[-1][len(begun) :], ""
        return text

    for step in steps:
        before = changed(folder)
        if desk.away and step in UNSEEN:
            continue
        match step:
            case "append":
                write(path, line())
            case "many":
                write(path, *(line() for _ in range(60)))
            case "partial":
                write(path, "begun ", end="")
                begun += "begun "
            case "rename" | "rename later" | "copytruncate":
                if begun:
                    write(path, line(f"end {next(desk.counter)}"))
                if not path.exists():
                    continue
                if step == "copytruncate":
                    copytruncate(path)
                else:
                    rotate(path, create=step == "rename")
            case "pack":
                if path.with_name("app.log.2").exists():
                    pack(path.with_name("app.log.2"))
            case "append linked":
                linked.append()
            case "switch":
                linked.switch()
            case "poll":
                desk.poll()
            case "park":
                desk.rounds.park()
            case "commit":
                desk.pipeline.commit()
            case "commit one":
                desk.pipeline.commit(1)
            case "kill":
                desk.kill()
            case "restart":
                desk.restart()
            case "away":
                desk.leave()
            case "back":
                desk.come_back() if desk.away else desk.poll()
            case "full":
                Failure.arm(1, lasting=True)
            case "room":
                Failure.arm(None)
            case "clock back":
                clock.moved_ns -= DAY_NS
            case "clock forth":
                # Back and forth again before that was seen and stored: times tell nothing then.
                if clock.moved_ns < stored_ns:
                    if desk.away or Failure.left is not None:
                        continue
                    desk.settle(0.1)
                clock.moved_ns += DAY_NS
                stored_ns = clock.moved_ns
            case "seal":
                if Failure.left is None:
                    assert isinstance(desk.store, SqliteStore)
                    desk.store.seal()
        clock.stamp(folder, before)
    Failure.arm(None)
    if desk.away:
        desk.come_back()
    if begun:
        write(path, line(f"end {next(desk.counter)}"))
    desk.settle(seconds=10)
    try:
        assert desk.messages(str(path)) == written
        # Which of two unread files came first tells their time alone, when their names have no order.
        by_time = sorted if "clock back" in steps else list
        assert by_time(desk.messages(str(linked.path))) == by_time(linked.written)
        lines = len(written) + len(linked.written)
        assert len(desk.messages()) == lines
        tally.note(runs=1, lines=lines, lost=0, doubled=0, gaps=0)
        assert desk.messages(gaps=True) == []
        assert desk.store.gaps() == ()
        assert desk.store.maintain(100_000, now_ns=0, pause=lambda: False).problems == ()
    finally:
        desk.rounds.close()
        desk.store.close()
