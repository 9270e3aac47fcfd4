"""Gaps of lines that programs send by themselves: nothing can read those again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hantu.pipeline import Pipeline
from hantu.store.base import LogStorage, StoreError
from hantu.store.gap_base import Gap

log = logging.getLogger(__name__)

ALIVE: Final = "alive"
"""The checkpoint that tells until when hantu took what was sent."""
SENT: Final = ""
"""The source of such gaps: senders name any source."""
SHORT_NS: Final = 10**9
"""A stop as short as this is no gap: whoever met it has been waiting for an answer still."""
_STOPPED: Final = "hantu was stopped; what programs sent meanwhile was not taken"
_REFUSED: Final = "hantu had no room; the senders were told to send again"


def last_change_ns(database: Path) -> int:
    """When the write-ahead log of a process that was killed was last written; 0 when there is none."""
    try:
        return database.with_name(database.name + "-wal").stat().st_mtime_ns
    except OSError:
        return 0


class SentGaps:
    """Notes when hantu was stopped, and how many lines it refused in each minute.

    changed_ns: last_change_ns() from before the store was opened."""

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        changed_ns: int = 0,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._pipeline = pipeline
        self._changed_ns = changed_ns
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._lines = 0
        self._first_ns = 0
        self._last_ns = 0

    def begin(self) -> None:
        """Note the time since hantu ended, when there is anybody who may send."""
        now_ns = self._clock_ns()

        def note(store: LogStorage) -> None:
            stored = store.checkpoint(ALIVE)
            alive_ns = max(0 if stored is None else int(stored), self._changed_ns)
            if stored is not None and now_ns - alive_ns > SHORT_NS and store.tokens():
                store.note_gaps([Gap(SENT, "", alive_ns, now_ns, reason=_STOPPED)])

        self._do(note)
        self.minute()

    def refused(self, lines: int) -> None:
        """So many lines were sent and not taken just now."""
        now_ns = self._clock_ns()
        with self._lock:
            if not self._lines:
                self._first_ns = now_ns
            self._lines += lines
            self._last_ns = now_ns

    def minute(self) -> None:
        """Put what was refused since the last call into the ledger, and remember that hantu lives."""
        with self._lock:
            lines, first_ns, last_ns = self._lines, self._first_ns, self._last_ns
            self._lines = 0

        def note(store: LogStorage) -> None:
            if lines:
                store.note_gaps([Gap(SENT, "", first_ns, last_ns, reason=_REFUSED, lines=lines)])
            store.write_batch([], {ALIVE: b"%d" % self._clock_ns()})

        if not self._do(note) and lines:
            with self._lock:
                self._lines += lines
                self._first_ns = first_ns
                self._last_ns = self._last_ns or last_ns

    def _do(self, work: Callable[[LogStorage], None]) -> bool:
        try:
            self._pipeline.with_store(work)
        except StoreError as error:
            log.warning("a gap could not be noted yet: %s", error)
            return False
        return True
