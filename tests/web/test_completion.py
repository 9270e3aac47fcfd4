"""What the search box suggests."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from hantu.model import LogLevel
from hantu.service import Service
from tests.web.desk import line, store

LINES = [
    *(
        line(f"a {n}", source="docker", source_id="hantu-api", metadata={"status": 500, "user": {"id": n}})
        for n in range(3)
    ),
    line(
        "b",
        source="docker",
        source_id="nginx",
        level=LogLevel.WARN,
        metadata={"status": 200, "지역": "서울 강남"},
    ),
    line(
        "c",
        source="journal",
        source_id="ssh.service",
        level=LogLevel.ERROR,
        metadata={"logger": "core.api"},
    ),
    line("d", source_id="/var/log/shop.log", metadata={"logger": "core.api", "note": "two words"}),
]


@pytest.fixture(autouse=True)
def lines(service: Service) -> None:
    store(service, LINES)


def asked(client: FlaskClient, text: str, at: int | None = None, **headers: str) -> dict[str, Any]:
    parameters = {"q": text} | ({} if at is None else {"at": str(at)})
    answer = client.get("/logs/complete", query_string=parameters, headers=headers)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json
    return found


def texts(client: FlaskClient, text: str, at: int | None = None) -> list[str]:
    return [item["text"] for item in asked(client, text, at)["items"]]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("le", ["level:"]),
        ("주문 -lev", ["level:"]),
        ("(sta", ["status:"]),
        ("hantu", ["container:hantu-api "]),
        ("ngi", ["container:nginx "]),
        ("err", ["level:error "]),
        ("container:", ["container:hantu-api ", "container:nginx "]),
        ("container:ng", ["container:nginx "]),
        ("unit:", ["unit:ssh.service "]),
        ("file:", ["file:/var/log/shop.log "]),
        ("source:d", ["source:docker "]),
        ("level:>=w", ["level:>=warn "]),
        ("status:", ["status:500 ", "status:200 ", "status:>=", "status:<="]),
        ("status:2", ["status:200 "]),
        ("logger:core", ["logger:core.api "]),
        ("note:", ['note:"two words" ']),
        ("since:1", ["since:15m ", "since:1h "]),
        ("on:y", ["on:yesterday "]),
    ],
)
def test_a_word_goes_on_with_fields_and_values_that_there_are(
    client: FlaskClient, text: str, first: list[str]
) -> None:
    assert texts(client, text)[: len(first)] == first


@pytest.mark.parametrize(
    "text", ["/var/lo", '"le', "*le", "http://le", "trace:", "id:", "a:b:c", "level:loud"]
)
def test_nothing_is_suggested_where_nothing_fits(client: FlaskClient, text: str) -> None:
    assert texts(client, text) == []


def test_without_a_word_all_fields_are_offered(client: FlaskClient) -> None:
    assert texts(client, "주문 ")[:3] == ["level:", "source:", "container:"]


def test_levels_come_with_their_counts_the_worst_first(client: FlaskClient) -> None:
    items = asked(client, "level:")["items"]
    assert [item["label"] for item in items][:6] == [
        f"level:{name}" for name in ("fatal", "error", "warn", "info", "debug", "trace")
    ]
    assert [item["note"] for item in items][1:4] == ["1", "1", "4"]


def test_the_word_at_the_cursor_is_told_with_what_stands_behind_it(client: FlaskClient) -> None:
    found = asked(client, "🚀 container:ngxyz 주문", 15)
    assert (found["word"], found["tail"]) == ("container:ng", "xyz")
    assert found["items"][0]["text"] == "container:nginx "


def test_meanings_are_told_in_the_readers_language(client: FlaskClient) -> None:
    found = asked(client, "contai", **{"Accept-Language": "ko"})
    assert found["items"][0] == {
        "text": "container:",
        "label": "container:",
        "note": "Docker 컨테이너(이름 또는 id)",
    }


def test_hostile_names_are_shown_harmless_and_taken_whole(client: FlaskClient, service: Service) -> None:
    store(service, [line("x", source="docker", source_id='a"b\u202e c')])
    (item,) = asked(client, 'container:a"')["items"] or asked(client, "container:a")["items"]
    assert "\u202e" not in item["label"]
    answer = client.get("/api/logs", query_string={"q": item["text"]})
    assert [log["message"] for log in answer.json["logs"]] == ["x"]


@pytest.mark.parametrize("at", ["-5", "99999", "x", ""])
def test_a_strange_place_of_the_cursor_is_no_fault(client: FlaskClient, at: str) -> None:
    assert client.get("/logs/complete", query_string={"q": "level:", "at": at}).status_code == 200


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("a level:loud b", ["a level:fatal b", "a level:error b"]),
        ("level:>=loud", ["level:>=fatal"]),
        ("since:soon 주문", ["since:15m 주문", "since:1h 주문"]),
        ('"주문 실패', ['"주문 실패"']),
        ("(a OR b", ["(a OR b)"]),
        ("status:>=", ["status:>=500", "status:>=200"]),
        ("/(a)\\1/", []),
        ("a OR since:2h", []),
    ],
)
def test_a_wrong_search_is_answered_with_right_ones(
    client: FlaskClient, text: str, first: list[str]
) -> None:
    page = client.get("/logs", query_string={"q": text})
    assert page.status_code == 400
    fixed = [
        unescape(each) for each in re.findall(r'<a href="/logs\?q=[^"]*"><code>(.*?)</code>', page.text)
    ]
    assert fixed[: len(first)] == first
    assert bool(fixed) == bool(first)
    for other in fixed:
        assert client.get("/logs", query_string={"q": other}).status_code == 200


@pytest.mark.parametrize(
    ("text", "says", "at"),
    [
        ("level:loud 주문", "'loud' is no level", "level:loud"),
        ("🚀 level:loud x", "'loud' is no level", "level:loud"),
        ("주문) x", "none is open", ")"),
        ("a OR OR b", "OR needs a term on both sides", "OR"),
        ("x*y*", "a * stands at the start or the end", "x*y*"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(client: FlaskClient, text: str, says: str, at: str) -> None:
    wrong = asked(client, text)["wrong"]
    assert says in wrong["message"]
    assert wrong["at"] == at
    assert text.startswith(wrong["before"] + wrong["at"])


@pytest.mark.parametrize("text", ["", " ", "주문 실패", "level:", "level:er", "container:han", "field:x"])
def test_what_may_become_right_by_a_suggestion_is_not_called_wrong(client: FlaskClient, text: str) -> None:
    assert asked(client, text)["wrong"] is None


@pytest.mark.parametrize(
    ("text", "going_on"),
    [
        ('"주문', True),
        ("(a", True),
        ("a OR", True),
        ("since:5", True),
        ("level:loud a", False),
    ],
)
def test_what_only_goes_on_is_told_apart(client: FlaskClient, text: str, going_on: bool) -> None:
    assert asked(client, text)["wrong"]["unfinished"] is going_on


def test_right_texts_and_a_sentence_in_korean_come_with_it(client: FlaskClient) -> None:
    wrong = asked(client, "level:loud 주문", **{"Accept-Language": "ko"})["wrong"]
    assert "level:error 주문" in wrong["fixes"]
    assert re.search("[가-힣]", wrong["message"])
