"""What the tests of an installation share."""

from __future__ import annotations

from tests.engine import engine

__all__ = ["engine"]
