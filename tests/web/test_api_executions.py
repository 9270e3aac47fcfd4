"""/api/executions: create, report, list, cancel; who may; what is refused."""

from __future__ import annotations

import time
from itertools import pairwise
from uuid import uuid4

import flask
import pytest

from hantu.service import Service
from tests.web.desk import line, store
from tests.web.rundesk import RUNS, Runner, runner

DAY_S = 86_400
UNKNOWN = "7b0e3c52-58a1-4f0e-9d24-0c1f3a6e9b11"


@pytest.fixture
def admin(app: flask.Flask, service: Service) -> Runner:
    return runner(app, service)


@pytest.mark.promise("M97", "M100", "M101", "M102", "M112", "M117")
def test_new_execution_is_pending_with_the_defaults_of_the_contract(admin: Runner) -> None:
    answer = admin.ask("POST", RUNS, json={"jobName": "nightly-report", "prompt": "오늘 주문 요약"})
    assert answer.status_code == 201
    made = answer.get_json()
    assert (made["status"], made["model"], made["maxTokens"]) == (
        "PENDING",
        "claude-sonnet-4-20250514",
        4096,
    )
    assert made["createdAt"].endswith("Z")
    assert made["startedAt"] is None
    assert made["completedAt"] is None
    assert made["isPermanent"] is False
    assert len(made["traceId"]) == 8
    assert admin.get(f"{RUNS}/{made['id']}")["prompt"] == "오늘 주문 요약"


@pytest.mark.promise("M112")
def test_all_that_is_given_is_kept(admin: Runner) -> None:
    given = {
        "id": str(uuid4()),
        "traceId": "abc12345",
        "model": "claude-opus-4",
        "maxTokens": 64,
        "metadata": {"팀": "정산", "n": [1, {"deep": None}]},
        "timeout": 90_000,
        "callbackUrl": "http://127.0.0.1:9/done",
        "resources": {"cpu": "500m"},
        "podName": "pod-1",
        "isPermanent": True,
    }
    made = admin.create(**given)
    assert {name: made[name] for name in given} == given


@pytest.mark.promise("M102", "M103", "M105", "M113", "M118")
def test_run_is_reported_from_its_start_to_its_end(admin: Runner) -> None:
    made = admin.create()
    started = admin.patch(made, status="RUNNING", podName="pod-7").get_json()
    assert started["startedAt"] is not None
    ended = admin.patch(
        made,
        status="COMPLETED",
        output="끝",
        tokensUsed=30,
        inputTokens=10,
        outputTokens=20,
        estimatedCost=0.071482,
        exitCode=0,
        peakMemoryBytes=1 << 40,
        cpuMs=12,
        reason="done",
    ).get_json()
    assert (ended["status"], ended["output"], ended["podName"]) == ("COMPLETED", "끝", "pod-7")
    assert (ended["tokensUsed"], ended["inputTokens"], ended["outputTokens"]) == (30, 10, 20)
    assert ended["estimatedCost"] == 0.071482
    assert ended["startedAt"] <= ended["completedAt"] <= ended["updatedAt"]


@pytest.mark.promise("M104")
def test_failure_keeps_code_message_and_details(admin: Runner) -> None:
    made = admin.run()
    details = {"stack": ["a", "b"], "retry": False}
    failed = admin.patch(
        made, status="FAILED", errorCode="RATE_LIMIT", errorMessage="너무 잦음", errorDetails=details
    ).get_json()
    assert (failed["errorCode"], failed["errorMessage"], failed["errorDetails"]) == (
        "RATE_LIMIT",
        "너무 잦음",
        details,
    )


@pytest.mark.promise("M105")
@pytest.mark.parametrize("cost", [0, 1, 0.000001, 0.1, "9999.999999", "0.070000", 1234.567891])
def test_cost_is_given_back_to_the_last_digit(admin: Runner, cost: float | str) -> None:
    made = admin.run()
    assert admin.patch(made, estimatedCost=cost).get_json()["estimatedCost"] == float(cost)


@pytest.mark.promise("M108")
def test_steps_are_listed_with_their_reasons(admin: Runner) -> None:
    made = admin.run()
    admin.patch(made, status="COMPLETED", reason="다 됨")
    steps = admin.get(f"{RUNS}/{made['id']}/transitions")["transitions"]
    assert [(step["fromStatus"], step["toStatus"], step["reason"]) for step in steps] == [
        (None, "PENDING", None),
        ("PENDING", "RUNNING", None),
        ("RUNNING", "COMPLETED", "다 됨"),
    ]
    assert all(one["transitionedAt"] <= other["transitionedAt"] for one, other in pairwise(steps))
    assert admin.get(f"{RUNS}/{made['id']}")["statusTransitions"] == steps


@pytest.mark.promise("M118")
def test_illegal_move_is_refused_and_changes_nothing(admin: Runner) -> None:
    made = admin.create()
    before = admin.get(f"{RUNS}/{made['id']}")
    refused = admin.patch(made, status="COMPLETED", output="만들어진 적 없음")
    assert refused.status_code == 409
    assert refused.get_json()["error"]["code"] == "illegal_move"
    assert "RUNNING or CANCELLED" in refused.get_json()["error"]["message"]
    assert admin.get(f"{RUNS}/{made['id']}") == before


@pytest.mark.promise("M118")
def test_run_that_is_over_takes_its_figures_but_no_other_status(admin: Runner) -> None:
    made = admin.run()
    assert admin.patch(made, status="COMPLETED").status_code == 200
    for status in ("PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"):
        assert admin.patch(made, status=status).status_code == 409
    assert admin.patch(made, estimatedCost="0.5").get_json()["estimatedCost"] == 0.5


def test_null_empties_a_field_and_absence_leaves_it(admin: Runner) -> None:
    made = admin.run()
    admin.patch(made, output="a", errorCode="E")
    changed = admin.patch(made, output=None).get_json()
    assert (changed["output"], changed["errorCode"]) == (None, "E")


def test_same_id_again_is_the_same_run(admin: Runner) -> None:
    run_id = str(uuid4())
    first = admin.ask("POST", RUNS, json={"jobName": "a", "prompt": "p", "id": run_id})
    again = admin.ask("POST", RUNS, json={"jobName": "a", "prompt": "p", "id": run_id})
    other = admin.ask("POST", RUNS, json={"jobName": "b", "prompt": "p", "id": run_id})
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.get_json()["createdAt"] == first.get_json()["createdAt"]
    assert admin.get(RUNS)["total"] == 1


def test_run_that_is_over_is_told_in_one_request_and_harmlessly_again(admin: Runner) -> None:
    body = {
        "id": str(uuid4()),
        "status": "FAILED",
        "createdAt": "2026-02-01T00:00:00Z",
        "startedAt": "2026-02-01T00:00:01.5Z",
        "completedAt": "2026-02-01T00:01:00Z",
        "errorCode": "EXIT_3",
        "exitCode": 3,
        "reason": "exit code 3",
    }
    made = admin.create(**body)
    assert (made["status"], made["exitCode"], made["durationMs"]) == ("FAILED", 3, 58_500)
    assert made["createdAt"] == "2026-02-01T00:00:00.000000000Z"
    again = admin.create(**body)
    assert again == made
    steps = admin.get(f"{RUNS}/{made['id']}/transitions")["transitions"]
    assert [step["toStatus"] for step in steps] == ["PENDING", "RUNNING", "FAILED"]


def test_run_told_in_one_request_goes_on_where_it_stood(admin: Runner) -> None:
    run_id = str(uuid4())
    admin.create(id=run_id, status="RUNNING")
    ended = admin.create(id=run_id, status="COMPLETED", output="끝")
    assert (ended["status"], ended["output"]) == ("COMPLETED", "끝")
    body = {"jobName": "nightly-report", "prompt": "오늘 주문 요약", "id": run_id, "status": "FAILED"}
    assert admin.ask("POST", RUNS, json=body).status_code == 409


def test_cancelled_before_it_began_is_told_without_a_start(admin: Runner) -> None:
    made = admin.create(status="CANCELLED")
    assert (made["startedAt"], made["status"]) == (None, "CANCELLED")
    begun = admin.create(status="CANCELLED", startedAt="2026-02-01T00:00:00Z")
    assert begun["startedAt"] is not None


def test_report_may_come_late_with_its_own_time(admin: Runner) -> None:
    made = admin.create(createdAt="2026-02-01T00:00:00Z")
    admin.patch(made, status="RUNNING", at="2026-02-01T00:00:05Z")
    ended = admin.patch(made, status="COMPLETED", at="2026-02-01T00:00:02Z").get_json()
    assert ended["completedAt"] == ended["startedAt"] == "2026-02-01T00:00:05.000000000Z"


@pytest.mark.promise("M114")
def test_list_is_filtered_by_each_word(admin: Runner) -> None:
    old = admin.create(jobName="정산", model="opus", createdAt="2026-01-01T00:00:00Z")
    running = admin.run(jobName="report", prompt="시세 요약")
    done = admin.run(jobName="report", prompt="주문 요약")
    admin.patch(done, status="COMPLETED", output="삼성전자 매수")

    def ids(**words: str) -> set[str]:
        answer = admin.ask("GET", RUNS, query_string=words).get_json()
        assert answer["total"] == len(answer["executions"])
        return {each["id"] for each in answer["executions"]}

    assert ids(status="RUNNING") == {running["id"]}
    assert ids(status="RUNNING,COMPLETED") == {running["id"], done["id"]}
    assert ids(jobName="정산") == {old["id"]}
    assert ids(model="opus") == {old["id"]}
    assert ids(createdBefore="2026-06-01") == {old["id"]}
    assert ids(createdAfter="2026-06-01") == {running["id"], done["id"]}
    assert ids(search="시세") == {running["id"]}
    assert ids(search="삼성전자") == {done["id"]}
    assert ids(search="요약 -시세") == {old["id"], done["id"]}
    assert ids(hasArtifacts="true") == set()
    assert ids(hasArtifacts="false") == {old["id"], running["id"], done["id"]}
    assert ids(status="FAILED") == set()


@pytest.mark.promise("M114")
def test_repeated_status_means_any_of_them(admin: Runner) -> None:
    made, running = admin.create(), admin.run()
    found = admin.get(f"{RUNS}?status=PENDING&status=RUNNING")["executions"]
    assert {each["id"] for each in found} == {made["id"], running["id"]}


@pytest.mark.promise("M115")
def test_pages_have_twenty_in_order(admin: Runner) -> None:
    made = [admin.create(createdAt=1_790_000_000 + at)["id"] for at in range(23)]
    first = admin.get(RUNS)
    assert (first["page"], first["pageSize"], first["total"]) == (1, 20, 23)
    assert [each["id"] for each in first["executions"]] == made[:2:-1]
    assert [each["id"] for each in admin.get(f"{RUNS}?page=2")["executions"]] == made[2::-1]
    oldest = admin.get(f"{RUNS}?sortOrder=asc&pageSize=5")["executions"]
    assert [each["id"] for each in oldest] == made[:5]
    assert admin.get(f"{RUNS}?page=9")["executions"] == []


@pytest.mark.promise("M115")
def test_list_is_sorted_by_status_and_end(admin: Runner) -> None:
    pending = admin.create()
    early = admin.create(
        status="COMPLETED", startedAt="2026-01-01T00:00:00Z", completedAt="2026-01-02T00:00:00Z"
    )
    late = admin.create(
        status="FAILED", startedAt="2026-01-01T00:00:00Z", completedAt="2026-01-03T00:00:00Z"
    )

    def ids(words: str) -> list[str]:
        return [each["id"] for each in admin.get(f"{RUNS}?{words}")["executions"]]

    assert ids("sortBy=status&sortOrder=asc") == [pending["id"], early["id"], late["id"]]
    assert ids("sortBy=completedAt&sortOrder=asc") == [early["id"], late["id"], pending["id"]]


@pytest.mark.promise("M115")
@pytest.mark.parametrize(
    "words",
    [
        *("page=0", "pageSize=101", "pageSize=0", "page=x", "sortBy=prompt", "sortOrder=up", "status=DONE"),
        *("createdAfter=gestern", "hasArtifacts=perhaps", "search=" + "x" * 401, "unknown=1"),
    ],
)
def test_wrong_word_is_named(admin: Runner, words: str) -> None:
    refused = admin.ask("GET", f"{RUNS}?{words}")
    assert refused.status_code == 400
    assert refused.get_json()["error"]["parameter"] == words.partition("=")[0]


def test_list_has_the_head_of_a_prompt_only(admin: Runner) -> None:
    admin.create(prompt="가" * 300_000)
    answer = admin.ask("GET", RUNS)
    assert len(answer.get_json()["executions"][0]["promptHead"]) == 200
    assert len(answer.data) < 5_000


@pytest.mark.promise("M119")
def test_logs_are_the_entries_with_its_trace(admin: Runner, service: Service) -> None:
    made = admin.create(traceId="run.Trace-1")
    mine = [line(f"mine {at}", metadata={"trace_id": "run.Trace-1"}) for at in range(3)]
    store(service, [*mine, line("other", metadata={"trace_id": "run.Trace-2"}), line("none")])
    found = admin.get(f"{RUNS}/{made['id']}/logs?order=asc")
    assert [each["message"] for each in found["logs"]] == ["mine 0", "mine 1", "mine 2"]
    searched = admin.get(f"{RUNS}/{made['id']}/logs?q=mine 2")
    assert [each["message"] for each in searched["logs"]] == ["mine 2"]


LARGE = 1 << 20
TOO_LONG = [
    {"jobName": "x" * 256},
    {"model": "x" * 101},
    {"podName": "x" * 256},
    {"prompt": "x" * (LARGE + 1)},
    {"callbackUrl": "http://h/" + "x" * 2048},
    {"metadata": {"a": "x" * 65_536}},
]


@pytest.mark.promise("M100", "M101")
@pytest.mark.parametrize("part", TOO_LONG, ids=lambda part: next(iter(part)))
def test_what_is_too_long_is_refused_with_the_limit(admin: Runner, part: dict[str, object]) -> None:
    refused = admin.ask("POST", RUNS, json={"jobName": "a", "prompt": "p"} | part)
    assert refused.status_code == 413, refused.text
    assert refused.get_json()["error"]["parameter"] == next(iter(part))
    assert admin.get(RUNS)["total"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "p"},
        {"jobName": "a"},
        {"jobName": " ", "prompt": "p"},
        {"jobName": "a", "prompt": ""},
        {"jobName": "a", "prompt": "p", "maxTokens": 0},
        {"jobName": "a", "prompt": "p", "maxTokens": "4096"},
        {"jobName": "a", "prompt": "p", "timeout": -1},
        {"jobName": "a", "prompt": "p", "callbackUrl": "file:///etc/passwd"},
        {"jobName": "a", "prompt": "p", "callbackUrl": "gopher://h/"},
        {"jobName": "a", "prompt": "p", "id": "no"},
        {"jobName": "a", "prompt": "p", "traceId": "short"},
        {"jobName": "a", "prompt": "p", "createdAt": "soon"},
        {"jobName": "a", "prompt": "p", "metadata": [1]},
        {"jobName": "a", "prompt": "p", "unknown": 1},
        {"jobName": "a", "prompt": "p", "status": "DONE"},
        {"jobName": "a", "prompt": "p", "estimatedCost": "NaN"},
        {"jobName": "a", "prompt": "p", "estimatedCost": 10_000},
        [],
    ],
    ids=str,
)
def test_wrong_body_is_refused(admin: Runner, body: object) -> None:
    refused = admin.ask("POST", RUNS, json=body)
    assert refused.status_code == 400, refused.text
    assert admin.get(RUNS)["total"] == 0


@pytest.mark.parametrize(
    "part", [{"output": "x" * (LARGE + 1)}, {"errorMessage": "x" * 65_537}], ids=["output", "errorMessage"]
)
def test_report_that_is_too_long_moves_nothing(admin: Runner, part: dict[str, str]) -> None:
    made = admin.run()
    assert admin.patch(made, status="COMPLETED", **part).status_code == 413
    assert admin.status(made) == "RUNNING"


@pytest.mark.parametrize("path", [f"{RUNS}/{UNKNOWN}", f"{RUNS}/nothing", f"{RUNS}/{UNKNOWN}/transitions"])
def test_unknown_execution_is_404(admin: Runner, path: str) -> None:
    assert admin.ask("GET", path).status_code == 404
    assert (
        admin.ask("PATCH", path.removesuffix("/transitions"), json={"status": "RUNNING"}).status_code == 404
    )


def test_cancel_says_who_and_why(admin: Runner) -> None:
    made, other = admin.run(), admin.create()
    assert admin.ask("POST", f"{RUNS}/{made['id']}/cancel").get_json()["status"] == "CANCELLED"
    admin.ask("POST", f"{RUNS}/{other['id']}/cancel", json={"reason": "잘못된 입력"})
    reasons = [
        admin.get(f"{RUNS}/{run['id']}/transitions")["transitions"][-1]["reason"] for run in (made, other)
    ]
    assert reasons == ["cancelled by admin program", "잘못된 입력"]
    assert admin.ask("POST", f"{RUNS}/{made['id']}/cancel").status_code == 409


def test_heartbeat_tells_the_runner_that_it_was_cancelled(admin: Runner) -> None:
    made = admin.run()
    beat = f"{RUNS}/{made['id']}/heartbeat"
    assert admin.ask("POST", beat, json={"intervalMs": 10_000}).get_json() == {"status": "RUNNING"}
    assert admin.get(f"{RUNS}/{made['id']}")["heartbeatIntervalMs"] == 10_000
    admin.ask("POST", f"{RUNS}/{made['id']}/cancel")
    assert admin.ask("POST", beat, json={"intervalMs": 10_000}).get_json() == {"status": "CANCELLED"}
    assert admin.ask("POST", beat, json={"intervalMs": 1}).status_code == 400


@pytest.mark.parametrize(
    ("scope", "method", "path", "body", "status"),
    [
        ("ingest", "POST", RUNS, {"jobName": "a", "prompt": "p"}, 201),
        ("ingest", "PATCH", RUNS + "/{id}", {"status": "RUNNING"}, 200),
        ("ingest", "PATCH", RUNS + "/{id}", {"isPermanent": True}, 403),
        ("ingest", "PATCH", RUNS + "/{id}", {"retainUntil": "2026-01-01T00:00:00Z"}, 403),
        ("ingest", "POST", RUNS + "/{id}/heartbeat", {"intervalMs": 1000}, 200),
        ("ingest", "POST", RUNS + "/{id}/cancel", None, 403),
        ("ingest", "GET", RUNS, None, 403),
        ("ingest", "GET", RUNS + "/{id}", None, 403),
        ("ingest", "GET", RUNS + "/{id}/transitions", None, 403),
        ("ingest", "GET", RUNS + "/{id}/logs", None, 403),
        ("read", "GET", RUNS + "/{id}", None, 200),
        ("read", "GET", RUNS + "/{id}/logs", None, 200),
        ("read", "POST", RUNS, {"jobName": "a", "prompt": "p"}, 403),
        ("read", "PATCH", RUNS + "/{id}", {"status": "RUNNING"}, 403),
        ("read", "POST", RUNS + "/{id}/cancel", None, 403),
        ("admin", "POST", RUNS + "/{id}/cancel", None, 200),
        ("admin", "PATCH", RUNS + "/{id}", {"retainUntil": "2026-01-01T00:00:00Z"}, 200),
    ],
)
def test_scope_says_what_a_token_may_do(
    app: flask.Flask,
    service: Service,
    admin: Runner,
    scope: str,
    method: str,
    path: str,
    body: object,
    status: int,
) -> None:
    made = admin.create()
    headers = admin.headers if scope == "admin" else runner(app, service, scope).headers
    answer = admin.ask(method, path.replace("{id}", made["id"]), json=body, headers=headers)
    assert answer.status_code == status, answer.text


def test_token_that_may_only_report_reads_nothing_that_others_wrote(
    app: flask.Flask, service: Service, admin: Runner
) -> None:
    made = admin.run(metadata={"a": 1}, prompt="비밀 지시", callbackUrl="http://127.0.0.1:9/x")
    admin.patch(made, output="비밀 결과", errorMessage="m", errorDetails={"d": 1})
    reporter = runner(app, service, "ingest")
    answers = [
        reporter.patch(made),
        reporter.ask(
            "POST", RUNS, json={"jobName": "nightly-report", "prompt": "비밀 지시", "id": made["id"]}
        ),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert "비밀" not in answer.text
        assert {answer.get_json()[name] for name in ("errorMessage", "metadata", "callbackUrl")} == {None}


def test_page_of_hantu_itself_may_cancel_and_another_site_may_not(app: flask.Flask, admin: Runner) -> None:
    made = admin.run()
    page = app.test_client()
    path = f"{RUNS}/{made['id']}/cancel"
    assert page.post(path, headers={"Origin": "http://evil.example"}).status_code == 403
    assert page.post(path).status_code == 403
    assert page.post(path, headers={"Origin": "http://localhost"}).status_code == 200
    assert admin.get(f"{RUNS}/{made['id']}/transitions")["transitions"][-1]["reason"] == "cancelled by page"


SECRET = "sk-ant-api03-" + "Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0Fe" * 2


@pytest.mark.promise("M56")
def test_secrets_are_not_stored(admin: Runner, service: Service) -> None:
    made = admin.run(prompt=f"use {SECRET}", metadata={"password": "hunter2hunter2", "note": SECRET})
    admin.patch(
        made,
        status="FAILED",
        output=f"with {SECRET}",
        errorMessage=f"bad key {SECRET}",
        errorDetails=[{"token": SECRET}],
        reason=f"key {SECRET}",
    )
    shown = admin.ask("GET", f"{RUNS}/{made['id']}").text
    assert SECRET not in shown
    assert "hunter2" not in shown
    service.stop()
    kept = b"".join(path.read_bytes() for path in service.config.data_dir.rglob("*") if path.is_file())
    assert SECRET.encode() not in kept


def test_created_before_a_moment_leaves_out_what_was_created_at_it(admin: Runner) -> None:
    at_s = int(time.time()) - DAY_S
    made = admin.create(createdAt=at_s)
    assert admin.get(f"{RUNS}?createdBefore={at_s}")["total"] == 0
    assert admin.get(f"{RUNS}?createdAfter={at_s}")["executions"][0]["id"] == made["id"]
