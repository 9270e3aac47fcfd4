"""The whole migration where only the log library is installed: `python -m hantu.client.migration`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from hantu.client.migration.backup import backups
from hantu.client.migration.plan import plan_of
from hantu.client.migration.prepare import prepare
from hantu.client.migration.run import roll_back
from tests.client.bot_api import BotApi
from tests.client.ingest_api import IngestApi, refusal
from tests.client.migration.logtree import contents, killed_at, make_logs, state
from tests.client.stand_in import Answer
from tests.journald import PrivateJournal
from tests.parts import require

ROOT = Path(__file__).resolve().parents[3]
STAGES = {
    "prepare": ("open", "backup", "clear", "folders", "table"),
    "deploy": ("code", "packages", "services"),
    "verify": ("info", "error", "database", "telegram", "stderr", "journal", "trace"),
    "operate": ("retention", "disk", "database", "speed", "guide"),
}
ROWS = [f"{stage}.{name}" for stage, names in STAGES.items() for name in names]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """An old folder of logs."""
    return make_logs(tmp_path / "logs")


@dataclass(frozen=True)
class Ran:
    """What the command did."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows by their keys."""
        return {row["key"]: row for row in json.loads(self.out)["rows"]}


def migration(
    logs: Path, *words: str, settings: Mapping[str, str] | None = None, python: str = sys.executable
) -> Ran:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HANTU_")}
    done = subprocess.run(
        [python, "-m", "hantu.client.migration", "--log-dir", str(logs), *words],
        cwd=ROOT,
        env={**environment, **(settings or {})},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.promise("M87", "M88", "M90", "M92")
def test_a_migration_ends_with_every_row_of_the_checklist(logs: Path, tmp_path: Path) -> None:
    before = contents(logs)
    ran = migration(logs, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert list(ran.rows) == ROWS
    said = json.loads(ran.out)
    assert (said["ok"], said["dryRun"]) == (True, False)
    for key in ("prepare.backup", "prepare.clear", "prepare.folders", "verify.info", "verify.error"):
        assert ran.rows[key]["state"] == "done", ran.rows[key]
    for key in ("verify.stderr", "verify.trace", "operate.disk", "operate.speed"):
        assert ran.rows[key]["state"] == "done", ran.rows[key]
    for key in ("prepare.table", "verify.database", "verify.telegram"):
        assert ran.rows[key]["state"] == "note"
        assert "skipped: " in ran.rows[key]["says"]
        assert ran.rows[key]["fix"]
    [backup] = tmp_path.glob("logs_backup_*")
    assert contents(backup) == before
    assert sorted(path.name for path in logs.iterdir()) == [
        "api",
        "app.log.1",
        "errors",
        "info",
        "locked",
        "trading",
    ]


@pytest.mark.promise("M90")
def test_the_checklist_is_text_for_people(logs: Path) -> None:
    text = migration(logs, "--compress").out
    heads = [
        line for line in text.splitlines() if line.endswith(")") and " (" in line and line[0].isupper()
    ]
    assert heads == ["Prepare (준비)", "Deploy (배포)", "Verify (검증)", "Operate (운영)"]
    rows = [line for line in text.splitlines() if line.startswith(("✅ ", "❌ ", "ℹ️ "))]
    assert len(rows) == len(ROWS)
    assert not any(line.startswith("❌ ") for line in rows)
    assert "   → set HANTU_TELEGRAM_TOKEN and HANTU_TELEGRAM_CHAT_ID" in text


def test_it_needs_nothing_but_the_standard_library(logs: Path) -> None:
    code = (
        "import runpy, sys; sys.argv[1:] = ['--dry-run', '--log-dir', sys.argv[1]]\n"
        "try: runpy.run_module('hantu.client.migration', run_name='__main__')\n"
        "finally: print(sorted({name.split('.')[0] for name in sys.modules} - sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code, logs], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "['__main__', 'hantu']"


@pytest.mark.promise("M90")
def test_a_dry_run_changes_nothing_and_prints_every_row(logs: Path, tmp_path: Path) -> None:
    before = state(tmp_path)
    for words in ([], ["--compress"]):
        ran = migration(logs, "--dry-run", "--json", *words)
        assert ran.code == 0
        assert set(ROWS) <= set(ran.rows)
        assert (
            f"would copy 9 files, 3.0 MB to {tmp_path}/logs_backup_" in ran.rows["prepare.backup"]["says"]
        )
        assert "would remove 9 files" in ran.rows["prepare.clear"]["says"]
        assert "would make" in ran.rows["prepare.folders"]["says"]
    assert state(tmp_path) == before


@pytest.mark.promise("M87", "M90")
def test_running_it_again_is_harmless(logs: Path, tmp_path: Path) -> None:
    assert migration(logs).code == 0
    backup = next(tmp_path.glob("logs_backup_*"))
    kept, there = state(backup), state(logs)
    ran = migration(logs, "--json")
    assert ran.code == 0
    assert f"has no old logs; the last backup is {backup}" in ran.rows["prepare.backup"]["says"]
    assert state(backup) == kept
    assert list(tmp_path.glob("logs_backup_*")) == [backup]
    after = state(logs)
    assert set(after) == set(there)
    changed = {path for path in after if after[path] != there[path]}
    assert {path.split("/")[0] for path in changed} == {"info", "errors"}


@pytest.mark.promise("M91")
@pytest.mark.parametrize("form", [[], ["--compress"]], ids=["folder", "packed"])
def test_a_rollback_undoes_a_migration_to_the_last_bit(logs: Path, tmp_path: Path, form: list[str]) -> None:
    before = state(logs)
    assert migration(logs, *form).code == 0
    assert state(logs) != before
    shown = migration(logs, "--rollback", "--dry-run", "--json")
    assert (shown.code, "would write" in shown.rows["rollback.restore"]["says"]) == (0, True)
    assert state(logs) != before
    ran = migration(logs, "--rollback", "--json")
    assert (ran.code, ran.rows["rollback.restore"]["state"]) == (0, "done")
    assert state(logs) == before
    [aside] = tmp_path.glob("logs_before_rollback_*")
    assert any(b"[INFO] hantu.migrate" in content for content in contents(aside))


@pytest.mark.promise("M91")
def test_a_rollback_takes_the_newest_backup_or_the_one_that_is_named(logs: Path, tmp_path: Path) -> None:
    first = state(logs)
    assert migration(logs).code == 0
    (logs / "new.log").write_bytes(b"an old program wrote again\n")
    second = state(logs)
    assert migration(logs).code == 0
    oldest, newest = sorted(tmp_path.glob("logs_backup_*"))
    assert newest.name.endswith("-2")
    ran = migration(logs, "--rollback", "--json")
    assert oldest.name in ran.rows["rollback.backup"]["says"]
    assert state(logs) == second
    assert migration(logs, "--rollback", "--backup", str(oldest)).code == 0
    assert state(logs) == first


def test_a_rollback_without_a_backup_says_so(logs: Path) -> None:
    before = state(logs)
    for words in ([], ["--backup", "/nowhere/logs_backup_20261121"]):
        ran = migration(logs, "--rollback", "--json", *words)
        assert (ran.code, ran.rows["rollback.backup"]["state"]) == (1, "failed")
    assert state(logs) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--log-dir", "/var/log"], "a folder of the system"),
        (["--backup", "x"], "--rollback"),
        (["--backup-dir", "{logs}/trading"], "within the logs themselves"),
        (["--backup-dir", "/nowhere/at/all"], "there is no folder"),
        (["--log-dir", "{logs}/app.log"], "is no folder"),
    ],
)
def test_wrong_use_ends_with_2_and_changes_nothing(logs: Path, words: list[str], said: str) -> None:
    before = state(logs)
    ran = migration(logs, *(word.format(logs=logs) for word in words))
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert state(logs) == before


def test_a_wrong_setting_is_wrong_use(logs: Path) -> None:
    ran = migration(logs, settings={"HANTU_DSN": "postgres://user:secret@db/x"})
    assert ran.code == 2
    assert "HANTU_DSN" in ran.err
    assert "secret" not in ran.err


def test_two_migrations_do_not_run_at_once(logs: Path, tmp_path: Path) -> None:
    import fcntl

    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        before = state(logs)
        ran = migration(logs)
        assert (ran.code, "another migration" in ran.err) == (2, True)
        assert state(logs) == before
    finally:
        os.close(fd)


@pytest.mark.promise("M88", "M90")
def test_a_log_that_is_still_written_stays_and_is_told(logs: Path, tmp_path: Path) -> None:
    code = "import sys; f = open(sys.argv[1], 'ab'); print('', flush=True); sys.stdin.read(); f.write(b'!')"
    writer = subprocess.Popen(
        [sys.executable, "-c", code, logs / "app.log"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert writer.stdout is not None
        writer.stdout.readline()
        ran = migration(logs, "--json", "--unit", "shop.service")
        assert ran.code == 1
        assert re.search(rf"app\.log by python\S* \(pid {writer.pid}\)", ran.rows["prepare.open"]["says"])
        assert ran.rows["prepare.clear"]["state"] == "failed"
        assert "app.log stay: they are still being written" in ran.rows["prepare.clear"]["says"]
        assert "systemctl stop shop.service" in ran.rows["prepare.clear"]["fix"]
        assert [path.name for path in logs.glob("*.log")] == ["app.log"]
    finally:
        writer.communicate()
    assert (logs / "app.log").read_bytes().endswith(b"!")
    again = migration(logs, "--json")
    assert (again.code, again.rows["prepare.clear"]["state"]) == (0, "done")
    assert (tmp_path / f"{next(tmp_path.glob('logs_backup_*-2')).name}/app.log").read_bytes().endswith(b"!")


@pytest.mark.fault
@pytest.mark.promise("M87", "M91")
@pytest.mark.parametrize("compress", [False, True], ids=["folder", "packed"])
def test_killed_at_any_change_nothing_is_lost(tmp_path: Path, compress: bool) -> None:
    number = 0
    killed = True
    while killed:
        number += 1
        logs = tmp_path / f"{number}" / "logs"
        (logs / "trading").mkdir(parents=True)
        for name in ("app.log", "trading/orders.log", "kept.csv"):
            (logs / name).write_bytes(name.encode() + os.urandom(3000))
        before, whole = state(logs), contents(logs)
        plan = plan_of({}, log_dir=str(logs), compress=compress)
        killed = killed_at(number, lambda plan=plan: list(prepare(plan, None)))  # type: ignore[misc]  # bound now
        done = [path for path in logs.parent.glob("logs_backup_*") if not path.name.endswith(".partial")]
        # Nothing has gone before all of it is kept.
        assert done or contents(logs) == whole
        again = list(prepare(plan, None))
        assert not [row for row in again if row.mark.value == "failed"]
        assert not list(logs.parent.glob("*.partial"))
        assert [path.name for path in logs.rglob("*.log")] == []
        oldest = backups(logs.parent, "logs")[-1]
        rows: list[object] = []
        roll_back(plan, oldest, rows.append)
        assert state(logs) == before
    assert number > 8


@pytest.mark.promise("M90")
def test_what_cannot_be_written_is_found(logs: Path) -> None:
    assert migration(logs, "--json").code == 0
    [errors] = (logs / "errors").iterdir()
    errors.unlink()
    errors.mkdir()
    ran = migration(logs, "--json")
    assert (ran.code, ran.rows["verify.error"]["state"]) == (1, "failed")
    assert f"ls -la {logs}/errors" in ran.rows["verify.error"]["fix"]
    assert ran.rows["verify.info"]["state"] == "done"
    errors.rmdir()
    [info] = (logs / "info").iterdir()
    info.unlink()
    info.mkdir()
    ran = migration(logs, "--json")
    assert (ran.code, ran.rows["verify.info"]["state"]) == (1, "failed")
    assert ran.rows["verify.trace"]["state"] == "failed"
    assert json.loads(ran.out)["ok"] is False


@pytest.mark.promise("M90")
def test_a_full_disk_clears_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", disk], capture_output=True, check=False
    )
    require("mount", mounted.returncode == 0, "mounting a tmpfs needs root")
    try:
        logs = make_logs(disk / "logs")
        before = state(disk)
        ran = migration(logs, "--json")
        assert (ran.code, list(ran.rows)) == (1, ["prepare.open", "prepare.backup"])
        assert "nothing was cleared" in ran.rows["prepare.backup"]["says"]
        assert "--backup-dir" in ran.rows["prepare.backup"]["fix"]
        assert state(disk) == before
        assert migration(logs, "--backup-dir", str(tmp_path)).code == 1  # the disk is still too small
        assert contents(next(tmp_path.glob("logs_backup_*"))) == {
            content for *_, content in before.values() if isinstance(content, bytes)
        } - {b""} | {b""}
    finally:
        subprocess.run(["umount", disk], check=True)


BOT = {"HANTU_TELEGRAM_TOKEN": "7714509823:AAF-k3yT0kenOfTheTestB0t_9zQwErTyUiO"}


@pytest.mark.promise("M90")
def test_a_critical_is_told_by_telegram_each_time(logs: Path) -> None:
    with BotApi() as api:
        settings = {**BOT, "HANTU_TELEGRAM_CHAT_ID": "-1002003004005", "HANTU_TELEGRAM_API": api.url}
        for number in (1, 2):
            ran = migration(logs, "--json", settings=settings)
            assert (ran.code, ran.rows["verify.telegram"]["state"]) == (0, "done"), ran.out
            assert len(api.texts) == number
        head, place, kind = api.texts[-1].splitlines()[:3]
        assert head == "🚨 [hantu-migrate] 에러"
        assert place.endswith("| hantu.migrate._fail")
        assert kind == "타입: MigrationCheck"
        assert "마이그레이션 점검용입니다. 조치할 것은 없습니다." in api.texts[-1]
        assert "(trace_id: " in api.texts[-1]


@pytest.mark.promise("M90")
def test_a_wrong_bot_token_is_told_and_shown_nowhere(logs: Path) -> None:
    with BotApi() as api:
        settings = {
            "HANTU_TELEGRAM_TOKEN": "1:AAwrong_but_secret_all_the_same_0123456",
            "HANTU_TELEGRAM_CHAT_ID": "-1002003004005",
            "HANTU_TELEGRAM_API": api.url,
        }
        ran = migration(logs, "--json", settings=settings)
        assert (ran.code, ran.rows["verify.telegram"]["state"]) == (1, "failed")
        assert "Telegram does not know the bot token (401)" in ran.rows["verify.telegram"]["says"]
        assert "wrong_but_secret" not in ran.out + ran.err
        assert api.texts == []


class WriteOnly(IngestApi):
    """A service whose token may bring errors and not read them."""

    def reply(self, path: str, headers: Message, body: bytes) -> Answer:
        if path.startswith(("/api/errors", "/api/stats")):
            return refusal(403, "this token may not do that: it has scope ingest")
        return super().reply(path, headers, body)


@pytest.mark.promise("M90")
def test_a_service_that_takes_errors_but_lets_nobody_read_has_proved_it(logs: Path) -> None:
    with WriteOnly() as api:
        ran = migration(logs, "--json", settings={"HANTU_DSN": api.dsn})
        assert ran.code == 0, ran.out
        assert ran.rows["prepare.table"]["state"] == "note"
        assert ran.rows["verify.database"]["state"] == "done"
        assert "has committed it" in ran.rows["verify.database"]["says"]
        assert ran.rows["verify.inbox"]["state"] == "note"
        [item] = api.items.values()
        assert (item["sourceId"], item["metadata"]["context"]) == ("hantu-migrate", {"test": True})
    assert "hantu_ingest_" not in ran.out + ran.err


def test_a_token_that_is_unknown_is_told(logs: Path) -> None:
    with WriteOnly() as api:
        dsn = api.dsn.replace("hantu_ingest_", "hantu_other_")
        ran = migration(logs, "--json", settings={"HANTU_DSN": dsn})
        assert ran.code == 1
        assert ran.rows["prepare.table"]["state"] == ran.rows["verify.database"]["state"] == "failed"
        assert "hantu token create" in ran.rows["prepare.table"]["fix"]
        assert api.items == {}
    assert "hantu_other_" not in ran.out + ran.err


def test_a_service_that_is_down_is_told(logs: Path) -> None:
    with IngestApi() as api:
        dsn = api.dsn
    ran = migration(logs, "--json", settings={"HANTU_DSN": dsn})
    assert ran.code == 1
    for key in ("prepare.table", "verify.database"):
        assert ran.rows[key]["state"] == "failed"
        assert "hantu serve" in ran.rows[key]["fix"]
    assert ran.rows["verify.error"]["state"] == "done"
    assert "hantu_ingest_" not in ran.out + ran.err


@pytest.mark.journal
@pytest.mark.promise("M82", "M90")
def test_errors_reach_the_journal_at_their_priority(tmp_path: Path, journald: PrivateJournal) -> None:
    from hantu.client.migration.journal import Journal
    from hantu.client.migration.verify import _journal

    plan = plan_of({}, log_dir=str(tmp_path / "logs"), journal_namespace=journald.namespace)
    row = _journal(plan.config, Journal(plan.journal_namespace))
    assert row.mark.value == "done", row
    stored = journald.stored("hantu-migrate")
    assert {entry["PRIORITY"] for entry in stored} == {"2"}
    assert any("마이그레이션 점검용입니다" in entry["MESSAGE"] for entry in stored)


def runs_as(python: str, user: int) -> bool:
    try:
        subprocess.run([python, "-c", ""], user=user, group=user, extra_groups=[], check=True, cwd="/")
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def test_root_checks_as_the_user_that_the_logs_belong_to(tmp_path: Path) -> None:
    require("root", os.geteuid() == 0, "becoming another user needs root")
    nobody = 65534
    pythons = [path for path in (sys.executable, "/usr/bin/python3") if runs_as(path, nobody)]
    require("python for all", bool(pythons), f"other users may not run {sys.executable}")
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o711)
    logs = tmp_path / "logs"
    logs.mkdir()
    os.chown(logs, nobody, nobody)
    ran = migration(logs, "--json", python=pythons[0])
    assert ran.code == 0, ran.out
    made = [path for path in logs.rglob("*") if path.is_file()]
    assert len(made) == 2
    assert {path.stat().st_uid for path in made} == {nobody}
