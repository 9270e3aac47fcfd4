"""The own password is asked again before an admin decides about accounts, or makes a token for all."""

from __future__ import annotations

from dataclasses import replace

import flask
import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, expect

from hantu.roles import Role
from hantu.service import Service
from hantu.service.accounts import CONFIRMED_NS
from tests import browser as chromium
from tests.browser import SCREENS, reading
from tests.web.desk import app_of, served
from tests.web.peopledesk import OWN, PASSWORD, done, people, signed_in

ACCOUNTS, TOKENS = "/settings/accounts", "/settings/tokens"
CONFIRM = {"act": "confirm", "current": PASSWORD}
ACTS = (
    {"act": "role", "name": "viewer", "role": "admin"},
    {"act": "password", "name": "operator", "password": "another long one"},
    {"act": "remove", "name": "viewer"},
    {"act": "add", "name": "eve", "role": "admin", "password": PASSWORD},
)


SIZES = (((1440, 900), False, "en-GB"), ((1440, 900), True, "ko-KR"), ((360, 780), False, "ko-KR"))
browser = chromium.browser


@pytest.fixture
def admin(app: flask.Flask, service: Service) -> FlaskClient:
    """A browser in which an admin signed in longer ago than a confirmation holds."""
    people(service)
    browser = signed_in(app, "admin")
    later(service)
    return browser


def later(service: Service) -> None:
    """As if all that was confirmed had been CONFIRMED_NS earlier."""

    def age(_store: object) -> None:
        for session in service.store.sessions():
            service.store.remove_session(session.digest)
            service.store.add_session(replace(session, created_ns=session.created_ns - CONFIRMED_NS))

    service.accounts.change(age)
    service.accounts._confirmed = {
        digest: at_ns - CONFIRMED_NS for digest, at_ns in service.accounts._confirmed.items()
    }


def post(browser: FlaskClient, path: str, form: dict[str, str]) -> int:
    return browser.post(path, data=form, headers=OWN).status_code


@pytest.mark.parametrize("form", ACTS)
def test_nothing_is_decided_about_accounts_before_the_password_is_given_again(
    admin: FlaskClient, service: Service, form: dict[str, str]
) -> None:
    before = service.store.accounts()
    refused = admin.post(ACCOUNTS, data=form, headers=OWN)
    assert refused.status_code == 403
    assert 'name="current"' in refused.text
    assert service.store.accounts() == before
    page = admin.get(ACCOUNTS).text
    assert 'value="confirm"' in page
    assert 'value="remove"' not in page
    assert post(admin, ACCOUNTS, CONFIRM) == 303
    assert 'value="confirm"' not in admin.get(ACCOUNTS).text
    assert post(admin, ACCOUNTS, form) == 303
    assert service.store.accounts() != before


def test_a_token_that_may_do_all_takes_the_password_others_do_not(
    admin: FlaskClient, service: Service
) -> None:
    wanted = {"act": "make", "name": "all", "scope": "admin"}
    assert post(admin, TOKENS, wanted) == 403
    by_api = admin.post("/api/tokens", json={"name": "all", "scope": "admin"}, headers=OWN)
    assert (by_api.status_code, "/settings/tokens" in by_api.text) == (403, True)
    assert service.store.tokens() == ()
    assert '<option value="admin"' not in admin.get(TOKENS).text
    assert post(admin, TOKENS, {**wanted, "name": "shop", "scope": "ingest"}) == 200
    assert post(admin, TOKENS, CONFIRM) == 303
    assert post(admin, TOKENS, wanted) == 200
    by_api = admin.post("/api/tokens", json={"name": "more", "scope": "admin"}, headers=OWN)
    assert by_api.status_code == 200
    assert {each.name for each in service.store.tokens()} == {"shop", "all", "more"}


def test_it_holds_for_ten_minutes_in_this_session_alone(
    app: flask.Flask, admin: FlaskClient, service: Service
) -> None:
    other = signed_in(app, "admin")
    later(service)
    assert post(admin, ACCOUNTS, CONFIRM) == 303
    form = {"act": "role", "name": "viewer", "role": "operator"}
    assert post(other, ACCOUNTS, form) == 403
    assert post(admin, ACCOUNTS, form) == 303
    later(service)
    assert post(admin, ACCOUNTS, {**form, "role": "viewer"}) == 403
    assert service.store.account("viewer").role is Role.OPERATOR
    assert post(signed_in(app, "admin"), ACCOUNTS, {**form, "role": "viewer"}) == 303, "a sign-in counts"


def test_a_stolen_session_guesses_the_password_slowly(admin: FlaskClient, service: Service) -> None:
    wrong = {"act": "confirm", "current": "wrong one"}
    assert [post(admin, ACCOUNTS, wrong) for _ in range(4)] == [403, 403, 403, 429]
    assert post(admin, ACCOUNTS, ACTS[0]) == 403
    told = [act.act for act in done(service)]
    assert told.count("sign-in failed") == 3
    assert "password confirmed" not in told


def test_the_password_of_another_account_is_none_of_its_own(admin: FlaskClient, service: Service) -> None:
    service.accounts.set_password("operator", "of the operator")
    assert post(admin, ACCOUNTS, {"act": "confirm", "current": "of the operator"}) == 403
    assert post(admin, ACCOUNTS, {**CONFIRM, "name": "operator"}) == 303
    assert [(act.act, act.object) for act in done(service)][-1] == ("password confirmed", "admin")


def test_a_token_is_not_asked(app: flask.Flask, admin: FlaskClient, service: Service) -> None:
    assert admin.get("/logs").status_code == 200
    program = {"Authorization": f"Bearer {service.control_token}"}
    made = app.test_client().post("/api/tokens", json={"name": "x", "scope": "admin"}, headers=program)
    assert made.status_code == 200


@pytest.mark.browser
def test_the_form_stands_on_its_pages_and_leads_back(browser: Browser, service: Service) -> None:
    people(service)
    SCREENS.mkdir(parents=True, exist_ok=True)
    with served(app_of(service)) as port:
        base = f"http://127.0.0.1:{port}"
        for size, dark, locale in SIZES:
            with reading(browser, base, size=size, dark=dark, locale=locale) as reader:
                page = reader.open("/login")
                page.locator("input[name=name]").fill("admin")
                page.locator("input[name=password]").fill(PASSWORD)
                page.locator("main button").click()
                page.wait_for_url("**/logs**")
                later(service)
                for path in (TOKENS, ACCOUNTS):
                    page = reader.open(path)
                    assert page.evaluate("document.documentElement.scrollWidth") == size[0], path
                    file = f"confirm{path.replace('/', '-')}-{size[0]}-{locale[:2]}.png"
                    page.screenshot(path=SCREENS / file, full_page=True)
                page.locator("input[name=current]").fill(PASSWORD)
                page.locator("button[value=confirm]").click()
                expect(page.locator("button[value=add]")).to_be_visible()
                expect(page.locator("button[value=confirm]")).to_have_count(0)
                assert reader.complaints == []
