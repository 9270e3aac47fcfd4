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

-- What clean-ups removed, and why. scope: the source or level it was bounded to, '' for none.
CREATE TABLE removal (
  removal_no INTEGER PRIMARY KEY,
  at_ns INTEGER NOT NULL,
  before_ns INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  freed_bytes INTEGER NOT NULL,
  reason TEXT NOT NULL,
  scope TEXT NOT NULL DEFAULT ''
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
-- the service does not. grouped: 1 when the writer counts it itself, as the service does. context: JSON. packed:
-- the long texts of an error that the service wrote, together (hantu/store/sqlite/error_texts.py); their own
-- columns are then empty, and hantu sql shows them all the same. Kept without limit unless error_retention_days
-- is set.
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
-- Counts of a time range by service, type, level, day and hour; occurrences of a time, nearly all of which are of
-- level ERROR; those to remove.
CREATE INDEX error_logs_time ON error_logs (time_ns);
-- Occurrences of a service, the newest first, as people ask with hantu sql.
CREATE INDEX error_logs_service ON error_logs (service, time_ns);
-- Occurrences of the few that are CRITICAL, the newest first, as people ask with hantu sql.
CREATE INDEX error_logs_level ON error_logs (level, time_ns) WHERE level = 'CRITICAL';
-- The newest occurrences of a group; its counts by hour.
CREATE INDEX error_logs_fingerprint ON error_logs (service, fingerprint, time_ns);
-- The errors of a trace.
CREATE INDEX error_logs_trace ON error_logs (trace_id, time_ns) WHERE trace_id <> '';

-- Texts of errors that later ones with an equal stack trace are packed with. data: hantu/store/sqlite/error_texts.py.
CREATE TABLE error_stack (
  stack_no INTEGER PRIMARY KEY AUTOINCREMENT,
  data BLOB NOT NULL
) STRICT;

-- Which of them: outline is a hash of the stack trace's lines without numbers, uses: how many error_logs have this
-- stack_no. In a table of its own with short rows, for each error counts here.
CREATE TABLE error_outline (
  stack_no INTEGER PRIMARY KEY,
  outline INTEGER NOT NULL,
  uses INTEGER NOT NULL
) STRICT;
-- What to pack the next one with.
CREATE INDEX error_outline_newest ON error_outline (outline);

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

-- Which group a service's fingerprint belongs to. While it shares the group it has its own part of the group's
-- figures, so that what was merged can be split again; alone in it, its count is 0 and the figures are the group's.
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
    new.service, new.fingerprint, (SELECT max(group_no) FROM error_group), new.error_type, '', '',
    'ERROR', 0, 0, 0
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
  WHERE service = new.service AND fingerprint = new.fingerprint AND count > 0;
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

-- What no occurrence is packed with any more goes.
CREATE TRIGGER error_logs_stack AFTER DELETE ON error_logs WHEN old.stack_no IS NOT NULL BEGIN
  UPDATE error_outline SET uses = uses - 1 WHERE stack_no = old.stack_no;
  DELETE FROM error_stack
  WHERE stack_no = old.stack_no
    AND EXISTS (SELECT 1 FROM error_outline WHERE stack_no = old.stack_no AND uses = 0);
  DELETE FROM error_outline WHERE stack_no = old.stack_no AND uses = 0;
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

-- Runs of jobs. id: UUID text. trace_id: its logs are the entries that have it. cost_micros: millionths,
-- estimated_cost the same as people write it. heartbeat_ns, heartbeat_interval_ms: the last sign of
-- life, and when the next was promised. callback_due_ns: when callback_url is told (again).
-- artifact_count: those not deleted. prompt_head: the first 200 characters. metadata, resources,
-- error_details: JSON. Long texts stand last, so that the others are read without them.
CREATE TABLE executions (
  execution_no INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
  trace_id TEXT NOT NULL UNIQUE CHECK (length(trace_id) BETWEEN 8 AND 64),
  job_name TEXT NOT NULL CHECK (job_name <> '' AND length(job_name) <= 255),
  status TEXT NOT NULL DEFAULT 'PENDING'
    CHECK (status IN ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
  model TEXT NOT NULL DEFAULT 'claude-sonnet-4-20250514' CHECK (length(model) <= 100),
  max_tokens INTEGER NOT NULL DEFAULT 4096 CHECK (max_tokens > 0),
  pod_name TEXT CHECK (length(pod_name) <= 255),
  created_ns INTEGER NOT NULL,
  started_ns INTEGER,
  completed_ns INTEGER,
  updated_ns INTEGER NOT NULL,
  tokens_used INTEGER CHECK (tokens_used >= 0),
  input_tokens INTEGER CHECK (input_tokens >= 0),
  output_tokens INTEGER CHECK (output_tokens >= 0),
  cost_micros INTEGER CHECK (cost_micros BETWEEN 0 AND 9999999999),
  estimated_cost TEXT AS (
    iif(cost_micros IS NULL, NULL, printf('%d.%06d', cost_micros / 1000000, cost_micros % 1000000))
  ),
  error_code TEXT CHECK (length(error_code) <= 100),
  retain_until_ns INTEGER,
  is_permanent INTEGER NOT NULL DEFAULT 0 CHECK (is_permanent IN (0, 1)),
  exit_code INTEGER,
  peak_memory_bytes INTEGER CHECK (peak_memory_bytes >= 0),
  cpu_ms INTEGER CHECK (cpu_ms >= 0),
  timeout_ms INTEGER CHECK (timeout_ms > 0),
  heartbeat_ns INTEGER,
  heartbeat_interval_ms INTEGER CHECK (heartbeat_interval_ms > 0),
  callback_due_ns INTEGER,
  callback_attempts INTEGER NOT NULL DEFAULT 0,
  artifact_count INTEGER NOT NULL DEFAULT 0,
  prompt_head TEXT NOT NULL CHECK (length(prompt_head) <= 200),
  callback_url TEXT CHECK (length(callback_url) <= 2048),
  metadata TEXT CHECK (metadata IS NULL OR json_valid(metadata)),
  resources TEXT CHECK (resources IS NULL OR json_valid(resources)),
  error_message TEXT,
  error_details TEXT CHECK (error_details IS NULL OR json_valid(error_details)),
  prompt TEXT NOT NULL,
  output TEXT
) STRICT;
-- A page of the list, the newest first, and how many there are; every filter of the list without the
-- rows.
CREATE INDEX executions_created ON executions (created_ns DESC, status, artifact_count, model, job_name);
-- The same, sorted by when they ended, what has not ended last; those whose time is over.
CREATE INDEX executions_completed ON executions (
  ifnull(completed_ns, 9223372036854775807), status, artifact_count, model, job_name, created_ns
);
-- The same, sorted by status; counts by status; the few that are running.
CREATE INDEX executions_status ON executions (status, created_ns, artifact_count, model, job_name);
-- The newest runs of a job; the names of jobs.
CREATE INDEX executions_job_name ON executions (job_name, created_ns, status, artifact_count, model);
-- Those to remove at a time of their own.
CREATE INDEX executions_retain ON executions (retain_until_ns) WHERE retain_until_ns IS NOT NULL;
-- Those whose callback_url is to be told.
CREATE INDEX executions_callback ON executions (callback_due_ns) WHERE callback_due_ns IS NOT NULL;

-- The index of their words, made by hantu/text.py: rowid is execution_no, name has id, trace id, job and
-- pod.
CREATE VIRTUAL TABLE execution_word USING fts5 (
  name,
  prompt,
  output,
  error,
  content = '',
  contentless_delete = 1,
  tokenize = 'ascii'
);
-- Else a removal can merge all of the index within one commit; the daily maintenance does it in slices.
INSERT INTO execution_word (execution_word, rank) VALUES ('deletemerge', 0);

-- Every step of an execution, number 1 the first; from_status: NULL for it. The primary key serves the
-- steps of an execution.
CREATE TABLE status_transitions (
  execution_id TEXT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  from_status TEXT CHECK (from_status IN ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
  to_status TEXT NOT NULL CHECK (to_status IN ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
  transitioned_ns INTEGER NOT NULL,
  reason TEXT CHECK (length(reason) <= 1000),
  PRIMARY KEY (execution_id, number)
) STRICT, WITHOUT ROWID;

-- Files that executions leave behind. id: UUID text. file_name: what the sender calls it; file_path:
-- where its content lies below the folder of artifacts. file_size in bytes, checksum: SHA-256; what the
-- sender said while it is UPLOADING. tags: a JSON object of texts.
CREATE TABLE artifacts (
  artifact_no INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE CHECK (length(id) = 36),
  execution_id TEXT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
  file_name TEXT NOT NULL CHECK (length(file_name) <= 255),
  file_path TEXT NOT NULL CHECK (length(file_path) <= 1024),
  file_size INTEGER CHECK (file_size >= 0),
  mime_type TEXT CHECK (length(mime_type) <= 100),
  checksum TEXT CHECK (length(checksum) <= 64),
  type TEXT NOT NULL DEFAULT 'OTHER'
    CHECK (type IN ('CODE', 'DOCUMENT', 'IMAGE', 'DATA', 'LOG', 'OTHER')),
  status TEXT NOT NULL DEFAULT 'UPLOADING'
    CHECK (status IN ('UPLOADING', 'ACTIVE', 'ARCHIVED', 'DELETED')),
  created_ns INTEGER NOT NULL,
  expires_ns INTEGER,
  archived_ns INTEGER,
  tags TEXT CHECK (tags IS NULL OR json_valid(tags))
) STRICT;
-- The artifacts of an execution.
CREATE INDEX artifacts_execution ON artifacts (execution_id);
-- Those whose content never came.
CREATE INDEX artifacts_status ON artifacts (status, created_ns);
-- Those that are past their expiry.
CREATE INDEX artifacts_expires ON artifacts (expires_ns) WHERE expires_ns IS NOT NULL;

-- Whoever writes: only legal moves (hantu/executions/states.py).
CREATE TRIGGER executions_move BEFORE UPDATE OF status ON executions
WHEN NOT (
  old.status = 'PENDING' AND new.status IN ('RUNNING', 'CANCELLED')
  OR old.status = 'RUNNING' AND new.status IN ('COMPLETED', 'FAILED', 'CANCELLED')
) BEGIN
  SELECT raise(ABORT, 'this execution cannot go to that status');
END;

-- The same of artifacts.
CREATE TRIGGER artifacts_move BEFORE UPDATE OF status ON artifacts
WHEN NOT (
  old.status = 'UPLOADING' AND new.status IN ('ACTIVE', 'DELETED')
  OR old.status = 'ACTIVE' AND new.status IN ('ARCHIVED', 'DELETED')
  OR old.status = 'ARCHIVED' AND new.status IN ('ACTIVE', 'DELETED')
) BEGIN
  SELECT raise(ABORT, 'this artifact cannot go to that status');
END;

-- A change is later than the one before, also by a writer that sets no time.
CREATE TRIGGER executions_updated AFTER UPDATE OF
  status, pod_name, started_ns, completed_ns, tokens_used, input_tokens, output_tokens, cost_micros,
  error_code, error_message, error_details, retain_until_ns, is_permanent, exit_code, peak_memory_bytes,
  cpu_ms, metadata, output
ON executions WHEN new.updated_ns <= old.updated_ns BEGIN
  UPDATE executions
  SET updated_ns = max(
    old.updated_ns + 1, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000000
  )
  WHERE execution_no = new.execution_no;
END;

-- What is removed is not found any more.
CREATE TRIGGER executions_forgotten AFTER DELETE ON executions BEGIN
  DELETE FROM execution_word WHERE rowid = old.execution_no;
END;

-- artifact_count, kept whoever writes.
CREATE TRIGGER artifacts_added AFTER INSERT ON artifacts WHEN new.status <> 'DELETED' BEGIN
  UPDATE executions SET artifact_count = artifact_count + 1 WHERE id = new.execution_id;
END;
-- The same when one is deleted.
CREATE TRIGGER artifacts_deleted AFTER UPDATE OF status ON artifacts WHEN new.status = 'DELETED' BEGIN
  UPDATE executions SET artifact_count = artifact_count - 1 WHERE id = new.execution_id;
END;
-- The same when its row goes.
CREATE TRIGGER artifacts_removed AFTER DELETE ON artifacts WHEN old.status <> 'DELETED' BEGIN
  UPDATE executions SET artifact_count = artifact_count - 1 WHERE id = old.execution_id;
END;

-- Who may sign in. password: argon2id as a PHC string, '' for one who comes through a proxy only. password_ns: when it
-- was set; sessions from before are dead.
CREATE TABLE account (
  name TEXT PRIMARY KEY COLLATE NOCASE,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  password TEXT NOT NULL,
  created_ns INTEGER NOT NULL,
  password_ns INTEGER NOT NULL,
  last_login_ns INTEGER
) STRICT, WITHOUT ROWID;

-- Browsers that are signed in. digest: SHA-256 of the cookie's secret.
CREATE TABLE session (
  digest BLOB PRIMARY KEY,
  account TEXT NOT NULL COLLATE NOCASE REFERENCES account (name) ON DELETE CASCADE,
  created_ns INTEGER NOT NULL,
  seen_ns INTEGER NOT NULL,
  ends_ns INTEGER NOT NULL,
  address TEXT NOT NULL,
  agent TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The sessions of an account.
CREATE INDEX session_account ON session (account);

-- What people and programs did that changes something: who, from where, what, to what. detail: JSON.
CREATE TABLE audit (
  audit_no INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ns INTEGER NOT NULL,
  actor TEXT NOT NULL,
  address TEXT NOT NULL,
  act TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;

-- Addresses of pages that people keep by name. account: '' for everybody.
CREATE TABLE saved_view (
  account TEXT NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  created_ns INTEGER NOT NULL,
  PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

-- What an account chose for its pages: language, theme, time zone. account: '' for everybody.
CREATE TABLE preference (
  account TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

-- Times that hantu could not see: of which source, from when to when, why; lines and bytes that were lost,
-- NULL when that is not known. key: of the entry that tells of it, NULL without one.
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

-- The gaps that reach into a time: WHERE to_ns >= ? ORDER BY to_ns DESC.
CREATE INDEX gap_to ON gap (to_ns);
