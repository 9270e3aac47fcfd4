"""Reads that the kernel refuses: a server of files was away (ESTALE), a disk has a bad place (EIO)."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.collect.unreadable import LINES, ROUNDS
from tests.fault import tally
from tests.parts import require

SOURCE = Path(__file__).with_name("failing_read.c")
LINE_BYTES = len("line 000000\n")


def read(folder: Path, failing: int, first: int, last: int) -> dict[str, Any]:
    """What is stored when these reads of the file fail."""
    compiler = shutil.which("cc")
    require("a C compiler", compiler is not None, "apt-get install gcc")
    library = folder / "failing_read.so"
    subprocess.run([str(compiler), "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)], check=True)
    faults = {
        "LD_PRELOAD": str(library),
        "FAILING_PATH": str(folder / "app.log"),
        "FAILING_ERRNO": str(failing),
        "FAILING_FROM": str(first),
        "FAILING_TO": str(last),
    }
    command = [sys.executable, "-m", "tests.collect.unreadable", str(folder)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=150, env=os.environ | faults
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.promise("M31")
@pytest.mark.fault
@pytest.mark.fault_row("R3")
@pytest.mark.parametrize("failing", [errno.ESTALE, errno.EIO])
def test_reads_that_fail_for_a_while_lose_nothing(tmp_path: Path, failing: int) -> None:
    found = read(tmp_path, failing, 4, 9)
    numbers = [int(message.split()[1]) for message in found["messages"]]
    assert tally.account(numbers, range(ROUNDS * LINES)) == (0, 0)
    assert numbers == sorted(numbers)
    assert found["gaps"] == []
    assert any(trouble.startswith(f"cannot read {tmp_path}/app.log: ") for trouble in found["troubles"])
    assert found["now"] == ""


@pytest.mark.fault
@pytest.mark.fault_row("R3")
def test_a_part_that_cannot_be_read_is_a_gap_and_reading_goes_on_behind_it(tmp_path: Path) -> None:
    found = read(tmp_path, errno.EIO, 4, 300)
    numbers = [int(message.split()[1]) for message in found["messages"]]
    missing = set(range(ROUNDS * LINES)) - set(numbers)
    assert missing
    assert len(numbers) == len(set(numbers))
    assert numbers[-1] == ROUNDS * LINES - 1
    assert 1 <= len(found["gaps"]) <= 5
    assert sum(gap["bytes"] for gap in found["gaps"]) == len(missing) * LINE_BYTES
    assert found["now"] == ""
    tally.note(runs=1, lines=len(numbers), gaps=len(missing))
