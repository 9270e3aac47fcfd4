"""Schema version 5, its second part: saved views and what each person prefers."""

from __future__ import annotations

from typing import Final

VIEWS: Final = """
CREATE TABLE saved_view (
  account TEXT NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  created_ns INTEGER NOT NULL,
  PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE preference (
  account TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;
"""
