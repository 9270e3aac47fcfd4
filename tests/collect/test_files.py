"""File collectors as the manager runs them: a real pipeline, a real thread, real files."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hantu.collect.base import CollectorState
from hantu.collect.files import (
    DEFAULT_GLOBS,
    FileLogCollector,
    FileReader,
    Patience,
    Watch,
    file_collectors,
)
from hantu.collect.files import watches as watches_of
from hantu.config import Config
from hantu.model import LogLevel
from hantu.pipeline import Pipeline
from hantu.query.logquery import LogQuery, Order
from hantu.store.base import LogStorage, StoreError, WriteResult
from hantu.store.memory import MemoryStore
from hantu.tail import CommitSignal
from tests.collect.filedesk import copytruncate, rotate, write
from tests.waiting import wait_until


class Faulty(MemoryStore):
    """A store that can be told to refuse, as one does whose disk is full or whose process is killed."""

    refuses = 0

    def write_batch(self, entries, checkpoints=None, *, durable: bool = False) -> WriteResult:  # type: ignore[no-untyped-def]  # as its base
        if self.refuses:
            self.refuses -= 1
            raise StoreError("no room")
        return super().write_batch(entries, checkpoints, durable=durable)


@dataclass
class Running:
    store: Faulty
    pipeline: Pipeline
    collector: FileLogCollector

    def messages(self) -> list[str]:
        entries = self.store.export(LogQuery(order=Order.OLDEST))
        return [entry.message for entry in sorted(entries, key=lambda entry: entry.key)]


@contextmanager
def running(
    pattern: str, *, store: Faulty | None = None, begin: str = "start", abandon: bool = False
) -> Iterator[Running]:
    """A collector at work. abandon: at the end, what waits in the pipeline is lost."""
    store = store or Faulty()
    pipeline = Pipeline(store, CommitSignal(), batch_ms=50)
    pipeline.start()
    reader = FileReader(
        pipeline, store, poll_ms=10, scan_s=0.05, patience=Patience(hold_s=0.1, partial_s=0.5, grace_s=1.0)
    )
    collector = FileLogCollector(Watch(pattern, begin=begin), reader)
    collector.start()
    try:
        yield Running(store, pipeline, collector)
    finally:
        if abandon:
            store.refuses = 1_000_000
        collector.stop()
        assert collector.join(10.0)
        pipeline.stop(5.0)
        store.refuses = 0


@pytest.mark.promise("M26", "M31", "M32", "M33")
def test_a_collector_reads_its_files_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "app.log"
    path.parent.mkdir()
    write(path, '{"level":50,"time":1769947200000,"msg":"as json","module":"core"}', "plain 주문 실패")
    before = threading.active_count()
    with running(f"{tmp_path}/**/*.log") as desk:
        wait_until(lambda: len(desk.messages()) == 2)
        wait_until(lambda: desk.collector.status().lines == 2)
        status = desk.collector.status()
        assert (status.key, status.state) == (f"file:{tmp_path}/**/*.log", CollectorState.COLLECTING)
        assert (status.source, status.detail, status.error, status.gaps) == ("app", "1 file", "", 0)
        [json, plain] = sorted(desk.store.export(LogQuery()), key=lambda entry: entry.key)
        assert (json.message, json.level, json.source_id) == ("as json", LogLevel.ERROR, str(path))
        assert json.time_ns == 1769947200_000_000_000
        assert plain.message == "plain 주문 실패"
    assert desk.collector.status().state is CollectorState.STOPPED
    assert threading.active_count() == before


@pytest.mark.promise("M33")
def test_a_stack_trace_in_a_file_is_one_entry(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.touch()
    with running(str(path)) as desk:
        wait_until(lambda: desk.collector.status().state is CollectorState.COLLECTING)
        trace = [
            "Traceback (most recent call last):",
            '  File "a.py", line 1, in <module>',
            "ValueError: no",
        ]
        write(path, "2026-02-01 12:00:00 ERROR it broke", *trace, "2026-02-01 12:00:01 INFO on")
        wait_until(lambda: len(desk.messages()) == 2)
        assert desk.messages()[0].endswith("ValueError: no")


@pytest.mark.promise("M24")
def test_a_stopped_collector_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "one")
    with running(str(path)) as desk:
        for number in range(5):
            count = number + 1
            wait_until(lambda count=count: desk.collector.status().lines >= count)
            desk.collector.stop()
            write(path, f"more {number}")
            desk.collector.start()
        wait_until(lambda: len(desk.messages()) == 6)
    assert desk.messages() == ["one", *(f"more {number}" for number in range(5))]


def test_two_patterns_stop_one_without_the_other(tmp_path: Path) -> None:
    store = Faulty()
    pipeline = Pipeline(store, CommitSignal(), batch_ms=20)
    pipeline.start()
    reader = FileReader(pipeline, store, poll_ms=10, scan_s=0.05)
    one, two = (FileLogCollector(Watch(str(tmp_path / f"{name}.log")), reader) for name in ("one", "two"))
    for collector in (one, two):
        collector.start()
    wait_until(lambda: two.status().state is CollectorState.ENDED)
    one.stop()
    assert one.join(5.0)
    assert not two.join(0.0)
    write(tmp_path / "one.log", "one")
    write(tmp_path / "two.log", "two")
    wait_until(lambda: two.status().lines == 1)
    assert one.status().lines == 0
    two.stop()
    assert two.join(5.0)
    assert pipeline.stop(5.0)


@pytest.mark.promise("M26", "M31")
@pytest.mark.fault
@pytest.mark.parametrize("turn", [rotate, copytruncate], ids=["rename", "copytruncate"])
@pytest.mark.fault_row("R13", "R14")
def test_fast_writers_lose_and_double_nothing_through_rotations_kills_and_faults(
    tmp_path: Path, turn: object
) -> None:
    assert callable(turn)
    path = tmp_path / "app.log"
    path.touch()
    store = Faulty()
    total = 40_000
    # The writer is stopped between a copy and its truncation: what neither holds cannot be read.
    turning = threading.Lock()

    def write_all() -> None:
        for number in range(0, total, 200):
            with turning:
                write(
                    path,
                    *(f"2026-02-01 12:00:00 INFO app: line {n:06d}" for n in range(number, number + 200)),
                )
            if number % 4_000 == 3_800:
                with turning:
                    turn(path)
            done.wait(0.01)

    done = threading.Event()
    with running(str(path), store=store) as desk:
        wait_until(lambda: desk.collector.status().state is CollectorState.COLLECTING)
    writer = threading.Thread(target=write_all)
    writer.start()
    for round_number in range(4):
        with running(str(path), store=store, abandon=True) as desk:
            start = desk.store.cursor()
            wait_until(
                lambda desk=desk, start=start: desk.store.cursor() > start + 2_000 or not writer.is_alive()
            )
            if round_number == 2:
                store.refuses = 1
    writer.join()
    with running(str(path), store=store) as desk:
        wait_until(lambda: len(desk.messages()) >= total, timeout_s=60.0)
        numbers = [int(m.rsplit(" ", 1)[1]) for m in desk.messages() if re.search(r"line \d{6}$", m)]
        assert numbers == list(range(total))
        assert desk.collector.status().gaps == 0


@pytest.mark.promise("M26")
def test_a_store_that_fails_and_comes_back_has_each_line_once(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.touch()
    with running(str(path)) as desk:
        wait_until(lambda: desk.collector.status().state is CollectorState.COLLECTING)
        desk.store.refuses = 1
        write(path, *(f"line {number}" for number in range(500)))
        rotate(path)
        write(path, "new")
        wait_until(lambda: len(desk.messages()) >= 501, timeout_s=30.0)
        assert desk.messages() == [*(f"line {number}" for number in range(500)), "new"]


@pytest.mark.promise("M31")
def test_the_default_patterns_find_the_logs_of_a_plain_debian() -> None:
    found = [Watch(pattern).glob for pattern in DEFAULT_GLOBS]
    for path in (
        "/var/log/dpkg.log",
        "/var/log/apt/history.log",
        "/var/log/nginx/access.log",
        "/var/log/postgresql/postgresql-15-main.log",
        "/var/log/syslog",
    ):
        assert any(glob.matches(path) for glob in found), path
    assert not any(glob.matches("/var/log/journal/abc/system.journal") for glob in found)
    assert not any(glob.matches("/var/log/wtmp") for glob in found)


def test_settings_name_the_patterns(tmp_path: Path) -> None:
    config = Config(files=("/srv/*.log",), files_from="end", log_dir=tmp_path)
    assert [(watch.glob.pattern, watch.begin) for watch in watches_of(config)] == [
        ("/srv/*.log", "end"),
        (f"{tmp_path}/info/*.log", "end"),
        (f"{tmp_path}/errors/*.json", "start"),
    ]
    assert [watch.glob.pattern for watch in watches_of(Config())] == list(DEFAULT_GLOBS)
    assert watches_of(Config(files=("none",))) == []


def test_a_collector_is_made_for_each_pattern(tmp_path: Path) -> None:
    store: LogStorage = MemoryStore()
    pipeline = Pipeline(store, CommitSignal())
    config = Config(files=(str(tmp_path / "a.log"), str(tmp_path / "*.txt")))
    made = file_collectors(config, pipeline, store)
    assert [collector.key for collector in made] == [f"file:{pattern}" for pattern in config.files]
    assert made[0].status().source_id == str(tmp_path / "a.log")
    assert made[1].status().source_id == ""
    assert {collector.status().state for collector in made} == {CollectorState.STOPPED}
