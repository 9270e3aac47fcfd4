-- The current schema of hantu's one SQLite file. A test proves that it equals all migrations of
-- hantu/store/sqlite/migrate.py applied one after the other; the version is PRAGMA user_version.
-- Times are nanoseconds since the epoch, UTC.

-- What the file knows of itself: store_id (the number in every UUID), cursor (the newest key),
-- generation (counts what changes the list of segments), shapes_removed (counts shapes that went).
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- A source's name, once: docker, journal, app …
CREATE TABLE source (
  source_no INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- One container, unit or file of a source. Numbers are never used twice (AUTOINCREMENT), so that
-- readers may keep what they know of them. newest_ns: the newest time of its sealed entries.
CREATE TABLE stream (
  stream_no INTEGER PRIMARY KEY AUTOINCREMENT,
  source_no INTEGER NOT NULL REFERENCES source (source_no),
  source_id TEXT NOT NULL,
  newest_ns INTEGER,
  UNIQUE (source_no, source_id)
) STRICT;

-- The hot tier: one accepted batch, until a segment takes it in. Its entries have the keys first_key,
-- first_key + 1 … and one created_ns. data: hantu/store/sqlite/hot.py.
CREATE TABLE hot (
  first_key INTEGER PRIMARY KEY,
  entries INTEGER NOT NULL,
  created_ns INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;

-- The senders' own ids of entries, 16 bytes: whether an entry that is sent again is known already.
CREATE TABLE event (
  event_id BLOB PRIMARY KEY,
  key INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The id of an entry; what goes with a segment.
CREATE INDEX event_key ON event (key);

-- Some 16,000 entries that arrived one after the other, as columns (docs/store-format.md). Never changed
-- once written, but for where its filter stands: group_no and position, NULL while it has its own.
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

-- A column of a segment: column_id = segment_no << 4 | column. checksum: CRC-32 of data.
CREATE TABLE segment_column (
  column_id INTEGER PRIMARY KEY,
  checksum INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;

-- The filters of up to 32 segments together: row_id = group_no << 6 | partition of the hashes.
CREATE TABLE filter_row (
  row_id INTEGER PRIMARY KEY,
  data BLOB NOT NULL
) STRICT;

-- How many sealed entries each stream and level has: cell_no = stream_no << 3 | level (0 trace … 5 fatal).
CREATE TABLE cell (
  cell_no INTEGER PRIMARY KEY,
  entries INTEGER NOT NULL
) STRICT;

-- What programs print again and again, with a NUL byte in place of each value; the shapes of one seal
-- or of many together. data: hantu/store/sqlite/shape_lots.py.
CREATE TABLE shape_lot (
  lot_no INTEGER PRIMARY KEY AUTOINCREMENT,
  data BLOB NOT NULL
) STRICT;

-- The index of the shapes' words: rowid is the shape's number.
CREATE VIRTUAL TABLE shape_word USING fts5 (
  text,
  content = '',
  contentless_delete = 1,
  tokenize = 'ascii'
);

-- How far each reader has got; written in the same transaction as its entries.
CREATE TABLE checkpoint (
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What clean-ups removed, and why.
CREATE TABLE removal (
  removal_no INTEGER PRIMARY KEY,
  at_ns INTEGER NOT NULL,
  before_ns INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  freed_bytes INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT;

-- API tokens; digest is the SHA-256 of the secret.
CREATE TABLE token (
  name TEXT PRIMARY KEY,
  scope TEXT NOT NULL,
  digest BLOB NOT NULL,
  created_ns INTEGER NOT NULL,
  last_used_ns INTEGER
) STRICT, WITHOUT ROWID;

-- Errors, one row for each occurrence: of the log library, and of every entry that carries a stack trace.
-- A plain INSERT OR IGNORE is all that a writer does, whatever its SQLite: id (16 bytes, the sender's own or
-- the entry's) drops what comes twice, the trigger below does the grouping. error_no: order of arrival. level:
-- ERROR or CRITICAL. reopened: it made a resolved group unresolved. alerted: the library has told people of it,
-- the service does not. context: JSON. Long texts stand last, so that the others are read without them. Kept
-- without limit unless error_retention_days is set.
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
  message TEXT NOT NULL,
  stack_trace TEXT NOT NULL,
  context TEXT
) STRICT;
-- Counts of a time range by service, type, level, day and hour, without the rows; those to remove.
CREATE INDEX error_logs_time ON error_logs (time_ns, service, fingerprint, level, error_type);
-- Occurrences of a service, the newest first, as people ask with hantu sql.
CREATE INDEX error_logs_service ON error_logs (service, time_ns);
-- Occurrences of a level, the newest first, as people ask with hantu sql.
CREATE INDEX error_logs_level ON error_logs (level, time_ns);
-- The newest occurrences of a group; its counts by hour.
CREATE INDEX error_logs_fingerprint ON error_logs (service, fingerprint, time_ns);
-- The errors of a trace.
CREATE INDEX error_logs_trace ON error_logs (trace_id, time_ns) WHERE trace_id <> '';

-- Errors that are the same to a person. error_type, place, message: of the newest occurrence. level: the worst.
-- count, first_ns, last_ns: of all occurrences ever. regressed_ns: when it came back after it was resolved, until it is
-- resolved again. Muted while muted_until_ns is ahead, or until more than muted_below_an_hour come within an hour.
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
-- A page of the inbox, last seen first.
CREATE INDEX error_group_last ON error_group (status, last_ns);
-- A page of the inbox, first seen first.
CREATE INDEX error_group_first ON error_group (status, first_ns);
-- A page of the inbox, most frequent first.
CREATE INDEX error_group_count ON error_group (status, count);
-- How many groups have a status, service, level, type; those that are muted or came back.
CREATE INDEX error_group_state ON error_group (
  status, service, level, error_type, muted_until_ns, muted_below_an_hour, regressed_ns
);
-- How many are muted, and by that how many are not.
CREATE INDEX error_group_muted ON error_group (status)
WHERE muted_until_ns IS NOT NULL OR muted_below_an_hour IS NOT NULL;

-- Which group a service's fingerprint belongs to, with its own part of the group's figures, so that what was
-- merged can be split again.
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
-- The fingerprints of a group.
CREATE INDEX error_fingerprint_group ON error_fingerprint (group_no);

-- What was done with a group: resolved, reopened, regressed, muted, unmuted, merged, split, note. actor: who, '' for an
-- occurrence.
CREATE TABLE error_event (
  event_no INTEGER PRIMARY KEY,
  group_no INTEGER NOT NULL REFERENCES error_group (group_no),
  at_ns INTEGER NOT NULL,
  act TEXT NOT NULL,
  actor TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
-- The history of a group.
CREATE INDEX error_event_group ON error_event (group_no);

-- Finds the occurrence's group, makes it when there is none, and counts. An occurrence after a group was resolved
-- reopens it; an old one that arrives late does not.
CREATE TRIGGER error_logs_group AFTER INSERT ON error_logs BEGIN
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

-- An occurrence reopened a group: noted in its history.
CREATE TRIGGER error_group_regressed AFTER UPDATE OF regressions ON error_group
WHEN new.count = old.count + 1 AND new.regressions > old.regressions BEGIN
  INSERT INTO error_event (group_no, at_ns, act, actor, text)
  VALUES (new.group_no, new.regressed_ns, 'regressed', '', '');
END;

-- An occurrence was one too many for a mute: noted in the history of its group.
CREATE TRIGGER error_group_unmuted AFTER UPDATE OF muted_below_an_hour ON error_group
WHEN new.count = old.count + 1 AND old.muted_below_an_hour IS NOT NULL AND new.muted_below_an_hour IS NULL
BEGIN
  INSERT INTO error_event (group_no, at_ns, act, actor, text)
  VALUES (new.group_no, new.last_ns, 'unmuted', '', '');
END;
