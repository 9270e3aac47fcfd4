"""/settings: what a reader chooses for the pages, and what the service's settings say."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from flask import g
from flask.testing import FlaskClient

from hantu.service import Service
from tests.web.test_pages import SAME_ORIGIN


def chosen(client: FlaskClient, **choices: str) -> Any:
    return client.post("/settings", data=choices, headers=SAME_ORIGIN)


def test_a_choice_is_kept_and_every_page_says_it(client: FlaskClient) -> None:
    assert "data-theme" not in client.get("/logs").text
    assert chosen(client, theme="dark", contrast="high", density="roomy", lang="ko").status_code == 303
    for path in ("/logs", "/errors", "/settings", "/nowhere"):
        assert (
            '<html lang="ko" data-theme="dark" data-contrast="high" data-density="roomy">'
            in client.get(path).text
        )
    chosen(client, theme="", contrast="", density="", lang="en")
    assert '<html lang="en">' in client.get("/logs").text


def test_what_the_form_does_not_name_stays(client: FlaskClient) -> None:
    chosen(client, theme="dark", lang="ko")
    chosen(client, theme="light")
    assert '<html lang="ko" data-theme="light">' in client.get("/logs").text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("theme", "pink"),
        ("lang", "fr"),
        ("zone", "Mars/Olympus"),
        ("start", "//evil.example"),
        ("start", "https://evil.example/"),
        ("start", "/\\evil.example"),
        ("start", "/logs\n"),
    ],
)
def test_a_choice_that_is_none_is_refused(client: FlaskClient, name: str, value: str) -> None:
    assert chosen(client, **{name: value}).status_code == 400
    client.set_cookie(name, value.strip())
    assert client.get("/settings").status_code == 200


def test_a_page_of_another_site_chooses_nothing(client: FlaskClient) -> None:
    answer = client.post("/settings", data={"theme": "dark"}, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


def test_an_account_takes_its_choices_to_another_browser(
    service: Service, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kim() -> None:
        g.client = replace(g.client, account="kim")

    client.application.before_request_funcs[None].append(kim)
    chosen(client, theme="dark", start="/errors?status=all")
    assert service.store.preferences("kim") == {"theme": "dark", "start": "/errors?status=all"}
    other = client.application.test_client()
    assert 'data-theme="dark"' in other.get("/logs").text
    other.post("/settings", data={"theme": "light"}, headers=SAME_ORIGIN)
    assert 'data-theme="dark"' in client.get("/logs").text, "this browser keeps its own choice"
    other.post("/settings", data={"theme": ""}, headers=SAME_ORIGIN)
    assert service.store.preferences("kim") == {"start": "/errors?status=all"}
    assert "data-theme" not in other.get("/logs").text


def test_a_setting_that_fixes_the_language_is_told(service: Service, client: FlaskClient) -> None:
    service.config = replace(service.config, language="ko")
    html = client.get("/settings").text
    assert "설정 language에서 정한 값입니다." in html
    assert re.search(r"<fieldset[^>]* disabled>\s*<legend>언어</legend>", html)
