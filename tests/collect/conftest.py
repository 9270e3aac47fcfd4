"""What the tests of collectors share."""

from __future__ import annotations

from tests.engine import engine

__all__ = ["engine"]
