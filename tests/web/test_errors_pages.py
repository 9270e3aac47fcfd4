"""/errors, /errors/<group> and /trace/<id> as a browser gets them."""

from __future__ import annotations

import html as html_text
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from hantu.model import LogLevel
from hantu.query.logquery import LogQuery
from hantu.service import Service
from hantu.store.base import QueryTimeout
from tests.waiting import wait_until
from tests.web.desk import line, served, store, token
from tests.web.errordesk import HOUR_NS, SECOND_NS, STACK, busy_day, kinds, record
from tests.web.test_errors_api import listed

PAGE = {"Origin": "http://localhost"}
KOREAN = {"Accept-Language": "ko-KR,ko;q=0.9"}


def post(client: FlaskClient, path: str, **form: Any) -> Any:
    return client.post(path, data=form, headers=PAGE)


def nav_count(html: str) -> str:
    found = re.search(r'id="errors-open">(\d*)', html)
    assert found is not None
    return found.group(1)


def test_the_inbox_shows_each_kind_with_its_state(service: Service, client: FlaskClient) -> None:
    store(service, busy_day(time.time_ns()))
    html = client.get("/errors").text
    for text in ("InsufficientBalance", "수량은 1 이상이어야 합니다", "batch.settle.write", "CRITICAL"):
        assert text in html
    assert html.count('class="spark"') == 6
    assert "6 errors" in html
    assert nav_count(html) == nav_count(client.get("/logs").text) == "6"


def test_the_empty_inbox_teaches_and_what_it_says_works(service: Service, client: FlaskClient) -> None:
    html = client.get("/errors").text
    assert "No error has arrived yet" in html
    assert "get_logger(&#34;shop&#34;)" in html or 'get_logger("shop")' in html
    body = re.search(r"-d '(\{.*?\})'", html.replace("&#34;", '"'))
    assert body is not None
    answer = client.post("/api/ingest", data=body.group(1).encode(), headers=token(service, "ingest"))
    assert answer.get_json()["accepted"] == 1
    html = client.get("/errors").text
    assert "FirstError" in html
    assert "첫 에러" in html


def test_the_library_line_that_the_empty_inbox_shows_sends_an_error(
    service: Service, app: flask.Flask, tmp_path: Path
) -> None:
    secret = token(service, "ingest")["Authorization"].removeprefix("Bearer ")
    with served(app) as port:
        answer = app.test_client().get("/errors", base_url=f"http://127.0.0.1:{port}")
        shown = re.search(r"<code>(HANTU_DSN=.*?)</code>", answer.text)
        assert shown is not None
        line_of_shell = html_text.unescape(shown.group(1)).replace("TOKEN", secret)
        subprocess.run(line_of_shell, shell=True, check=True, cwd=tmp_path, timeout=60, capture_output=True)
        wait_until(lambda: service.store.newest_error_no() == 1, 10)
    (found,) = service.store.errors_after(0, most=10)
    assert found.record.message == "첫 에러"


def test_a_form_with_empty_fields_leads_to_the_short_address(client: FlaskClient) -> None:
    answer = client.get("/errors?q=&service=api&level=&since=&order=")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/errors?service=api"


def test_a_wrong_word_is_told_and_the_search_stays(service: Service, client: FlaskClient) -> None:
    store(service, [record()])
    answer = client.get("/errors?since=soon&q=abc", headers=KOREAN)
    assert answer.status_code == 400
    assert "soon" in answer.text
    assert 'value="abc"' in answer.text
    assert "is no time" not in answer.text


def test_ticked_errors_are_resolved_muted_and_reopened_together(
    service: Service, client: FlaskClient
) -> None:
    store(service, kinds(3))
    ids = [group["id"] for group in listed(client)]
    answer = post(client, "/errors/act", act="resolve", group=ids[:2], back="/errors?order=count")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/errors?order=count&did=resolve&n=2")
    html = client.get(answer.headers["Location"]).text
    assert "2 errors were resolved." in html
    assert nav_count(html) == "1"
    again = post(client, "/errors/act", act="resolve", group=ids)
    assert again.headers["Location"] == "/errors?did=resolve&n=1"
    post(client, "/errors/act", act="reopen", group=ids)
    post(client, "/errors/act", act="mute", group=ids[:1], until="24h")
    assert len(listed(client, "?status=open")) == 2
    post(client, "/errors/act", act="unmute", group=ids)
    assert len(listed(client, "?status=open")) == 3
    nothing = post(client, "/errors/act", act="resolve")
    assert "tick the errors first" in client.get(nothing.headers["Location"]).text


def test_ticked_errors_are_merged_into_the_first(service: Service, client: FlaskClient) -> None:
    store(service, kinds(3))
    ids = sorted(group["id"] for group in listed(client))
    one = post(client, "/errors/act", act="merge", group=ids[:1])
    assert "two errors or more" in client.get(one.headers["Location"]).text
    post(client, "/errors/act", act="merge", group=ids)
    (group,) = listed(client)
    assert (group["id"], group["count"]) == (ids[0], 3)
    html = client.get(f"/errors/{ids[0]}").text
    assert html.count("/split") == 3
    post(client, f"/errors/{ids[0]}/split", fingerprint=group["fingerprints"][1])
    assert len(listed(client)) == 2
    other = next(found["id"] for found in listed(client) if found["id"] != ids[0])
    post(client, f"/errors/{ids[0]}/merge", other=f"#{other}")
    assert len(listed(client)) == 1


def test_errors_of_different_services_are_not_merged(service: Service, client: FlaskClient) -> None:
    store(service, [record(), record(service="api")])
    ids = [group["id"] for group in listed(client)]
    together = post(client, "/errors/act", act="merge", group=ids)
    assert "Only different errors of one service" in client.get(together.headers["Location"]).text
    for other in ids[1], ids[0]:
        answer = post(client, f"/errors/{ids[0]}/merge", other=other)
        assert answer.status_code == 409
        assert "Only different errors of one service" in answer.text
    assert post(client, f"/errors/{ids[0]}/merge", other=999).status_code == 404
    assert len(listed(client)) == 2


def test_a_line_of_log_leads_to_the_timeline_of_its_trace(service: Service, client: FlaskClient) -> None:
    store(service, [record(trace_id="abc12345")])
    (entry,) = service.store.export(LogQuery())
    assert 'href="/trace/abc12345"' in client.get(f"/logs/{entry.id}").text


@pytest.mark.parametrize(
    "back",
    ["//evil.example", "https://evil.example/errors", "/errorsx", "/\\evil", "javascript:1", "/errors\n"],
)
def test_an_act_leads_back_to_the_inbox_only(service: Service, client: FlaskClient, back: str) -> None:
    store(service, [record()])
    answer = post(client, "/errors/act", act="resolve", group=1, back=back)
    assert answer.headers["Location"].startswith("/errors?did=")


def test_an_act_needs_a_page_of_hantus_own(service: Service, client: FlaskClient) -> None:
    store(service, [record()])
    (group,) = listed(client)
    for path in ("/errors/act", f"/errors/{group['id']}/resolve", f"/errors/{group['id']}/note"):
        assert client.post(path, data={"act": "resolve", "group": group["id"]}).status_code == 403
        evil = {"Origin": "http://evil.example"}
        assert client.post(path, data={"act": "resolve"}, headers=evil).status_code == 403
        assert client.get(path).status_code in (404, 405)
    assert listed(client, "?status=resolved") == []


def test_one_error_shows_its_stack_trace_context_and_logs(service: Service, client: FlaskClient) -> None:
    store(service, busy_day(time.time_ns()))
    group = next(one for one in listed(client) if one["errorType"] == "InsufficientBalance")
    html = client.get(f"/errors/{group['id']}").text
    assert html.count("frame-app") == 2
    assert "apscheduler" in html
    assert "예수금이 모자람" in html
    assert "재시도 예약" in html, "the line after it"
    assert "모의주문실행 요청 접수" in html, "a line of its trace"
    assert 'href="/trace/abc12345"' in html
    assert "80412" in html
    assert "q=context.order.id%3A80412" in html
    assert "****3391" in html


@pytest.mark.promise("M84")
def test_a_link_to_an_occurrence_opens_that_one_wherever_its_group_is(
    service: Service, client: FlaskClient
) -> None:
    now_ns = time.time_ns()
    store(service, [record("주문 9 실패", time_ns=now_ns - HOUR_NS), record("하나", error_type="OSError")])
    store(service, [record("주문 10 실패", time_ns=now_ns)])
    group = next(one for one in listed(client) if one["errorType"] == "InsufficientBalance")
    other = next(one for one in listed(client) if one["errorType"] == "OSError")
    older = client.get(f"/api/errors/{group['id']}").get_json()["occurrences"][-1]
    link = client.get(f"/errors/{older['id']}")
    assert link.headers["Location"] == f"/errors/{group['id']}?at={older['id']}"
    html = client.get(link.headers["Location"]).text
    assert '<p class="error-said">주문 9 실패</p>' in html
    assert "one of 2 occurrences" in html
    assert '<p class="error-said">주문 10 실패</p>' in client.get(f"/errors/{group['id']}").text
    post(client, f"/errors/{other['id']}/merge", other=group["id"])
    moved = client.get(f"/errors/{group['id']}?at={older['id']}")
    assert moved.headers["Location"] == f"/errors/{other['id']}?at={older['id']}"


@pytest.mark.parametrize(
    "path",
    [
        "/errors/999",
        "/errors/1?at=nonsense",
        "/errors/00000000-0000-4000-8000-000000000000",
        f"/errors/{10**30}",
    ],
)
def test_an_unknown_error_is_not_found(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers=KOREAN)
    assert answer.status_code == 404
    assert "그런 에러가 없습니다." in answer.text
    assert "Traceback" not in answer.text


def test_the_history_tells_who_did_what(service: Service, client: FlaskClient) -> None:
    store(service, [record(time_ns=time.time_ns() - HOUR_NS)])
    (group,) = listed(client)
    path = f"/errors/{group['id']}"
    assert post(client, f"{path}/note", text="<b>확인함</b>", back=path).status_code == 303
    assert post(client, f"{path}/resolve").headers["Location"] == path
    assert post(client, f"{path}/resolve").status_code == 303, "a second tab may do it again"
    client.post(f"/api/errors/{group['id']}/reopen", headers=token(service, "admin"))
    html = client.get(path).text
    assert "&lt;b&gt;확인함&lt;/b&gt;" in html
    assert "on this page" in html
    assert "admin program" in html
    assert html.count("i-good") >= 1
    assert post(client, f"{path}/note", text=" ").status_code == 400
    assert post(client, f"{path}/mute", until="long").status_code == 400
    assert post(client, f"{path}/mute", until=">", most="x").status_code == 400
    assert post(client, f"{path}/mute", until=">", most="25").status_code == 303
    assert client.get(path).text.count("until more than 25 an hour") == 2, "as it is, and in the history"
    assert post(client, f"{path}/mute", until="24h").status_code == 303
    assert '<p class="small">24 h</p>' in client.get(path).text
    assert post(client, "/errors/999/resolve").status_code == 404


def test_an_error_without_a_line_of_log_shows_the_logs_of_its_minute(
    service: Service, client: FlaskClient
) -> None:
    at_ns = time.time_ns() - HOUR_NS
    store(service, [record(time_ns=at_ns), line("얼마 전", time_ns=at_ns - SECOND_NS, source_id="api")])
    (group,) = listed(client)
    assert "얼마 전" not in client.get(f"/errors/{group['id']}").text, "of another source"
    service.cleanup(0)
    store(service, [line("조금 뒤", time_ns=at_ns + SECOND_NS, source_id="api")])
    html = client.get(f"/errors/{group['id']}").text
    assert "조금 뒤" in html
    assert "InsufficientBalance" in html, "errors outlive the lines"


@pytest.mark.promise("M84")
def test_a_trace_joins_lines_of_all_sources_with_their_errors(
    service: Service, client: FlaskClient
) -> None:
    store(service, busy_day(time.time_ns()))
    html = client.get("/trace/abc12345").text
    order = [
        html.index(text) for text in ("POST /v1/orders/run", "모의주문실행", "주문 실패", "재시도 예약")
    ]
    assert order == sorted(order)
    assert html.count('class="trace-error"') == 1
    assert "5 lines, 3 sources, 1 error" in html
    assert "Nothing with this trace is kept" in client.get("/trace/none00").text
    for wrong in ("/trace/%22%00", "/trace/a%2Fb%20c", "/trace/" + "x" * 3000, "/trace/<script>"):
        answer = client.get(wrong)
        assert answer.status_code in (200, 404)
        assert "<script>" not in answer.text.split("<main")[1].split("</main>")[0]


def test_a_trace_outlives_its_lines(service: Service, client: FlaskClient) -> None:
    store(service, [record(trace_id="abc12345", time_ns=time.time_ns() - HOUR_NS, stack_trace=STACK)])
    service.cleanup(0)
    html = client.get("/trace/abc12345").text
    assert "0 lines" in html
    assert html.count('class="trace-error"') == 1


def test_a_store_that_cannot_count_errors_leaves_the_other_pages_as_they_are(
    service: Service, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_long(*_: object, **__: object) -> int:
        raise QueryTimeout("the time limit was over")

    monkeypatch.setattr(service.store, "unresolved", too_long, raising=True)
    assert nav_count(client.get("/logs").text) == ""


def test_more_errors_than_a_page_go_on_where_it_ended(service: Service, client: FlaskClient) -> None:
    store(service, kinds(120, level=LogLevel.FATAL))
    seen: list[str] = []
    path = "/errors?level=critical"
    while path:
        html = client.get(path).text
        seen += re.findall(r'class="error-type" href="[^"]+">(\w+)', html)
        more = re.search(r'class="button" href="(/errors\?[^"]+)" hx-get', html)
        path = more.group(1).replace("&amp;", "&") if more else ""
    assert seen == [f"Kind{number:04d}" for number in reversed(range(120))]
