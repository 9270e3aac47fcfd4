"""JournalLogCollector: the systemd journal, each entry exactly once (CONTRACT M27–M30)."""

from __future__ import annotations

import getpass
import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from hantu.collect.base import CollectorState, CollectorStatus
from hantu.collect.journal_process import (
    Journalctl,
    JournalctlError,
    arguments,
    explain,
    find_journalctl,
    hides_entries,
)
from hantu.collect.journal_reading import Place, Reading, Wanted
from hantu.collect.meter import Meter
from hantu.formats.journal import JournalRecord
from hantu.model import JOURNAL, LogEntry
from hantu.pipeline import Pipeline, PipelineStopped, Rewind, Submission
from hantu.store.base import LogStorage, StoreError
from hantu.threads import Backoff, Worker

log = logging.getLogger(__name__)

CHECKPOINT: Final = "journal"
RETRY: Final = Backoff(first_s=0.5, most_s=30.0)

_REWIND_S: Final = 0.5

OnLog = Callable[[Sequence[LogEntry]], None]
OnError = Callable[[Exception], None]


class JournalLogCollector:
    """Collects the journal of this machine. One thread, one journalctl.

    units, identifiers: globs; an entry is kept when one of either matches, and when both are empty.
    since: where the first reading begins, as journalctl's --since, or "boot". namespace: of which
    journal; "" the system's. reconnect: "auto", or "manual" to stay down after a failure. on_log gets
    entries after they were handed to the pipeline, on_error each failure; both in the collector's
    thread."""

    key = JOURNAL
    source = JOURNAL

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        store: LogStorage,
        units: Sequence[str] = (),
        identifiers: Sequence[str] = (),
        since: str = "-1h",
        namespace: str = "",
        reconnect: str = "auto",
        on_log: OnLog | None = None,
        on_error: OnError | None = None,
    ) -> None:
        self.meter = Meter()
        self._pipeline = pipeline
        self._store = store
        self._wanted = Wanted(units, identifiers)
        self._since = since
        self._namespace = namespace
        self._reconnect = reconnect
        self._on_log = on_log
        self._on_error = on_error
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._process: Journalctl | None = None
        self._running = False
        self._runs = 0
        self._again = False
        self._wake = threading.Event()
        self._state = CollectorState.STOPPED
        self._since_ns = time.time_ns()
        self._error = ""
        self._fix = ""
        self._retry_at: float | None = None
        self._gaps = 0
        self._units: set[str] = set()
        self._place: Place | None = None
        self._epoch = pipeline.epoch

    def start(self) -> None:
        """Begin, or begin again; while it waits to try again: try now. Returns at once."""
        with self._lock:
            self._again = True
            self._wake.set()
            if self._running:
                if self._state in (CollectorState.STOPPED, CollectorState.FAILED):
                    self._to(CollectorState.STARTING)
                return
            self._running = True
            self._to(CollectorState.STARTING)
            self._runs += 1
            self._worker = Worker(
                "journal",
                self._run,
                backoff=RETRY,
                on_error=self._broke,
                on_end=partial(self._ended, self._runs),
            )
            self._worker.start()

    def stop(self) -> None:
        """End journalctl; returns at once."""
        with self._lock:
            self._again = False
            self._to(CollectorState.STOPPED)
            if self._worker is not None:
                self._worker.stop()
            self._wake.set()
            if self._process is not None:
                self._process.terminate()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end."""
        worker = self._worker
        return worker is None or worker.join(timeout_s)

    def status(self) -> CollectorStatus:
        """Its state now."""
        retry_at = self._retry_at
        units = len(self._units)
        return CollectorStatus(
            key=self.key,
            name=f"journal ({self._namespace})" if self._namespace else "journal",
            source=JOURNAL,
            source_id="",
            state=self._state,
            since_ns=self._since_ns,
            lines=self.meter.lines,
            per_minute=self.meter.per_minute(),
            lag_s=self.meter.lag_s,
            last_ns=self.meter.last_ns,
            error=self._error,
            fix=self._fix,
            retry_in_s=None if retry_at is None else max(0.0, retry_at - time.monotonic()),
            gaps=self._gaps,
            detail=f"{units:,} unit{'' if units == 1 else 's'} seen" if units else "no entry seen yet",
        )

    def _to(self, state: CollectorState, error: str = "", fix: str = "") -> None:
        if state is not self._state:
            self._since_ns = time.time_ns()
        self._state, self._error, self._fix = state, error, fix
        self._retry_at = None

    def _ended(self, run: int) -> None:
        with self._lock:
            if run != self._runs:
                return
            self._running = False
            # start() after stop() may come before the old thread has gone.
            again = self._again and self._state is not CollectorState.FAILED
        if again:
            self.start()

    def _broke(self, error: BaseException) -> None:
        """Something nobody foresaw; the Worker has logged it and runs again."""
        self._place = None
        with self._lock:
            if not self._stopping():
                self._to(CollectorState.RECONNECTING, f"{type(error).__name__}: {error}")

    def _stopping(self) -> bool:
        return self._worker is None or self._worker.stopping.is_set()

    def _run(self, stop: threading.Event) -> None:
        failures = 0
        while not stop.is_set():
            with self._lock:
                if stop.is_set():
                    return  # a start() that came after the stop is for the next thread
                self._again = False
                self._wake.clear()
            lines = self.meter.lines
            try:
                self._read(stop)
                return
            except Rewind:
                # The store failed; what was handed in since is refused.
                self._place = None
                stop.wait(_REWIND_S)
            except PipelineStopped:
                return
            except (JournalctlError, StoreError, OSError) as error:
                failures = 1 if self.meter.lines > lines else failures + 1
                if not self._failed(error, failures):
                    return

    def _failed(self, error: Exception, failures: int) -> bool:
        """Show the failure; wait and return True to try again, False to stay down."""
        message, fix = str(error) or repr(error), getattr(error, "fix", "")
        with self._lock:
            if self._stopping():
                return False
            known = message == self._error
            lasting = isinstance(error, JournalctlError) and error.lasting
            down = lasting or self._reconnect == "manual"
            if down:
                self._to(CollectorState.FAILED, message, fix)
            else:
                self._to(CollectorState.RECONNECTING, message, fix)
                wait_s = RETRY.wait_s(failures)
                self._retry_at = time.monotonic() + wait_s
        if not known:
            log.warning("collecting the journal failed: %s; %s", message, fix)
        if self._on_error is not None:
            self._on_error(error)
        if not down:
            self._wake.wait(wait_s)
        return not down

    def _load(self) -> Place | None:
        """Where to go on: what was handed in last, or the checkpoint when that was not stored."""
        if self._place is not None and self._epoch == self._pipeline.epoch:
            return self._place
        # The epoch first: a failure between the two reads is seen at the next submission.
        self._epoch = self._pipeline.epoch
        stored = self._store.checkpoint(CHECKPOINT)
        self._place = None if stored is None else _decoded(stored)
        return self._place

    def _read(self, stop: threading.Event) -> None:
        """Read until stopped. Raises JournalctlError at any other end."""
        place = self._load()
        try:
            self._follow(stop, place, cursor=place.cursor if place else "")
        except JournalctlError as error:
            if place is None or not error.cursor:
                raise
            # The time still says where to go on.
            self._follow(stop, place, cursor="")

    def _follow(self, stop: threading.Event, place: Place | None, *, cursor: str) -> None:
        since = self._since if place is None else f"@{place.time_ns // 1_000_000_000}"
        process = Journalctl(arguments(cursor=cursor, since=since, namespace=self._namespace))
        try:
            with self._lock:
                self._process = process
                if self._stopping():
                    return
            Reading(self, process, place).run(stop)
        finally:
            with self._lock:
                self._process = None
            status = process.close()
        if not stop.is_set():
            raise explain(process.complaint, status, user=_user())

    # What a Reading needs.

    def check(self) -> None:
        """Raises Rewind when the store failed since the checkpoint was read."""
        if self._epoch != self._pipeline.epoch:
            raise Rewind("the store failed; reading again from the checkpoint")

    def reading(self, complaint: str) -> None:
        """journalctl reads; complaint: what it said on its standard error."""
        error = explain(complaint, None, user=_user()) if complaint else None
        with self._lock:
            if self._stopping():
                return
            if error is not None and hides_entries(complaint):
                self._to(
                    CollectorState.COLLECTING, f"{error}: only hantu's own entries are seen", error.fix
                )
            elif self._state is not CollectorState.COLLECTING or self._error:
                self._to(CollectorState.COLLECTING)

    def wants(self, record: JournalRecord) -> bool:
        """Whether the settings ask for this entry."""
        self._units.add(record.entry.source_id)
        return self._wanted(record)

    def hand_in(self, entries: list[LogEntry], place: Place, *, gaps: int) -> bool:
        """Entries and the place they reach, to the pipeline; False when stopped."""
        worker = self._worker
        stopping = worker.stopping.is_set if worker is not None else bool
        checkpoint = {CHECKPOINT: msgspec.json.encode(place)}
        if not self._pipeline.submit(Submission(entries, checkpoint, epoch=self._epoch), stopping=stopping):
            return False
        self._place = place
        self._gaps += gaps
        self.meter.add(entries, time.time_ns())
        if entries and self._on_log is not None:
            self._on_log(entries)
        return True


def probe(namespace: str = "") -> JournalctlError | None:
    """Why the journal cannot be read, or None; reads one entry at most. For `hantu doctor`."""
    try:
        find_journalctl()
        process = Journalctl(
            [
                *arguments(cursor="", since="-1h", namespace=namespace)[:3],
                "--lines=1",
                "--no-pager",
                *([f"--namespace={namespace}"] if namespace else []),
            ]
        )
    except JournalctlError as error:
        return error
    except OSError as error:
        return JournalctlError(f"journalctl cannot be started: {error}")
    until = time.monotonic() + 5.0
    while not process.ended and time.monotonic() < until:
        process.read(0.2)
    status = process.close()
    if status or process.complaint:
        return explain(process.complaint, status, user=_user())
    return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _decoded(stored: bytes) -> Place | None:
    try:
        return msgspec.json.decode(stored, type=Place)
    except msgspec.DecodeError as error:
        log.warning("the journal's checkpoint is damaged (%s); reading from the first time on", error)
        return None
