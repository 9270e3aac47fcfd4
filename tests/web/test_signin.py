"""Signing in and out: who gets in, what the cookie is, when a session is over (S15)."""

from __future__ import annotations

import time
from dataclasses import replace
from http.cookies import SimpleCookie
from pathlib import Path

import flask
import pytest
from flask.testing import FlaskClient

from hantu.roles import Role
from hantu.service import Service
from hantu.service.accounts import ENDS_NS, IDLE_NS, digest_of
from tests.waiting import wait_until
from tests.web.desk import app_of, line, running_service, store, token
from tests.web.peopledesk import OWN, PASSWORD, account, done, people, signed_in

LOGIN = {"name": "jin", "password": PASSWORD}
HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7", "Origin": "https://localhost"}


@pytest.fixture
def jin(service: Service) -> None:
    account(service, "jin")


def cookie_of(answer: flask.wrappers.Response) -> SimpleCookie:
    return SimpleCookie(answer.headers["Set-Cookie"])


def test_without_accounts_this_machine_sees_the_pages(client: FlaskClient) -> None:
    assert client.get("/logs").status_code == 200
    assert client.get("/login").headers["Location"] == "/logs"
    assert client.post("/login", data=LOGIN, headers=OWN).headers["Location"] == "/logs"
    assert "Sign out" not in client.get("/logs").text


@pytest.mark.usefixtures("jin")
def test_without_a_session_there_is_the_sign_in_and_nothing_else(
    app: flask.Flask, client: FlaskClient, service: Service
) -> None:
    store(service, [line("a secret line")])
    shown = {"/login": 200, "/healthz": 200, "/static/base.css": 200}
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.rule.startswith("/static/"):
            continue
        path = rule.rule
        for name, converter in rule._converters.items():
            some = {"UUIDConverter": "4a952749-ed19-8d45-8000-000000000002", "IntegerConverter": "1"}
            value = some.get(type(converter).__name__, "start" if "any" in rule.rule else "x")
            path = "/".join(value if f":{name}>" in p or p == f"<{name}>" else p for p in path.split("/"))
        answer = client.get(path)
        program = path.startswith(("/api/", "/ws/", "/metrics"))
        expected = shown.get(path) or (404 if path == "/setup" else 401 if program else 303)
        assert answer.status_code == expected, (path, answer.status_code)
        if answer.status_code == 303:
            assert answer.headers["Location"].startswith("/login"), path
        assert "a secret line" not in answer.text
    for path, value in shown.items():
        assert client.get(path).status_code == value
    assert "/sources" not in client.get("/login").text, "not even the navigation"


@pytest.mark.usefixtures("jin")
def test_a_page_leads_to_the_sign_in_and_back(client: FlaskClient) -> None:
    led = client.get("/errors?status=all&q=%EC%A3%BC%EB%AC%B8")
    assert led.status_code == 303
    assert led.headers["Location"].startswith("/login?next=/errors")
    page = client.get(led.headers["Location"])
    assert 'value="/errors?status=all&amp;q=%EC%A3%BC%EB%AC%B8"' in page.text
    target = page.request.args["next"]
    back = client.post("/login", data={**LOGIN, "next": target}, headers=OWN)
    assert back.headers["Location"] == "/errors?status=all&q=%EC%A3%BC%EB%AC%B8"
    assert client.get("/login?next=/status").headers["Location"] == "/status", "signed in already"


@pytest.mark.usefixtures("jin")
@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\tx",
        "logs",
        "",
    ],
)
def test_the_sign_in_leads_to_no_other_site(client: FlaskClient, target: str) -> None:
    led = client.post("/login", data={**LOGIN, "next": target}, headers=OWN)
    assert (led.status_code, led.headers["Location"]) == (303, "/logs")


@pytest.mark.usefixtures("jin")
def test_htmx_is_led_to_the_sign_in_by_its_own_header(client: FlaskClient) -> None:
    asked = {"HX-Request": "true", "HX-Current-URL": "http://localhost/logs?q=x"}
    answer = client.get("/logs/count?q=x", headers=asked)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login?next=/logs%3Fq%3Dx"


@pytest.mark.usefixtures("jin")
def test_only_the_right_name_and_password_get_in(client: FlaskClient, service: Service) -> None:
    for name, password in (("jin", "wrong password"), ("eve", PASSWORD), ("", "")):
        refused = client.post("/login", data={"name": name, "password": password}, headers=OWN)
        assert refused.status_code == 401
        assert "The name or the password is not right." in refused.text
        assert "Set-Cookie" not in refused.headers
    told = [(act.act, act.object, act.actor) for act in done(service)]
    assert told == [("sign-in failed", "jin", ""), *[("sign-in failed", "", "")] * 2]
    assert client.get("/logs").status_code == 303


@pytest.mark.usefixtures("jin")
def test_the_cookie_is_for_the_browser_alone(client: FlaskClient, service: Service) -> None:
    answer = client.post("/login", data=LOGIN, headers=OWN)
    cookie = cookie_of(answer)["hantu"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
        True,
        "Lax",
        "/",
        "",
    )
    assert int(cookie["max-age"]) == 30 * 86_400
    assert len(cookie.value) >= 43, "256 bits"
    (session,) = service.store.sessions()
    assert session.digest == digest_of(cookie.value)
    assert session.ends_ns - session.created_ns == ENDS_NS == 30 * 86_400 * 10**9
    raw = b"".join(path.read_bytes() for path in service.config.data_dir.glob("hantu.db*"))
    assert cookie.value.encode() not in raw


def test_by_https_the_cookie_goes_by_https_alone(tmp_path: Path) -> None:
    with running_service(tmp_path / "data", trusted_proxies=("127.0.0.1/32",)) as service:
        account(service, "jin")
        browser = app_of(service).test_client()
        answer = browser.post("/login", data=LOGIN, headers=HTTPS)
        cookie = cookie_of(answer)["__Host-hantu"]
        assert (cookie["secure"], cookie["httponly"], cookie["path"]) == (True, True, "/")
        (session,) = service.store.sessions()
        assert session.address == "203.0.113.7"
        fresh = app_of(service).test_client()
        fresh.set_cookie("__Host-hantu", cookie.value)
        assert fresh.get("/logs", headers=HTTPS).status_code == 200
        assert fresh.get("/logs").status_code == 303, "not by http"


def test_what_a_stranger_says_of_https_and_addresses_is_not_believed(tmp_path: Path) -> None:
    with running_service(tmp_path / "data", trusted_proxies=("10.0.0.0/8",)) as service:
        account(service, "jin")
        browser = app_of(service).test_client()
        refused = browser.post("/login", data=LOGIN, headers=HTTPS)
        assert refused.status_code == 403
        assert "trusted_proxies" in refused.text
        plain = {**HTTPS, "Origin": "http://localhost"}
        assert browser.post("/login", data=LOGIN, headers=plain).status_code == 303
        assert service.store.sessions()[0].address == "127.0.0.1"


@pytest.mark.usefixtures("jin")
def test_each_sign_in_has_a_new_session_and_ends_the_old_one(client: FlaskClient, service: Service) -> None:
    chosen = "chosen-by-an-attacker-beforehand-0123456789"
    client.set_cookie("hantu", chosen)
    first = cookie_of(client.post("/login", data=LOGIN, headers=OWN))["hantu"].value
    assert first != chosen
    second = cookie_of(client.post("/login", data=LOGIN, headers=OWN))["hantu"].value
    assert second != first
    assert [each.digest for each in service.store.sessions()] == [digest_of(second)]


@pytest.mark.usefixtures("jin")
def test_signing_out_ends_the_session_at_once(app: flask.Flask, service: Service) -> None:
    browser = signed_in(app, "jin")
    secret = browser.get_cookie("hantu")
    assert secret is not None
    out = browser.post("/logout", headers=OWN)
    assert (out.status_code, out.headers["Location"]) == (303, "/login")
    assert browser.get_cookie("hantu") is None
    thief = app.test_client()
    thief.set_cookie("hantu", secret.value)
    assert thief.get("/logs").status_code == 303
    assert service.store.sessions() == ()
    assert [act.act for act in done(service)] == ["signed in", "signed out"]


@pytest.mark.parametrize("how", ["own page", "another admin", "role", "removed", "command line"])
def test_a_new_password_or_role_ends_sessions_at_once(
    app: flask.Flask, service: Service, client: FlaskClient, how: str
) -> None:
    people(service)
    account(service, "jin", Role.OPERATOR)
    here, there, admin = signed_in(app, "jin"), signed_in(app, "jin"), signed_in(app, "admin")
    new = {"password": "another long one", "again": "another long one"}
    if how == "own page":
        assert (
            here.post("/settings/password", data={**new, "current": PASSWORD}, headers=OWN).status_code
            == 303
        )
        assert here.get("/logs").status_code == 200, "the browser that changed it stays"
    elif how == "command line":
        control = {"Authorization": f"Bearer {service.control_token}"}
        changed = client.put(
            "/api/accounts/jin/password", json={"password": "another long"}, headers=control
        )
        assert changed.status_code == 200
    else:
        form = {"name": "jin", "act": {"another admin": "password", "removed": "remove"}.get(how, how)}
        changed = admin.post("/settings/accounts", data={**form, **new, "role": "viewer"}, headers=OWN)
        assert changed.status_code == 303
    assert there.get("/logs").status_code == 303
    assert admin.get("/logs").status_code == 200


@pytest.mark.usefixtures("jin")
def test_a_session_ends_when_it_is_not_used_and_after_thirty_days(
    app: flask.Flask, service: Service
) -> None:
    browser = signed_in(app, "jin")
    (session,) = service.store.sessions()
    now_ns = time.time_ns()

    def as_if(**parts: int) -> int:
        def change(kept: object) -> None:
            service.store.remove_session(session.digest)
            service.store.add_session(replace(session, **parts))

        service.accounts._seen.clear()
        service.accounts.change(change)
        return browser.get("/logs").status_code

    assert as_if(seen_ns=now_ns - IDLE_NS + 60 * 10**9) == 200
    assert as_if(seen_ns=now_ns - IDLE_NS - 1) == 303
    assert as_if(seen_ns=now_ns, ends_ns=now_ns + 60 * 10**9) == 200
    assert as_if(seen_ns=now_ns, ends_ns=now_ns) == 303


@pytest.mark.usefixtures("jin")
def test_sessions_live_on_after_a_restart(tmp_path: Path, service: Service, app: flask.Flask) -> None:
    browser = signed_in(app, "jin")
    cookie = browser.get_cookie("hantu")
    assert cookie is not None
    config = service.config
    service.stop()
    with running_service(config.data_dir) as again:
        fresh = app_of(again).test_client()
        fresh.set_cookie("hantu", cookie.value)
        assert fresh.get("/logs").status_code == 200
        wait_until(lambda: again.store.sessions()[0].seen_ns > again.store.sessions()[0].created_ns)


@pytest.mark.usefixtures("jin")
def test_programs_keep_their_tokens(client: FlaskClient, service: Service) -> None:
    refused = client.get("/api/logs")
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (401, "unauthorized")
    away = {"REMOTE_ADDR": "192.168.1.9"}
    headers = token(service, "read")
    assert client.get("/api/logs", headers=headers, environ_overrides=away).status_code == 200
    assert client.get("/api/logs", environ_overrides=away).status_code == 401
    health = client.get("/healthz", environ_overrides=away)
    assert health.get_json() == {"status": "ok"}


@pytest.mark.usefixtures("jin")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://localhost"}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost:9999"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_a_session_does_not_excuse_a_foreign_origin(
    app: flask.Flask, client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    assert client.post("/login", data=LOGIN, headers=headers).status_code == status
    browser = signed_in(app, "jin")
    assert browser.post("/status/cleanup", data={"days": "7"}, headers=headers).status_code == status


def test_ten_wrong_passwords_lock_and_say_for_how_long(
    app: flask.Flask, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(service, "jin")
    now = [1000.0]
    monkeypatch.setattr(service.accounts.throttle, "_clock", lambda: now[0])
    browser = signed_in(app, "jin")
    client, waits = app.test_client(), []
    while len(waits) < 10:
        answer = client.post("/login", data={"name": "jin", "password": "wrong one"}, headers=OWN)
        if answer.status_code == 401:
            waits.append(0)
            continue
        assert answer.status_code == 429
        wait = int(answer.headers["Retry-After"])
        waits[-1] = wait
        now[0] += wait
    right = client.post("/login", data=LOGIN, headers=OWN)
    assert right.status_code == 429, "the right password does not open the lock"
    assert "closed for 15 m" in right.text
    assert 899 <= int(right.headers["Retry-After"]) <= 901
    assert waits[:2] == [0, 0]
    assert waits[2:9] == sorted(waits[2:9])
    assert browser.get("/logs").status_code == 200, "who is in stays in"
    assert done(service)[-1].detail == {"locked": True}
    service.accounts.set_password("jin", "another long one")
    new = client.post("/login", data={"name": "jin", "password": "another long one"}, headers=OWN)
    assert new.status_code == 429, "the address stays slowed"
    now[0] += 901
    assert (
        client.post("/login", data={"name": "jin", "password": "another long one"}, headers=OWN).status_code
        == 303
    )
