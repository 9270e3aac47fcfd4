"""A file that is copied and truncated again between the look at it and the reading of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hantu.collect.files.logfile import LogFile
from hantu.model import LogEntry
from tests.collect.filedesk import FileDesk, copytruncate, write


@pytest.mark.promise("M31")
@pytest.mark.fault_row("R14")
@pytest.mark.parametrize("killed", [False, True])
def test_a_text_that_is_copied_away_before_its_first_read_is_read_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, killed: bool
) -> None:
    path = tmp_path / "app.log"
    path.touch()
    desk = FileDesk(tmp_path)
    desk.settle()
    write(path, "one")
    desk.settle()
    copytruncate(path)
    write(path, "the second text")

    def turn() -> None:
        copytruncate(path)
        write(path, "third")

    coming: list[Callable[[], None]] = [turn]
    real = LogFile.take

    def take(file: LogFile, now_ns: int, now_s: float) -> list[LogEntry]:
        if file.offset == 0 and not file.content.final and coming:
            coming.pop()()
        return real(file, now_ns, now_s)

    monkeypatch.setattr(LogFile, "take", take)
    while coming:
        desk.poll()
    if killed:
        desk.kill()
    desk.settle()
    assert desk.messages() == ["one", "the second text", "third"]
    assert desk.messages(gaps=True) == []
    desk.rounds.close()


@pytest.mark.fault_row("R14")
def test_a_copy_that_is_much_older_than_what_took_its_place_is_found(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "one")
    long_ago_ns = path.stat().st_mtime_ns - 10 * 10**9
    os.utime(path, ns=(long_ago_ns, long_ago_ns))
    desk = FileDesk(tmp_path)
    desk.settle()
    write(path, "two")
    copy = copytruncate(path)
    write(path, "the third text", "is longer than all that was there")
    # hantu was held up: it looks three seconds after the copy was made.
    now_ns = path.stat().st_mtime_ns
    os.utime(copy, ns=(now_ns - 3 * 10**9, now_ns - 3 * 10**9))
    desk.settle()
    assert desk.messages() == ["one", "two", "the third text", "is longer than all that was there"]
    assert desk.messages(gaps=True) == []
    desk.rounds.close()
