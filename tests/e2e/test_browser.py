"""A person at the real service: searches, opens a row, follows live; and pictures of what they see."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from bench.corpus import SPAN_NS, START_NS, Corpus
from tests import browser as chromium
from tests.browser import NARROW, SCREENS, WIDE, reading, screens
from tests.running import NOTHING, RunningService

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
browser = chromium.browser

HOUR_NS = 3600 * 10**9
LINES = 4_000
FAILURE = (
    "주문 실패: 예수금 부족\n"
    "Traceback (most recent call last):\n"
    '  File "/app/core/scheduler/loop.py", line 88, in tick\n'
    "    self.run(job)\n"
    '  File "/usr/local/lib/python3.11/site-packages/apscheduler/executors/base.py", line 125, in run_job\n'
    "    retval = job.func(*job.args, **job.kwargs)\n"
    '  File "/app/core/trading/engine.py", line 218, in execute_order\n'
    "    raise InsufficientBalance(required, balance)\n"
    "core.errors.InsufficientBalance: required 1,250,000, available 1,182,400"
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A service with an hour of a small server's lines, which follows a file."""
    folder = tmp_path_factory.mktemp("person")
    log = folder / "settle.log"
    log.touch()
    service = RunningService(folder / "data", NOTHING | {"HANTU_FILES": str(log)})
    try:
        service.start()
        service.call("POST", "/api/ingest", _an_hour())
        yield service
        assert service.stop() == 0
    finally:
        service.close()


def _an_hour() -> bytes:
    now_ns = time.time_ns()
    lines = []
    for entry in Corpus().entries(LINES):
        age = 1 - (entry.time_ns - START_NS) / SPAN_NS
        lines.append(
            {
                "source": entry.source,
                "sourceId": entry.source_id,
                "level": entry.level.label,
                "message": entry.message,
                "timestamp": now_ns - 10 * 10**9 - max(0, int(age * HOUR_NS)),
                "metadata": entry.metadata or {},
            }
        )
    lines.append(
        {
            "source": "docker",
            "sourceId": "scheduler",
            "level": "error",
            "message": FAILURE,
            "timestamp": now_ns - 5 * 10**9,
            "metadata": {
                "trace_id": "abc12345",
                "logger": "core.trading.engine",
                "order": {"id": 80412, "side": "buy", "quantity": 25},
                "user": {"id": 42},
            },
        }
    )
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode()


@pytest.mark.promise("M16", "M35", "M41")
def test_a_person_searches_opens_a_row_and_follows_live(browser: Browser, service: RunningService) -> None:
    log = Path(service.settings["HANTU_FILES"])
    with reading(browser, service.url) as reader:
        page = reader.open("/logs")
        page.get_by_label("Search", exact=True).fill("주문 예수금 container:scheduler")
        page.keyboard.press("Enter")
        row = page.locator(".entries .entry", has_text="예수금 부족").last
        expect(row).to_be_visible()
        row.locator("summary").first.click()
        expect(row.locator(".frame-at", has_text="execute_order")).to_be_visible()
        expect(row.get_by_text("abc12345").first).to_be_visible()

        page = reader.open("/logs?q=정산")
        page.get_by_role("switch", name="Live").click()
        expect(page.locator("#tail-state")).to_have_text("Live: new lines appear here")
        began = time.monotonic()
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} INFO batch: 정산 주문 1,204건 완료\n")
        expect(page.locator(".entries .entry-message", has_text="1,204건 완료")).to_be_visible()
        assert time.monotonic() - began < 10
        assert reader.complaints == []


@pytest.mark.parametrize("name", ["logs", "sources", "status"])
def test_every_page_is_pictured_wide_and_narrow_light_and_dark_in_two_languages(
    browser: Browser, service: RunningService, name: str
) -> None:
    assert len(screens(browser, service.url, name, f"/{name}")) == 8


@pytest.mark.parametrize(
    ("size", "dark", "locale"),
    [(WIDE, False, "en-GB"), (WIDE, False, "ko-KR"), (WIDE, True, "ko-KR"), (NARROW, True, "ko-KR")],
)
def test_an_opened_error_is_pictured(
    browser: Browser, service: RunningService, size: tuple[int, int], dark: bool, locale: str
) -> None:
    with reading(browser, service.url, size=size, dark=dark, locale=locale) as reader:
        page = reader.open("/logs?q=주문 OR level:>=warn")
        row = page.locator(".entries .entry", has_text="예수금 부족").last
        row.locator("summary").first.click()
        expect(row.locator(".frame-at", has_text="execute_order")).to_be_visible()
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0]
        SCREENS.mkdir(parents=True, exist_ok=True)
        name = f"opened-{size[0]}-{'dark' if dark else 'light'}-{locale[:2]}.png"
        page.screenshot(path=SCREENS / name)
        assert reader.complaints == []
