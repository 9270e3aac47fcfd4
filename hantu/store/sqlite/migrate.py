"""The schema's history: migrations, applied in order, never edited after a release.

schema.sql shows where they lead, with comments."""

from __future__ import annotations

from typing import Final

import apsw

from hantu.store.base import NewerSchema
from hantu.store.ids import new_store_id
from hantu.store.sqlite.migrate_accounts import ACCOUNTS
from hantu.store.sqlite.migrate_executions import FOURTH
from hantu.store.sqlite.migrate_figures import FIGURES
from hantu.store.sqlite.migrate_gaps import GAPS
from hantu.store.sqlite.migrate_keeping import KEEPING
from hantu.store.sqlite.migrate_outlines import OUTLINES
from hantu.store.sqlite.migrate_views import VIEWS

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

_THIRD: Final = """
CREATE TABLE error_logs (
  error_no INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE,
  time_ns INTEGER NOT NULL,
  level TEXT NOT NULL,
  service TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  error_type TEXT NOT NULL,
  module TEXT NOT NULL,
  function TEXT NOT NULL,
  trace_id TEXT NOT NULL,
  source TEXT NOT NULL,
  source_id TEXT NOT NULL,
  created_ns INTEGER NOT NULL,
  reopened INTEGER NOT NULL DEFAULT 0,
  alerted INTEGER NOT NULL DEFAULT 0,
  grouped INTEGER NOT NULL DEFAULT 0,
  stack_no INTEGER,
  message TEXT NOT NULL,
  stack_trace TEXT NOT NULL,
  context TEXT,
  packed BLOB
) STRICT;
CREATE INDEX error_logs_time ON error_logs (time_ns);
CREATE INDEX error_logs_service ON error_logs (service, time_ns);
CREATE INDEX error_logs_level ON error_logs (level, time_ns) WHERE level = 'CRITICAL';
CREATE INDEX error_logs_fingerprint ON error_logs (service, fingerprint, time_ns);
CREATE INDEX error_logs_trace ON error_logs (trace_id, time_ns) WHERE trace_id <> '';
CREATE TABLE error_stack (
  stack_no INTEGER PRIMARY KEY AUTOINCREMENT,
  uses INTEGER NOT NULL,
  outline INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE INDEX error_stack_outline ON error_stack (outline);
CREATE TABLE error_group (
  group_no INTEGER PRIMARY KEY AUTOINCREMENT,
  service TEXT NOT NULL,
  error_type TEXT NOT NULL,
  place TEXT NOT NULL,
  message TEXT NOT NULL,
  level TEXT NOT NULL,
  count INTEGER NOT NULL,
  first_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL,
  status TEXT NOT NULL DEFAULT 'UNRESOLVED' CHECK (status IN ('UNRESOLVED', 'RESOLVED')),
  resolved_ns INTEGER,
  regressed_ns INTEGER,
  regressions INTEGER NOT NULL DEFAULT 0,
  muted_until_ns INTEGER,
  muted_below_an_hour INTEGER
) STRICT;
CREATE INDEX error_group_last ON error_group (status, last_ns);
CREATE INDEX error_group_first ON error_group (status, first_ns);
CREATE INDEX error_group_count ON error_group (status, count);
CREATE INDEX error_group_state ON error_group (
  status, service, level, error_type, muted_until_ns, muted_below_an_hour, regressed_ns
);
CREATE INDEX error_group_muted ON error_group (status)
WHERE muted_until_ns IS NOT NULL OR muted_below_an_hour IS NOT NULL;
CREATE TABLE error_fingerprint (
  service TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  group_no INTEGER NOT NULL REFERENCES error_group (group_no),
  error_type TEXT NOT NULL,
  place TEXT NOT NULL,
  message TEXT NOT NULL,
  level TEXT NOT NULL,
  count INTEGER NOT NULL,
  first_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL,
  PRIMARY KEY (service, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE INDEX error_fingerprint_group ON error_fingerprint (group_no);
CREATE TABLE error_event (
  event_no INTEGER PRIMARY KEY,
  group_no INTEGER NOT NULL REFERENCES error_group (group_no),
  at_ns INTEGER NOT NULL,
  act TEXT NOT NULL,
  actor TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX error_event_group ON error_event (group_no);
CREATE TRIGGER error_logs_group AFTER INSERT ON error_logs WHEN new.grouped = 0 BEGIN
  INSERT INTO error_group (service, error_type, place, message, level, count, first_ns, last_ns)
  SELECT new.service, '', '', '', new.level, 0, new.time_ns, new.time_ns
  WHERE NOT EXISTS (
    SELECT 1 FROM error_fingerprint WHERE service = new.service AND fingerprint = new.fingerprint
  );
  INSERT INTO error_fingerprint (
    service, fingerprint, group_no, error_type, place, message, level, count, first_ns, last_ns
  )
  SELECT
    new.service, new.fingerprint, (SELECT max(group_no) FROM error_group), '', '', '', new.level, 0,
    new.time_ns, new.time_ns
  WHERE NOT EXISTS (
    SELECT 1 FROM error_fingerprint WHERE service = new.service AND fingerprint = new.fingerprint
  );
  UPDATE error_logs
  SET reopened = 1
  WHERE error_no = new.error_no AND EXISTS (
    SELECT 1
    FROM error_fingerprint AS own
    JOIN error_group USING (group_no)
    WHERE own.service = new.service AND own.fingerprint = new.fingerprint
      AND status = 'RESOLVED' AND new.time_ns > resolved_ns
  );
  UPDATE error_fingerprint
  SET
    error_type = iif(new.time_ns >= last_ns, new.error_type, error_type),
    place = iif(
      new.time_ns >= last_ns,
      new.module || iif(new.module = '' OR new.function = '', '', '.') || new.function,
      place
    ),
    message = iif(new.time_ns >= last_ns, substr(new.message, 1, 500), message),
    level = iif(new.level = 'CRITICAL', 'CRITICAL', level),
    count = count + 1,
    first_ns = min(first_ns, new.time_ns),
    last_ns = max(last_ns, new.time_ns)
  WHERE service = new.service AND fingerprint = new.fingerprint;
  UPDATE error_group
  SET
    error_type = iif(new.time_ns >= last_ns, new.error_type, error_type),
    place = iif(
      new.time_ns >= last_ns,
      new.module || iif(new.module = '' OR new.function = '', '', '.') || new.function,
      place
    ),
    message = iif(new.time_ns >= last_ns, substr(new.message, 1, 500), message),
    level = iif(new.level = 'CRITICAL', 'CRITICAL', level),
    count = count + 1,
    first_ns = min(first_ns, new.time_ns),
    last_ns = max(last_ns, new.time_ns),
    regressed_ns = iif(status = 'RESOLVED' AND new.time_ns > resolved_ns, new.time_ns, regressed_ns),
    regressions = regressions + (status = 'RESOLVED' AND new.time_ns > resolved_ns),
    status = iif(status = 'RESOLVED' AND new.time_ns > resolved_ns, 'UNRESOLVED', status),
    muted_below_an_hour = CASE
      WHEN muted_below_an_hour IS NULL THEN NULL
      WHEN muted_below_an_hour < (
        SELECT count(*)
        FROM error_fingerprint AS own
        JOIN error_logs AS near USING (service, fingerprint)
        WHERE own.group_no = error_group.group_no
          AND near.time_ns > new.time_ns - 3600000000000
          AND near.time_ns <= new.time_ns
      ) THEN NULL
      ELSE muted_below_an_hour
    END
  WHERE group_no = (
    SELECT group_no FROM error_fingerprint WHERE service = new.service AND fingerprint = new.fingerprint
  );
END;
CREATE TRIGGER error_logs_stack AFTER DELETE ON error_logs WHEN old.stack_no IS NOT NULL BEGIN
  UPDATE error_stack SET uses = uses - 1 WHERE stack_no = old.stack_no;
  DELETE FROM error_stack WHERE stack_no = old.stack_no AND uses = 0;
END;
CREATE TRIGGER error_group_regressed AFTER UPDATE OF regressions ON error_group
WHEN new.count = old.count + 1 AND new.regressions > old.regressions BEGIN
  INSERT INTO error_event (group_no, at_ns, act, actor, text)
  VALUES (new.group_no, new.regressed_ns, 'regressed', '', '');
END;
CREATE TRIGGER error_group_unmuted AFTER UPDATE OF muted_below_an_hour ON error_group
WHEN new.count = old.count + 1 AND old.muted_below_an_hour IS NOT NULL AND new.muted_below_an_hour IS NULL
BEGIN
  INSERT INTO error_event (group_no, at_ns, act, actor, text)
  VALUES (new.group_no, new.last_ns, 'unmuted', '', '');
END;
"""

ROWS: Final = 1
"""The version of files that hold a row for each entry: rebuild.py makes them anew."""

FIRST: Final = 2
"""The version that a new file begins with."""

MIGRATIONS: Final = (_SECOND, _THIRD, FOURTH, ACCOUNTS + VIEWS + KEEPING + GAPS + OUTLINES, FIGURES)
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
