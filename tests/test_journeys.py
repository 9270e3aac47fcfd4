"""The guide's journeys, gone step by step: every command in docs/journeys.md is typed here."""

from __future__ import annotations

import datetime
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hantu.errors import JSON_KEYS
from tests.client.bot_api import CHAT, TOKEN, BotApi
from tests.client.migration.logtree import make_logs, state
from tests.client.migration.test_run import ROWS
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "journeys.md"
MOVING = ROOT / "docs" / "moving.md"
KOREAN = ROOT / "docs" / "journeys.ko.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, kind: str, journey: int | None = None) -> list[str]:
    """The code of one kind in a page, or in one journey of it."""
    text = page.read_text(encoding="utf-8")
    if journey is not None:
        text = re.split(r"^## \d\. ", text, flags=re.MULTILINE)[journey]
    return [code for found, code in _BLOCK.findall(text) if found == kind]


@dataclass(frozen=True)
class Terminal:
    """A person's terminal: a folder, and variables that its shell keeps from block to block."""

    folder: Path
    environment: dict[str, str]

    def type(self, code: str) -> str:
        """What a block of commands prints; each has to end well."""
        kept = self.folder / ".variables"
        script = f"set -euo pipefail; touch {kept}; source {kept}\n{code}\n"
        script += f"declare -p TRACE_ID ERROR > {kept} 2> /dev/null || true"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def api() -> Iterator[BotApi]:
    """Telegram."""
    with BotApi() as api:
        yield api


def bot(api: BotApi) -> dict[str, str]:
    """The settings of service and library that lead to Telegram."""
    return {
        "HANTU_TELEGRAM_TOKEN": TOKEN,
        "HANTU_TELEGRAM_CHAT_ID": CHAT,
        "HANTU_TELEGRAM_API": api.url,
    }


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, api: BotApi) -> Iterator[RunningService]:
    """The service, which tells people."""
    folder = tmp_path_factory.mktemp("journeys")
    (folder / "data").mkdir(mode=0o700)
    logs = {"HANTU_LOG_DIR": str(folder / "work" / "logs"), "HANTU_FILES_FROM": "start"}
    service = RunningService(folder / "data", {**NOTHING, **bot(api), **logs})
    try:
        yield service.start()
    finally:
        service.close()


@pytest.fixture(scope="module")
def terminal(service: RunningService, api: BotApi) -> Terminal:
    """A terminal on the machine of the service."""
    folder = service.data_dir.parent / "work"
    programs = folder.parent / "bin"
    folder.mkdir()
    programs.mkdir()
    app = f'exec {shlex.quote(sys.executable)} {ROOT}/app.py --data-dir {service.data_dir} "$@"'
    for name, line in {"hantu": app, "python3": f'exec {shlex.quote(sys.executable)} "$@"'}.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HANTU_")}
    return Terminal(
        folder,
        {
            **kept,
            **NOTHING,
            **bot(api),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HANTU_DSN": service.url.replace("://", f"://{service.token}@"),
            "HANTU_LOG_DIR": "logs",
        },
    )


@pytest.mark.e2e
@pytest.mark.promise("M83")
def test_the_developers_journey(terminal: Terminal) -> None:
    [program] = blocks(GUIDE, "python", 1)
    (terminal.folder / "scheduler.py").write_text(program, encoding="utf-8")
    info = terminal.folder / "logs" / "info"
    info.mkdir(parents=True)
    old = datetime.datetime.now().astimezone() - datetime.timedelta(days=3)
    gone = info / f"info_{old:%Y%m%d}.log"
    gone.write_text("three days ago\n")
    run, look, folders = blocks(GUIDE, "sh", 1)
    said = terminal.type(run)
    assert "주문 실행 시작: 005930 10주" in said
    assert "시세 확인" not in said
    lines = terminal.type(look)
    [shown] = blocks(GUIDE, "text", 1)
    assert [_kind(line) for line in lines.splitlines() if line[:2] == "20"] == [
        _kind(line) for line in shown.splitlines() if line[:2] == "20"
    ]
    assert len(set(re.findall(r"trace_id=(\w+)", lines))) == 2
    wait_until(lambda: not gone.exists())
    today = f"{datetime.datetime.now().astimezone():%Y%m%d}"
    assert {f"info_{today}.log", f"error_{today}.json"} <= set(terminal.type(folders).split())


def _kind(line: str) -> str:
    """A line of the text file without what differs each time."""
    return re.sub(r"\(trace_id=\w+\)$", "", re.sub(r"^[\d :-]+", "", line))


@pytest.mark.e2e
@pytest.mark.promise("M84", "M86")
def test_the_debugging_journey(terminal: Terminal, api: BotApi, service: RunningService) -> None:
    wait_until(lambda: any("InsufficientBalance" in text for text in api.texts), 20)
    [message] = [text for text in api.texts if "InsufficientBalance" in text]
    [shown] = blocks(GUIDE, "text", 2)
    told = message.splitlines()
    wanted = [line for line in shown.splitlines() if line not in ("", "…")]
    assert told[0] == wanted[0]
    assert told[1].partition("|")[2] == wanted[1].partition("|")[2]
    assert wanted[2] in told
    assert wanted[3] in told
    look, ask, follow, mend = blocks(GUIDE, "sh", 2)
    assert '"error_type": "InsufficientBalance"' in terminal.type(look)
    answer = terminal.type(ask)
    assert answer.count("주문 실행 실패") >= 2
    assert "InsufficientBalance" in answer
    # The alert is faster than the lines of the text file.
    wait_until(lambda: service.get("/api/logs?levels=info&q=005930")["logs"])
    traced = terminal.type(follow)
    assert "주문 실행 시작: 005930 10주" in traced
    assert "주문 실행 실패" in traced
    assert "장 마감" not in traced
    terminal.type(mend)
    assert group(service)["status"].upper() == "RESOLVED"


def group(service: RunningService) -> dict[str, Any]:
    """The one group of the journeys' error."""
    [found] = service.get("/api/errors?service=scheduler&status=all")["errors"]
    assert isinstance(found, dict)
    return found


@pytest.mark.e2e
@pytest.mark.promise("M85")
def test_the_operators_journey(terminal: Terminal, service: RunningService) -> None:
    watch, act, confirm = blocks(GUIDE, "sh", 3)
    assert "entries in" in terminal.type(watch)
    # The error is back: its group is open again.
    terminal.type(blocks(GUIDE, "sh", 1)[0])
    wait_until(lambda: group(service)["regressed"])
    assert "주문 실행 실패" in terminal.type(act)
    confirm = confirm.replace("http://127.0.0.1:8514", service.url)
    said = terminal.type(confirm)
    assert '"status":"ok"' in said.replace(" ", "")
    assert "InsufficientBalance" in said


@pytest.mark.e2e
@pytest.mark.promise("M87", "M91")
def test_the_way_of_old_logs_there_and_back(terminal: Terminal) -> None:
    moved = terminal.folder.parent / "moving"
    before = state(make_logs(moved / "logs"))
    [commands] = blocks(MOVING, "sh")
    look, move, back = commands.strip().splitlines()
    there = Terminal(moved, terminal.environment)
    assert "would copy 9 files" in there.type(look)
    assert state(moved / "logs") == before
    said = there.type(move)
    assert not any(line.startswith("❌") for line in said.splitlines())
    assert list((moved / "logs").glob("*.log")) == []
    there.type(back)
    assert state(moved / "logs") == before


def test_every_row_of_the_checklist_is_in_the_guide() -> None:
    page = MOVING.read_text(encoding="utf-8")
    assert [
        row for row in (*ROWS, "deploy.restart", "deploy.service", "verify.inbox") if f"`{row}`" not in page
    ] == []


def test_both_languages_tell_the_same_commands() -> None:
    for kind in ("sh", "python"):
        assert blocks(GUIDE, kind) == blocks(KOREAN, kind)


def test_the_reference_of_the_error_file_has_its_keys_in_order() -> None:
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    table = page.partition("keys in this order:")[2]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == JSON_KEYS
