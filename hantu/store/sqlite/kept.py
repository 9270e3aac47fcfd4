"""What was made of a file and is asked for again, within bounds."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """Something that takes memory."""

    @property
    def size_bytes(self) -> int:
        """How much."""
        ...


Name = TypeVar("Name", bound=Hashable)
Thing = TypeVar("Thing", bound=Sized)


class Kept(Generic[Name, Thing]):
    """Those that were asked for last, within most_bytes, and always one; safe in any thread.

    unused_s: what nobody has asked for in so long goes when another comes, or when forget() is called.
    stays_s: what was asked for so lately stays, and the new one goes. Who asks for more than there is room
    for, one after the other and that again and again, would else find none of them."""

    def __init__(
        self,
        most_bytes: int,
        *,
        unused_s: float = math.inf,
        stays_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_bytes = most_bytes
        self._unused_s = unused_s
        self._stays_s = stays_s
        self._clock = clock
        self._lock = threading.Lock()
        self._things: OrderedDict[Name, Thing] = OrderedDict()
        self._sizes: dict[Name, int] = {}
        self._used_s: dict[Name, float] = {}
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        """Memory that they take."""
        return self._bytes

    def get(self, name: Name, make: Callable[[], Thing]) -> Thing:
        """The one of this name, made when it is not at hand."""
        known = self.known(name)
        if known is not None:
            return known
        # Without the lock: two threads may make the same, which is better than to wait for another's.
        made = make()
        self.put(name, made)
        return made

    def known(self, name: Name) -> Thing | None:
        """The one of this name, None when it is not at hand."""
        with self._lock:
            known = self._things.get(name)
            if known is not None:
                self._things.move_to_end(name)
                self._used_s[name] = self._clock()
            return known

    def put(self, name: Name, thing: Thing) -> None:
        """Keep this one, in place of what there was of its name."""
        size_bytes = thing.size_bytes
        with self._lock:
            self._drop(name)
            self._things[name], self._sizes[name] = thing, size_bytes
            now_s = self._used_s[name] = self._clock()
            self._bytes += size_bytes
            while self._bytes > self._most_bytes and len(self._things) > 1:
                oldest = next(iter(self._things))
                self._drop(oldest if self._used_s[oldest] <= now_s - self._stays_s else name)
            self._drop_unused()

    def forget(self, gone: Callable[[Name], bool]) -> None:
        """Keep those no longer whose name is gone: nobody will ask for them again."""
        with self._lock:
            for name in [each for each in self._things if gone(each)]:
                self._drop(name)
            self._drop_unused()

    def _drop_unused(self) -> None:
        before_s = self._clock() - self._unused_s
        while self._things and self._used_s[next(iter(self._things))] < before_s:
            self._drop(next(iter(self._things)))

    def _drop(self, name: Name) -> None:
        if self._things.pop(name, None) is not None:
            self._bytes -= self._sizes.pop(name)
            del self._used_s[name]
