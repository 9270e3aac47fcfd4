"""Schema version 5, its first part: accounts, sessions, what people did."""

from __future__ import annotations

from typing import Final

ACCOUNTS: Final = """
CREATE TABLE account (
  name TEXT PRIMARY KEY COLLATE NOCASE,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  password TEXT NOT NULL,
  created_ns INTEGER NOT NULL,
  password_ns INTEGER NOT NULL,
  last_login_ns INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE session (
  digest BLOB PRIMARY KEY,
  account TEXT NOT NULL COLLATE NOCASE REFERENCES account (name) ON DELETE CASCADE,
  created_ns INTEGER NOT NULL,
  seen_ns INTEGER NOT NULL,
  ends_ns INTEGER NOT NULL,
  address TEXT NOT NULL,
  agent TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_account ON session (account);
CREATE TABLE audit (
  audit_no INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ns INTEGER NOT NULL,
  actor TEXT NOT NULL,
  address TEXT NOT NULL,
  act TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
"""
