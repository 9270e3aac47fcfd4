"""/logs in a browser: its service's address, lines with numbers, the rows that are shown."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from hantu.model import LogEntry
from hantu.service import Service
from tests.web.desk import app_of, line, served

SECOND_NS = 10**9
ABOVE_PX = "el => el.getBoundingClientRect().top"


@pytest.fixture
def base(service: Service) -> Iterator[str]:
    """Where the pages are."""
    with served(app_of(service)) as port:
        yield f"http://127.0.0.1:{port}"


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
