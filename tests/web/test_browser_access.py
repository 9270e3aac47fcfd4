"""Every page for everybody: axe-core finds nothing, phones need not scroll sideways, keys reach all.

axe-core 4.14.1 (MPL-2.0) lies in tests/vendor."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.exceptions import NotFound

from tests import browser as chromium
from tests.browser import NARROW, WIDE, reading
from tests.running import ROOT
from tests.web.desk import app_of, running_service, served
from tests.web.fulldesk import FullDesk, full_desk

pytestmark = pytest.mark.browser
browser = chromium.browser

AXE: Final = (ROOT / "tests" / "vendor" / "axe-core-4.14.1.min.js").read_text("utf-8")
FIND: Final = """
() => axe.run(document, {resultTypes: ["violations"]}).then(found =>
  found.violations.flatMap(each => each.nodes.map(node => {
    const why = node.any.concat(node.all, node.none)[0];
    return `${each.id}: ${node.target.join(" ")}: ${why && why.message}`;
  })))
"""
# Controls that stand alone; links within words and ticks within their labels are reached by these.
SMALL: Final = """
() => [...document.querySelectorAll("button, input, select, summary, .button, nav a, .top a")]
  .filter(each => each.offsetParent && !each.closest(".visually-hidden, .skip, .entry-detail"))
  .filter(each => !(each.matches("[type=checkbox], [type=radio]") && each.closest("label")))
  .map(each => [each, each.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && box.height > 1 && Math.round(box.height) < 36)
  .map(([each, box]) => `${each.tagName} ${each.className} ${box.width} x ${box.height}`)
"""
SIDEWAYS: Final = "document.documentElement.scrollWidth - innerWidth"
WALKS: Final = ((WIDE, False, "en-GB"), (NARROW, True, "ko-KR"))
# What is no page: for programs, and parts that htmx asks for.
NO_PAGES: Final = ("/api/", "/static/", "/ws/", "/healthz", "/metrics")
PARTS: Final = {
    "/",
    "/errors/<uuid:error_id>",
    "/executions/artifacts/<uuid:artifact_id>",
    "/executions/sums",
    "/logs/<uuid:entry_id>/detail",
    "/logs/complete",
    "/logs/facet",
    "/logs/rows",
    "/logs/skipped",
    "/logs/summary",
    "/login",
}
# What opens on each page before it is looked at.
OPENS: Final = {
    "logs": (".entries .entry-error summary", ".menu > summary"),
    "errors": (".menu > summary",),
    "executions": (".menu > summary",),
}


@pytest.fixture(scope="module")
def desk() -> Iterator[FullDesk]:
    with tempfile.TemporaryDirectory(prefix="hantu-") as folder, full_desk(Path(folder) / "data") as made:
        yield made


def violations(page: Page) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found: list[str] = page.evaluate(FIND)
    return found


def opened(page: Page, name: str) -> None:
    """Open what the page has to open."""
    for selector in OPENS.get(name, ()):
        if page.locator(selector).count():
            page.locator(selector).first.click()


def look(page: Page, name: str, size: tuple[int, int], found: dict[str, list[str]]) -> None:
    """Put what is wrong with the page as it stands into `found`."""
    wrong = violations(page)
    sideways = page.evaluate(SIDEWAYS)
    if sideways > 0:
        wrong.append(f"{sideways} px to scroll sideways")
    if size == NARROW:
        wrong += page.evaluate(SMALL)
    if wrong:
        found[f"{name} {size[0]}"] = wrong


@pytest.mark.parametrize(("size", "dark", "locale"), WALKS, ids=["wide-light-english", "phone-dark-korean"])
def test_every_page_is_for_everybody(
    browser: Browser, desk: FullDesk, size: tuple[int, int], dark: bool, locale: str
) -> None:
    found: dict[str, list[str]] = {}
    with reading(browser, desk.base, size=size, dark=dark, locale=locale) as reader:
        for name, path in desk.pages.items():
            page = reader.open(path)
            opened(page, name)
            look(page, name, size, found)
    assert found == {}


def test_no_page_is_left_out(desk: FullDesk) -> None:
    """A new page is looked at, too."""
    rules = {rule.rule for rule in desk.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    pages = {rule for rule in rules if not rule.startswith(NO_PAGES)} - PARTS
    adapter = desk.app.url_map.bind("localhost")
    walked = set()
    for path in desk.pages.values():
        with contextlib.suppress(NotFound):
            rule, _ = adapter.match(path.partition("?")[0], return_rule=True)
            walked.add(rule.rule)
    assert pages - walked == set()


def test_those_who_sign_in_find_pages_for_everybody(browser: Browser, tmp_path: Path) -> None:
    found: dict[str, list[str]] = {}
    with running_service(tmp_path / "data") as service, served(app_of(service)) as port:
        for size, dark, locale in WALKS:
            with reading(
                browser, f"http://127.0.0.1:{port}", size=size, dark=dark, locale=locale
            ) as reader:
                if service.setup.open:
                    page = reader.open(f"/setup?token={service.setup.token}")
                    page.locator("[name=password]").fill("correct horse battery")
                    page.locator("[name=again]").fill("correct horse battery")
                else:
                    page = reader.open("/login?next=/settings")
                    look(page, "login", size, found)
                    page.locator("[name=name]").fill("admin")
                    page.locator("[name=password]").fill("correct horse battery")
                page.locator("main form button").first.click()
                page.wait_for_url(re.compile(r"/(logs|settings)"))
                for name in ("accounts", "tokens", "sessions", "audit"):
                    look(reader.open(f"/settings/{name}"), name, size, found)
    assert found == {}


def test_high_contrast_and_roomy_pages_are_for_everybody(browser: Browser, desk: FullDesk) -> None:
    found: dict[str, list[str]] = {}
    with reading(browser, desk.base, size=NARROW) as reader:
        cookies = {"contrast": "high", "density": "roomy", "theme": "light"}
        reader.page.context.add_cookies(
            [{"name": name, "value": value, "url": desk.base} for name, value in cookies.items()]
        )
        for name in ("logs", "errors", "execution", "status", "settings"):
            page = reader.open(desk.pages[name])
            assert page.evaluate("document.documentElement.dataset.contrast") == "high"
            wrong = [*violations(page), *(["sideways"] if page.evaluate(SIDEWAYS) > 0 else [])]
            if wrong:
                found[name] = wrong
    assert found == {}


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "phone"])
def test_the_palette_goes_anywhere(browser: Browser, desk: FullDesk, size: tuple[int, int]) -> None:
    with reading(browser, desk.base, size=size, locale="ko-KR") as reader:
        page = reader.open("/status")
        dialog = page.get_by_role("dialog", name="이동")
        box, options = page.locator("#palette-q"), page.locator("#palette-found [role=option]")
        if size == WIDE:
            page.keyboard.press("Control+k")
        else:
            page.get_by_role("link", name="이동").click()
        expect(dialog).to_be_visible()
        expect(box).to_be_focused()
        expect(options.first).to_be_visible()
        assert violations(page) == []
        assert page.evaluate(SIDEWAYS) <= 0
        box.fill("ㅇㅅㄱ")
        first = options.first
        expect(first).to_contain_text("예수금")
        expect(first).to_have_attribute("aria-selected", "true")
        assert box.get_attribute("aria-activedescendant") == first.get_attribute("id")
        page.keyboard.press("ArrowDown")
        expect(options.nth(1)).to_have_attribute("aria-selected", "true")
        page.keyboard.press("ArrowUp")
        if size == NARROW:
            chromium.SCREENS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=chromium.SCREENS / "palette-360.png")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"/errors/\d+$"))
        assert reader.complaints == []


def test_the_palette_changes_colours_where_one_is(browser: Browser, desk: FullDesk) -> None:
    with reading(browser, desk.base) as reader:
        page = reader.open("/errors?status=all")
        page.keyboard.press("Control+k")
        options = page.locator("#palette-found [role=option]")
        page.locator("#palette-q").fill("dark")
        expect(options.first).to_have_text(re.compile("Dark colours"))
        chromium.SCREENS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=chromium.SCREENS / "palette-1440.png")
        page.keyboard.press("Enter")
        page.wait_for_selector("html[data-theme=dark]")
        assert page.url.endswith("/errors?status=all")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 20, 22)"
        page.keyboard.press("Control+k")
        expect(page.get_by_role("dialog", name="Go to")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name="Go to")).to_be_hidden()


def test_the_keys_of_a_page_are_shown_on_every_page(browser: Browser, desk: FullDesk) -> None:
    with reading(browser, desk.base) as reader:
        for name, own in (
            ("logs", "next error"),
            ("errors", "resolve or reopen"),
            ("status", "go anywhere"),
        ):
            page = reader.open(desk.pages[name])
            page.keyboard.press("?")
            keys = page.get_by_role("dialog", name="Keys")
            expect(keys).to_be_visible()
            expect(keys).to_contain_text(own)
            expect(keys).to_contain_text("Ctrl K")
            assert violations(page) == []
            page.keyboard.press("Escape")
            expect(keys).to_be_hidden()


def test_focus_is_seen_wherever_it_goes(browser: Browser, desk: FullDesk) -> None:
    unseen: dict[str, list[str]] = {}
    with reading(browser, desk.base) as reader:
        for name in ("logs", "errors", "error", "executions", "sources", "settings"):
            page = reader.open(desk.pages[name])
            for _ in range(25):
                page.keyboard.press("Tab")
                told = page.evaluate(
                    """() => {
                      const at = document.activeElement, look = getComputedStyle(at);
                      const box = at.getBoundingClientRect();
                      const ring = look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 1;
                      const seen = at === document.body || (ring && box.width > 0);
                      return seen ? "" : at.outerHTML.slice(0, 90);
                    }"""
                )
                if told:
                    unseen.setdefault(name, []).append(told)
    assert unseen == {}


def test_a_browser_would_put_hantu_on_a_home_screen(browser: Browser, desk: FullDesk) -> None:
    with reading(browser, desk.base, size=NARROW) as reader:
        page = reader.open("/errors")
        chrome = page.context.new_cdp_session(page)
        manifest = chrome.send("Page.getAppManifest")
        assert manifest["url"].startswith(f"{desk.base}/static/manifest.webmanifest")
        assert manifest["errors"] == []
        against = chrome.send("Page.getInstallabilityErrors")["installabilityErrors"]
        # A fresh profile of a test is a private window, which installs nothing.
        assert [each["errorId"] for each in against] in ([], ["in-incognito"])
