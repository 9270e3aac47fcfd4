"""What stands around the rows: the zone of times, filters with shares, columns, the size of an export."""

from __future__ import annotations

import datetime
import re
from html import unescape
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from hantu.model import LogLevel
from hantu.service import Service
from tests.web.desk import line, store

ORIGIN = {"Origin": "http://localhost"}
AT_NS = 1_795_152_151_482_117_904  # 2026-11-20T05:22:31Z


def choose(client: FlaskClient, zone: str, back: str = "/logs?q=x") -> None:
    answer = client.post("/logs/zone", data={"zone": zone, "back": back}, headers=ORIGIN)
    assert (answer.status_code, answer.location) == (303, back)


def test_times_are_shown_in_the_zone_that_was_chosen(client: FlaskClient, service: Service) -> None:
    store(service, [line("one", time_ns=AT_NS)])
    choose(client, "Asia/Seoul")
    page = client.get("/logs").text
    assert "14:22:31.482" in page
    assert "KST +09:00" in page
    entry_id = re.search(r'id="e-([0-9a-f-]+)"', page).group(1)  # type: ignore[union-attr]
    assert "2026-11-20 14:22:31.482117904 +09:00" in client.get(f"/logs/{entry_id}").text
    choose(client, "America/New_York")
    assert "00:22:31.482" in client.get("/logs").text
    choose(client, "")
    assert "05:22:31.482" in client.get("/logs").text


def test_the_picker_and_the_histogram_write_times_that_no_zone_can_change(
    client: FlaskClient, service: Service
) -> None:
    store(service, [line("one", time_ns=AT_NS)])
    picked = "/logs?q=one&from=2026-11-20T14:00&until=2026-11-20T14:30:30"
    assert unescape(client.get(picked).location) == (
        "/logs?q=one+since%3A2026-11-20T14%3A00+until%3A2026-11-20T14%3A30%3A30"
    )
    choose(client, "Asia/Seoul")
    target = client.get(picked).location
    assert target.endswith(
        "since%3A2026-11-20T14%3A00%3A00%2B09%3A00+until%3A2026-11-20T14%3A30%3A30%2B09%3A00"
    )
    page = client.get(f"{target}&full=1").text
    assert ">1 line<" in page
    # The form shows what was picked; a bar of the histogram zooms to the same instant.
    assert 'name="from" form="range" value="2026-11-20T14:00:00"' in page
    bar = unescape(re.search(r'href="([^"]*since=[^"]*)"', page).group(1))  # type: ignore[union-attr]
    assert "%2B09%3A00" in bar
    # The address means the same to everybody else.
    choose(client, "")
    assert ">1 line<" in client.get(f"{target}&full=1").text


def test_today_begins_where_the_reader_is(client: FlaskClient) -> None:
    assert client.get("/logs?since=today").location == "/logs?q=since%3Atoday"
    choose(client, "Pacific/Kiritimati")
    target = unquote(client.get("/logs?since=today").location)
    day = datetime.datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    assert target == f"/logs?q=since:{day}T00:00:00+14:00"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "x" * 500])
def test_a_zone_that_is_none_is_refused(client: FlaskClient, zone: str) -> None:
    answer = client.post("/logs/zone", data={"zone": zone, "back": "/logs"}, headers=ORIGIN)
    assert answer.status_code == 400


def test_a_value_of_a_filter_has_its_share_of_the_lines(client: FlaskClient, service: Service) -> None:
    lines = [line("a", level=LogLevel.ERROR)] * 1 + [line("b")] * 149
    store(service, lines)
    page = client.get("/logs?full=1").text
    shares = re.findall(r'data-value="(\w+)".*?facet-percent">([^<]*)<', page, re.S)
    assert {value: unescape(share) for value, share in shares} == {
        "info": "99 %",
        "error": "<1 %",
        "app": "100 %",
        "shop": "100 %",
    }


def test_a_filter_for_any_field_of_the_metadata_is_added_and_taken_away(
    client: FlaskClient, service: Service
) -> None:
    store(service, [line("a", metadata={"order": {"id": 80412}, "pid": n % 2}) for n in range(8)])
    page = client.get("/logs?q=a&facet=pid&facet=order.id&full=1").text
    for field in ("pid", "order.id"):
        assert f'data-field="{field}" open' in page
    assert 'data-value="80412"' in page
    assert page.count('data-value="1"') == 1
    away = [unescape(link) for link in re.findall(r'facet-later"><a href="([^"]*)"', page)]
    assert "/logs?q=a&facet=order.id" in away
    # A click on a value keeps the filters that were added.
    add = unescape(re.search(r'facet-value" href="([^"]*80412[^"]*)"', page).group(1))  # type: ignore[union-attr]
    assert "facet=pid%2Corder.id" in add
    assert 'data-field="nothing there"' not in client.get("/logs?q=a&facet=nothing there").text


def test_columns_stand_in_their_order_and_leave_the_grey_fields(
    client: FlaskClient, service: Service
) -> None:
    store(
        service,
        [
            line(
                "with", metadata={"status": 502, "user": {"id": 7}, "tags": ["a", "b"], "region": "seoul"}
            ),
            line("without"),
        ],
    )
    page = client.get("/logs?cols=tags,user.id,status").text
    rows = re.findall(
        r'<span class="entry-columns">(.*?)</span> <span class="entry-message">(.*?)</details>', page
    )
    cells = [re.findall(r"<span[^>]*>([^<]*)</span>", columns) for columns, _ in rows]
    assert cells == [["a, b", "7", "502"], ["", "", ""]]
    assert "region=seoul" in rows[0][1]
    assert "status=502" not in rows[0][1]
    assert (
        'data-columns="tags,user.id,status"'
        in client.get("/logs?cols=tags,user.id,status&live=1&q=level:info").text
    )


def test_hostile_values_of_columns_are_text(client: FlaskClient, service: Service) -> None:
    store(service, [line("x", metadata={"note": '<img src=x onerror="alert(1)">\u202e\n'})])
    page = client.get("/logs?cols=note").text
    assert "<img src=x" not in page
    assert "\u202e" not in page


def test_lines_that_differ_in_a_column_are_not_folded(client: FlaskClient, service: Service) -> None:
    store(service, [line("same", metadata={"pid": n}) for n in range(3)])
    assert client.get("/logs").text.count('<li class="entry ') == 1
    assert client.get("/logs?cols=pid").text.count('<li class="entry ') == 3


def test_an_export_says_how_many_lines_come(client: FlaskClient, service: Service) -> None:
    store(service, [line(f"주문 {n}") for n in range(30)] + [line("other")])
    for form in ("jsonl", "csv", "text"):
        answer = client.get("/api/logs/export", query_string={"q": "주문", "format": form})
        assert answer.headers["X-Hantu-Lines"] == "30"
    page = unescape(client.get("/logs?q=주문&wrap=1&cols=pid&facet=pid").text)
    assert 'href="/api/logs/export?q=%EC%A3%BC%EB%AC%B8&format=csv"' in page
