"""Schema version 5, its fourth part: the ledger of times that hantu could not see."""

from __future__ import annotations

from typing import Final

GAPS: Final = """
CREATE TABLE gap (
  gap_no INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL,
  source_id TEXT NOT NULL,
  from_ns INTEGER NOT NULL,
  to_ns INTEGER NOT NULL,
  reason TEXT NOT NULL,
  lines INTEGER,
  size_bytes INTEGER,
  key INTEGER,
  noted_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX gap_to ON gap (to_ns);
"""
