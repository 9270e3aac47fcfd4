"""The live view of /logs in a real browser under load, each line counted; older lines on a phone."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Browser, Page, expect

from hantu.model import LogEntry
from hantu.service import Service
from tests import browser as chromium
from tests.browser import AWAY, NARROW, Reader, reading
from tests.waiting import wait_until
from tests.web.desk import line, store

pytestmark = pytest.mark.browser
browser = chromium.browser

LIVE = "Live: new lines appear here"
HOUR_NS = 3_600 * 10**9
AT_ONCE = 300
ROWS_MOST = 700
SHOWN_S = 30.0
NUMBERS = (
    "[...document.querySelectorAll('.entries > .entry .entry-message')]"
    ".map(one => Number(one.textContent.trim()))"
)
SKIPPED = (
    "[...document.querySelectorAll('.skipped')]"
    ".reduce((sum, one) => sum + Number(one.dataset.count || 0), 0)"
)
# What is read, and where it stands.
PIN = (
    "() => { const row = [...document.querySelectorAll('.entries > .entry')]"
    ".find(one => one.getBoundingClientRect().top > 100);"
    " return [row.id, row.getBoundingClientRect().top]; }"
)
NEAR_TOP = "scrollTo(0, scrollY + document.querySelector('.entries').getBoundingClientRect().top + 600)"
BLANKS = "[document.querySelector('.entries')].map(all => all.childNodes.length - all.children.length)[0]"
BY_ID = "id => document.getElementById(id).getBoundingClientRect().top"


def lines(first: int, count: int, **parts: object) -> list[LogEntry]:
    """Lines whose message is their number, a microsecond apart from now on."""
    now_ns = time.time_ns()
    return [
        line(str(number), time_ns=now_ns + (number - first) * 1_000, **parts)
        for number in range(first, first + count)
    ]


def pour(service: Service, first: int, count: int) -> None:
    """A flood: AT_ONCE lines after the other."""
    for at in range(first, first + count, AT_ONCE):
        store(service, lines(at, min(AT_ONCE, first + count - at)))


def live(reader: Reader) -> Page:
    page = reader.open("/logs?live=1&q=level:>=info&fold=0")
    expect(page.locator("#tail-state")).to_have_text(LIVE)
    return page


def numbers(page: Page) -> list[int]:
    return list(page.evaluate(NUMBERS))


def load_bands(page: Page) -> None:
    """Press each "N lines skipped" until all of them are there."""
    while page.locator(".skipped a").count():
        band = page.locator(".skipped a").last
        target = band.get_attribute("href")
        band.click()
        expect(page.locator(f'.skipped a[href="{target}"]')).to_have_count(0)


def climb(page: Page) -> list[int]:
    """Scroll up to the first line, loading each band on the way; gives all numbers that were seen."""
    seen: set[int] = set()
    while True:
        load_bands(page)
        seen.update(numbers(page))
        if not page.locator(".entries-older").count():
            return sorted(seen)
        first = numbers(page)[0]
        page.evaluate("document.querySelector('.entries-scroll').scrollTop = 0")
        page.wait_for_function(f"first => ({NUMBERS})[0] !== first", arg=first)


def waiting(page: Page, said: str) -> None:
    """Wait until so many are said to be new."""
    wait_until(lambda: said in page.evaluate("document.querySelector('.entries-new').textContent"), SHOWN_S)


def following(page: Page, last: int) -> None:
    """Wait until the newest line is shown."""
    wait_until(lambda: numbers(page)[-1] == last and len(numbers(page)) <= ROWS_MOST, SHOWN_S)


@pytest.mark.promise("M35", "M37", "M41")
def test_a_flood_leaves_few_rows_and_no_line_uncounted(
    browser: Browser, service: Service, base: str
) -> None:
    """Seen, read above, hidden, cut off: each line is a row, or counted in a band or beside "new"."""
    store(service, lines(1, 20))
    with reading(browser, base) as reader:
        reader.page.add_init_script(AWAY)
        page = live(reader)
        pour(service, 21, 1_180)
        following(page, 1_200)
        assert page.evaluate(BLANKS) < AT_ONCE
        shown = numbers(page)
        assert shown == sorted(set(shown))
        # Between the first row and the last one each line is there, or counted in a band.
        assert len(shown) + page.evaluate(SKIPPED) == 1_200 - shown[0] + 1
        # Above, nothing moves and all that comes is counted.
        page.locator(".entries-scroll").evaluate("pane => { pane.scrollTop -= 300; }")
        pour(service, 1_201, 900)
        waiting(page, "900 new")
        assert numbers(page) == shown
        page.locator(".entries-new").click()
        following(page, 2_100)
        expect(page.locator(".entries-new")).to_be_hidden()
        # So it is while nobody looks, and over a broken connection.
        page.evaluate("look(false)")
        pour(service, 2_101, 50)
        waiting(page, "50 new")
        page.evaluate("look(true)")
        following(page, 2_150)
        page.evaluate("sockets[0].close()")
        pour(service, 2_151, 60)
        following(page, 2_210)
        assert page.evaluate("sockets.length") == 2
        assert climb(page) == list(range(1, 2_211))
        assert [said for said in reader.complaints if "Invalid frame header" not in said] == []


@pytest.mark.promise("M41")
def test_a_line_of_another_time_is_found_again_when_the_list_has_let_go_of_it(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, lines(1, 20))
    with reading(browser, base) as reader:
        page = live(reader)
        # A clock that is an hour ahead: of all lines the newest, though others arrive after it.
        store(service, [line("21", time_ns=time.time_ns() + HOUR_NS)])
        following(page, 21)
        for first in range(22, 922, 150):
            store(service, lines(first, 150))
            following(page, first + 149)
        assert 21 not in numbers(page)
        assert climb(page) == list(range(1, 922))
        assert reader.complaints == []


def test_on_a_phone_older_lines_load_while_one_scrolls_and_the_search_can_be_reached(
    browser: Browser, service: Service, base: str
) -> None:
    store(service, lines(1, 450))
    with reading(browser, base, size=NARROW) as reader:
        page = reader.open("/logs?fold=0")
        assert numbers(page)[0] == 351
        # To just within the reach of loading: what is read stays where it is.
        page.mouse.wheel(0, -1)
        page.evaluate(NEAR_TOP)
        row, top = page.evaluate(PIN)
        page.wait_for_function(f"() => ({NUMBERS})[0] === 251")
        assert abs(page.evaluate(BY_ID, row) - top) < 2
        # The search is above the rows; whoever came there is not pushed away.
        page.get_by_role("link", name="Search ↑").click()
        expect(page.locator("#q")).to_be_in_viewport()
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert numbers(page)[0] == 251
        while page.locator(".entries-older").count():
            first = numbers(page)[0]
            page.evaluate(NEAR_TOP)
            page.wait_for_function(f"first => ({NUMBERS})[0] !== first", arg=first)
        assert numbers(page) == list(range(1, 451))
        assert reader.complaints == []
