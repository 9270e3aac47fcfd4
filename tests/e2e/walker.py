"""Somebody who walks through the pages and takes a picture at each step: journey-step-variant.png."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Locator, Page, expect

from hantu.web.korean import TEXTS
from tests.browser import NARROW, SCREENS, WIDE, Reader

SIDEWAYS: Final = "document.documentElement.scrollWidth - innerWidth"
PATIENCE_MS: Final = 30_000
"""A machine that does much else at once is slow, not wrong."""


@dataclass(frozen=True, slots=True)
class Variant:
    """How the pages are read."""

    size: Sequence[int] = WIDE
    dark: bool = False
    locale: str = "en-GB"
    script: bool = True

    @property
    def name(self) -> str:
        """As it stands in the names of pictures."""
        theme = "dark" if self.dark else "light"
        return f"{self.size[0]}-{theme}-{self.locale[:2]}{'' if self.script else '-plain'}"


EVERY: Final = tuple(
    Variant(size, dark, locale, script)
    for script in (True, False)
    for size in (WIDE, NARROW)
    for dark in (False, True)
    for locale in ("en-GB", "ko-KR")
)
FEW: Final = (
    (
        Variant(WIDE, dark=False, locale="ko-KR"),
        Variant(NARROW, dark=True, locale="en-GB"),
        Variant(NARROW, dark=True, locale="ko-KR", script=False),
    ),
    (
        Variant(WIDE, dark=True, locale="en-GB"),
        Variant(NARROW, dark=False, locale="ko-KR"),
        Variant(WIDE, dark=False, locale="en-GB", script=False),
    ),
)
"""Two choices in which each size, theme and language is met, with and without script: journeys take them in
turn, and between them meet each pair."""


class Walker:
    """journey: of the steps that follow. whole: pictures of whole pages, not of what a screen holds."""

    def __init__(self, reader: Reader, variant: Variant, *, whole: bool) -> None:
        self.reader = reader
        self.page: Page = reader.page
        self.variant = variant
        self.whole = whole
        self.journey = ""
        self.wrong: list[str] = []
        self.page.set_default_timeout(PATIENCE_MS)

    @property
    def script(self) -> bool:
        """Whether scripts run."""
        return self.variant.script

    @property
    def narrow(self) -> bool:
        """Whether it is a phone."""
        return self.variant.size == NARROW

    def say(self, text: str) -> str:
        """A text of the pages in the reader's language."""
        return TEXTS[text] if self.variant.locale == "ko-KR" else text

    def go(self, path: str) -> Page:
        """Open an address of the service."""
        return self.reader.open(path)

    def button(self, text: str) -> Locator:
        """The first button of that name."""
        return self.page.get_by_role("button", name=self.say(text), exact=True).first

    def link(self, text: str) -> Locator:
        """The first link of that name."""
        return self.page.get_by_role("link", name=self.say(text)).first

    def snap(self, step: str) -> None:
        """Take the picture of a step; note when the page is wider than the screen."""
        name = f"{self.journey}-{step}-{self.variant.name}"
        self.page.evaluate("document.fonts.ready")
        if (sideways := self.page.evaluate(SIDEWAYS)) > 0:
            self.wrong.append(f"{name}: {sideways} px to scroll sideways")
        SCREENS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENS / f"{name}.png", full_page=self.whole)

    def row(self, text: str) -> Locator:
        """The newest row of a search with this text."""
        return self.page.locator(".entries .entry", has_text=text).last

    def open_row(self, text: str) -> None:
        """Open a row to its whole line: in place, or without script on its page."""
        row = self.row(text)
        row.locator("summary").first.click()
        if not self.script:
            row.locator(".entry-detail a").first.click()
        expect(self.page.locator(".entry-actions").first).to_be_visible()
