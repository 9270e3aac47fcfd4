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
