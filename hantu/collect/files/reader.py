"""FileReader: the one thread that reads all log files."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from typing import Final

from hantu.collect.files.ledger import Patience
from hantu.collect.files.logfile import MakeParser
from hantu.collect.files.rounds import Rounds
from hantu.collect.files.watch import Watch
from hantu.pipeline import Pipeline, PipelineStopped, Rewind
from hantu.store.base import LogStorage
from hantu.threads import Backoff, Worker

log = logging.getLogger(__name__)

SCAN_S: Final = 1.0
SCAN_SHARE: Final = 0.02
"""At most this share of a core is spent on looking for new files."""
POLL_SHARE: Final = 0.25
"""A round that finds nothing takes a quarter of the pause after it at most: 100,000 files take 0.3 s."""


class FileReader:
    """Polls the files of all patterns for as long as at least one pattern is watched.

    Polling works on every file system, and 500 files cost half a millisecond; so nothing else is
    used."""

    def __init__(
        self,
        pipeline: Pipeline,
        store: LogStorage,
        *,
        poll_ms: int = 100,
        scan_s: float = SCAN_S,
        patience: Patience | None = None,
        make_parser: MakeParser | None = None,
    ) -> None:
        self._rounds = Rounds(pipeline, store, patience=patience, make_parser=make_parser)
        self._poll_s = poll_ms / 1000
        self._scan_s = scan_s
        self._lock = threading.Lock()
        self._watches: tuple[Watch, ...] = ()
        self._left: list[Watch] = []
        self._worker: Worker | None = None

    def add(self, watch: Watch) -> None:
        """Begin to read what the pattern matches."""
        with self._lock:
            if watch in self._watches:
                return
            watch.begin_anew()
            self._watches = (*self._watches, watch)
            worker = self._worker
            if worker is None or worker.stopping.is_set() or not worker.alive:
                self._worker = Worker(
                    "files",
                    partial(self._run, worker),
                    backoff=Backoff(),
                    on_error=self._failed,
                )
                self._worker.start()

    def remove(self, watch: Watch) -> None:
        """End reading for this pattern; its files are closed soon after."""
        with self._lock:
            self._watches = tuple(other for other in self._watches if other is not watch)
            self._left.append(watch)
            if not self._watches and self._worker is not None:
                self._worker.stop()

    def _failed(self, error: BaseException) -> None:
        for watch in self._watches:
            watch.error = f"reading files failed and is tried again: {error}"

    def wait_left(self, watch: Watch, timeout_s: float) -> bool:
        """Wait until nothing of a removed pattern is open; True when that is so."""
        with self._lock:
            worker = self._worker
            others = bool(self._watches)
        if worker is None or watch in self._watches:
            return worker is None
        return watch.ended.wait(timeout_s) if others else worker.join(timeout_s)

    # The thread.

    def _run(self, before: Worker | None, stop: threading.Event) -> None:
        if before is not None:
            before.join(60.0)
        rounds = self._rounds
        seen: tuple[Watch, ...] | None = None
        scan_at = 0.0
        shown = True
        try:
            rounds.load(stop)
            while not stop.is_set():
                watches = self._watches
                now_s = time.monotonic()
                try:
                    if watches is not seen or now_s >= scan_at:
                        rounds.scan(watches)
                        self._tell_left()
                        seen, shown = watches, False
                        took_s = time.monotonic() - now_s
                        scan_at = now_s + max(self._scan_s, took_s / SCAN_SHARE)
                    begun_s = time.monotonic()
                    busy = rounds.round(stop, watches)
                    took_s = time.monotonic() - begun_s
                    if not shown and rounds.begun:
                        rounds.show(watches)
                        shown = True
                except Rewind:
                    rounds.rewind(stop)
                    continue
                if not busy:
                    stop.wait(max(self._poll_s, took_s / POLL_SHARE))
        except PipelineStopped:
            log.debug("the pipeline has stopped; so does reading files")
        finally:
            rounds.close()

    def _tell_left(self) -> None:
        with self._lock:
            left, self._left = self._left, []
        for watch in left:
            watch.ended.set()
