"""`hantu migrate` beside the service and its database; `hantu doctor` on the log library."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hantu.cli.main import cli
from hantu.store import open_store
from hantu.store.error_base import ErrorQuery
from hantu.store.sqlite.migrate import VERSION
from tests.client.bot_api import CHAT, TOKEN, BotApi
from tests.client.migration.logtree import make_logs, state
from tests.running import NOTHING


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """An old folder of logs."""
    return make_logs(tmp_path / "logs")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder with a database that nobody has open."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    open_store(folder / "hantu.db").close()
    return folder


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HANTU_")]:
        monkeypatch.delenv(name)


def hantu(data_dir: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--data-dir", str(data_dir), *words])


def rows(result: Result) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in json.loads(result.stdout)["rows"]}


@pytest.mark.promise("M89", "M90")
def test_with_the_service_down_the_test_error_is_found_in_its_file_and_resolved(
    logs: Path, data_dir: Path
) -> None:
    ran = hantu(data_dir, "migrate", "--log-dir", str(logs), "--json")
    found = rows(ran)
    assert ran.exit_code == 0, ran.output
    assert f"error_logs is there, schema {VERSION}" in found["prepare.table"]["says"]
    for key in ("prepare.table", "verify.database", "verify.inbox", "operate.database"):
        assert found[key]["state"] == "done", found[key]
    store = open_store(data_dir / "hantu.db", read_only=True)
    try:
        [group] = store.errors(ErrorQuery()).groups
        assert (group.service, group.error_type) == ("hantu-migrate", "MigrationCheck")
        assert (group.status.value.upper(), group.count) == ("RESOLVED", 1)
        assert store.unresolved(0) == 0
    finally:
        store.close()
    again = hantu(data_dir, "migrate", "--log-dir", str(logs), "--json")
    assert again.exit_code == 0
    store = open_store(data_dir / "hantu.db", read_only=True)
    try:
        [group] = store.errors(ErrorQuery()).groups
        assert (group.status.value.upper(), group.count) == ("RESOLVED", 2)
    finally:
        store.close()


@pytest.mark.promise("M89")
def test_a_database_without_the_table_is_told(logs: Path, tmp_path: Path) -> None:
    import sqlite3

    folder = tmp_path / "old"
    folder.mkdir()
    with sqlite3.connect(folder / "hantu.db") as connection:
        connection.execute("PRAGMA application_id = 1751215732")
        connection.execute("PRAGMA user_version = 2")
        connection.execute("CREATE TABLE meta (name)")
    connection.close()
    before = state(folder)
    ran = hantu(folder, "migrate", "--log-dir", str(logs), "--json")
    assert ran.exit_code == 1
    assert rows(ran)["prepare.table"]["state"] == "failed"
    assert "schema 2" in rows(ran)["prepare.table"]["says"]
    assert "hantu serve" in rows(ran)["prepare.table"]["fix"]
    assert state(folder) == before


@pytest.mark.promise("M90")
def test_a_dry_run_does_not_touch_the_database_either(logs: Path, data_dir: Path, tmp_path: Path) -> None:
    before = state(tmp_path)
    ran = hantu(data_dir, "migrate", "--log-dir", str(logs), "--dry-run", "--json")
    assert ran.exit_code == 0, ran.output
    assert f"error_logs is there, schema {VERSION}" in rows(ran)["prepare.table"]["says"]
    assert state(tmp_path) == before


@pytest.mark.promise("M90")
def test_the_bot_of_the_services_settings_is_tried(logs: Path, data_dir: Path, tmp_path: Path) -> None:
    with BotApi() as api:
        settings = tmp_path / "hantu.toml"
        settings.write_text(
            f'log_dir = "{logs}"\ntelegram_token = "{TOKEN}"\n'
            f'telegram_chat_id = "{CHAT}"\ntelegram_api = "{api.url}"\n'
        )
        arguments = ["--config", str(settings), "--data-dir", str(data_dir), "migrate", "--json"]
        ran = CliRunner().invoke(cli, arguments)
        assert (ran.exit_code, rows(ran)["verify.telegram"]["state"]) == (0, "done"), ran.output
        [text] = api.texts
        assert text.startswith("🚨 [hantu-migrate] 에러\n")
    assert TOKEN not in ran.output


@pytest.mark.promise("M91")
def test_a_rollback_is_a_command_too(logs: Path, data_dir: Path) -> None:
    before = state(logs)
    ran = hantu(data_dir, "migrate", "--log-dir", str(logs), "--compress")
    assert ran.exit_code == 0, ran.output
    assert state(logs) != before
    ran = hantu(data_dir, "migrate", "--log-dir", str(logs), "--rollback")
    assert ran.exit_code == 0, ran.output
    assert "✅ put the logs back: 9 written, 2 were there already" in ran.output
    assert state(logs) == before


@pytest.mark.parametrize(
    "words", [["--backup", "x"], ["--rollback", "--compress"], ["--log-dir", "/"], ["--loud"]]
)
def test_wrong_use_exits_2(logs: Path, data_dir: Path, words: list[str]) -> None:
    before = state(logs)
    ran = hantu(data_dir, "migrate", "--log-dir", str(logs), *words)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr
    assert state(logs) == before


@pytest.mark.promise("M92")
def test_doctor_looks_at_the_folder_of_the_library(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**NOTHING, "HANTU_LOG_DIR": str(tmp_path / "logs")}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "logs" / "info").mkdir(parents=True)
    today = datetime.datetime.now().astimezone().date()
    for days in (0, 2, 10):
        day = today - datetime.timedelta(days=days)
        (tmp_path / "logs" / "info" / f"info_{day:%Y%m%d}.log").write_bytes(b"x" * 1000)
    ran = hantu(data_dir, "doctor", "--json")
    found = {finding["what"]: finding for finding in json.loads(ran.stdout)["findings"]}
    assert ran.exit_code == 1
    late = found["local files go after 3 days"]
    assert (late["ok"], "should have gone" in late["says"]) == (False, True)
    assert found["room on the disk of the logs"]["ok"]
    assert "3.0 kB of logs, 1.0 kB a day" in found["room on the disk of the logs"]["says"]
    assert "hantu.db has" in found["growth of the database"]["says"]
    assert "info " in found["what a call costs"]["says"]
    assert "docs/journeys.md" in found["know the three journeys"]["says"]


def test_doctor_says_that_there_is_no_folder_of_the_library(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in NOTHING.items():
        monkeypatch.setenv(name, value)
    ran = hantu(data_dir, "doctor", "--json")
    found = {finding["what"]: finding for finding in json.loads(ran.stdout)["findings"]}
    assert found["log library"]["ok"]
    assert "no log_dir is set" in found["log library"]["says"]
