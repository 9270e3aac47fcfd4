"""/status tells where the disk is going, what rules keep, how old the last backup is."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from hantu.model import LogLevel
from hantu.service import Service
from tests.browser import NARROW, browser, reading, screens
from tests.web.desk import app_of, line, running_service, served, store

__all__ = ["browser"]

HOUR_NS = 3_600 * 10**9
# Memory may be the other sign: a process of tests has done much before.
WATCHED = re.compile(r"(One sign|Signs) to watch:")
RULES = ("journal:sshd.service=90d", "level:<=debug=12h")


def filled(service: Service, *, hours: int = 72) -> None:
    """Lines of three days, 40 an hour."""
    now_ns = time.time_ns()
    store(
        service,
        [
            line(
                f"request {number} took {number % 97} ms",
                time_ns=now_ns - hours * HOUR_NS + number * HOUR_NS // 40,
                source="docker" if number % 4 else "journal",
                source_id="shop" if number % 4 else "sshd.service",
                level=LogLevel(number % 4),
            )
            for number in range(hours * 40)
        ],
    )


def shown(service: Service) -> str:
    return app_of(service).test_client().get("/status").text


def test_a_young_file_has_no_forecast_and_says_why(service: Service) -> None:
    html = shown(service)
    assert "A forecast needs an hour of lines." in html
    assert "No daily backup is made: set backup_dir." in html


def test_the_forecast_is_a_sentence_and_a_bar(tmp_path: Path) -> None:
    with running_service(tmp_path / "data") as service:
        filled(service)
        html = shown(service)
    assert "a day: what is kept will come to about" in html
    assert "and there is room." in html
    assert 'class="outlook-now"' in html
    assert " a day</span>" in html


def test_a_file_that_will_not_fit_says_how_many_days_will(tmp_path: Path) -> None:
    with running_service(tmp_path / "data", retention_days=3000.0, retention_bytes=2**20) as service:
        filled(service)
        html = shown(service)
    assert "retention_bytes allows 1.0 MB, so about" in html
    assert "will be kept." in html


def test_rules_and_what_they_removed_are_shown(tmp_path: Path) -> None:
    with running_service(tmp_path / "data", retention=RULES) as service:
        filled(service)
        removed = service.cleanup(7, "age", rules=service.maintenance.rules)
        html = shown(service)
    assert 0 < removed < 72 * 40 // 2
    assert '<dt class="mono">journal:sshd.service</dt><dd>90 days</dd>' in html
    assert '<dt class="mono">level:&lt;=debug</dt><dd>12 h</dd>' in html
    assert "lines of level:&lt;=debug before " in html


def test_a_clean_up_by_hand_spares_what_a_rule_keeps_unless_it_is_said(tmp_path: Path) -> None:
    with running_service(tmp_path / "data", retention=("journal:sshd.service=90d",)) as service:
        filled(service)
        client = app_of(service).test_client()
        page = {"Origin": "http://localhost", "Referer": "http://localhost/status"}
        assert 'name="everything"' in client.get("/status").text
        assert client.post("/status/cleanup", data={"days": "1"}, headers=page).status_code == 303
        left = service.store.stats().by_source
        assert left["journal"] == 72 * 10
        assert left["docker"] < 72 * 30
        client.post("/status/cleanup", data={"days": "1", "everything": "1"}, headers=page)
        assert service.store.stats().by_source["journal"] < 72 * 10


def test_backups_show_their_age_and_their_failure(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    with running_service(tmp_path / "data", backup_dir=folder) as service:
        backups = service.maintenance.backups
        backups.run()
        html = shown(service)
        assert "1 of 7" in html
        assert "Last good one" in html
        assert "There is none of the last day." not in html
        (kept,) = backups.kept()
        old_s = time.time() - 30 * 3_600
        os.utime(kept.path, (old_s, old_s))
        service.started_ns -= 48 * HOUR_NS
        late = shown(service)
        assert "There is none of the last day." in late
        assert WATCHED.search(late)
        backups.failing = "the daily backup failed: the disk is full: /mnt/x.tar could not be written"
        failing = shown(service)
        assert "Older ones stay, and it is tried again in ten minutes:" in failing
        assert "/mnt/x.tar could not be written" in failing


def test_an_emergency_of_the_disk_is_at_the_top(tmp_path: Path) -> None:
    with running_service(tmp_path / "data") as service:
        service.disk.relieved = "the disk was full: freed the ballast, removed the 1,200 oldest lines"
        service.disk.removed = 1_200
        html = shown(service)
    assert "The disk was full, and 1,200 old lines were removed." in html
    assert WATCHED.search(html)


@pytest.mark.browser
def test_the_page_fits_a_phone(tmp_path: Path, browser: Browser) -> None:
    with running_service(
        tmp_path / "data", backup_dir=tmp_path / "backups", retention=RULES, retention_bytes=2**30
    ) as service:
        filled(service)
        service.cleanup(7, "age", rules=service.maintenance.rules)
        service.maintenance.backups.run()
        with served(app_of(service)) as port:
            base = f"http://localhost:{port}"
            for locale in ("en-GB", "ko-KR"):
                with reading(browser, base, size=NARROW, locale=locale) as reader:
                    page = reader.open("/status")
                    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
                    assert page.locator(".outlook figcaption").inner_text()
                    assert reader.complaints == []
            screens(browser, base, "status", "/status#disk")
