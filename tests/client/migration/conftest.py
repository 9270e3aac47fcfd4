"""A private journal."""

from __future__ import annotations

from tests.journald import journald

__all__ = ["journald"]
