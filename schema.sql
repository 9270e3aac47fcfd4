-- The current schema of hantu's one SQLite file. A test proves that it equals all migrations of
-- hantu/store/sqlite/migrate.py applied one after the other; the version is PRAGMA user_version.
-- Times are nanoseconds since the epoch, UTC.

-- What the file knows of itself: store_id (the number in every UUID), cursor (the newest key).
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
-- readers may keep what they know of them.
CREATE TABLE stream (
  stream_no INTEGER PRIMARY KEY AUTOINCREMENT,
  source_no INTEGER NOT NULL REFERENCES source (source_no),
  source_id TEXT NOT NULL,
  UNIQUE (source_no, source_id)
) STRICT;

-- One log entry. key: the arrival number. level: 0 trace … 5 fatal. metadata: a JSON object.
-- trace_id: text.fold(metadata.trace_id); '' when that is no text, so that only the metadata can tell.
-- event_id: the sender's own 16 bytes.
CREATE TABLE entry (
  key INTEGER PRIMARY KEY,
  time_ns INTEGER NOT NULL,
  source_no INTEGER NOT NULL,
  stream_no INTEGER NOT NULL,
  level INTEGER NOT NULL,
  message TEXT NOT NULL,
  metadata TEXT,
  trace_id TEXT,
  event_id BLOB,
  created_ns INTEGER NOT NULL
) STRICT;

-- The newest of everything; a time range; what retention deletes next.
CREATE INDEX entry_time ON entry (time_ns);
-- The newest of one source.
CREATE INDEX entry_source ON entry (source_no, time_ns);
-- The newest of one container, unit or file; an entry's surroundings.
CREATE INDEX entry_stream ON entry (stream_no, time_ns);
-- The newest of one level.
CREATE INDEX entry_level ON entry (level, time_ns);
-- Everything with one trace_id.
CREATE INDEX entry_trace ON entry (trace_id, time_ns) WHERE trace_id IS NOT NULL;
-- Whether an entry that is sent again is known already.
CREATE UNIQUE INDEX entry_event ON entry (event_id) WHERE event_id IS NOT NULL;

-- The index of words: rowid is entry.key, the text is text.index_text(message).
CREATE VIRTUAL TABLE word USING fts5 (
  message,
  content = '',
  contentless_delete = 1,
  tokenize = 'ascii'
);
-- deletemerge 0: deleting must not merge the whole index within one commit; maintenance merges in
-- slices. automerge 8: a fifth less writing than 4, searches still meet few segments. crisismerge 64:
-- merging many segments at once stalls a commit.
INSERT INTO word (word, rank) VALUES ('deletemerge', 0);
INSERT INTO word (word, rank) VALUES ('automerge', 8);
INSERT INTO word (word, rank) VALUES ('crisismerge', 64);

-- 4,096 keys that follow each other (block_no = key >> 12) and the times that lie in them, at least:
-- searches by time look at the blocks that can hold it, newest first. Never written for an empty block.
CREATE TABLE block (
  block_no INTEGER PRIMARY KEY,
  oldest_ns INTEGER NOT NULL,
  newest_ns INTEGER NOT NULL
) STRICT;

-- How many entries of each stream and level a block has: counts, facets and histograms add these up.
CREATE TABLE block_count (
  block_no INTEGER NOT NULL,
  stream_no INTEGER NOT NULL,
  level INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  PRIMARY KEY (block_no, stream_no, level)
) STRICT, WITHOUT ROWID;

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

-- The entries as a person reads them, for `hantu sql`: whatever the storage is, this stays.
CREATE VIEW log_entry AS
SELECT
  printf(
    '%s-%s-8%s-%04x-%012x',
    substr(store.digits, 1, 8),
    substr(store.digits, 9, 4),
    substr(store.digits, 13),
    32768 | (entry.key >> 48),
    entry.key & 281474976710655
  ) AS id,
  entry.key,
  source.name AS source,
  stream.source_id,
  CASE entry.level
    WHEN 0 THEN 'trace'
    WHEN 1 THEN 'debug'
    WHEN 2 THEN 'info'
    WHEN 3 THEN 'warn'
    WHEN 4 THEN 'error'
    ELSE 'fatal'
  END AS level,
  entry.message,
  strftime('%Y-%m-%dT%H:%M:%S', entry.time_ns / 1000000000 - (entry.time_ns % 1000000000 < 0), 'unixepoch')
    || printf('.%09dZ', (entry.time_ns % 1000000000 + 1000000000) % 1000000000) AS timestamp,
  entry.time_ns,
  entry.metadata,
  entry.trace_id,
  strftime('%Y-%m-%dT%H:%M:%S', entry.created_ns / 1000000000, 'unixepoch')
    || printf('.%09dZ', entry.created_ns % 1000000000) AS created_at
FROM entry
JOIN stream ON stream.stream_no = entry.stream_no
JOIN source ON source.source_no = stream.source_no
CROSS JOIN (SELECT printf('%015x', value) AS digits FROM meta WHERE name = 'store_id') AS store;
