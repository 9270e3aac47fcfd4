"""A database that is damaged under a running service: it makes the file anew and comes back by itself."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import urllib.error
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from hantu.service import renewal
from hantu.service.renewal import AGAIN_S, Renewal
from hantu.store import open_store
from tests.running import NOTHING, RunningService
from tests.store.made import many
from tests.waiting import wait_until

PAGE = 4096


def damage(database: Path, table: str) -> None:
    """Overwrite every page of a table; whoever has the file open reads them anew."""
    with closing(apsw.Connection(str(database))) as connection:
        connection.set_busy_timeout(10_000)
        connection.execute("UPDATE checkpoint SET value = value")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        pages = [
            page for (page,) in connection.execute("SELECT pageno FROM dbstat WHERE name = ?", (table,))
        ]
    assert pages
    with database.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE)
            file.write(os.urandom(PAGE))


def send(service: RunningService, *messages: str) -> bool:
    """Push lines with ids; whether they were taken."""
    lines = [json.dumps({"message": message, "id": str(uuid.uuid4())}) for message in messages]
    try:
        answer = service.call("POST", "/api/ingest", "\n".join(lines).encode())
    except (urllib.error.URLError, OSError):
        return False
    return bool(answer["accepted"] == len(messages))


@pytest.mark.fault
@pytest.mark.fault_row("R7")
def test_a_service_whose_file_is_damaged_comes_back_with_what_can_be_read(tmp_path: Path) -> None:
    service = RunningService(tmp_path / "data", NOTHING)
    database = service.data_dir / "hantu.db"
    try:
        service.start()
        assert service.process is not None
        first = service.worker_pid
        assert send(service, *(f"before {number}" for number in range(300)))
        damage(database, "event")
        wait_until(lambda: not send(service, "refused"), 30)

        control = service.data_dir / "control.json"

        def back() -> bool:
            service._read_control(control)
            with contextlib.suppress(urllib.error.URLError, OSError):
                return service.worker_pid != first and service.get("/healthz")["status"] == "ok"
            return False

        wait_until(back, 90, 0.2)
        assert service.running(), "it is the same service"
        assert len(list(service.data_dir.glob("hantu.db.damaged-*[0-9]"))) == 1
        wait_until(lambda: send(service, "after"), 30, 0.2)
        found = service.call("GET", "/api/logs?limit=1000&sources=app")["logs"]
        messages = [each["message"] for each in found if each["message"].startswith(("before", "after"))]
        assert sorted(messages) == sorted(["after", *(f"before {number}" for number in range(300))])
        errors = service.call("GET", "/api/errors")["errors"]
        assert any(each["errorType"] == "DatabaseDamaged" for each in errors), "people are told"
        assert service.stop() == 0
    finally:
        service.close()


def made(folder: Path) -> Path:
    database = folder / "hantu.db"
    store = open_store(database)
    store.write_batch(many(200), {"reader": b"1"})
    store.close()
    return database


def times(
    database: Path, *, suspected: Callable[[], bool] = lambda: True, looks: int = 1
) -> tuple[int, list[float]]:
    """How often it ended the service within so many looks, and how long it waited before each."""

    class Quick(threading.Event):
        def __init__(self) -> None:
            super().__init__()
            self.waits: list[float] = []

        def wait(self, timeout: float | None = None) -> bool:
            self.waits.append(timeout or 0.0)
            return len(self.waits) > looks

    acts: list[int] = []
    subject = Renewal(database, suspected)
    subject.act = lambda: acts.append(1)
    stop = Quick()
    subject.body(stop)
    assert subject.begun is bool(acts)
    return len(acts), stop.waits


def test_only_a_damage_that_a_start_would_mend_ends_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = made(tmp_path)
    assert times(database, suspected=lambda: False, looks=3) == (0, [renewal.LOOK_S] * 4)
    assert times(database) == (0, [renewal.LOOK_S, AGAIN_S]), "every page is sound"
    damage(database, "event_key")
    assert times(database)[0] == 1
    with monkeypatch.context() as full:
        full.setattr(renewal, "room_missing", lambda _path: 10**9)
        assert times(database) == (0, [renewal.LOOK_S, AGAIN_S]), "there is no room"
    aside = tmp_path / "hantu.db.damaged-20260201-120000"
    aside.touch()
    assert times(database) == (0, [renewal.LOOK_S, AGAIN_S]), "it was made anew a moment ago"
    later = time.time() + AGAIN_S + 60
    with monkeypatch.context() as hour:
        hour.setattr(renewal.time, "time", lambda: later)
        assert times(database)[0] == 1


def test_where_nobody_would_start_it_again_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = made(tmp_path)
    damage(database, "event_key")
    looked = threading.Event()
    stop = threading.Event()

    def suspected() -> bool:
        looked.set()
        stop.set()
        return True

    subject = Renewal(database, suspected)
    monkeypatch.setattr(renewal, "LOOK_S", 0.01)
    subject.body(stop)
    assert looked.is_set()
    assert not subject.begun
    assert database.with_name("hantu.db.damaged").exists(), "the next start looks at every page"
