"""More files than a process may have open, in one folder."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from hantu.collect.files import listing
from tests.collect.filedesk import FileDesk, rotate, write
from tests.fault import tally
from tests.fault.length import pick

FILES = pick(1_000, 20_000)
OPEN = pick(200, 2_000)
WRITTEN = pick(300, 2_000)


class ManyDesk(FileDesk):
    """Keeps few files open at a time."""

    def start(self) -> None:
        super().start()
        self.rounds.limit_open(OPEN)

    def begin_all(self) -> None:
        self.poll()
        while not self.rounds.begun:
            self.poll(scan=False)
            self.pipeline.commit()
        self.pipeline.commit()


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each folder that is listed, each time."""
    folders: list[str] = []
    real = os.scandir

    def scandir(folder: str) -> object:
        folders.append(folder)
        return real(folder)

    monkeypatch.setattr(listing.os, "scandir", scandir)
    return folders


def opened() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.promise("M31")
@pytest.mark.fault
@pytest.mark.fault_row("R13")
@pytest.mark.timeout(pick(120, 3_000))
def test_a_folder_of_many_files_is_followed_with_few_of_them_open(
    tmp_path: Path, listed: list[str]
) -> None:
    paths = [tmp_path / f"app{number:06}.log" for number in range(FILES)]
    for path in paths:
        path.write_bytes(b"before\n")
    before = opened()
    desk = ManyDesk(tmp_path, begin="end")
    desk.begin_all()
    assert desk.watches[0].error == ""
    assert opened() - before <= OPEN
    # Once a round, and never for each file.
    assert len(listed) < FILES // 20
    written = 0

    def say(path: Path) -> None:
        nonlocal written
        write(path, f"line {written}")
        written += 1

    chosen = paths[:: FILES // WRITTEN][:WRITTEN]
    for path in chosen:
        say(path)
    desk.settle()
    # Of some of those that are closed by now more is written, and they are rotated away unread.
    rotated = chosen[::15]
    for path in rotated:
        say(path)
        rotate(path)
        say(path)
    desk.settle()
    # Those that were rotated away stay open beside the new ones for as long as late lines may come.
    assert opened() - before <= OPEN + len(rotated)
    desk.kill()
    for path in chosen[::5]:
        say(path)
    desk.begin_all()
    desk.settle()
    numbers = [int(message.split()[1]) for message in desk.messages()]
    assert tally.account(numbers, range(written)) == (0, 0)
    assert desk.messages(gaps=True) == []
    desk.rounds.close()


def test_an_order_to_end_is_heard_amid_many_new_files(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number}.log").touch()
    desk = FileDesk(tmp_path)
    stop = threading.Event()
    stop.set()
    before = opened()
    desk.rounds.scan(desk.watches)
    assert desk.rounds.round(stop, desk.watches) is False
    assert opened() == before
    assert not desk.rounds.begun
