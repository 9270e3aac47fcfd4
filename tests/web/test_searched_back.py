"""A search that its time limit ends says how far back it looked, and goes on from there."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from hantu.store.sqlite import SqliteStore
from hantu.store.sqlite.database import Reader
from tests.store.made import SECOND_NS, entry
from tests.store.test_search import slowed
from tests.web.desk import app_of, running_service

SEGMENTS = 6
EACH = 10
OLDER = re.compile(r'class="entries-day entries-older".*?<a href="([^"]+)"', re.DOTALL)
TOLD = re.compile(r"searched back to [^<]+ so far")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[SqliteStore, FlaskClient]]:
    """A store of SEGMENTS segments, one hour each, in whose oldest lines a word stands; and a client."""
    now_ns = time.time_ns()
    with running_service(tmp_path / "data") as service:
        found = service.store
        assert isinstance(found, SqliteStore)
        for hour in range(SEGMENTS):
            at_ns = now_ns - (SEGMENTS - hour) * 3_600 * SECOND_NS
            word = "buried" if not hour else "carried"
            found.write_batch(
                [
                    entry(f"{word} line {hour}-{line}", time_ns=at_ns + line * SECOND_NS)
                    for line in range(EACH)
                ]
            )
            found.seal()
        yield found, app_of(service).test_client()


def late(after: int) -> Callable[[Reader, int], None]:
    """Time is over once so many segments were looked into, counted from now."""

    def test(reader: Reader, count: int) -> None:
        if count % after == 0:
            reader.deadline.at = time.monotonic()

    return test


@pytest.mark.promise("M8")
def test_the_api_says_how_far_and_goes_on_to_the_end(
    store: tuple[SqliteStore, FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, client = store
    slowed(own, monkeypatch, late(2))
    found: list[str] = []
    told: list[str] = []
    asked = {"q": "/line [0-9]-3$/", "limit": "3"}
    cursor: str | None = None
    for _ in range(4 * SEGMENTS):
        answer = client.get(
            "/api/logs", query_string=asked | ({"cursor": cursor} if cursor else {})
        ).get_json()
        found += [each["message"] for each in answer["logs"]]
        if not answer["complete"]:
            told.append(answer["searchedTo"])
        cursor = answer["nextCursor"]
        if cursor is None:
            break
    assert found == [
        f"{'carried' if hour else 'buried'} line {hour}-3" for hour in reversed(range(SEGMENTS))
    ]
    assert told == sorted(told, reverse=True)
    assert len(set(told)) > 1


def test_the_page_offers_to_go_on_also_when_nothing_was_found_yet(
    store: tuple[SqliteStore, FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, client = store
    slowed(own, monkeypatch, late(2))
    # No word of it tells segments apart.
    address = "/logs?q=/[ab][t-v]ried+line+0-[0-9]$/&since=all"
    told = 0
    for _ in range(4 * SEGMENTS):
        page = client.get(address, headers={"Accept-Language": "en"}, follow_redirects=True).text
        seen = re.sub(r"<[^>]+>", "", page)
        if "buried line 0-3" in seen:
            break
        assert TOLD.search(page), seen
        told += 1
        older = OLDER.search(page)
        assert older, page
        address = unescape(older[1])
    assert told > 1
    assert seen.count("buried line 0-") >= EACH
