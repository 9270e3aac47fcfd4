"""Right of way: work in the background waits a little while somebody waits for an answer.

Python runs one thread at a time. A search of 5 ms beside a busy writer and a busy sealer took 30 ms,
since each of its many short waits for the file or for zstd puts it behind both of them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

GIVE_WAY_S: Final = 0.010
"""The longest that give_way() waits."""
PATIENCE_S: Final = 0.050
"""Nobody gives way to what has been under way for so long: a scan, whose time is not spent in waiting."""


class Traffic:
    """Who is reading. Any number of threads.

    now: a clock in seconds."""

    def __init__(
        self,
        *,
        give_way_s: float = GIVE_WAY_S,
        patience_s: float = PATIENCE_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._give_way_s = give_way_s
        self._patience_s = patience_s
        self._now = now
        self._changed = threading.Condition()
        self._began: dict[object, float] = {}
        self._own = threading.local()
        self.waiting = 0
        """Threads that give way just now."""

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Others give way meanwhile."""
        token = object()
        with self._changed:
            self._began[token] = self._now()
        try:
            yield
        finally:
            with self._changed:
                del self._began[token]
                if self.waiting and not self._began:
                    self._changed.notify_all()

    def give_way(self) -> None:
        """Wait until nobody is passing, give_way_s at most.

        What was waited has to be worked off before there is as much to give again: however many others
        read, a thread that asks here all the time keeps half of its time."""
        if not self._began:
            return
        with self._changed:
            began = self._now()
            credit_s = min(self._give_way_s, began - getattr(self._own, "since", -math.inf))
            self.waiting += 1
            try:
                while (wait_s := min(began + credit_s, self._clear_at()) - self._now()) > 0:
                    self._wait(wait_s)
            finally:
                self.waiting -= 1
            ended = self._now()
            self._own.since = ended - (credit_s - (ended - began))

    def _wait(self, most_s: float) -> None:
        self._changed.wait(most_s)

    def _clear_at(self) -> float:
        """When nobody is passing any more to whom a way is given, as far as is known now."""
        return max(self._began.values(), default=-math.inf) + self._patience_s
