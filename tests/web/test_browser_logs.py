"""/logs in a real browser: searching, opening, scrolling, following."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route, expect

from hantu.model import LogEntry, LogLevel
from hantu.service import Service
from tests import browser as chromium
from tests.browser import NARROW, WIDE, reading
from tests.waiting import wait_until
from tests.web.desk import app_of, line, served, store

pytestmark = pytest.mark.browser
browser = chromium.browser

SECOND_NS = 10**9
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
ABOVE_PX = "el => el.getBoundingClientRect().top"


@pytest.fixture
def base(service: Service) -> Iterator[str]:
    app: Flask = app_of(service)
    with served(app) as port:
        yield f"http://127.0.0.1:{port}"


def numbered(first: int, last: int, **parts: object) -> list[LogEntry]:
    """Lines `line 0001` …, a second apart, the last one now."""
    now_ns = time.time_ns()
    return [
        line(f"line {number:04d}", time_ns=now_ns - (last - number) * SECOND_NS, **parts)
        for number in range(first, last + 1)
    ]


def messages(page: Page) -> list[str]:
    found = page.locator(".entries .entry-message").all_text_contents()
    return [text.strip() for text in found]


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


@pytest.mark.promise("M35", "M41")
def test_live_lines_appear_at_the_foot_and_wait_while_one_reads_above(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, numbered(1, 120))
    with reading(browser, base) as reader:
        page = reader.open("/logs")
        page.get_by_role("switch", name="Live").click()
        expect(page.locator("#tail-state")).to_have_text("Live: new lines appear here")
        expect(page.locator("#q")).to_have_value("level:>=info")
        store(service, numbered(1, 1, source_id="live"))
        expect(page.locator(".entry", has_text="live")).to_be_in_viewport()
        pane = page.locator(".entries-scroll")
        pane.evaluate("pane => { pane.scrollTop -= 400; }")
        place = pane.evaluate("pane => pane.scrollTop")
        store(
            service,
            [
                line("unseen one", level=LogLevel.ERROR),
                line("unseen two"),
                line("quiet", level=LogLevel.DEBUG),
            ],
        )
        expect(page.locator(".entries-new")).to_have_text(re.compile("2 new, errors: 1"))
        assert pane.evaluate("pane => pane.scrollTop") == place
        expect(page.locator("#tail-state")).to_have_text(
            "Paused while you read: 2 new, errors among them: 1"
        )
        assert "unseen two" not in messages(page)
        page.locator(".entries-new").click()
        expect(page.locator(".entry", has_text="unseen two")).to_be_in_viewport()
        assert "quiet" not in messages(page)
        assert reader.complaints == []


@pytest.mark.promise("M35", "M41")
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_live_view_stays_at_the_foot_when_its_counts_come_late(
    browser: Browser,
    service: Service,
    base: str,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    monkeypatch.setattr("hantu.web.logs.SUMMARY_BUDGET_MS", 0)
    store(service, numbered(1, 120))
    with reading(browser, base, size=size) as reader:
        page = reader.page
        held: list[Route] = []
        page.route("**/logs/summary*", lambda route: held.append(route))
        reader.open("/logs?live=1&q=level:>=info")
        expect(page.locator("#tail-state")).to_have_text("Live: new lines appear here")
        expect(page.locator(".entry", has_text="line 0120")).to_be_in_viewport()
        list_top = page.locator(".entries").evaluate(ABOVE_PX)
        held[0].continue_()
        expect(page.locator("figure.histogram")).to_have_count(1)
        expect(page.locator("#count")).to_contain_text("120 lines")
        assert abs(page.locator(".entries").evaluate(ABOVE_PX) - list_top) < 1
        # The page may still grow around the rows, as a note that wraps does.
        page.evaluate("document.querySelector('.search-note').style.paddingBottom = '90px'")
        store(service, [line("after the counts")])
        expect(page.locator(".entry", has_text="after the counts")).to_be_in_viewport()
        expect(page.locator(".entries-new")).to_be_hidden()
        assert reader.complaints == []


class Counting:
    """The requests of a live view for its counts; keep: they wait until let_go()."""

    def __init__(self, page: Page) -> None:
        self.asked = 0
        self.keep = False
        self._kept: list[Route] = []
        page.route("**/logs/summary*", self._ask)

    def _ask(self, route: Route) -> None:
        self.asked += 1
        if self.keep:
            self._kept.append(route)
        else:
            route.continue_()

    def let_go(self) -> None:
        self.keep = False
        while self._kept:
            self._kept.pop().continue_()


def arriving(page: Page, service: Service, entries: list[LogEntry]) -> None:
    """Lines that arrive in a live view and are shown."""
    store(service, entries)
    expect(page.locator(".entry", has_text=entries[-1].message)).to_have_count(1)


@pytest.mark.promise("M41")
def test_a_live_view_counts_what_arrives_and_moves_nothing_else(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, numbered(1, 60, source_id="a") + numbered(1, 40, source_id="b"))
    with reading(browser, base) as reader:
        page = reader.page
        page.clock.install()
        reader.open("/logs?live=1&q=level:>=info+since:1h")
        expect(page.locator("#tail-state")).to_have_text("Live: new lines appear here")
        bars = page.locator(".histogram-bars a title")
        last = bars.last.text_content()
        ids = page.locator(".facet[data-field=service] li")
        assert ids.evaluate_all("all => all.map(one => one.dataset.value)") == ["a", "b"]
        page.locator(".facet[data-field=level] .facet-value").first.focus()
        places = "() => [...document.querySelectorAll('.histogram, .facet, .entries-scroll, .search-note')]"
        places += ".map(one => JSON.stringify(one.getBoundingClientRect()))"
        before = page.evaluate(places)
        arriving(
            page, service, [line(f"new {n:03d}", source_id="b", time_ns=time.time_ns()) for n in range(50)]
        )
        page.clock.run_for(5_000)
        expect(page.locator("#count")).to_have_text("150 lines")
        expect(ids.locator(".number")).to_have_text(["60", "90"])
        assert ids.evaluate_all("all => all.map(one => one.dataset.value)") == ["a", "b"]
        assert bars.last.text_content() != last
        assert page.evaluate(places) == before
        expect(page.locator(".facet[data-field=level] .facet-value").first).to_be_focused()
        assert reader.complaints == []


def test_a_live_view_asks_for_its_counts_one_at_a_time_and_only_when_it_is_seen(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, numbered(1, 3))
    with reading(browser, base) as reader:
        page = reader.page
        page.add_init_script(
            "window.away = false;Object.defineProperty(document, 'hidden', { get: () => window.away });"
        )
        page.clock.install()
        counting = Counting(page)
        reader.open("/logs?live=1&q=level:>=info")
        expect(page.locator("#tail-state")).to_have_text("Live: new lines appear here")
        page.clock.run_for(20_000)
        assert counting.asked == 0, "nothing came"
        page.evaluate("window.away = true")
        store(service, [line("unseen")])
        expect(page.locator(".entries-new")).to_have_text(re.compile("1 new"))
        page.clock.run_for(20_000)
        assert counting.asked == 0, "nobody looks"
        page.evaluate("window.away = false")
        counting.keep = True
        page.clock.run_for(5_000)
        wait_until(lambda: page.evaluate("1") and counting.asked == 1)
        arriving(page, service, [line("while it counts")])
        page.clock.run_for(20_000)
        assert counting.asked == 1, "the last answer is not there yet"
        counting.let_go()
        expect(page.locator("#count")).to_have_text("5 lines")
        assert reader.complaints == []


@pytest.mark.promise("M35", "M41")
def test_an_opened_row_does_not_move_while_lines_arrive(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, numbered(1, 60))
    with reading(browser, base) as reader:
        page = reader.open("/logs?live=1&q=level:>=info")
        expect(page.locator("#tail-state")).to_have_text("Live: new lines appear here")
        row = page.locator(".entry", has_text="line 0058").locator(".entry-row")
        row.click()
        expect(page.locator("details[open] .entry-actions")).to_have_count(1)
        place = row.evaluate(ABOVE_PX)
        store(service, [line("meanwhile")])
        expect(page.locator(".entries-new")).to_have_text(re.compile("1 new"))
        assert row.evaluate(ABOVE_PX) == place
        row.click()
        expect(page.locator(".entry > details[open]")).to_have_count(0)
        expect(page.locator(".entry", has_text="meanwhile")).to_be_in_viewport()
        assert reader.complaints == []


def test_a_live_view_goes_on_where_it_was_after_the_connection_broke(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, numbered(1, 3))
    with reading(browser, base) as reader:
        reader.page.add_init_script(
            "const Real = WebSocket; window.sockets = [];"
            "window.WebSocket = function (url) {"
            " const made = new Real(url); sockets.push(made); return made; };"
        )
        page = reader.open("/logs?live=1")
        expect(page.locator("#tail-state")).to_have_text("Live: new lines appear here")
        store(service, [line("before the break")])
        expect(page.locator(".entry", has_text="before the break")).to_have_count(1)
        page.evaluate("sockets[0].close()")
        store(service, [line("during the break")])
        expect(page.locator(".entry", has_text="during the break")).to_have_count(1)
        assert page.evaluate("sockets.length") == 2
        expect(page.locator(".entry", has_text="before the break")).to_have_count(1)
        # The test's server answers in HTTP on a socket that was closed; gunicorn does not.
        assert [said for said in reader.complaints if "Invalid frame header" not in said] == []


@pytest.mark.promise("M40")
def test_without_websocket_the_live_view_falls_back_to_server_sent_events(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, numbered(1, 3))
    with reading(browser, base) as reader:
        reader.page.add_init_script(
            "window.WebSocket = function () { setTimeout(() => this.onclose({ code: 1006 }), 0); };"
        )
        page = reader.open("/logs?live=1")
        expect(page.locator("#tail-state")).to_have_text("Live: new lines appear here", timeout=20_000)
        store(service, [line("by events")])
        expect(page.locator(".entry", has_text="by events")).to_have_count(1)
        assert reader.complaints == []


@pytest.mark.promise("M37")
def test_skipped_lines_are_a_band_that_loads_them(browser: Browser, service: Service, base: str) -> None:
    store(service, numbered(1, 3))
    with reading(browser, base) as reader:
        page = reader.open("/logs?live=1&q=level:>=info")
        expect(page.locator("#tail-state")).to_have_text("Live: new lines appear here")
        store(service, [line(f"burst {number:04d}") for number in range(700)])
        # All is there, as rows or counted, before one of them is asked for: what comes then would wait.
        page.wait_for_function(
            "() => [...document.querySelectorAll('.skipped')].reduce("
            "(sum, one) => sum + Number(one.dataset.count),"
            " document.querySelectorAll('.entries > .entry').length) === 703"
        )
        expect(page.locator(".skipped a").first).to_have_text("Load them")
        while page.locator(".skipped a").count():
            target = page.locator(".skipped a").first.get_attribute("href")
            page.locator(f'.skipped a[href="{target}"]').click()
            expect(page.locator(f'.skipped a[href="{target}"]')).to_have_count(0)
        shown = {text for text in messages(page) if text.startswith("burst")}
        assert shown == {f"burst {number:04d}" for number in range(700)}
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
