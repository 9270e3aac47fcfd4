"""How alerts fare, as the page /status shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from hantu.service import Service
from tests import browser as chromium
from tests.browser import NARROW, reading
from tests.client.bot_api import BROKEN, CHAT, TOKEN, UNAUTHORIZED, BotApi
from tests.waiting import wait_until
from tests.web.desk import HOST, app_of, running_service, served

browser = chromium.browser
pytestmark = pytest.mark.browser


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi() as server:
        yield server


@pytest.fixture
def alerting(tmp_path: Path, api: BotApi) -> Iterator[Service]:
    channel = {"telegram_token": TOKEN, "telegram_chat_id": CHAT, "telegram_api": api.url}
    with running_service(tmp_path / "alerting", **channel) as started:
        yield started


@pytest.mark.parametrize(("name", "answer"), [("failed", BROKEN), ("stopped", UNAUTHORIZED)])
def test_what_telegram_refuses_is_read_on_a_phone(
    browser: Browser, alerting: Service, api: BotApi, name: str, answer: object
) -> None:
    api.answer(answer)  # type: ignore[arg-type]  # one of the answers above
    app = app_of(alerting)
    error = {"message": "주문 실패", "level": "error", "metadata": {"service": "s", "error_type": "E"}}
    app.test_client().post("/api/ingest", data=json.dumps(error), headers={"Origin": "http://localhost"})
    assert alerting.alerts is not None
    wait_until(lambda: alerting.alerts is not None and alerting.alerts.figures().error)
    with served(app) as port:
        for locale in ("ko-KR", "en-GB"):
            for size in (NARROW, chromium.WIDE):
                with reading(browser, f"http://{HOST}:{port}", size=size, locale=locale) as reader:
                    page = reader.open("/status#alerts")
                    assert page.locator("#alerts").is_visible()
                    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    assert wide <= 0
                    assert reader.complaints == []
                    chromium.SCREENS.mkdir(parents=True, exist_ok=True)
                    page.screenshot(path=chromium.SCREENS / f"alerts-{name}-{size[0]}-{locale[:2]}.png")
