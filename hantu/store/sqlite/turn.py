"""A lock that is given in the order in which it was asked for."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType


class Turn:
    """Held by one thread at a time, any number of times over by that one.

    threading.RLock gives itself to whoever comes when it is free: a clean-up that takes it again after
    each of its slices left a writer waiting through five of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[int, threading.Lock]] = deque()
        self._owner: int | None = None
        self._depth = 0

    @property
    def waiting(self) -> int:
        """Threads that wait for it."""
        return len(self._waiting)

    def __enter__(self) -> None:
        own = threading.get_ident()
        with self._lock:
            if self._owner in {None, own}:
                self._owner = own
                self._depth += 1
                return
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append((own, gate))
        # Opened by the one that has it now, who makes this thread the owner before.
        gate.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth:
                return
            if not self._waiting:
                self._owner = None
                return
            self._owner, gate = self._waiting.popleft()
            self._depth = 1
            gate.release()
