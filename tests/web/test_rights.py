"""What each role may do, and that every act is told of (S19)."""

from __future__ import annotations

import flask
import pytest
from flask.testing import FlaskClient

from hantu.roles import Role
from hantu.service import Service
from hantu.web.rights import ACTS, OF_ADMINS
from hantu.web.site import SAFE_METHODS
from tests.web.desk import line, store, token
from tests.web.errordesk import record
from tests.web.peopledesk import OWN, done, people, signed_in


def test_every_act_has_its_role_and_name(app: flask.Flask) -> None:
    routes = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - SAFE_METHODS
    }
    assert sorted(routes - ACTS.keys()) == [], "hantu/web/rights.py: which role does it take?"
    assert sorted(ACTS.keys() - routes) == [], "there is no such route"


def test_each_role_may_do_what_those_before_it_may() -> None:
    roles = list(Role)
    for at, role in enumerate(roles):
        assert [role.covers(needed) for needed in roles] == [at >= other for other in range(len(roles))]


@pytest.mark.parametrize(
    ("path", "form", "least"),
    [
        ("/status/cleanup", {"days": "7"}, "admin"),
        ("/api/cleanup", None, "admin"),
        ("/errors/1/resolve", {}, "operator"),
        ("/errors/act", {"act": "resolve", "group": "1"}, "operator"),
        ("/sources/stop", {"key": "none"}, "operator"),
        ("/api/collectors/none/stop", None, "operator"),
        ("/executions/4a952749-ed19-8d45-8000-000000000002/cancel", {}, "operator"),
        ("/api/ingest", None, "operator"),
        ("/settings/tokens", {"act": "revoke", "name": "x"}, "admin"),
        ("/settings/accounts", {"act": "remove", "name": "x"}, "admin"),
        ("/settings/sessions", {"session": "others"}, "viewer"),
        ("/settings", {"theme": "dark"}, "viewer"),
    ],
)
def test_an_act_takes_its_role(
    app: flask.Flask, service: Service, path: str, form: dict[str, str] | None, least: str
) -> None:
    people(service)
    store(service, [record("주문 실패")])
    allowed = []
    for role in Role:
        browser = signed_in(app, role.value)
        sent = {"json": {"retentionDays": 7}} if form is None else {"data": form}
        answer = browser.post(path, headers=OWN, **sent)  # type: ignore[arg-type]  # either of both
        if answer.status_code == 403:
            assert f"this takes the role {least}" in answer.text
        else:
            allowed.append(role.value)
    assert allowed == [role.value for role in Role if role.covers(Role(least))]


@pytest.mark.parametrize("path", OF_ADMINS)
def test_what_is_for_admins_is_read_by_admins_alone(app: flask.Flask, service: Service, path: str) -> None:
    people(service)
    answers = {role.value: signed_in(app, role.value).get(path).status_code for role in Role}
    assert answers == {"viewer": 403, "operator": 403, "admin": 200}
    assert app.test_client().get(path, headers=token(service, "read")).status_code == 403


def test_a_viewer_reads_all_else(app: flask.Flask, service: Service) -> None:
    people(service)
    viewer = signed_in(app, "viewer")
    for path in (
        "/logs",
        "/errors",
        "/executions",
        "/sources",
        "/status",
        "/settings",
        "/api/logs",
        "/metrics",
    ):
        assert viewer.get(path).status_code == 200, path
    assert "/settings/accounts" not in viewer.get("/settings").text
    assert "/settings/accounts" in signed_in(app, "admin").get("/settings").text


def test_the_audit_trail_tells_who_did_what_from_where(app: flask.Flask, service: Service) -> None:
    people(service)
    store(service, [record("주문 실패"), line("old")])
    admin = signed_in(app, "admin", address="192.168.1.9")
    operator = signed_in(app, "operator")
    admin.post("/status/cleanup", data={"days": "7"}, headers=OWN)
    operator.post("/errors/act", data={"act": "resolve", "until": "1h", "group": ["1"]}, headers=OWN)
    operator.post("/errors/1/reopen", headers=OWN)
    operator.post("/sources/stop", data={"key": "none"}, headers=OWN)
    program = token(service, "admin")
    app.test_client().post("/api/cleanup", json={"retentionDays": 30}, headers=program)
    app.test_client().post("/api/errors/1/resolve", headers=program)
    app.test_client().post("/api/ingest", data=b'{"message": "x"}', headers=program)
    operator.get("/api/logs/export?q=주문&format=csv")
    app.test_client().post("/api/tokens", json={"name": "shop"}, headers=program)
    app.test_client().delete("/api/tokens/shop", headers=program)
    told = [(act.actor, act.address, act.act, act.object, act.detail) for act in done(service)]
    assert told == [
        ("admin", "192.168.1.9", "signed in", "admin", {}),
        ("operator", "127.0.0.1", "signed in", "operator", {}),
        ("admin", "192.168.1.9", "clean-up", "", {"days": 7.0, "removed": 1}),
        ("operator", "127.0.0.1", "errors changed", "1", {"act": "resolve"}),
        ("operator", "127.0.0.1", "errors changed", "1", {"act": "reopen"}),
        ("token admin program", "127.0.0.1", "clean-up", "", {"days": 30.0, "removed": 0}),
        ("token admin program", "127.0.0.1", "errors changed", "1", {"act": "resolve"}),
        ("operator", "127.0.0.1", "export", "", {"format": "csv", "query": "주문"}),
        ("token admin program", "127.0.0.1", "token made", "shop", {"scope": "ingest"}),
        ("token admin program", "127.0.0.1", "token revoked", "shop", {}),
    ], "what was refused, as stopping a collector that is none, was not done"


def test_the_history_of_an_error_names_the_account(app: flask.Flask, service: Service) -> None:
    people(service)
    store(service, [record("주문 실패")])
    signed_in(app, "operator").post("/errors/1/resolve", headers=OWN)
    assert service.store.group_events(1, most=1)[0].by == "operator"


def test_without_accounts_acts_are_told_of_too(client: FlaskClient, service: Service) -> None:
    client.post("/status/cleanup", data={"days": "7"}, headers=OWN)
    (act,) = done(service)
    assert (act.actor, act.address, act.act) == ("", "127.0.0.1", "clean-up")


def test_a_trail_that_cannot_be_written_stops_nobody(
    client: FlaskClient, service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from hantu.store.base import StoreError

    def full(_act: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(service.store, "add_act", full)
    assert client.post("/status/cleanup", data={"days": "7"}, headers=OWN).status_code == 303
    assert "the audit trail misses 'clean-up'" in caplog.text
