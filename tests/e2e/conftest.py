"""What the tests of the whole share."""

from __future__ import annotations

from tests.engine import engine
from tests.journald import journald

__all__ = ["engine", "journald"]
