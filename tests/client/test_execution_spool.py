"""The file of runs that could not be delivered: whole, bounded, its owner's, read once."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from hantu.client import courier as courier_module
from hantu.client import execution_spool
from hantu.client.courier import Courier
from hantu.client.execution_sink import ExecutionSink
from hantu.client.execution_spool import KEPT_S, Report, Spool, abandoned, prune, read, waiting
from tests.client.stand_in import HANG, Answer, StandIn
from tests.waiting import wait_until


def entry(run: str, message: str = "줄") -> Report:
    return Report("entry", run, {"message": message})


def begun(run: str) -> Report:
    return Report("run", run, {"status": "RUNNING", "startedAt": 1})


def ended(run: str) -> Report:
    return Report("run", run, {"status": "COMPLETED", "startedAt": 1, "completedAt": 2})


def everything(folder: Path) -> list[Report]:
    """What whoever comes next would deliver; the files stay."""
    found = []
    for left in abandoned(folder):
        found += list(left.reports())
        left.close()
    return found


def test_what_is_appended_is_read_by_the_next_only(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for report in (begun("a"), entry("a"), ended("a")):
        spool.append(report)
    assert waiting(tmp_path) == 0
    spool.leave()
    assert waiting(tmp_path) == 1
    assert everything(tmp_path) == [begun("a"), entry("a"), ended("a")]
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600


def test_a_run_without_an_end_is_lost_when_its_writer_is_gone(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for report in (begun("a"), begun("b"), ended("a")):
        spool.append(report)
    spool.leave()
    (end,) = [report for report in everything(tmp_path) if report.body.get("errorCode") == "LOST"]
    assert (end.run, end.body["status"], end.body["startedAt"]) == ("b", "FAILED", 1)
    assert end.body["completedAt"] == spool.path.stat().st_mtime_ns


def test_a_torn_line_and_what_is_no_report_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / f"1-1{execution_spool.SUFFIX}"
    good = ended("a").line()
    path.write_bytes(good + b"not json\n[1]\n" + good[:-10])
    assert [report for report, _ in read(path, 0)] == [ended("a")]


def test_two_do_not_take_the_same_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(ended("a"))
    spool.leave()
    first = abandoned(tmp_path)
    left = next(first)
    assert list(abandoned(tmp_path)) == []
    left.remove()
    left.close()
    assert list(abandoned(tmp_path)) == []


def test_a_full_file_takes_only_how_runs_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution_spool, "SPOOL_BYTES_MOST", 2_000)
    spool = Spool(tmp_path)
    spool.append(begun("a"))
    for _ in range(100):
        spool.append(entry("a", "x" * 50))
    spool.append(ended("a"))
    spool.leave()
    assert spool.path.stat().st_size < 2_200
    kept = everything(tmp_path)
    assert (kept[0], kept[-1]) == (begun("a"), ended("a"))
    assert spool.dropped["a"] == 100 - (len(kept) - 2)


def test_what_nobody_takes_goes_after_its_time(tmp_path: Path) -> None:
    old, held = Spool(tmp_path), Spool(tmp_path)
    held.path = tmp_path / f"f-1{execution_spool.SUFFIX}"
    for spool in (old, held):
        spool.append(ended("a"))
        long_ago = time.time() - KEPT_S - 60
        os.utime(spool.path, (long_ago, long_ago))
    old.leave()
    prune(tmp_path, older_than_s=KEPT_S)
    assert not old.path.exists()
    assert held.path.exists()
    held.leave()


class Scripted(StandIn):
    """A service that hangs, or takes everything."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs = True
        self.bodies: list[bytes] = []

    def reply(self, path: str, headers: Any, body: bytes) -> Answer:
        if self.hangs:
            return HANG
        self.bodies.append(body)
        return Answer(201 if path == "/api/executions" else 200, {"status": "RUNNING"})


def test_lines_that_come_faster_than_they_go_take_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier_module, "QUEUE_BYTES_MOST", 50_000)
    with Scripted() as service:
        courier = Courier(ExecutionSink(f"http://127.0.0.1:{service.port}", token="t"), tmp_path)
        courier.put(begun("a"))
        wait_until(lambda: service.calls)
        for number in range(2_000):
            courier.put(entry("a", str(number)))
        assert courier.spooled is not None
        assert not courier.finish(0.1)
    kept = [report.body["message"] for report in everything(tmp_path) if report.kind == "entry"]
    assert kept == [str(number) for number in range(2_000)]


def test_what_failed_goes_on_in_order_when_the_service_is_back(tmp_path: Path) -> None:
    with Scripted() as service:
        port = service.port
        service.down()
        courier = Courier(ExecutionSink(f"http://127.0.0.1:{port}", token="t"), tmp_path, retry_s=0.05)
        courier.put(begun("a"))
        wait_until(lambda: courier.spooled)
        courier.put(entry("a", "하나"))
        service.hangs = False
        service.up()
        wait_until(lambda: not courier.waiting)
        courier.put(entry("a", "둘"))
        wait_until(lambda: any("둘".encode() in body for body in service.bodies))
        assert courier.finish(5)
        lines = [body for body in service.bodies if b"message" in body]
        assert [("하나" if "하나".encode() in body else "둘") for body in lines] == ["하나", "둘"]
    assert list(tmp_path.glob("*")) == []
