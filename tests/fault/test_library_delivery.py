"""Each error reaches the store once, whatever the way and whatever was broken on it: real programs, the
real service, which reads the local error files as well."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fault.programs import Program
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

pytestmark = [pytest.mark.fault, pytest.mark.e2e]

ERRORS = """
def order(number):
    try:
        raise ValueError("order %d" % number)
    except ValueError:
        log.error("order failed", exc_info=True, context={{"number": number}})
for number in range({first}, {last}): order(number)
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    """A service that reads the local error files, not started yet."""
    (tmp_path / "data").mkdir()
    settings = {
        **NOTHING,
        "HANTU_FILES": str(tmp_path / "logs" / "errors" / "*.json"),
        "HANTU_FILES_FROM": "start",
    }
    running = RunningService(tmp_path / "data", settings)
    yield running
    running.close()


def dsn_of(service: RunningService) -> str:
    """A DSN with a token that may do nothing but this."""
    made = service.call(
        "POST", "/api/tokens", json.dumps({"name": "scheduler", "scope": "ingest"}).encode()
    )
    return service.url.replace("http://", f"http://{made['token']}@")


def stored(service: RunningService) -> Counter[int]:
    """How often the error of each number is in the store."""
    found: list[dict[str, Any]] = service.get("/api/logs?limit=1000&q=order")["logs"]
    return Counter(entry["metadata"]["context"]["number"] for entry in found)


def in_inbox(service: RunningService) -> tuple[int, int]:
    """How many errors there are, in how many groups."""
    reader = sqlite3.connect(f"file:{service.data_dir / 'hantu.db'}?mode=ro", uri=True)
    try:
        (errors,) = reader.execute("SELECT count(*) FROM error_logs").fetchone()
        (groups,) = reader.execute("SELECT count(*) FROM error_group").fetchone()
    finally:
        reader.close()
    return errors, groups


@pytest.mark.promise("M45", "M59", "M65")
def test_what_was_given_up_and_what_was_sent_is_in_the_store_once(
    tmp_path: Path, service: RunningService
) -> None:
    service.start()
    dsn = dsn_of(service)
    with Program(tmp_path, dsn=dsn, batch_s=0.05, retry_s=0.1, retries=1) as program:
        program.do(ERRORS.format(first=0, last=15))
        wait_until(lambda: program.status()["delivery"]["stored"] == 15)
        service.kill()
        program.do(ERRORS.format(first=15, last=40))
        wait_until(lambda: program.status()["delivery"]["given_up"] == 25)
        assert program.status()["state"] == "Partial"
        service.start()
        wait_until(lambda: len(stored(service)) == 40, 30)
        assert set(stored(service).values()) == {1}
        assert in_inbox(service) == (40, 1)
        assert program.end() == 0


@pytest.mark.promise("M45", "M65")
def test_a_program_that_dies_with_a_full_queue_loses_no_error(
    tmp_path: Path, service: RunningService
) -> None:
    service.start()
    dsn = dsn_of(service)
    with Program(tmp_path, dsn=dsn, batch_errors=1000, batch_s=3600) as program:
        program.do(ERRORS.format(first=0, last=50))
        assert program.status()["delivery"]["waiting"] == 50
        program.kill()
        wait_until(lambda: len(stored(service)) == 50, 30)
        assert set(stored(service).values()) == {1}
        assert in_inbox(service) == (50, 1)


@pytest.mark.promise("M45", "M48")
def test_a_program_that_writes_the_file_itself_doubles_nothing(
    tmp_path: Path, service: RunningService
) -> None:
    service.start()
    database = tmp_path / "data" / "hantu.db"
    with Program(tmp_path, dsn=f"sqlite:///{database}", batch_s=0.05) as program:
        program.do(ERRORS.format(first=0, last=20))
        wait_until(lambda: program.status()["delivery"]["stored"] == 20)
        wait_until(lambda: len(stored(service)) == 20, 30)
        assert set(stored(service).values()) == {1}
        assert in_inbox(service) == (20, 1)
        assert program.status()["state"] == "READY"
