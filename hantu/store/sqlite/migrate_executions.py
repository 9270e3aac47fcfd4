"""The migration that adds executions, their steps and artifacts; schema.sql explains it."""

from __future__ import annotations

from typing import Final

FOURTH: Final = """
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
CREATE INDEX executions_created ON executions (created_ns DESC, status, artifact_count, model, job_name);
CREATE INDEX executions_completed ON executions (
  ifnull(completed_ns, 9223372036854775807), status, artifact_count, model, job_name, created_ns
);
CREATE INDEX executions_status ON executions (status, created_ns, artifact_count, model, job_name);
CREATE INDEX executions_job_name ON executions (job_name, created_ns, status, artifact_count, model);
CREATE INDEX executions_retain ON executions (retain_until_ns) WHERE retain_until_ns IS NOT NULL;
CREATE INDEX executions_callback ON executions (callback_due_ns) WHERE callback_due_ns IS NOT NULL;
CREATE VIRTUAL TABLE execution_word USING fts5 (
  name,
  prompt,
  output,
  error,
  content = '',
  contentless_delete = 1,
  tokenize = 'ascii'
);
INSERT INTO execution_word (execution_word, rank) VALUES ('deletemerge', 0);
CREATE TABLE status_transitions (
  execution_id TEXT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  from_status TEXT CHECK (from_status IN ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
  to_status TEXT NOT NULL CHECK (to_status IN ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
  transitioned_ns INTEGER NOT NULL,
  reason TEXT CHECK (length(reason) <= 1000),
  PRIMARY KEY (execution_id, number)
) STRICT, WITHOUT ROWID;
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
CREATE INDEX artifacts_execution ON artifacts (execution_id);
CREATE INDEX artifacts_status ON artifacts (status, created_ns);
CREATE INDEX artifacts_expires ON artifacts (expires_ns) WHERE expires_ns IS NOT NULL;
CREATE TRIGGER executions_move BEFORE UPDATE OF status ON executions
WHEN NOT (
  old.status = 'PENDING' AND new.status IN ('RUNNING', 'CANCELLED')
  OR old.status = 'RUNNING' AND new.status IN ('COMPLETED', 'FAILED', 'CANCELLED')
) BEGIN
  SELECT raise(ABORT, 'this execution cannot go to that status');
END;
CREATE TRIGGER artifacts_move BEFORE UPDATE OF status ON artifacts
WHEN NOT (
  old.status = 'UPLOADING' AND new.status IN ('ACTIVE', 'DELETED')
  OR old.status = 'ACTIVE' AND new.status IN ('ARCHIVED', 'DELETED')
  OR old.status = 'ARCHIVED' AND new.status IN ('ACTIVE', 'DELETED')
) BEGIN
  SELECT raise(ABORT, 'this artifact cannot go to that status');
END;
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
CREATE TRIGGER executions_forgotten AFTER DELETE ON executions BEGIN
  DELETE FROM execution_word WHERE rowid = old.execution_no;
END;
CREATE TRIGGER artifacts_added AFTER INSERT ON artifacts WHEN new.status <> 'DELETED' BEGIN
  UPDATE executions SET artifact_count = artifact_count + 1 WHERE id = new.execution_id;
END;
CREATE TRIGGER artifacts_deleted AFTER UPDATE OF status ON artifacts WHEN new.status = 'DELETED' BEGIN
  UPDATE executions SET artifact_count = artifact_count - 1 WHERE id = new.execution_id;
END;
CREATE TRIGGER artifacts_removed AFTER DELETE ON artifacts WHEN old.status <> 'DELETED' BEGIN
  UPDATE executions SET artifact_count = artifact_count - 1 WHERE id = old.execution_id;
END;
"""
