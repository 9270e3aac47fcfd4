"""Schema version 5, its third part: what clean-ups of one source or level removed."""

from __future__ import annotations

from typing import Final

KEEPING: Final = """
ALTER TABLE removal RENAME TO removal_before;
CREATE TABLE removal (
  removal_no INTEGER PRIMARY KEY,
  at_ns INTEGER NOT NULL,
  before_ns INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  freed_bytes INTEGER NOT NULL,
  reason TEXT NOT NULL,
  scope TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO removal (removal_no, at_ns, before_ns, entries, freed_bytes, reason)
SELECT removal_no, at_ns, before_ns, entries, freed_bytes, reason FROM removal_before;
DROP TABLE removal_before;
"""
