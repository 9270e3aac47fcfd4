"""/errors, /errors/<group> and /trace/<id> in a real browser: acting, keys, hostile text, pictures."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Browser, Page, expect

from hantu.model import LogLevel
from hantu.service import Service
from tests import browser as chromium
from tests.browser import NARROW, reading, screens
from tests.web.desk import store
from tests.web.errordesk import HOUR_NS, MINUTE_NS, SECOND_NS, STACK, busy_day, kinds, record
from tests.web.test_browser_safety import HOSTILE

pytestmark = pytest.mark.browser
browser = chromium.browser

TYPES = "tr.error .error-type"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def numbers(service: Service) -> dict[str, int]:
    """The number of each type's group."""
    found = service.store.errors_after(0, most=1_000)
    return {each.record.error_type: each.group_no for each in found}


@pytest.fixture
def busy(service: Service) -> dict[str, int]:
    """A day's errors: one came back, one is resolved, one is muted."""
    now_ns = time.time_ns()
    day = busy_day(now_ns)
    store(service, [entry for entry in day if entry.time_ns < now_ns - HOUR_NS])
    own = numbers(service)["InsufficientBalance"]
    with_store = service.pipeline.with_store
    said = "예수금 확인을 주문 접수 때로 옮김. 1.8.2에서 배포"
    with_store(lambda kept: kept.note(own, said, at_ns=now_ns - 59 * MINUTE_NS, by="page"))
    with_store(lambda kept: kept.resolve(own, at_ns=now_ns - 58 * MINUTE_NS, by="page"))
    store(service, [entry for entry in day if entry.time_ns >= now_ns - HOUR_NS])
    every = numbers(service)
    reset, integrity = every["ConnectionReset"], every["IntegrityError"]
    with_store(lambda kept: kept.resolve(reset, at_ns=now_ns - 18 * HOUR_NS, by="hantu command line"))
    with_store(lambda kept: kept.mute(integrity, at_ns=now_ns, below_an_hour=10, by="page"))
    return every


def types(page: Page) -> list[str]:
    return page.locator(TYPES).all_inner_texts()


def test_ticked_errors_are_resolved_without_leaving_the_page(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, kinds(5))
    with reading(browser, base) as reader:
        page = reader.open("/errors")
        bulk = page.locator(".error-bulk")
        expect(bulk).to_be_hidden()
        page.get_by_role("checkbox").nth(0).check()
        page.get_by_role("checkbox").nth(2).check()
        expect(bulk).to_be_visible()
        page.evaluate("window.stays = true")
        bulk.get_by_role("button", name="Resolve").click()
        expect(page.locator(TYPES)).to_have_text(["Kind0003", "Kind0001", "Kind0000"])
        expect(page.get_by_role("status")).to_have_text("2 errors were resolved.")
        expect(page.locator("#errors-open")).to_have_text(re.compile(r"^3"))
        assert page.evaluate("window.stays") is True
        page.get_by_role("link", name="Resolved 2").click()
        expect(page.locator(TYPES)).to_have_text(["Kind0004", "Kind0002"])
        assert "status=resolved" in page.url
        page.get_by_role("button", name="Reopen Kind0004").click()
        expect(page.locator(TYPES)).to_have_text(["Kind0002"])
        assert reader.complaints == []


def test_everything_is_done_without_script(browser: Browser, service: Service, base: str) -> None:
    store(service, kinds(60))
    with reading(browser, base, script=False) as reader:
        page = reader.open("/errors")
        page.get_by_role("link", name="More errors").click()
        expect(page.locator(TYPES)).to_have_count(10)
        page.locator("#q").fill("kind0001")
        page.get_by_role("button", name="Search").click()
        assert page.url.endswith("/errors?q=kind0001")
        page.get_by_role("checkbox").check()
        page.locator(".error-bulk").get_by_role("button", name="Resolve").click()
        expect(page.get_by_role("status")).to_have_text("1 error was resolved.")
        assert "q=kind0001" in page.url
        page.get_by_role("link", name="Also search resolved and muted ones").click()
        page.get_by_role("link", name="Kind0001").click()
        page.get_by_role("button", name="Reopen").click()
        page.locator("summary", has_text="Mute").click()
        page.get_by_role("button", name="For 24 hours").click()
        expect(page.locator(".facts")).to_contain_text("until")
        page.get_by_role("button", name="Unmute").click()
        page.locator("summary", has_text="Mute").click()
        page.locator("#most").fill("25")
        page.locator(".error-rate").get_by_role("button").click()
        expect(page.locator(".facts")).to_contain_text("until more than 25 an hour")
        page.locator("#text").fill("서버를 다시 켬\n원인은 아직")
        page.get_by_role("button", name="Add a note").click()
        expect(page.locator(".error-note")).to_have_text("서버를 다시 켬\n원인은 아직")
        page.locator("#other").fill("3")
        page.get_by_role("button", name="Merge").click()
        expect(page.locator(".error-parts li")).to_have_count(2)
        page.get_by_role("button", name="Split off").last.click()
        expect(page.locator(".error-parts")).to_have_count(0)
        expect(page.locator(".error-history li")).to_have_count(9)


def test_keys_move_tick_and_resolve(browser: Browser, service: Service, base: str) -> None:
    store(service, kinds(4))
    with reading(browser, base) as reader:
        page = reader.open("/errors")
        page.keyboard.press("j")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.textContent") == "Kind0002"
        page.keyboard.press("k")
        page.keyboard.press("x")
        expect(page.get_by_role("checkbox").nth(0)).to_be_checked()
        page.keyboard.press("j")
        page.keyboard.press("r")
        expect(page.locator(TYPES)).to_have_text(["Kind0003", "Kind0001", "Kind0000"])
        page.wait_for_function("document.activeElement.textContent === 'Kind0001'")
        page.keyboard.press("m")
        page.get_by_role("button", name="For 1 hour").and_(page.locator(":visible")).click()
        expect(page.locator(TYPES)).to_have_text(["Kind0003", "Kind0000"])
        page.keyboard.press("/")
        page.keyboard.type("kind0000")
        page.keyboard.press("Enter")
        expect(page.locator(TYPES)).to_have_text(["Kind0000"])
        page.locator(TYPES).focus()
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Kind0000")
        assert reader.complaints == []


def test_choosing_a_filter_searches_at_once_and_back_leads_back(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, [record(), record("no answer", service="api", error_type="TimeoutError")])
    with reading(browser, base) as reader:
        page = reader.open("/errors")
        page.locator("#service").select_option("api")
        expect(page.locator(TYPES)).to_have_text(["TimeoutError"])
        assert page.url.endswith("/errors?service=api")
        # The form was exchanged with the list: a choice made before that has settled would be lost.
        page.wait_for_function("!document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')")
        page.locator("#level").select_option("critical")
        expect(page.locator(".empty")).to_contain_text("No error matches")
        page.go_back()
        expect(page.locator(TYPES)).to_have_text(["TimeoutError"])


def test_more_errors_come_beneath_those_that_are_read(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, kinds(120))
    with reading(browser, base) as reader:
        page = reader.open("/errors")
        page.get_by_role("link", name="More errors").click()
        expect(page.locator(TYPES)).to_have_count(100)
        page.get_by_role("link", name="More errors").click()
        expect(page.locator(TYPES)).to_have_count(120)
        expect(page.get_by_role("link", name="More errors")).to_have_count(0)
        assert types(page) == [f"Kind{number:04d}" for number in reversed(range(120))]
        assert reader.complaints == []


def test_hostile_text_stays_text_on_every_page_of_errors(
    browser: Browser, service: Service, base: str
) -> None:
    now_ns = time.time_ns()
    store(
        service,
        [
            record(
                text,
                error_type=text[:60],
                module=text[:60],
                service=f"s{at}{text[:40]}",
                stack_trace=f"{STACK}\n{text}",
                context={text: {text: text}},
                trace_id="t1",
                time_ns=now_ns + at * SECOND_NS,
                level=LogLevel.FATAL,
            )
            for at, text in enumerate(HOSTILE)
        ],
    )
    with reading(browser, base) as reader:
        reader.open("/errors")
        expect(reader.page.locator(TYPES)).to_have_count(len(HOSTILE))
        for number in range(1, len(HOSTILE) + 1):
            reader.open(f"/errors/{number}")
            page = reader.page
            said = page.locator(".error-said").inner_text()
            assert "\u202e" not in said
            assert page.locator("main :is(script, img, [onload], [hx-get])").count() == 0
            assert page.locator('main form[action="/status/cleanup"]').count() == 0
            assert not page.title().startswith("owned")
        reader.open("/trace/t1")
        expect(reader.page.locator(".trace-error")).to_have_count(len(HOSTILE))
        assert reader.page.locator("main :is(script, img, [onload], [hx-get])").count() == 0
        assert reader.complaints == []


def test_an_error_is_copied_whole(browser: Browser, service: Service, base: str) -> None:
    store(
        service, [record("주문 실패", stack_trace=STACK, trace_id="abc12345", context={"order": {"id": 7}})]
    )
    with reading(browser, base) as reader:
        reader.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = reader.open("/errors/1")
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        for text in (
            "InsufficientBalance: 주문 실패",
            "예수금이 모자람",
            '"id": 7',
            "(trace_id: abc12345)",
        ):
            assert text in copied


@pytest.mark.parametrize("locale", ["en-GB", "ko-KR"])
def test_no_page_of_errors_scrolls_sideways_on_a_phone(
    browser: Browser, busy: dict[str, int], base: str, locale: str
) -> None:
    paths = ("/errors", "/errors?status=all", "/errors?q=zzz", "/trace/abc12345", "/errors?since=soon")
    with reading(browser, base, size=NARROW, locale=locale, dark=True) as reader:
        for path in (*paths, *(f"/errors/{number}" for number in sorted(set(busy.values())))):
            page = reader.open(path)
            page.wait_for_load_state("networkidle")
            assert page.evaluate(SIDEWAYS) == 0, path
            assert page.locator("html").get_attribute("lang") == locale[:2]
        page = reader.open("/errors")
        page.get_by_role("checkbox").first.check()
        assert page.evaluate(SIDEWAYS) == 0
        page.locator("tr.error summary").first.click()
        assert page.evaluate(SIDEWAYS) == 0
        page.screenshot(path=chromium.SCREENS / f"errors-ticked-360-{locale[:2]}.png")
        assert [said for said in reader.complaints if "400" not in said] == []


def test_pictures_of_the_pages(browser: Browser, busy: dict[str, int], base: str) -> None:
    own = busy["InsufficientBalance"]
    for name, path in (
        ("errors", "/errors?status=all"),
        ("error", f"/errors/{own}"),
        ("trace", "/trace/abc12345"),
        ("errors-none", "/errors?q=zzz"),
    ):
        assert len(screens(browser, base, name, path)) == 8


def test_pictures_of_the_first_visit(browser: Browser, service: Service, base: str) -> None:
    assert len(screens(browser, base, "errors-first", "/errors")) == 8
