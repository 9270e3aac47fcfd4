"""Files rotated, copied, packed and killed in any order."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, note, settings
from hypothesis import strategies as st

from tests.collect.filedesk import FileDesk, copytruncate, pack, rotate, write

ROTATIONS = ("rename", "rename later", "copytruncate")
WRITING = ("append", "append", "append", "many", "partial", "pack")
READING = ("poll", "poll", "commit", "commit-one", "park", "kill", "fail")
STEPS = st.sampled_from((*WRITING, *ROTATIONS, *READING))


@pytest.mark.promise("M26", "M31", "M33")
@given(steps=st.lists(STEPS, max_size=40), hold=st.sampled_from([0, 0, 1, 3]))
@example(steps=["append", "poll", "commit", "fail", "copytruncate", "poll", "append"], hold=0)
@settings(max_examples=150)
@pytest.mark.fault_row("R13", "R14")
def test_each_line_is_stored_once_and_in_order_whatever_happens(steps: list[str], hold: int) -> None:
    note(f"{steps} hold={hold}")
    folder = Path(tempfile.mkdtemp(prefix="hantu-files-"))
    try:
        _play(folder, steps, hold)
    finally:
        shutil.rmtree(folder)


def _play(folder: Path, steps: list[str], hold: int) -> None:
    path = folder / "app.log"
    path.touch()
    desk = FileDesk(folder, hold=hold)
    desk.settle()
    written: list[str] = []
    begun = ""

    def line(text: str = "") -> str:
        written.append(begun + (text or f"line {next(desk.counter)} {'x' * 20}"))
        return written[-1][len(begun) :]

    for step in steps:
        if step == "append":
            write(path, line())
            begun = ""
        elif step == "many":
            lines = [line()]
            begun = ""
            write(path, *lines, *(line() for _ in range(60)))
        elif step == "partial":
            write(path, "begun ", end="")
            begun += "begun "
        elif step in ROTATIONS:
            if begun:
                write(path, line(f"end {next(desk.counter)}"))
                begun = ""
            if not path.exists():
                continue
            if step == "copytruncate":
                copytruncate(path)
            else:
                rotate(path, create=step == "rename")
        elif step == "pack" and (path.with_name("app.log.2")).exists():
            pack(path.with_name("app.log.2"))
        elif step == "poll":
            desk.poll()
        elif step == "park":
            desk.rounds.park()
        elif step == "commit":
            desk.pipeline.commit()
        elif step == "commit-one":
            desk.pipeline.commit(1)
        elif step == "kill":
            desk.kill()
        elif step == "fail":
            desk.pipeline.fail()
    if begun:
        write(path, line(f"end {next(desk.counter)}"))
    desk.settle(seconds=10)
    try:
        assert desk.messages() == written
        assert set(desk.messages()) == set(desk.messages(str(path)))
        assert desk.messages(gaps=True) == []
    finally:
        desk.rounds.close()
