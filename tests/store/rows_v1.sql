-- The tables of schema version 1, the row store's, as its migration made them.
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
  UNIQUE (source_no, source_id)
) STRICT;
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
CREATE INDEX entry_time ON entry (time_ns);
CREATE INDEX entry_source ON entry (source_no, time_ns);
CREATE INDEX entry_stream ON entry (stream_no, time_ns);
CREATE INDEX entry_level ON entry (level, time_ns);
CREATE INDEX entry_trace ON entry (trace_id, time_ns) WHERE trace_id IS NOT NULL;
CREATE UNIQUE INDEX entry_event ON entry (event_id) WHERE event_id IS NOT NULL;
CREATE VIRTUAL TABLE word USING fts5 (
  message,
  content = '',
  contentless_delete = 1,
  tokenize = 'ascii'
);
INSERT INTO word (word, rank) VALUES ('deletemerge', 0);
INSERT INTO word (word, rank) VALUES ('automerge', 8);
INSERT INTO word (word, rank) VALUES ('crisismerge', 64);
CREATE TABLE block (
  block_no INTEGER PRIMARY KEY,
  oldest_ns INTEGER NOT NULL,
  newest_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE block_count (
  block_no INTEGER NOT NULL,
  stream_no INTEGER NOT NULL,
  level INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  PRIMARY KEY (block_no, stream_no, level)
) STRICT, WITHOUT ROWID;
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
