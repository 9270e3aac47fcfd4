"""Retention and daily maintenance: when they run, and what they do."""

from __future__ import annotations

import datetime
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from hantu.config import Config
from hantu.executions import Keeping
from hantu.pipeline import Pipeline
from hantu.service.backups import Backups
from hantu.store.artifact_files import ArtifactFiles, Swept
from hantu.store.artifact_keeping import Tidied, sweep_artifacts, tidy_executions
from hantu.store.base import LogStorage, MaintenanceReport, StoreError
from hantu.store.keeping import KeepRule, rules_of, scaled

log = logging.getLogger(__name__)

T = TypeVar("T")

DAY_NS: Final = 86_400 * 10**9
SIZE_CHECK_S: Final = 600.0
SHORTER: Final = 0.9
"""With rules, a file that is too large keeps everything for so much of its time, again and again …"""
SHORTEST: Final = 0.1
"""… down to this."""
DAILY_APART_S: Final = 3_600.0
"""A wait can end a moment early by the wall clock: the time of day would be met twice."""


def seconds_until(clock: str, now: datetime.datetime) -> float:
    """Seconds from `now` (local, zone-aware) to the next time of day `clock` ("HH:MM")."""
    hour, minute = (int(part) for part in clock.split(":"))
    due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if due <= now:
        due += datetime.timedelta(days=1)
    return (due - now).total_seconds()


class Maintenance:
    """Runs the daily work at config.maintenance_at and keeps the file below retention_bytes."""

    def __init__(self, config: Config, pipeline: Pipeline, artifact_files: ArtifactFiles) -> None:
        self._config = config
        self._pipeline = pipeline
        self._artifact_files = artifact_files
        self.rules = rules_of(config.retention)
        self.backups = Backups(config, lambda: pipeline.stopping)
        self.problems: tuple[str, ...] = ()
        self.failing = ""
        self.last_ns: int | None = None
        # Who pauses within the store holds what a second clean-up would wait for with the writer's turn.
        self.alone = threading.RLock()
        """Held by whoever removes something: one clean-up after the other."""
        self._daily_is_due = False
        self._ran_at = -DAILY_APART_S

    def body(self, stop: threading.Event) -> None:
        """The Worker's body: waits, works, for ever. What failed is tried again at the next size check."""
        self._sweep()
        while not stop.is_set():
            until_s = seconds_until(self._config.maintenance_at, datetime.datetime.now().astimezone())
            if stop.wait(min(until_s, SIZE_CHECK_S)):
                return
            if until_s <= SIZE_CHECK_S and time.monotonic() - self._ran_at > DAILY_APART_S:
                self._daily_is_due = True
            self.work()

    def work(self) -> None:
        """What is due now; a failure is logged and shown until it succeeds."""
        try:
            if self._daily_is_due:
                self.run()
            self.bound_size()
        except StoreError as error:
            if not self._pipeline.stopping:
                self.failing = f"old entries could not be removed: {error}"
                log.error("%s", self.failing)
        else:
            self.failing = ""
        self.backups.work()

    def run(self) -> MaintenanceReport:
        """Retention, optimisation, vacuum and integrity check, now."""
        pipeline = self._pipeline
        self._remove_errors()
        report = self._with_store(
            lambda store: store.maintain(
                self._config.retention_days,
                now_ns=time.time_ns(),
                pause=pipeline.pause,
                rules=self.rules,
            )
        )
        self.problems = report.problems
        # Last: a folder of artifacts that cannot be tidied up must not keep old entries in the file.
        self._remove_executions()
        self.last_ns = time.time_ns()
        self._ran_at = time.monotonic()
        self._daily_is_due = False
        self.backups.fall_due()
        for problem in report.problems:
            log.critical("integrity check of the database: %s", problem)
        log.info("maintenance removed %d entries, freed %d bytes", report.removed, report.freed_bytes)
        return report

    def _with_store(self, work: Callable[[LogStorage], T]) -> T:
        with self.alone:
            return self._pipeline.with_store(work)

    def _remove_errors(self) -> None:
        """Remove the occurrences that error_retention_days no longer keeps."""
        keep_days = self._config.error_retention_days
        if keep_days is not None:
            removed = self._errors_before(time.time_ns() - int(keep_days * DAY_NS))
            log.info("maintenance removed %d errors; their groups keep their counts", removed)

    def _bound_executions(self, most_bytes: int) -> bool:
        """Delete the oldest day of executions when they take more than that; whether it did."""
        size = self._pipeline.with_store(lambda store: store.execution_size())
        if size.size_bytes <= most_bytes or size.oldest_ns is None:
            return False
        age_ns = time.time_ns() - size.oldest_ns
        removed = self._tidy_executions(Keeping(max(age_ns - DAY_NS, age_ns * 9 // 10) / DAY_NS)).executions
        log.warning("the file is above retention_bytes: removed %d executions", removed)
        return removed > 0

    def _remove_executions(self) -> None:
        """Remove executions and artifacts that the settings, or their own times, no longer keep."""
        keeping = Keeping(self._config.execution_retention_days, self._config.execution_keep_runs)
        done = self._tidy_executions(keeping)
        log.info("maintenance removed %d executions, %d artifacts", done.executions, done.artifacts)
        _tell_swept(done.swept)

    def _tidy_executions(self, keeping: Keeping) -> Tidied:
        return tidy_executions(
            self._with_store,
            self._artifact_files,
            keeping,
            now_ns=time.time_ns(),
            pause=self._pipeline.pause,
        )

    def _sweep(self) -> None:
        """At the start: remove what a crash left in the folder of artifacts."""
        try:
            _tell_swept(sweep_artifacts(self._pipeline.with_store, self._artifact_files))
        except StoreError as error:
            # The daily maintenance tries again, and shows it when that fails too.
            log.warning("the folder of artifacts could not be tidied up: %s", error)

    def _errors_before(self, before_ns: int) -> int:
        pipeline = self._pipeline
        return self._with_store(lambda store: store.remove_errors(before_ns, pause=pipeline.pause))

    def cleanup(self, retention_days: float, *, reason: str, rules: Sequence[KeepRule] = ()) -> int:
        """Delete entries older than retention_days, or than their rule says; returns how many."""
        pipeline = self._pipeline
        return self._with_store(
            lambda store: store.cleanup(retention_days, reason=reason, pause=pipeline.pause, rules=rules)
        )

    def bound_size(self) -> int:
        """Delete the oldest day, again and again, while the file is above retention_bytes: of entries, or
        of errors or executions while these take more than half of it. Returns how many entries went."""
        most = self._config.retention_bytes
        removed = 0
        part = 1.0
        # A clean-up that is stopped early deletes and gives no room back: never go by the size then.
        while most is not None and not self._pipeline.stopping:
            stats = self._pipeline.with_store(lambda store: store.stats())
            if stats.size_bytes <= most or stats.oldest_ns is None:
                break
            if self._bound_errors(most // 2) or self._bound_executions(most // 2):
                continue
            if self.rules:
                # The oldest day may be all there is of what is kept long: each kind gives of its own time.
                part *= SHORTER
                if part < SHORTEST:
                    break
                removed += self._shorten(part)
                continue
            gone = self.remove_oldest(stats.oldest_ns)
            removed += gone
            if not gone:
                break
        return removed

    def remove_oldest(self, oldest_ns: int) -> int:
        """Delete the oldest day; returns how many entries went."""
        age_ns = time.time_ns() - oldest_ns
        # Never the newest tenth: a file that is too small for a day must not lose all of it.
        keep_days = max(age_ns - DAY_NS, age_ns * 9 // 10) / DAY_NS
        return self.cleanup(keep_days, reason="size")

    def _shorten(self, part: float) -> int:
        days = self._config.retention_days * part
        return self.cleanup(days, reason="size", rules=scaled(self.rules, part))

    def _bound_errors(self, most_bytes: int) -> bool:
        """Delete the oldest day of errors when they take more than that; whether it did."""
        size = self._pipeline.with_store(lambda store: store.error_size())
        if size.size_bytes <= most_bytes or size.oldest_ns is None:
            return False
        age_ns = time.time_ns() - size.oldest_ns
        removed = self._errors_before(size.oldest_ns + max(1, min(DAY_NS, age_ns // 10)))
        log.warning("the file is above retention_bytes: removed %d errors", removed)
        return removed > 0


def _tell_swept(swept: Swept) -> None:
    if swept.files:
        log.warning(
            "removed %d files of %d bytes that belonged to no artifact", swept.files, swept.size_bytes
        )
