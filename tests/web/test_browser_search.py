"""The search side of /logs in a real browser: completion, views, times, filters, export, patterns."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Browser, Page, expect

from hantu.model import LogEntry, LogLevel
from hantu.service import Service
from tests import browser as chromium
from tests.browser import NARROW, SCREENS, WIDE, reading, screens
from tests.web.desk import line, store

pytestmark = pytest.mark.browser
browser = chromium.browser

SECOND_NS = 10**9
# A picker of files cannot be used without a person.
NO_PICKER = "delete window.showSaveFilePicker"


@pytest.fixture
def base(base: str, service: Service) -> str:
    store(service, sample())
    return base


def sample() -> list[LogEntry]:
    """Two days of some programs; `disk quota` is only of the last hour."""
    now_ns = time.time_ns()
    lines = [
        line(
            f"GET /api/v1/orders/{n} 200 in {n % 90} ms",
            source="docker",
            source_id="hantu-api",
            time_ns=now_ns - (240 - n) * 720 * SECOND_NS,
            metadata={"status": 200 if n % 5 else 502, "user": {"id": n % 4}, "region": "seoul"},
        )
        for n in range(240)
    ]
    lines += [
        line(
            f"주문 실패: 잔고 부족 (계좌 {n})",
            source="docker",
            source_id="hantu-scheduler",
            level=LogLevel.ERROR,
            time_ns=now_ns - (20 - n) * 7_200 * SECOND_NS,
        )
        for n in range(20)
    ]
    lines += [
        line(
            f"disk quota exceeded by {n} MB",
            level=LogLevel.FATAL,
            time_ns=now_ns - (9 - n) * 60 * SECOND_NS,
        )
        for n in range(3)
    ]
    return sorted(lines, key=lambda each: each.time_ns)


def options(page: Page) -> list[str]:
    return page.locator("#complete [role=option] > :first-child").all_inner_texts()


def test_the_box_completes_fields_values_and_searches_from_before(browser: Browser, base: str) -> None:
    with reading(browser, base) as reader:
        page = reader.open("/logs")
        box, listed = page.locator("#q"), page.locator("#complete")
        page.keyboard.press("/")
        expect(listed).to_be_hidden()
        box.press_sequentially("lev")
        expect(listed).to_be_visible()
        expect(box).to_have_attribute("aria-expanded", "true")
        # Tab takes the first; after a field its values come at once.
        page.keyboard.press("Tab")
        expect(box).to_have_value("level:")
        expect(listed.get_by_role("option").first).to_contain_text("level:fatal")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        chosen = box.get_attribute("aria-activedescendant")
        expect(page.locator(f"#{chosen}")).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Enter")
        expect(box).to_have_value("level:error ")
        expect(listed).to_be_hidden()
        assert "q=" not in page.url
        # Escape closes the list and leaves the text; a further Enter searches.
        box.press_sequentially("hantu")
        expect(listed).to_be_visible()
        page.keyboard.press("Escape")
        expect(listed).to_be_hidden()
        expect(box).to_be_focused()
        expect(box).to_have_value("level:error hantu")
        box.press_sequentially("-s")
        expect(listed).to_be_visible()
        listed.get_by_role("option").first.click()
        expect(box).to_have_value("level:error container:hantu-scheduler ")
        page.keyboard.press("Enter")
        page.wait_for_url("**q=level**")
        expect(page.locator("#count")).to_contain_text("20 lines")
        # What was searched for is offered again.
        page = reader.open("/logs")
        page.locator("#q").press_sequentially("le")
        expect(page.locator("#complete [role=option]").first).to_contain_text("searched before")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url("**q=level**")
        expect(page.locator("#q")).to_have_value("level:error container:hantu-scheduler")
        assert reader.complaints == []


def test_a_list_that_is_late_completes_the_word_as_it_stands(browser: Browser, base: str) -> None:
    """Typing never waits: the list may be that of a shorter word."""
    with reading(browser, base) as reader:
        page = reader.open("/logs")
        box, listed = page.locator("#q"), page.locator("#complete")
        for word, taken in (("v", "level:"), ("x", "lex")):
            box.fill("")
            box.press_sequentially("le")
            expect(listed.get_by_role("option").first).to_contain_text("level:")
            # Nothing more is answered, as when the server is slow.
            page.route("**/logs/complete?*", lambda route: None)
            box.press_sequentially(word)
            expect(listed).to_be_visible()
            page.keyboard.press("Tab")
            expect(box).to_have_value(taken)
            expect(listed).to_be_hidden()
            page.unroute("**/logs/complete?*")
        assert reader.complaints == []


def test_what_is_wrong_is_said_while_typing_and_mended_by_a_click(browser: Browser, base: str) -> None:
    with reading(browser, base, size=NARROW, locale="ko-KR", dark=True) as reader:
        page = reader.open("/logs")
        box, said = page.locator("#q"), page.locator("#wrong-now")
        expect(said).to_have_attribute("role", "status")
        box.press_sequentially("level:loud 주문")
        expect(said.locator("p").first).to_contain_text("loud")
        expect(said.locator("b").first).to_have_text("level:loud")
        expect(box).to_have_attribute("aria-invalid", "true")
        expect(box).to_have_attribute("aria-describedby", "wrong-now")
        SCREENS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENS / "wrong-typing-360-dark-ko.png")
        # The box keeps the focus, and the text of the click is right.
        said.get_by_role("button", name="level:error 주문").click()
        expect(box).to_have_value("level:error 주문")
        expect(box).to_be_focused()
        expect(said).to_be_empty()
        expect(box).not_to_have_attribute("aria-invalid", "true")
        # A word that goes on is not wrong yet; by its suggestion it never becomes so.
        box.fill("")
        box.press_sequentially("level:err")
        expect(page.locator("#complete [role=option]").first).to_contain_text("level:error")
        page.keyboard.press("Tab")
        expect(box).to_have_value("level:error ")
        expect(said).to_be_empty()
        # Elsewhere it is out of the way, back at the box it is there again.
        box.fill("(a")
        box.dispatch_event("input")
        expect(said.locator("b").first).to_have_text("(")
        box.evaluate("box => box.blur()")
        expect(said).to_be_empty()
        box.focus()
        expect(said.locator("b").first).to_have_text("(")
        assert page.url.endswith("/logs"), "nothing was sent"
        assert reader.complaints == []


def test_completion_leaves_a_syllable_that_is_being_composed_alone(browser: Browser, base: str) -> None:
    with reading(browser, base, locale="ko-KR") as reader:
        page = reader.open("/logs")
        box = page.locator("#q")
        box.focus()
        session = page.context.new_cdp_session(page)
        asked: list[str] = []
        page.on(
            "request", lambda request: asked.append(request.url) if "/complete" in request.url else None
        )
        for syllable in ("ㅈ", "주"):
            session.send(
                "Input.imeSetComposition", {"text": syllable, "selectionStart": 1, "selectionEnd": 1}
            )
        box.press("ArrowDown")
        expect(box).to_have_value("주")
        assert asked == []
        session.send("Input.insertText", {"text": "주"})
        box.press_sequentially(" lev")
        expect(page.locator("#complete [role=option]").first).to_contain_text("level:")
        page.keyboard.press("Tab")
        expect(box).to_have_value(re.compile("주 level:$"))
        assert reader.complaints == []


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_view_is_saved_opened_and_made_the_first_page(
    browser: Browser, base: str, size: tuple[int, int]
) -> None:
    korean = size is NARROW
    words = (
        ("뷰", "이 뷰의 이름", "시작 화면으로", "삭제")
        if korean
        else ("Views", "Name of this view", "Begin with it", "Remove")
    )
    menu, name, begin, remove = words
    with reading(browser, base, size=size, locale="ko-KR" if korean else "en-GB", dark=korean) as reader:
        page = reader.open("/logs?q=level:error since:7d&cols=status")
        page.locator(".search summary", has_text=menu).click()
        page.get_by_label(name).fill("오늘의 에러")
        page.get_by_label(begin).check()
        with page.expect_navigation():
            page.keyboard.press("Enter")
        page = reader.open("/")
        assert "cols=status" in page.url
        page.locator(".search summary", has_text=menu).click()
        saved = page.locator(".menu-views a", has_text="오늘의 에러")
        expect(saved).to_have_attribute("aria-current", "true")
        box = saved.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        page = reader.open("/logs/views")
        assert page.evaluate("document.documentElement.scrollWidth") == size[0]
        with page.expect_navigation():
            page.get_by_role("button", name=remove).click()
        expect(page.locator(".views")).to_have_count(0)
        assert reader.complaints == []


def test_the_browsers_zone_is_chosen_and_a_time_picked_in_it(browser: Browser, base: str) -> None:
    context = browser.new_context(
        timezone_id="Asia/Seoul", locale="en-GB", viewport={"width": 1440, "height": 900}
    )
    try:
        page = context.new_page()
        page.goto(f"{base}/logs?q=quota")
        before = page.locator(".entry-time").last.get_attribute("datetime")
        page.locator(".search summary", has_text="All time").click()
        page.get_by_label("Time zone").select_option(label="This browser's (Asia/Seoul)")
        with page.expect_navigation():
            page.get_by_role("button", name="Use this zone").click()
        after = page.locator(".entry-time").last.get_attribute("datetime")
        assert after is not None
        assert before is not None
        assert after.endswith("+09:00")
        now = "el => new Date(el.getAttribute('datetime')).toLocaleTimeString('en-GB')"
        shown = page.locator(".entry-time").last
        assert shown.inner_text().startswith(shown.evaluate(now))
        page.locator(".search summary", has_text="All time").click()
        page.get_by_label("From", exact=True).fill(after[:19])
        with page.expect_navigation():
            page.get_by_role("button", name="Show this time").click()
        expect(page.locator("#q")).to_have_value(f"quota since:{after[:19]}+09:00")
        expect(page.locator(".entries .entry")).to_have_count(1)
    finally:
        context.close()


def test_filters_are_added_and_alt_excludes(browser: Browser, base: str) -> None:
    with reading(browser, base) as reader:
        page = reader.open("/logs?q=since:7d")
        page.locator("#facet-name").fill("region")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        added = page.locator(".facet[data-field=region]")
        expect(added.locator(".facet-value")).to_have_text(["seoul"])
        expect(added.locator(".facet-percent")).to_have_text(["91 %"])
        with page.expect_navigation():
            added.locator(".facet-value").click(modifiers=["Alt"])
        expect(page.locator("#q")).to_have_value("since:7d -region:seoul")
        expect(page.locator("#count")).to_contain_text("23 lines")
        expect(page.locator(".facet[data-field=region] .facet-out")).to_be_visible()
        assert reader.complaints == []


@pytest.mark.parametrize("form", ["JSON lines", "CSV", "Text"])
def test_an_export_tells_how_far_it_is_and_saves_every_line(browser: Browser, base: str, form: str) -> None:
    with reading(browser, base) as reader:
        reader.page.add_init_script(NO_PICKER)
        page = reader.open("/logs?q=orders")
        page.locator(".search-note summary", has_text="Export").click()
        with page.expect_download() as download:
            page.get_by_role("link", name=form).click()
        expect(page.locator(".export-said")).to_have_text("Done: 240 lines")
        expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
        saved = download.value.path().read_text("utf-8")
        assert len(saved.splitlines()) == 240 + (form == "CSV")
        assert download.value.suggested_filename.startswith("hantu-logs.")
        assert reader.complaints == []


def test_a_slow_export_is_cancelled(browser: Browser, base: str) -> None:
    with reading(browser, base) as reader:
        reader.page.add_init_script(
            f"{NO_PICKER}; const ask = window.fetch; window.fetch = async (url, options) => {{"
            "  if (!String(url).includes('/export')) return ask(url, options);"
            "  const endless = new ReadableStream({ pull(into) {"
            "    if (options.signal.aborted) into.error(new DOMException('gone', 'AbortError'));"
            "    else into.enqueue(new TextEncoder().encode('{}\\n'));"
            "    return new Promise((go) => setTimeout(go, 5));"
            "  } });"
            "  return new Response(endless, { headers: { 'X-Hantu-Lines': '100000' } }); };"
        )
        page = reader.open("/logs?q=orders")
        page.locator(".search-note summary", has_text="Export").click()
        page.get_by_role("link", name="JSON lines").click()
        expect(page.locator(".export-said")).to_have_text(re.compile(r"^[1-9]\d* of about 100,000 lines$"))
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator(".export-said")).to_have_text("Cancelled.")
        expect(page.locator(".export-progress")).to_be_hidden()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_patterns_lead_from_many_lines_to_what_is_new(
    browser: Browser, base: str, size: tuple[int, int]
) -> None:
    with reading(browser, base, size=size) as reader:
        page = reader.open("/logs?q=since:1h")
        page.get_by_role("link", name="Patterns").click()
        page.wait_for_url("**/logs/patterns?*")
        new = page.locator(".pattern", has=page.locator(".pattern-new"))
        expect(new).to_have_count(1)
        expect(new).to_contain_text("disk quota exceeded by ‹…› MB")
        assert page.evaluate("document.documentElement.scrollWidth") == size[0]
        page.get_by_role("link", name="Hide this pattern").first.click()
        page.wait_for_url("**q=since*-*")
        page.go_back()
        new.get_by_role("link", name="disk quota").click()
        page.wait_for_url("**/logs?*")
        expect(page.locator(".entries .entry")).to_have_count(3)
        assert reader.complaints == []


def test_the_search_works_without_script(browser: Browser, base: str) -> None:
    with reading(browser, base, script=False) as reader:
        page = reader.open("/logs?q=orders")
        page.locator(".search-note summary", has_text="Columns").click()
        page.get_by_label("status", exact=True).check()
        page.get_by_role("button", name="Show these columns").click()
        expect(page.locator(".entries .entry-columns").last).to_have_text("200")
        page.locator(".search summary", has_text="Views").click()
        page.get_by_label("Name of this view").fill("orders")
        page.get_by_role("button", name="Save this view").click()
        page.locator(".search summary", has_text="Views").click()
        expect(page.locator(".menu-views a", has_text="orders")).to_have_attribute("aria-current", "true")
        page.locator("#facet-name").fill("region")
        page.locator(".facet-add button").click()
        expect(page.locator(".facet[data-field=region] .facet-value")).to_have_text(["seoul"])


def test_pictures_of_the_patterns(browser: Browser, base: str) -> None:
    assert len(screens(browser, base, "patterns", "/logs/patterns?q=since:1h")) == 8
