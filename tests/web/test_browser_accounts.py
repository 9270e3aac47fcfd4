"""Signing in and the pages of accounts in a real browser (S15, S19): one walk, and pictures for people."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Browser, Page, expect

from hantu.roles import Role
from hantu.service import Service
from tests import browser as chromium
from tests.browser import NARROW, SCREENS, WIDE, reading
from tests.waiting import wait_until
from tests.web.desk import app_of, line, running_service, served, store
from tests.web.peopledesk import PASSWORD, account, done

pytestmark = pytest.mark.browser
ATTACK = """async ([base, type]) => {
  const request = {method: "POST", mode: "no-cors", credentials: "include", body: "days=0"};
  try { await fetch(base + "/status/cleanup", {...request, headers: {"Content-Type": type}}); }
  catch (error) {}
}"""
SOCKET = """(url) => new Promise((done) => {
  const socket = new WebSocket(url);
  socket.onopen = () => done(false);
  socket.onerror = () => done(true);
})"""
browser = chromium.browser


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_from_the_first_account_to_the_audit_trail(browser: Browser, service: Service, base: str) -> None:
    store(service, [line("one", time_ns=time.time_ns())])
    with reading(browser, base) as admin, reading(browser, base) as other:
        page = admin.open(f"/setup?token={service.setup.token}")
        page.get_by_label("Name").fill("jin")
        page.get_by_label("Password, at least 8 characters").fill(PASSWORD)
        page.get_by_label("The password again").fill(PASSWORD)
        page.get_by_role("button", name="Make the account").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        # A viewer and a token.
        page.goto(f"{base}/settings/accounts")
        form = page.locator(".account-form")
        form.get_by_label("Name").fill("민수")
        form.get_by_label("Password, at least 8 characters").fill(PASSWORD)
        form.get_by_role("button", name="Make the account").click()
        expect(page.get_by_role("status")).to_have_text("The account is made.")
        page.goto(f"{base}/settings/tokens")
        page.get_by_label("Name").fill("shop")
        page.get_by_role("button", name="Make a token").click()
        expect(page.locator("#secret")).to_contain_text("hantu_")
        page.reload()
        expect(page.locator("#secret")).to_have_count(0)
        # The viewer comes to the page that was asked for, and may not change it.
        there = other.open("/status")
        expect(there).to_have_url(f"{base}/login?next=/status")
        sign_in(there, "민수", "wrong password")
        expect(there.get_by_role("alert")).to_contain_text("not right")
        sign_in(there, "민수")
        expect(there).to_have_url(f"{base}/status")
        there.get_by_role("button", name="Clean up").click()
        expect(there.locator("main")).to_contain_text("this takes the role admin")
        # Its live tail ends with its session, and the page leads to the sign-in.
        there.goto(f"{base}/logs?live=1&q=level:>=info")
        expect(there.locator("#tail-state")).to_have_text("Live: new lines appear here")
        wait_until(lambda: service.tails.used == 1)
        page.goto(f"{base}/settings/accounts")
        row = page.locator("tr", has_text="민수")
        row.locator("summary").click()
        row.get_by_label("New password").fill("another long one")
        row.get_by_role("button", name="Set the password").click()
        expect(page.get_by_role("status")).to_contain_text("its sessions have ended")
        expect(there.get_by_role("button", name="Sign in")).to_be_visible(timeout=10_000)
        wait_until(lambda: service.tails.used == 0)
        # The own password: this browser stays.
        page.goto(f"{base}/settings/sessions")
        expect(page.locator("tr", has_text="this browser")).to_contain_text("Chrome")
        page.get_by_label("Password of now").fill(PASSWORD)
        page.get_by_label("New password").fill("a third long one")
        page.get_by_label("The password again").fill("a third long one")
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_role("status")).to_contain_text("The password is changed")
        # What was done stands in the trail, newest first.
        page.goto(f"{base}/settings/audit")
        told = page.locator("tbody tr td:nth-child(3)").all_inner_texts()
        assert told == [
            "password changed",
            "password changed",
            "signed in",
            "sign-in failed",
            "token made",
            "account made",
            "account made",
        ]
        page.locator("select[name=act]").select_option("token made")
        page.get_by_role("button", name="Search").click()
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody tr")).to_contain_text("shop")
        page.get_by_role("button", name="Sign out").click()
        expect(page).to_have_url(f"{base}/login")
        page.go_back()
        page.reload()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        # 409: the page that was loaded again asked once more for a token that is there.
        quiet = ("401", "403", "409", "1008")
        assert [
            said for said in admin.complaints + other.complaints if not any(q in said for q in quiet)
        ] == []


PAGES = ("login", "settings/sessions", "settings/accounts", "settings/tokens", "settings/audit")


def test_the_pages_fit_a_phone_and_speak_korean(browser: Browser, service: Service, base: str) -> None:
    account(service, "jin")
    for name, role in (
        ("민수", Role.OPERATOR),
        ("viewer-with-a-rather-long-name@example.com", Role.VIEWER),
    ):
        account(service, name, role)
    SCREENS.mkdir(parents=True, exist_ok=True)
    for size, dark, locale in (
        (WIDE, False, "en-GB"),
        (WIDE, True, "ko-KR"),
        (NARROW, True, "ko-KR"),
        (NARROW, False, "en-GB"),
    ):
        with reading(browser, base, size=size, dark=dark, locale=locale) as reader:
            for name in PAGES:
                page = reader.open(f"/{name}")
                assert page.evaluate("document.documentElement.scrollWidth") == size[0], name
                file = f"{name.replace('/', '-')}-{size[0]}-{'dark' if dark else 'light'}-{locale[:2]}.png"
                page.screenshot(path=SCREENS / file)
                if name == "login":
                    page.locator("input[name=name]").fill("jin")
                    page.locator("input[name=password]").fill(PASSWORD)
                    page.locator("main button").click()
                    page.wait_for_url("**/logs**")
                if name == "settings/accounts":
                    page.locator("summary").nth(1).click()
                    assert page.evaluate("document.documentElement.scrollWidth") == size[0], "menu"
                    page.screenshot(path=SCREENS / f"menu-{file}")
            assert reader.complaints == []


def test_everything_works_without_script(browser: Browser, service: Service, base: str) -> None:
    account(service, "jin")
    with reading(browser, base, script=False) as reader:
        page = reader.open("/settings/audit")
        sign_in(page, "jin")
        expect(page).to_have_url(f"{base}/settings/audit")
        expect(page.locator("tbody tr")).to_have_count(1)
        page.goto(f"{base}/settings/accounts")
        page.locator("summary", has_text="Change").first.click()
        page.get_by_label("Role").first.select_option("viewer")
        page.get_by_role("button", name="Set the role").first.click()
        expect(page.get_by_role("alert")).to_have_text("jin is the only admin; make another one first")
        page.goto(f"{base}/settings/sessions")
        page.get_by_role("button", name="End", exact=True).click()
        expect(page).to_have_url(f"{base}/login")


def test_a_page_of_another_site_can_do_nothing_with_the_session(
    browser: Browser, service: Service, base: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    account(service, "jin")
    folder = tmp_path_factory.mktemp("evil") / "data"
    with (
        running_service(folder) as stranger,
        served(app_of(stranger)) as port,
        reading(browser, base) as reader,
    ):
        page = reader.open("/login")
        sign_in(page, "jin")
        expect(page).to_have_url(f"{base}/logs")
        # Another site: the same program under another name and port, on a page without a policy.
        page.goto(f"http://localhost:{port}/static/icon.svg")
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            page.evaluate(ATTACK, [base, kind])
        assert service.store.removals() == ()
        refused = page.evaluate(SOCKET, base.replace("http", "ws") + "/ws/logs")
        assert refused
        assert [act.act for act in done(service)] == ["signed in"]
