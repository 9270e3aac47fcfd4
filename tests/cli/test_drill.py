"""hantu drill: every part is really broken, and a promise that does not hold is seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from hantu.cli import drill
from hantu.cli.drilling.bot import StandInBot
from hantu.cli.drilling.faults import FAULTS, Fault, NotHere
from hantu.cli.main import cli
from tests.client.bot_api import CHAT, TOKEN, BotApi
from tests.running import ROOT


@pytest.mark.fault
@pytest.mark.e2e
@pytest.mark.promise("M58", "M59", "M60", "M61", "M63", "M64", "M67")
def test_all_that_is_promised_holds(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "app.py", "--data-dir", str(tmp_path / "none"), "drill", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    told = json.loads(done.stdout)
    assert {tuple(each["rows"]): each["why"] for each in told["faults"] if each["result"] == "FAIL"} == {}
    assert done.returncode == 0, done.stderr
    rows = [row for each in told["faults"] for row in each["rows"]]
    wanted = [*(f"M{number}" for number in (58, 59, 65, 60, 61, 62, 66, 63, 64, 67, 71, 72))]
    assert rows == wanted
    left_out = [each["why"] for each in told["faults"] if each["result"] == "left out"]
    assert not left_out or os.geteuid() != 0, left_out
    assert not (tmp_path / "none").exists(), "nothing of this machine's own is touched"


def run_over(
    monkeypatch: pytest.MonkeyPatch, *faults: Fault, send: bool = False, **settings: str
) -> tuple[int, str]:
    monkeypatch.setattr(drill, "FAULTS", faults)
    found = CliRunner().invoke(cli, ["drill", *(["--send"] if send else [])], env={**settings})
    return found.exit_code, found.output


def fault(*wrong: str, error: Exception | None = None) -> Fault:
    def run(_folder: Path, _bot: StandInBot) -> Iterator[str]:
        if error is not None:
            raise error
        yield from wrong

    return Fault("M1", "a part", "Partial", "words", run)


def test_what_does_not_hold_is_said_and_the_code_is_1(monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = run_over(monkeypatch, fault(), fault("no message came"), fault(error=OSError("gone")))
    assert code == 1
    assert "→ no message came" in text
    assert "→ OSError: gone" in text
    assert "1 of 3 hold, 2 do not" in text


def test_what_cannot_be_tried_here_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = run_over(monkeypatch, fault(), fault(error=NotHere("it needs root")))
    assert code == 0
    assert "left out" in text
    assert "→ it needs root" in text


def test_the_own_chat_gets_a_message_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with BotApi() as bot:
        telegram = {
            "HANTU_TELEGRAM_TOKEN": TOKEN,
            "HANTU_TELEGRAM_CHAT_ID": CHAT,
            "HANTU_TELEGRAM_API": bot.url,
        }
        code, text = run_over(monkeypatch, send=True, **telegram)
        assert code == 0, text
        assert len(bot.texts) == 1
    code, text = run_over(monkeypatch, send=True)
    assert code == 0
    assert "no Telegram is set" in text


def test_the_library_page_names_each_row() -> None:
    page = (ROOT / "docs" / "library-faults.md").read_text(encoding="utf-8")
    for each in FAULTS[:-1]:
        for row in each.rows.split():
            assert row in page
