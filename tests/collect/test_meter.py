from __future__ import annotations

from hantu.collect.meter import Meter
from hantu.model import LogEntry, LogLevel


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def entry(time_ns: int) -> LogEntry:
    return LogEntry("docker", "web", LogLevel.INFO, "x", time_ns)


def test_the_rate_covers_the_last_sixty_seconds() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.add([entry(1), entry(2)], now_ns=5)
    clock.now += 30
    meter.add([entry(3)], now_ns=5)
    assert meter.per_minute() == 3
    clock.now += 31
    assert meter.per_minute() == 1
    clock.now += 3600
    assert meter.per_minute() == 0
    assert meter.lines == 3


def test_lag_is_the_age_of_the_newest_entry_when_handed_in() -> None:
    meter = Meter(Clock())
    assert meter.lag_s is None
    assert meter.last_ns is None
    meter.add([entry(1_000_000_000), entry(500_000_000)], now_ns=3_000_000_000)
    assert meter.lag_s == 2.0
    assert meter.last_ns == 1_000_000_000


def test_a_quiet_source_is_not_behind() -> None:
    clock = Clock()
    meter = Meter(clock)
    meter.add([entry(1_000_000_000)], now_ns=41_000_000_000)
    assert meter.lag_s == 40.0
    clock.now += 60
    assert meter.lag_s == 0.0


def test_an_entry_from_a_clock_ahead_has_no_lag() -> None:
    meter = Meter(Clock())
    meter.add([entry(9_000_000_000)], now_ns=3_000_000_000)
    assert meter.lag_s == 0.0
