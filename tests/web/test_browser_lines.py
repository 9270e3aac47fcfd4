"""Rows of /logs in a real browser: far scrolling, repeats, the histogram, copying, sleeping."""

from __future__ import annotations

import json
import re
import time

import pytest
from playwright.sync_api import Browser, Page, expect

from hantu.model import LogEntry, LogLevel
from hantu.service import Service
from tests import browser as chromium
from tests.browser import AWAY, Reader, reading
from tests.waiting import wait_until
from tests.web.desk import line, store

pytestmark = pytest.mark.browser
browser = chromium.browser

SECOND_NS = 10**9
ROWS_MOST = 800
SLACK = 200
PAGE_ROWS = 100
RETRY = "connection refused: retrying in 5 s"
ENDS = {"older": "line 00001", "newer": "line 02700"}
LIVE = "Live: new lines appear here"
SHIFTS = (
    "window.shifts = [];"
    "new PerformanceObserver(list => { for (const one of list.getEntries())"
    " if (!one.hadRecentInput) window.shifts.push([one.value,"
    " ...one.sources.map(each => each.node && (each.node.className || each.node.nodeName))]); })"
    ".observe({ type: 'layout-shift', buffered: true });"
)
"""Collects the browser's layout shifts, those right after an act of the reader left aside."""
# What is read, and where it stands: it must stand there whatever is loaded around it.
PIN = (
    "() => { const top = document.querySelector('.entries-scroll').getBoundingClientRect().top;"
    " const row = [...document.querySelectorAll('.entries > .entry')]"
    ".find(one => one.getBoundingClientRect().top > top + 100);"
    " return [row.id, row.getBoundingClientRect().top]; }"
)
BLANKS = "[document.querySelector('.entries')].map(all => all.childNodes.length - all.children.length)[0]"
BY_ID = "id => document.getElementById(id).getBoundingClientRect().top"


def numbered(last: int) -> list[LogEntry]:
    """Lines `line 00001` …, a second apart, the last one now."""
    now_ns = time.time_ns()
    return [
        line(f"line {number:05d}", time_ns=now_ns - (last - number) * SECOND_NS)
        for number in range(1, last + 1)
    ]


def messages(page: Page) -> list[str]:
    all_texts = (
        "[...document.querySelectorAll('.entries .entry-message')].map(one => one.textContent.trim())"
    )
    return list(page.evaluate(all_texts))


def live(reader: Reader, query: str = "level:>=info") -> Page:
    page = reader.open(f"/logs?live=1&q={query}")
    expect(page.locator("#tail-state")).to_have_text(LIVE)
    return page


def in_order(found: list[str]) -> bool:
    """Whether these are numbered lines without one missing or doubled."""
    numbers = [int(text.split()[-1]) for text in found]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.promise("M41")
def test_far_scrolling_keeps_few_rows_and_moves_nothing_that_is_read(
    browser: Browser, service: Service, base: str
) -> None:
    """Up over thousands of lines and down again: rows are let go at the far end and come back."""
    store(service, numbered(2_700))
    with reading(browser, base) as reader:
        reader.page.add_init_script(SHIFTS)
        page = reader.open("/logs")
        page.wait_for_load_state("networkidle")
        pane = page.locator(".entries-scroll")
        page.evaluate("shifts.length = 0")
        for way in ("older", "newer"):
            while page.locator(f".entries-{way} a[data-more]").count():
                first, last = messages(page)[0], messages(page)[-1]
                # To just within the reach of loading, then what is read is held.
                pane.evaluate(
                    "(pane, up) => { const most = pane.scrollHeight - pane.clientHeight;"
                    " pane.scrollTop = up ? 700 : most - 700; }",
                    way == "older",
                )
                row, top = page.evaluate(PIN)
                page.wait_for_function(
                    "([first, last]) => { const all = document.querySelectorAll('.entries .entry-message');"
                    " return all[0].textContent.trim() !== first"
                    " || all[all.length - 1].textContent.trim() !== last; }",
                    arg=[first, last],
                )
                assert abs(page.evaluate(BY_ID, row) - top) < 1
                found = messages(page)
                assert len(found) <= ROWS_MOST + SLACK + PAGE_ROWS
                assert in_order(found)
            assert messages(page)[0 if way == "older" else -1] == ENDS[way]
        assert page.evaluate("shifts") == []
        # Rows that go take the blanks beside them along: each page would cost more than the one before.
        assert page.evaluate(BLANKS) < 2 * PAGE_ROWS
        assert reader.complaints == []


def test_the_newest_is_one_press_away_after_far_scrolling(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, numbered(2_600))
    with reading(browser, base) as reader:
        page = live(reader)
        pane = page.locator(".entries-scroll")
        while not page.locator(".entries-newer").count():
            seen = messages(page)[0]
            pane.evaluate("pane => { pane.scrollTop = 0; }")
            page.wait_for_function(
                "seen => document.querySelector('.entries .entry-message').textContent.trim() !== seen",
                arg=seen,
            )
        store(service, [line("meanwhile", time_ns=time.time_ns())])
        wait_until(lambda: "1 new" in page.evaluate("document.querySelector('.entries-new').textContent"))
        assert "meanwhile" not in messages(page)
        page.locator(".entries-new").click()
        expect(page.locator(".entry", has_text="meanwhile")).to_be_in_viewport()
        expect(page.locator("#tail-state")).to_have_text(LIVE)
        assert in_order(messages(page)[:-1])
        assert reader.complaints == []


@pytest.mark.promise("M35", "M41")
def test_repeats_that_arrive_are_counted_in_one_row_that_opens_to_their_times(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, [*numbered(5), line(RETRY, level=LogLevel.WARN, time_ns=time.time_ns())])
    with reading(browser, base) as reader:
        page = live(reader)
        row = page.locator(".entry", has_text=RETRY)
        for number in range(2, 8):
            store(service, [line(RETRY, level=LogLevel.WARN, time_ns=time.time_ns())])
            expect(row.locator(".pill-times")).to_have_text(f"×{number}")
        expect(row).to_have_count(1)
        row.locator(".entry-row").click()
        expect(row.locator(".repeats li")).to_have_count(7)
        # A row that is read stays as it is; what comes is counted when it is closed.
        store(service, [line(RETRY, level=LogLevel.WARN, time_ns=time.time_ns())])
        expect(page.locator(".entries-new")).to_have_text(re.compile("1 new"))
        expect(row.locator(".pill-times")).to_have_text("×7")
        row.locator(".entry-row").click()
        expect(row.locator(".pill-times")).to_have_text("×8")
        expect(row.locator(".entry-row")).to_be_focused()
        page.get_by_role("link", name="Fold", exact=True).click()
        expect(page.locator(".entry", has_text=RETRY)).to_have_count(8)
        expect(page.locator("#tail-state")).to_have_text(LIVE)
        store(service, [line(RETRY, level=LogLevel.WARN, time_ns=time.time_ns())])
        expect(page.locator(".entry", has_text=RETRY)).to_have_count(9)
        assert reader.complaints == []


def chosen(page: Page) -> tuple[str, str]:
    """The times in the search box."""
    value = page.locator("#q").input_value()
    since, until = re.findall(r"(?:since|until):(\S+)", value)
    return since, until


def test_a_time_is_chosen_by_dragging_and_by_keys_and_its_surroundings_stay_in_sight(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, numbered(600))
    with reading(browser, base) as reader:
        page = reader.open("/logs")
        bars = page.locator(".histogram-bars")
        box = bars.bounding_box()
        edges = page.locator("#histogram").get_attribute("data-edges")
        assert box is not None
        assert edges is not None
        parts = edges.split(" ")
        wide = box["width"] / (len(parts) - 1)
        page.mouse.move(box["x"] + 20.5 * wide, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 15.5 * wide, box["y"] + 25, steps=3)
        expect(page.locator(".histogram-drag")).to_have_attribute("width", "60")
        said = page.locator(".histogram-now").inner_text()
        page.keyboard.press("Escape")
        expect(page.locator(".histogram-drag")).to_have_count(0)
        page.mouse.up()
        assert page.locator("#q").input_value() == ""
        page.mouse.down()
        page.mouse.move(box["x"] + 20.5 * wide, box["y"] + 25, steps=3)
        page.mouse.up()
        page.wait_for_url("**since**")
        assert chosen(page) == (parts[15], parts[21])
        shown = [int(count) for count in re.findall(r"(\d+) lines$", said)]
        expect(page.locator("#count")).to_have_text(f"{shown[0]} lines")
        expect(page.locator(".histogram-chosen")).to_have_count(1)
        assert page.locator(".histogram-outside").count() > 0
        narrow = chosen(page)
        page.get_by_role("link", name="Zoom out").click()
        since, until = chosen(page)
        assert since < narrow[0] < narrow[1] < until
        page.locator('.histogram-bars a[tabindex="0"]').focus()
        for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowLeft"):
            page.keyboard.press(key)
        expect(page.locator(".histogram-drag")).to_have_attribute("width", "30")
        first = int(page.locator(".histogram-bars a:focus").get_attribute("data-at") or "")
        parts = (page.locator("#histogram").get_attribute("data-edges") or "").split(" ")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert chosen(page) == (parts[first], parts[first + 3])
        assert reader.complaints == []


def test_a_line_is_copied_as_text_json_and_command(browser: Browser, service: Service, base: str) -> None:
    text = 'first\nsecond "quoted"'
    store(service, [line(text, time_ns=time.time_ns(), metadata={"big": 9007199254740993})])
    with reading(browser, base) as reader:
        page = reader.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=base)
        page.clock.install()
        reader.open("/logs?q=first")
        page.locator(".entry-row").click()

        def copied(name: str) -> str:
            page.locator(".copies summary").click()
            page.locator(".copies").get_by_role("button", name=name, exact=True).click()
            expect(page.locator(".copies [role=status]")).to_have_text("Copied")
            page.clock.run_for(1_500)
            expect(page.locator(".copies[open]")).to_have_count(0)
            return str(page.evaluate("navigator.clipboard.readText()"))

        assert copied("Text") == text
        assert '"big":9007199254740993' in copied("JSON").replace(" ", "")
        assert copied("curl: this line").startswith(f"curl -sS {base}/api/logs/entry/")
        assert copied("curl: this search").endswith("--data-urlencode q=first")
        # Over plain HTTP from another machine there is no clipboard; what is selected can be copied.
        page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
        page.evaluate(
            "document.addEventListener('copy', () => { window.taken = getSelection().toString(); })"
        )
        page.locator(".copies summary").click()
        page.locator(".copies").get_by_role("button", name="Text", exact=True).click()
        expect(page.locator(".copies [role=status]")).to_have_text("Copied")
        assert page.evaluate("taken") == text
        # Where not even that is allowed, it stands there, selected.
        page.evaluate("document.execCommand = () => false")
        page.clock.run_for(1_500)
        expect(page.locator(".copies[open]")).to_have_count(0)
        page.locator(".copies summary").click()
        page.locator(".copies").get_by_role("button", name="JSON", exact=True).click()
        expect(page.locator(".copies [role=status]")).to_contain_text("copy by hand")
        assert json.loads(page.locator(".copies-text").input_value())["message"] == text
        assert reader.complaints == []


def test_the_context_is_searched_in_its_place(browser: Browser, service: Service, base: str) -> None:
    entries = numbered(150)
    bad = [line(f"failed {n}", level=LogLevel.ERROR, time_ns=entries[n].time_ns + 1) for n in (10, 140)]
    store(service, [*entries, *bad])
    with reading(browser, base) as reader:
        page = reader.open("/logs?q=%22line+00080%22")
        page.locator(".entry-row").click()
        expect(page.locator("details[open] .lines li")).to_have_count(11)
        page.keyboard.press("c")
        lines = page.locator(".near .lines")
        expect(lines.locator("li")).to_have_count(101)
        expect(lines.locator("[aria-current]")).to_be_in_viewport()
        page.get_by_label("Level", exact=True).select_option("error")
        expect(lines.locator("li > :last-child")).to_have_text(["failed 10", "line 00080", "failed 140"])
        page.get_by_label("Only lines with").fill("10")
        page.keyboard.press("Enter")
        expect(lines.locator("li > :last-child")).to_have_text(["failed 10", "line 00080"])
        expect(page.get_by_label("Only lines with")).to_be_focused()
        page.get_by_label("Only lines with").fill("level:loud")
        page.keyboard.press("Enter")
        expect(page.locator(".near-wrong")).to_contain_text("is no level")
        assert reader.complaints == []


def test_a_page_that_nobody_sees_lets_its_connection_go_and_misses_nothing(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, numbered(3))
    with reading(browser, base) as reader:
        page = reader.page
        page.add_init_script(AWAY)
        page.clock.install()
        live(reader)
        # A short look elsewhere changes nothing.
        page.evaluate("look(false)")
        page.clock.run_for(30_000)
        page.evaluate("look(true)")
        page.clock.run_for(60_000)
        assert page.evaluate("sockets.map(one => one.readyState)") == [1]
        page.evaluate("look(false)")
        page.clock.run_for(61_000)
        wait_until(lambda: service.tails.used == 0)
        page.clock.run_for(60_000)
        assert page.evaluate("sockets.length") == 1, "nobody asks while nobody looks"
        store(service, [line("unseen one"), line("unseen two"), line("quiet", level=LogLevel.DEBUG)])
        page.evaluate("look(true)")
        expect(page.locator(".entry", has_text="unseen")).to_have_count(2)
        assert page.evaluate("sockets.length") == 2
        # The machine sleeps: the connection looks open, but nothing comes through it any more.
        page.evaluate("sockets[1].onmessage = null")
        store(service, [line("asleep")])
        page.clock.fast_forward(600_000)
        page.clock.run_for(11_000)
        expect(page.locator(".entry", has_text="asleep")).to_have_count(1)
        expect(page.locator("#tail-state")).to_have_text(LIVE)
        assert messages(page)[-3:] == ["unseen one", "unseen two", "asleep"]
