"""A line of a gigabyte: the real service over a real file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hantu.model import MESSAGE_LIMIT_BYTES
from tests.fault import tally
from tests.fault.length import pick
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

SIZE = pick(100_000_000, 1_000_000_000)
MEMORY_BYTES_MOST = 20 << 20


def peak_bytes(pid: int) -> int:
    """The most memory that a process has had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found.group(1)) * 1024


@pytest.mark.fault
@pytest.mark.e2e
@pytest.mark.fault_row("R21")
@pytest.mark.timeout(pick(120, 600))
@pytest.mark.promise("M33")
def test_a_line_of_a_gigabyte_costs_little_and_the_next_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("warm up\n" * 5_000)
    settings = NOTHING | {"HANTU_FILES": str(path), "HANTU_FILES_FROM": "start"}
    service = RunningService(tmp_path / "data", settings)
    try:
        service.start()
        # What a line at its limit takes anyway, and the first answer of a search, belong to the start.
        with path.open("a") as file:
            file.write("y" * MESSAGE_LIMIT_BYTES + "\n")
        wait_until(lambda: service.get("/api/logs?limit=1")["total"] == 5_001, 30)
        before = peak_bytes(service.worker_pid)
        with path.open("ab", buffering=0) as raw:
            piece = b"x" * 1_000_000
            for _ in range(SIZE // len(piece)):
                raw.write(piece)
            raw.write(b"\nafter\0 \xff\xfe it\n")
        wait_until(lambda: service.get("/api/logs?limit=1")["total"] == 5_003, 120)
        grown = peak_bytes(service.worker_pid) - before
        after, long = service.get("/api/logs?limit=2")["logs"]
        assert after["message"].startswith("after\0 ")
        assert after["message"].endswith(" it")
        assert long["metadata"]["truncated_bytes"] == SIZE
        assert len(long["message"]) == MESSAGE_LIMIT_BYTES
        tally.note(runs=1, lines=5_003, lost=0, doubled=0, gaps=0)
        assert grown <= MEMORY_BYTES_MOST, f"{grown / 2**20:.1f} MiB"
    finally:
        service.close()
