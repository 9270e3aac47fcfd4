"""Canaries arrive on their real ways, are measured, and are not stored."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hantu.collect.files import FileLogCollector, FileReader, Watch
from hantu.collect.journal import JournalLogCollector
from hantu.config import Config
from hantu.model import APP, JOURNAL, LogEntry, LogLevel
from hantu.pipeline import Pipeline
from hantu.query.logquery import LogQuery
from hantu.service import Service
from hantu.service.canaries import build_canaries, canary_file
from hantu.service.canary import HEAD, MISSED_S, RETRY_S, Canaries, Canary, CanaryError, Way
from hantu.service.canary_ways import FILE_BYTES_MOST, FileWay, IngestWay, JournalWay
from hantu.store.base import LogStorage
from hantu.store.memory import MemoryStore
from hantu.tail import CommitSignal
from tests.journald import PrivateJournal, journald
from tests.waiting import wait_until
from tests.web.desk import app_of, running_service, served

__all__ = ["journald"]


def messages(store: LogStorage) -> list[str]:
    return [entry.message for entry in store.export(LogQuery())]


def has_arrived(canary: Canary) -> Callable[[], bool]:
    return lambda: canary.last is not None and canary.last.delay_s is not None


@pytest.mark.journal
def test_the_line_arrives_through_the_journal_and_is_not_kept(journald: PrivateJournal) -> None:
    way = JournalWay(Path(f"/run/systemd/journal.{journald.namespace}/socket"))
    canary = Canary(Way.JOURNAL, way)
    store = MemoryStore()
    pipeline = Pipeline(store, CommitSignal(), processors=[Canaries([canary])], batch_ms=20)
    pipeline.start()
    collector = JournalLogCollector(
        pipeline=pipeline, store=store, since="-1h", namespace=journald.namespace
    )
    collector.start()
    try:
        journald.write("before", "shop", 6)
        wait_until(lambda: store.stats().entries >= 1)
        assert canary.last is None
        assert canary.send()
        wait_until(has_arrived(canary))
        assert canary.last is not None
        assert canary.last.delay_s is not None
        assert canary.last.delay_s >= 0
        journald.write("after", "shop", 6)
        wait_until(lambda: "after" in messages(store))
        assert not any(HEAD in message for message in messages(store))
    finally:
        collector.stop()
        assert collector.join(10)
        pipeline.stop(5)


def test_the_line_arrives_through_a_file_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "canary" / "canary.log"
    canary = Canary(Way.FILES, FileWay(path))
    store = MemoryStore()
    canaries = Canaries([canary], own_file=str(path))
    pipeline = Pipeline(store, CommitSignal(), processors=[canaries], batch_ms=20)
    pipeline.start()
    reader = FileReader(pipeline, store, poll_ms=10)
    own = FileLogCollector(Watch(str(path), begin="start"), reader)
    shop = tmp_path / "shop.log"
    others = FileLogCollector(Watch(str(shop), begin="start"), reader)
    for collector in (own, others):
        collector.start()
    try:
        for _ in range(3):
            assert canary.send()
            wait_until(has_arrived(canary))
        path.write_text("x" * (FILE_BYTES_MOST + 1) + "\n")
        assert canary.send()
        assert path.stat().st_size < 200, "it begins anew"
        wait_until(has_arrived(canary))
        shop.write_text("sold\n")
        wait_until(lambda: "sold" in messages(store))
        assert messages(store) == ["sold"]
        assert store.gaps() == (), "a file that is cut down by hantu itself is no loss"
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        for collector in (own, others):
            collector.stop()
        assert own.join(10)
        assert others.join(10)
        pipeline.stop(5)


def test_a_service_tries_its_own_address_and_files(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    files = (str(tmp_path / "logs" / "*.log"),)
    with running_service(tmp_path / "data", files=files, file_poll_ms=20) as service:
        app = app_of(service)
        with served(app) as port:
            service.url = f"http://127.0.0.1:{port}"
            for each in service.canaries:
                assert isinstance(each, Canary)
                assert each.send()
            wait_until(lambda: all(last.delay_s is not None for last in service.canaries.last))
        client = app.test_client()
        found = client.get("/api/collectors").get_json()
        assert [each["way"] for each in found["canaries"]] == ["ingest", "files"]
        assert not any(each["missed"] or each["error"] for each in found["canaries"])
        assert [each["name"] for each in found["collectors"]] == list(files)
        assert client.get("/api/logs").get_json()["logs"] == []
        assert client.get("/api/stats").get_json()["bySource"] == {}
        metrics = client.get("/metrics").text
        for way in ("ingest", "files"):
            assert f'hantu_canary_missed{{way="{way}"}} 0' in metrics
            assert f'hantu_canary_delay_seconds{{way="{way}"}}' in metrics
        html = client.get("/sources", headers={"Accept-Language": "en"}).text
        assert html.count("Arrived after") == 2
        korean = client.get("/sources", headers={"Accept-Language": "ko"}).text
        assert korean.count("만에 들어옴") == 2
        # The server has ended: now the line cannot be sent.
        (ingest,) = (each for each in service.canaries if each.way is Way.INGEST)
        assert isinstance(ingest, Canary)
        assert not ingest.send()
        assert ingest.last is not None
        assert ingest.last.error


def journal_canary(tmp_path: Path, now_s: list[float]) -> Canary:
    return Canary(Way.JOURNAL, JournalWay(tmp_path / "socket"), clock_s=lambda: now_s[0])


def test_one_that_does_not_arrive_is_missed(tmp_path: Path) -> None:
    now_s = [100.0]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "socket"))
        canary = journal_canary(tmp_path, now_s)
        canaries = Canaries([canary])
        assert canary.send()
        assert canaries.missed == []
        now_s[0] += MISSED_S + 1
        assert canaries.missed == [canary.last]
        message = journal.recv(1000).decode().splitlines()[0].removeprefix("MESSAGE=")
        entry = LogEntry(JOURNAL, "hantu.service", LogLevel.DEBUG, message, 1)
        other = LogEntry(JOURNAL, "sshd", LogLevel.INFO, "kept", 1)
        assert canaries([entry, other]) == [other]
        assert canary.last is not None
        assert canary.last.delay_s == MISSED_S + 1
        assert canaries.missed == []
        assert canaries([entry]) == [], "one that comes twice is not stored, either"


def test_a_file_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "canary").write_text("no folder")
    canary = Canary(Way.FILES, FileWay(tmp_path / "canary" / "canary.log"))
    assert not canary.send()
    assert canary.last is not None
    assert canary.last.error.startswith("the file of its own cannot be written")


def test_nobody_hides_a_line_behind_the_words_of_a_canary(tmp_path: Path) -> None:
    canaries = Canaries([journal_canary(tmp_path, [0.0])])
    for text in (f"{HEAD}rm -rf /", HEAD, f"{HEAD}0123456789abcdef and more", f"x {HEAD}0123456789abcdef"):
        hidden = [LogEntry(JOURNAL, "evil", LogLevel.ERROR, text, 1)]
        assert canaries(hidden) == hidden
    assert canaries([LogEntry(APP, "shop", LogLevel.DEBUG, f"{HEAD}0123456789abcdef", 1)]) == []


def test_without_a_journal_there_is_none(tmp_path: Path) -> None:
    canary = Canary(Way.JOURNAL, JournalWay(tmp_path / "none"))
    assert not canary.send()
    assert canary.last is None
    assert not Canary(Way.INGEST, IngestWay(lambda: "", "secret")).send()
    stop = threading.Event()
    stop.set()
    canary.body(stop)


def test_a_journal_that_somebody_stopped_reading_is_no_fault(tmp_path: Path) -> None:
    reads = [True]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "socket"))
        canary = Canary(Way.JOURNAL, JournalWay(tmp_path / "socket", reads=lambda: reads[0]))
        assert canary.send()
        assert canary.last is not None
        reads[0] = False
        assert not canary.send()
        assert canary.last is None


def test_one_that_cannot_be_written_says_why_and_is_tried_again() -> None:
    now_s = [100.0]
    tries: list[str] = []

    def write(line: str) -> None:
        tries.append(line)
        if len(tries) < 3:
            raise CanaryError("its own address answered HTTP 503")

    canary = Canary(Way.INGEST, write, clock_s=lambda: now_s[0])

    class Impatient(threading.Event):
        """Ends after some waits, which take no time."""

        def __init__(self) -> None:
            super().__init__()
            self.waits: list[float | None] = []

        def wait(self, timeout: float | None = None) -> bool:
            self.waits.append(timeout)
            return len(self.waits) > 3

    stop = Impatient()
    canary.body(stop)
    assert stop.waits[1:] == [RETRY_S, RETRY_S, 600.0]
    assert len(set(tries)) == 1, "it is the same line until it is there"
    assert canary.last is not None
    assert canary.last.error == ""
    tries.clear()
    canary.send()
    now_s[0] += MISSED_S + 1
    assert canary.last.error == "its own address answered HTTP 503"
    assert canary.last.missed


@pytest.mark.parametrize(
    ("settings", "ways"),
    [
        ({}, {Way.INGEST, Way.JOURNAL, Way.FILES}),
        ({"journal": "off"}, {Way.INGEST, Way.FILES}),
        ({"journal_units": ("ssh.service",)}, {Way.INGEST, Way.FILES}),
        ({"files": ("none",), "journal": "off"}, {Way.INGEST}),
        ({"canary": False}, set()),
    ],
)
def test_there_is_one_for_each_way_that_is_read(
    tmp_path: Path, settings: dict[str, object], ways: set[Way]
) -> None:
    config = Config(data_dir=tmp_path, **settings)  # type: ignore[arg-type]  # the test names its settings
    assert {each.way for each in build_canaries(config, url=str, secret="x", reads_journal=bool)} == ways
    assert (canary_file(config) is not None) == (Way.FILES in ways)


def test_the_secret_is_good_for_nothing_else(tmp_path: Path) -> None:
    from hantu.web import create_app

    service = Service(Config(data_dir=tmp_path, docker="off", journal="off", files=("none",)))
    service.start()
    try:
        client = create_app(service).test_client()
        shown = {"Authorization": f"Bearer {service.canary_secret}"}
        for path in ("/api/logs", "/api/stats", "/", "/metrics", "/api/collectors"):
            assert client.get(path, headers=shown).status_code == 403, path
        for path in ("/api/executions", "/api/cleanup"):
            assert client.post(path, json={}, headers=shown).status_code == 403, path

        def send(*lines: str) -> int:
            body = json.dumps([{"message": line} for line in lines])
            answer = client.post("/api/ingest", data=body, headers=shown, content_type="application/json")
            return answer.status_code

        own = f"{HEAD}0123456789abcdef"
        assert send("a line of somebody") == 403
        assert send(own, "a line of somebody") == 403
        assert send(own) == 200
        assert service.store.stats().entries == 0
    finally:
        service.stop()
