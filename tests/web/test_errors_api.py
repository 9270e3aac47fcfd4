"""/api/errors: the inbox, the acts, the statistics, and who may do what."""

from __future__ import annotations

import time
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from hantu.client.sink import SinkError
from hantu.client.sink_http import HttpSink
from hantu.errors import ErrorStatus
from hantu.model import LogLevel
from hantu.service import Service
from tests.web.desk import served, store, token
from tests.web.errordesk import HOUR_NS, SECOND_NS, STACK, kinds, record

PAGE = {"Origin": "http://localhost"}


def listed(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/errors{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()["errors"]
    return found


def act(client: FlaskClient, error: object, what: str, body: dict[str, Any] | None = None) -> Any:
    return client.post(f"/api/errors/{error}/{what}", json=body, headers=PAGE)


def test_equal_errors_are_one_group(service: Service, client: FlaskClient) -> None:
    now_ns = time.time_ns()
    store(
        service,
        [
            record(f"주문 {number} 실패", stack_trace=STACK, time_ns=now_ns - number * SECOND_NS)
            for number in range(3)
        ],
    )
    answer = client.get("/api/errors").get_json()
    assert answer["total"] == 1
    assert answer["nextCursor"] is None
    (group,) = answer["errors"]
    assert {
        name: group[name] for name in ("service", "errorType", "place", "message", "level", "count")
    } == {
        "service": "scheduler",
        "errorType": "InsufficientBalance",
        "place": "core.trading.engine.execute_order",
        "message": "주문 0 실패",
        "level": "ERROR",
        "count": 3,
    }
    assert group["status"] == "UNRESOLVED"
    assert (group["regressed"], group["muted"], len(group["fingerprints"])) == (False, False, 1)
    detail = client.get(f"/api/errors/{group['id']}").get_json()
    assert [one["message"] for one in detail["occurrences"]] == [
        "주문 0 실패",
        "주문 1 실패",
        "주문 2 실패",
    ]
    assert detail["occurrences"][0]["stackTrace"] == STACK
    assert detail["history"] == []


@pytest.mark.parametrize("order", ["last", "first", "count"])
def test_pages_joined_hold_every_group_once_in_order(
    service: Service, client: FlaskClient, order: str
) -> None:
    store(service, kinds(53))
    store(service, kinds(20))
    keys = {"last": "lastSeen", "first": "firstSeen", "count": "count"}
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = client.get(f"/api/errors?order={order}&limit=10&cursor={cursor}").get_json()
        assert answer["total"] == 53
        found += answer["errors"]
        cursor = answer["nextCursor"]
        if cursor is None:
            break
    assert len({group["id"] for group in found}) == len(found) == 53
    values = [group[keys[order]] for group in found]
    assert values == sorted(values, reverse=True)


def test_every_filter_narrows(service: Service, client: FlaskClient) -> None:
    now_ns = time.time_ns()
    store(
        service,
        [
            record("예수금이 부족합니다", time_ns=now_ns - 30 * HOUR_NS),
            record(
                "killed", service="worker", error_type="OutOfMemory", level=LogLevel.FATAL, time_ns=now_ns
            ),
            record("no answer", service="api", error_type="TimeoutError", function="call", time_ns=now_ns),
        ],
    )
    for query, types in (
        ("?service=api", ["TimeoutError"]),
        ("?service=api,worker", ["OutOfMemory", "TimeoutError"]),
        ("?type=InsufficientBalance", ["InsufficientBalance"]),
        ("?level=critical", ["OutOfMemory"]),
        ("?level=error", ["InsufficientBalance", "TimeoutError"]),
        ("?q=예수금", ["InsufficientBalance"]),
        ("?q=금이+부족", ["InsufficientBalance"]),
        ("?q=TIMEOUT", ["TimeoutError"]),
        ("?q=engine.call", ["TimeoutError"]),
        ("?since=24h", ["OutOfMemory", "TimeoutError"]),
        ("?status=resolved", []),
        ("?status=regressed", []),
    ):
        assert sorted(group["errorType"] for group in listed(client, query)) == types, query


@pytest.mark.parametrize(
    ("query", "parameter", "allowed"),
    [
        ("?status=done", "status", "unresolved"),
        ("?level=warn", "level", "error or critical"),
        ("?since=soon", "since", "15m, 2h, 7d"),
        ("?order=worst", "order", "first"),
        ("?cursor=last-1", "cursor", "nextCursor"),
        ("?cursor=count-1-1", "cursor", "order"),
        ("?limit=0", "limit", ">= 1"),
        ("/stats?by=colour", "by", "service, type, level"),
        ("?nonsense=1", "nonsense", "status, service"),
    ],
)
def test_a_wrong_word_is_refused_with_what_is_allowed(
    client: FlaskClient, query: str, parameter: str, allowed: str
) -> None:
    answer = client.get(f"/api/errors{query}")
    error = answer.get_json()["error"]
    assert answer.status_code == 400
    assert error["parameter"] == parameter
    assert allowed in error["message"]


@pytest.mark.parametrize(
    "text",
    ['"', "' OR 1=1 --", "%", "_", "*", "a" * 400, "\x00", "(a+)+$", "NEAR(a b)", "'; DROP TABLE x", "\\"],
)
def test_no_search_is_an_error(service: Service, client: FlaskClient, text: str) -> None:
    store(service, [record("100% of _it_ failed")])
    answer = client.get("/api/errors", query_string={"q": text})
    assert answer.status_code == 200
    assert answer.get_json()["total"] == (1 if text in ("%", "_") else 0)


@pytest.mark.promise("M55")
def test_a_resolved_error_comes_back_when_it_happens_again(service: Service, client: FlaskClient) -> None:
    now_ns = time.time_ns()
    store(service, [record(time_ns=now_ns - HOUR_NS)])
    (group,) = listed(client, "?status=open")
    resolved = act(client, group["id"], "resolve").get_json()["error"]
    assert (resolved["status"], resolved["resolvedAt"] is not None) == ("RESOLVED", True)
    assert listed(client, "?status=open") == []
    store(service, [record(time_ns=now_ns - 2 * HOUR_NS)])
    assert listed(client, "?status=open") == [], "an old occurrence that comes late changes nothing"
    store(service, [record(time_ns=time.time_ns())])
    (again,) = listed(client, "?status=regressed")
    assert (again["id"], again["status"], again["regressed"]) == (group["id"], "UNRESOLVED", True)
    assert (again["regressions"], again["count"]) == (1, 3)
    history = client.get(f"/api/errors/{group['id']}").get_json()["history"]
    assert [(one["act"], one["by"]) for one in history] == [("regressed", ""), ("resolved", "page")]


@pytest.mark.promise("M55")
def test_the_library_marks_its_own_error_as_resolved(service: Service, app: flask.Flask) -> None:
    store(service, [record()])
    (found,) = service.store.errors_after(0, most=10)
    secret = token(service, "admin")["Authorization"].removeprefix("Bearer ")
    with served(app) as port:
        sink = HttpSink(f"http://127.0.0.1:{port}", token=secret)
        try:
            assert sink.mark_resolved(found.record.id) is True
            assert sink.mark_resolved(found.record.id) is False
            with pytest.raises(SinkError, match="knows no error"):
                sink.mark_resolved("00000000-0000-4000-8000-000000000000")
        finally:
            sink.close()
    assert service.store.error_group(found.group_no).status is ErrorStatus.RESOLVED


def test_an_act_that_the_state_does_not_allow_is_refused_with_those_it_does(
    service: Service, client: FlaskClient
) -> None:
    store(service, [record()])
    (group,) = listed(client)
    for act_first, act_again, says in (
        (None, "reopen", "resolve, mute"),
        (None, "unmute", "resolve, mute"),
        ("resolve", "resolve", "reopen, mute"),
    ):
        if act_first:
            assert act(client, group["id"], act_first).status_code == 200
        answer = act(client, group["id"], act_again)
        assert answer.status_code == 409
        assert says in answer.get_json()["error"]["message"]


def test_an_error_is_meant_by_the_id_of_an_occurrence_too(service: Service, client: FlaskClient) -> None:
    store(service, [record()])
    (group,) = listed(client)
    (one,) = client.get(f"/api/errors/{group['id']}/occurrences").get_json()["occurrences"]
    assert act(client, one["id"], "resolve").get_json()["error"]["id"] == group["id"]
    for unknown in ("999", "00000000-0000-4000-8000-000000000000", "nothing", "9" * 19, "-1"):
        assert client.get(f"/api/errors/{unknown}").status_code == 404
        assert act(client, unknown, "reopen").status_code == 404


def test_muting_takes_a_time_or_a_rate(service: Service, client: FlaskClient) -> None:
    store(service, [record()])
    (group,) = listed(client)
    assert act(client, group["id"], "mute", {}).status_code == 400
    assert act(client, group["id"], "mute", {"forSeconds": 60, "belowAnHour": 1}).status_code == 400
    assert act(client, group["id"], "mute", {"forSeconds": 0}).status_code == 400
    muted = act(client, group["id"], "mute", {"forSeconds": 3600}).get_json()["error"]
    assert muted["muted"]
    assert muted["mutedUntil"] > muted["lastSeen"]
    assert listed(client, "?status=open") == []
    assert [one["id"] for one in listed(client, "?status=muted")] == [group["id"]]
    muted = act(client, group["id"], "mute", {"belowAnHour": 10}).get_json()["error"]
    assert (muted["mutedUntil"], muted["mutedBelowAnHour"]) == (None, 10)
    heard = act(client, group["id"], "unmute").get_json()["error"]
    assert (heard["muted"], heard["mutedBelowAnHour"]) == (False, None)


def test_groups_are_merged_noted_and_split_again(service: Service, client: FlaskClient) -> None:
    store(service, [record(), record("no answer", error_type="TimeoutError")])
    first, second = sorted(listed(client), key=lambda group: group["id"])
    assert act(client, first["id"], "merge", {"groups": [first["id"]]}).status_code == 409
    assert act(client, first["id"], "merge", {"groups": [999]}).status_code == 404
    merged = act(client, first["id"], "merge", {"groups": [second["id"]]}).get_json()["error"]
    assert (merged["count"], len(merged["fingerprints"])) == (2, 2)
    assert client.get(f"/api/errors/{second['id']}").status_code == 404
    store(service, [record("no answer", error_type="TimeoutError")])
    assert [group["count"] for group in listed(client)] == [3]
    noted = act(client, first["id"], "notes", {"text": "  1.8.2에서 고침 "})
    assert noted.status_code == 200
    assert act(client, first["id"], "notes", {"text": " "}).status_code == 400
    own = act(client, first["id"], "split", {"fingerprint": second["fingerprints"][0]}).get_json()["error"]
    assert (own["errorType"], own["count"]) == ("TimeoutError", 2)
    assert sorted(group["count"] for group in listed(client)) == [1, 2]
    answer = act(client, first["id"], "split", {"fingerprint": "0" * 16})
    assert answer.status_code == 409
    assert first["fingerprints"][0] in answer.get_json()["error"]["message"]
    history = client.get(f"/api/errors/{first['id']}").get_json()["history"]
    assert ("note", "1.8.2에서 고침") in [(one["act"], one["text"]) for one in history]
    assert {"merged", "split"} <= {one["act"] for one in history}


def test_errors_of_different_services_stay_apart(service: Service, client: FlaskClient) -> None:
    store(service, [record(), record(service="api")])
    first, second = listed(client)
    answer = act(client, first["id"], "merge", {"groups": [second["id"]]})
    assert answer.status_code == 409
    assert "different services" in answer.get_json()["error"]["message"]


def test_occurrences_go_on_by_a_cursor(service: Service, client: FlaskClient) -> None:
    now_ns = time.time_ns()
    store(service, [record(time_ns=now_ns - number // 2 * SECOND_NS) for number in range(25)])
    (group,) = listed(client)
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        answer = client.get(f"/api/errors/{group['id']}/occurrences?limit=10&cursor={cursor}").get_json()
        seen += [one["id"] for one in answer["occurrences"]]
        cursor = answer["nextCursor"]
    assert len(set(seen)) == len(seen) == 25
    assert client.get(f"/api/errors/{group['id']}/occurrences?cursor=x").status_code == 400


@pytest.mark.promise("M57")
def test_errors_are_counted_by_service_type_level_and_time(service: Service, client: FlaskClient) -> None:
    now_ns = time.time_ns()
    store(
        service,
        [
            *(record(time_ns=now_ns - number * SECOND_NS) for number in range(3)),
            record("x", service="api", error_type="TimeoutError", time_ns=now_ns),
            record("y", service="api", error_type="OSError", level=LogLevel.FATAL, time_ns=now_ns),
            record("old", time_ns=now_ns - 24 * 9 * HOUR_NS),
        ],
    )

    def counted(query: str) -> list[tuple[str, int, int]]:
        answer = client.get(f"/api/errors/stats{query}").get_json()
        assert answer["total"] == sum(row["count"] for row in answer["rows"])
        return [(row["name"], row["count"], row["groups"]) for row in answer["rows"]]

    assert counted("?by=service&until=now") == [("scheduler", 3, 1), ("api", 2, 2)]
    assert counted("?by=type")[0] == ("InsufficientBalance", 3, 1)
    assert counted("?by=level") == [("ERROR", 4, 2), ("CRITICAL", 1, 1)]
    assert sum(count for _, count, _ in counted("?by=day&since=30d")) == 6
    assert len(counted("?by=day&since=30d")) >= 2
    assert sum(count for _, count, _ in counted("?by=hour")) == 5


def test_only_who_may_change_something_changes_it(service: Service, client: FlaskClient) -> None:
    store(service, [record()])
    (group,) = listed(client)
    path = f"/api/errors/{group['id']}/resolve"
    assert client.post(path).status_code == 403
    assert client.post(path, headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.post(path, headers=token(service, "read")).status_code == 403
    assert client.post(path, headers=token(service, "ingest")).status_code == 403
    assert listed(client, "?status=resolved") == []
    assert client.post(path, headers=token(service, "admin")).status_code == 200
    history = client.get(f"/api/errors/{group['id']}").get_json()["history"]
    assert [(one["act"], one["by"]) for one in history] == [("resolved", "admin program")]
