"""POST /api/ingest."""

from __future__ import annotations

import gzip
import json
import threading
import uuid
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from hantu.model import LogEntry
from hantu.pipeline import Submission
from hantu.query.logquery import LogQuery, Order
from hantu.service import Service
from hantu.store.base import StoreError
from hantu.web import ingest
from hantu.web.records import read_records
from tests.waiting import wait_until
from tests.web.desk import line, token

NDJSON = "application/x-ndjson"
Answer = Any


@pytest.fixture
def headers(service: Service) -> dict[str, str]:
    return token(service, "ingest")


@pytest.fixture
def push(client: FlaskClient, headers: dict[str, str]) -> Push:
    return Push(client, headers)


class Push:
    """Posts bodies with a token."""

    def __init__(self, client: FlaskClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    def __call__(self, body: bytes | str, status: int = 200, **headers: str) -> Answer:
        more = {
            "Content-Type": NDJSON,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        answer = self.client.post("/api/ingest", data=body, headers={**self.headers, **more})
        assert answer.status_code == status, answer.text
        found: Answer = json.loads(answer.data)
        return found


def stored(service: Service) -> list[LogEntry]:
    return list(service.store.export(LogQuery(order=Order.OLDEST)))


def read(body: bytes | str, *, whole: bool = False) -> list[LogEntry]:
    """The entries of a body all of whose lines are good."""
    raw = body.encode() if isinstance(body, str) else body
    reading = read_records(raw, whole=whole, source_id="shop", now_ns=7, most=1000)
    assert reading.rejected == []
    return reading.entries


def refused(body: bytes | str) -> list[tuple[int, str]]:
    raw = body.encode() if isinstance(body, str) else body
    return read_records(raw, whole=False, source_id="shop", now_ns=7, most=1000).rejected


def test_lines_are_stored_when_the_answer_comes(push: Push, service: Service) -> None:
    body = "\n".join(
        json.dumps({"message": f"주문 {n}", "timestamp": 1_790_000_000_000 + n}) for n in range(50)
    )
    assert push(body) == {
        "accepted": 50,
        "duplicates": 0,
        "rejected": [],
        "rejectedCount": 0,
        "alerts": False,
    }
    assert [entry.message for entry in stored(service)] == [f"주문 {n}" for n in range(50)]
    assert {entry.source for entry in stored(service)} == {"app"}
    assert {entry.source_id for entry in stored(service)} == {"ingest program"}


def test_array_and_single_document_are_taken_too(push: Push, service: Service) -> None:
    assert push('[{"message": "a"},\n {"message": "b"}]', Content_Type="application/json")["accepted"] == 2
    assert push('\n{\n "message":\n "c"\n}', Content_Type="application/json")["accepted"] == 1
    assert (
        push('{"message": "d"}\r\n{"message": "e"}\r\n', Content_Type="application/json")["accepted"] == 2
    )
    assert sorted(entry.message for entry in stored(service)) == list("abcde")


def test_gzip_is_taken_whole_and_in_several_members(push: Push) -> None:
    one, two = gzip.compress(b'{"message": "a"}\n'), gzip.compress(b'{"message": "b"}\n')
    assert push(one + two, Content_Encoding="gzip")["accepted"] == 2


def test_bad_line_costs_only_itself(push: Push, service: Service) -> None:
    body = b"\n".join(
        [
            b'{"message": "good"}',
            b"",
            b"not json",
            b'{"level": "info"}',
            b'{"message": 5}',
            b'{"message": "x", "level": "loud"}',
            b'{"message": "x", "level": 3}',
            b'{"message": "x", "timestamp": "someday"}',
            b'{"message": "x", "timestamp": -5}',
            b'{"message": "x", "source": "No Such"}',
            b'{"message": "x", "id": "7"}',
            b'{"message": "x", "metadata": [1]}',
            b"[1]",
            b'{"message": "x", "metadata": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}",
            b'{"message": "x", "metadata": {"a": ' + b"[" * 5000 + b"]" * 5000 + b"}}",
            b'{"message": "also good"}',
        ]
    )
    answer = push(body)
    assert answer["accepted"] == 2
    rejected = answer["rejected"]
    assert [each["line"] for each in rejected] == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    reasons = [each["message"] for each in rejected]
    assert all(len(reason) < 250 for reason in reasons)
    assert "message" in reasons[1]
    assert "level" in reasons[3]
    assert "timestamp" in reasons[5]
    assert "source" in reasons[7]
    assert "UUID" in reasons[8]
    assert "deep" in reasons[11]
    assert [entry.message for entry in stored(service)] == ["good", "also good"]


def test_body_without_any_entry_is_refused(push: Push) -> None:
    answer = push("nothing\nuseful", status=422)
    assert answer["accepted"] == 0
    assert answer["rejectedCount"] == 2
    assert "error" in push("", status=400)
    assert "error" in push("\n\n", status=400)
    assert push('{"mess', status=422, Content_Type="application/json")["rejectedCount"] == 1


@pytest.mark.parametrize(
    ("given", "time_ns"),
    [
        ('"2026-02-01T12:34:56Z"', 1769949296000000000),
        ('"2026-02-01T12:34:56.123456789Z"', 1769949296123456789),
        ('"2026-02-01 21:34:56.5+09:00"', 1769949296500000000),
        ("1769949296", 1769949296000000000),
        ("1769949296.25", 1769949296250000000),
        ("1769949296123", 1769949296123000000),
        ("1769949296123456", 1769949296123456000),
        ("1769949296123456789", 1769949296123456789),
        ('"1769949296123"', 1769949296123000000),
        ("null", 7),
    ],
)
def test_time_is_read_in_every_common_form(given: str, time_ns: int) -> None:
    (entry,) = read(f'{{"message": "x", "timestamp": {given}}}')
    assert entry.time_ns == time_ns
    assert entry.metadata is None


def test_time_without_zone_says_that_the_zone_was_inferred() -> None:
    (entry,) = read('{"message": "x", "timestamp": "2026-02-01 12:34:56"}')
    assert entry.metadata == {"time_inferred": "zone"}


@pytest.mark.parametrize(
    ("given", "label"),
    [('"ERROR"', "error"), ('"warning"', "warn"), ('"CRITICAL"', "fatal"), ("10", "trace"), ("50", "error"),
     ("60", "fatal"), ("null", "info"), ('"success"', "info")],
)  # fmt: skip
def test_level_is_read_as_name_or_number(given: str, label: str) -> None:
    (entry,) = read(f'{{"message": "x", "level": {given}}}')
    assert entry.level.label == label
    assert entry.metadata == ({"success": True} if "success" in given else None)


def test_nothing_that_was_sent_is_lost() -> None:
    (entry,) = read(
        b'{"message": "x", "user": {"id": 7}, "big": 123456789012345678901234567890, "nan": NaN, '
        b'"huge": 1e999, "metadata": {"a": 1}}'
    )
    assert entry.metadata == {
        "user": {"id": 7},
        "big": 123456789012345678901234567890,
        "nan": "NaN",
        "huge": "1e999",
        "a": 1,
    }


def test_text_that_is_no_unicode_is_mended() -> None:
    entries = read(b'{"message": "a\\ud800b"}\n{"message": "c\xffd", "metadata": {"k": "\\udc00"}}')
    assert [entry.message for entry in entries] == ["a\ufffdb", "c\ufffdd"]
    assert entries[1].metadata == {"k": "\ufffd"}
    assert read(b'[{"message": "a\\ud800b"}]')[0].message == "a\ufffdb"


def test_array_names_the_position_of_what_it_rejects() -> None:
    assert [number for number, _why in refused('[{"message": "a"}, 5, {"message": "b"}, {}]')] == [2, 4]
    assert len(refused('[{"message": "a"}')) == 1


def test_source_and_source_id_are_the_senders() -> None:
    (entry,) = read('{"message": "x", "source": "nginx-edge_2", "sourceId": "front"}')
    assert (entry.source, entry.source_id) == ("nginx-edge_2", "front")
    assert refused('{"message": "x", "source": "' + "a" * 33 + '"}')
    assert refused('{"message": "x", "sourceId": "' + "a" * 1025 + '"}')


def test_resend_with_ids_stores_nothing_twice(push: Push, service: Service) -> None:
    lines = [json.dumps({"message": f"n{n}", "id": str(uuid.UUID(int=n + 1))}) for n in range(10)]
    assert push("\n".join(lines))["accepted"] == 10
    again = push("\n".join([*lines, json.dumps({"message": "new", "id": uuid.UUID(int=99).hex})]))
    assert (again["accepted"], again["duplicates"]) == (1, 10)
    assert len(stored(service)) == 11


def test_secrets_are_masked_and_long_messages_cut(push: Push, service: Service) -> None:
    push(json.dumps({"message": "a" * 300_000}))
    (entry,) = stored(service)
    assert len(entry.message) == 256 * 1024
    assert entry.metadata == {"truncated_bytes": 300_000}


def test_gzip_bomb_is_refused_before_it_expands(push: Push) -> None:
    bomb = gzip.compress(b"a" * (200 * 1024 * 1024), 9)
    assert len(bomb) < 1_000_000
    assert "expands" in json.dumps(push(bomb, status=413, Content_Encoding="gzip"))
    members = gzip.compress(b"a" * (6 * 1024 * 1024)) * 4
    assert "expands" in json.dumps(push(members, status=413, Content_Encoding="gzip"))


def test_broken_or_unknown_encodings_are_refused(push: Push) -> None:
    whole = gzip.compress(b'{"message": "a"}')
    assert push(whole[:-9], status=400, Content_Encoding="gzip")["error"]
    assert push(b"not gzip", status=400, Content_Encoding="gzip")["error"]
    assert push(b"{}", status=415, Content_Encoding="br")["error"]


def test_body_and_batch_have_a_limit(push: Push, service: Service) -> None:
    assert push(b"a" * (ingest.EXPANDED_BYTES_MOST + 1), status=413)["error"]
    assert push(b'{"message":"a"}\n' * (ingest.ITEMS_MOST + 1), status=413)["error"]
    assert stored(service) == []


def test_flood_of_a_client_is_answered_with_retry_after(
    app: flask.Flask, push: Push, client: FlaskClient, service: Service
) -> None:
    app.extensions["hantu.ingest"] = ingest.Door(ingest.RateLimit(rate_s=1.0, burst=1000.0))
    assert push(b'{"message":"a"}\n' * 900)["accepted"] == 900
    answer = client.post("/api/ingest", data=b'{"message":"a"}\n' * 900, headers=push.headers)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    other = {"Authorization": f"Bearer {service.control_token}"}
    assert client.post("/api/ingest", data=b'{"message":"a"}', headers=other).status_code == 200


def test_rate_limit_refills_and_lets_a_great_batch_through_once_full() -> None:
    limit = ingest.RateLimit(rate_s=1e9, burst=100.0)
    assert limit.wait_s("a", 10) == 0
    wait_until(lambda: limit.wait_s("a", 100_000) == 0)


def test_full_queue_is_answered_with_429(push: Push, client: FlaskClient, service: Service) -> None:
    writing, go_on = threading.Event(), threading.Event()

    def hold(_store: object) -> None:
        writing.set()
        go_on.wait(30)

    # Whatever collectors hand in when they begin is written by then: the writer has nothing in hand.
    push('{"message": "first"}')
    holder = threading.Thread(target=service.pipeline.with_store, args=(hold,))
    holder.start()
    try:
        wait_until(writing.is_set)
        service.pipeline.submit(Submission([line()], durable=True))
        wait_until(lambda: service.pipeline.waiting == 0)  # the writer has it in hand
        service.pipeline.submit(Submission([line()] * service.pipeline.queue_most))
        answer = client.post("/api/ingest", data=b'{"message":"a"}', headers=push.headers)
        assert answer.status_code == 429
        assert answer.headers["Retry-After"]
        assert json.loads(answer.data)["error"]["code"] == "queue_full"
    finally:
        go_on.set()
        holder.join()


def test_refused_commit_is_answered_with_503(
    push: Push, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_more: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(service.store, "write_batch", full)
    assert "the disk is full" in json.dumps(push('{"message": "a"}', status=503))
    monkeypatch.undo()
    assert push('{"message": "a"}')["accepted"] == 1


def test_stopping_service_takes_nothing(push: Push, service: Service) -> None:
    service.pipeline.stop(5.0)
    assert push('{"message": "a"}', status=503)["error"]


def test_same_page_may_post_lines(client: FlaskClient, tmp_path: Path) -> None:
    answer = client.post("/api/ingest", data='{"message": "a"}', headers={"Origin": "http://localhost"})
    assert answer.status_code == 200
