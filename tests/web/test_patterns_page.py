"""/logs/patterns: folded lines, and the searches that lead to them."""

from __future__ import annotations

import re
import time
from datetime import UTC
from html import unescape

import pytest
from flask.testing import FlaskClient

from hantu.model import LogEntry, LogLevel
from hantu.query.logquery import LogQuery
from hantu.service import Service
from hantu.store.base import LogStorage
from hantu.store.memory import MemoryStore
from hantu.store.pattern_base import Pattern
from hantu.store.pattern_search import search_of
from hantu.web.pattern_rows import row
from tests.web.desk import line, store

SECOND_NS = 10**9
MESSAGES = [
    "Failed password for root from 10.1.2.3 port 4711 ssh2",
    "started",
    "started job 7",
    "모의주문실행 접수 3건",
    "주문 실패: 잔고 부족 (계좌 1234)",
    "42",
    "!!! 17 !!!",
    'say "hi" to 5 \\ people',
    "GET /api/v1/orders/9 200",
    "\x1b[31mred\x1b[0m alert 9",
    "first line 1\n  second line 2\n  third",
    "x" * 700 + " 5 " + "y" * 700,
    "\u202e odd 1",
    "",
    "a.b.c.d.e 1.2.3.4",
    "2026-11-20T13:00:05.123Z ok",
]


def one(message: str) -> Pattern:
    kept: LogStorage = MemoryStore()
    kept.write_batch([line(message, time_ns=SECOND_NS)])
    (found,) = kept.patterns(LogQuery(), start_ns=0, end_ns=2 * SECOND_NS).patterns
    return found


@pytest.mark.parametrize("message", MESSAGES)
def test_the_search_of_a_pattern_finds_its_lines(message: str) -> None:
    pattern = one(message)
    search = search_of(pattern)
    if message in ("", "\u202e odd 1") and search is None:
        return
    assert search is not None
    assert LogQuery(search=search).matches(line(message))
    drawn = row("", pattern, 1)
    assert drawn.only is not None
    query = LogQuery.parse(drawn.only, now_ns=0, tz=UTC)
    assert query.matches(line(message))
    assert drawn.hide is not None
    assert not LogQuery.parse(drawn.hide, now_ns=0, tz=UTC).matches(line(message))


def test_the_search_of_a_short_pattern_finds_nothing_else() -> None:
    search = search_of(one("started"))
    assert [text for text in MESSAGES if LogQuery(search=search).matches(line(text))] == ["started"]


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (MESSAGES[0], "Failed password for root from ‹…› port ‹…› ‹…›"),
        ("Cannot add item 5", "Cannot add item ‹…›"),
        ("\x1b[31mred\x1b[0m alert 9", "red alert ‹…›"),
        ("a 1\nb 2", "a ‹…›"),
        ("2026-11-20T13:00:05.123Z ok", "‹…› ok"),
        ("<b>5</b>", "‹…›5"),
    ],
)
def test_values_are_shown_as_placeholders(message: str, shown: str) -> None:
    html = str(row("", one(message), 1).html)
    text = unescape(re.sub(r"</?span[^>]*>", "", html))
    if message.startswith("<"):
        assert "<b>" not in html
        assert "&lt;" in html
    else:
        assert text == shown


USERS = ("kim", "lee", "park", "choi", "jung", "kang", "yoon", "lim", "oh")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("session of {} was opened", "session of ‹…› was opened"),
        ("{} logged in from 10.1.2.3", "‹…› logged in from ‹…›"),
        ("결제 완료 user={} 3,000원", "결제 완료 user=‹…› ‹…›원"),
        ("hello {}", "hello ‹…›"),
        ("\x1b[32mok\x1b[0m for {} now", "ok for ‹…› now"),
    ],
)
def test_a_word_that_varies_is_shown_and_searched_as_a_value(message: str, shown: str) -> None:
    kept: LogStorage = MemoryStore()
    lines = [line(message.format(user), time_ns=SECOND_NS) for user in USERS]
    kept.write_batch([*lines, line("something quite different", time_ns=SECOND_NS)])
    found = kept.patterns(LogQuery(), start_ns=0, end_ns=2 * SECOND_NS)
    drawn = row("", found.patterns[0], found.total)
    assert unescape(re.sub(r"</?span[^>]*>", "", str(drawn.html))) == shown
    assert drawn.pattern.variants == len(USERS)
    assert drawn.only is not None
    assert drawn.hide is not None
    only = LogQuery.parse(drawn.only, now_ns=0, tz=UTC)
    hide = LogQuery.parse(drawn.hide, now_ns=0, tz=UTC)
    assert [only.matches(each) for each in lines] == [True] * len(USERS)
    assert not any(hide.matches(each) for each in lines)
    assert not only.matches(line("something quite different"))


def spread(count: int, message: str, **parts: object) -> list[LogEntry]:
    now_ns = time.time_ns()
    return [
        line(message.format(n), time_ns=now_ns - (count - n) * 60 * SECOND_NS, **parts)
        for n in range(count)
    ]


def test_the_page_folds_marks_what_is_new_and_leads_to_the_lines(
    client: FlaskClient, service: Service
) -> None:
    store(service, spread(300, "tick {} of the clock"))
    store(service, spread(3, "disk quota exceeded by {} MB", level=LogLevel.ERROR))
    page = client.get("/logs/patterns?q=since:1h").text
    assert page.count('<li class="pattern') == 2
    assert page.count("pattern-new") == 1
    assert "2 patterns" in page
    assert "disk quota exceeded by" in page.split("pattern-new")[1][:400]
    link = unescape(page.split("pattern-new")[1].split('href="')[1].split('"')[0])
    lines = client.get(f"{link.partition('#')[0]}&full=1").text
    assert "3 lines" in lines
    assert "Choose a time" in client.get("/logs/patterns").text


def test_the_order_of_patterns_is_chosen(client: FlaskClient, service: Service) -> None:
    store(service, [*spread(9, "often {}"), *spread(2, "seldom {}")])

    def first(order: str) -> str:
        page = client.get(f"/logs/patterns?order={order}").text
        return "often" if page.index(">often ") < page.index(">seldom ") else "seldom"

    assert [first(order) for order in ("", "rare", "new", "bogus")] == [
        "often",
        "seldom",
        "seldom",
        "often",
    ]


def test_patterns_know_the_menus_of_the_search(client: FlaskClient, service: Service) -> None:
    store(service, spread(3, "a {}"))
    assert client.get("/logs/patterns?q=a&since=1h").location == "/logs/patterns?q=a+since%3A1h"
    assert (
        client.get("/logs/patterns?q=a&minLevel=warn").location == "/logs/patterns?q=a+level%3A%3E%3Dwarn"
    )
    wrong = client.get("/logs/patterns?q=level:loud")
    assert wrong.status_code == 400
    assert 'action="/logs/patterns"' in wrong.text
    assert "No line matches" in client.get("/logs/patterns?q=nowhere").text


def test_programs_get_patterns_with_the_query_that_finds_their_lines(
    client: FlaskClient, service: Service
) -> None:
    store(service, [*spread(90, "tick {} of the clock"), *spread(3, "disk quota exceeded by {} MB")])
    answer = client.get("/api/logs/patterns?since=1h&order=rare&buckets=6&q=-nothing").json
    rare, often = answer["patterns"]
    assert (rare["text"], rare["count"], rare["new"]) == ("disk quota exceeded by ‹…› MB", 3, True)
    assert (often["new"], answer["kinds"], len(often["counts"])) == (False, 2, 6)
    assert rare["example"]["message"].startswith("disk quota")
    found = client.get("/api/logs", query_string={"q": rare["query"]}).json
    assert found["total"] == 3
    assert client.get("/api/logs/patterns?order=loud").status_code == 400
    assert client.get("/api/logs/patterns?q=level:loud").status_code == 400
    assert client.get("/api/logs/patterns?most=1").json["kinds"] == 2
