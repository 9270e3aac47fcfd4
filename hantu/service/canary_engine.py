"""EngineCanary: in the place of a line of its own, the newest lines that the Docker engine has."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from hantu.collect.base import CollectorState
from hantu.collect.docker_stream import EngineError
from hantu.collect.manager import LogCollectorManager
from hantu.service.canary import EVERY_S, FIRST_S, MISSED_S, Sung, Way

log = logging.getLogger(__name__)

LOOK_S: Final = 0.2


class EngineCanary:
    """Asks the engine now and then for the newest line of each container, and looks whether it was read.

    What was not within missed_s is told, and followed on a new connection."""

    way = Way.DOCKER

    def __init__(
        self,
        manager: LogCollectorManager,
        *,
        missed_s: float = MISSED_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._manager = manager
        self._missed_s = missed_s
        self._clock_s = clock_s
        self._last: Sung | None = None

    @property
    def last(self) -> Sung | None:
        """The last look, None before the first and where no engine is watched."""
        return self._last

    def body(self, stop: threading.Event) -> None:
        """A Worker's body: looks every EVERY_S until stop, sooner after a look that found something."""
        wait_s = FIRST_S
        while not stop.wait(wait_s):
            self.look(stop)
            wait_s = FIRST_S if self._last is not None and self._last.missed else EVERY_S

    def look(self, stop: threading.Event) -> None:
        """Ask, and wait until all was read; at most missed_s."""
        check = self._manager.engine_check()
        if check is None or not self._watching():
            self._last = None
            return
        began_s, sent_ns = self._clock_s(), time.time_ns()
        try:
            count = check.begin()
            names = check.waiting()
            while names and self._clock_s() - began_s < self._missed_s and not stop.wait(LOOK_S):
                names = check.waiting()
        except (EngineError, OSError) as error:
            # The connection that follows may be as dead; an engine that is away says so itself.
            missed = self._watching()
            self._last = Sung(self.way, sent_ns, None, missed, str(error))
            return
        if stop.is_set():
            return
        delay_s = None if names else self._clock_s() - began_s
        self._last = Sung(self.way, sent_ns, delay_s, bool(names), names=names, looked_at=count)
        if names:
            log.warning("lines of %s have not come; following anew", ", ".join(names))
            check.mend()

    def _watching(self) -> bool:
        return any(
            each.key == "docker" and each.state is CollectorState.COLLECTING
            for each in self._manager.statuses()
        )
