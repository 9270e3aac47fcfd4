"""/executions, /executions/<id> and a run in /trace/<id> in a real browser: live, keys, files, pictures."""

from __future__ import annotations

import re
import time

import flask
import pytest
from playwright.sync_api import Browser, expect

from hantu.executions import Change, ExecutionStatus
from hantu.model import LogLevel
from hantu.service import Service
from tests import browser as chromium
from tests.browser import NARROW, reading, screens
from tests.web.desk import store
from tests.web.executiondesk import (
    JOBS,
    MINUTE_NS,
    SECOND_NS,
    Going,
    going,
    line_of,
    month,
    put,
    with_file,
)
from tests.web.rundesk import runner
from tests.web.test_browser_safety import HOSTILE

pytestmark = pytest.mark.browser
browser = chromium.browser

SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
ROWS = "tr.run .run-job"


@pytest.fixture
def busy(service: Service, app: flask.Flask) -> Going:
    """A month of runs, and one that goes on."""
    now_ns = time.time_ns()
    month(service, now_ns)
    return going(service, app, now_ns)


@pytest.mark.promise("M119")
def test_a_run_is_followed_to_its_end_without_a_reload(
    browser: Browser, service: Service, base: str, busy: Going
) -> None:
    run = busy.run
    with reading(browser, base) as reader:
        page = reader.open(f"/executions/{run.id}")
        expect(page.locator("#tail-state")).to_have_text("Live: new lines appear here")
        page.evaluate("window.stays = true")
        expect(page.locator(".entry")).to_have_count(5)
        page.locator("summary", has_text="Prompt").click()
        asked = page.locator(".run-asked").first
        expect(asked).not_to_have_attribute("open", "")
        now_ns = time.time_ns()
        store(service, [line_of(run, now_ns, LogLevel.INFO, "정산 끝")])
        store(service, [line_of(busy.failed, now_ns, LogLevel.INFO, "of another run")])
        expect(page.locator(".entry").last).to_contain_text("정산 끝")
        expect(page.locator(".entry")).to_have_count(6)
        end = Change(status=ExecutionStatus.COMPLETED, output="주문 1,204건", output_tokens=3_000)
        service.pipeline.with_store(lambda kept: kept.change_execution(run.id, end, at_ns=now_ns))
        expect(page.locator("h1 + p .state")).to_have_text("Completed")
        expect(page.locator("#run-results pre")).to_have_text("주문 1,204건")
        expect(page.locator(".figures")).to_contain_text("3,000")
        expect(page.locator(".timeline li")).to_have_count(3)
        expect(page.get_by_role("button", name="Cancel run")).to_have_count(0)
        expect(asked).not_to_have_attribute("open", "")
        assert page.locator("[hx-trigger^='every']").count() == 0
        assert page.evaluate("window.stays") is True
        assert reader.complaints == []


def test_files_are_looked_at_and_saved(browser: Browser, base: str, busy: Going) -> None:
    with reading(browser, base) as reader:
        page = reader.open(f"/executions/{busy.run.id}")
        files = page.locator("#run-results tbody tr")
        expect(files).to_have_count(3)
        files.nth(1).locator("summary").click()
        expect(files.nth(1).locator("pre")).to_have_text("# 정산 요약\n\n계좌 87개, 주문 1,204건\n")
        files.nth(2).locator("summary").click()
        expect(files.nth(2).locator("img")).to_have_js_property("naturalWidth", 320)
        with page.expect_download() as saved:
            files.nth(1).get_by_role("link", name="정산요약.md").click()
        assert saved.value.suggested_filename == "정산요약.md"
        assert saved.value.path().read_text().startswith("# 정산 요약")
        # What is looked at stays while the run goes on.
        with page.expect_response(lambda answer: "?at=" in answer.url):
            pass
        expect(files.nth(1).locator("pre")).to_be_visible()
        assert reader.complaints == []


def test_a_run_is_cancelled_and_what_was_over_says_so(
    browser: Browser, service: Service, base: str
) -> None:
    now_ns = time.time_ns()
    run = put(service, status=ExecutionStatus.RUNNING, created_ns=now_ns - MINUTE_NS)
    late = put(service, status=ExecutionStatus.RUNNING, created_ns=now_ns - MINUTE_NS)
    with reading(browser, base, script=False) as reader:
        page = reader.open(f"/executions/{run.id}")
        page.get_by_role("button", name="Cancel run").click()
        expect(page.locator("h1 + p .state")).to_have_text("Cancelled")
        expect(page.locator(".timeline li").last).to_contain_text("on this page")
        page = reader.open(f"/executions/{late.id}")
        end = Change(status=ExecutionStatus.COMPLETED)
        service.pipeline.with_store(lambda kept: kept.change_execution(late.id, end, at_ns=now_ns))
        page.get_by_role("button", name="Cancel run").click()
        expect(page.locator(".mend")).to_contain_text("It was over already")
        expect(page.locator("h1 + p .state")).to_have_text("Completed")


def test_the_list_is_searched_filtered_and_paged_without_script(
    browser: Browser, base: str, busy: Going
) -> None:
    with reading(browser, base, script=False) as reader:
        page = reader.open("/executions")
        expect(page.locator(ROWS)).to_have_count(20)
        page.get_by_role("link", name="Next page").click()
        assert page.url.endswith("/executions?page=2")
        expect(page.locator(".run-pages")).to_contain_text("page 2 of 4")
        page.get_by_role("link", name="Last").click()
        expect(page.locator(ROWS)).to_have_count(17)
        page.locator("summary", has_text="Filters").click()
        page.get_by_label("Failed").check()
        page.get_by_label("Cancelled").check()
        page.get_by_label("Created from").fill("30d")
        page.get_by_role("button", name="Show").click()
        assert page.url.endswith("/executions?status=FAILED%2CCANCELLED&createdAfter=30d")
        expect(page.locator(ROWS)).to_have_count(11)
        page.get_by_role("link", name="Failed, Cancelled").click()
        assert page.url.endswith("/executions?createdAfter=30d")
        page.locator("#q").fill("InsufficientBalance")
        page.get_by_role("button", name="Search").click()
        expect(page.locator(ROWS)).to_have_text([JOBS[0]])
        page.locator(ROWS).click()
        expect(page.locator("h1")).to_have_text(JOBS[0])


def test_keys_move_and_a_choice_searches_at_once(browser: Browser, base: str, busy: Going) -> None:
    with reading(browser, base) as reader:
        page = reader.open("/executions")
        page.keyboard.press("j")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.textContent") == "mail-digest"
        page.keyboard.press("k")
        assert page.evaluate("document.activeElement.textContent") == JOBS[0]
        page.locator("#job").select_option("backup")
        page.wait_for_url("**/executions?jobName=backup")
        expect(page.locator(ROWS)).to_have_text(["backup"] * 15)
        page.locator("#order").select_option("Oldest first")
        page.wait_for_url("**/executions?jobName=backup&sortBy=createdAt&sortOrder=asc")
        page.keyboard.press("/")
        page.keyboard.type("없는말")
        page.keyboard.press("Enter")
        expect(page.locator(".empty")).to_contain_text("No run matches")
        page.go_back()
        expect(page.locator(ROWS)).to_have_count(15)
        assert reader.complaints == []


def test_sums_of_a_long_list_come_after_it(
    browser: Browser, base: str, busy: Going, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hantu.web.executions.SUMS_AT_ONCE", 10)
    with reading(browser, base) as reader:
        page = reader.open("/executions")
        expect(page.locator(".run-chart")).to_have_count(3)
        expect(page.locator(".run-sums .facts")).to_contain_text("77")
        page.locator(".run-parts a", has_text="backup").click()
        page.wait_for_url("**/executions?jobName=backup")
        assert reader.complaints == []
    with reading(browser, base, script=False) as reader:
        page = reader.open("/executions")
        page.get_by_role("link", name="Show tokens and cost").click()
        expect(page.locator(".run-chart")).to_have_count(3)


def test_hostile_text_stays_text_on_every_page_of_runs(
    browser: Browser, service: Service, app: flask.Flask, base: str
) -> None:
    now_ns = time.time_ns()
    runs = [
        put(
            service,
            text[:255],
            status=ExecutionStatus.FAILED,
            created_ns=now_ns - (at + 2) * MINUTE_NS,
            prompt=text,
            model=text[:100],
            pod_name=text[:255],
            metadata={text: {text: text}},
            output=text,
            error_code=text[:100],
            error_message=text,
            error_details=[text],
        )
        for at, text in enumerate(HOSTILE)
    ]
    sender = runner(app, service)
    for run, text in zip(runs, HOSTILE, strict=True):
        with_file(sender, run, re.sub(r"\W", "_", text)[:100] + ".txt", text.encode())
        store(service, [line_of(run, now_ns - SECOND_NS, LogLevel.WARN, text)])
    with reading(browser, base) as reader:
        page = reader.open("/executions")
        expect(page.locator(ROWS)).to_have_count(len(HOSTILE))
        assert page.locator("main :is(script, img, [onload])").count() == 0
        for run in runs:
            page = reader.open(f"/executions/{run.id}")
            page.locator("#run-results .run-preview summary").click()
            expect(page.locator("#run-results .run-preview pre")).to_be_visible()
            assert "\u202e" not in page.locator("main").inner_text()
            assert page.locator("main :is(script, img, [onload])").count() == 0
            assert not page.title().startswith("owned")
            page = reader.open(f"/trace/{run.trace_id}")
            expect(page.locator(".trace-step")).to_have_count(3)
            assert page.locator("main :is(script, img, [onload], [hx-get])").count() == 0
        assert reader.complaints == []


@pytest.mark.parametrize("locale", ["en-GB", "ko-KR"])
def test_no_page_of_runs_scrolls_sideways_on_a_phone(
    browser: Browser, busy: Going, base: str, locale: str
) -> None:
    paths = (
        *("/executions", "/executions?search=zzz", "/executions?createdAfter=soon"),
        *(f"/executions/{busy.run.id}", f"/executions/{busy.failed.id}", f"/trace/{busy.run.trace_id}"),
    )
    with reading(browser, base, size=NARROW, locale=locale, dark=True) as reader:
        for path in paths:
            page = reader.open(path)
            assert page.evaluate(SIDEWAYS) == 0, path
            assert page.locator("html").get_attribute("lang") == locale[:2]
        page = reader.open("/executions")
        page.locator("#search details summary").click()
        assert page.evaluate(SIDEWAYS) == 0
        page.screenshot(path=chromium.SCREENS / f"executions-filters-360-{locale[:2]}.png")
        assert [said for said in reader.complaints if "400" not in said] == []


def test_pictures_of_the_pages(browser: Browser, busy: Going, base: str) -> None:
    for name, path in (
        ("executions", "/executions"),
        ("execution", f"/executions/{busy.run.id}"),
        ("execution-failed", f"/executions/{busy.failed.id}"),
        ("execution-trace", f"/trace/{busy.failed.trace_id}"),
        ("executions-none", "/executions?search=zzz&hasArtifacts=true"),
    ):
        assert len(screens(browser, base, name, path)) == 8


def test_pictures_of_the_first_visit(browser: Browser, base: str) -> None:
    assert len(screens(browser, base, "executions-first", "/executions")) == 8
