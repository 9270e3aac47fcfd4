"""Retention and daily maintenance: when they run, and what they do."""

from __future__ import annotations

import datetime
import logging
import threading
import time
from typing import Final

from hantu.config import Config
from hantu.pipeline import Pipeline
from hantu.store.base import MaintenanceReport

log = logging.getLogger(__name__)

DAY_NS: Final = 86_400 * 10**9
SIZE_CHECK_S: Final = 600.0


def seconds_until(clock: str, now: datetime.datetime) -> float:
    """Seconds from `now` (local, zone-aware) to the next time of day `clock` ("HH:MM")."""
    hour, minute = (int(part) for part in clock.split(":"))
    due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if due <= now:
        due += datetime.timedelta(days=1)
    return (due - now).total_seconds()


class Maintenance:
    """Runs the daily work at config.maintenance_at and keeps the file below retention_bytes."""

    def __init__(self, config: Config, pipeline: Pipeline) -> None:
        self._config = config
        self._pipeline = pipeline
        self.problems: tuple[str, ...] = ()
        self.last_ns: int | None = None

    def body(self, stop: threading.Event) -> None:
        """The Worker's body: waits, works, for ever."""
        while not stop.is_set():
            until_s = seconds_until(self._config.maintenance_at, datetime.datetime.now().astimezone())
            if stop.wait(min(until_s, SIZE_CHECK_S)):
                return
            if until_s <= SIZE_CHECK_S:
                self.run()
            self.bound_size()

    def run(self) -> MaintenanceReport:
        """Retention, optimisation, vacuum and integrity check, now."""
        pipeline = self._pipeline
        report = pipeline.with_store(
            lambda store: store.maintain(
                self._config.retention_days, now_ns=time.time_ns(), pause=pipeline.pause
            )
        )
        self.problems = report.problems
        self.last_ns = time.time_ns()
        for problem in report.problems:
            log.critical("integrity check of the database: %s", problem)
        log.info("maintenance removed %d entries, freed %d bytes", report.removed, report.freed_bytes)
        return report

    def cleanup(self, retention_days: float, *, reason: str) -> int:
        """Delete entries older than retention_days; returns how many."""
        pipeline = self._pipeline
        return pipeline.with_store(
            lambda store: store.cleanup(retention_days, reason=reason, pause=pipeline.pause)
        )

    def bound_size(self) -> int:
        """Delete the oldest day, again and again, while the file is above retention_bytes."""
        most = self._config.retention_bytes
        removed = 0
        while most is not None:
            stats = self._pipeline.with_store(lambda store: store.stats())
            if stats.size_bytes <= most or stats.oldest_ns is None:
                break
            now_ns = time.time_ns()
            age_ns = now_ns - stats.oldest_ns
            # Never the newest tenth: a file that is too small for a day must not lose all of it.
            keep_days = max(age_ns - DAY_NS, age_ns * 9 // 10) / DAY_NS
            gone = self.cleanup(keep_days, reason="size")
            removed += gone
            if not gone:
                break
        return removed
