"""How alerts fare: /api/alerts, the page /status, the answer of an ingestion."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hantu.service import Service
from tests.client.bot_api import CHAT, TOKEN, UNAUTHORIZED, BotApi
from tests.waiting import wait_until
from tests.web.desk import app_of, running_service

OWN = {"Origin": "http://localhost"}
KOREAN = {"Accept-Language": "ko-KR,ko;q=0.9"}
ERROR = {
    "message": "주문 실패",
    "level": "error",
    "metadata": {"service": "shop", "function": "order", "error_type": "OrderError"},
}


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as server:
        yield server


@pytest.fixture
def alerting(tmp_path: Path, api: BotApi) -> Iterator[Service]:
    """A service with a channel."""
    channel = {"telegram_token": TOKEN, "telegram_chat_id": CHAT, "telegram_api": api.url}
    with running_service(tmp_path / "alerting", **channel) as started:
        yield started


def push(client: FlaskClient) -> bool:
    answer = client.post("/api/ingest", data=json.dumps(ERROR), headers=OWN)
    alerts: bool = answer.get_json()["alerts"]
    return alerts


def test_without_a_channel_nobody_is_told_and_the_page_says_how(client: FlaskClient) -> None:
    found = client.get("/api/alerts").get_json()
    assert (found["channel"], found["sent"], found["lastSent"]) == (False, 0, None)
    assert re.search(r"<code>[^<]+ notify test</code>", client.get("/status").text)
    assert push(client) is False


@pytest.mark.promise("M71")
def test_what_was_sent_shows(alerting: Service, api: BotApi) -> None:
    client = app_of(alerting).test_client()
    assert push(client) is True
    wait_until(lambda: client.get("/api/alerts").get_json()["sent"] == 1)
    found = client.get("/api/alerts").get_json()
    assert (found["waiting"], found["quiet"], found["error"], found["stopped"]) == (0, 1, "", "")
    assert found["lastSent"] is not None
    page = client.get("/status", headers=KOREAN).text
    assert "마지막 전송" in page
    assert "보내지 않습니다" not in page


@pytest.mark.promise("M61")
def test_a_refused_token_shows_in_the_readers_language_and_never_itself(
    alerting: Service, api: BotApi
) -> None:
    client = app_of(alerting).test_client()
    api.answer(UNAUTHORIZED)
    push(client)
    wait_until(lambda: client.get("/api/alerts").get_json()["stopped"])
    assert "텔레그램이 봇 토큰을 인정하지 않습니다 (401)." in client.get("/status", headers=KOREAN).text
    english = client.get("/status").text
    assert "Telegram does not know the bot token (401)" in english
    # The process that runs the tests may have used enough memory for a sign of its own.
    assert re.search(r"[Ss]igns? to watch:</span> [^<]*\bAlerts\b", english)
    assert TOKEN.partition(":")[2] not in english + client.get("/api/alerts").text
    assert push(client) is False
    assert client.get("/healthz").status_code == 200
    admin = {"Authorization": f"Bearer {alerting.control_token}"}
    assert client.post("/api/alerts/retry", headers=admin).status_code == 200
    wait_until(lambda: api.texts)
    assert push(client) is True
