"""What the tests of faults share."""

from __future__ import annotations

from tests.fault.disks import mount

__all__ = ["mount"]
