"""Draw the icons of a home screen from static/icon.svg: `python -m tests.icons`. Needs Chromium."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import sync_playwright

from hantu.paths import STATIC
from tests.browser import ARGUMENTS, CHROMIUM

GROUND: Final = "#2350c0"
# Name, size, and how much of it the drawing takes: phones cut a maskable one to their own shape.
ICONS: Final = (
    ("icon-192", 192, 1.0),
    ("icon-512", 512, 1.0),
    ("maskable-512", 512, 0.7),
    ("apple-180", 180, 0.8),
)


def draw() -> None:
    """Write static/icons/*.png."""
    drawing = (STATIC / "icon.svg").read_text(encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for name, size, part in ICONS:
            page = browser.new_page(viewport={"width": size, "height": size})
            ground = "transparent" if part == 1.0 else GROUND
            page.set_content(
                f"<style>body{{margin:0;display:grid;place-items:center;height:100vh;background:{ground}}}"
                f"svg{{width:{part:.0%};height:{part:.0%}}}</style>{drawing}"
            )
            page.screenshot(path=STATIC / "icons" / f"{name}.png", omit_background=True)
        browser.close()


if __name__ == "__main__":
    draw()
