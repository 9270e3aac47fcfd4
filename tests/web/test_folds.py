"""Lines that say the same one after the other are one row that counts them."""

from __future__ import annotations

import re
import time

import pytest
from flask.testing import FlaskClient

from hantu.model import LogEntry, LogLevel
from hantu.service import Service
from tests.web.desk import line, store

SECOND_NS = 10**9
NOW_NS = time.time_ns() // SECOND_NS * SECOND_NS - 86_400 * SECOND_NS
RETRY = "connection refused: retrying in 5 s"
FRAGMENT = {"HX-Request": "true"}


def every_second(*entries: LogEntry, first_ns: int = NOW_NS) -> list[LogEntry]:
    return [
        line(
            one.message,
            level=one.level,
            source_id=one.source_id,
            metadata=one.metadata,
            time_ns=first_ns + at * SECOND_NS,
        )
        for at, one in enumerate(entries)
    ]


def rows(html: str) -> list[tuple[str, str]]:
    """(message, times) of each row; times is "" for a row of one line."""
    found = re.findall(
        r'<span class="entry-message">(.*?)</span>(?: <span class="pills">(.*?)</summary>)?', html, re.S
    )
    return [(text, "".join(re.findall(r"×([\d,]+)", pills))) for text, pills in found]


def test_equal_lines_in_a_row_are_one_row_with_their_number(service: Service, client: FlaskClient) -> None:
    store(service, every_second(line("before"), *[line(RETRY)] * 48, line("after"), line(RETRY)))
    assert rows(client.get("/logs").text) == [("before", ""), (RETRY, "48"), ("after", ""), (RETRY, "")]
    assert len(rows(client.get("/logs?fold=0").text)) == 51


@pytest.mark.parametrize(
    "other",
    [
        line(RETRY, level=LogLevel.ERROR),
        line(RETRY, source_id="feed"),
        line(RETRY, metadata={"attempt": 2}),
        line(RETRY + "\nmore of it"),
        line("", metadata={"gap": {"reason": "engine restarted"}}, level=LogLevel.WARN),
    ],
    ids=["level", "source", "field", "further lines", "gap"],
)
def test_a_line_that_differs_in_anything_shown_has_its_own_row(
    service: Service, client: FlaskClient, other: LogEntry
) -> None:
    store(service, every_second(line(RETRY), other, other, line(RETRY)))
    shown = rows(client.get("/logs").text)
    assert [times for text, times in shown if text == RETRY and times == ""][:1] == [""]
    assert (RETRY, "4") not in shown
    assert (RETRY, "3") not in shown


def test_equal_lines_of_two_days_are_two_rows(service: Service, client: FlaskClient) -> None:
    store(service, every_second(line(RETRY), line(RETRY), first_ns=NOW_NS - 86_400 * SECOND_NS))
    store(service, every_second(line(RETRY)))
    html = client.get("/logs").text
    assert rows(html) == [(RETRY, "2"), (RETRY, "")]


def test_a_storm_of_one_line_leaves_what_came_before_in_sight(
    service: Service, client: FlaskClient
) -> None:
    store(service, every_second(*(line(f"line {at}") for at in range(80)), *[line(RETRY)] * 700))
    found = rows(client.get("/logs").text)
    assert found[-1] == (RETRY, "700")
    assert len(found) >= 60
    assert found[-2] == ("line 79", "")


def test_a_folded_row_opens_to_the_times_of_its_lines(service: Service, client: FlaskClient) -> None:
    store(service, every_second(line("before"), *[line(RETRY)] * 3, line("after")))
    html = client.get("/logs").text
    newest, oldest = re.search(r'<a href="/logs/([0-9a-f-]{36})\?from=([\d-]+)"', html).groups()  # type: ignore[union-attr]  # it is there
    for path in (f"/logs/{newest}/detail", f"/logs/{newest}"):
        detail = client.get(f"{path}?from={oldest}", headers=FRAGMENT).text
        assert "3 times the same" in detail
        times = re.search(r'<ol class="repeats".*?</ol>', detail, re.S)[0]  # type: ignore[index]  # it is there
        assert len(set(re.findall(r'href="/logs/([0-9a-f-]{36})"', times))) == 3
        assert newest in times
    assert "times the same" not in client.get(f"/logs/{newest}").text
    assert client.get(f"/logs/{newest}?from=nonsense").status_code == 200


def test_the_older_lines_of_a_folded_row_begin_where_it_began(
    service: Service, client: FlaskClient
) -> None:
    """Paging loses and doubles nothing: every line is in exactly one row."""
    store(service, every_second(*(line(RETRY if at % 7 else f"line {at}") for at in range(600))))
    counted, url = 0, "/logs"
    while url:
        html = client.get(url).text
        counted += sum(int(times or 1) for _text, times in rows(html))
        older = re.search(r'entries-older"[^>]*><a href="([^"]+)"', html)
        url = older[1].replace("&amp;", "&") if older else ""
    assert counted == 600
