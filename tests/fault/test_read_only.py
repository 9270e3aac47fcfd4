"""A file system that turns read-only under the service, as ext4 does after an error: hantu shows it, goes
on answering, and has everything once the disk is mended."""

from __future__ import annotations

import json
import os
import urllib.error
from pathlib import Path

import pytest

from hantu.query.logquery import LogQuery
from hantu.store import open_store
from tests.fault import tally
from tests.fault.loop import LoopDisk, loop_disk
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

__all__ = ["loop_disk"]

pytestmark = [pytest.mark.fault, pytest.mark.e2e]


def push(service: RunningService, number: int) -> bool:
    """Whether a line was taken."""
    body = json.dumps([{"message": f"push {number}", "sourceId": "shop"}]).encode()
    try:
        return int(service.call("POST", "/api/ingest", body)["accepted"]) == 1
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 503:
            raise
        return False


@pytest.mark.fault_row("R6")
def test_a_disk_that_turns_read_only_is_shown_and_costs_nothing(
    tmp_path: Path, loop_disk: LoopDisk
) -> None:
    disk = loop_disk.mount()
    source = tmp_path / "app.log"
    source.write_text("".join(f"line {number}\n" for number in range(100)))
    settings = NOTHING | {"HANTU_FILES": str(source), "HANTU_FILES_FROM": "start"}
    service = RunningService(disk / "data", settings)
    service.log = tmp_path / "service.log"
    try:
        service.start()
        pid = service.worker_pid
        taken = [number for number in range(20) if push(service, number)]
        assert taken == list(range(20))
        loop_disk.break_it()
        with source.open("a") as file:
            file.writelines(f"line {number}\n" for number in range(100, 300))
        wait_until(lambda: not push(service, 20), 20)
        wait_until(lambda: "the database refuses writes" in service.text("/status"), 20)
        assert not push(service, 21)
        assert service.get("/api/logs?limit=1")["total"] >= 20
        assert "push 19" in service.text("/logs")
        assert service.running()
        os.kill(pid, 0)
        service.stop()
        assert "Traceback" not in service.log.read_text()
        loop_disk.unmount()
        loop_disk.mend()
        loop_disk.mount()
        service.start()
        assert push(service, 22)
        wait_until(lambda: service.get("/api/logs?q=line&limit=1")["total"] == 300, 20)
        assert service.stop() == 0
        store = open_store(disk / "data" / "hantu.db", read_only=True)
        try:
            found = [entry.message.split() for entry in store.export(LogQuery())]
        finally:
            store.close()
        lines = [int(number) for word, number in found if word == "line"]
        pushes = [int(number) for word, number in found if word == "push"]
        assert tally.account(lines, range(300)) == (0, 0)
        assert set(pushes) >= {*taken, 22}
        assert len(pushes) == len(set(pushes))
    finally:
        service.close()


@pytest.mark.fault_row("R6")
def test_a_service_over_a_read_only_disk_does_not_start_and_says_why(
    tmp_path: Path, loop_disk: LoopDisk
) -> None:
    disk = loop_disk.mount()
    (disk / "data").mkdir()
    loop_disk.break_it()
    service = RunningService(disk / "data", NOTHING)
    service.log = tmp_path / "service.log"
    try:
        with pytest.raises(AssertionError, match="did not start"):
            service.start()
        assert service.process is not None
        assert service.process.returncode not in (0, None)
        said = service.log.read_text()
        assert "Read-only file system" in said
        assert "Traceback" not in said
    finally:
        service.close()
