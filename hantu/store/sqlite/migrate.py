"""The schema's history: migrations, applied in order, never edited after a release.

schema.sql shows where they lead, with comments."""

from __future__ import annotations

from typing import Final

import apsw

from hantu.store.base import NewerSchema
from hantu.store.ids import new_store_id

_SECOND: Final = """
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE source (
  source_no INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE stream (
  stream_no INTEGER PRIMARY KEY AUTOINCREMENT,
  source_no INTEGER NOT NULL REFERENCES source (source_no),
  source_id TEXT NOT NULL,
  newest_ns INTEGER,
  UNIQUE (source_no, source_id)
) STRICT;
CREATE TABLE hot (
  first_key INTEGER PRIMARY KEY,
  entries INTEGER NOT NULL,
  created_ns INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE TABLE event (
  event_id BLOB PRIMARY KEY,
  key INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX event_key ON event (key);
CREATE TABLE segment (
  segment_no INTEGER PRIMARY KEY AUTOINCREMENT,
  first_key INTEGER NOT NULL,
  last_key INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  oldest_ns INTEGER NOT NULL,
  newest_ns INTEGER NOT NULL,
  format INTEGER NOT NULL,
  group_no INTEGER,
  position INTEGER
) STRICT;
CREATE TABLE segment_column (
  column_id INTEGER PRIMARY KEY,
  checksum INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE TABLE filter_row (
  row_id INTEGER PRIMARY KEY,
  data BLOB NOT NULL
) STRICT;
CREATE TABLE cell (
  cell_no INTEGER PRIMARY KEY,
  entries INTEGER NOT NULL
) STRICT;
CREATE TABLE shape_lot (
  lot_no INTEGER PRIMARY KEY AUTOINCREMENT,
  data BLOB NOT NULL
) STRICT;
CREATE VIRTUAL TABLE shape_word USING fts5 (
  text,
  content = '',
  contentless_delete = 1,
  tokenize = 'ascii'
);
CREATE TABLE checkpoint (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE removal (
  removal_no INTEGER PRIMARY KEY,
  at_ns INTEGER NOT NULL,
  before_ns INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  freed_bytes INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE TABLE token (
  name TEXT PRIMARY KEY,
  scope TEXT NOT NULL,
  digest BLOB NOT NULL,
  created_ns INTEGER NOT NULL,
  last_used_ns INTEGER
) STRICT, WITHOUT ROWID;
"""

ROWS: Final = 1
"""The version of files that hold a row for each entry: rebuild.py makes them anew."""

FIRST: Final = 2
"""The version that a new file begins with."""

MIGRATIONS: Final = (_SECOND,)
"""The first makes a file of version FIRST; each other leads from a version to the next."""

VERSION: Final = FIRST + len(MIGRATIONS) - 1


def newer(path: object, found: int) -> NewerSchema:
    """The refusal of a file with a version that this program does not know."""
    return NewerSchema(
        f"{path} has schema version {found}; this hantu knows versions up to {VERSION}. "
        "Start the newer hantu that wrote it; the file was not touched."
    )


def migrate(connection: apsw.Connection) -> None:
    """Bring a new file, or one of version FIRST or later, to VERSION, one transaction for each step."""
    while (version := connection.pragma("user_version")) < VERSION:
        further = max(version + 1, FIRST)
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(MIGRATIONS[further - FIRST])
            if version == 0:
                connection.execute(
                    "INSERT INTO meta (name, value)"
                    " VALUES ('store_id', ?), ('cursor', 0), ('generation', 0), ('shapes_removed', 0)",
                    (new_store_id(),),
                )
            connection.pragma("user_version", further)
            connection.execute("COMMIT")
        except apsw.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
