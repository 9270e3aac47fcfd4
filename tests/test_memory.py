"""Memory that is free goes back to the system."""

from __future__ import annotations

import subprocess
import sys

from hantu.service.memory import AGAIN, GROWN_BYTES, LOOKS_MOST, Growth

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


LOOKED_AT = """
import threading
from hantu.service.gauges import memory_bytes
from hantu.service.memory import body

stop = threading.Event()
looking = threading.Thread(target=body, args=(stop,), kwargs={"look_s": 0.01})
looking.start()
before = memory_bytes()
for _ in range(3):
    parts = [b"x" * (100_000 + at % 2) for at in range(1_000)]
    last = b"x" * 100_002
    del parts
    while memory_bytes() > before + 20_000_000:
        stop.wait(0.01)
stop.set()
looking.join()
"""


def test_what_nobody_uses_is_given_back_as_the_process_grows() -> None:
    subprocess.run([sys.executable, "-c", LOOKED_AT], check=True, timeout=120)


def due(growth: Growth, sizes: list[int]) -> list[bool]:
    """At which of these sizes it is due, when it never helps."""
    found = []
    for size in sizes:
        found.append(growth.due(size))
        if found[-1]:
            growth.gave_back(size)
    return found


def test_it_is_due_when_the_process_has_grown_and_some_times_more() -> None:
    small, grown = 10**8, 10**8 + GROWN_BYTES
    assert due(Growth(small), [small, grown - 1, small]) == [False] * 3
    assert due(Growth(small), [small, grown, *[grown] * AGAIN]) == [False, *[True] * AGAIN, False]


def test_it_is_due_now_and_then_of_a_process_that_does_not_grow() -> None:
    size = 10**8
    assert due(Growth(size), [size] * 2 * LOOKS_MOST) == [*[False] * (LOOKS_MOST - 1), True] * 2


def test_growth_is_counted_from_the_least_since_it_was_done() -> None:
    growth = Growth(10**8)
    assert not any(due(growth, [10**8 - GROWN_BYTES // 2, 10**8]))
    assert due(growth, [10**8 + GROWN_BYTES // 2]) == [True]
