"""Memory that is free goes back to the system."""

from __future__ import annotations

import subprocess
import sys

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
