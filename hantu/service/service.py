"""Service: all parts of one running hantu."""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hantu.alert import AlertEngine
from hantu.collect.build import build_collectors
from hantu.collect.manager import LogCollectorManager
from hantu.config import Config
from hantu.jobs.asked import Masking
from hantu.mask import SensitiveDataFilter
from hantu.pipeline import Changes, Pipeline, Processor
from hantu.pipeline.processors import DropCopies, DropSelf, Mask, bound
from hantu.service import memory
from hantu.service.accounts import Accounts
from hantu.service.alerting import build_alerts
from hantu.service.canaries import build_canaries, canary_file
from hantu.service.canary_engine import EngineCanary
from hantu.service.disk_full import DiskGuard
from hantu.service.executions import Executions
from hantu.service.gaps import SentGaps, last_change_ns
from hantu.service.gauges import (
    HISTORY_SAMPLES,
    SAMPLE_S,
    Gauges,
    QueryTimes,
    Sample,
    TailSlots,
    file_bytes,
    memory_bytes,
)
from hantu.service.maintenance import Maintenance
from hantu.service.opening import open_sound, tell_of_rescue
from hantu.service.pulse import Pulse
from hantu.service.renewal import Renewal
from hantu.service.rhythm import Rhythm
from hantu.service.setup import SetupLink
from hantu.store.artifact_files import ArtifactFiles
from hantu.store.base import LogStorage
from hantu.store.keeping import KeepRule
from hantu.tail import CommitSignal, TailHub
from hantu.threads import Backoff, Worker

log = logging.getLogger(__name__)

STOP_COLLECTORS_S: Final = 2.0
STOP_WRITER_S: Final = 3.0
STOP_WORKERS_S: Final = 1.0
OWN_START_NS: Final = 10 * 10**9
"""The process is at most so much older than its Service."""
FIRST_SAMPLE_S: Final = 1.0


class Service:
    """Builds every part on construction; start() begins to collect, stop() ends in order.

    origins: where each setting came from, as config.load() tells; one not named is a default.
    Raises StoreError (StoreBusy, NewerSchema) when the file cannot be opened for writing."""

    def __init__(self, config: Config, *, origins: Mapping[str, str] | None = None) -> None:
        self.config = config
        self.origins = dict(origins or {})
        config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        changed_ns = last_change_ns(config.database)
        self.store: LogStorage = open_sound(config.database)
        self.signal = CommitSignal(self.store.cursor())
        self.hub = TailHub(self.store, self.signal, batch_ms=config.tail_batch_ms)
        self.url = ""
        self.canary_secret = secrets.token_urlsafe(32)
        self.canaries = build_canaries(
            config,
            url=lambda: self.url,
            secret=self.canary_secret,
            reads_journal=lambda: self.manager.is_read("journal"),
        )
        self.tails = TailSlots(config.tail_clients)
        self.pipeline = Pipeline(
            self.store,
            self.signal,
            processors=[self.canaries, *_processors(config)],
            batch_entries=config.batch_entries,
            batch_ms=config.batch_ms,
            watched=lambda: self.tails.used > 0,
        )
        self.rhythm = Rhythm(self.pipeline, self.store)
        self.sent_gaps = SentGaps(self.pipeline, changed_ns=changed_ns)
        self.manager: LogCollectorManager = build_collectors(
            config, self.pipeline, self.store, own_file=canary_file(config)
        )
        if config.canary and config.docker != "off":
            self.canaries.add(EngineCanary(self.manager))
        self.artifact_files = ArtifactFiles(config.artifact_folder)
        self.maintenance = Maintenance(config, self.pipeline, self.artifact_files)
        self.disk = DiskGuard(config.database, self.pipeline, self.maintenance.alone)
        self.alerts: AlertEngine | None = build_alerts(
            config, self.store, self.pipeline, self.signal, maintenance=self.maintenance, disk=self.disk
        )
        self.changes = Changes(self.pipeline)
        self.executions = Executions(config, self.store, self.pipeline)
        self.masking = Masking(_filter(config))
        self.accounts = Accounts(self.store, self.pipeline)
        self.setup = SetupLink(self.accounts)
        self.renewal = Renewal(config.database, self._looks_damaged)
        self.query_times = QueryTimes()
        self.control_token = secrets.token_urlsafe(32)
        self.started_ns = time.time_ns()
        self.stopping = threading.Event()
        self._stop_begun = False
        self._history: deque[Sample] = deque(maxlen=HISTORY_SAMPLES)
        self._workers = [
            Worker("maintenance", self.maintenance.body, backoff=Backoff(first_s=60, most_s=3600)),
            Worker("disk", self.disk.body, backoff=Backoff()),
            Worker("renewal", self.renewal.body, backoff=Backoff(first_s=60, most_s=3600)),
            Worker("sampler", self._sample_all, backoff=Backoff()),
            Worker("memory", memory.body, backoff=Backoff()),
            Worker(
                "rhythm",
                lambda stop: self.rhythm.body(stop, self.manager.statuses),
                backoff=Backoff(first_s=60, most_s=3600),
            ),
            Worker("executions", self.executions.overdue_body, backoff=Backoff()),
            Worker("callbacks", self.executions.callback_body, backoff=Backoff()),
        ]
        self._workers += [
            Worker(f"canary-{each.way}", each.body, backoff=Backoff()) for each in self.canaries
        ]
        if self.alerts is not None:
            self._workers.append(Worker("alerts", self.alerts.body, backoff=Backoff()))

    def start(self, url: str = "") -> None:
        """Start writing, collecting and maintaining. url: where the web server answers."""
        self.url = url
        if self.alerts is not None:
            self.alerts.begin()
        self.sent_gaps.begin()
        self.pipeline.start()
        tell_of_rescue(self.store, self.pipeline)
        self.manager.start_all()
        for worker in self._workers:
            worker.start()
        if url:
            self._write_control_file()

    def watch(self, beat: Callable[[], None], watchdog_s: float) -> None:
        """Call beat() several times in watchdog_s for as long as nothing hangs and nobody ends hantu."""
        pulse = Worker("pulse", Pulse(self.pipeline, beat, watchdog_s).body, backoff=Backoff())
        self._workers.append(pulse)
        pulse.start()

    def begin_stop(self) -> None:
        """Tell every live tail and worker to end; returns at once. May be called by a signal handler."""
        # A second signal can interrupt the first one's handler, which holds the event's own lock.
        if self._stop_begun:
            return
        self._stop_begun = True
        self.stopping.set()
        for worker in self._workers:
            worker.stop()

    def stop(self) -> bool:
        """End collecting, write what waits, close the file; True when all was written."""
        self.begin_stop()
        # Whoever waits for a commit, or for a callback to send, looks whether it is to end.
        self.signal.publish(self.signal.cursor)
        self.executions.wake()
        self.manager.stop_all(STOP_COLLECTORS_S)
        written = self.pipeline.stop(STOP_WRITER_S)
        self.sent_gaps.minute()
        until = time.monotonic() + STOP_WORKERS_S
        for worker in self._workers:
            worker.join(max(0.0, until - time.monotonic()))
        self._remove_control_file()
        self.store.close()
        return written

    def _write_control_file(self) -> None:
        """Where commands find the running service. A full disk must not keep hantu from starting."""
        text = json.dumps(
            {
                "url": self.url,
                "token": self.control_token,
                "pid": os.getpid(),
                "setup": self.setup.token,
            }
        )
        path = self.config.control_file
        try:
            path.unlink(missing_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            log.error("commands will not find this service: %s cannot be written: %s", path, error)

    def _remove_control_file(self) -> None:
        try:
            self.config.control_file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s cannot be removed: %s", self.config.control_file, error)

    def cleanup(
        self, retention_days: float, reason: str = "by hand", *, rules: Sequence[KeepRule] = ()
    ) -> int:
        """Delete entries older than retention_days, or than their rule says; returns how many."""
        return self.maintenance.cleanup(retention_days, reason=reason, rules=rules)

    def gauges(self) -> Gauges:
        """The figures of now."""
        lags = [status.lag_s for status in self.manager.statuses() if status.lag_s is not None]
        return Gauges(
            memory_bytes=memory_bytes(),
            queue_waiting=self.pipeline.waiting,
            queue_most=self.pipeline.queue_most,
            tails=self.tails.used,
            tails_most=self.tails.most,
            skipped_total=self.hub.skipped_total,
            refused_total=self.pipeline.refused_total,
            written_total=self.pipeline.written_total,
            query_ms_recent=self.query_times.slowest(),
            lag_s=max(lags, default=None),
            size_bytes=file_bytes(self.config.database),
            disk_free_bytes=shutil.disk_usage(self.config.data_dir).free,
        )

    def history(self) -> tuple[Sample, ...]:
        """A sample a minute, up to 24 hours, oldest first."""
        return tuple(self._history)

    @property
    def alerting(self) -> bool:
        """Whether people are told of the errors that are stored now."""
        return self.alerts is not None and self.alerts.alerting

    def problems(self) -> list[str]:
        """What is wrong, a sentence each; empty when all is well."""
        problems = list(self.maintenance.problems)
        if self.maintenance.failing:
            problems.append(self.maintenance.failing)
        if self.pipeline.failing:
            problems.append(f"the database refuses writes: {self.pipeline.failing}")
        if self.stopping.is_set():
            problems.append("hantu is stopping")
        return problems

    def _looks_damaged(self) -> bool:
        return bool(self.maintenance.problems) or "is damaged" in self.pipeline.failing

    def _sample_all(self, stop: threading.Event) -> None:
        written = self.pipeline.written_total
        wait_s = FIRST_SAMPLE_S
        while not stop.wait(wait_s):
            wait_s = SAMPLE_S
            self.sent_gaps.minute()
            now = self.gauges()
            self._history.append(
                Sample(
                    at_ns=time.time_ns(),
                    entries_per_min=now.written_total - written,
                    query_ms=now.query_ms_recent,
                    lag_s=now.lag_s,
                    memory_bytes=now.memory_bytes,
                    queue_waiting=now.queue_waiting,
                    tails=now.tails,
                    size_bytes=now.size_bytes,
                )
            )
            written = now.written_total


def _processors(config: Config) -> list[Processor]:
    processors: list[Processor] = [DropSelf(os.getpid(), time.time_ns() - OWN_START_NS), bound]
    if config.log_dir is not None:
        processors.append(DropCopies(config.log_dir))
    masking = _filter(config)
    if masking is not None:
        processors.append(Mask(masking.mask_batch))
    return processors


def _filter(config: Config) -> SensitiveDataFilter | None:
    return SensitiveDataFilter(extra_keys=config.mask_keys) if config.mask else None
