"""Memory that is free goes back to the system."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from hantu.service import memory
from hantu.service.memory import GROWN_BYTES

FILLED = """
from hantu.service.gauges import memory_bytes
from hantu.service.memory import give_back

# Small enough to come from malloc's heap. The one at its end stays, so malloc itself returns nothing.
parts = [b"x" * (100_000 + at % 2) for at in range(1_000)]
last = b"x" * 100_002
del parts
before = memory_bytes()
give_back()
print(before, memory_bytes())
"""


def test_what_nobody_uses_is_given_back() -> None:
    ran = subprocess.run([sys.executable, "-c", FILLED], check=True, capture_output=True, text=True)
    before, after = map(int, ran.stdout.split())
    assert before - after > 80_000_000


def given_back_at(sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """At which looks body() gives back, of a process that is so large at each; then it stays so large."""
    stop = threading.Event()
    looks = itertools.count()
    given: list[int] = []
    look = 0

    def resident() -> Iterator[int]:
        nonlocal look
        for look in looks:
            if look == len(sizes) - 1:
                stop.set()
            yield sizes[look]

    sized = resident()
    monkeypatch.setattr(memory, "give_back", lambda: given.append(look))
    memory.body(stop, look_s=0, resident=lambda: next(sized))
    return given


def test_memory_is_given_back_when_the_process_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    small, grown = 10**8, 10**8 + GROWN_BYTES
    assert given_back_at([small, small, grown - 1, small], monkeypatch) == []
    # At 2 it has grown, and gives back: it is as small as before at 3. It grows again at 4, and stays so.
    assert given_back_at([small, small, grown, small, grown, grown, grown], monkeypatch) == [2, 4]
    # The least since it gave back is what counts.
    assert given_back_at([grown, small, grown, grown], monkeypatch) == [2]
