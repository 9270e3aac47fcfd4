"""Whether the service still does its work: what feeds systemd's watchdog."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from hantu.pipeline import Pipeline
from hantu.store.base import StoreError

log = logging.getLogger(__name__)

BEATS: Final = 3
"""So often within the watchdog's time."""
_ASKED: Final = "pulse"


class Pulse:
    """Calls beat() as long as nothing hangs.

    No beat: somebody holds the database and does not come back, the writer's thread has ended, or lines
    are due and the writer came to no end since the beat before. A database that refuses (full disk, damage)
    does answer: the pages tell of it, and a restart would mend nothing.

    watchdog_s: the time in which at least one beat must come."""

    def __init__(self, pipeline: Pipeline, beat: Callable[[], None], watchdog_s: float) -> None:
        self._pipeline = pipeline
        self._beat = beat
        self._wait_s = watchdog_s / BEATS
        self._seen = -1

    def body(self, stop: threading.Event) -> None:
        """Beat until stop is set. For a Worker."""
        while True:
            if self.well():
                self._beat()
            else:
                log.error("lines are due and none is written: systemd's watchdog is told nothing")
            if stop.wait(self._wait_s):
                return

    def well(self) -> bool:
        """Whether lines are written and the database answers; does not return while it is held."""
        try:
            self._pipeline.with_store(lambda store: store.checkpoint(_ASKED))
        except StoreError:
            log.debug("the database answers with an error", exc_info=True)
        if not self._pipeline.writing:
            return False
        turns = self._pipeline.turns_total
        stuck = self._pipeline.due and turns == self._seen
        self._seen = turns
        return not stuck
