"""The commands, with the service down (on the file itself) and up (through the service)."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hantu.cli.main import cli
from hantu.model import LogEntry, LogLevel
from hantu.store import open_store
from hantu.store.view_base import SavedView
from tests.running import NOTHING, ROOT, RunningService
from tests.waiting import wait_until

MINUTE_NS = 60 * 10**9


def stored(minutes_ago: float, message: str, **parts: object) -> LogEntry:
    fields: dict[str, object] = {"source": "docker", "source_id": "api", "level": LogLevel.INFO}
    return LogEntry(
        message=message,
        time_ns=time.time_ns() - int(minutes_ago * MINUTE_NS),
        **(fields | parts),  # type: ignore[arg-type]  # parts are the test's own
    )


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder with a small store that nobody has open."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    store = open_store(folder / "hantu.db")
    store.write_batch(
        [
            stored(60 * 24 * 9, "very old"),
            stored(30, "모의주문실행 완료", metadata={"trace_id": "abc12345"}),
            stored(20, "order failed", level=LogLevel.ERROR, source="journal", source_id="shop.service"),
            stored(10, "=1+1", level=LogLevel.WARN),
            stored(5, "done", metadata={"success": True}),
            stored(1, "\x1b[2Jgone\u202e"),
        ]
    )
    store.close()
    return folder


@pytest.fixture
def service(data_dir: Path) -> Iterator[RunningService]:
    """The real service over that folder."""
    service = RunningService(data_dir, NOTHING)
    try:
        yield service.start()
    finally:
        service.close()


def hantu(data_dir: Path, *words: str, text: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["--data-dir", str(data_dir), *words], input=text)


def test_logs_of_a_saved_view_are_narrowed_by_words(data_dir: Path) -> None:
    store = open_store(data_dir / "hantu.db")
    store.save_view(SavedView("", "오늘", "/logs?q=order+OR+done&cols=x", 1))
    store.save_view(SavedView("kim", "own", "/logs?q=old", 1))
    store.close()
    found = hantu(data_dir, "logs", "--view", "오늘")
    assert [text.split(": ")[-1] for text in found.stdout.splitlines()] == ["order failed", "done"]
    (one,) = hantu(data_dir, "logs", "--view", "오늘", "level:error", "--json").stdout.splitlines()
    assert json.loads(one)["message"] == "order failed"
    unknown = hantu(data_dir, "logs", "--view", "own")
    assert unknown.exit_code == 2
    assert "known: 오늘" in unknown.output


def test_logs_are_found_and_printed_newest_last(data_dir: Path) -> None:
    found = hantu(data_dir, "logs", "-n", "3")
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == ["=1+1", "done", "\\x1b[2Jgone\\u202e"]
    assert " ⭕ [WARN] api: " in lines[0]
    assert " ✅ [INFO] api: " in lines[1]
    assert " ℹ️ [INFO] api: " in lines[2]


@pytest.mark.promise("M76")
def test_error_is_marked_and_trace_shown(data_dir: Path) -> None:
    found = hantu(data_dir, "logs", "주문", "OR", "level:error")
    first, second = found.stdout.splitlines()
    assert first.endswith("모의주문실행 완료 (trace_id=abc12345)")
    assert " ❌ [ERROR] shop.service: order failed" in second


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        (["--since", "15m"], ["=1+1", "done", "\x1b[2Jgone\u202e"]),
        (["--since", "1h", "--until", "15m"], ["모의주문실행 완료", "order failed"]),
        (["--level", "warn"], ["order failed", "=1+1"]),
        (["--source", "journal"], ["order failed"]),
        (["--trace-id", "abc12345"], ["모의주문실행 완료"]),
        (["-n", "1", "level:info -gone"], ["done"]),
        (["-n", "1", "level:info", "NOT", "gone"], ["done"]),
    ],
)
def test_options_narrow_the_query(data_dir: Path, words: list[str], messages: list[str]) -> None:
    found = hantu(data_dir, "logs", "--json", *words)
    assert found.exit_code == 0, found.output
    assert [json.loads(line)["message"] for line in found.stdout.splitlines()] == messages


def test_wrong_query_is_shown_at_its_place_and_exits_2(data_dir: Path) -> None:
    found = hantu(data_dir, "logs", "level:loud")
    assert found.exit_code == 2
    assert "trace, debug, info, warn, error" in found.stderr
    assert found.stdout == ""


def test_missing_database_says_what_to_do(tmp_path: Path) -> None:
    found = hantu(tmp_path / "nowhere", "logs")
    assert found.exit_code == 1
    assert "hantu serve" in found.stderr


def test_wrong_setting_exits_2(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANTU_PORT", "many")
    found = hantu(data_dir, "stats")
    assert found.exit_code == 2
    assert "HANTU_PORT is 'many'" in found.stderr


def test_following_prints_what_arrives(service: RunningService) -> None:
    process = subprocess.Popen(
        [sys.executable, "app.py", "--data-dir", str(service.data_dir), "logs", "-f", "-n", "0", "새로"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        sent = 0

        def push() -> bool:
            nonlocal sent
            sent += 1
            service.call("POST", "/api/ingest", f'{{"message":"새로 온 줄 {sent}"}}'.encode())
            return sent >= 20

        wait_until(push, 30, every_s=0.2)
        assert "새로 온 줄" in process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("form", ["jsonl", "csv", "text"])
def test_export_writes_every_match_oldest_first(data_dir: Path, form: str) -> None:
    found = hantu(data_dir, "export", "--since", "1h", "--format", form)
    assert found.exit_code == 0, found.output
    if form == "jsonl":
        messages = [json.loads(line)["message"] for line in found.stdout.splitlines()]
        assert messages[0] == "모의주문실행 완료"
        assert len(messages) == 5
    elif form == "csv":
        rows = list(csv.DictReader(io.StringIO(found.stdout)))
        assert [row["message"] for row in rows][2] == "'=1+1"
        assert json.loads(rows[0]["metadata"]) == {"trace_id": "abc12345"}
    else:
        assert "\x1b" not in found.stdout
        assert len(found.stdout.splitlines()) == 5


def test_sql_reads_one_table_and_changes_nothing(data_dir: Path) -> None:
    found = hantu(
        data_dir, "sql", "--json", "SELECT level, message FROM log_entry WHERE source = 'journal'"
    )
    assert json.loads(found.stdout) == [{"level": "error", "message": "order failed"}]
    refused = hantu(data_dir, "sql", "DELETE FROM log_entry")
    assert refused.exit_code == 1
    assert json.loads(hantu(data_dir, "stats", "--json").stdout)["entries"] == 6
    shown = hantu(data_dir, "sql", text="SELECT count(*) AS lines FROM log_entry")
    assert "lines" in shown.stdout


@pytest.mark.promise("M10")
def test_stats_count_by_source_and_level(data_dir: Path) -> None:
    found = json.loads(hantu(data_dir, "--json", "stats").stdout)
    assert found["bySource"] == {"docker": 5, "journal": 1}
    assert found["byLevel"] == {"info": 4, "warn": 1, "error": 1}
    assert "6 entries in" in hantu(data_dir, "stats").stdout


@pytest.mark.promise("M9")
def test_cleanup_counts_first_and_deletes_then(data_dir: Path) -> None:
    assert "1 entries older than 7 days would be deleted" in hantu(data_dir, "cleanup", "--dry-run").stdout
    assert "1 entries older than 7 days were deleted" in hantu(data_dir, "cleanup").stdout
    assert "0 entries older than 7 days were deleted" in hantu(data_dir, "cleanup", "--days", "7").stdout


@pytest.mark.promise("M9")
def test_cleanup_goes_through_the_running_service(service: RunningService) -> None:
    found = hantu(service.data_dir, "cleanup", "--json")
    assert json.loads(found.stdout) == {"deleted": 1, "days": 7.0}


@pytest.mark.parametrize("through", ["file", "service"])
def test_cleanup_follows_the_rules_and_says_what_each_would_remove(
    data_dir: Path, through: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANTU_RETENTION", "docker level:info=90d, level:>=error=10m")
    service = RunningService(data_dir, NOTHING | {"HANTU_RETENTION": os.environ["HANTU_RETENTION"]})
    try:
        if through == "service":
            service.start()
        said = hantu(data_dir, "cleanup", "--dry-run").stdout
        assert "           0  docker level:info, older than 90 days\n" in said
        assert "           1  level:>=error, older than 0.167 hours\n" in said
        assert "           1  entries would be deleted\n" in said
        found = json.loads(hantu(data_dir, "cleanup", "--dry-run", "--json").stdout)
        assert [rule["wouldDelete"] for rule in found["rules"]] == [0, 1, 0]
        done = hantu(data_dir, "cleanup").stdout
        assert "1 entries that rules or 7 days no longer keep were deleted" in done
        assert json.loads(hantu(data_dir, "stats", "--json").stdout)["entries"] == 5
        # By hand: what a rule keeps longer stays, until it is said.
        assert json.loads(hantu(data_dir, "cleanup", "--days", "7", "--json").stdout)["deleted"] == 0
        everything = hantu(data_dir, "cleanup", "--days", "7", "--everything", "--json")
        assert json.loads(everything.stdout)["deleted"] == 1
    finally:
        service.close()


def test_what_a_killed_service_left_behind_misleads_no_command(data_dir: Path) -> None:
    """Its process id belongs to another program by now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    left = {"url": f"http://127.0.0.1:{port}", "token": "old", "pid": os.getpid()}
    (data_dir / "control.json").write_text(json.dumps(left))
    assert hantu(data_dir, "cleanup", "--days", "7").exit_code == 0
    assert json.loads(hantu(data_dir, "stats", "--json").output)["entries"] == 5


def test_import_stores_nothing_twice(data_dir: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.log.gz"
    old.write_bytes(
        gzip.compress(
            b"2026-11-01 10:00:00,123 - shop - ERROR - payment failed password=hunter2\n"
            b'{"level":30,"time":1793520000000,"msg":"ready","name":"api"}\n'
        )
    )
    first = hantu(data_dir, "import", "--json", str(old))
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout) == {"accepted": 2, "duplicates": 0, "rejected": 0}
    again = hantu(data_dir, "import", "--json", str(old))
    assert json.loads(again.stdout) == {"accepted": 0, "duplicates": 2, "rejected": 0}
    (line,) = hantu(data_dir, "logs", "--json", "payment").stdout.splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["source"], entry["sourceId"]) == ("error", "app", str(old))
    assert "hunter2" not in line


def test_import_through_the_service_is_the_same_import(service: RunningService, tmp_path: Path) -> None:
    old = tmp_path / "old.log"
    old.write_text("".join(f"2026-11-01T10:00:00Z INFO line {number}\n" for number in range(12_000)))
    first = hantu(service.data_dir, "import", "--json", str(old))
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout) == {"accepted": 12_000, "duplicates": 0, "rejected": 0}
    service.stop()
    again = hantu(service.data_dir, "import", "--json", str(old))
    assert json.loads(again.stdout) == {"accepted": 0, "duplicates": 12_000, "rejected": 0}


@pytest.mark.parametrize("up", [False, True])
def test_tokens_are_made_listed_and_revoked(
    data_dir: Path, request: pytest.FixtureRequest, *, up: bool
) -> None:
    if up:
        request.getfixturevalue("service")
    made = json.loads(hantu(data_dir, "token", "create", "shop", "--scope", "ingest", "--json").stdout)
    assert made["token"].startswith("hantu_")
    twice = hantu(data_dir, "token", "create", "shop")
    assert twice.exit_code == 1
    assert "shop" in twice.stderr
    (listed,) = json.loads(hantu(data_dir, "token", "list", "--json").stdout)
    assert (listed["name"], listed["scope"]) == ("shop", "ingest")
    assert made["token"] not in json.dumps(listed)
    assert hantu(data_dir, "token", "revoke", "shop").exit_code == 0
    assert hantu(data_dir, "token", "revoke", "shop").exit_code == 1


def test_collectors_need_the_service(data_dir: Path) -> None:
    found = hantu(data_dir, "collectors", "list")
    assert found.exit_code == 1
    assert "hantu serve" in found.stderr


def test_second_writer_is_refused_with_a_clear_message(service: RunningService) -> None:
    second = subprocess.run(
        [sys.executable, "app.py", "--data-dir", str(service.data_dir), "serve", "--port", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert str(service.data_dir) in second.stderr
    assert "Traceback" not in second.stderr


def test_serving_others_without_a_password_is_refused(data_dir: Path) -> None:
    found = hantu(data_dir, "serve", "--host", "0.0.0.0")
    assert found.exit_code == 1
    assert "nobody has a password yet" in found.stderr
    assert "hantu passwd" in found.stderr


CHANNEL = {"HANTU_TELEGRAM_TOKEN": "123:secret", "HANTU_TELEGRAM_CHAT_ID": "-100200"}


def test_doctor_says_that_half_a_channel_is_none(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (NOTHING | {"HANTU_TELEGRAM_TOKEN": "123:secret"}).items():
        monkeypatch.setenv(name, value)
    found = hantu(data_dir, "doctor")
    assert found.exit_code == 1
    assert "alerts: off: telegram_chat_id not set" in found.stdout


def test_doctor_prints_each_setting_with_its_origin(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (NOTHING | CHANNEL).items():
        monkeypatch.setenv(name, value)
    found = hantu(data_dir, "doctor", "--json")
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert told["settings"]["docker"] == {"value": "off", "origin": "HANTU_DOCKER"}
    assert told["settings"]["telegram_token"]["value"] == "(set)"
    assert "123:secret" not in hantu(data_dir, "doctor").stdout
    assert {finding["what"] for finding in told["findings"]} >= {
        "data folder",
        "database",
        "clock",
        "service",
        "alerts",
    }


def test_doctor_names_the_mending_command(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANTU_JOURNAL", "off")
    monkeypatch.setenv("HANTU_FILES", "none")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{data_dir}/nothing.sock")
    (data_dir / "hantu.db").chmod(0o644)
    found = hantu(data_dir, "doctor", "--json")
    assert found.exit_code == 1
    bad = {
        finding["what"]: finding["fix"]
        for finding in json.loads(found.stdout)["findings"]
        if not finding["ok"]
    }
    assert bad["database mode"] == f"chmod 600 {data_dir / 'hantu.db'}"
    assert "systemctl start docker" in bad["docker"]


def test_plain_command_loads_no_web_server() -> None:
    code = (
        "import sys; from hantu.cli.main import cli, COMMANDS; import hantu.cli.logs;"
        "print([m for m in ('flask', 'gunicorn', 'docker', 'numpy', 'requests') if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_sql_without_rows_still_tells_the_columns(data_dir: Path) -> None:
    found = hantu(data_dir, "sql", "SELECT key, level FROM log_entry WHERE level = 'fatal'")
    assert found.exit_code == 0, found.output
    assert "level" in found.stdout
    assert json.loads(hantu(data_dir, "sql", "--json", "SELECT 1 WHERE 0").stdout) == []


def test_damaged_file_is_named_and_the_others_are_imported(data_dir: Path, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.log", tmp_path / "bad.log.gz"
    good.write_text("2020-01-01T10:00:00Z INFO long ago\n")
    lines = [f"2026-11-01T10:00:00Z INFO {os.urandom(40).hex()}\n" for _ in range(5000)]
    bad.write_bytes(gzip.compress("".join(lines).encode())[:-2000])
    found = hantu(data_dir, "import", str(bad), str(good))
    assert found.exit_code == 1
    assert str(bad) in found.stderr
    assert str(good) not in found.stderr
    assert int(found.stdout.split()[0].replace(",", "")) > 4000
    assert "of them are older than the 7 days kept" in found.stderr
    assert hantu(data_dir, "logs", "long ago").stdout


def test_collector_is_stopped_and_started_by_its_name(data_dir: Path, tmp_path: Path) -> None:
    log = tmp_path / "shop.log"
    log.touch()
    service = RunningService(data_dir, NOTHING | {"HANTU_FILES": str(log)})
    try:
        service.start()
        assert hantu(data_dir, "collectors", "stop", str(log)).exit_code == 0
        assert "stopped" in hantu(data_dir, "collectors").stdout
        started = hantu(data_dir, "collectors", "start", f"file:{log}")
        assert started.exit_code == 0
        (found,) = json.loads(hantu(data_dir, "collectors", "list", "--json").stdout)["collectors"]
        assert found["state"] != "stopped"
        log.unlink()
        # Both say why it collects no more.
        why = "no file matches yet"
        wait_until(lambda: why in hantu(data_dir, "collectors").stdout)
        wait_until(lambda: f"{log}: ended, 0 lines, {why}" in hantu(data_dir, "doctor").stdout)
        missing = hantu(data_dir, "collectors", "stop", "nothing")
        assert missing.exit_code == 1
        assert "there is no collector nothing" in missing.stderr
    finally:
        service.close()


def test_port_in_use_is_named(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = hantu(data_dir, "serve", "--port", str(port))
    assert found.exit_code == 1
    assert f"port {port} of 127.0.0.1 cannot be used" in found.stderr
