"""How fast a container can be read, and in how much memory."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hantu.model import LogEntry
from hantu.store.base import WriteResult
from hantu.store.memory import MemoryStore
from tests.collect.desk import Desk
from tests.engine import PrivateEngine
from tests.fault import tally
from tests.fault.length import pick
from tests.waiting import wait_until

COUNT = pick(150_000, 2_000_000)
LINES_A_SECOND = 100_000
"""Of a core; a quiet machine reads more than twice as many."""
GROWTH_BYTES_MOST = 16 << 20


class CountingStore(MemoryStore):
    """Counts how often each number came, and keeps nothing but places."""

    def __init__(self) -> None:
        super().__init__()
        self.times = bytearray(COUNT)
        self.came = 0
        self.in_order = True
        self._last = -1

    def write_batch(self, entries: Sequence[LogEntry], *rest: Any, **named: Any) -> WriteResult:
        for entry in entries:
            number = int(entry.message.rpartition(" ")[2])
            self.times[number] += 1
            self.in_order &= number == self._last + 1
            self._last = number
        self.came += len(entries)
        return super().write_batch((), *rest, **named)


def resident_bytes() -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found.group(1)) * 1024


@pytest.mark.docker
@pytest.mark.fault
@pytest.mark.promise("M17", "M26")
@pytest.mark.fault_row("R11")
@pytest.mark.timeout(pick(120, 900))
def test_a_container_at_full_speed_is_read_in_the_memory_of_a_slow_one(containers: PrivateEngine) -> None:
    write = f'BEGIN {{ for (i = 0; i < {COUNT}; i++) print "INFO request handled in 12 ms, order " i }}'
    store = CountingStore()
    with Desk(containers.environment, store, logging=False) as desk:
        desk.watching()
        processor_s = time.process_time()
        containers.run(f"awk '{write}'; sleep 100", name="fast")
        wait_until(lambda: store.came >= COUNT // 3, 200, 0.02)
        before = resident_bytes()
        most = 0

        def all_there() -> bool:
            nonlocal most
            most = max(most, resident_bytes())
            return store.came >= COUNT

        wait_until(all_there, 400, 0.05)
        processor_s = time.process_time() - processor_s
        assert store.times == b"\1" * COUNT
        assert store.in_order
        assert all(status.gaps == 0 for status in desk.manager.statuses())
    tally.note(runs=1, lines=COUNT, lost=0, doubled=0)
    print(f"{COUNT / processor_s:,.0f} lines a second of a core, {(most - before) / 2**20:.1f} MiB more")
    assert most - before <= GROWTH_BYTES_MOST
    assert COUNT / processor_s >= LINES_A_SECOND
