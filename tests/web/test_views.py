"""Saved views: the menu, the list, the start page, the API."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hantu.service import Service
from tests.web.desk import line, store, token
from tests.web.peopledesk import OWN, done, people, signed_in

ORIGIN = {"Origin": "http://localhost"}
ERRORS = "/logs?q=level%3A%3E%3Derror+since%3A24h&cols=status"


def post(client: FlaskClient, path: str, **form: str) -> TestResponse:
    return client.post(path, data=form, headers=ORIGIN)


def save(client: FlaskClient, name: str, address: str = ERRORS, **more: str) -> None:
    answer = post(client, "/logs/views", name=name, address=address, **more)
    assert (answer.status_code, answer.location) == (303, address)


def named(client: FlaskClient) -> list[tuple[str, str]]:
    found: list[dict[str, Any]] = client.get("/api/views").json["views"]
    return [(view["name"], view["address"]) for view in found]


def test_a_view_stands_in_the_menu_and_is_marked_when_it_is_seen(
    client: FlaskClient, service: Service
) -> None:
    store(service, [line("주문 실패")])
    save(client, "오늘의 에러")
    page = client.get(ERRORS).text
    assert '&amp;cols=status" aria-current="true">오늘의 에러' in page
    # The same view, the words of its address in another order, at another place of paging.
    other = client.get("/logs?cols=status&q=level:>%3Derror since:24h&before=1-1").text
    assert 'aria-current="true">오늘의 에러' in other
    assert 'aria-current="true">오늘의 에러' not in client.get("/logs").text


def test_views_are_renamed_and_removed_in_their_list(client: FlaskClient) -> None:
    save(client, "a")
    save(client, "b", "/logs/patterns?q=since%3A1h")
    assert "level:&gt;=error since:24h" in client.get("/logs/views").text
    assert post(client, "/logs/views/rename", owner="all", name="a", to="b").status_code == 409
    assert post(client, "/logs/views/rename", owner="all", name="a", to=" 에러 ").status_code == 303
    assert post(client, "/logs/views/rename", owner="all", name="a", to="c").status_code == 404
    assert [name for name, _ in named(client)] == ["b", "에러"]
    for _ in range(2):
        assert post(client, "/logs/views/remove", owner="all", name="b").status_code == 303
    assert [name for name, _ in named(client)] == ["에러"]


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "/\\evil.example", ""])
def test_a_view_never_leads_to_another_site(client: FlaskClient, address: str) -> None:
    assert post(client, "/logs/views", name="x", address=address).status_code == 400
    assert post(client, "/logs/start", address=address or "x").status_code == 400
    assert named(client) == []


def test_a_form_of_another_site_saves_nothing(client: FlaskClient) -> None:
    answer = client.post(
        "/logs/views", data={"name": "x", "address": "/logs"}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    assert named(client) == []


def test_the_first_page_is_the_view_that_was_chosen_for_it(client: FlaskClient) -> None:
    assert client.get("/").location == "/logs"
    save(client, "errors", start="1")
    assert client.get("/").location == ERRORS
    assert post(client, "/logs/start", address="/").status_code == 303
    assert client.get("/").location == "/logs"
    post(client, "/logs/start", address=ERRORS)
    post(client, "/logs/start", address="")
    assert client.get("/").location == "/logs"


def test_programs_keep_and_remove_views(client: FlaskClient, service: Service) -> None:
    admin, reader = token(service, "admin"), token(service, "read")
    asked = {"name": "nginx 5xx", "address": "/logs?q=container%3Anginx", "shared": True}
    made = client.post("/api/views", json=asked, headers=admin)
    assert made.status_code == 200
    assert made.json["name"] == "nginx 5xx"
    assert client.post("/api/views", json=asked, headers=reader).status_code == 403
    assert client.post("/api/views", json={**asked, "address": "//x"}, headers=admin).status_code == 400
    assert named(client) == [("nginx 5xx", "/logs?q=container%3Anginx")]
    gone = client.delete("/api/views/nginx 5xx?shared=true", headers=admin)
    assert gone.json == {"removed": True}
    assert client.delete("/api/views/nginx 5xx?shared=true", headers=admin).json == {"removed": False}


def test_columns_of_the_form_become_those_of_the_address(client: FlaskClient, service: Service) -> None:
    store(service, [line("x", metadata={"status": 500, "user": {"id": 7}})])
    answer = client.get("/logs?q=x&wrap=1&col=&col=user.id&col=status,user.id&col=bad name")
    found = parse_qs(urlsplit(answer.location).query)
    assert found == {"q": ["x"], "wrap": ["1"], "cols": ["user.id,status"]}
    assert "cols" not in client.get("/logs?q=x&cols=status&col=").location


def test_an_account_has_views_of_its_own_and_an_operator_shares_some(
    app: flask.Flask, service: Service
) -> None:
    people(service)
    operator, viewer = signed_in(app, "operator"), signed_in(app, "viewer")
    for browser, name, more in (
        (operator, "everybody's", {"shared": "1"}),
        (operator, "mine", {}),
        (viewer, "only mine", {}),
    ):
        form = {"name": name, "address": ERRORS, **more}
        assert browser.post("/logs/views", data=form, headers=OWN).status_code == 303
    assert [name for name, _ in named(operator)] == ["everybody's", "mine"]
    assert [name for name, _ in named(viewer)] == ["everybody's", "only mine"]
    shared = {"name": "x", "address": ERRORS, "shared": "1"}
    assert viewer.post("/logs/views", data=shared, headers=OWN).status_code == 403
    removed = {"owner": "all", "name": "everybody's"}
    assert viewer.post("/logs/views/remove", data=removed, headers=OWN).status_code == 403
    assert viewer.delete("/api/views/everybody's?shared=true", headers=OWN).status_code == 403
    assert "For everybody" in operator.get("/logs").text
    assert "For everybody" not in viewer.get("/logs").text
    assert operator.post("/logs/views/remove", data=removed, headers=OWN).status_code == 303
    assert [name for name, _ in named(viewer)] == ["only mine"]


def test_the_audit_trail_tells_of_views_that_are_everybodys(app: flask.Flask, service: Service) -> None:
    people(service)
    operator = signed_in(app, "operator")
    admin = token(service, "admin")

    def post(path: str, **form: str) -> None:
        assert operator.post(path, data=form, headers=OWN).status_code == 303

    post("/logs/views", name="mine", address=ERRORS)
    post("/logs/views", name="all", address=ERRORS, shared="1")
    post("/logs/views/rename", owner="all", name="all", to="야간 에러")
    post("/logs/views/remove", owner="all", name="nobody knows it")
    post("/logs/views/remove", owner="own", name="mine")
    post("/logs/views/remove", owner="all", name="야간 에러")
    asked = {"name": "5xx", "address": "/logs?q=status%3A500", "shared": True}
    browser = app.test_client()
    assert browser.post("/api/views", json=asked, headers=admin).status_code == 200
    for removed in (True, False):
        assert browser.delete("/api/views/5xx?shared=true", headers=admin).json == {"removed": removed}
    assert [(act.actor, act.act, act.object, act.detail) for act in done(service)[1:]] == [
        ("operator", "shared view saved", "all", {"address": ERRORS}),
        ("operator", "shared view renamed", "all", {"to": "야간 에러"}),
        ("operator", "shared view removed", "야간 에러", {}),
        ("token admin program", "shared view saved", "5xx", {"address": "/logs?q=status%3A500"}),
        ("token admin program", "shared view removed", "5xx", {}),
    ], "views of one's own, and what was not there, are not told of"
