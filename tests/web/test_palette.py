"""/palette: a few letters lead to any page, source, error, run or act."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape

import pytest
from flask.testing import FlaskClient

from hantu.query.logquery import LogQuery
from hantu.service import Service
from hantu.web.settings import SECTIONS
from tests.web.desk import app_of, line, running_service, store
from tests.web.errordesk import kinds, record
from tests.web.executiondesk import put
from tests.web.test_pages import SAME_ORIGIN

KOREAN = {"Accept-Language": "ko"}
_LINE = re.compile(r'<(?:a|button) class="palette-item" ([^>]*)>(.*?)</(?:a|button)>', re.S)
_TARGET = re.compile(r'href="([^"]*)"|name="(\w+)" value="(\w*)"')


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A client of one hantu in which nothing has happened, for all that change nothing."""
    with running_service(tmp_path_factory.mktemp("quiet") / "data") as started:
        yield app_of(started).test_client()


def found(client: FlaskClient, typed: str, **headers: str) -> dict[str, str]:
    """Where each line leads, or what it chooses, and what it says; in order."""
    asked = {"HX-Request": "true", **headers}
    html = client.get("/palette", query_string={"q": typed}, headers=asked).text
    assert "<html" not in html
    out: dict[str, str] = {}
    for head, body in _LINE.findall(html):
        target = _TARGET.search(head)
        assert target
        said = unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", body))).strip()
        out[unescape("=".join(filter(None, target.groups(default=""))))] = said
    return out


def first(client: FlaskClient, typed: str, **headers: str) -> str:
    return next(iter(found(client, typed, **headers)))


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        ("err", "/errors"),
        ("log", "/logs"),
        ("exec", "/executions"),
        ("setting", "/settings"),
        ("alerts", "/settings/alerts"),
        ("live", "/logs?q=level%3A%3E%3Dinfo&live=1"),
        ("dark", "theme=dark"),
        ("high", "contrast=high"),
        ("한국", "lang=ko"),
    ],
)
def test_a_few_letters_lead_to_a_page_or_an_act(quiet: FlaskClient, typed: str, target: str) -> None:
    assert first(quiet, typed) == target


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        ("에러", "/errors"),
        ("ㅇㄹ", "/errors"),
        ("ㅅㅈㅇ", "/sources"),
        ("수지", "/sources"),
        ("ㅇㄷㅇ", "theme=dark"),
    ],
)
def test_korean_is_found_by_its_first_consonants(quiet: FlaskClient, typed: str, target: str) -> None:
    assert target in list(found(quiet, typed, **KOREAN))[:2]


def test_names_of_either_language_are_known_on_pages_of_the_other(quiet: FlaskClient) -> None:
    assert first(quiet, "errors", **KOREAN) == "/errors"
    assert first(quiet, "ㅇㄹ") == first(quiet, "에러") == "/errors"


def test_every_page_and_section_of_the_settings_is_reached(quiet: FlaskClient) -> None:
    for group in SECTIONS:
        for _key, href, text in group:
            assert href in found(quiet, text)


def test_sources_errors_and_runs_are_found(service: Service, client: FlaskClient) -> None:
    now_ns = time.time_ns()
    store(service, [line("x", source="docker", source_id="web-frontend", time_ns=now_ns)])
    store(
        service, [record("예수금 부족", time_ns=now_ns), record("other", error_type="Rest", time_ns=now_ns)]
    )
    run = put(service, "정산", created_ns=now_ns)
    number = service.store.errors_after(0, most=9)[0].group_no
    assert first(client, "front") == "/logs?q=container%3Aweb-frontend"
    assert first(client, "wfr") == "/logs?q=container%3Aweb-frontend"
    for typed in ("예수금", "ㅇㅅㄱ", "insufficient", f"#{number}", str(number)):
        assert first(client, typed) == f"/errors/{number}", typed
    for typed in ("정산", "ㅈㅅ", run.id):
        assert first(client, typed) == f"/executions/{run.id}", typed


def test_saved_views_are_found_by_name_and_by_what_they_ask(client: FlaskClient) -> None:
    view = {"address": "/logs?q=level%3Aerror+service%3Aapi", "name": "밤새 에러", "start": "1"}
    assert client.post("/logs/views", data=view, headers=SAME_ORIGIN).status_code == 303
    for typed in ("밤새", "ㅂㅅㅇㄹ", "service:api"):
        assert first(client, typed) == view["address"], typed
    html = client.get("/settings").text
    assert '<optgroup label="Saved views">' in html
    assert '<option value="/logs?q=level%3Aerror+service%3Aapi" selected>밤새 에러</option>' in html


def test_whatever_has_an_id_is_found_by_it(service: Service, client: FlaskClient) -> None:
    store(service, [record("it failed", trace_id="abc12345", time_ns=time.time_ns())])
    entry = service.store.search(LogQuery()).entries[0]
    error = service.store.errors_after(0, most=1)[0]
    assert entry.id is not None
    assert f"/logs/{entry.id}" in found(client, str(entry.id).upper())
    assert f"/errors/{error.record.id}" in found(client, str(error.record.id))
    assert first(client, "abc12345") == "/trace/abc12345"
    for nothing in ("00000000-0000-7000-8000-000000000000", "999999", "#999999"):
        assert list(found(client, nothing)) == [f"/logs?q={nothing.replace('#', '%23')}"]


def test_of_nothing_typed_come_open_errors_newest_sources_and_all_pages(
    service: Service, client: FlaskClient
) -> None:
    store(service, kinds(9))
    shown = list(found(client, ""))
    assert {"/logs", "/errors", "/executions", "/sources", "/status", "/settings"} <= set(shown)
    assert len([each for each in shown if re.fullmatch(r"/errors/\d+", each)]) == 4


def test_an_older_error_is_found_by_a_whole_word(service: Service, client: FlaskClient) -> None:
    store(service, kinds(130))
    assert first(client, "Kind0003").startswith("/errors/")


def test_what_was_typed_can_always_be_searched_in_the_logs(quiet: FlaskClient) -> None:
    assert list(found(quiet, "zzz <b>")) == ["/logs?q=zzz+%3Cb%3E"]
    for hostile in ('"', "level:(", "a" * 5_000, "\x00", "\u202e", "%", "' OR 1", "*", "-", "()"):
        assert quiet.get("/palette", query_string={"q": hostile}).status_code == 200


def test_what_a_log_says_is_text_in_the_palette(service: Service, client: FlaskClient) -> None:
    store(service, [record('<img src=x onerror="a()">', error_type="<script>", time_ns=time.time_ns())])
    html = client.get("/palette?q=img").text
    assert "<img" not in html
    assert "<script>:" not in html


def test_without_script_it_is_a_page_and_its_acts_come_back(client: FlaskClient) -> None:
    html = client.get("/palette?q=dark").text
    assert "<h1>Go to</h1>" in html
    assert 'form="palette-choose" name="theme" value="dark"' in html
    assert '<input type="hidden" name="back" value="/palette?q=dark">' in html
    data = {"theme": "dark", "back": "/errors?status=all"}
    assert (
        client.post("/settings", data=data, headers=SAME_ORIGIN).headers["Location"] == "/errors?status=all"
    )
    data["back"] = "//evil.example"
    assert (
        client.post("/settings", data=data, headers=SAME_ORIGIN).headers["Location"] == "/settings?saved=1"
    )
