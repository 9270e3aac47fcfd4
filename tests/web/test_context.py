"""The lines around one, with a search of their own; and what a reader takes along from a line."""

from __future__ import annotations

import html
import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hantu.model import LogLevel
from hantu.service import Service
from tests.web.desk import app_of, line, running_service, served, store, token

SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def own(service: Service, client: FlaskClient) -> str:
    """The id of a line amid 200 of its source, every tenth a warning, and as many of another."""
    now_ns = time.time_ns() - 3600 * SECOND_NS
    entries = []
    for at in range(200):
        level = LogLevel.INFO if at % 10 else LogLevel.WARN
        for source_id in ("shop", "feed"):
            text = f"{source_id} line {at:03d}"
            entries.append(line(text, source_id=source_id, level=level, time_ns=now_ns + at * SECOND_NS))
    store(service, entries)
    return id_of(client, '"shop line 100"')


def id_of(client: FlaskClient, query: str) -> str:
    """The id of the only line that a query finds."""
    (found,) = client.get("/api/logs", query_string={"q": query}).json["logs"]  # type: ignore[index]  # JSON
    return str(found["id"])


def around(client: FlaskClient, own: str, **asked: str) -> list[str]:
    """The messages around it, its own in brackets."""
    answer = client.get(f"/logs/{own}/context", query_string=asked, headers=FRAGMENT)
    assert answer.status_code == 200
    found = re.findall(
        r"<li class=[^>]*?( aria-current=\"true\")?>.*?<span>([^<]*)</span></li>", answer.text
    )
    return [f"[{text}]" if mine else text for mine, text in found]


def test_the_context_can_be_searched_without_the_search_of_the_page(client: FlaskClient, own: str) -> None:
    found = around(client, own, q="nothing of this", n="3", words="line", minLevel="warn")
    assert found == [
        *("shop line 070", "shop line 080", "shop line 090", "[shop line 100]"),
        *("shop line 110", "shop line 120", "shop line 130"),
    ]
    everywhere = around(client, own, n="2", minLevel="warn", scope="all")
    assert everywhere == [
        *("shop line 090", "feed line 090", "[shop line 100]", "feed line 100", "shop line 110"),
    ]
    assert around(client, own, n="50", words="017", scope="all") == [
        *("shop line 017", "feed line 017", "[shop line 100]")
    ]


def test_a_wrong_search_of_the_context_is_told_in_its_place(client: FlaskClient, own: str) -> None:
    answer = client.get(f"/logs/{own}/context?words=level:loud", headers=FRAGMENT)
    assert answer.status_code == 200
    assert 'role="alert">' in answer.text
    assert 'value="level:loud"' in answer.text
    assert around(client, own, words="level:loud") == ["[shop line 100]"]
    assert "No other line around it." in client.get(f"/logs/{own}/context?words=zebra").text


def test_without_script_the_search_of_the_context_is_a_form(client: FlaskClient, own: str) -> None:
    page = client.get(f"/logs/{own}/context?n=50&minLevel=warn&words=shop&q=line").text
    assert f'action="/logs/{own}/context"' in page
    assert '<option value="warn" selected>' in page
    assert 'name="q" value="line"' in page
    assert client.get(f"/logs/{own}/context?minLevel=loud&n=x").status_code == 200


def commands(page: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r'data-text="([^"]*)"', page)]


def test_a_copied_command_asks_for_the_line_and_for_the_search(service: Service) -> None:
    store(service, [line("결제 'quoted' $HOME `id`", time_ns=time.time_ns()), line("other")])
    app = app_of(service)
    own = id_of(app.test_client(), "결제")
    with served(app) as port:
        page = app.test_client().get(
            f"/logs/{own}/detail",
            query_string={"q": '결제 OR "it\'s"'},
            headers={"Host": f"127.0.0.1:{port}"},
        )
        of_line, of_search = commands(page.text)
        answers = [
            json.loads(subprocess.run(["sh", "-c", command], capture_output=True, check=True).stdout)
            for command in (of_line, of_search)
        ]
    assert answers[0]["message"] == "결제 'quoted' $HOME `id`"
    assert [found["id"] for found in answers[1]["logs"]] == [own]


def test_a_copied_command_names_the_token_but_never_holds_it(service: Service, client: FlaskClient) -> None:
    store(service, [line("one", time_ns=time.time_ns())])
    own = id_of(client, "one")
    secret = token(service, "read")
    far = {**secret, "X-Forwarded-For": "203.0.113.9"}
    (command,) = commands(client.get(f"/logs/{own}/detail", headers=far).text)
    assert '"Authorization: Bearer $HANTU_TOKEN"' in command
    assert secret["Authorization"].split()[1] not in command


@pytest.mark.promise("M41")
def test_a_permalink_survives_a_restart_and_the_retention_of_its_neighbours(tmp_path: Path) -> None:
    now_ns = time.time_ns()
    days = (12, 9, 3, 2, 0)
    with running_service(tmp_path / "data") as service:
        for day in days:
            first_ns = now_ns - day * DAY_NS
            store(service, [line(f"day {day} line {n}", time_ns=first_ns + n) for n in range(3_000)])
        client = app_of(service).test_client()
        links = {day: id_of(client, f'"day {day} line 7"') for day in days}
    with running_service(tmp_path / "data") as service:
        client = app_of(service).test_client()
        for day, own in links.items():
            assert f"day {day} line 7" in client.get(f"/logs/{own}").text
        assert service.pipeline.with_store(lambda kept: kept.cleanup(7, now_ns=now_ns)) >= 6_000
        assert client.get(f"/logs/{links[12]}").status_code == 404
    with running_service(tmp_path / "data") as service:
        client = app_of(service).test_client()
        for day in (3, 2, 0):
            found = client.get(f"/api/logs/entry/{links[day]}").json
            assert found is not None
            assert found["message"] == f"day {day} line 7"
            assert around(client, links[day], n="1") == [
                *(f"day {day} line 6", f"[day {day} line 7]", f"day {day} line 8")
            ]
        gone = client.get(f"/logs/{links[9]}")
        assert gone.status_code == 404
        assert "removed by retention" in gone.text
