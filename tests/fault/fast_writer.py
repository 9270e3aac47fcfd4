"""`python -m tests.fault.fast_writer PATH STYLE LINES_A_SECOND ROTATIONS_A_SECOND SECONDS`: a program that
writes numbered lines at a steady rate while its log is rotated. Prints how many it wrote."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.collect.filedesk import copytruncate, pack, rotate

STEP_S = 0.01


def switch(path: Path, turn: int) -> None:
    """app.log is a link to the file of today."""
    target = path.with_name(f"{path.stem}-{turn:04d}.data")
    target.touch()
    link = path.with_suffix(".next")
    link.symlink_to(target)
    os.replace(link, path)


def rename(path: Path, _turn: int) -> None:
    """app.log.1 ← app.log."""
    rotate(path)


def again(path: Path, _turn: int) -> None:
    """Deleted and made again."""
    path.unlink()
    path.touch()


def packed(path: Path, _turn: int) -> None:
    """As rename, and what was rotated before is packed, as logrotate's delaycompress does."""
    first = rotate(path)
    second = first.with_name(f"{path.name}.2")
    if second.exists():
        pack(second)


def copied(path: Path, _turn: int) -> None:
    """Copied and truncated; nothing is written in between, which would be in neither."""
    copytruncate(path)


STYLES: dict[str, Callable[[Path, int], None]] = {
    "rename": rename,
    "switch": switch,
    "again": again,
    "packed": packed,
    "copied": copied,
}


def main() -> None:
    """Write for that time."""
    path, style = Path(sys.argv[1]), sys.argv[2]
    rate, turns, seconds = float(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])
    begun = time.monotonic()
    file = path.open("ab", buffering=0)
    number = turn = 0
    rest = threading.Event()
    while (now := time.monotonic() - begun) < seconds:
        wanted = int(now * rate)
        lines = (f"2026-02-01 12:00:00 INFO shop.orders: line {n:08d}\n" for n in range(number, wanted))
        file.write("".join(lines).encode())
        number = max(number, wanted)
        if int(now * turns) > turn:
            turn += 1
            STYLES[style](path, turn)
            file.close()
            file = path.open("ab", buffering=0)
        rest.wait(STEP_S)
    print(number, turn)


if __name__ == "__main__":
    main()
