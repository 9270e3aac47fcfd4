"""No page complains, breaks its own policy, or asks another host; a live view never jumps."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from hantu.model import LogLevel
from tests import browser as chromium
from tests.browser import NARROW, WIDE, Reader, reading
from tests.web.desk import line, store
from tests.web.fulldesk import FullDesk, full_desk

pytestmark = pytest.mark.browser
browser = chromium.browser

# The browser's own word for a page that is there to say 404 or 400.
EXPECTED = re.compile(r"Failed to load resource: .* status of (404|400) ")
VIOLATIONS = (
    "window.violations = [];"
    "document.addEventListener('securitypolicyviolation', event =>"
    " window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));"
)
SHIFTS = (
    "window.shifts = [];"
    "new PerformanceObserver(list => { for (const one of list.getEntries())"
    " window.shifts.push([one.value, ...one.sources.map(each => each.node && each.node.className)]); })"
    ".observe({ type: 'layout-shift', buffered: true });"
)
# Pages that are not of this desk: they answer with bytes, lead elsewhere, or end what they show.
NO_PAGE = re.compile(
    r"^/(api|ws|static|healthz|metrics|login|logout)|/(rows|summary|facet|skipped|detail)$"
)
STORM = 60
EACH = 50
ROWS_MOST = 700


@pytest.fixture(scope="module")
def desk() -> Iterator[FullDesk]:
    with tempfile.TemporaryDirectory(prefix="hantu-") as folder, full_desk(Path(folder) / "data") as made:
        yield made


def paths(desk: FullDesk) -> list[str]:
    """Every page: those of the desk, and every route without a parameter."""
    rules = [
        rule.rule
        for rule in desk.app.url_map.iter_rules()
        if not rule.arguments and "GET" in (rule.methods or ()) and not NO_PAGE.search(rule.rule)
    ]
    return list(dict.fromkeys([*desk.pages.values(), *rules]))


class Listener:
    """What a page asked of whom, and what the browser blocked."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._host = urlsplit(reader.base).netloc
        self.others: list[str] = []
        reader.page.add_init_script(VIOLATIONS)
        reader.page.on("request", lambda request: self._asked(request.url))
        reader.page.on("websocket", lambda socket: self._asked(socket.url))

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        # data: is the browser's own picture, as of a search box's cross.
        if parts.scheme != "data" and parts.netloc != self._host:
            self.others.append(url)

    def wrong(self, page: Page) -> list[str]:
        """What was wrong since this was last asked."""
        found = [said for said in self._reader.complaints if not EXPECTED.search(said)]
        found += [f"asked {url}" for url in self.others] + page.evaluate("violations")
        self._reader.complaints.clear()
        self.others.clear()
        return found


@pytest.mark.parametrize(
    ("size", "dark", "locale"),
    [(WIDE, False, "en-GB"), (NARROW, True, "ko-KR")],
    ids=["wide-english", "phone-korean"],
)
def test_no_page_complains_or_asks_another_host(
    browser: Browser, desk: FullDesk, size: tuple[int, int], dark: bool, locale: str
) -> None:
    found: dict[str, list[str]] = {}
    with reading(browser, desk.base, size=size, dark=dark, locale=locale) as reader:
        listener = Listener(reader)
        walked = paths(desk)
        for path in walked:
            page = reader.open(path)
            page.wait_for_load_state("load")
            if wrong := listener.wrong(page):
                found[path] = wrong
    assert len(walked) > 20
    assert found == {}


def test_a_page_that_breaks_its_policy_would_be_found(browser: Browser, desk: FullDesk) -> None:
    with reading(browser, desk.base) as reader:
        listener = Listener(reader)
        page = reader.open("/status")
        page.evaluate(
            "() => { const image = new Image(); image.src = 'http://127.0.0.1:9/x.png';"
            " document.body.append(image);"
            " const script = document.createElement('script'); script.textContent = 'window.ran = 1';"
            " document.body.append(script); }"
        )
        page.wait_for_function("() => violations.length >= 2")
        assert any("img-src http://127.0.0.1:9" in said for said in listener.wrong(page))
        assert page.evaluate("window.ran") is None


@pytest.mark.promise("M35", "M41")
def test_a_live_view_never_jumps(browser: Browser, desk: FullDesk) -> None:
    """Thousands of lines come, old ones go, counts change: nothing moves but the rows that come."""
    with reading(browser, desk.base) as reader:
        page = reader.page
        page.add_init_script(SHIFTS)
        reader.open("/logs?live=1&q=level:>=trace")
        expect(page.locator("#tail-state")).to_have_text("Live: new lines appear here")
        page.wait_for_load_state("networkidle")
        page.evaluate("shifts.length = 0")
        for number in range(STORM):
            now_ns = time.time_ns()
            levels = [LogLevel(at % 6) for at in range(EACH)]
            texts = [f"storm {number} {at}" for at in range(EACH)]
            store(
                desk.service,
                [
                    line(text, level=level, time_ns=now_ns)
                    for text, level in zip(texts, levels, strict=True)
                ],
            )
        page.wait_for_function(
            "text => { const last = document.querySelector('.entries').lastElementChild,"
            " foot = document.querySelector('.entries-foot').getBoundingClientRect().top;"
            " return last.textContent.includes(text) && last.getBoundingClientRect().bottom <= foot + 1; }",
            arg=f"storm {STORM - 1} {EACH - 1}",
        )
        page.wait_for_function(
            "most => document.querySelectorAll('.entries > .entry').length <= most", arg=ROWS_MOST
        )
        assert page.evaluate("shifts") == []
        assert reader.complaints == []
