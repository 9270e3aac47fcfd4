"""Timing: medians, percentiles, processor time."""

from __future__ import annotations

import gc
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Work:
    """Wall and processor seconds of some work over `count` lines."""

    count: int
    wall_s: float
    cpu_s: float

    @property
    def per_second(self) -> float:
        """Lines a second of wall time."""
        return self.count / self.wall_s if self.wall_s else 0.0

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor time a line."""
        return self.cpu_s / self.count * 1e6 if self.count else 0.0


def work(count: int, do: Callable[[], object]) -> Work:
    """Run do() once and time it in this process."""
    gc.collect()
    began, cpu = time.perf_counter(), time.process_time()
    do()
    return Work(count, time.perf_counter() - began, time.process_time() - cpu)


def percentiles(do: Callable[[], object], *, runs: int, most_s: float = 10.0) -> tuple[float, float, int]:
    """p50 and p95 in milliseconds over up to `runs` runs (at least 3) within about most_s, and how
    many there were. The first run warms up and is not counted."""
    do()
    times: list[float] = []
    until = time.perf_counter() + most_s
    while len(times) < runs and (len(times) < 3 or time.perf_counter() < until):
        began = time.perf_counter()
        do()
        times.append((time.perf_counter() - began) * 1000)
    times.sort()
    return times[len(times) // 2], times[min(len(times) - 1, int(len(times) * 0.95))], len(times)


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far, in MB.

    Not by getrusage(): its figure is inherited from the process that started this one."""
    return _status_mb("VmHWM:")


def rss_mb() -> float:
    """Resident memory of this process now, in MB."""
    return _status_mb("VmRSS:")


def _status_mb(name: str) -> float:
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(name):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def machine() -> str:
    """One line about this machine."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} cores of {model}, {os.uname().sysname} {os.uname().release}, Python {platform.python_version()}"


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """A Markdown table; numbers are right-aligned."""

    def shown(value: Any) -> str:
        if isinstance(value, float):
            return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
        return f"{value:,}" if isinstance(value, int) else str(value)

    lines = [
        "| " + " | ".join(head) + " |",
        "|" + "|".join("---" if not at else "---:" for at in range(len(head))) + "|",
    ]
    lines += ["| " + " | ".join(shown(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)
