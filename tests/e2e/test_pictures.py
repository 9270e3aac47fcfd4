"""The pictures in the documentation: taken from the pages as they are, and noticed when a page has changed.

`make pictures` takes them anew. Beside them, docs/img/outline.json has the words of each page that do not
depend on its data (headings, buttons, labels, heads of columns); a test compares them with today's page."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from bench.corpus import SPAN_NS, START_NS, Corpus
from hantu.collect.base import CollectorState, CollectorStatus
from hantu.service import Service
from hantu.store.error_base import ErrorQuery
from hantu.web import command
from tests import browser as chromium
from tests.browser import NARROW, WIDE, reading
from tests.running import ROOT
from tests.web.desk import app_of, running_service, served, store
from tests.web.errordesk import busy_day
from tests.web.executiondesk import going, month

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
browser = chromium.browser

FOLDER: Final = ROOT / "docs" / "img"
OUTLINE: Final = FOLDER / "outline.json"
TAKING: Final = os.environ.get("HANTU_PICTURES") == "take"
HOUR_NS: Final = 3600 * 10**9
LINES: Final = 4_000
_PICTURE: Final = re.compile(r"\((?:docs/)?img/([\w-]+)\.png\)")

# What is of the data and not of the page: rows, values, what a program wrote.
WORDS: Final = """
() => {
  const data = '.entries, tbody, pre, code, dl, time, .timeline, .facet-values, .chart, svg, option';
  const marks = 'kbd, .count, .visually-hidden, svg, input, select, option';
  const shown = [...document.querySelectorAll('h1, h2, h3, button, label, th, summary, nav a')]
    .filter(each => !each.closest(data) && each.offsetParent !== null)
    .map(each => {
      const copy = each.cloneNode(true);
      copy.querySelectorAll(marks).forEach(one => one.remove());
      return copy.textContent.replace(/\\s+/g, ' ').trim();
    });
  return [...new Set(shown.filter(text => text && !/[0-9]/.test(text)))].sort();
}
"""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture. path: of the page, with the keys of `Desk.names` in braces. opens: what is clicked."""

    name: str
    path: str
    locale: str = "en-GB"
    dark: bool = False
    size: tuple[int, int] = WIDE
    opens: str = ""


SHOTS: Final = (
    Shot("logs", "/logs?since=1h"),
    Shot("logs-ko", "/logs?since=1h", locale="ko-KR"),
    Shot("logs-dark", "/logs?q=level:>=warn", dark=True),
    Shot("row", "/logs?q=trace:abc12345", opens=".entries .entry-error summary"),
    Shot("errors", "/errors"),
    Shot("error", "/errors/{error}"),
    Shot("error-phone-ko", "/errors/{error}", locale="ko-KR", dark=True, size=NARROW),
    Shot("executions", "/executions"),
    Shot("execution", "/executions/{run}"),
    Shot("trace", "/trace/5be20c77"),
    Shot("sources", "/sources"),
    Shot("status", "/status"),
)


@dataclass(frozen=True, slots=True)
class Desk:
    """A service as after a busy hour. names: of what its pages show."""

    base: str
    names: dict[str, str]


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with (
        tempfile.TemporaryDirectory(prefix="hantu-") as folder,
        pytest.MonkeyPatch.context() as patch,
        running_service(Path(folder)) as service,
    ):
        # Pages tell what to type as it is where hantu is installed.
        patch.setattr(command.shutil, "which", lambda name: f"/usr/local/bin/{name}")
        patch.setattr(command, "_place", lambda _config: ())
        app = app_of(service)
        now_ns = time.time_ns()
        _an_hour(service, now_ns)
        store(service, busy_day(now_ns))
        month(service, now_ns)
        run = going(service, app, now_ns).run
        service.manager.statuses = lambda: _collectors(now_ns)  # type: ignore[method-assign]
        groups = service.store.errors(ErrorQuery()).groups
        error = next(group for group in groups if "예수금" in group.message)
        with served(app) as port:
            yield Desk(f"http://127.0.0.1:{port}", {"run": run.id, "error": str(error.group_no)})


def _an_hour(service: Service, now_ns: int) -> None:
    entries = []
    for entry in Corpus().entries(LINES):
        age = max(0.0, 1 - (entry.time_ns - START_NS) / SPAN_NS)
        entries.append(msgspec.structs.replace(entry, time_ns=now_ns - 10 * 10**9 - int(age * HOUR_NS)))
    store(service, entries)


def _collectors(now_ns: int) -> list[CollectorStatus]:
    def one(key: str, name: str, source: str, **parts: Any) -> CollectorStatus:
        given: dict[str, Any] = {
            "state": CollectorState.COLLECTING,
            "since_ns": now_ns - 26 * HOUR_NS,
            "last_ns": now_ns - 2 * 10**9,
            "lag_s": 0.08,
        }
        return CollectorStatus(key=key, name=name, source=source, **(given | parts))

    return [
        one(
            "docker:api",
            "api",
            "docker",
            source_id="api",
            lines=114_201,
            per_minute=312.0,
            detail="shop/api:2.4",
        ),
        one(
            "docker:scheduler", "scheduler", "docker", source_id="scheduler", lines=59_011, per_minute=88.0
        ),
        one("docker:nginx", "nginx", "docker", source_id="nginx", lines=29_204, per_minute=140.0),
        one(
            "journal",
            "journal",
            "journal",
            source_id="",
            lines=50_222,
            per_minute=21.0,
            detail="14 units seen",
        ),
        one(
            "file:/var/log/shop/*.log",
            "/var/log/shop/*.log",
            "file",
            source_id="",
            state=CollectorState.RECONNECTING,
            error="no permission to read /var/log/shop/orders.log",
            fix="sudo setfacl -m u:hantu:r /var/log/shop/orders.log",
        ),
    ]


def pictured() -> dict[str, list[Path]]:
    """The pictures that the documentation shows, and where."""
    found: dict[str, list[Path]] = {}
    for page in [*ROOT.glob("README*.md"), *(ROOT / "docs").glob("*.md")]:
        for name in _PICTURE.findall(page.read_text("utf-8")):
            found.setdefault(name, []).append(page)
    return found


def test_every_picture_is_one_of_today() -> None:
    names = {shot.name for shot in SHOTS}
    assert pictured().keys() == names, "each picture is shown somewhere, and each one shown is taken"
    assert {path.stem for path in FOLDER.glob("*.png")} == names
    assert json.loads(OUTLINE.read_text("utf-8")).keys() == names


@pytest.mark.parametrize("shot", SHOTS, ids=[shot.name for shot in SHOTS])
def test_a_picture_shows_the_page_as_it_is(browser: Browser, desk: Desk, shot: Shot) -> None:
    with reading(browser, desk.base, size=shot.size, locale=shot.locale, dark=shot.dark) as reader:
        page = reader.open(shot.path.format(**desk.names))
        page.wait_for_load_state("networkidle")
        if shot.opens:
            page.locator(shot.opens).first.click()
            expect(page.locator(".entry-detail h3").first).to_be_visible()
        words = page.evaluate(WORDS)
        if TAKING:
            _take(page, shot.name, words)
        assert len(words) > 4
        known = json.loads(OUTLINE.read_text("utf-8"))[shot.name]
        assert words == known, f"{shot.path} has changed: take its picture anew with `make pictures`"
        assert reader.complaints == []


def _take(page: Page, name: str, words: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=FOLDER / f"{name}.png")
    known = json.loads(OUTLINE.read_text("utf-8")) if OUTLINE.exists() else {}
    kept = {shot.name for shot in SHOTS}
    known = {each: known[each] for each in known if each in kept} | {name: words}
    OUTLINE.write_text(json.dumps(known, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
