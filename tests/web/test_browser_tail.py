"""The live view of /logs in a real browser: lines that arrive, and what stays where it is meanwhile."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from hantu.model import LogEntry, LogLevel
from hantu.service import Service
from tests import browser as chromium
from tests.browser import NARROW, WIDE, reading
from tests.waiting import wait_until
from tests.web.desk import line, store
from tests.web.logpage import ABOVE_PX, messages, numbered

pytestmark = pytest.mark.browser
browser = chromium.browser


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
