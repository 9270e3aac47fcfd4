"""/logs in a browser: lines with numbers, the rows that are shown."""

from __future__ import annotations

import time

from playwright.sync_api import Page

from hantu.model import LogEntry
from tests.web.desk import line

SECOND_NS = 10**9
ABOVE_PX = "el => el.getBoundingClientRect().top"


def numbered(first: int, last: int, **parts: object) -> list[LogEntry]:
    """Lines `line 0001` …, a second apart, the last one now."""
    now_ns = time.time_ns()
    return [
        line(f"line {number:04d}", time_ns=now_ns - (last - number) * SECOND_NS, **parts)
        for number in range(first, last + 1)
    ]


def messages(page: Page) -> list[str]:
    """What the rows of the page say."""
    found = page.locator(".entries .entry-message").all_text_contents()
    return [text.strip() for text in found]
