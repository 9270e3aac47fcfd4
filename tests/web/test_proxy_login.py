"""Behind a proxy that signs people in (S22): its header counts from trusted addresses alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hantu.roles import Role
from hantu.service import Service
from tests.web.desk import app_of, running_service
from tests.web.peopledesk import account, done

HEADER = "Remote-User"
PROXY = {"REMOTE_ADDR": "10.1.2.3"}
SEEN = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
OWN = {"Origin": "https://localhost"}


@contextmanager
def behind_proxy(folder: Path, **settings: object) -> Iterator[tuple[Service, FlaskClient]]:
    given: dict[str, object] = {"trusted_proxies": ("10.0.0.0/8",), "proxy_login_header": HEADER}
    with running_service(folder, **(given | settings)) as service:
        yield service, app_of(service).test_client()


def test_whom_a_trusted_proxy_names_is_in_with_the_role_of_the_account(tmp_path: Path) -> None:
    with behind_proxy(tmp_path / "data") as (service, browser):
        account(service, "jin", password=False)
        account(service, "민수", Role.VIEWER, password=False)
        named = {**SEEN, HEADER: "jin"}
        page = browser.get("/logs", headers=named, environ_overrides=PROXY)
        assert page.status_code == 200
        assert ">jin</a>" in page.text
        assert "Sign out" not in page.text, "the proxy keeps the session"
        cleaned = browser.post(
            "/status/cleanup", data={"days": "7"}, headers={**named, **OWN}, environ_overrides=PROXY
        )
        assert cleaned.status_code == 303
        assert [(act.actor, act.address) for act in done(service)] == [("jin", "203.0.113.7")]
        viewer = {**SEEN, HEADER: "민수".encode().decode("latin-1"), **OWN}
        refused = browser.post(
            "/status/cleanup", data={"days": "7"}, headers=viewer, environ_overrides=PROXY
        )
        assert refused.status_code == 403
        foreign = {**named, "Origin": "https://evil.example"}
        assert browser.post("/status/cleanup", headers=foreign, environ_overrides=PROXY).status_code == 403


@pytest.mark.parametrize("address", ["127.0.0.1", "203.0.113.7", "11.0.0.1", "::1"])
def test_the_header_from_any_other_address_says_nothing(tmp_path: Path, address: str) -> None:
    with behind_proxy(tmp_path / "data", proxy_login_role="admin") as (service, browser):
        account(service, "jin")
        for extra in ({}, SEEN, {"X-Forwarded-For": "10.1.2.3"}):
            answer = browser.get(
                "/api/logs", headers={**extra, HEADER: "jin"}, environ_overrides={"REMOTE_ADDR": address}
            )
            assert answer.status_code == 401


def test_strangers_are_refused_or_get_the_role_of_the_setting(tmp_path: Path) -> None:
    named = {**SEEN, HEADER: "stranger"}
    with behind_proxy(tmp_path / "none") as (_, browser):
        refused = browser.get("/logs", headers=named, environ_overrides=PROXY)
        assert refused.status_code == 403
        assert "proxy_login_role" in refused.text
        assert browser.get("/logs", headers=SEEN, environ_overrides=PROXY).status_code == 303
        assert browser.get("/logs").status_code == 303, "also for this machine"
    with behind_proxy(tmp_path / "viewer", proxy_login_role="viewer") as (_, browser):
        assert browser.get("/logs", headers=named, environ_overrides=PROXY).status_code == 200
        change = {**named, **OWN}
        assert browser.post("/status/cleanup", headers=change, environ_overrides=PROXY).status_code == 403


@pytest.mark.parametrize("missing", [{"trusted_proxies": ()}, {"proxy_login_header": ""}])
def test_it_is_off_unless_header_and_proxies_are_named(tmp_path: Path, missing: dict[str, object]) -> None:
    with behind_proxy(tmp_path / "data", proxy_login_role="admin", **missing) as (service, browser):
        account(service, "jin")
        named = {**SEEN, HEADER: "jin"}
        assert browser.get("/api/logs", headers=named, environ_overrides=PROXY).status_code == 401


def test_a_session_of_its_own_comes_before_the_proxy_s_name(tmp_path: Path) -> None:
    with behind_proxy(tmp_path / "data") as (service, browser):
        account(service, "jin")
        account(service, "민수", Role.VIEWER)
        form = {"name": "민수", "password": "열쇠는 길어야 합니다"}
        entered = browser.post("/login", data=form, headers={**SEEN, **OWN}, environ_overrides=PROXY)
        assert entered.status_code == 303
        page = browser.get("/logs", headers={**SEEN, HEADER: "jin"}, environ_overrides=PROXY)
        assert ">민수</a>" in page.text
