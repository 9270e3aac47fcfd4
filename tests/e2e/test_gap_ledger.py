"""Every reason why lines may be missing, made to happen: ledger, page, histogram, API."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import flask
import pytest
from flask.testing import FlaskClient

from hantu.config import Config
from hantu.query.logquery import LogQuery
from hantu.service import Service, new_token
from hantu.service.gaps import SHORT_NS
from hantu.web.ingest import Door, RateLimit
from tests.engine import PrivateEngine
from tests.journald import PrivateJournal
from tests.waiting import wait_until
from tests.web.desk import app_of

ROTATES = ("--log-opt", "max-size=20k", "--log-opt", "max-file=2")
BURSTS = "echo first; while [ ! -e /go ]; do usleep 20000; done; seq 1 3000; echo last; sleep 100"
REASONS = {
    "outrun": "the log was rotated before it was read",
    "removed": "the container was removed before all of its log was read",
    "app": "removed by journald before hantu could read them",
    "file": "the file was replaced before it was read to its end",
    "stopped": "hantu was stopped; what programs sent meanwhile was not taken",
    "refused": "hantu had no room; the senders were told to send again",
}
FIRST = {"first", "one", "opened", "line 19"}
SEARCHES = {
    "outrun": "container:outrun",
    "removed": "container:removed",
    "app": "source:journal",
    "file": "file:*shop.log",
    "stopped": "source:app",
    "refused": "source:app",
}
"""A search whose lines each of them may have taken."""


WRITER = """
import socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
    journal.connect(sys.argv[1])
    for number in range(int(sys.argv[2]), int(sys.argv[3])):
        journal.send(f"MESSAGE=line {number}\\nSYSLOG_IDENTIFIER=app\\nPRIORITY=6\\n".encode())
"""


def write_lines(journald: PrivateJournal, first: int, last: int) -> None:
    """From a process of its own: hantu passes over what its own says."""
    path = f"/run/systemd/journal.{journald.namespace}/socket"
    subprocess.run([sys.executable, "-c", WRITER, path, str(first), str(last)], check=True, timeout=60)


@pytest.fixture
def containers(engine: PrivateEngine) -> Iterator[PrivateEngine]:
    yield engine
    engine.remove_containers()


def messages(service: Service) -> set[str]:
    return {entry.message for entry in service.store.export(LogQuery())}


def gaps_in(client: FlaskClient, path: str, **words: str) -> Mapping[str, dict[str, object]]:
    """The gaps that an answer tells of, by what they are."""
    answer = client.get(path, query_string=words)
    assert answer.status_code == 200, answer.text
    found = {}
    for gap in answer.get_json()["gaps"]:
        for name, reason in REASONS.items():
            if reason in gap["reason"]:
                found[name] = gap
    return found


def refuse(app: flask.Flask, client: FlaskClient, token: str) -> int:
    """Send more than may be sent at once; how many lines were not taken."""
    app.extensions["hantu.ingest"] = Door(RateLimit(rate_s=0.001, burst=100))
    sent = [{"message": f"sent {number}"} for number in range(40)]
    headers = {"Authorization": f"Bearer {token}"}
    answers = [client.post("/api/ingest", json=sent, headers=headers).status_code for _ in range(3)]
    assert answers == [200, 429, 429]
    return 80


@pytest.mark.docker
@pytest.mark.journal
@pytest.mark.fault
@pytest.mark.timeout(300)
def test_every_reason_is_told_wherever_it_matters(
    tmp_path: Path,
    containers: PrivateEngine,
    journald: PrivateJournal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", containers.host)
    shop = tmp_path / "logs" / "shop.log"
    shop.parent.mkdir()
    shop.write_text("opened\n")
    config = Config(
        data_dir=tmp_path / "data",
        files=(f"{shop.parent}/*.log",),
        files_from="start",
        journal_namespace=journald.namespace,
        docker_include=("outrun", "removed"),
        batch_ms=20,
    )
    began_ns = time.time_ns()
    outrun = containers.run(BURSTS, name="outrun", options=ROTATES)
    containers.run("echo one; sleep 100", name="removed")
    write_lines(journald, 0, 20)
    service = Service(config)
    token = service.pipeline.with_store(lambda store: new_token(store, "shop", "ingest"))
    service.start()
    try:
        wait_until(lambda: messages(service) >= FIRST, 60, 0.1)
    finally:
        service.stop()

    # hantu is down, and for long enough that somebody notices.
    down_ns = time.time_ns()
    containers.docker("exec", outrun, "sh", "-c", "echo > /go")
    wait_until(lambda: containers.docker("logs", "--tail", "1", outrun) == "last", 60)
    containers.docker("rm", "-f", "removed")
    shop.write_text("opened\n" + "unread\n" * 5_000)
    with shop.open("r+") as file:
        file.truncate(0)
    shop.write_text("anew\n")
    write_lines(journald, 20, 70)
    journald.rotate()
    write_lines(journald, 70, 80)
    journald.journalctl("--sync")
    journald.vacuum()
    wait_until(lambda: time.time_ns() - down_ns > 2 * SHORT_NS, 60)

    service = Service(config)
    service.start()
    try:
        app = app_of(service)
        client = app.test_client()
        wait_until(lambda: messages(service) >= {"last", "anew", "line 79"}, 60, 0.1)
        lost = refuse(app, client, token)
        service.sent_gaps.minute()
        wait_until(lambda: set(gaps_in(client, "/api/gaps")) == set(REASONS), 60, 0.1)
        ledger = gaps_in(client, "/api/gaps")
        assert ledger["refused"]["lines"] == lost
        assert isinstance(ledger["app"]["lines"], int)
        assert ledger["app"]["lines"] >= 50
        assert ledger["outrun"]["lines"] is None
        page = client.get("/sources", headers={"Accept-Language": "en"}).text
        korean = client.get("/sources", headers={"Accept-Language": "ko"}).text
        for name, reason in REASONS.items():
            gap = ledger[name]
            assert gap["start"] <= gap["end"], name  # type: ignore[operator]  # both are texts
            assert name in gaps_in(client, "/api/logs", q=SEARCHES[name], limit="1000"), name
            assert name not in gaps_in(client, "/api/logs", until=str(gap["start"])), name
            assert reason in page, name
            assert reason not in korean, f"{name} has no Korean"
            chart = client.get("/logs", query_string={"q": SEARCHES[name], "full": "1"}).text
            assert 'class="fill-blind" x=' in chart, name
        assert gaps_in(client, "/api/logs", until=_iso(began_ns - 3_600 * 10**9)) == {}
        told = json.dumps(ledger, ensure_ascii=False)
        assert "shop.log" in told
    finally:
        service.stop()


def _iso(time_ns: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_ns // 10**9))
