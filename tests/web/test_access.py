"""Who may ask what: Host, address, origin and token."""

from __future__ import annotations

from pathlib import Path

import flask
import pytest
from flask.testing import FlaskClient

from hantu.service import Service
from tests.waiting import wait_until
from tests.web.desk import HOST, app_of, refuse_writes, running_service, token

OWN = f"http://{HOST}"
LINE = b'{"message": "hello"}'


@pytest.mark.parametrize(
    "host",
    ["localhost:8514", "127.0.0.1:8514", "127.0.0.1", "[::1]:8514", "LOCALHOST:1", "localhost.:8514"],
)
def test_own_names_are_answered_on_any_port(client: FlaskClient, host: str) -> None:
    assert client.get("/api/logs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8514",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "[::2]",
        "10.0.0.5",
    ],
)
@pytest.mark.parametrize("path", ["/api/logs", "/logs", "/healthz", "/metrics", "/static/base.css"])
def test_foreign_host_name_is_refused(client: FlaskClient, host: str, path: str) -> None:
    assert client.get(path, headers={"Host": host}).status_code == 421


def test_allowed_hosts_are_answered(tmp_path: Path) -> None:
    with running_service(tmp_path / "data", allowed_hosts=("logs.home",)) as service:
        client = app_of(service).test_client()
        assert client.get("/api/logs", headers={"Host": "Logs.Home:8514"}).status_code == 200
        assert client.get("/api/logs", headers={"Host": "other.home"}).status_code == 421


def test_other_machine_without_token_is_refused(client: FlaskClient) -> None:
    away = {"REMOTE_ADDR": "192.168.1.9"}
    refused = client.get("/api/logs", environ_overrides=away)
    assert refused.status_code == 403
    told = refused.get_json()["error"]["message"]
    assert "`hantu token create NAME --scope ingest|read|admin`" in told, "no path of this machine"
    assert client.get("/logs", environ_overrides=away).status_code == 403
    assert client.get("/metrics", environ_overrides=away).status_code == 403
    assert client.get("/healthz", environ_overrides=away).get_json() == {"status": "ok"}


def test_visitor_behind_a_proxy_is_not_taken_for_a_local_one(client: FlaskClient) -> None:
    assert client.get("/api/logs", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 403


def test_other_machine_is_not_told_what_is_wrong(
    service: Service, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_writes(service, monkeypatch, "the disk is full")
    away = client.get("/healthz", environ_overrides={"REMOTE_ADDR": "192.168.1.9"})
    assert away.status_code == 503
    assert away.get_json() == {"status": "degraded"}
    here = client.get("/healthz")
    assert here.status_code == 503
    assert "the disk is full" in here.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": OWN}, 200),
        ({"Origin": "http://localhost:9999"}, 403),
        ({"Origin": "https://localhost"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://localhost@evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"}, 403),
    ],
)
def test_post_is_taken_from_own_pages_only(
    client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    answer = client.post("/api/cleanup", json={"retentionDays": 7}, headers=headers)
    assert answer.status_code == status, answer.text


def test_program_without_token_is_told_how_to_get_one(client: FlaskClient) -> None:
    refused = client.post("/api/ingest", data=LINE)
    assert refused.status_code == 403
    assert "token create NAME --scope" in refused.text
    assert client.get("/api/logs").status_code == 200


def test_page_of_another_site_may_not_read_but_may_link(client: FlaskClient) -> None:
    read = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    follow = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/api/logs", headers=read).status_code == 403
    assert client.get("/api/logs", headers=follow).status_code == 200


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("ingest", "POST", "/api/ingest", 200),
        ("ingest", "GET", "/api/logs", 403),
        ("ingest", "POST", "/api/cleanup", 403),
        ("read", "GET", "/api/logs", 200),
        ("read", "HEAD", "/api/logs", 200),
        ("read", "POST", "/api/ingest", 403),
        ("read", "GET", "/api/tokens", 403),
        ("admin", "GET", "/api/logs", 200),
        ("admin", "POST", "/api/ingest", 200),
        ("admin", "GET", "/api/tokens", 200),
    ],
)
@pytest.mark.parametrize("address", ["127.0.0.1", "192.168.1.9"])
def test_token_may_do_what_its_scope_says(
    app: flask.Flask, service: Service, scope: str, method: str, path: str, status: int, address: str
) -> None:
    answer = app.test_client().open(
        path,
        method=method,
        data=LINE if method == "POST" else None,
        headers=token(service, scope),
        environ_overrides={"REMOTE_ADDR": address},
    )
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("path", ["/api/logs", "/logs", "/healthz", "/metrics", "/api/nothing"])
def test_wrong_token_is_refused_everywhere(client: FlaskClient, path: str) -> None:
    refused = client.get(path, headers={"Authorization": "Bearer hantu_wrong"})
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_right_token_excuses_a_missing_origin_and_a_foreign_host(
    app: flask.Flask, service: Service
) -> None:
    headers = {**token(service, "ingest"), "Host": "server.lan:8514"}
    assert app.test_client().post("/api/ingest", data=LINE, headers=headers).status_code == 200


def test_control_token_of_the_running_service_may_do_all(client: FlaskClient, service: Service) -> None:
    headers = {"Authorization": f"Bearer {service.control_token}"}
    made = client.post("/api/tokens", json={"name": "shop", "scope": "read"}, headers=headers)
    assert made.status_code == 200
    again = client.post("/api/tokens", json={"name": "shop", "scope": "read"}, headers=headers)
    assert again.status_code == 409
    shown = client.get("/api/tokens", headers=headers).get_json()
    assert [(each["name"], each["scope"]) for each in shown["tokens"]] == [("shop", "read")]
    assert made.get_json()["token"] not in client.get("/api/tokens", headers=headers).text


def test_revoked_token_is_dead_at_once(client: FlaskClient, service: Service) -> None:
    admin = {"Authorization": f"Bearer {service.control_token}"}
    made = client.post("/api/tokens", json={"name": "a/b", "scope": "read"}, headers=admin).get_json()
    own = {"Authorization": f"Bearer {made['token']}"}
    assert client.get("/api/logs", headers=own).status_code == 200
    assert client.delete("/api/tokens/a/b", headers=admin).get_json() == {"removed": True}
    assert client.get("/api/logs", headers=own).status_code == 401
    assert client.delete("/api/tokens/a/b", headers=admin).get_json() == {"removed": False}


def test_last_use_of_a_token_is_recorded(client: FlaskClient, service: Service) -> None:
    client.get("/api/logs", headers=token(service, "read"))
    wait_until(lambda: service.store.tokens()[0].last_used_ns is not None)


def test_every_answer_carries_the_security_headers(client: FlaskClient) -> None:
    for path in ("/api/logs", "/nothing", "/api/nothing", "/healthz"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
