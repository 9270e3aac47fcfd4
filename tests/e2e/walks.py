"""The journeys of CONTRACT M83 to M85 and of DESIGN §8, as people go them in a browser."""

from __future__ import annotations

import time
from urllib.parse import quote

from playwright.sync_api import expect

from tests.e2e.journeydesk import SAID, JourneyDesk
from tests.e2e.walker import Walker

FRAME = ".frame-app .frame-at"


def developer(walk: Walker, desk: JourneyDesk) -> None:
    """From a logger to a line: what was logged, one line whole, all of its trace, how long it stays."""
    walk.journey = "developer"
    walk.go("/logs?q=" + quote("logger:core.trading.engine since:1h"))
    expect(walk.row("주문 실행 시작")).to_be_visible()
    expect(walk.row("장 마감")).to_be_visible()
    walk.snap("1-lines")
    walk.open_row(SAID)
    expect(
        walk.page.locator(".frame-app, .frame-at, .entry-text", has_text="execute_order").first
    ).to_be_visible()
    walk.snap("2-row")
    walk.page.locator(f'a[href="/trace/{desk.trace_id}"]').first.click()
    expect(walk.page.get_by_text("시세 확인").first).to_be_visible()
    expect(walk.page.get_by_text("주문 실행 시작").first).to_be_visible()
    walk.snap("3-trace")
    walk.go("/settings/keeping")
    expect(walk.page.get_by_text("retention_days").first).to_be_visible()
    walk.snap("4-kept")


def debugging(walk: Walker, desk: JourneyDesk) -> None:
    """From an alert to its cause: the message's link, stack trace, lines around, trace; settled."""
    walk.journey = "debugging"
    page = walk.page
    page.goto(desk.alert)
    expect(page.get_by_role("heading", name="InsufficientBalance")).to_be_visible()
    expect(
        page.locator(".frame-app, .frame-at, .entry-text", has_text="execute_order").first
    ).to_be_visible()
    walk.snap("1-error")
    address = page.url
    walk.link("All of the trace").click()
    expect(page.get_by_text("주문 실행 시작").first).to_be_visible()
    walk.snap("2-trace")
    page.goto(address)
    walk.link("Open in the logs").click()
    expect(page.get_by_text(SAID).first).to_be_visible()
    walk.snap("3-around")
    page.goto(address)
    page.locator("#text").fill("잔고 확인을 주문 전에 하도록 고침")
    page.locator(".error-noting button").click()
    expect(page.locator(".error-history").get_by_text("잔고 확인을").first).to_be_visible()
    walk.button("Resolve").click()
    expect(walk.button("Reopen")).to_be_visible()
    walk.snap("4-resolved")
    walk.go("/errors?status=resolved")
    expect(page.get_by_text(SAID).first).to_be_visible()
    walk.snap("5-inbox-resolved")
    page.goto(address)
    walk.button("Reopen").click()
    expect(walk.button("Resolve")).to_be_visible()


def operator(walk: Walker, desk: JourneyDesk) -> None:
    """From watching to all is well: watch, an alert, judge, act, confirm."""
    walk.journey = "operator"
    page = walk.page
    walk.go("/status")
    expect(page.locator(".charts figure").first).to_be_visible()
    walk.snap("1-watch-status")
    walk.go("/sources")
    expect(page.get_by_text("usermod").first).to_be_visible()
    walk.snap("2-watch-sources")
    walk.go("/errors")
    expect(page.locator("#errors-open")).not_to_be_empty()
    expect(page.locator(".error-type", has_text="UpstreamTimeout").first).to_be_visible()
    walk.snap("3-alert-inbox")
    page.locator(".error-type", has_text="UpstreamTimeout").first.click()
    expect(page.locator(".facts").first).to_be_visible()
    walk.snap("4-judge-error")
    walk.go("/logs/patterns?q=" + quote("since:1h level:>=warn"))
    expect(page.locator(".pattern").first).to_be_visible()
    walk.snap("5-judge-patterns")
    walk.go("/errors?q=UpstreamTimeout")
    page.locator(".error-pick input").first.check()
    page.locator('.error-bulk [value="mute"]').click()
    expect(page.get_by_role("status").first).to_be_visible()
    walk.snap("6-act-muted")
    # Put back for who walks next.
    walk.go("/errors?q=UpstreamTimeout&status=all")
    page.locator(".error-pick input").first.check()
    page.locator('.error-bulk [value="unmute"]').click()
    expect(page.get_by_role("status").first).to_be_visible()
    walk.go("/sources")
    stop = page.locator("tr", has_text="settle.log").locator("button").first
    stop.click()
    expect(
        page.locator("tr", has_text="settle.log").locator('form[action="/sources/start"]')
    ).to_be_visible()
    page.locator("tr", has_text="settle.log").locator("button").first.click()
    expect(
        page.locator("tr", has_text="settle.log").locator('form[action="/sources/stop"]')
    ).to_be_visible()
    walk.snap("7-act-started-again")
    walk.go("/settings/audit")
    expect(page.get_by_text("file:").first).to_be_visible()
    walk.snap("8-confirm-audit")
    walk.go("/logs?q=" + quote("since:5m level:fatal container:api"))
    expect(page.locator("#none")).to_be_visible()
    walk.snap("9-confirm-quiet")


def reader(walk: Walker, desk: JourneyDesk) -> None:
    """The logs: search, a wrong search, filter, zoom, open, context, columns, live, menus."""
    walk.journey = "logs"
    page = walk.page
    walk.go("/logs?q=since:1h")
    expect(page.locator(".entries .entry").last).to_be_visible()
    walk.snap("1-hour")
    box = page.locator("#q")
    if walk.script:
        box.fill("")
        box.press_sequentially("level:")
        expect(page.locator("#complete [role=option]").first).to_be_visible()
        walk.snap("2-completing")
        box.fill("")
        box.press_sequentially("level:loud 주문")
        expect(page.locator("#wrong-now b").first).to_have_text("level:loud")
        walk.snap("3-wrong-typing")
    box.fill("level:loud 주문")
    box.press("Enter")
    expect(page.locator("#wrong")).to_be_visible()
    walk.snap("4-wrong-sent")
    walk.go("/logs?q=" + quote("since:1h level:>=warn"))
    page.locator(".histogram-bars a").nth(-8).focus()
    if walk.narrow:
        walk.button("Filters").click()
        expect(page.locator("#facets").get_by_role("link").first).to_be_visible()
        walk.snap("5-filters")
        walk.button("Close").click()
    page.locator(".histogram-bars a").nth(-8).press("Enter")
    page.wait_for_url("**until*")
    expect(page.locator(".histogram-chosen")).to_be_attached()
    walk.snap("6-zoomed")
    walk.go("/logs?q=" + quote("주문 예수금 since:1d"))
    walk.open_row("예수금")
    if walk.script:
        page.locator(".entry-context").first.click()
        expect(page.locator(".entry-detail .lines li, .entry-detail .near li").first).to_be_visible()
    walk.snap("7-row")
    walk.go("/logs?cols=status,service&wrap=1&q=" + quote("since:1h"))
    walk.snap("8-columns-wrapped")
    page.locator(".search summary", has_text=walk.say("All time")).or_(
        page.locator(".search .menu").nth(1).locator("summary")
    ).first.click()
    walk.snap("9-times")
    walk.go("/logs?q=since:1h")
    page.locator(".search .menu").first.locator("summary").click()
    walk.snap("10-views")
    walk.go("/logs?q=zzzzzz")
    expect(page.locator("#none")).to_be_visible()
    walk.snap("11-none")
    walk.go("/logs?live=1&q=" + quote("level:>=info"))
    if walk.script:
        expect(page.locator("#tail-state")).to_have_text(walk.say("Live: new lines appear here"))
        told = f"정산 주문 {time.time_ns() % 10**9}건 완료"
        with desk.log.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} INFO batch: {told}\n")
        expect(page.locator(".entries .entry-message", has_text=told)).to_be_visible()
    walk.snap("12-live")
    walk.go("/logs/views")
    walk.snap("13-views")
    if walk.script:
        page.keyboard.press("Control+k")
        page.locator("#palette-q").press_sequentially("에러" if walk.variant.locale == "ko-KR" else "err")
        expect(page.locator("#palette-found [role=option]").first).to_be_visible()
        walk.snap("14-palette")
    else:
        walk.go("/palette?q=err")
        walk.snap("14-palette")


def runs(walk: Walker, desk: JourneyDesk) -> None:
    """Runs of jobs: the list with its sums, one that goes on, one that failed; then how the pages look."""
    walk.journey = "runs"
    going, failed = desk.runs
    walk.go("/executions")
    expect(walk.page.locator(".run-job").first).to_be_visible()
    walk.snap("1-list")
    walk.go(f"/executions/{going}")
    expect(walk.page.get_by_text("settlement-2026-11-19.csv").first).to_be_visible()
    walk.snap("2-going")
    walk.go(f"/executions/{failed}")
    expect(walk.page.get_by_text("InsufficientBalance").first).to_be_visible()
    walk.snap("3-failed")
    walk.go("/trace/9d01f3aa")
    expect(walk.page.locator(".trace-lines li").first).to_be_visible()
    walk.snap("4-trace")
    walk.go("/settings")
    walk.snap("5-settings")
    walk.go("/settings/alerts")
    walk.snap("6-alerts")


def newcomer(walk: Walker) -> None:
    """The first minutes: nothing has come yet, each page says what will and how."""
    walk.journey = "first"
    for path in ("logs", "errors", "executions", "sources", "status"):
        walk.go(f"/{path}")
        expect(walk.page.locator("main").first).to_be_visible()
        walk.snap(path)
