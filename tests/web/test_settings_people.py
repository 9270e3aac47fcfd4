"""/settings/accounts, tokens, sessions and audit, as a browser without script gets them."""

from __future__ import annotations

import re
from pathlib import Path

import flask
import pytest
from flask.testing import FlaskClient

from hantu.accounts import acts
from hantu.paths import ROOT
from hantu.roles import Role
from hantu.service import Service
from hantu.store.account_base import Act
from hantu.web.settings_audit import PAGE_ACTS, detail_text, names_of_acts
from hantu.web.settings_sessions import browser_of
from tests.web.desk import app_of, running_service
from tests.web.peopledesk import OWN, PASSWORD, account, done, people, signed_in


@pytest.mark.parametrize("path", ["/settings/accounts", "/settings/sessions"])
def test_without_accounts_the_page_says_how_to_begin(client: FlaskClient, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert "passwd" in page.text
    assert "<input" not in page.text.split('<main id="main">')[1].split("</main>")[0]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/settings/accounts", {"act": "add", "name": "eve", "role": "admin", "password": PASSWORD}),
        ("/settings/tokens", {"act": "make", "name": "eve", "scope": "admin"}),
        ("/settings/sessions", {"session": "others"}),
        ("/settings/password", {"password": PASSWORD, "again": PASSWORD}),
    ],
)
def test_without_accounts_nobody_is_made_by_whoever_opens_a_page(
    client: FlaskClient, service: Service, path: str, form: dict[str, str]
) -> None:
    assert client.post(path, data=form, headers=OWN).status_code == 403
    assert (service.store.accounts(), service.store.tokens()) == ((), ())


@pytest.mark.parametrize(
    ("form", "status", "why"),
    [
        (
            {"act": "add", "name": "two words", "role": "viewer", "password": PASSWORD},
            400,
            "1 to 64 letters",
        ),
        ({"act": "add", "name": "Viewer", "role": "viewer", "password": PASSWORD}, 409, "already"),
        ({"act": "add", "name": "new", "role": "viewer", "password": "short"}, 400, "at least 8"),
        ({"act": "add", "name": "new", "role": "viewer", "password": ""}, 400, "at least 8"),
        ({"act": "add", "name": "new", "role": "root", "password": PASSWORD}, 400, "which role"),
        ({"act": "role", "name": "admin", "role": "viewer"}, 409, "only admin"),
        ({"act": "remove", "name": "admin"}, 409, "only admin"),
        ({"act": "remove", "name": "nobody"}, 404, "no such account"),
        ({"act": "password", "name": "viewer", "password": "x" * 1025}, 400, "1,024 bytes"),
        ({"act": "", "name": "viewer"}, 400, "what to do"),
    ],
)
def test_what_cannot_be_done_is_told(
    app: flask.Flask, service: Service, form: dict[str, str], status: int, why: str
) -> None:
    people(service)
    before = service.store.accounts()
    admin = signed_in(app, "admin")
    after_login = service.store.accounts()
    answer = admin.post("/settings/accounts", data=form, headers=OWN)
    assert (answer.status_code, why in answer.text) == (status, True)
    assert service.store.accounts() == after_login
    assert [each.name for each in before] == [each.name for each in after_login]


def test_an_account_is_made_changed_and_removed(app: flask.Flask, service: Service) -> None:
    people(service)
    admin = signed_in(app, "admin")

    def act(**form: str) -> None:
        assert admin.post("/settings/accounts", data=form, headers=OWN).status_code == 303

    act(act="add", name=" 민수 ", role="viewer", password=PASSWORD)
    assert service.store.account("민수").role is Role.VIEWER
    act(act="role", name="민수", role="operator")
    act(act="role", name="민수", role="operator")
    act(act="remove", name="민수")
    told = [(each.act, each.object, each.detail) for each in done(service)[1:]]
    assert told == [
        ("account made", "민수", {"role": "viewer"}),
        ("role changed", "민수", {"role": "operator"}),
        ("account removed", "민수", {}),
    ]


def test_views_and_choices_go_with_the_account(service: Service) -> None:
    people(service)
    account(service, "jin")
    service.pipeline.with_store(lambda store: store.prefer("jin", {"theme": "dark"}))
    service.accounts.change(lambda store: acts.remove(store, "JIN"))
    assert service.store.preferences("jin") == {}


def test_a_proxy_account_needs_no_password_where_proxies_sign_in(tmp_path: Path) -> None:
    settings = {"trusted_proxies": ("10.0.0.0/8",), "proxy_login_header": "Remote-User"}
    with running_service(tmp_path / "data", **settings) as service:
        account(service, "admin")
        admin = signed_in(app_of(service), "admin")
        form = {"act": "add", "name": "jin", "role": "operator", "password": ""}
        assert admin.post("/settings/accounts", data=form, headers=OWN).status_code == 303
        assert service.store.account("jin").password == ""
        refused = admin.post("/login", data={"name": "jin", "password": ""}, headers=OWN)
        assert refused.status_code == 401


def test_a_token_is_shown_once_and_works_until_it_is_revoked(app: flask.Flask, service: Service) -> None:
    people(service)
    admin = signed_in(app, "admin")
    form = {"act": "make", "name": "shop", "scope": "read"}
    made = admin.post("/settings/tokens", data=form, headers=OWN)
    secret = re.search(r'id="secret">(hantu_[\w-]+)<', made.text)
    assert secret
    assert secret[1] not in admin.get("/settings/tokens").text
    program = {"Authorization": f"Bearer {secret[1]}"}
    assert app.test_client().get("/api/logs", headers=program).status_code == 200
    again = admin.post("/settings/tokens", data=form, headers=OWN)
    assert (again.status_code, "already" in again.text) == (409, True)
    for wrong in (
        {**form, "name": ""},
        {**form, "name": "x" * 101},
        {**form, "name": "y", "scope": "root"},
    ):
        assert admin.post("/settings/tokens", data=wrong, headers=OWN).status_code == 400
    revoked = admin.post("/settings/tokens", data={"act": "revoke", "name": "shop"}, headers=OWN)
    assert revoked.status_code == 303
    assert app.test_client().get("/api/logs", headers=program).status_code == 401


def test_only_own_sessions_are_shown_and_ended(app: flask.Flask, service: Service) -> None:
    people(service)
    here, there, other = signed_in(app, "viewer"), signed_in(app, "viewer"), signed_in(app, "admin")
    of_admin = service.accounts.sessions_of("admin")[0].digest.hex()
    assert of_admin not in here.get("/settings/sessions").text
    here.post("/settings/sessions", data={"session": of_admin}, headers=OWN)
    assert other.get("/logs").status_code == 200
    ended = here.post("/settings/sessions", data={"session": "others"}, headers=OWN)
    assert ended.headers["Location"] == "/settings/sessions?ended=1"
    assert there.get("/logs").status_code == 303
    own = service.accounts.sessions_of("viewer")[0].digest.hex()
    assert (
        here.post("/settings/sessions", data={"session": own}, headers=OWN).headers["Location"] == "/login"
    )
    assert here.get("/logs").status_code == 303


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"current": "wrong one", "password": "another long", "again": "another long"}, 403),
        ({"current": PASSWORD, "password": "another long", "again": "another one"}, 400),
        ({"current": PASSWORD, "password": "short", "again": "short"}, 400),
        ({"current": "", "password": "another long", "again": "another long"}, 403),
    ],
)
def test_the_own_password_takes_the_one_of_now(
    app: flask.Flask, service: Service, form: dict[str, str], status: int
) -> None:
    people(service)
    viewer = signed_in(app, "viewer")
    known = service.store.account("viewer").password
    answer = viewer.post("/settings/password", data=form, headers=OWN)
    assert (answer.status_code, 'role="alert"' in answer.text) == (status, True)
    assert service.store.account("viewer").password == known
    assert viewer.get("/logs").status_code == 200


def test_a_stolen_session_cannot_guess_the_password_for_long(app: flask.Flask, service: Service) -> None:
    people(service)
    thief = signed_in(app, "viewer")
    form = {"current": "wrong one", "password": "another long", "again": "another long"}
    answers = [thief.post("/settings/password", data=form, headers=OWN).status_code for _ in range(4)]
    assert answers == [403, 403, 403, 429]


def test_the_audit_trail_is_paged_and_filtered(app: flask.Flask, service: Service) -> None:
    people(service)
    for number in range(PAGE_ACTS + 5):
        act = Act(
            number + 1,
            "token shop" if number % 2 else "",
            "10.0.0.2",
            "clean-up",
            f"<b>{number}</b>",
            {"days": 7},
        )
        service.pipeline.with_store(lambda store, act=act: store.add_act(act))
    admin = signed_in(app, "admin")
    first = admin.get("/settings/audit?act=clean-up")
    assert first.text.count("<tr><td") == PAGE_ACTS
    assert "<b>" not in first.text
    assert "&lt;b&gt;104&lt;/b&gt;" in first.text
    older = re.search(r'href="(/settings/audit\?[^"]*before=[^"]*)"', first.text)
    assert older
    second = admin.get(older[1].replace("&amp;", "&"))
    assert second.text.count("<tr><td") == 5
    assert 'href="/settings/audit?act=clean-up"' in second.text
    assert admin.get("/settings/audit?actor=token+shop").text.count("<tr><td") == 52
    assert admin.get("/settings/audit?since=1h").text.count("<tr><td") == 1, "the sign-in of now"
    assert "Nothing of that kind" in admin.get("/settings/audit?q=nothing").text
    for wrong in ("since=yesteryear", "until=x", "before=x", f"before={1 << 70}"):
        assert admin.get(f"/settings/audit?{wrong}").status_code in (200, 400)
    assert admin.get("/settings/audit?since=yesteryear").status_code == 400


def test_every_act_that_is_noted_has_a_name() -> None:
    root = ROOT / "hantu"
    noted = {
        name
        for path in (*root.glob("web/*.py"), *root.glob("cli/*.py"), root / "service" / "accounts.py")
        for name in re.findall(r'\b(?:audit|note)\(\s*(?:store, |own, )?"([^"]+)"', path.read_text())
    }
    assert "token made" in noted
    assert noted - set(names_of_acts()) == set()


_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko)"
_IPHONE = "(iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("(X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        (f"(Windows NT 10.0) {_CHROME} Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0", "Edge, Windows"),
        (f"{_IPHONE} Version/18.0 Mobile/15E148 Safari/604.1", "Safari, iPhone"),
        (
            f"(Linux; Android 14; SM-S918N) {_CHROME} SamsungBrowser/26.0 Chrome/122.0 Safari/537.36",
            "Samsung Internet, Android",
        ),
        (
            f"(Macintosh; Intel Mac OS X 10_15_7) {_CHROME} Chrome/142.0 Whale/4.33.325.17 Safari/537.36",
            "Whale, macOS",
        ),
    ],
)
def test_a_browser_is_told_in_two_words(agent: str, words: str) -> None:
    assert browser_of(f"Mozilla/5.0 {agent}") == words


@pytest.mark.parametrize(("agent", "words"), [("curl/8.5.0", "curl"), ("", "–"), ("<b>", "<b>")])
def test_what_is_no_browser_is_told_by_its_own_name(agent: str, words: str) -> None:
    assert browser_of(agent) == words


def test_what_belongs_to_an_act_is_told_in_words_of_the_pages(app: flask.Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "ko"}):
        assert detail_text({"until": "1h", "act": "mute"}) == "알림 끄기, 해제 조건 1h"
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert detail_text({"act": "split"}) == "Split off"
        assert detail_text({"days": 7}) == "days 7"
