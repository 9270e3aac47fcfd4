"""Memory that is free goes back to the system."""

from __future__ import annotations

import ctypes
import threading
from typing import Final

from hantu.service.gauges import memory_bytes

LOOK_S: Final = 0.25
REST_LOOK_S: Final = 2.0
"""The looks of a process whose memory does not change come to be so far apart."""
GROWN_BYTES: Final = 4 * 1024 * 1024
"""By so much the process grows before what nobody uses is given back: at 2,000 lines a second 26 of 165 MB
were free when that was done every ten seconds (bench/soak.py)."""
AGAIN: Final = 3
"""So often it is done then, a look apart: what used the memory may still be at work the first time."""
LOOKS_MOST: Final = 10
"""After so many looks it is done anyway: what used the memory may have been at work all the time."""
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
_OPTIONS: Final = {_ARENA_MAX: 1, _MMAP_THRESHOLD: 1 << 20, _TRIM_THRESHOLD: 32 << 20}
"""Of glibc's mallopt(3). By itself it has a heap for each of many threads, and what one of them has freed
the others do not use; and it learns to keep large blocks, such as a segment's columns, within these heaps.
Ten minutes at 2,000 lines a second (bench/soak.py) left 293 MB resident without these, and growing;
ingestion takes no more of the processor with them. A trim threshold of 4 MB cost a fifth in page faults."""


def keep_little() -> None:
    """Have malloc keep little of what is freed; nothing where the C library cannot (musl).

    For the main thread, before others begin."""
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is not None:
        for number, value in _OPTIONS.items():
            option(number, value)


def give_back() -> None:
    """Return what malloc keeps for later; nothing where the C library cannot (musl).

    Searches over 5M lines left 75 MB behind that nobody used. It takes 5 ms then, 0.1 ms else."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class Growth:
    """When to give back, of a process whose resident memory is looked at again and again; bytes."""

    def __init__(self, resident: int) -> None:
        self._least = resident
        self._again = 0
        self._looks = 0

    def due(self, resident: int) -> bool:
        """Whether to give back now, when so much is resident."""
        if resident >= self._least + GROWN_BYTES:
            self._again = AGAIN
        self._least = min(self._least, resident)
        self._looks += 1
        if not self._again and self._looks < LOOKS_MOST:
            return False
        self._again = max(0, self._again - 1)
        self._looks = 0
        return True

    def gave_back(self, resident: int) -> None:
        """It was done, and so much is resident now: more than that is growth again."""
        self._least = resident


def body(stop: threading.Event, *, look_s: float = LOOK_S) -> None:
    """A Worker's body: gives back when the process has grown, and now and then, until stop."""
    resident = memory_bytes()
    growth = Growth(resident)
    wait_s = look_s
    while not stop.wait(wait_s):
        before, resident = resident, memory_bytes()
        wait_s = look_s if resident != before else min(2 * wait_s, REST_LOOK_S)
        if growth.due(resident):
            give_back()
            resident = memory_bytes()
            growth.gave_back(resident)
