"""/logs in a real browser: searching, opening, scrolling."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Browser, Route, expect

from hantu.model import LogLevel
from hantu.service import Service
from tests import browser as chromium
from tests.browser import NARROW, WIDE, reading
from tests.web.desk import line, store
from tests.web.logpage import ABOVE_PX, SECOND_NS, messages, numbered

pytestmark = pytest.mark.browser
browser = chromium.browser

TRACE = (
    "주문 실패: 예수금 부족\n"
    "Traceback (most recent call last):\n"
    '  File "/app/core/loop.py", line 88, in tick\n'
    "    self.run(job)\n"
    '  File "/usr/local/lib/python3.11/site-packages/apscheduler/base.py", line 125, in run_job\n'
    "    retval = job.func()\n"
    '  File "/app/core/engine.py", line 218, in execute_order\n'
    "    raise InsufficientBalance(required)\n"
    "InsufficientBalance: required 1,250,000"
)
SEARCH_ROWS = (
    "new Set([...document.querySelectorAll('.search .button, .search #q')]"
    ".filter(one => !one.closest('.menu-panel') && one.offsetWidth > 1)"
    ".map(one => Math.round(one.getBoundingClientRect().bottom))).size"
)


@pytest.mark.promise("M41")
def test_a_search_shows_the_lines_that_match_with_the_newest_at_the_foot(
    browser: Browser, service: Service, base: str
) -> None:
    store(
        service, [line("모의주문실행 접수"), line("다른 일"), line("주문을 마침", time_ns=time.time_ns())]
    )
    with reading(browser, base) as reader:
        page = reader.open("/logs")
        page.get_by_label("Search", exact=True).fill("주문")
        page.keyboard.press("Enter")
        expect(page.locator(".entries .entry")).to_have_count(2)
        assert messages(page) == ["모의주문실행 접수", "주문을 마침"]
        assert page.locator(".entries mark").all_inner_texts() == ["주문", "주문"]
        expect(page.locator("#count")).to_contain_text("2 lines")
        assert "q=%EC%A3%BC%EB%AC%B8" in page.url
        assert reader.complaints == []


@pytest.mark.promise("M41")
def test_an_opened_row_stays_where_it_is_and_shows_its_stack_trace(
    browser: Browser, service: Service, base: str
) -> None:
    at_ns = time.time_ns() - 60 * SECOND_NS
    wrong = line(TRACE, level=LogLevel.ERROR, metadata={"order": {"id": 80412}}, time_ns=at_ns)
    store(service, [wrong, *numbered(1, 20)])
    with reading(browser, base) as reader:
        page = reader.open("/logs")
        row = page.locator(".entry-error .entry-row")
        before = row.evaluate(ABOVE_PX)
        row.click()
        expect(page.locator(".entry-error .frame-app")).to_have_count(2)
        expect(page.locator(".frame-library summary")).to_have_text("1 library frame · apscheduler")
        expect(page.locator(".frame-end")).to_have_text("InsufficientBalance: required 1,250,000")
        assert abs(row.evaluate(ABOVE_PX) - before) < 2
        page.get_by_label("Only id").click()
        expect(page.locator("#q")).to_have_value("order.id:80412")
        assert reader.complaints == []


@pytest.mark.promise("M41")
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("live", ["", "?live=1&q=level:>=info"], ids=["still", "live"])
def test_the_newest_row_opens_in_sight(
    browser: Browser, service: Service, base: str, size: tuple[int, int], live: str
) -> None:
    store(service, [*numbered(1, 60), line(TRACE, level=LogLevel.ERROR, time_ns=time.time_ns())])
    with reading(browser, base, size=size) as reader:
        page = reader.open(f"/logs{live}")
        row = page.locator(".entry-error .entry-row")
        row.click()
        # All of it is seen, or it begins where the pane begins.
        page.wait_for_function(
            "narrow => { const box = one => document.querySelector(one).getBoundingClientRect();"
            " const row = box('.entries > .entry-error'), foot = box('.entries-foot').top;"
            " const top = narrow ? 0 : box('.entries-scroll').top;"
            " return document.querySelector('.entry-error .entry-actions') && row.top >= top - 1"
            " && (row.bottom <= foot + 1 || row.top <= top + 1); }",
            arg=size is NARROW,
        )
        head = row.evaluate(ABOVE_PX)
        if live:
            store(service, [line("one more")])
            expect(page.locator(".entries-new")).to_be_visible()
            assert abs(row.evaluate(ABOVE_PX) - head) < 1
        assert reader.complaints == []


def test_scrolling_up_brings_older_lines_without_moving_what_is_read(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, numbered(1, 350))
    with reading(browser, base) as reader:
        page = reader.open("/logs")
        assert messages(page)[-1] == "line 0350"
        assert len(messages(page)) == 100
        for _ in range(3):
            seen, topmost = len(messages(page)), messages(page)[0]
            read = page.locator(".entries .entry", has_text=topmost)
            read.evaluate("row => row.scrollIntoView()")
            page.wait_for_function(
                "count => document.querySelectorAll('.entries .entry').length > count", arg=seen
            )
            assert 0 <= read.evaluate(ABOVE_PX) < page.viewport_size["height"]  # type: ignore[index]  # it has one
        expect(page.locator(".entries-begin")).to_have_count(1)
        assert messages(page) == [f"line {number:04d}" for number in range(1, 351)]
        assert reader.complaints == []


def test_keys_move_open_and_lead_to_errors(browser: Browser, service: Service, base: str) -> None:
    store(service, [*numbered(1, 5), line("bad", level=LogLevel.ERROR, time_ns=time.time_ns())])
    with reading(browser, base) as reader:
        page = reader.open("/logs")
        page.keyboard.press("e")
        expect(page.locator(".entry-error .entry-row")).to_be_focused()
        page.keyboard.press("k")
        page.keyboard.press("Enter")
        expect(page.locator("details[open] .entry-actions")).to_have_count(1)
        page.keyboard.press("/")
        expect(page.locator("#q")).to_be_focused()
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        assert reader.complaints == []


def test_a_wrong_query_is_told_at_its_place(browser: Browser, service: Service, base: str) -> None:
    store(service, numbered(1, 2))
    with reading(browser, base) as reader:
        page = reader.open("/logs?q=주문+level:loud")
        expect(page.get_by_role("alert")).to_contain_text("is no level")
        expect(page.locator(".wrong b").first).to_have_text("level:loud")
        expect(page.locator("#q")).to_be_focused()


def test_a_busy_summary_is_fetched_after_the_page(
    browser: Browser,
    service: Service,
    base: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hantu.web.logs.SUMMARY_BUDGET_MS", 0)
    store(service, numbered(1, 20))
    with reading(browser, base) as reader:
        page = reader.open("/logs")
        expect(page.locator("figure.histogram")).to_be_visible()
        expect(page.locator("#facets .facet-value", has_text="info")).to_be_visible()
        expect(page.locator("#count")).to_contain_text("20 lines")
        assert reader.complaints == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_newest_line_stays_in_sight_when_the_page_grows_late(
    browser: Browser, service: Service, base: str, size: tuple[int, int]
) -> None:
    store(service, numbered(1, 120))
    with reading(browser, base, size=size) as reader:
        page = reader.open("/logs")
        newest = page.locator(".entry", has_text="line 0120")
        expect(newest).to_be_in_viewport(ratio=0.9)
        page.evaluate("document.querySelector('.search-note').style.paddingBottom = '90px'")
        page.wait_for_function(
            "() => { const box = one => document.querySelector(one).getBoundingClientRect();"
            " return box('.entry:last-of-type').bottom <= box('.entries-foot').top + 1; }"
        )
        assert reader.complaints == []


def test_a_field_is_counted_when_its_filter_is_opened(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, [*numbered(1, 20, metadata={"status": 200}), *numbered(1, 5, metadata={"status": 502})])
    with reading(browser, base) as reader:
        page = reader.open("/logs")
        facet = page.locator(".facet", has_text="status")
        facet.locator("summary").click()
        expect(facet.locator(".facet-value")).to_have_text(["200", "502"])
        expect(facet.locator(".number")).to_have_text(["20", "5"])
        facet.get_by_label("Exclude 502").click()
        expect(page.locator("#q")).to_have_value("-status:502")
        expect(page.locator(".entry")).to_have_count(20)
        assert reader.complaints == []


def test_a_failed_fetch_of_older_lines_leaves_its_link(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, numbered(1, 150))
    with reading(browser, base) as reader:
        page = reader.page

        def refuse(route: Route) -> None:
            route.fulfill(status=503, body="")

        page.route("**/logs/rows*", refuse)
        reader.open("/logs")
        page.locator(".entries-scroll").evaluate("pane => { pane.scrollTop = 0; }")
        page.wait_for_function("() => !document.querySelector('.entries-older a').dataset.more")
        page.locator(".entries-older a").click()
        expect(page).to_have_url(re.compile("before="))
        assert messages(page)[0] == "line 0001"


def test_on_a_phone_the_filters_open_and_nothing_scrolls_sideways(
    browser: Browser, service: Service, base: str
) -> None:
    long = line("x" * 3000, metadata={"path": "/very/" + "long/" * 60})
    store(service, [*numbered(1, 120), long])
    with reading(browser, base, size=NARROW) as reader:
        page = reader.open("/logs")
        page.get_by_role("link", name="Search ↑").click()
        expect(page.locator("#q")).to_be_in_viewport()
        page.locator(".facets-open").click()
        expect(page.locator("#facets")).to_be_visible()
        page.get_by_role("button", name="Close").click()
        page.locator(".entry .entry-row").last.click()
        expect(page.locator("details[open] .entry-actions")).to_have_count(1)
        for path in ("", "?wrap=1", "?q=zzz", "?q=level:loud", "?live=1"):
            page = reader.open(f"/logs{path}")
            assert page.evaluate("document.documentElement.scrollWidth") == NARROW[0], path
            assert page.evaluate(SEARCH_ROWS) == 2, path
