"""Waiting on a condition."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 3.0 if os.environ.get("CI") else 1.0
"""Machines that check are shared: the limits of waiting say that something never comes, not how fast."""


def wait_until(condition: Callable[[], object], timeout_s: float = 10.0, every_s: float = 0.02) -> None:
    """Return as soon as condition() is true; AssertionError when it is not within
    PATIENCE x timeout_s."""
    until = time.monotonic() + PATIENCE * timeout_s
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not within {PATIENCE * timeout_s} s: {condition}")
        time.sleep(every_s)
