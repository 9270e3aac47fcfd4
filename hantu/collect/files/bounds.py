"""Bounds: what tells files by their times apart, kept true when the clock is set back.

A file that was rotated away unread is known by its time: it changed after what was read last. Once the
clock was set back, what is written then carries times before that one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hantu.boot import boot_id

STEP_NS: Final = 500_000_000
"""Set by less is not set. A clock that is slewed, as NTP does, moves both of a Moment alike; a leap second
is one step of a second."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The clock, and for how long the machine has been running since the start called `boot`."""

    clock_ns: int
    running_ns: int
    boot: str

    @property
    def offset_ns(self) -> int:
        """What the clock said when the machine was started, by today's clock."""
        return self.clock_ns - self.running_ns

    def encode(self) -> bytes:
        """As stored."""
        return f"{self.clock_ns} {self.running_ns} {self.boot}".encode()


def decode_moment(raw: bytes) -> Moment | None:
    """What encode() wrote; None when it is nothing of that kind."""
    parts = raw.decode("utf-8", "replace").split(" ")
    if len(parts) != 3 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    return Moment(int(parts[0]), int(parts[1]), parts[2])


def moment() -> Moment:
    """Now."""
    return Moment(time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME), (boot_id() or "unknown"))


class ClockFalls:
    """Notices that the clock was set, also while hantu did not run."""

    def __init__(self, now: Callable[[], Moment] = moment) -> None:
        self._now = now
        self._before: Moment | None = None

    @property
    def seen(self) -> Moment | None:
        """When it looked last."""
        return self._before

    def load(self, raw: bytes | None) -> None:
        """Go on from what was stored, if anything was."""
        if raw is not None:
            self._before = decode_moment(raw)

    def look(self) -> tuple[Moment | None, int | None]:
        """The moment, when it is to be stored now; and how low the clock may have been set, None when it
        was not set back. What is known to be older than that still is."""
        before, now = self._before, self._now()
        self._before = now
        if before is None:
            return now, None
        if before.boot == now.boot:
            moved_ns = now.offset_ns - before.offset_ns
            if abs(moved_ns) < STEP_NS:
                return None, None
            return now, before.clock_ns + moved_ns - STEP_NS if moved_ns < 0 else None
        # Of the time between the last look and the start of the machine nothing is known. Its start
        # lies after that look, or the clock was set back.
        return now, now.offset_ns - STEP_NS if now.offset_ns < before.clock_ns - STEP_NS else None
