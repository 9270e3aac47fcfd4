"""Parts of the system that a test needs: missing ones skip a test here and fail it under CI."""

from __future__ import annotations

import os

import pytest


def require(part: str, present: bool, reason: str) -> None:
    """Go on when `present`; else fail under CI, and skip with the reason elsewhere."""
    if present:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{part} is missing: {reason}")
    pytest.skip(f"{part} is missing: {reason}")
