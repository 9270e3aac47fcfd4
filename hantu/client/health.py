"""What is broken in the log library now: faults come and go, the worst that stands is the state."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final


class State(Enum):
    """The library's condition, from good to bad."""

    READY = "READY"
    WARNING = "Warning"
    DEGRADED = "Degraded"
    PARTIAL = "Partial"
    CRITICAL = "Critical"
    EMERGENCY = "Emergency"


class Fault(Enum):
    """What can break (CONTRACT M58–M64, M67)."""

    HANDLER = "handler"
    INITIALISATION = "initialisation"
    DATABASE = "database"
    FILE = "file"
    TELEGRAM = "telegram"
    DISK = "disk"
    SERIALISATION = "serialisation"
    QUEUE = "queue"


STATE_OF: Final[Mapping[Fault, State]] = {
    Fault.HANDLER: State.DEGRADED,
    Fault.INITIALISATION: State.DEGRADED,
    Fault.DATABASE: State.PARTIAL,
    Fault.FILE: State.CRITICAL,
    Fault.TELEGRAM: State.WARNING,
    Fault.DISK: State.EMERGENCY,
    Fault.SERIALISATION: State.WARNING,
    Fault.QUEUE: State.WARNING,
}
"""The state that a fault alone brings."""


class Phase(Enum):
    """How far one fault is: never or no longer there, being tried again, or given up."""

    CLEAR = "clear"
    FAILING = "failing"
    GIVEN_UP = "given up"


class Signal(Enum):
    """What is told of a fault."""

    FAILED = "failed"
    GAVE_UP = "gave up"
    WORKED = "worked"


NEXT: Final[Mapping[tuple[Phase, Signal], Phase]] = {
    (Phase.CLEAR, Signal.FAILED): Phase.FAILING,
    (Phase.CLEAR, Signal.GAVE_UP): Phase.GIVEN_UP,
    (Phase.CLEAR, Signal.WORKED): Phase.CLEAR,
    (Phase.FAILING, Signal.FAILED): Phase.FAILING,
    (Phase.FAILING, Signal.GAVE_UP): Phase.GIVEN_UP,
    (Phase.FAILING, Signal.WORKED): Phase.CLEAR,
    # What was given up stays so until it works: one more failure is no news.
    (Phase.GIVEN_UP, Signal.FAILED): Phase.GIVEN_UP,
    (Phase.GIVEN_UP, Signal.GAVE_UP): Phase.GIVEN_UP,
    (Phase.GIVEN_UP, Signal.WORKED): Phase.CLEAR,
}
"""All moves of one fault."""

_RANK: Final[Mapping[State, int]] = {state: rank for rank, state in enumerate(State)}
REASON_CHARS_MOST: Final = 500


@dataclass(slots=True)
class Condition:
    """One fault's history: its phase, why (the last reason), how often, since when, when last."""

    phase: Phase = Phase.CLEAR
    reason: str = ""
    count: int = 0
    since_ns: int = 0
    last_ns: int = 0


class Health:
    """All faults of one process; safe to call from any thread, never raises for a known fault."""

    def __init__(self, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self._lock = threading.RLock()
        self._conditions: dict[Fault, Condition] = {}
        self._standing: frozenset[Fault] = frozenset()
        self.changed: Callable[[], None] | None = None
        """Called, without a lock, when a fault begins, is given up or ends."""
        _all.add(self)

    def fault(self, kind: Fault, reason: str) -> None:
        """Tell that `kind` has failed and will be tried again."""
        self._move(kind, Signal.FAILED, reason)

    def gave_up(self, kind: Fault, reason: str) -> None:
        """Tell that `kind` has failed and is not tried again for what failed."""
        self._move(kind, Signal.GAVE_UP, reason)

    def cleared(self, kind: Fault) -> None:
        """Tell that the real thing worked; costs nothing when it had not failed."""
        if kind in self._standing:
            self._move(kind, Signal.WORKED, "")

    def standing(self, kind: Fault) -> bool:
        """Whether `kind` has failed and has not worked since."""
        return kind in self._standing

    @property
    def broken(self) -> bool:
        """Whether any fault stands."""
        return bool(self._standing)

    @property
    def state(self) -> State:
        """The worst state of the faults that stand; READY when there is none."""
        return max((STATE_OF[kind] for kind in self._standing), key=_RANK.__getitem__, default=State.READY)

    @property
    def reason(self) -> str:
        """Why the state is what it is; empty when it is READY."""
        with self._lock:
            worst = self.state
            reasons = (
                self._conditions[kind].reason
                for kind in Fault
                if kind in self._standing and STATE_OF[kind] is worst
            )
            return next(reasons, "")

    def snapshot(self) -> dict[str, Any]:
        """The state with every fault that ever was, as plain JSON values; times are UTC nanoseconds."""
        with self._lock:
            return {
                "state": self.state.value,
                "reason": self.reason,
                "faults": {
                    kind.value: {
                        "state": STATE_OF[kind].value,
                        "phase": condition.phase.value,
                        "reason": condition.reason,
                        "count": condition.count,
                        "since_ns": condition.since_ns,
                        "last_ns": condition.last_ns,
                    }
                    for kind, condition in self._conditions.items()
                },
            }

    def _move(self, kind: Fault, signal: Signal, reason: str) -> None:
        with self._lock:
            condition = self._conditions.setdefault(kind, Condition())
            before, condition.phase = condition.phase, NEXT[condition.phase, signal]
            if condition.phase is not before and Phase.CLEAR in (before, condition.phase):
                condition.since_ns = self._now_ns()
            if signal is not Signal.WORKED:
                condition.reason = reason[:REASON_CHARS_MOST]
                condition.count += 1
                condition.last_ns = self._now_ns()
            self._standing = frozenset(
                each for each, found in self._conditions.items() if found.phase is not Phase.CLEAR
            )
            changed = None if condition.phase is before else self.changed
        if changed is not None:
            changed()

    def _after_fork(self) -> None:
        # The lock may have been held by a thread that the child does not have.
        self._lock = threading.RLock()


_all: weakref.WeakSet[Health] = weakref.WeakSet()


def _after_fork() -> None:
    for health in list(_all):
        health._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

current: Final = Health()
"""The faults of this process: what hantu.status() shows."""

fault: Final = current.fault
gave_up: Final = current.gave_up
cleared: Final = current.cleared
snapshot: Final = current.snapshot
