"""hantu notify, with the service down."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hantu.cli.main import cli
from hantu.model import LogEntry, LogLevel
from hantu.store import open_store
from tests.client.bot_api import BLOCKED, CHAT, TOKEN, UNAUTHORIZED, BotApi
from tests.client.stand_in import Answer
from tests.running import NOTHING

SECRET = TOKEN.partition(":")[2]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[BotApi]:
    with BotApi() as server:
        channel = {
            "HANTU_TELEGRAM_TOKEN": TOKEN,
            "HANTU_TELEGRAM_CHAT_ID": CHAT,
            "HANTU_TELEGRAM_API": server.url,
        }
        for name, value in (NOTHING | channel).items():
            monkeypatch.setenv(name, value)
        yield server


def hantu(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--data-dir", str(folder), *words])


def test_a_message_goes_out_and_the_bot_is_named(tmp_path: Path, api: BotApi) -> None:
    found = hantu(tmp_path, "notify", "test")
    assert found.exit_code == 0
    assert found.stdout == f"sent as 한투 알림 (@hantu_test_bot) to chat {CHAT}\n"
    (text,) = api.texts
    assert text.startswith("✅ [hantu] 성공\n")
    assert text.endswith("의 hantu가 이 채팅으로 알림을 보낼 수 있습니다.")
    told = json.loads(hantu(tmp_path, "notify", "test", "--json").stdout)
    assert told == {"bot": "한투 알림", "username": "hantu_test_bot", "chat": CHAT}


@pytest.mark.parametrize(
    ("answer", "says"),
    [(UNAUTHORIZED, "does not know the bot token (401)"), (BLOCKED, "may not write to the chat (403)")],
)
def test_a_refusal_is_said_without_the_token(
    tmp_path: Path, api: BotApi, answer: Answer, says: str
) -> None:
    api.answer(answer)
    found = hantu(tmp_path, "notify", "test")
    assert found.exit_code == 1
    assert says in found.stderr
    assert SECRET not in found.output


def test_telegram_that_is_down_is_said_without_the_token(tmp_path: Path, api: BotApi) -> None:
    api.down()
    found = hantu(tmp_path, "notify", "test")
    assert found.exit_code == 1
    assert "Telegram: Connection refused" in found.stderr
    assert SECRET not in found.output


def test_the_report_is_printed_or_sent(tmp_path: Path, api: BotApi) -> None:
    store = open_store(tmp_path / "hantu.db")
    error = LogEntry(
        "app",
        "shop",
        LogLevel.ERROR,
        "주문 <실패>\x1b[2J",
        time.time_ns() - 10**9,
        metadata={"service": "shop", "function": "order", "error_type": "OrderError"},
    )
    store.write_batch([error])
    store.close()
    printed = hantu(tmp_path, "notify", "report", "--dry-run").stdout
    assert "1. [shop] 1건 OrderError: 주문 <실패>\\x1b[2J\n" in printed
    assert api.texts == []
    assert hantu(tmp_path, "notify", "report").exit_code == 0
    assert api.texts[0].startswith("📊 [hantu] 리포트\n")


def test_there_is_no_report_without_a_database(tmp_path: Path, api: BotApi) -> None:
    found = hantu(tmp_path / "none", "notify", "report")
    assert found.exit_code == 1
    assert "start the service with: hantu serve" in found.stderr
