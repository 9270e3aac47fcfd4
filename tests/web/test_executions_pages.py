"""/executions, /executions/<id> and the run in /trace/<id> as a browser gets them."""

from __future__ import annotations

import html as html_text
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from hantu.executions import Change, ExecutionStatus
from hantu.query.logquery import LogQuery
from hantu.service import Service
from hantu.store.base import QueryTimeout
from hantu.store.execution_base import ExecutionQuery
from hantu.web.sentences import say
from tests.waiting import wait_until
from tests.web.desk import served, token
from tests.web.executiondesk import DAY_NS, HOUR_NS, JOBS, MINUTE_NS, Going, going, month, put, with_file

PAGE = {"Origin": "http://localhost"}
KOREAN = {"Accept-Language": "ko-KR,ko;q=0.9"}
HTMX = {"HX-Request": "true"}
NOBODY = "01a1fd91-3285-74a9-ae6d-bf3df3cf6423"


@pytest.fixture
def busy(service: Service, app: flask.Flask) -> Going:
    """A month of runs, and one that goes on."""
    now_ns = time.time_ns()
    month(service, now_ns)
    return going(service, app, now_ns)


@pytest.mark.parametrize(
    ("text", "korean"),
    [
        ("it ran longer than its timeout of 600 s", "제한 시간 600초를 넘겼습니다."),
        (
            "its runner sent no sign of life for 3 intervals of 20 s",
            "실행기가 20초 간격 신호를 3번 연달아 보내지 않았습니다.",
        ),
        ("disk is full", "disk is full"),
        ("", ""),
    ],
)
def test_what_hantu_says_of_an_end_is_in_the_readers_language(
    app: flask.Flask, text: str, korean: str
) -> None:
    with app.test_request_context(headers=KOREAN):
        assert say(text) == korean
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert say(text) == text


def words(html: str) -> str:
    """The text of a page, blanks made one."""
    return re.sub(r"\s+", " ", html_text.unescape(re.sub(r"<[^>]*>", " ", html)))


def jobs(html: str) -> list[str]:
    return re.findall(r'class="run-job"[^>]*>([^<]*)<', html)


def test_the_list_shows_each_run_and_what_they_came_to(client: FlaskClient, busy: Going) -> None:
    html = client.get("/executions").text
    assert jobs(html)[:2] == [JOBS[0], "mail-digest"]
    said = words(html)
    assert "Running 2 m ago" in said
    assert "14,906 $0.071482" in said
    assert "77 runs · page 1 of 4" in said
    assert "All 77 Pending 0 Running 1 Completed 65 Failed 9 Cancelled 2" in said
    assert "Tokens and cost last 30 days Runs 77 9 failed Tokens 492,830 Cost $2.847046" in said
    assert html.count('class="run-chart"') == 3
    assert '<a href="/executions" aria-current="page">' in html


@pytest.mark.promise("M114")
@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("status=FAILED", 9),
        ("status=failed,CANCELLED", 11),
        ("jobName=backup", 15),
        ("jobName=backup,mail-digest", 30),
        ("model=small-2025-05", 21),
        ("createdAfter=25h", 4),
        ("createdBefore=25h", 73),
        ("hasArtifacts=true", 1),
        ("hasArtifacts=false", 76),
        ("search=InsufficientBalance", 1),
        ("search=정산일이+-backup&status=COMPLETED", 52),
    ],
)
def test_every_filter_is_in_the_address(
    service: Service, client: FlaskClient, busy: Going, asked: str, count: int
) -> None:
    html = client.get(f"/executions?{asked}&pageSize=100").text
    assert len(jobs(html)) == count
    assert re.search(rf"\b{count} runs?\b", words(html))
    sums = re.search(r"of this list Runs (\d+)|last 30 days Runs (\d+)", words(html))
    assert sums is not None
    assert (sums[1] or sums[2]) == str(count)


@pytest.mark.promise("M115")
def test_pages_and_orders_are_in_the_address(client: FlaskClient, busy: Going) -> None:
    newest = [job for page in (1, 2, 3, 4) for job in jobs(client.get(f"/executions?page={page}").text)]
    assert len(newest) == 77
    oldest = jobs(client.get("/executions?sortOrder=asc&pageSize=100").text)
    assert oldest == newest[::-1]
    by_status = words(client.get("/executions?sortBy=status&sortOrder=desc").text)
    assert by_status.index("Cancelled 2") < by_status.index("Failed EXIT_1")
    beyond = client.get("/executions?page=99")
    assert beyond.headers["Location"] == "/executions?page=4"


def test_a_command_without_tokens_shows_no_model(service: Service, client: FlaskClient) -> None:
    put(service, "command", created_ns=time.time_ns())
    assert 'class="run-model"' not in client.get("/executions").text
    put(service, "asked", created_ns=time.time_ns(), input_tokens=1)
    assert client.get("/executions").text.count('class="run-model"') == 1


def test_a_form_leads_to_the_short_address(client: FlaskClient, busy: Going) -> None:
    sent = "/executions?search=&jobName=backup&status=FAILED&status=RUNNING&model=&order=completedAt+asc"
    answer = client.get(sent)
    assert answer.status_code == 302
    assert answer.headers["Location"] == (
        "/executions?status=FAILED%2CRUNNING&jobName=backup&sortBy=completedAt&sortOrder=asc"
    )
    assert client.get("/executions?search=&order=").headers["Location"] == "/executions"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("createdAfter=soon", "soon"),
        ("status=done", "PENDING"),
        ("hasArtifacts=maybe", "true나 false"),
        ("page=0", "정수"),
    ],
)
def test_a_wrong_word_is_told_and_the_search_stays(client: FlaskClient, asked: str, says: str) -> None:
    answer = client.get(f"/executions?{asked}&search=abc", headers=KOREAN)
    assert answer.status_code == 400
    wrong = re.search(r'id="wrong".*?</div>', answer.text, re.DOTALL)
    assert wrong is not None
    assert says in wrong[0]
    assert not re.search(r"is (?:unknown|no )", wrong[0])
    assert 'value="abc"' in answer.text


def test_nothing_found_says_what_to_do(client: FlaskClient, busy: Going) -> None:
    html = client.get("/executions?search=zzz&status=FAILED&createdAfter=1h").text
    assert "No run matches" in html
    assert 'href="/executions?createdAfter=1h&amp;search=zzz"' in html


def test_days_without_runs_stand_in_the_charts(service: Service, client: FlaskClient) -> None:
    now_ns = time.time_ns()
    put(service, created_ns=now_ns - 6 * DAY_NS, cost_micros=2_000_000, input_tokens=5)
    put(service, created_ns=now_ns - 40 * DAY_NS, cost_micros=9_000_000, input_tokens=5)
    html = client.get("/executions").text
    (runs,) = re.findall(r'aria-label="Runs a day: .*?</svg>', html, re.DOTALL)
    assert runs.count("<rect") == 30
    assert runs.count(": 1</title>") == 1
    assert "Cost $2.000000" in words(html)
    wide = client.get("/executions?createdAfter=50d").text
    assert "Cost $11.000000" in words(wide)
    (runs,) = re.findall(r'aria-label="Runs a day: .*?</svg>', wide, re.DOTALL)
    assert runs.count("<rect") in (50, 51)


def test_the_empty_page_teaches_and_what_it_says_works(
    service: Service, app: flask.Flask, tmp_path: Path
) -> None:
    """The command, the lines of Python and the request that it shows, each as it stands there."""
    secret = token(service, "ingest")["Authorization"].removeprefix("Bearer ")
    with served(app) as port:
        html = app.test_client().get("/executions", base_url=f"http://127.0.0.1:{port}").text
        assert "No run has been told of yet" in html
        shown = [html_text.unescape(code) for code in re.findall(r"<code>(.*?)</code>", html, re.DOTALL)]
        run, python, _, dsn, curl = (
            text.replace("TOKEN", secret).replace("sleep 3", ":") for text in shown
        )
        (tmp_path / "report.py").write_text(python)
        environment = re.match(r"HANTU_DSN=\S+", dsn)
        assert environment is not None
        for line in (dsn, curl, f"{environment[0]} {run}"):
            done = subprocess.run(
                line,
                shell=True,
                cwd=tmp_path,
                # Runs that wait in the home of who tests are none of this service's.
                env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
                timeout=60,
                capture_output=True,
            )
            assert done.returncode == 0, done.stderr
        wait_until(lambda: service.store.executions(ExecutionQuery()).total == 3, 20)
        found = service.store.executions(ExecutionQuery()).executions
        wait_until(
            lambda: service.store.execution_counts()[ExecutionStatus.COMPLETED] == 2,
            20,
        )
    assert sorted(each.job_name for each in found) == ["hello", "hello", "nightly-report"]
    (told,) = service.store.executions(ExecutionQuery(job_names=("nightly-report",))).executions
    assert (told.input_tokens, told.output_tokens, told.cost_micros) == (812, 204, 4_120)


def test_a_run_is_told_whole(client: FlaskClient, busy: Going) -> None:
    said = words(client.get(f"/executions/{busy.run.id}").text)
    for text in (
        f"{busy.run.id} · trace 5be20c77",
        "Completed usually after",
        "Cost $0.071482 Tokens 14,906 Input 12,696 Output 2,210 of 4,096",
        "요약 작성 중 section=4/5",
        "정산요약.md",
        "What it brings stands here when it ends.",
        "Machine run-7c9f",
        "Timeout 10 m",
        "accounts 87",
        "usually",
    ):
        assert text in said, text
    failed = words(client.get(f"/executions/{busy.failed.id}").text)
    for text in (
        "InsufficientBalance 예수금 부족: required 1,250,000, available 1,182,400",
        "account ****3391",
        "Exit code 1 CPU time 41 s Most memory 184 MB",
        "주문 1,204건, 계좌 87개를 정산했습니다.",
        "It left no files.",
    ):
        assert text in failed, text
    assert "Cancel run" not in failed


def test_a_first_run_and_one_without_lines_say_so(service: Service, client: FlaskClient) -> None:
    run = put(service, status=ExecutionStatus.PENDING, created_ns=time.time_ns())
    said = words(client.get(f"/executions/{run.id}").text)
    assert "It is the first run of this job." in said
    assert "No line yet" in said
    assert said.count("Running") == 1
    over = put(service, "other", created_ns=time.time_ns() - HOUR_NS)
    assert "No line of this run is kept." in words(client.get(f"/executions/{over.id}").text)


def test_only_what_has_changed_is_sent_again(service: Service, client: FlaskClient, busy: Going) -> None:
    def asked(html: str) -> str:
        (path,) = re.findall(r'hx-get="(/executions/[^"]*\?at=[^"]*)"', html)
        return path

    path = asked(client.get(f"/executions/{busy.run.id}").text)
    same = client.get(path, headers=HTMX).text
    assert "run-now" in same
    assert 'id="run-results"' not in same
    with_file(busy.sender, busy.run, "더.txt", b"more")
    more = client.get(path, headers=HTMX).text
    assert "더.txt" in more
    path = asked(more)
    assert 'id="run-results"' not in client.get(path, headers=HTMX).text
    end = Change(status=ExecutionStatus.COMPLETED, output="다 됐다")
    service.pipeline.with_store(lambda kept: kept.change_execution(busy.run.id, end, at_ns=time.time_ns()))
    over = client.get(path, headers=HTMX).text
    assert "다 됐다" in over
    assert 'hx-get="/executions/' + busy.run.id not in over


def test_a_log_that_takes_too_long_leaves_the_rest(
    service: Service, client: FlaskClient, busy: Going, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(query: LogQuery, **limits: Any) -> Any:
        raise QueryTimeout("the time limit of 5 seconds was over")

    monkeypatch.setattr(service.store, "search", slow)
    answer = client.get(f"/executions/{busy.run.id}")
    assert answer.status_code == 200
    assert "Its log cannot be read just now." in answer.text
    assert "tail.js" not in answer.text


def test_text_is_shown_where_it_is_listed_and_cut_when_it_is_long(client: FlaskClient, busy: Going) -> None:
    sender = busy.sender
    long = with_file(sender, busy.run, "long.log", "가".encode() * 40_000)
    html = client.get(f"/executions/artifacts/{long}", headers=HTMX).text
    assert "Its first 64 kB" in html
    assert 21_000 < html.count("가") < 22_000
    plain = client.get(f"/executions/artifacts/{long}")
    assert plain.headers["Location"] == f"/api/artifacts/{long}/content?inline=1"
    page = with_file(sender, busy.run, "page.html", b"<script>alert(1)</script>")
    html = client.get(f"/executions/artifacts/{page}", headers=HTMX).text
    assert "&lt;script&gt;" in html
    drawn = with_file(sender, busy.run, "drawn.svg", b"<svg onload='alert(1)'/>")
    shown = client.get(f"/executions/{busy.run.id}").text
    assert f'src="/api/artifacts/{drawn}' not in shown


def test_a_run_is_cancelled_once(service: Service, client: FlaskClient, busy: Going) -> None:
    here = f"/executions/{busy.run.id}"
    assert client.post(f"{here}/cancel").status_code == 403
    answer = client.post(f"{here}/cancel", headers=PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (303, here)
    assert service.store.execution(busy.run.id).status is ExecutionStatus.CANCELLED
    again = client.post(f"{here}/cancel", headers=PAGE)
    assert again.headers["Location"] == f"{here}?refused=1"
    assert "It was over already" in client.get(f"{here}?refused=1").text
    read = token(service, "read")
    assert client.post(f"{here}/cancel", headers=read).status_code == 403


@pytest.mark.parametrize("path", ["/executions/{}", "/executions/artifacts/{}"])
def test_what_is_not_there_is_told(client: FlaskClient, path: str) -> None:
    answer = client.get(path.format(NOBODY), headers=KOREAN)
    assert answer.status_code == 404
    assert "없습니다" in answer.text
    assert client.get(path.format("x")).status_code == 404
    assert client.post(f"/executions/{NOBODY}/cancel", headers=PAGE).status_code == 404


def test_a_trace_shows_its_run_among_the_lines(service: Service, client: FlaskClient, busy: Going) -> None:
    html = client.get(f"/trace/{busy.failed.trace_id}").text
    assert f'href="/executions/{busy.failed.id}"' in html
    said = words(html)
    order = ["Pending", "Running", "작업 시작", "예수금 부족: required", "Failed"]
    lines = said[said.index("+0 ms") :]
    assert [lines.index(text) for text in order] == sorted(lines.index(text) for text in order)
    assert "2 lines, 1 source, 1 error" in said
    alone = put(service, created_ns=time.time_ns() - MINUTE_NS, trace_id="alone-run")
    silent = words(client.get("/trace/alone-run").text)
    assert "Completed backup" in silent
    assert "Nothing with this trace is kept" not in silent
    assert f"/executions/{alone.id}" in client.get("/trace/alone-run").text
