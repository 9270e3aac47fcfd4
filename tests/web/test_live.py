"""Live tail over WebSocket and server-sent events, on a real server with real clients."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from websocket import WebSocket, WebSocketBadStatusException

from hantu.model import LogLevel
from hantu.pipeline import Submission
from hantu.web import live
from tests.waiting import wait_until
from tests.web.desk import app_of, line, running_service, served, store, token
from tests.web.livedesk import CLOSE_FRAME, Desk, desk_over, received, subscribe, texts


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_over(tmp_path / "data") as started:
        yield started


@pytest.mark.promise("M38", "M39")
def test_new_entries_reach_the_client_in_order_with_all_parts(desk: Desk) -> None:
    client = desk.tail()
    store(desk.service, [line("주문 실패", level=LogLevel.ERROR, time_ns=1_770_000_000_123_456_789)])
    message = received(client)
    assert message["type"] == "logs"
    assert isinstance(message["timestamp"], int)
    assert message["cursor"] == desk.service.store.cursor()
    (log,) = message["data"]
    assert log["message"] == "주문 실패"
    assert (log["source"], log["sourceId"], log["level"]) == ("app", "shop", "error")
    assert log["timestamp"] == "2026-02-02T02:40:00.123456789Z"
    assert desk.service.store.get(log["id"]) is not None
    store(desk.service, [line(f"n{n}") for n in range(300)])
    assert texts(client, 300) == [f"n{n}" for n in range(300)]


@pytest.mark.promise("M35")
def test_what_a_collector_reads_is_seen_soon_however_long_batches_may_wait(tmp_path: Path) -> None:
    with desk_over(tmp_path / "data", batch_ms=60_000) as desk:
        client = desk.tail()
        desk.service.pipeline.submit(Submission([line("from a container")]))
        assert texts(client, 1) == ["from a container"]


@pytest.mark.promise("M36")
def test_default_is_info_and_above_and_each_client_sets_its_own(desk: Desk) -> None:
    default, loud, all_of_it, by_word = (
        desk.tail(),
        desk.tail(minLevel="error"),
        desk.tail(minLevel="trace"),
        desk.tail(query="level:debug"),
    )
    store(
        desk.service,
        [line(level.label, level=level) for level in (LogLevel.DEBUG, LogLevel.INFO, LogLevel.ERROR)],
    )
    assert texts(default, 2) == ["info", "error"]
    assert texts(loud, 1) == ["error"]
    assert texts(all_of_it, 3) == ["debug", "info", "error"]
    assert texts(by_word, 1) == ["debug"]


@pytest.mark.promise("M38")
def test_sources_containers_and_query_narrow_the_tail(desk: Desk) -> None:
    tails = {
        "source": desk.tail(sources=["journal"]),
        "container": desk.tail(containers=["api", "db"]),
        "both": desk.tail(sources=["docker", "journal"], containers=["api"]),
        "other": desk.tail(sources=["app"], containers=["api"]),
        "query": desk.tail(query="two OR three", containers=["web", "db"]),
    }
    store(
        desk.service,
        [
            line("one", source="docker", source_id="api"),
            line("two", source="docker", source_id="web"),
            line("three", source="docker", source_id="db"),
            line("four", source="journal", source_id="ssh.service"),
            line("five"),
        ],
    )
    expected = {
        "source": ["four"],
        "container": ["one", "three"],
        "both": ["one", "four"],
        "other": ["five"],
        "query": ["two", "three"],
    }
    assert {name: texts(client, len(expected[name])) for name, client in tails.items()} == expected


@pytest.mark.promise("M38")
def test_new_subscription_replaces_the_old_one(desk: Desk) -> None:
    client = desk.tail(query="old")
    store(desk.service, [line("old 1"), line("new 1")])
    assert texts(client, 1) == ["old 1"]
    subscribe(client, query="new", after=desk.service.signal.cursor)
    # An answer to a wrong message tells that the one before it was taken.
    client.send("{}")
    assert received(client)["type"] == "error"
    store(desk.service, [line("old 2"), line("new 2")])
    assert texts(client, 1) == ["new 2"]


def test_after_a_cursor_nothing_is_lost_or_doubled(desk: Desk) -> None:
    store(desk.service, [line("seen")])
    cursor = desk.service.signal.cursor
    store(desk.service, [line("missed 1"), line("missed 2")])
    assert texts(desk.tail(after=cursor), 2) == ["missed 1", "missed 2"]
    assert texts(desk.tail(after=str(cursor)), 2) == ["missed 1", "missed 2"]
    ahead = desk.tail(after=10**12)
    wait_until(lambda: desk.service.tails.used == 3)
    store(desk.service, [line("fresh")])
    wait_until(lambda: desk.service.signal.cursor > cursor + 2)
    ahead.send("{}")
    assert received(ahead)["type"] in ("error", "logs")


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ("no json", "JSON object"),
        ("[]", "array"),
        ("{}", "type"),
        ('{"type": "hello"}', "type"),
        ('{"type": "subscribe-logs", "sources": "docker"}', "sources"),
        ('{"type": "subscribe-logs", "minLevel": "loud"}', "loud"),
        ('{"type": "subscribe-logs", "after": "x"}', "cursor"),
        ('{"type": "subscribe-logs", "format": "xml"}', "format"),
        ("[" * 20_000, "object"),
    ],
)
def test_wrong_message_is_answered_and_the_connection_kept(desk: Desk, said: str, part: str) -> None:
    client = desk.socket()
    client.send(said)
    error = received(client)
    assert error["type"] == "error"
    assert part in error["message"]
    subscribe(client, after=desk.service.signal.cursor)
    store(desk.service, [line("still here")])
    assert texts(client, 1) == ["still here"]


def test_wrong_query_is_answered_with_its_position(desk: Desk) -> None:
    client = desk.socket()
    subscribe(client, query="abc (def")
    error = received(client)
    assert error["type"] == "error"
    assert error["position"] == 4


def test_oversized_message_closes_the_connection(desk: Desk) -> None:
    client = desk.socket()
    client.send(json.dumps({"type": "subscribe-logs", "query": "a" * 100_000}))
    code, data = client.recv_data()
    assert code == CLOSE_FRAME
    assert int.from_bytes(data[:2], "big") == 1009
    wait_until(lambda: desk.service.tails.used == 0)


GARBAGE = (
    b"\xff" * 64,
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x81\x05hello",  # a frame without a mask
    b"\x81\x82\0\0\0\0\xff\xff",  # text that is no UTF-8
    b"\x88\x81\0\0\0\0\x03",  # a close frame with half a code
    b"\x88\x80\0\0\0\0\x81\x80\0\0\0\0",  # text after the close frame
    b"\x80\x80\0\0\0\0",  # a continuation of nothing
    b"\x82\x81\0\0\0\0\xff",  # binary
)


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_on_the_wire_harms_nobody(desk: Desk, garbage: bytes) -> None:
    other = desk.tail()
    rude = desk.socket()
    wait_until(lambda: desk.service.tails.used == 2)
    rude.sock.sendall(garbage)
    rude.sock.shutdown(socket.SHUT_WR)
    wait_until(lambda: desk.service.tails.used == 1)
    store(desk.service, [line("still here")])
    assert texts(other, 1) == ["still here"]


@pytest.mark.promise("M37")
@pytest.mark.fault_row("R18")
def test_tail_that_is_far_behind_is_told_what_it_skipped_and_can_load_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BATCH_ENTRIES_MOST", 10)
    start = desk.service.signal.cursor
    store(desk.service, [line(f"n{n}") for n in range(35)])
    client = desk.tail(after=start)
    skipped = received(client)
    assert skipped["type"] == "skipped"
    assert skipped["count"] == 25
    assert skipped["after"] == start
    assert texts(client, 10) == [f"n{n}" for n in range(25, 35)]
    found = requests.get(
        f"{desk.url}/api/logs",
        params={"after": skipped["after"], "upTo": skipped["upTo"], "order": "asc", "minLevel": "info"},
        timeout=10,
    ).json()
    assert [log["message"] for log in found["logs"]] == [f"n{n}" for n in range(25)]
    assert desk.service.hub.skipped_total == 25


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://evil.example", 403), (None, 403), ("null", 403), ("http://127.0.0.1:1", 403)],
)
def test_page_of_another_site_cannot_open_a_socket(desk: Desk, origin: str | None, status: int) -> None:
    with pytest.raises(WebSocketBadStatusException) as refused:
        desk.socket(origin=origin)
    assert refused.value.status_code == status
    assert desk.service.tails.used == 0


def test_own_page_and_a_program_with_a_token_can_open_a_socket(desk: Desk) -> None:
    desk.socket()
    desk.socket(origin=None, **token(desk.service, "read"))
    wait_until(lambda: desk.service.tails.used == 2)
    with pytest.raises(WebSocketBadStatusException) as refused:
        desk.socket(origin=None, **token(desk.service, "ingest"))
    assert refused.value.status_code == 403
    with pytest.raises(WebSocketBadStatusException) as refused:
        desk.socket(Authorization="Bearer hantu_wrong")
    assert refused.value.status_code == 401


@pytest.mark.promise("M37")
@pytest.mark.fault_row("R19")
def test_tails_beyond_the_cap_are_refused_and_the_rest_stays_up(tmp_path: Path) -> None:
    with desk_over(tmp_path / "data", tail_clients=2) as desk:
        one, _two = desk.tail(), desk.tail()
        wait_until(lambda: desk.service.tails.used == 2)
        with pytest.raises(WebSocketBadStatusException) as refused:
            desk.socket()
        assert refused.value.status_code == 503
        answer = requests.get(f"{desk.url}/api/logs/stream", timeout=10)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert answer.json()["error"]["code"] == "too_many_tails"
        assert requests.get(f"{desk.url}/healthz", timeout=10).status_code == 200
        one.close()
        wait_until(lambda: desk.service.tails.used == 1)
        desk.socket()


def test_no_tail_is_leaked_by_clients_that_vanish(desk: Desk) -> None:
    for _ in range(3):
        desk.tail().shutdown()
        stream = requests.get(f"{desk.url}/api/logs/stream", stream=True, timeout=10)
        stream.close()
        requests.head(f"{desk.url}/api/logs/stream", timeout=10)
        requests.get(f"{desk.url}/api/logs/stream", params={"q": "("}, timeout=10)
        requests.get(f"{desk.url}/ws/logs", timeout=10)

    def news() -> bool:
        store(desk.service, [line()])  # a stream learns that its client is gone when it sends
        return desk.service.tails.used == 0

    wait_until(news)


@pytest.mark.promise("M37")
@pytest.mark.fault_row("R18")
def test_client_that_stops_reading_is_cut_off_and_others_are_unaffected(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "STALLED_S", 0.5)
    stalled, reader = desk.tail(), desk.tail(query="marker")
    wait_until(lambda: desk.service.tails.used == 2)
    big = [line("x" * 60_000) for _ in range(50)]
    for number in range(8):
        store(desk.service, big)
        store(desk.service, [line(f"marker {number}")])
        assert texts(reader, 1) == [f"marker {number}"]
    wait_until(lambda: desk.service.tails.used == 1, 30)
    store(desk.service, [line("marker last")])
    assert texts(reader, 1) == ["marker last"]
    assert stalled.connected


def test_stream_client_that_stops_reading_is_cut_off(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "STALLED_S", 0.5)
    with socket.create_connection(("127.0.0.1", desk.port)) as stalled:
        stalled.sendall(b"GET /api/logs/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        wait_until(lambda: desk.service.tails.used == 1)
        big = [line("x" * 60_000) for _ in range(50)]

        def cut_off() -> bool:
            store(desk.service, big)
            return desk.service.tails.used == 0

        wait_until(cut_off, 30)


def test_stopping_ends_tails_at_once(desk: Desk) -> None:
    idle, following = desk.socket(), desk.tail()
    stream = requests.get(f"{desk.url}/api/logs/stream", stream=True, timeout=10)
    wait_until(lambda: desk.service.tails.used == 3)
    desk.service.begin_stop()
    for client in (idle, following):
        code, data = client.recv_data()
        assert code == CLOSE_FRAME
        assert int.from_bytes(data[:2], "big") == 1001
    assert b"".join(stream.iter_content(None)).endswith(b"\n\n")
    wait_until(lambda: desk.service.tails.used == 0)
    assert requests.get(f"{desk.url}/api/logs/stream", timeout=10).status_code == 503


@pytest.mark.promise("M35")
def test_entries_of_one_step_come_as_one_message(tmp_path: Path) -> None:
    with desk_over(tmp_path / "data", tail_batch_ms=100, batch_ms=5) as desk:
        client = desk.tail()
        for number in range(20):
            store(desk.service, [line(f"n{number}")])
        messages = []
        count = 0
        while count < 20:
            messages.append(received(client))
            count += len(messages[-1]["data"])
        assert len(messages) < 20


@pytest.mark.promise("M37")
def test_a_paced_tail_sends_the_next_message_when_it_is_asked_for_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BATCH_ENTRIES_MOST", 10)
    client, other = desk.tail(paced=True), desk.tail()
    store(desk.service, [line("first")])
    assert texts(client, 1) == ["first"]
    for number in range(25):
        store(desk.service, [line(f"n{number:02d}")])
        until(other, f"n{number:02d}")
    client.send('{"type": "next"}')
    skipped = received(client)
    assert (skipped["type"], skipped["count"]) == ("skipped", 15)
    assert [log["message"] for log in received(client)["data"]] == [f"n{n:02d}" for n in range(15, 25)]
    # A new subscription owes nothing.
    subscribe(client, after=desk.service.signal.cursor, paced=True)
    store(desk.service, [line("last")])
    assert texts(client, 1) == ["last"]


def until(client: WebSocket, text: str) -> None:
    """Receive until an entry with this message comes."""
    while not any(log["message"] == text for log in received(client).get("data", ())):
        pass


def test_rows_are_rendered_once_for_all_tails_that_share_them(tmp_path: Path) -> None:
    with running_service(tmp_path / "data") as service:
        rendered: list[int] = []
        app = app_of(service)
        app.extensions["hantu.rows"] = Rows(rendered.append)
        with served(app) as port:
            desk = Desk(service, port)
            clients = [desk.tail(format="html", query="row") for _ in range(4)]
            wait_until(lambda: service.tails.used == 4)
            store(service, [line(f"row {n}") for n in range(3)])
            for client in clients:
                message = received(client)
                assert message["type"] == "rows"
                assert message["count"] == 3
                assert message["html"] == "<p>row 0</p><p>row 1</p><p>row 2</p>"
                assert message["cursor"] == service.store.cursor()
            assert len(rendered) < 4
            service.begin_stop()
            desk.close()


class Rows:
    """Stands for the page's renderer, and tells when it renders."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell

    def __call__(self, entries: Any, query: object, columns: object = ()) -> str:
        self._tell(len(entries))
        return "".join(f"<p>{entry.message}</p>" for entry in entries)

    def variant(self) -> str:
        return "en"
