"""A real Chromium for tests, and pictures of pages for people."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.parts import require

CHROMIUM: Final = "/usr/bin/chromium"
ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCREENS: Final = Path(__file__).parent.parent / "build" / "screens"
WIDE: Final = (1440, 900)
NARROW: Final = (360, 740)
AWAY: Final = (
    "window.away = false;"
    "Object.defineProperty(document, 'hidden', { get: () => window.away });"
    "window.look = seen => { window.away = !seen; document.dispatchEvent(new Event('visibilitychange')); };"
    "const Real = WebSocket; window.sockets = [];"
    "window.WebSocket = function (url) { const made = new Real(url); sockets.push(made); return made; };"
)
"""Script of a page: look(false) hides it, and its WebSockets are in `sockets`."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, one for all tests of a file."""
    require("Chromium", shutil.which(CHROMIUM) is not None, f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()


class Reader:
    """One page of a browser with what went wrong in it: console errors, CSP violations, exceptions."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: object) -> None:
        if getattr(message, "type", "") in ("error", "warning"):
            self.complaints.append(getattr(message, "text", ""))

    def open(self, path: str) -> Page:
        """Go to a page of the server."""
        self.page.goto(self.base + path)
        return self.page


@contextmanager
def reading(
    browser: Browser,
    base: str,
    *,
    size: Sequence[int] = WIDE,
    locale: str = "en-GB",
    dark: bool = False,
    script: bool = True,
) -> Iterator[Reader]:
    """A reader in a fresh profile."""
    context: BrowserContext = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale=locale,
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
    )
    try:
        yield Reader(context.new_page(), base)
    finally:
        context.close()


def screens(browser: Browser, base: str, name: str, path: str) -> list[Path]:
    """Pictures of a page, wide and narrow, light and dark, English and Korean, in build/screens."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    taken: list[Path] = []
    for size in (WIDE, NARROW):
        for dark in (False, True):
            for locale in ("en-GB", "ko-KR"):
                with reading(browser, base, size=size, dark=dark, locale=locale) as reader:
                    page = reader.open(path)
                    page.wait_for_load_state("load")
                    file = SCREENS / f"{name}-{size[0]}-{'dark' if dark else 'light'}-{locale[:2]}.png"
                    page.screenshot(path=file)
                    taken.append(file)
    return taken
