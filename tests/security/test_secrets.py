"""Secrets are masked before anything is written (S16): looked for in every file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hantu.query.logquery import LogQuery
from hantu.store import open_store
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

PASSWORD = "correct-horse-7731"
KEY = "sk-live-51Habcdefghijklmnop"
BEARER = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
SECRETS = (PASSWORD, KEY, BEARER)
LINE = f"login password={PASSWORD} api_key={KEY} Authorization: Bearer {BEARER}"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    settings = {**NOTHING, "HANTU_FILES": str(tmp_path / "logs" / "*.log"), "HANTU_FILES_FROM": "start"}
    (tmp_path / "logs").mkdir()
    service = RunningService(tmp_path / "data", settings)
    try:
        yield service.start()
    finally:
        service.close()


@pytest.mark.e2e
def test_no_secret_reaches_a_file_of_the_service(tmp_path: Path, service: RunningService) -> None:
    trace = f'Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: {LINE}'
    entries = [
        {"message": LINE},
        {"message": "nested", "metadata": {"password": PASSWORD, "deep": {"api_key": KEY, "note": LINE}}},
        {"message": trace, "level": "error", "metadata": {"stack_trace": trace}},
    ]
    service.call("POST", "/api/ingest", "\n".join(map(json.dumps, entries)).encode())
    (tmp_path / "logs" / "app.log").write_text(f"{LINE}\nthe last line\n")
    run = {"prompt": LINE, "jobName": "nightly", "metadata": {"password": PASSWORD}}
    service.call("POST", "/api/executions", json.dumps(run).encode())
    service.call(
        "POST", "/api/accounts", json.dumps({"name": "jin", "role": "admin", "password": PASSWORD}).encode()
    )
    wait_until(lambda: service.get("/api/logs?q=%22the+last+line%22")["total"] == 1, 20)
    assert service.get("/api/errors")["total"] == 1
    shown = json.dumps(
        [service.get("/api/logs?limit=100"), service.get("/api/errors"), service.get("/api/executions")]
    )
    assert service.stop() == 0
    data = tmp_path / "data"
    store = open_store(data / "hantu.db", read_only=True)
    told = shown + repr(list(store.export(LogQuery())))
    store.close()
    connection = sqlite3.connect(data / "hantu.db")
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    for table in ("executions", "error_logs", "account", "audit"):
        assert table in tables
        told += repr(connection.execute(f"SELECT * FROM {table}").fetchall())
    connection.close()
    raw = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    raw += service.log.read_bytes()
    for secret in SECRETS:
        assert secret not in told
        assert secret.encode() not in raw
    assert "nightly" in told
