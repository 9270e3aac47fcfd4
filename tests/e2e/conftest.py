"""What the tests of the whole share."""

from __future__ import annotations

from tests.engine import engine

__all__ = ["engine"]
