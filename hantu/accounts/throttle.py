"""Guessing is slowed down: each failure makes the next attempt wait longer, ten lock for 15 minutes."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FREE: Final = 3
"""Attempts without a wait: a person mistypes."""
LOCKED_AFTER: Final = 10
LOCK_S: Final = 900.0
FORGET_S: Final = 900.0
KEYS_MOST: Final = 10_000


class Slowed(Exception):
    """It is too early for another attempt."""

    def __init__(self, retry_after_s: int, *, locked: bool) -> None:
        super().__init__(f"too many wrong sign-ins; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s
        self.locked = locked


class Budget:
    """So many in so many seconds; what is beyond is counted."""

    def __init__(self, most: int, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._per_s = per_s
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: deque[float] = deque()
        self._withheld = 0

    def take(self) -> int | None:
        """How many were withheld since the last that was not; None when this one is withheld."""
        now_s = self._clock()
        with self._lock:
            while self._taken and now_s - self._taken[0] >= self._per_s:
                self._taken.popleft()
            if len(self._taken) >= self._most:
                self._withheld += 1
                return None
            self._taken.append(now_s)
            withheld, self._withheld = self._withheld, 0
            return withheld


@dataclass(slots=True)
class _Failures:
    count: int
    until_s: float
    last_s: float


class Throttle:
    """The attempts on each account and from each address. clock: monotonic seconds, so that a changed
    clock neither locks nor opens."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def begin(self, name: str, address: str) -> bool:
        """Begin an attempt, which counts as a failure until succeeded() is told; raises Slowed when it is
        too early. True when a further failure is the one that locks."""
        keys, now_s = _keys(name, address), self._clock()
        with self._lock:
            waits = [self._known(key, now_s) for key in keys]
            until_s = max(each.until_s for each in waits)
            if until_s > now_s:
                locked = any(each.count >= LOCKED_AFTER and each.until_s > now_s for each in waits)
                raise Slowed(max(1, round(until_s - now_s + 0.5)), locked=locked)
            # Counted before the password is looked at: many attempts at once are many.
            for key, failures in zip(keys, waits, strict=True):
                failures.count += 1
                failures.last_s = now_s
                failures.until_s = now_s + _wait_s(failures.count)
                self._failures[key] = failures
                self._failures.move_to_end(key)
            while len(self._failures) > KEYS_MOST:
                self._failures.popitem(last=False)
            return any(each.count == LOCKED_AFTER for each in waits)

    def succeeded(self, name: str, address: str) -> None:
        """The attempt was right: the account is free of its failures, the address of this one."""
        of_account, of_address = _keys(name, address)
        with self._lock:
            self._failures.pop(of_account, None)
            failures = self._failures.get(of_address)
            if failures is not None:
                failures.count -= 1
                failures.until_s = 0.0
                if failures.count <= 0:
                    del self._failures[of_address]

    def forgive(self, name: str) -> None:
        """Forget the failures of an account: it has a new password."""
        with self._lock:
            self._failures.pop(_keys(name, "")[0], None)

    def _known(self, key: str, now_s: float) -> _Failures:
        failures = self._failures.get(key)
        if failures is None or now_s - failures.last_s > FORGET_S:
            return _Failures(0, 0.0, now_s)
        return failures


def _wait_s(failures: int) -> float:
    """1, 2, 4 … 64 s after the third to the ninth failure, then the lock."""
    if failures >= LOCKED_AFTER:
        return LOCK_S
    return 0.0 if failures < FREE else 2.0 ** (failures - FREE)


def _keys(name: str, address: str) -> tuple[str, str]:
    return f"account {name.casefold()[:200]}", f"address {_network(address)}"


def _network(address: str) -> str:
    """IPv6: the /64, of which one machine has every address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
