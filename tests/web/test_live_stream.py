"""The live tail as server-sent events, on a real server with real clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from hantu.model import LogLevel
from hantu.web import live
from tests.web.desk import line, store
from tests.web.livedesk import Desk, desk_over


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_over(tmp_path / "data") as started:
        yield started


class Events:
    """Reads server-sent events."""

    def __init__(self, desk: Desk, *, last: str = "", **args: Any) -> None:
        headers = {"Last-Event-ID": last} if last else {}
        self.answer = requests.get(
            f"{desk.url}/api/logs/stream", params=args, headers=headers, stream=True, timeout=10
        )
        assert self.answer.status_code == 200
        assert self.answer.headers["Content-Type"].startswith("text/event-stream")
        self._lines = self.answer.iter_lines(chunk_size=1, decode_unicode=True)
        self.id = ""
        self.next()

    def next(self) -> tuple[str, Any]:
        """The next event's name and data; its id is kept. ("", None) for one without data."""
        name, data = "", None
        for text in self._lines:
            field, _, value = text.partition(": ")
            if not text:
                return name, data
            if field == "id":
                self.id = value
            elif field == "event":
                name = value
            elif field == "data":
                data = json.loads(value)
        raise AssertionError("the stream ended")


@pytest.mark.promise("M40")
def test_stream_sends_what_the_socket_sends(desk: Desk) -> None:
    events = Events(desk, q="주문")
    store(desk.service, [line("other"), line("주문 실패"), line("주문 debug", level=LogLevel.DEBUG)])
    name, data = events.next()
    assert name == "logs"
    assert data["type"] == "logs"
    assert [log["message"] for log in data["data"]] == ["주문 실패"]
    assert events.id == str(data["cursor"])
    events.answer.close()


@pytest.mark.promise("M40")
def test_stream_resumes_after_the_last_event_even_without_news_before(desk: Desk) -> None:
    store(desk.service, [line("before")])
    events = Events(desk)
    events.answer.close()
    store(desk.service, [line("meanwhile 1"), line("meanwhile 2")])
    again = Events(desk, last=events.id)
    _name, data = again.next()
    assert [log["message"] for log in data["data"]] == ["meanwhile 1", "meanwhile 2"]
    again.answer.close()


@pytest.mark.promise("M37")
def test_stream_tells_what_it_skipped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BATCH_ENTRIES_MOST", 10)
    start = desk.service.signal.cursor
    store(desk.service, [line(f"n{n}") for n in range(15)])
    events = Events(desk, after=start)
    name, data = events.next()
    assert (name, data["count"]) == ("skipped", 5)
    assert events.id == str(start)
    name, data = events.next()
    assert len(data["data"]) == 10
    events.answer.close()


def test_quiet_stream_shows_that_it_lives(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.0)
    events = Events(desk)
    assert events.next() == ("", None)
    events.answer.close()


def test_stream_refuses_wrong_arguments(desk: Desk) -> None:
    for args in ({"q": "("}, {"after": "x"}, {"after": "-1"}, {"format": "xml"}, {"nonsense": "1"}):
        assert requests.get(f"{desk.url}/api/logs/stream", params=args, timeout=10).status_code == 400
    bad = {"Last-Event-ID": "x"}
    assert requests.get(f"{desk.url}/api/logs/stream", headers=bad, timeout=10).status_code == 400
    assert desk.service.tails.used == 0
