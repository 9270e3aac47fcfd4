"""The service: built, started, stopped in order; what it says of itself; retention."""

from __future__ import annotations

import base64
import datetime
import json
import linecache
import os
import random
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import pytest

from hantu.config import Config, load
from hantu.model import APP, LogEntry, LogLevel
from hantu.pipeline import PipelineStopped, Submission
from hantu.query.logquery import LogQuery, Order
from hantu.roles import Role
from hantu.service import Service
from hantu.service.maintenance import Maintenance, seconds_until
from hantu.store.base import StoreBusy, StoreError
from hantu.store.error_base import ErrorQuery
from hantu.threads import Worker
from tests.waiting import wait_until

URL = "http://127.0.0.1:8514"
HOUR_NS = 3_600 * 10**9
DAY_NS = 24 * HOUR_NS


def configured(folder: Path, **settings: Any) -> Config:
    nothing = {"docker": "off", "journal": "off", "files": "none", "data_dir": str(folder)}
    return load(environ={}, overrides=nothing | settings).config


def lines(count: int, *, age_ns: int = 0, size: int = 20) -> list[LogEntry]:
    """Entries a millisecond apart, the last one age_ns old."""
    now_ns = time.time_ns() - age_ns
    return [
        LogEntry(
            APP, "a", LogLevel.INFO, f"line {number} ".ljust(size, "x"), now_ns - (count - number) * 10**6
        )
        for number in range(count)
    ]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(configured(tmp_path / "data"))
    yield service
    service.stop()


def stored(service: Service) -> int:
    return service.store.count(LogQuery(), cap=10**6).count


def hand_in(service: Service, entries: list[LogEntry]) -> None:
    before = service.store.cursor()
    for at in range(0, len(entries), 2_000):
        service.pipeline.submit(Submission(entries[at : at + 2_000]))
    wait_until(lambda: service.store.cursor() == before + len(entries), 60)


# Building, starting, stopping.


def test_files_are_made_for_their_owner_alone(service: Service) -> None:
    config = service.config
    assert stat.S_IMODE(config.data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(config.database.stat().st_mode) == 0o600


def test_second_service_over_the_same_file_is_refused(service: Service) -> None:
    with pytest.raises(StoreBusy, match=f"process {os.getpid()}"):
        Service(service.config)


def test_control_file_tells_commands_the_way_and_goes_at_the_stop(service: Service) -> None:
    service.start(URL)
    path = service.config.control_file
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {
        "url": URL,
        "token": service.control_token,
        "pid": os.getpid(),
        "setup": service.setup.token,
    }
    assert service.stop()
    assert not path.exists()


def test_control_file_of_a_killed_service_is_replaced_not_reused(service: Service) -> None:
    path = service.config.control_file
    path.write_text('{"url": "http://127.0.0.1:1", "token": "old", "pid": 1}')
    path.chmod(0o644)
    service.start(URL)
    assert json.loads(path.read_text())["token"] == service.control_token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_control_file_that_cannot_be_written_does_not_keep_the_service_down(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.config.control_file.mkdir()
    service.start(URL)
    assert "cannot be written" in caplog.text
    hand_in(service, lines(3))
    assert service.stop()
    assert "cannot be removed" in caplog.text


def test_without_an_address_there_is_no_control_file(service: Service) -> None:
    service.start()
    assert not service.config.control_file.exists()


@pytest.mark.promise("M34")
def test_what_was_taken_before_the_stop_is_stored_and_nothing_after_it(service: Service) -> None:
    service.start()
    taken = 0
    for entry in lines(5_000):
        taken += service.pipeline.submit(Submission([entry]))
    assert service.stop()
    with pytest.raises(PipelineStopped):
        service.pipeline.submit(Submission(lines(1)))
    with pytest.raises(StoreError, match="closed"):
        service.store.cursor()
    again = Service(service.config)
    assert stored(again) == taken == 5_000
    again.stop()


def test_stop_ends_collectors_then_the_writer_then_the_file(tmp_path: Path) -> None:
    """Every line once, although the service is stopped and started while a file is being written."""
    path = tmp_path / "app.log"
    path.touch()
    config = configured(tmp_path / "data", files=[str(path)], files_from="start")
    written = 0

    def write(stop: threading.Event) -> None:
        nonlocal written
        with path.open("a", encoding="utf-8") as file:
            while not stop.wait(0.001):
                file.write("".join(f"line {number}\n" for number in range(written, written + 20)))
                file.flush()
                written += 20

    writer = Worker("test-writer", write)
    writer.start()
    for _ in range(3):
        service = Service(config)
        service.start()
        before = service.store.cursor()
        wait_until(lambda service=service, before=before: service.store.cursor() > before + 200)  # type: ignore[misc]  # a lambda's defaults
        assert service.stop()
        assert service.manager.active_collectors() == []
        assert not config.database.with_name("hantu.db-wal").exists()
    writer.stop()
    assert writer.join(5)
    service = Service(config)
    service.start()
    wait_until(lambda: stored(service) >= written)
    found = [entry.message for entry in service.store.export(LogQuery(order=Order.OLDEST))]
    assert service.stop()
    assert sorted(found, key=lambda text: int(text[5:])) == [f"line {number}" for number in range(written)]


def test_stopping_twice_and_without_a_start_does_no_harm(tmp_path: Path) -> None:
    service = Service(configured(tmp_path / "data"))
    assert service.stop()
    assert service.stop()


def line_of(frame: FrameType) -> str:
    """The source of the line that comes next."""
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno)


def test_second_signal_within_the_first_does_not_lock_up(service: Service) -> None:
    entered: list[bool] = []

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code is threading.Event.set.__code__:
            mine = frame.f_locals["self"] is service.stopping
            if mine and not entered and event == "line" and "_flag = True" in line_of(frame):
                entered.append(True)
                service.begin_stop()
            return trace
        return trace if frame.f_code is Service.begin_stop.__code__ else None

    def stop_traced(_stop: threading.Event) -> None:
        sys.settrace(trace)
        service.begin_stop()

    worker = Worker("test-signal", stop_traced)
    worker.start()
    assert worker.join(10)
    assert entered
    assert service.stopping.is_set()


# What it says of itself.


@pytest.mark.promise("M42")
def test_gauges_tell_what_is_there(service: Service) -> None:
    service.start()
    hand_in(service, lines(10))
    service.query_times.note(12.5)
    service.query_times.note(3.0)
    assert service.tails.acquire()
    found = service.gauges()
    assert found.written_total == 10
    assert (found.queue_waiting, found.queue_most) == (0, service.pipeline.queue_most)
    assert (found.tails, found.tails_most) == (1, service.config.tail_clients)
    assert found.query_ms_recent == 12.5
    assert found.lag_s is None
    assert found.memory_bytes > 10**6
    assert found.size_bytes >= service.config.database.stat().st_size > 0
    assert found.disk_free_bytes > 0


def test_history_has_a_sample_a_step_of_what_was_stored_in_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hantu.service.service.SAMPLE_S", 0.01)
    service.start()
    hand_in(service, lines(250))
    wait_until(lambda: sum(sample.entries_per_min for sample in service.history()) == 250)
    times = [sample.at_ns for sample in service.history()]
    assert times == sorted(times)


def test_tail_slots_are_given_up_to_the_cap(tmp_path: Path) -> None:
    service = Service(configured(tmp_path / "data", tail_clients=2))
    assert [service.tails.acquire() for _ in range(3)] == [True, True, False]
    service.tails.release()
    assert service.tails.acquire()
    service.stop()


def test_problems_are_told_in_a_sentence_each(service: Service) -> None:
    assert service.problems() == []
    service.pipeline.failing = "the disk is full"
    service.maintenance.problems = ("word: malformed",)
    service.maintenance.failing = "old entries could not be removed: the disk is full"
    service.begin_stop()
    assert service.problems() == [
        "word: malformed",
        "old entries could not be removed: the disk is full",
        "the database refuses writes: the disk is full",
        "hantu is stopping",
    ]


# The first set-up.


def test_setup_link_works_once(service: Service) -> None:
    service.start()
    link = service.setup
    assert link.open
    secret_of_link = link.token
    here = {"address": "127.0.0.1", "agent": "Firefox"}
    assert not link.check("")
    with pytest.raises(ValueError, match="not right"):
        link.finish("guessed", "jin", "long enough", **here)
    with pytest.raises(ValueError, match="at least 8"):
        link.finish(secret_of_link, "jin", "short", **here)
    assert link.open, "a short password does not use it up"
    entrance = link.finish(secret_of_link, "jin", "long enough", **here)
    (found,) = service.store.accounts()
    assert (found.name, found.role) == ("jin", Role.ADMIN)
    assert service.accounts.session(entrance.secret) is not None
    assert not link.open
    assert link.token == ""
    assert not link.check(secret_of_link)
    assert not link.check("")
    with pytest.raises(ValueError, match="used already"):
        link.finish(secret_of_link, "eve", "long enough", **here)
    service.stop()
    again = Service(service.config)
    assert not again.setup.open
    again.stop()


# Retention.


@pytest.mark.promise("M9")
def test_cleanup_deletes_what_is_older_beside_a_running_writer(service: Service) -> None:
    service.start()
    hand_in(service, [*lines(300, age_ns=3 * DAY_NS), *lines(100)])
    assert service.cleanup(2) == 300
    assert stored(service) == 100
    (removal,) = service.store.removals()
    assert (removal.entries, removal.reason) == (300, "by hand")


@pytest.mark.promise("M14")
def test_daily_work_applies_the_retention_and_finds_no_damage(service: Service) -> None:
    service.start()
    hand_in(service, [*lines(300, age_ns=8 * DAY_NS), *lines(100)])
    report = service.maintenance.run()
    assert (report.removed, report.problems) == (300, ())
    assert stored(service) == 100
    assert service.maintenance.last_ns is not None


def spread(count: int, *, days: float, size: int) -> list[LogEntry]:
    """Entries evenly over the last `days`, of random text that cannot be made smaller."""
    now_ns = time.time_ns()
    step = int(days * DAY_NS) // count
    draw = random.Random(7)
    return [
        LogEntry(
            APP,
            "a",
            LogLevel.INFO,
            f"{number} {base64.b64encode(draw.randbytes(size * 3 // 4)).decode()}",
            now_ns - (count - number) * step,
        )
        for number in range(count)
    ]


@pytest.mark.promise("M14")
def test_file_is_kept_below_its_bound_and_the_newest_survives(tmp_path: Path) -> None:
    service = Service(configured(tmp_path / "data", retention_bytes=2_000_000))
    service.start()
    hand_in(service, spread(6_000, days=5, size=1_000))
    assert service.store.stats().size_bytes > 2_000_000
    removed = service.maintenance.bound_size()
    assert 0 < removed < 6_000
    assert service.store.stats().size_bytes <= 2_000_000
    assert service.store.search(LogQuery(limit=1)).entries[0].message.startswith("5999 ")
    assert {removal.reason for removal in service.store.removals()} == {"size"}
    service.stop()


def failures(count: int, *, days: float, size: int) -> list[LogEntry]:
    """As spread(), but errors with long stack traces."""
    return [
        msgspec.structs.replace(
            line,
            level=LogLevel.ERROR,
            message="주문 실패",
            metadata={"stack_trace": f"Traceback\n{line.message}"},
        )
        for line in spread(count, days=days, size=size)
    ]


@pytest.mark.promise("M48", "M94")
def test_errors_are_kept_without_limit_unless_a_setting_bounds_them(tmp_path: Path) -> None:
    for days, left in ((None, 100), (10.0, 50)):
        service = Service(configured(tmp_path / f"data-{left}", error_retention_days=days))
        service.start()
        hand_in(service, failures(100, days=20, size=100))
        report = service.maintenance.run()
        assert report.problems == ()
        assert 34 <= stored(service) <= 35
        assert abs(len(service.store.errors_after(0, most=1_000)) - left) <= 1
        (group,) = service.store.errors(ErrorQuery()).groups
        assert group.count == 100
        service.stop()


def test_errors_that_fill_the_file_do_not_drive_out_its_entries(tmp_path: Path) -> None:
    service = Service(configured(tmp_path / "data", retention_bytes=2_000_000))
    service.start()
    hand_in(service, [*spread(400, days=5, size=100), *failures(1_500, days=60, size=2_000)])
    service.store.cleanup(5.5)
    entries = stored(service)
    assert service.store.stats().size_bytes > 3_000_000
    assert service.maintenance.bound_size() == 0
    assert stored(service) == entries
    assert service.store.stats().size_bytes <= 2_000_000
    newest = service.store.errors_after(0, most=10_000)
    assert 100 < len(newest) < 1_000
    assert newest[-1].record.stack_trace.startswith("Traceback\n1499 ")
    service.stop()


def test_stop_in_the_middle_of_it_deletes_no_more_than_was_begun(tmp_path: Path) -> None:
    service = Service(configured(tmp_path / "data", retention_bytes=1 << 20))
    service.start()
    hand_in(service, spread(12_000, days=5, size=300))
    service.begin_stop()
    assert service.pipeline.stop(5)
    # The file does not shrink when a clean-up is stopped early: going by its size would delete all.
    assert service.maintenance.bound_size() == 0
    assert stored(service) == 12_000
    service.stop()


def test_daily_work_that_failed_is_shown_and_done_at_the_next_check(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hantu.service.maintenance.SIZE_CHECK_S", 0.01)
    monkeypatch.setattr("hantu.service.maintenance.seconds_until", lambda clock, now: 0.005)
    service.store.write_batch([*lines(300, age_ns=8 * DAY_NS), *lines(100)])
    service.start()
    wait_until(lambda: stored(service) == 100)

    closed = Service(configured(service.config.data_dir.with_name("closed"), retention_bytes=1 << 20))
    closed.store.close()
    maintenance = Maintenance(closed.config, closed.pipeline, closed.artifact_files)
    worker = Worker("test-maintenance", maintenance.body)
    worker.start()
    wait_until(lambda: "is closed" in maintenance.failing)
    assert maintenance.last_ns is None
    worker.stop()
    assert worker.join(5)
    assert worker.failures == 0
    closed.stop()


@pytest.mark.parametrize(
    ("now", "hours"),
    [("03:00", 1.0), ("04:00", 24.0), ("05:00", 23.0), ("03:59", 1 / 60), ("00:00", 4.0)],
)
def test_seconds_until_the_next_time_of_day(now: str, hours: float) -> None:
    hour, minute = now.split(":")
    zone = datetime.timezone(datetime.timedelta(hours=9))
    at = datetime.datetime(2026, 12, 31, int(hour), int(minute), tzinfo=zone)
    assert seconds_until("04:00", at) == pytest.approx(hours * 3600)
