"""hantu doctor finds each common fault and says what mends it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner

from hantu.cli import doctor_system
from hantu.cli.main import cli
from hantu.collect.files.mark import FileMark
from hantu.config import settings
from hantu.model import LogEntry, LogLevel
from hantu.store import open_store
from hantu.store.health import Depth, database_health
from tests.parts import require
from tests.running import NOTHING, RunningService
from tests.store.made import entry, many, opened, write_all

HOUR_NS = 3_600 * 10**9


@pytest.fixture(autouse=True)
def _nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NOTHING.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    return folder


def store(data_dir: Path, *hours_ago: float, source: str = "docker") -> None:
    """Lines so many hours ago."""
    now_ns = time.time_ns()
    opened_store = open_store(data_dir / "hantu.db")
    opened_store.write_batch(
        [
            LogEntry(source, "api", LogLevel.INFO, f"line {hours}", now_ns - round(hours * HOUR_NS))
            for hours in hours_ago
        ]
    )
    opened_store.close()


def found(data_dir: Path, *options: str) -> dict[str, Any]:
    """The findings by what was looked at."""
    done = CliRunner().invoke(
        cli, ["--data-dir", str(data_dir), "doctor", "--json", *options], catch_exceptions=False
    )
    findings = {each["what"]: each for each in json.loads(done.stdout)["findings"]}
    assert done.exit_code == (0 if all(each["ok"] for each in findings.values()) else 1)
    assert all(each["ok"] or each["fix"] for each in findings.values())
    return findings


def test_each_setting_stands_apart_from_its_value_and_origin(data_dir: Path) -> None:
    store(data_dir, 1)
    said = CliRunner().invoke(cli, ["--data-dir", str(data_dir), "doctor"]).stdout
    lines = [line.split() for line in said.partition("\nSettings\n")[2].splitlines()]
    assert [words[0] for words in lines] == [setting.key for setting in settings()]
    assert all(len(words) >= 3 for words in lines)


def test_a_sound_folder_is_well(data_dir: Path) -> None:
    store(data_dir, 5, 1, 0.1)
    told = found(data_dir, "--deep")
    assert all(each["ok"] for each in told.values())
    assert told["sqlite"]["says"] == f"SQLite {apsw.sqlite_lib_version()}"
    assert told["database settings"]["says"] == "WAL on, incremental vacuum on"
    assert told["database pages"]["says"] == "every page is sound"
    assert told["last line of docker"]["says"] == "6 m ago"
    assert "a day" in told["disk forecast"]["says"]
    assert told["backup"]["says"] == "no daily one: backup_dir is not set"


def test_a_folder_without_a_database_is_well(data_dir: Path) -> None:
    assert all(each["ok"] for each in found(data_dir).values())


def test_damage_is_found_when_every_page_is_looked_at(data_dir: Path) -> None:
    with opened(data_dir / "hantu.db", background=False) as kept:
        write_all(kept, many(3_000))
        kept.seal()
    connection = apsw.Connection(str(data_dir / "hantu.db"))
    (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'checkpoint'").fetchone()
    connection.close()
    with (data_dir / "hantu.db").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 64)
    told = found(data_dir, "--deep")
    assert told["database pages"]["ok"] is False
    restore = "sudo systemctl stop hantu; sudo hantu restore BACKUP; sudo systemctl start hantu"
    assert told["database pages"]["fix"] == restore
    assert "database pages" not in found(data_dir)


def test_a_file_that_is_no_database_is_mended_as_the_doctor_says(data_dir: Path, tmp_path: Path) -> None:
    store(data_dir, 1)
    backup = tmp_path / "hantu.tar"
    made = CliRunner().invoke(cli, ["--data-dir", str(data_dir), "backup", str(backup)])
    assert made.exit_code == 0, made.output
    with (data_dir / "hantu.db").open("r+b") as file:
        file.write(b"\0" * 100)
    told = found(data_dir)
    assert told["database"]["ok"] is False
    assert told["database file"]["ok"] is False
    # The middle one of the three commands that it names; no service runs here.
    (command,) = [each for each in told["database file"]["fix"].split(";") if "restore" in each]
    words = command.replace("BACKUP", str(backup)).split()[2:]
    mended = CliRunner().invoke(cli, ["--data-dir", str(data_dir), *words])
    assert mended.exit_code == 0, mended.output
    assert all(each["ok"] for each in found(data_dir, "--deep").values())


def test_a_file_that_gives_no_room_back_is_mended_as_the_doctor_says(data_dir: Path) -> None:
    store(data_dir, 1)
    database = data_dir / "hantu.db"
    connection = apsw.Connection(str(database))
    connection.execute("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = 0; VACUUM").fetchall()
    connection.close()
    told = found(data_dir)["database settings"]
    assert (told["ok"], told["says"]) == (False, "WAL off, incremental vacuum off")
    # The command that it names, by the SQLite at hand.
    connection = apsw.Connection(str(database))
    connection.execute(told["fix"].split("'")[1]).fetchall()
    connection.close()
    store(data_dir, 0.5)
    assert found(data_dir)["database settings"]["ok"] is True


def test_a_source_that_always_had_lines_and_fell_silent_is_told(data_dir: Path) -> None:
    store(data_dir, *(30 + hour for hour in range(60)))
    store(data_dir, 90, 30, source="journal")
    told = found(data_dir)
    assert told["last line of docker"]["ok"] is False
    assert told["last line of docker"]["says"] == "30 h ago"
    # It never had many: nobody knows whether some are missing.
    assert told["last line of journal"]["ok"] is True


def test_lines_from_the_future_are_told(data_dir: Path) -> None:
    store(data_dir, -3)
    told = found(data_dir)["last line of docker"]
    assert (told["ok"], told["says"]) == (False, "it is 3 h in the future: some clock is wrong")


def test_files_that_the_service_does_not_read_on_are_told(
    data_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "shop.log"
    log.write_text("read\nnot read\n")
    old_s = time.time() - 3_600
    os.utime(log, (old_s, old_s))
    lies = log.stat()
    mark = FileMark(str(log), 0, lies.st_dev, lies.st_ino, 5, 0, 5, 0, 5, 5, 0)
    away = FileMark(str(tmp_path / "gone.log"), 0, 1, 1, 0, 0, 0, 0, 9, 9, 0)
    with opened(data_dir / "hantu.db") as kept:
        own = {"file:#scanned": b"1795275183894650889"}
        kept.write_batch([entry()], {mark.name: mark.encode(), away.name: away.encode(), **own})
    down = found(data_dir)["files"]
    assert "cannot be read" not in caplog.text
    assert (down["ok"], down["says"]) == (True, "2 are known, 9 B wait, 1 are not there any more")
    service = RunningService(data_dir, NOTHING)
    try:
        service.start()
        up = found(data_dir)["files"]
    finally:
        service.close()
    assert up["ok"] is False
    assert up["says"].endswith(f"the running service does not read on: {log}")


def test_backups_that_are_missing_or_old_are_told(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(data_dir, 1)
    folder = tmp_path / "backups"
    folder.mkdir()
    monkeypatch.setenv("HANTU_BACKUP_DIR", str(folder))
    assert found(data_dir)["backup"]["fix"] == "sudo hantu backup"
    made = CliRunner().invoke(cli, ["--data-dir", str(data_dir), "backup"])
    assert made.exit_code == 0, made.output
    assert found(data_dir)["backup"]["ok"] is True
    (path,) = folder.iterdir()
    old_s = time.time() - 3 * 86_400
    os.utime(path, (old_s, old_s))
    late = found(data_dir)["backup"]
    assert late["ok"] is False
    assert ", 3 d ago, " in late["says"]


def test_a_disk_that_will_not_hold_what_is_kept_is_foreseen(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(data_dir, *range(1, 48))
    monkeypatch.setenv("HANTU_RETENTION_DAYS", "36500")
    monkeypatch.setenv("HANTU_RETENTION_BYTES", "1M")
    bounded = found(data_dir)["disk forecast"]
    assert bounded["ok"] is True
    assert "retention_bytes keeps about" in bounded["says"]


def test_an_installed_service_that_does_not_run_is_told(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(data_dir, 1)
    assert found(data_dir)["service"]["ok"]
    unit = tmp_path / "hantu.service"
    unit.touch()
    monkeypatch.setattr("hantu.cli.doctor.UNIT_FILE", unit)
    # Another folder than the service's.
    assert found(data_dir)["service"]["ok"]
    monkeypatch.setattr("hantu.cli.doctor.INSTALLED_DATA", data_dir)
    told = found(data_dir)["service"]
    assert (told["ok"], told["says"]) == (False, "installed, but not running")
    assert told["fix"] == "systemctl reset-failed hantu; systemctl start hantu"


def test_the_user_of_the_service_needs_the_groups(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("root", os.geteuid() == 0, "giving a folder away needs root")
    socket = tmp_path / "docker.sock"
    socket.touch()
    os.chown(socket, 0, 4)
    monkeypatch.setattr(doctor_system, "SOCKET", socket)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("HANTU_DOCKER", "auto")
    os.chown(data_dir, 65534, 65534)
    told = found(data_dir)["rights on docker"]
    assert (told["ok"], told["says"]) == (False, "nobody is not in the group adm, which may read it")
    assert told["fix"] == "sudo usermod -aG adm nobody; sudo systemctl restart hantu"
    os.chown(socket, 0, 65534)
    assert found(data_dir)["rights on docker"]["ok"] is True


def test_the_clock_is_asked_of_systemd_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = subprocess.CompletedProcess([], 0, stdout="no\n")
    monkeypatch.setattr(doctor_system, "_synchronized", lambda: answered.stdout.strip() == "yes")
    (told,) = doctor_system.look_at_clock(None)  # type: ignore[arg-type]  # it asks no setting
    assert (told.ok, told.fix) == (False, "sudo timedatectl set-ntp true")


def test_the_health_of_a_file_is_read_beside_a_writer(data_dir: Path) -> None:
    with opened(data_dir / "hantu.db") as kept:
        write_all(kept, many(2_000))
        told = database_health(data_dir / "hantu.db", Depth.PAGES)
        assert (told.wal_mode, told.gives_back, told.damage) == (True, True, ())
        assert told.wal_bytes > 0
