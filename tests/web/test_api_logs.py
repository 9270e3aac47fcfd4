"""GET /api/logs and its kin."""

from __future__ import annotations

import csv
import io
import json
import time
from typing import Any

import pytest
from flask.testing import FlaskClient

from hantu.model import LogLevel
from hantu.service import Service
from hantu.store.base import QueryTimeout, StoreError
from tests.web.desk import NOW_NS, line, store


def got(client: FlaskClient, path: str, **args: Any) -> Any:
    answer = client.get(path, query_string=args)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.data)


def messages(found: Any) -> list[str]:
    return [each["message"] for each in found["logs"]]


@pytest.mark.promise("M8", "M40")
def test_entry_is_given_with_all_its_parts(client: FlaskClient, service: Service) -> None:
    store(
        service,
        [
            line(
                "주문 실패",
                level=LogLevel.ERROR,
                time_ns=1_770_000_000_123_456_789,
                metadata={"user": {"id": 42}},
            )
        ],
    )
    found = got(client, "/api/logs", q="주문")
    assert found["total"] == 1
    assert found["totalIsExact"] is True
    assert found["nextCursor"] is None
    assert found["complete"] is True
    (log,) = found["logs"]
    assert log["timestamp"] == "2026-02-02T02:40:00.123456789Z"
    assert log["level"] == "error"
    assert (log["source"], log["sourceId"], log["message"]) == ("app", "shop", "주문 실패")
    assert log["metadata"] == {"user": {"id": 42}}
    assert log["createdAt"].endswith("Z")
    assert got(client, f"/api/logs/entry/{log['id']}") == log


@pytest.mark.promise("M8")
def test_pages_join_without_gap_or_double(client: FlaskClient, service: Service) -> None:
    store(service, [line(f"n{number}", time_ns=NOW_NS + number // 3) for number in range(25)])
    for order, expected in (
        ("desc", [f"n{n}" for n in range(24, -1, -1)]),
        ("asc", [f"n{n}" for n in range(25)]),
    ):
        seen: list[str] = []
        args: dict[str, Any] = {"order": order, "limit": 7}
        while True:
            found = got(client, "/api/logs", **args)
            assert found["total"] == 25
            seen += messages(found)
            if found["nextCursor"] is None:
                break
            args["cursor"] = found["nextCursor"]
        assert seen == expected


@pytest.mark.promise("M40")
def test_filters_narrow_as_the_query_language_does(client: FlaskClient, service: Service) -> None:
    store(
        service,
        [
            line("one", source="docker", source_id="api", level=LogLevel.ERROR),
            line("two", source="journal", source_id="ssh.service", level=LogLevel.WARN),
            line("three", level=LogLevel.DEBUG),
        ],
    )
    assert messages(got(client, "/api/logs", sources="docker,journal", order="asc")) == ["one", "two"]
    assert messages(got(client, "/api/logs", levels="debug")) == ["three"]
    assert messages(got(client, "/api/logs", minLevel="warning", order="asc")) == ["one", "two"]
    assert messages(got(client, "/api/logs", sourceId="ssh.service")) == ["two"]
    assert messages(got(client, "/api/logs", q="level:>=warn -two")) == ["one"]
    assert messages(got(client, "/api/logs/docker")) == ["one"]
    assert messages(got(client, "/api/logs/docker", q="two")) == []
    assert messages(got(client, "/api/logs/unknown-source")) == []


@pytest.mark.parametrize(
    ("args", "parameter"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1e3"}, "limit"),
        ({"minLevel": "loud"}, "minLevel"),
        ({"levels": "info,loud"}, "levels"),
        ({"since": "someday"}, "since"),
        ({"cursor": "xyz"}, "cursor"),
        ({"order": "up"}, "order"),
        ({"minlevel": "info"}, "minlevel"),
        ({"q": "("}, "q"),
        ({"q": "level:loud"}, "q"),
    ],
)
def test_wrong_argument_is_answered_with_its_name_and_a_sentence(
    client: FlaskClient, args: dict[str, str], parameter: str
) -> None:
    answer = client.get("/api/logs", query_string=args)
    assert answer.status_code == 400
    error = json.loads(answer.data)["error"]
    assert error["parameter"] == parameter
    assert len(error["message"]) > 10


def test_position_of_a_query_error_is_given(client: FlaskClient) -> None:
    error = json.loads(client.get("/api/logs", query_string={"q": "abc level:loud"}).data)["error"]
    assert error["code"] == "bad_query"
    assert error["position"] >= 4


HOSTILE_WORDS = (
    *('"', "'", "NEAR(a b)", "a*b*c", "^a", "{a b}", "col:x", "-", "*", "**", "AND", "OR", "NOT", "a AND"),
    *("\x00", "a\x00b", "\ud7ff", "'; DROP TABLE log_entry; --", "%_\\", "/[/", "/(/", "a" * 4096),
    " ".join(["a"] * 40),
)


@pytest.mark.parametrize("text", HOSTILE_WORDS)
def test_hostile_words_never_break_the_search(client: FlaskClient, service: Service, text: str) -> None:
    store(service, [line("a b c")])
    answer = client.get("/api/logs", query_string={"q": text})
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert json.loads(answer.data)["error"]["message"]


def test_catastrophic_regex_is_linear_and_back_references_are_refused(
    client: FlaskClient, service: Service
) -> None:
    store(service, [line("a" * 5000 + "!")])
    assert messages(got(client, "/api/logs", q="/(a+)+$/")) == []
    refused = client.get("/api/logs", query_string={"q": r"/(a)\1/"})
    assert refused.status_code == 400


def test_query_beyond_its_time_limit_says_so(
    client: FlaskClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = "the search took longer than 5 s; narrow the time range"

    def slow(*_args: object, **_more: object) -> None:
        raise QueryTimeout(sentence)

    monkeypatch.setattr(service.store, "query", slow)
    answer = client.get("/api/logs")
    assert answer.status_code == 503
    assert json.loads(answer.data)["error"] == {"code": "query_timeout", "message": sentence}


def test_broken_store_is_503_and_a_bug_is_500_without_traceback(
    client: FlaskClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(error: Exception) -> object:
        def query(*_args: object, **_more: object) -> None:
            raise error

        return query

    monkeypatch.setattr(service.store, "query", fails(StoreError("the disk is gone")))
    assert client.get("/api/logs").status_code == 503
    monkeypatch.setattr(service.store, "query", fails(RuntimeError("secret detail")))
    answer = client.get("/api/logs")
    assert answer.status_code == 500
    assert "Traceback" not in answer.text
    assert "secret detail" not in answer.text


def test_context_gives_the_lines_around(client: FlaskClient, service: Service) -> None:
    store(
        service,
        [line(f"n{n}", time_ns=NOW_NS + n, source_id="odd" if n % 2 else "even") for n in range(20)],
    )
    (log,) = got(client, "/api/logs", q="n10")["logs"]
    own = got(client, f"/api/logs/{log['id']}/context", before=2, after=1)
    assert own["id"] == log["id"]
    assert messages(own) == ["n6", "n8", "n10", "n12"]
    everything = got(client, f"/api/logs/{log['id'].upper()}/context", before=2, after=1, scope="all")
    assert messages(everything) == ["n8", "n9", "n10", "n11"]
    unknown = "00000000-0000-4000-8000-000000000000"
    assert client.get(f"/api/logs/{unknown}/context").status_code == 404
    assert client.get("/api/logs/entry/no-uuid").status_code == 404


def test_histogram_counts_every_match_once(client: FlaskClient, service: Service) -> None:
    start_ns = time.time_ns() - 3600 * 10**9
    store(
        service,
        [
            line("x", time_ns=start_ns + n * 10**9, level=LogLevel.ERROR if n % 4 == 0 else LogLevel.INFO)
            for n in range(100)
        ],
    )
    found = got(client, "/api/logs/histogram", q="x", since="2h", buckets=12)
    buckets = found["buckets"]
    assert len(buckets) == 12
    assert sum(bucket["total"] for bucket in buckets) == 100
    assert sum(bucket["counts"]["error"] for bucket in buckets) == 25
    whole = got(client, "/api/logs/histogram")
    assert sum(bucket["total"] for bucket in whole["buckets"]) == 100


def test_facets_count_values_of_fields(client: FlaskClient, service: Service) -> None:
    store(
        service,
        [line("x", source_id=f"s{n % 3}", metadata={"user": {"id": n % 2}}) for n in range(12)],
    )
    found = got(client, "/api/logs/facets", fields="sourceId,user.id", most=2)
    by_name = {facet["field"]: facet["values"] for facet in found["facets"]}
    assert by_name["sourceId"] == [{"value": "s0", "count": 4}, {"value": "s1", "count": 4}]
    assert by_name["user.id"] == [{"value": "0", "count": 6}, {"value": "1", "count": 6}]
    assert client.get("/api/logs/facets", query_string={"fields": ","}).status_code == 400


def test_what_a_tail_skipped_can_be_loaded(client: FlaskClient, service: Service) -> None:
    before = service.store.cursor()
    store(service, [line(f"n{n}", time_ns=NOW_NS - n) for n in range(10)])
    middle = service.store.cursor()
    store(service, [line("later")])
    found = got(client, "/api/logs", after=before, upTo=middle, order="asc")
    assert sorted(messages(found)) == sorted(f"n{n}" for n in range(10))


def exported(client: FlaskClient, form: str, **args: Any) -> str:
    answer = client.get("/api/logs/export", query_string={"format": form, **args})
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    return answer.get_data(as_text=True)


HOSTILE = "=cmd|' /C calc'!A0\x1b]0;owned\x07\r\u202egpj.exe\n2026-01-01T00:00:00.000000000Z [INFO] forged"


def test_export_is_complete_in_every_format(client: FlaskClient, service: Service) -> None:
    store(service, [line(f'주문 {n}, "quoted"', time_ns=NOW_NS + n) for n in range(1200)])
    rows = [json.loads(each) for each in exported(client, "jsonl", q="주문").splitlines()]
    assert [row["message"] for row in rows] == [f'주문 {n}, "quoted"' for n in range(1200)]
    table = list(csv.DictReader(io.StringIO(exported(client, "csv", order="desc"))))
    assert [row["message"] for row in table] == [f'주문 {n}, "quoted"' for n in range(1199, -1, -1)]
    assert len(exported(client, "text").splitlines()) == 1200


def test_export_disarms_formulas_escapes_and_forged_lines(client: FlaskClient, service: Service) -> None:
    store(service, [line(HOSTILE, source_id="+evil"), line("-1"), line("@x")])
    table = list(csv.DictReader(io.StringIO(exported(client, "csv"))))
    assert table[0]["message"].startswith("'=cmd")
    assert table[0]["sourceId"] == "'+evil"
    assert [row["message"] for row in table[1:]] == ["'-1", "'@x"]
    for form in ("csv", "text"):
        for sign in ("\x1b", "\x07", "\u202e"):
            assert sign not in exported(client, form)
    text = exported(client, "text")
    assert "\r" not in text
    assert next(row for row in text.splitlines() if "forged" in row).startswith("    ")
    assert json.loads(exported(client, "jsonl").splitlines()[0])["message"] == HOSTILE
