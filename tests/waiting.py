"""Waiting on a condition."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], timeout_s: float = 10.0, every_s: float = 0.02) -> None:
    """Return as soon as condition() is true; AssertionError when it is not within timeout_s."""
    until = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not within {timeout_s} s: {condition}")
        time.sleep(every_s)
