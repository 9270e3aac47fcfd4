"""/settings: what a reader chooses for the pages, and what the service's settings say."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from flask import g
from flask.testing import FlaskClient

from hantu.config import load, settings
from hantu.paths import ROOT, STATIC
from hantu.service import Service
from hantu.web import about, settings_shown
from tests.client.bot_api import CHAT, TOKEN, UNAUTHORIZED, BotApi
from tests.web.desk import app_of, running_service, token
from tests.web.test_pages import SAME_ORIGIN

SECRET = "hush-hush-value"


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


def test_a_choice_that_is_none_is_refused(client: FlaskClient) -> None:
    for name, value in (
        ("theme", "pink"),
        ("lang", "fr"),
        ("zone", "Mars/Olympus"),
        ("start", "//evil.example"),
        ("start", "https://evil.example/"),
        ("start", "/\\evil.example"),
        ("start", "/logs\n"),
    ):
        assert chosen(client, **{name: value}).status_code == 400, value
        client.set_cookie(name, value.strip())
        assert client.get("/settings").status_code == 200, value


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


def test_every_setting_is_shown_once_with_its_value_and_origin(tmp_path: Path) -> None:
    file = tmp_path / "hantu.toml"
    file.write_text(f'data_dir = "{tmp_path / "data"}"\nretention_days = 14\nretention_bytes = "4G"\n')
    environ = {
        "HANTU_DOCKER": "off",
        "HANTU_JOURNAL": "off",
        "HANTU_FILES": "none",
        "HANTU_CALLBACK_SECRET": SECRET,
    }
    loaded = load(file, environ=environ)
    service = Service(loaded.config, origins=loaded.origins)
    service.start()
    try:
        client = app_of(service).test_client()
        pages = {section: client.get(f"/settings/{section}").text for section in settings_shown.LEADS}
    finally:
        service.stop()
    shown = re.findall(r"<td><code>(\w+)</code>", "".join(pages.values()))
    assert sorted(shown) == sorted(setting.key for setting in settings())
    rows = {section: re.sub(r"<[^>]+>", " ", html) for section, html in pages.items()}
    assert re.search(rf"retention_days\s+days that entries are kept\s+14\s+{file}", rows["keeping"])
    assert "4.3 GB" in rows["keeping"]
    assert f"sudoedit {file}" in rows["keeping"]
    assert re.search(r"docker\s+collect containers[^\n]+off\s+HANTU_DOCKER", rows["collecting"])
    assert re.search(r"callback_secret\s+[^\n]+set, not shown\s+HANTU_CALLBACK_SECRET", rows["service"])
    assert re.search(r"cooldown_s\s+[^\n]+300\s+default", rows["alerts"])
    assert SECRET not in "".join(pages.values())


def test_a_test_message_is_sent_and_its_failure_told(tmp_path: Path) -> None:
    with BotApi() as api:
        channel = {"telegram_token": TOKEN, "telegram_chat_id": CHAT, "telegram_api": api.url}
        with running_service(tmp_path / "data", **channel) as service:
            client = app_of(service).test_client()
            assert "Send a test message" in client.get("/settings/alerts").text
            assert TOKEN not in client.get("/settings/alerts").text
            answer = client.post("/settings/alerts/test", headers=SAME_ORIGIN)
            assert answer.status_code == 303
            assert "Sent as @" in client.get(answer.headers["Location"]).text
            assert "알림을 보낼 수 있습니다" in str(api.messages)
            api.answer(UNAUTHORIZED)
            refused = client.post("/settings/alerts/test", headers=SAME_ORIGIN)
            assert refused.status_code == 502
            assert "The test could not be sent:" in refused.text
            assert TOKEN not in refused.text


def test_without_a_channel_the_page_says_how_to_get_one(client: FlaskClient) -> None:
    html = client.get("/settings/alerts").text
    assert "@BotFather" in html
    assert "notify test" in html
    assert client.post("/settings/alerts/test", headers=SAME_ORIGIN).status_code == 409


def test_who_may_only_look_sends_no_test(service: Service, client: FlaskClient) -> None:
    answer = client.post("/settings/alerts/test", headers=token(service, "read"))
    assert answer.status_code == 403


def test_about_names_every_library_with_its_version(client: FlaskClient) -> None:
    named = re.findall(r"^([\w-]+)==", (ROOT / "requirements.txt").read_text(), re.M)
    assert sorted(named, key=str.lower) == sorted(about.LIBRARIES, key=str.lower)
    html = client.get("/settings/about").text
    for library in named:
        assert f"<td>{library}</td>" in html
        assert version(library) in html
    vendored = {path.name for path in (STATIC / "vendor").iterdir() if path.suffix == ".js"}
    assert vendored == {f"{name}-{number}.min.js" for name, number, _ in about.VENDORED}


def test_a_zone_and_a_first_page_can_be_chosen(client: FlaskClient) -> None:
    chosen(client, zone="America/Argentina/Buenos_Aires", start="/logs?q=주문&live=1")
    html = client.get("/settings").text
    assert '<option value="America/Argentina/Buenos_Aires" selected>' in html
    assert '<option value="/logs?q=주문&amp;live=1" selected>' in html
