"""Memory that is free goes back to the system."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Return what malloc keeps for later; nothing where the C library cannot (musl).

    Searches over 5M lines left 75 MB behind that nobody used. It takes 5 ms then, 0.1 ms else. To have
    malloc keep less from the start (M_TRIM_THRESHOLD of 4 MB) cost a fifth of the speed of writing in
    page faults."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
