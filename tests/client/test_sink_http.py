"""Errors over HTTP: what is sent, what refusals mean, and that the token is nowhere."""

from __future__ import annotations

import io
import json
import time
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from hantu.client.sink import Parcel, Sink, SinkError, open_sink
from hantu.client.sink_http import HttpSink
from hantu.errors import error_of
from hantu.web.records import read_records
from tests.client.ingest_api import TOKEN, IngestApi, refusal
from tests.client.records import a_record
from tests.client.stand_in import DROP, GARBAGE, HANG, Answer


@pytest.fixture
def api() -> Iterator[IngestApi]:
    with IngestApi() as server:
        yield server


@pytest.fixture
def sink(api: IngestApi) -> Iterator[Sink]:
    opened = HttpSink(api.url, token=TOKEN, connect_limit_s=5, answer_limit_s=5)
    yield opened
    opened.close()


def parcels(*messages: str, alerted: bool = False) -> list[Parcel]:
    return [Parcel(a_record(message), alerted) for message in messages]


def failure(sink: Sink) -> SinkError:
    with pytest.raises(SinkError) as caught:
        sink.send(parcels("안녕"))
    return caught.value


def test_an_error_is_sent_with_all_that_is_known_of_it(api: IngestApi, sink: Sink) -> None:
    (parcel,) = parcels("주문 실패 😀")
    receipt = sink.send([parcel])
    assert (receipt.notifies, receipt.refused) == (False, {})
    assert api.items[parcel.record.id] == {
        "id": parcel.record.id,
        "message": "주문 실패 😀",
        "level": "ERROR",
        "timestamp": "2026-02-01T03:34:58.123456789Z",
        "source": "app",
        "sourceId": "scheduler",
        "metadata": {
            "service": "scheduler",
            "module": "trading_engine",
            "function": "execute_order",
            "error_type": "InsufficientBalance",
            "stack_trace": parcel.record.stack_trace,
            "context": {"stock_code": "005930", "quantity": 10},
            "trace_id": "abc12345",
            "logger": "trading_engine",
        },
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"level": "CRITICAL", "trace_id": ""},
        {"error_type": "", "stack_trace": "", "context": None},
        {"message": "two\nlines of 42"},
    ],
)
def test_the_store_finds_the_same_error_in_what_was_sent(
    api: IngestApi, sink: Sink, changes: dict[str, Any]
) -> None:
    record = a_record(**changes)
    sink.send([Parcel(record, alerted=False)])
    reading = read_records(
        json.dumps(api.items[record.id]).encode(), whole=False, source_id="", now_ns=0, most=1
    )
    (entry,) = reading.entries
    found = error_of(
        entry.source,
        entry.source_id,
        int(entry.level),
        entry.message,
        entry.time_ns,
        entry.metadata,
        entry.event_id,
    )
    assert found == record._replace(source_id="scheduler")


def test_what_people_were_told_of_is_marked(api: IngestApi, sink: Sink) -> None:
    sink.send(parcels("x", alerted=True))
    (item,) = api.items.values()
    assert item["metadata"]["alerted"] is True


def test_the_service_says_whether_it_tells_people(api: IngestApi, sink: Sink) -> None:
    api.alerts = True
    assert sink.send(parcels("x")).notifies


def test_one_connection_serves_many_sendings(api: IngestApi, sink: Sink) -> None:
    for _ in range(5):
        sink.send(parcels("x"))
    assert len({call.connection for call in api.calls}) == 1


def test_a_connection_that_the_service_has_closed_is_no_failure(api: IngestApi, sink: Sink) -> None:
    sink.send(parcels("one"))
    api.answer(DROP)
    sink.send(parcels("two"))
    assert len(api.items) == 2


def test_what_is_too_large_goes_in_parts(api: IngestApi, sink: Sink) -> None:
    api.most_bytes = 3_000
    api.refuses = "seventh"
    sent = parcels("one", "two", "three", "four", "five", "six", "seventh")
    receipt = sink.send(sent)
    assert len(api.items) == 6
    assert receipt.refused == {6: "this one is refused"}
    assert max(map(len, api.batches)) > 1


@pytest.mark.promise("M59")
@pytest.mark.parametrize(
    ("answer", "permanent", "busy", "retry_after_s"),
    [
        (refusal(401, "this token was revoked"), True, False, None),
        (refusal(403, "this token may not do this"), True, False, None),
        (refusal(400, "the body holds no entry"), True, False, None),
        (refusal(404, "there is no such route"), True, False, None),
        (Answer(302, {}), True, False, None),
        (refusal(413, "too large"), True, False, None),
        (refusal(408, "too slow"), False, False, None),
        (refusal(429, "too fast", retry_after_s=7), False, True, 7.0),
        (refusal(429, "too fast"), False, True, 1.0),
        (refusal(503, "the disk is full", retry_after_s=2), False, False, 2.0),
        (refusal(500, "it failed"), False, False, None),
    ],
)
def test_each_refusal_says_what_becomes_of_the_records(
    api: IngestApi,
    sink: Sink,
    answer: Answer,
    permanent: bool,
    busy: bool,
    retry_after_s: float | None,
) -> None:
    api.answer(answer)
    error = failure(sink)
    assert (error.permanent, error.busy, error.retry_after_s) == (permanent, busy, retry_after_s)
    assert str(answer.status) in str(error)


def test_all_lines_refused_is_an_answer_not_a_failure(api: IngestApi, sink: Sink) -> None:
    api.refuses = "x"
    assert sink.send(parcels("x")).refused == {0: "this one is refused"}


def test_a_wrong_token_says_how_to_get_a_right_one(api: IngestApi) -> None:
    sink = HttpSink(api.url, token="other")
    error = failure(sink)
    sink.close()
    assert str(error) == (
        f"127.0.0.1:{api.port} refused the token of the DSN (401); make one with "
        "`hantu token create NAME --scope ingest`"
    )


def test_a_service_that_hangs_costs_no_more_than_its_limit(api: IngestApi) -> None:
    api.answer(HANG)
    began = time.monotonic()
    error = failure(HttpSink(api.url, token=TOKEN, connect_limit_s=5, answer_limit_s=0.3))
    assert time.monotonic() - began < 3
    assert str(error) == f"127.0.0.1:{api.port}: did not answer within 0.3 s"


def test_what_has_no_form_in_json_is_sent_as_its_repr(api: IngestApi, sink: Sink) -> None:
    record = a_record(context={"odd": object, "number": float("nan"), 3: {1, 2}})
    sink.send([Parcel(record, alerted=False)])
    context = api.items[record.id]["metadata"]["context"]
    assert context["odd"] == "<class 'object'>"
    assert context["number"] == "nan"


def test_the_probe_asks_for_the_health(api: IngestApi, sink: Sink) -> None:
    sink.probe()
    api.well = False
    with pytest.raises(SinkError, match="503"):
        sink.probe()
    api.down()
    with pytest.raises(SinkError, match="Connection refused"):
        sink.probe()


def test_proxies_of_the_environment_are_not_asked_for_this_machine(
    api: IngestApi, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    sink.send(parcels("x"))
    assert len(api.items) == 1


@pytest.mark.parametrize("trouble", ["401", "echo", "hang", "drop", "garbage", "down", "newline"])
def test_the_token_is_in_no_text_of_any_failure(api: IngestApi, trouble: str) -> None:
    secret, token = "s3cret-Of-The-Dsn", "s3cret-Of-The-Dsn"
    if trouble == "down":
        api.down()
    elif trouble == "newline":
        token += "\nX: y"
    elif trouble != "401":
        api.allowed = lambda path, headers: None  # type: ignore[method-assign]  # any token will do
        echo = refusal(500, f"the token {secret} is odd")
        answer = {"hang": HANG, "drop": DROP, "garbage": GARBAGE, "echo": echo}[trouble]
        api.answer(answer, answer)
    sink = HttpSink(api.url, token=token, connect_limit_s=0.3, answer_limit_s=0.3)
    written = io.StringIO()
    error = failure(sink)
    sink.close()
    traceback.print_exception(error, file=written)
    written.write(f"{error!r}{error.__context__!r}{error.__cause__!r}")
    assert "SinkError" in written.getvalue()
    written.write(f"{sink!r}{sink}{sink.place}")
    assert secret not in written.getvalue()


@pytest.mark.parametrize(
    "dsn",
    [
        "ftp://s3cret@host",
        "http://",
        "http://s3cret@host:port",
        "postgres://s3cret@db/x",
        "sqlite://s3cret@/x",
        "sqlite://",
        "s3cret",
        "http://s3cret@[::1",
    ],
)
def test_a_dsn_of_no_known_form_is_refused_without_showing_it(dsn: str) -> None:
    with pytest.raises(ValueError, match="allowed: http://TOKEN@HOST:PORT") as caught:
        open_sink(dsn)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("dsn", "place", "may_notify"),
    [
        ("http://token@127.0.0.1:8514", "127.0.0.1:8514", True),
        ("https://t%40ken@logs.example.org/hantu", "logs.example.org:443", True),
        ("http://token@[::1]:8514", "::1:8514", True),
        ("sqlite:////var/lib/hantu/hantu.db", "/var/lib/hantu/hantu.db", False),
        ("sqlite:///data/hantu.db", "data/hantu.db", False),
    ],
)
def test_a_dsn_names_a_sink(dsn: str, place: str, may_notify: bool) -> None:
    sink = open_sink(dsn)
    assert sink is not None
    assert (sink.place, sink.may_notify) == (place, may_notify)


def test_no_dsn_is_no_sink() -> None:
    assert open_sink("") is None
