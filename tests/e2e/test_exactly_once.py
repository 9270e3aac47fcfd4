"""The whole, on real neighbours: every line is stored once, in order, while hantu is killed twice."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hantu.model import LogEntry
from hantu.query.logquery import LogQuery, Order
from hantu.store import open_store
from tests.e2e.writers import (
    WANTED,
    FileWriter,
    JournalWriter,
    copytruncate,
    level_of,
    rename,
    shell_lines,
)
from tests.engine import PrivateEngine
from tests.journald import PrivateJournal
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

LINES = 10_000
HALF = LINES // 2
_NUMBER = re.compile(r"line (\d+)")
UTC = datetime.UTC
EACH = ("source:docker", "source:journal numbered", "source:app")


@dataclass(frozen=True, slots=True)
class Stream:
    """One origin of numbered lines, as it must be found in the store."""

    name: str
    source: str
    source_id: str


def numbers(entries: list[LogEntry]) -> list[int]:
    """The number of each line, in arrival order."""
    found = []
    for entry in sorted(entries, key=lambda entry: entry.key):
        match = _NUMBER.search(entry.message)
        assert match is not None, entry
        found.append(int(match.group(1)))
    return found


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


@pytest.fixture
def service(
    tmp_path: Path, logs: Path, engine: PrivateEngine, journald: PrivateJournal
) -> Iterator[RunningService]:
    service = RunningService(
        tmp_path / "data",
        NOTHING
        | engine.environment
        | {
            "HANTU_DOCKER": "auto",
            "HANTU_JOURNAL": "auto",
            "HANTU_JOURNAL_NAMESPACE": journald.namespace,
            "HANTU_FILES": f"{logs}/*.log",
        },
    )
    try:
        yield service.start()
    finally:
        service.close()
        engine.remove_containers()


@pytest.mark.e2e
@pytest.mark.docker
@pytest.mark.journal
@pytest.mark.timeout(300)
@pytest.mark.promise("M16", "M17", "M20", "M21", "M26a", "M28", "M29", "M31", "M33")
@pytest.mark.fault_row("R1", "R9", "R14", "R15")
def test_ten_thousand_lines_of_each_origin_are_stored_once_through_two_kills(
    service: RunningService, logs: Path, engine: PrivateEngine, journald: PrivateJournal
) -> None:
    renamed = FileWriter(logs / "renamed.log", LINES, rename, every=1500)
    copied = FileWriter(logs / "copied.log", LINES, copytruncate, every=1700)
    engine.run(shell_lines("plain", 1, LINES, both_streams=True), name="plain")
    engine.run(shell_lines("terminal", 1, LINES, both_streams=False), name="terminal", tty=True)
    first = engine.run(shell_lines("rebuilt", 1, HALF, both_streams=False), name="rebuilt")
    renamed.start()
    copied.start()
    journal = JournalWriter(journald, "numbered", LINES)
    journal.start()

    wait_until(lambda: renamed.written > 2000, 60)
    service.kill()
    wait_until(lambda: renamed.written > 4000, 60)
    service.start()
    wait_until(lambda: count(service, "container:rebuilt") >= HALF, 90, 0.2)
    engine.docker("rm", "-f", first)
    engine.run(shell_lines("rebuilt", HALF + 1, LINES, both_streams=False), name="rebuilt")
    wait_until(lambda: renamed.written > 6500, 60)
    service.kill()
    wait_until(lambda: renamed.written > 7500, 60)
    service.start()
    renamed.join()
    copied.join()
    journal.join()
    wait_until(lambda: sum(count(service, words) for words in EACH) >= 6 * LINES, 120, 0.2)
    assert all(found["gaps"] == 0 for found in service.get("/api/collectors")["collectors"])
    assert service.stop() == 0

    store = open_store(service.data_dir / "hantu.db", read_only=True)
    try:
        found = list(store.export(LogQuery(order=Order.OLDEST)))
        streams = [
            Stream("plain", "docker", "plain"),
            Stream("terminal", "docker", "terminal"),
            Stream("rebuilt", "docker", "rebuilt"),
            Stream("numbered", "journal", "numbered"),
            Stream("renamed", "app", str(logs / "renamed.log")),
            Stream("copied", "app", str(logs / "copied.log")),
        ]
        for stream in streams:
            check(stream, [entry for entry in found if entry.source_id == stream.source_id])
        for words in ("주문", "주문을", "모의주문실행"):
            hits = store.count(LogQuery.parse(words, now_ns=0, tz=UTC), cap=10**6)
            assert hits.count == 2 * LINES // 10
    finally:
        store.close()


def check(stream: Stream, entries: list[LogEntry]) -> None:
    """Each line once, in order within its stream, with its level, time and source."""
    by_stream: dict[object, list[LogEntry]] = {}
    for entry in entries:
        by_stream.setdefault((entry.metadata or {}).get("stream"), []).append(entry)
    assert sorted(numbers(entries)) == list(range(1, LINES + 1)), stream.name
    if stream.name == "plain":
        assert {name: len(lines) for name, lines in by_stream.items()} == {"stdout": HALF, "stderr": HALF}
    elif stream.name == "terminal":
        assert set(by_stream) == {"tty"}
    for lines in by_stream.values():
        in_order = numbers(lines)
        assert in_order == sorted(in_order), stream.name
        times = [entry.time_ns for entry in sorted(lines, key=lambda entry: entry.key)]
        assert times == sorted(times), stream.name
        assert times[-1] - times[0] < 300 * 10**9
    for entry in entries:
        match = _NUMBER.search(entry.message)
        assert match is not None
        assert entry.level.label == WANTED[level_of(int(match.group(1)))], entry
        assert entry.source == stream.source
        assert abs(entry.created_ns - entry.time_ns) < 300 * 10**9, entry


def count(service: RunningService, words: str) -> int:
    """How many entries match, read beside the running service."""
    store = open_store(service.data_dir / "hantu.db", read_only=True)
    try:
        return store.count(LogQuery.parse(words, now_ns=0, tz=UTC), cap=10**6).count
    finally:
        store.close()
