"""The pages as a browser without script gets them."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape

from hantu.model import LogEntry, LogLevel
from hantu.query.logquery import LogQuery
from hantu.service import Service
from hantu.store.base import Facet, Histogram, QueryTimeout
from tests.web.desk import line, store

SECOND_NS = 10**9
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}


def recent(count: int, **parts: object) -> list[LogEntry]:
    now_ns = time.time_ns()
    return [line(f"line {n:04d}", time_ns=now_ns - (count - n) * SECOND_NS, **parts) for n in range(count)]


def shown(html: str) -> list[str]:
    return re.findall(r'class="entry-message">(.*?)</span>', html)


def entry_id(html: str) -> str:
    found = re.search(r'id="e-([0-9a-f-]{36})"', html)
    assert found
    return found.group(1)


def test_the_root_leads_to_the_logs(client: FlaskClient) -> None:
    assert client.get("/").headers["Location"] == "/logs"


def test_the_text_in_the_box_is_the_whole_state(service: Service, client: FlaskClient) -> None:
    store(service, recent(5))
    found = client.get("/logs?q=a+OR+b&since=1h")
    assert found.headers["Location"] == "/logs?q=%28a+OR+b%29+since%3A1h"
    found = client.get("/logs?q=a+since:1h&since=7d")
    assert found.headers["Location"] == "/logs?q=a+since%3A7d"
    found = client.get("/logs?q=(a+OR+b)+since:1h&minLevel=warn")
    assert "level%3A%3E%3Dwarn" in found.headers["Location"]
    assert client.get(found.headers["Location"]).status_code == 200
    found = client.get("/logs?q=a+since:1h+level:>=warn&minLevel=none&since=all&wrap=1")
    assert found.headers["Location"] == "/logs?q=a&wrap=1"
    found = client.get("/logs?from=2026-11-20+13:00&until=now&q=")
    assert found.headers["Location"] == "/logs?q=since%3A%222026-11-20+13%3A00%22+until%3Anow"
    assert client.get(found.headers["Location"]).status_code == 200


@pytest.mark.promise("M36")
def test_switching_live_on_asks_for_info_and_above_unless_a_level_is_named(client: FlaskClient) -> None:
    on = client.get("/logs?q=a+until:1h&follow=1").headers["Location"]
    assert on == "/logs?q=a+level%3A%3E%3Dinfo&live=1"
    own = client.get("/logs?q=level:debug&follow=1").headers["Location"]
    assert own == "/logs?q=level%3Adebug&live=1"
    assert client.get("/logs?q=level:debug&live=1&follow=0").headers["Location"] == "/logs?q=level%3Adebug"


@pytest.mark.promise("M36")
def test_a_live_address_without_a_level_leads_to_info_and_above(
    client: FlaskClient, service: Service
) -> None:
    store(service, [*recent(3), line("hidden", level=LogLevel.DEBUG)])
    led = client.get("/logs?live=1&q=container:x")
    assert led.headers["Location"] == "/logs?q=container%3Ax+level%3A%3E%3Dinfo&live=1"
    page = client.get("/logs?live=1", follow_redirects=True).text
    assert len(shown(page)) == 3
    every = client.get("/logs?live=1&q=level:>=info&minLevel=none", follow_redirects=True)
    assert every.request.args["q"] == "level:>=trace"
    assert len(shown(every.text)) == 4
    assert "All levels <svg" in every.text
    assert client.get("/logs?live=1&q=-level:debug").status_code == 200


def test_a_filter_that_was_counted_in_part_says_so(
    client: FlaskClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(service, [line("a", metadata={"color": "red"})])
    facets = service.store.facets

    def cut(*args: Any, **options: Any) -> tuple[Facet, ...]:
        return tuple(replace(facet, complete=False) for facet in facets(*args, **options))

    monkeypatch.setattr(service.store, "facets", cut)
    html = client.get("/logs/facet?field=color", headers={"HX-Request": "true"}).text
    assert ">red<" in html
    assert "Counted in part" in html


def test_older_and_newer_lines_are_reached_by_links(service: Service, client: FlaskClient) -> None:
    store(service, recent(250))
    newest = client.get("/logs").text
    assert shown(newest)[0] == "line 0150"
    older = re.search(r'href="(/logs\?before=[^"]+)"', newest)
    assert older
    middle = client.get(older.group(1)).text
    assert (shown(middle)[0], shown(middle)[-1]) == ("line 0050", "line 0149")
    newer = re.search(r'href="(/logs\?after=[^"]+)"', middle)
    assert newer
    again = client.get(newer.group(1)).text
    assert (shown(again)[0], shown(again)[-1]) == ("line 0150", "line 0249")


@pytest.mark.parametrize("place", ["x", "1", "1-", "-", "1-1-x", f"{1 << 70}-1", "5--3"])
def test_a_place_nobody_made_is_the_newest_page(service: Service, client: FlaskClient, place: str) -> None:
    store(service, recent(2))
    assert shown(client.get(f"/logs?before={place}").text) == ["line 0000", "line 0001"]


def test_a_wrong_query_is_one_sentence_at_its_place(client: FlaskClient) -> None:
    answer = client.get("/logs?q=주문+level:loud&full=1")
    assert answer.status_code == 400
    assert "is no level" in answer.text
    assert "주문 <b>level:loud</b>" in answer.text
    for text in ("(", '"', "a OR", "level:", "since:never", "/[/", "-", "x" * 5000, "\u202e level:x"):
        assert client.get("/logs", query_string={"q": text}).status_code in (200, 400), text


def test_facets_add_and_exclude(service: Service, client: FlaskClient) -> None:
    found = [
        line("a", source="docker", source_id="api"),
        line("b", source="journal", source_id="ssh.service"),
    ]
    store(service, found * 3)
    html = client.get("/logs?full=1").text
    assert 'href="/logs?q=container%3Aapi"' in html
    assert 'href="/logs?q=-container%3Aapi"' in html
    assert 'href="/logs?q=unit%3Assh.service"' in html
    html = client.get("/logs?full=1&q=-container:api").text
    assert "facet-out" in html
    assert 'class="facet-value" href="/logs" title="api"' in html


def test_a_container_and_a_program_of_one_name_are_two_filters(
    service: Service, client: FlaskClient
) -> None:
    for many, source in ((3, "docker"), (2, "app"), (1, "journal")):
        store(service, [line(source, source=source, source_id="api")] * many)
    for q, counts in (("", (3, 2, 1)), ("-app", (3, 0, 1)), ("source:app", (0, 2, 0))):
        html = client.get(f"/logs?full=1&q={q}").text
        for field, count in zip(("container", "service", "unit"), counts, strict=True):
            found = re.findall(rf'data-field="{field}".*?title="api".*?class="number">(\d+)<', html, re.S)
            assert [int(each) for each in found[:1]] == [count][: 1 if count else 0], (q, field)


def test_a_file_is_told_by_the_end_of_its_path(service: Service, client: FlaskClient) -> None:
    path = "/srv/shop/releases/current/log/payments.json"
    store(service, [line("a", source_id=path, metadata={"service": "shop"})])
    html = client.get("/logs?full=1").text
    assert f'title="{path}"><span>log/payments.json</span>' in html


def test_the_metadata_says_no_origin_twice(service: Service, client: FlaskClient) -> None:
    store(service, [line("a", metadata={"service": "shop", "user": {"id": 7}})])
    (row,) = re.findall(r'id="e-([^"]+)"', client.get("/logs").text)
    html = client.get(f"/logs/{row}").text
    assert html.count("<dt>service</dt>") == 1
    assert html.count("<dt>id</dt>") == 1


@pytest.mark.parametrize(("lang", "told"), [("en", "2 h ago"), ("ko", "2시간 전")])
def test_an_opened_row_tells_its_time_and_how_long_ago_that_is(
    service: Service, client: FlaskClient, lang: str, told: str
) -> None:
    store(service, [line("a", time_ns=time.time_ns() - 7_200 * 10**9)])
    headers = {"Accept-Language": lang}
    (row,) = re.findall(r'id="e-([^"]+)"', client.get("/logs").text)
    html = client.get(f"/logs/{row}/detail", headers=headers | {"HX-Request": "true"}).text
    assert f"</time><br>{told}" in html


def test_each_bar_of_the_histogram_zooms(service: Service, client: FlaskClient) -> None:
    store(service, recent(100, level=LogLevel.ERROR))
    html = client.get("/logs?full=1").text
    links = re.findall(r'<a href="(/logs\?since=[^"]+)" tabindex="[^>]*><title>([^<]+)</title>', html)
    assert links
    assert sum(int(re.findall(r"(\d+) lines?", title)[0]) for _, title in links) == 100
    target = client.get(links[0][0].replace("&amp;", "&")).headers["Location"]
    zoomed = client.get(f"{target}&full=1").text
    assert len(shown(zoomed)) == int(re.findall(r"(\d+) lines?", links[0][1])[0])


def test_rows_are_there_when_counting_takes_too_long(
    service: Service, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(service, recent(10))

    def slow(_query: LogQuery, **_limits: object) -> Histogram:
        raise QueryTimeout("too slow")

    monkeypatch.setattr(service.store, "histogram", slow)
    html = client.get("/logs").text
    assert len(shown(html)) == 10
    assert 'hx-get="/logs/summary"' in html
    assert 'href="/logs?full=1"' in html
    lazy = client.get("/logs/summary", headers={"HX-Request": "true"})
    assert lazy.status_code == 200
    assert "choose a shorter time" in lazy.text
    assert client.get("/logs/summary").headers["Location"] == "/logs?full=1"


def test_fragments_opened_as_pages_lead_to_the_page(service: Service, client: FlaskClient) -> None:
    store(service, recent(2))
    assert client.get("/logs/rows?q=a&before=5-3").headers["Location"] == "/logs?q=a&before=5-3"
    fragment = client.get("/logs/rows?before=9000000000000000000-9", headers={"HX-Request": "true"})
    assert "<html" not in fragment.text
    assert len(shown(fragment.text)) == 2


def test_a_stack_trace_of_the_metadata_is_shown_once(service: Service, client: FlaskClient) -> None:
    stack = (
        'Traceback (most recent call last):\n  File "/app/a.py", line 8, in tick\n    run()\n'
        '  File "/app/b.py", line 3, in run\n    go()\nKeyError: 7'
    )
    store(service, [line("it failed", metadata={"stack_trace": stack, "error_type": "KeyError"})])
    html = client.get(f"/logs/{entry_id(client.get('/logs').text)}").text
    assert html.count("Traceback (most recent call last)") == 1
    assert "<dt>error_type</dt>" in html
    assert "<dt>stack_trace</dt>" not in html


def test_a_permalink_shows_everything_about_a_line(service: Service, client: FlaskClient) -> None:
    metadata = {
        "order": {"id": 80412, "tags": ["a", "b"]},
        "trace_id": "abc12345",
        "odd key": "x",
        "empty": "",
    }
    store(
        service,
        [*recent(20), line("first\nsecond <b>", metadata=metadata, time_ns=1_795_000_000_123456789)],
    )
    html = client.get(f"/logs/{entry_id(client.get('/logs?q=first').text)}").text
    assert "second &lt;b&gt;" in html
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.123456789 [+-]\d\d:\d\d", html)
    assert 'href="/logs?q=order.id%3A80412#newest"' in html
    assert 'href="/logs?q=-order.id%3A80412#newest"' in html
    assert "Trace abc12345" in html
    assert escape('["a", "b"]') in html


def test_an_unknown_line_is_a_page_that_says_so(client: FlaskClient) -> None:
    answer = client.get("/logs/018f2c1e-0000-7000-8000-000000000000")
    assert answer.status_code == 404
    assert "removed by retention" in answer.text
    assert client.get("/logs/not-an-id").status_code == 404


def test_context_shows_the_lines_around(service: Service, client: FlaskClient) -> None:
    store(service, recent(60))
    own = entry_id(client.get('/logs?q="line 0030"').text)
    fragment = client.get(f"/logs/{own}/context?n=3", headers={"HX-Request": "true"}).text
    assert fragment.count("<li") == 7
    assert client.get(f"/logs/{own}/context?n=9").text.count('</time> <span class="entry-level">') == 20
    assert client.get(f"/logs/{own}/context?n=-5").status_code == 200
    assert client.get(f"/logs/{own}/context?n=x&scope=all").status_code == 200


def test_skipped_lines_can_be_loaded(service: Service, client: FlaskClient) -> None:
    store(service, recent(5))
    first = service.store.cursor()
    store(service, recent(30, source_id="burst"))
    last = service.store.cursor()
    store(service, recent(5, source_id="later"))
    html = client.get(f"/logs/skipped?after={first}&upTo={last}").text
    assert len(shown(html)) == 30
    assert "later" not in html


def test_skipped_lines_end_with_the_last_of_them(
    service: Service, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hantu.web.logs.SKIPPED_MOST", 10)
    first = service.store.cursor()
    store(service, recent(25, source_id="burst"))
    last = service.store.cursor()
    store(service, recent(25, source_id="later"))
    address = f"/logs/skipped?after={first}&upTo={last}&left=25"
    seen: list[str] = []
    while address:
        html = client.get(address).text
        seen += shown(html)
        further = re.search(r'<li class="skipped" data-count="(\d+)"><a href="([^"]+)"', html)
        assert (int(further[1]) if further else 0) == 25 - len(seen)
        address = further[2].replace("&amp;", "&") if further else ""
    assert len(seen) == 25
    assert "later" not in "".join(seen)
    # Who does not say how many they are may have to look in vain.
    assert 'class="skipped"' in client.get(f"/logs/skipped?after={first}&upTo={last}").text


def test_a_gap_is_a_row_of_its_own(service: Service, client: FlaskClient) -> None:
    now_ns = time.time_ns()
    gap = {"from_ns": now_ns - 12 * SECOND_NS, "to_ns": now_ns, "reason": "engine restarted", "lines": 40}
    store(
        service, [line("lines may be missing", level=LogLevel.WARN, metadata={"gap": gap}, time_ns=now_ns)]
    )
    html = client.get("/logs?full=1").text
    assert "Blind 12 s: engine restarted" in html
    assert "40 lines lost" in html
    assert 'class="fill-blind"' in html
    assert "engine restarted" in client.get("/sources").text


def test_colours_are_classes_and_hidden_characters_escapes(service: Service, client: FlaskClient) -> None:
    text = "\x1b[1;31mred\x1b[0m \x1b[2Kcleared \u202eevil\u202c \x07"
    store(service, [line(text, time_ns=time.time_ns())])
    html = client.get("/logs").text
    assert '<span class="ansi-bold ansi-red">red</span>' in html
    assert '<span class="entry-escape">\\x1b</span>[2Kcleared' in html
    assert '<span class="entry-escape">\\u202e</span>evil' in html
    assert "\x1b" not in html
    assert "\u202e" not in html


def test_an_empty_store_says_what_to_do_next(client: FlaskClient) -> None:
    html = client.get("/logs").text
    assert "No line has arrived yet" in html
    assert "/api/ingest" in html


def test_no_match_says_what_to_do_next(service: Service, client: FlaskClient) -> None:
    store(service, recent(3))
    html = client.get("/logs?q=zzz+since:1h+level:>=warn").text
    assert "No line matches" in html
    assert "Search all time" in html
    assert "Show all levels" in html


def test_the_exports_are_of_exactly_this_view(service: Service, client: FlaskClient) -> None:
    store(service, recent(3))
    html = client.get("/logs?q=line+since:1h&wrap=1").text
    for form in ("jsonl", "csv", "text"):
        target = f"/api/logs/export?q=line+since%3A1h&amp;format={form}"
        assert f'href="{target}"' in html
        answer = client.get(target.replace("&amp;", "&"))
        assert answer.status_code == 200
        assert answer.text.count("line 000") == 3


@pytest.mark.promise("M24", "M25")
def test_sources_start_and_stop_by_a_form_of_the_same_site(client: FlaskClient) -> None:
    assert client.get("/sources").status_code == 200
    assert client.post("/sources/stop", data={"key": "docker:x"}).status_code == 403
    answer = client.post("/sources/stop", data={"key": "docker:x"}, headers=SAME_ORIGIN)
    assert answer.status_code == 404
    assert "no such collector" in answer.text
    assert client.get("/sources/stop").status_code == 405


@pytest.mark.promise("M42")
def test_status_shows_the_warning_signs(service: Service, client: FlaskClient) -> None:
    store(service, recent(3))
    client.get("/logs")
    html = client.get("/status").text
    for sign in (
        "File size",
        "Search time",
        "Memory",
        "Live readers",
        "Collector lag",
        "Waiting to be written",
    ):
        assert sign in html, sign
    assert html.count('role="img"') >= 7


def test_clean_up_is_a_form_and_says_what_went(service: Service, client: FlaskClient) -> None:
    old_ns = time.time_ns() - 10 * 86_400 * SECOND_NS
    store(service, [*recent(3), line("old", time_ns=old_ns)])
    answer = client.post("/status/cleanup", data={"days": "7"}, headers=SAME_ORIGIN)
    assert answer.status_code == 303
    html = client.get("/status?removed=1").text
    assert "1 line was removed." in html
    assert "by hand" in html
    for days in ("", "x", "-1", "nan", "inf", "1e9"):
        wrong = client.post("/status/cleanup", data={"days": days}, headers=SAME_ORIGIN)
        assert wrong.status_code == 400, days


def test_the_set_up_link_makes_the_first_account_and_is_gone(service: Service, client: FlaskClient) -> None:
    token = service.setup.token
    first = {"name": "jin", "password": "long enough", "again": "long enough"}
    assert client.get("/setup").status_code == 404
    assert client.get("/setup?token=wrong").status_code == 404
    assert "Make the account" in client.get(f"/setup?token={token}").text
    for wrong, status in (
        ({**first, "token": "wrong"}, 404),
        ({**first, "token": token, "again": "another one"}, 400),
        ({**first, "token": token, "password": "short", "again": "short"}, 400),
        ({**first, "token": token, "name": "two words"}, 400),
    ):
        assert client.post("/setup", data=wrong, headers=SAME_ORIGIN).status_code == status
    assert service.store.accounts() == ()
    made = client.post("/setup", data={**first, "token": token}, headers=SAME_ORIGIN)
    assert (made.status_code, made.headers["Location"]) == (303, "/logs#newest")
    assert client.get("/logs").status_code == 200, "signed in at once"
    assert client.get(f"/setup?token={token}").status_code == 404


def test_live_rows_are_those_of_the_page(app: Flask, service: Service, client: FlaskClient) -> None:
    store(service, recent(3, metadata={"status": 200}))
    html = client.get("/logs").text
    with app.test_request_context("/ws/logs", headers={"Host": "localhost"}):
        entries = service.store.search(LogQuery()).entries[::-1]
        live = app.extensions["hantu.rows"](entries, LogQuery())
    for row in re.findall(r'<li class="entry .*?</li>', live):
        assert row in html


def test_a_page_carries_no_inline_script_or_style(service: Service, client: FlaskClient) -> None:
    store(service, recent(3))
    for path in ("/logs", "/logs?live=1", "/sources", "/status", "/nowhere"):
        html = client.get(path).text
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", html), path
