"""JournalLogCollector: the systemd journal, each entry exactly once (CONTRACT M27–M30)."""

from __future__ import annotations

import getpass
import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from hantu.collect.base import CollectorStatus
from hantu.collect.journal_process import (
    Journalctl,
    JournalctlError,
    arguments,
    boot_of,
    explain,
    find_journalctl,
    hides_entries,
    journal_of,
    this_boot,
)
from hantu.collect.journal_reading import Place, Reading, Wanted
from hantu.collect.lifecycle import Absent, Lifecycle, OnError
from hantu.collect.meter import Meter
from hantu.formats.journal import JournalRecord
from hantu.model import JOURNAL, LogEntry
from hantu.pipeline import Pipeline, Rewind, Submission
from hantu.store.base import LogStorage, StoreError
from hantu.threads import Backoff

log = logging.getLogger(__name__)

CHECKPOINT: Final = "journal"
RETRY: Final = Backoff(first_s=0.5, most_s=30.0)
ORDER_S: Final = 5.0
"""So long after journalctl was told to end comes hantu's own order to end, if it comes."""

OnLog = Callable[[Sequence[LogEntry]], None]
ReadByEngine = Callable[[str, str], bool]
"""Id and name of a container → whether its lines are read from the engine."""


class JournalLogCollector:
    """Collects the journal of this machine. One thread, one journalctl.

    units, identifiers: globs; an entry is kept when one of either matches, and when both are empty.
    since: where the first reading begins, as journalctl's --since, or "boot". namespace: of which
    journal; "" the system's. directory: of journal files to read instead; "" none. reconnect: "auto",
    or "manual" to stay down after a failure. read_by_engine: lines of such containers, written by Docker's
    journald driver, are left out. on_log gets entries after they were handed to the pipeline,
    on_error each failure; both in the collector's thread."""

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
        directory: str = "",
        read_by_engine: ReadByEngine | None = None,
        reconnect: str = "auto",
        on_log: OnLog | None = None,
        on_error: OnError | None = None,
    ) -> None:
        self.meter = Meter()
        self._pipeline = pipeline
        self._store = store
        self._wanted = Wanted(units, identifiers)
        self._since = since
        self._journal = journal_of(namespace, directory)
        self._name = directory or namespace
        self._read_by_engine = read_by_engine
        self._on_log = on_log
        self._process: Journalctl | None = None
        self._life = Lifecycle(
            "journal",
            self._attempt,
            what=lambda: "collecting the journal",
            foreseen=(JournalctlError, StoreError, OSError),
            backoff=RETRY,
            reconnect=reconnect,
            meter=self.meter,
            on_error=on_error,
        )
        self._gaps = 0
        self._units: set[str] = set()
        self._place: Place | None = None
        self._epoch = pipeline.epoch

    def start(self) -> None:
        """Begin, or begin again; while it waits to try again: try now. Returns at once."""
        self._life.start()

    def stop(self) -> None:
        """End journalctl; returns at once."""
        self._life.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end."""
        return self._life.join(timeout_s)

    def status(self) -> CollectorStatus:
        """Its state now."""
        units = len(self._units)
        return self._life.status(
            self.key,
            f"journal ({self._name})" if self._name else "journal",
            JOURNAL,
            gaps=self._gaps,
            detail=f"{units:,} unit{'' if units == 1 else 's'} seen" if units else "no entry seen yet",
        )

    def _load(self) -> Place | None:
        """Where to go on: what was handed in last, or the checkpoint when that was not stored."""
        if self._place is not None and self._epoch == self._pipeline.epoch:
            return self._place
        # What was handed in last may be lost, also when the checkpoint cannot be read now.
        self._place = None
        # The epoch first: a failure between the two reads is seen at the next submission.
        self._epoch = self._pipeline.epoch
        stored = self._store.checkpoint(CHECKPOINT)
        self._place = None if stored is None else _decoded(stored)
        return self._place

    def _attempt(self, stop: threading.Event) -> bool:
        """Read until stopped, and return False."""
        try:
            self._read(stop)
        except Rewind:
            self._place = None
            raise
        return False

    def _read(self, stop: threading.Event) -> None:
        """Read until stopped. Raises JournalctlError at any other end."""
        place = self._load()
        try:
            self._follow(stop, place, cursor=place.cursor if place else "")
        except JournalctlError as error:
            if place is None and error.absent:
                raise Absent(str(error)) from error
            if place is None or not error.cursor:
                raise
            # The time still says where to go on.
            self._follow(stop, place, cursor="")

    def _follow(self, stop: threading.Event, place: Place | None, *, cursor: str) -> None:
        if boot_of(cursor) != this_boot() and not (place is None and self._since == "boot"):
            # What was written before the machine was started again.
            self._catch_up(stop, place, cursor=cursor)
            if self._place is not None and self._place is not place:
                place, cursor = self._place, self._place.cursor
            if stop.is_set():
                return
        process = Journalctl(arguments(cursor=cursor, since=self._since_of(place), journal=self._journal))
        status = self._run(stop, process, place)
        if not _ordered(stop, status):
            raise explain(process.complaint, status, user=_user())

    def _catch_up(self, stop: threading.Event, place: Place | None, *, cursor: str) -> None:
        """Read what is there, of all starts of the machine. Raises JournalctlError."""
        words = arguments(cursor=cursor, since=self._since_of(place), journal=self._journal, follow=False)
        process = Journalctl(words)
        status = self._run(stop, process, place)
        if status and not _ordered(stop, status):
            raise explain(process.complaint, status, user=_user())

    def _run(self, stop: threading.Event, process: Journalctl, place: Place | None) -> int:
        """Read until stopped or its end; its exit status."""
        try:
            self._process = process
            self._life.attach(process.terminate)
            Reading(self, process, place).run(stop)
        finally:
            self._life.attach(None)
            self._process = None
            status = process.close()
        return status

    def _since_of(self, place: Place | None) -> str:
        return self._since if place is None else f"@{place.time_ns // 1_000_000_000}"

    # What a Reading needs.

    def check(self) -> None:
        """Raises Rewind when the store failed since the checkpoint was read."""
        if self._epoch != self._pipeline.epoch:
            raise Rewind("the store failed; reading again from the checkpoint")

    def reading(self, complaint: str) -> None:
        """journalctl reads; complaint: what it said on its standard error."""
        error = explain(complaint, None, user=_user()) if complaint else None
        if error is not None and hides_entries(complaint):
            self._life.collecting(f"{error}: only hantu's own entries are seen", error.fix)
        else:
            self._life.collecting()

    def wants(self, record: JournalRecord) -> bool:
        """Whether the settings ask for this entry."""
        if record.container and self._read_by_engine is not None:
            name = str((record.entry.metadata or {}).get("container_name", ""))
            if self._read_by_engine(record.container, name):
                return False
        self._units.add(record.entry.source_id)
        return self._wanted(record)

    def hand_in(self, entries: list[LogEntry], place: Place, *, gaps: int) -> bool:
        """Entries and the place they reach, to the pipeline; False when stopped."""
        checkpoint = {CHECKPOINT: msgspec.json.encode(place)}
        submission = Submission(entries, checkpoint, epoch=self._epoch)
        if not self._pipeline.submit(submission, stopping=self._life.stopping):
            return False
        self._place = place
        self._gaps += gaps
        self.meter.add(entries, time.time_ns())
        if entries and self._on_log is not None:
            self._on_log(entries)
        return True


def probe(namespace: str = "", directory: str = "") -> JournalctlError | None:
    """Why the journal cannot be read, or None; reads one entry at most. For `hantu doctor`."""
    try:
        find_journalctl()
        process = Journalctl(
            [
                *arguments(cursor="", since="-1h")[:3],
                "--lines=1",
                "--no-pager",
                *journal_of(namespace, directory),
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


def _ordered(stop: threading.Event, status: int) -> bool:
    """Whether journalctl ended because hantu is to end."""
    # systemd tells all processes of a service to end at once: journalctl hears it before this does.
    return stop.wait(ORDER_S if status == -signal.SIGTERM else 0)


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
