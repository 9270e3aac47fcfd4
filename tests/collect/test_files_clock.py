"""Files that were rotated away unread are found by their times, also when the clock was set meanwhile."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from hantu.collect.files.bounds import ClockFalls, Moment, decode_moment, moment
from tests.collect.filedesk import FileDesk, copytruncate, pack, rotate, write

S = 10**9
DAY_NS = 86_400 * S


class Clock:
    """The time of day, moved; what is written through it has that time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._real = time.time_ns
        self.moved_ns = 0
        monkeypatch.setattr(time, "time_ns", self)

    def __call__(self) -> int:
        return self._real() + self.moved_ns

    def write(self, path: Path, *lines: str) -> None:
        write(path, *lines)
        self.touch(path)

    def touch(self, path: Path) -> None:
        path.touch()
        os.utime(path, ns=(self(), self()))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def lines(first: int, last: int) -> list[str]:
    return [f"line {number:04}" for number in range(first, last)]


@pytest.mark.promise("M31")
@pytest.mark.fault_row("R8")
@pytest.mark.parametrize("noticed", [True, False])
@pytest.mark.parametrize("killed", [True, False])
@pytest.mark.parametrize("style", ["rename", "copytruncate", "pack"])
def test_no_line_is_passed_over_after_the_clock_went_forth_and_back(
    tmp_path: Path, clock: Clock, style: str, *, noticed: bool, killed: bool
) -> None:
    path = tmp_path / "app.log"
    clock.write(path, *lines(0, 10))
    desk = FileDesk(tmp_path)
    desk.settle()
    clock.moved_ns = DAY_NS
    clock.write(path, *lines(10, 20))
    desk.settle()
    clock.moved_ns = 0
    if noticed:
        desk.settle()
    if killed:
        desk.rounds.close()
    else:
        desk.pipeline.commit()
        desk.rounds.close()
    # Twice: the first of the two is known by its inode, the second by its time alone.
    for first in (20, 30):
        clock.write(path, *lines(first, first + 10))
        if style == "copytruncate":
            clock.touch(copytruncate(path))
            clock.touch(path)
        else:
            rotate(path)
            clock.touch(path)
    if style == "pack":
        pack(tmp_path / "app.log.1")
    clock.write(path, *lines(40, 50))
    desk.start()
    desk.settle(seconds=10)
    assert desk.messages() == lines(0, 50)
    assert desk.messages(gaps=True) == []
    desk.rounds.close()


@pytest.mark.fault_row("R8")
def test_a_path_that_is_new_after_the_clock_was_set_back_is_read_with_its_rotated_files(
    tmp_path: Path, clock: Clock
) -> None:
    desk = FileDesk(tmp_path, begin="end")
    clock.moved_ns = DAY_NS
    desk.settle()
    clock.moved_ns = 0
    desk.rounds.close()
    path = tmp_path / "new.log"
    clock.write(path, *lines(0, 10))
    rotate(path)
    clock.write(path, *lines(10, 20))
    desk.start()
    desk.settle()
    assert desk.messages() == lines(0, 20)
    desk.rounds.close()


@pytest.mark.fault_row("R8")
def test_what_another_clock_wrote_passes_nothing_over(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "app.log"
    write(path, *lines(0, 10))
    # As rsync writes it from a machine whose clock is ahead.
    os.utime(path, ns=(clock() + DAY_NS, clock() + DAY_NS))
    desk = FileDesk(tmp_path)
    desk.settle()
    desk.rounds.close()
    rotate(path)
    write(path, *lines(10, 20))
    rotate(path)
    write(path, *lines(20, 30))
    desk.start()
    desk.settle()
    assert desk.messages() == lines(0, 30)
    desk.rounds.close()


@pytest.mark.parametrize(
    ("before", "now", "bound_ns"),
    [
        (Moment(1000 * S, 10 * S, "a"), Moment(1060 * S, 70 * S, "a"), None),
        (Moment(1000 * S, 10 * S, "a"), Moment(9060 * S, 70 * S, "a"), None),
        # Set back by 500 s while it ran on for 60: at the lowest right after the last look.
        (Moment(1000 * S, 10 * S, "a"), Moment(560 * S, 70 * S, "a"), 500 * S),
        # A leap second is one second that is told twice.
        (Moment(1000 * S, 10 * S, "a"), Moment(1000 * S, 11 * S, "a"), 999 * S),
        # The machine was started later, as it should be.
        (Moment(1000 * S, 10 * S, "a"), Moment(1100 * S, 30 * S, "b"), None),
        # It was started before the last look, if one believes its clock.
        (Moment(1000 * S, 10 * S, "a"), Moment(1020 * S, 30 * S, "b"), 990 * S),
        (Moment(1000 * S, 10 * S, "a"), Moment(50 * S, 30 * S, "b"), 20 * S),
    ],
)
def test_a_clock_that_was_set_back_is_noticed(before: Moment, now: Moment, bound_ns: int | None) -> None:
    falls = ClockFalls(lambda: now)
    falls.load(before.encode())
    found = falls.look()[1]
    if bound_ns is None:
        assert found is None
    else:
        assert found is not None
        assert bound_ns - S <= found <= bound_ns


def test_a_moment_is_read_as_it_was_written() -> None:
    now = moment()
    assert decode_moment(now.encode()) == now
    for other in (b"", b"1 2", b"x 2 a", b"\xff 1 a", b"1 -2 a"):
        assert decode_moment(other) is None
