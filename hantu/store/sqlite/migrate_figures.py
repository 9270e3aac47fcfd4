"""Schema version 6: a fingerprint that is alone in its group has no figures of its own, for they are the
group's: SQLite writes whole pages, and one in ten that a batch with errors wrote was for these."""

from __future__ import annotations

from typing import Final

FIGURES: Final = """
UPDATE error_fingerprint
SET place = '', message = '', level = 'ERROR', count = 0, first_ns = 0, last_ns = 0
WHERE group_no IN (SELECT group_no FROM error_fingerprint GROUP BY group_no HAVING count(*) = 1);
DROP TRIGGER error_logs_group;
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
"""
