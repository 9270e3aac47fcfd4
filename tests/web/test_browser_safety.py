"""Hostile lines in a real browser, pages without script, and no complaint of the browser anywhere."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Browser, expect

from hantu.model import LogLevel
from hantu.service import Service
from tests import browser as chromium
from tests.browser import NARROW, reading
from tests.web.desk import line, store

pytestmark = pytest.mark.browser
browser = chromium.browser

HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    '<div hx-get="/api/stats" hx-trigger="load">hx</div>',
    '"><svg onload="document.title=\'owned\'">',
    "'; document.title='owned' //",
    "</span></details></li><li class=entry><form action=/status/cleanup method=post>",
    "\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07 \x1b[31mred\x1b[0m \u202egnp.exe\u202c \x00 \r back",
    "{{ 7 * 7 }} {% raw %} ${7*7}",
)
PATHS = ("/logs", "/logs?q=zzz", "/logs?wrap=1&q=level:>=info", "/sources", "/status", "/nowhere")


def hostile_lines() -> list[object]:
    metadata = {f"<b>{at}</b>": text for at, text in enumerate(HOSTILE)}
    now_ns = time.time_ns()
    return [
        line(text, time_ns=now_ns + at, source_id=text[:40], metadata=metadata, level=LogLevel.ERROR)
        for at, text in enumerate(HOSTILE)
    ]


def test_hostile_lines_stay_text_in_page_fragment_and_live_view(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, hostile_lines())  # type: ignore[arg-type]  # they are entries
    with reading(browser, base) as reader:
        page = reader.open("/logs?live=1&q=script+OR+img+OR+level:>=info")
        expect(page.locator("#tail-state")).to_have_text("Live: new lines appear here")
        expect(page.locator(".entry")).to_have_count(len(HOSTILE))
        for opened, row in enumerate(page.locator(".entry-row").all(), 1):
            row.click()
            # What is in an opened row moves those below it.
            expect(page.locator(".entry-actions")).to_have_count(opened)
        store(service, hostile_lines())  # type: ignore[arg-type]  # they are entries
        page.locator(".entries-new").click()
        expect(page.locator(".entry")).to_have_count(2 * len(HOSTILE))
        shown = page.locator(".entry .entry-row .entry-message").all_inner_texts()
        assert any("<script>document.title='owned'</script>" in text for text in shown)
        assert any("\\u202egnp.exe\\u202c" in text and "\\x00" in text for text in shown)
        assert page.locator(".entries script, .entries img, .entries [onload], .entries form").count() == 0
        assert page.locator(".entry-message [hx-get]").count() == 0
        assert page.locator(".ansi-red").count() >= 2
        assert "owned" not in page.title()
        for text in HOSTILE:
            page.locator("#q").fill(text.replace("\x00", ""))
            page.keyboard.press("Enter")
            page.wait_for_load_state("load")
            assert not page.title().startswith("owned")
        assert [said for said in reader.complaints if "400" not in said] == []


@pytest.mark.parametrize("path", PATHS)
def test_no_page_makes_the_browser_complain(
    browser: Browser,
    service: Service,
    base: str,
    path: str,
) -> None:
    store(service, [line("one", time_ns=time.time_ns()), line("two", level=LogLevel.WARN)])
    with reading(browser, base) as reader:
        page = reader.open(path)
        page.wait_for_load_state("networkidle")
        assert [said for said in reader.complaints if "404" not in said] == []
    with reading(browser, base, size=NARROW, locale="ko-KR", dark=True) as reader:
        page = reader.open(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW[0]
        assert page.locator("html").get_attribute("lang") == "ko"


def test_everything_is_reached_without_script(browser: Browser, service: Service, base: str) -> None:
    now_ns = time.time_ns()
    store(service, [line(f"line {n:04d}", time_ns=now_ns + n, level=LogLevel(n % 6)) for n in range(150)])
    with reading(browser, base, script=False) as reader:
        page = reader.open("/logs")
        expect(page.locator(".entry", has_text="line 0149")).to_be_in_viewport()
        page.get_by_role("link", name="Older").click()
        expect(page.locator(".entry", has_text="line 0000")).to_have_count(1)
        page.get_by_role("link", name="Newer").click()
        expect(page.locator(".entry", has_text="line 0149")).to_have_count(1)
        page.locator("#q").fill("0094")
        page.get_by_role("button", name="Search").click()
        expect(page.locator(".entry")).to_have_count(1)
        page.locator(".entry-row").click()
        page.get_by_role("link", name="All of this line").click()
        expect(page.locator(".meta")).to_contain_text("level")
        page.get_by_role("link", name="Context").first.click()
        expect(page.locator(".lines li")).to_have_count(101)
        page.get_by_label("Only level").click()
        expect(page.locator("#q")).to_have_value("level:error")
        page.locator(".menu summary", has_text="All time").click()
        page.get_by_role("link", name="Last 1 hour").click()
        expect(page.locator("#q")).to_have_value("level:error since:1h")
        page.get_by_role("switch", name="Live").click()
        expect(page.locator('meta[http-equiv="refresh"]')).to_have_count(1)
        page.goto(f"{base}/status")
        page.get_by_label("Remove lines older").fill("3650")
        page.get_by_role("button", name="Clean up").click()
        expect(page.get_by_role("status")).to_have_text("0 lines were removed.")


def test_the_set_up_link_leads_to_the_first_account_and_in(
    browser: Browser, service: Service, base: str
) -> None:
    with reading(browser, base) as reader:
        page = reader.open(f"/setup?token={service.setup.token}")
        page.get_by_label("Name").fill("jin")
        page.get_by_label("Password, at least 8 characters").fill("long enough")
        page.get_by_label("The password again").fill("long enough")
        page.get_by_role("button", name="Make the account").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        assert reader.complaints == []
