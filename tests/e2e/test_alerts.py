"""Alerts of the real service: errors pushed over HTTP, killed in the middle, texts right and each once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hantu.client.telegram_text import clock_text
from tests.client.bot_api import CHAT, HANG, TOKEN, UNAUTHORIZED, BotApi
from tests.running import NOTHING, ROOT, RunningService
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e

SECRET = TOKEN.partition(":")[2]
NAMES = ["주문", "시세", "계좌", "환율", "체결", "원장"]


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as server:
        yield server


@pytest.fixture
def settings(api: BotApi) -> dict[str, str]:
    return NOTHING | {
        "HANTU_TELEGRAM_TOKEN": TOKEN,
        "HANTU_TELEGRAM_CHAT_ID": CHAT,
        "HANTU_TELEGRAM_API": api.url,
        "HANTU_PUBLIC_URL": "https://logs.example.com",
    }


@pytest.fixture
def service(tmp_path: Path, settings: dict[str, str]) -> Iterator[RunningService]:
    running = RunningService(tmp_path / "data", settings)
    try:
        yield running.start()
    finally:
        running.close()


def item(
    name: str, number: int, *, level: str = "error", age_s: float = 0, **metadata: Any
) -> dict[str, Any]:
    """An error as the log library pushes it."""
    at = datetime.fromtimestamp(time.time() - age_s, UTC)
    return {
        "id": str(UUID(int=number + 1)),
        "message": f"{name} 실패",
        "level": level,
        "timestamp": at.isoformat(),
        "sourceId": "scheduler",
        "metadata": {
            "service": "scheduler",
            "module": "trading_engine",
            "function": "execute",
            "error_type": "OrderError",
            "stack_trace": 'Traceback (most recent call last):\n  File "x.py", line 1\nOrderError',
            "trace_id": "abc12345",
            **metadata,
        },
    }


def push(service: RunningService, *items: dict[str, Any]) -> dict[str, Any]:
    """The answer of the ingestion."""
    body = "\n".join(json.dumps(each, ensure_ascii=False) for each in items).encode()
    answer: dict[str, Any] = service.call("POST", "/api/ingest", body)
    return answer


def text_of(pushed: dict[str, Any]) -> str:
    """The message that people are to get of it."""
    at_ns = int(datetime.fromisoformat(pushed["timestamp"]).timestamp()) * 10**9
    return (
        "🚨 [scheduler] 에러\n"
        f"{clock_text(at_ns)} | trading_engine.execute\n"
        "타입: OrderError\n"
        "\n"
        f"{pushed['message']}\n"
        "\n"
        f"{pushed['metadata']['stack_trace']}\n"
        "(trace_id: abc12345)\n"
        "에러 보기"
    )


@pytest.mark.promise("M71", "M72", "M74")
def test_errors_over_http_are_told_at_once_and_once(service: RunningService, api: BotApi) -> None:
    first, critical = item("주문", 1), item("주문", 2, level="critical")
    answer = push(service, first, critical, *(item("주문", number) for number in range(10, 30)))
    assert answer["alerts"] is True
    began = time.monotonic()
    wait_until(lambda: len(api.texts) == 2)
    assert time.monotonic() - began < 5
    assert sorted(api.texts) == sorted([text_of(first), text_of(critical)])
    assert (
        f'<a href="https://logs.example.com/errors/{first["id"]}">'
        in api.messages[0].html + api.messages[1].html
    )
    wait_until(lambda: service.get("/api/alerts")["waiting"] == 0)
    found = service.get("/api/alerts")
    assert (found["channel"], found["sent"], found["quiet"], found["error"]) == (True, 2, 2, "")


@pytest.mark.promise("M71")
@pytest.mark.fault_row("R22")
def test_killed_while_telegram_hangs_each_error_is_told_once(service: RunningService, api: BotApi) -> None:
    api.answer(HANG)
    pushed = [item(name, number) for number, name in enumerate(NAMES)]
    push(service, *pushed[:3])
    wait_until(lambda: api.calls)
    service.kill()
    api.release()
    service.start()
    push(service, *pushed[3:])
    wait_until(lambda: len(api.texts) >= len(NAMES))
    service.kill()
    service.start()
    wait_until(lambda: service.get("/api/alerts")["waiting"] == 0)
    push(service, item("끝", 99))
    wait_until(lambda: "끝 실패" in api.texts[-1])
    # The last one may have been sent and not noted when the process was killed.
    assert sorted(set(api.texts[:-1])) == sorted(map(text_of, pushed))
    assert len(api.texts) <= len(NAMES) + 2


@pytest.mark.parametrize("sent", [1, 2, 4])
@pytest.mark.fault_row("R22")
def test_killed_at_any_message_none_is_lost_and_one_repeated_at_most(
    service: RunningService, api: BotApi, sent: int
) -> None:
    pushed = [item(name, number) for number, name in enumerate(NAMES)]
    push(service, *pushed)
    wait_until(lambda: len(api.texts) >= sent, every_s=0.001)
    service.kill()
    service.start()
    wait_until(lambda: set(api.texts) == set(map(text_of, pushed)))
    wait_until(lambda: service.get("/api/alerts")["waiting"] == 0)
    assert len(api.texts) <= len(pushed) + 1


@pytest.mark.promise("M55")
def test_a_resolved_error_that_comes_back_is_marked(service: RunningService, api: BotApi) -> None:
    push(service, item("주문", 1))
    wait_until(lambda: len(api.texts) == 1)
    (group,) = service.get("/api/errors")["errors"]
    service.call("POST", f"/api/errors/{group['id']}/resolve", b"{}")
    push(service, item("주문", 2))
    wait_until(lambda: len(api.texts) == 2)
    assert "🔁 재발: 해결했던 에러가 다시 발생했습니다 (" in api.texts[1]


def test_late_errors_come_in_one_message(service: RunningService, api: BotApi) -> None:
    push(service, *(item(name, number, age_s=3_600) for number, name in enumerate(NAMES)))
    wait_until(lambda: api.texts, 20)
    assert "뒤늦게 도착한 에러 6종류 6건입니다." in api.texts[0]


@pytest.mark.promise("M61")
@pytest.mark.fault_row("R22")
def test_a_refused_token_shows_and_the_next_settings_go_on(
    service: RunningService, api: BotApi, settings: dict[str, str], tmp_path: Path
) -> None:
    api.answer(UNAUTHORIZED)
    push(service, item("주문", 1))
    wait_until(lambda: service.get("/api/alerts")["stopped"])
    assert push(service, item("시세", 2))["alerts"] is False
    found = hantu(tmp_path / "data", settings, "doctor")
    assert "stopped: Telegram does not know the bot token (401)" in found.stdout
    assert SECRET not in found.stdout + found.stderr
    # The command's own message is taken, and the service goes on.
    assert hantu(tmp_path / "data", settings, "notify", "test").returncode == 0
    wait_until(lambda: len(api.texts) == 3)
    assert api.texts[0].startswith("✅ [hantu] 성공\n")
    assert {text.split("\n")[4] for text in api.texts[1:]} == {"주문 실패", "시세 실패"}


def test_the_token_is_seen_nowhere(service: RunningService, api: BotApi, tmp_path: Path) -> None:
    api.down()
    push(service, item("주문", 1))
    wait_until(lambda: service.get("/api/alerts")["error"])
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        assert SECRET.encode() not in _read(path)
    seen = [service.log.read_bytes()]
    seen += [path.read_bytes() for path in (tmp_path / "data").iterdir() if path.is_file()]
    seen += [json.dumps(service.get(path)).encode() for path in ("/api/alerts", "/api/stats")]
    assert all(SECRET.encode() not in each for each in seen)


def test_the_report_is_printed_and_sent(
    service: RunningService, api: BotApi, settings: dict[str, str], tmp_path: Path
) -> None:
    push(service, item("주문", 1), item("주문", 2))
    printed = hantu(tmp_path / "data", settings, "notify", "report", "--dry-run")
    assert printed.returncode == 0
    assert "에러 2건, 1종류" in printed.stdout
    wait_until(lambda: len(api.texts) == 1)
    sent = hantu(tmp_path / "data", settings, "notify", "report")
    assert sent.returncode == 0
    assert api.texts[1].startswith("📊 [hantu] 리포트\n")
    assert "1. [scheduler] 2건 OrderError: 주문 실패" in api.texts[1]


def test_without_a_channel_the_command_says_what_to_set(tmp_path: Path) -> None:
    found = hantu(tmp_path / "data", NOTHING, "notify", "test")
    assert found.returncode == 2
    assert "set telegram_token and telegram_chat_id first" in found.stderr


def hantu(data_dir: Path, settings: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, with these settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HANTU_")}
    return subprocess.run(
        [sys.executable, "app.py", "--data-dir", str(data_dir), *words],
        cwd=ROOT,
        env=environment | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
