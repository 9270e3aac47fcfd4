"""Schema version 5, its fifth part: how often the texts of errors are used stands apart from them, in short
rows: each error counts there, and SQLite writes whole pages."""

from __future__ import annotations

from typing import Final

OUTLINES: Final = """
CREATE TABLE error_outline (
  stack_no INTEGER PRIMARY KEY,
  outline INTEGER NOT NULL,
  uses INTEGER NOT NULL
) STRICT;
CREATE INDEX error_outline_newest ON error_outline (outline);
INSERT INTO error_outline (stack_no, outline, uses)
SELECT stack_no, outline, uses FROM error_stack;
DROP TRIGGER error_logs_stack;
DROP INDEX error_stack_outline;
ALTER TABLE error_stack DROP COLUMN uses;
ALTER TABLE error_stack DROP COLUMN outline;
CREATE TRIGGER error_logs_stack AFTER DELETE ON error_logs WHEN old.stack_no IS NOT NULL BEGIN
  UPDATE error_outline SET uses = uses - 1 WHERE stack_no = old.stack_no;
  DELETE FROM error_stack
  WHERE stack_no = old.stack_no
    AND EXISTS (SELECT 1 FROM error_outline WHERE stack_no = old.stack_no AND uses = 0);
  DELETE FROM error_outline WHERE stack_no = old.stack_no AND uses = 0;
END;
"""
