"""Executions as people use them: 200 runs reported over HTTP at once, and one command from its start over
its cancelling to the day after."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.run.desk import Desk
from tests.running import NOTHING, RunningService
from tests.waiting import wait_until

RUNS = 200
CLIENTS = 16
LEGAL = {
    "PENDING": {"RUNNING", "CANCELLED"},
    "RUNNING": {"COMPLETED", "FAILED", "CANCELLED"},
    "COMPLETED": set[str](),
    "FAILED": set[str](),
    "CANCELLED": set[str](),
}
"""As CONTRACT M118 says, not as the product does."""

MOVES = st.lists(st.sampled_from(("cancel", *LEGAL)), min_size=RUNS, max_size=RUNS)

Steps = list[str]


def moved(steps: Steps, move: str) -> tuple[int, Steps]:
    """What the contract has a run do that went these steps: the answer, and its steps afterwards."""
    to = "CANCELLED" if move == "cancel" else move
    if to in LEGAL[steps[-1]]:
        return 200, [*steps, to]
    return 409, steps


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    made = RunningService(tmp_path / "data", NOTHING)
    try:
        yield made.start()
    finally:
        made.close()


class Clients:
    """Programs that report at once, each over a connection of its own."""

    def __init__(self, service: RunningService) -> None:
        self._address = urlsplit(service.url).netloc
        self._token = service.token
        self._own = threading.local()
        self.pool = ThreadPoolExecutor(CLIENTS)
        self._connections: list[http.client.HTTPConnection] = []

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """The status and the decoded answer."""
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection(self._address, timeout=60)
            self._connections.append(self._own.connection)
        connection: http.client.HTTPConnection = self._own.connection
        headers = {"Authorization": f"Bearer {self._token}"}
        connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def new(self, number: int) -> str:
        """A new execution's id."""
        status, made = self.ask(
            "POST", "/api/executions", {"jobName": f"job-{number % 7}", "prompt": f"주문 {number} 요약"}
        )
        assert status == 201
        return str(made["id"])

    def move(self, run: str, move: str) -> int:
        """Try a move; the status of the answer."""
        if move == "cancel":
            return self.ask("POST", f"/api/executions/{run}/cancel")[0]
        return self.ask("PATCH", f"/api/executions/{run}", {"status": move})[0]

    def steps(self, run: str) -> Steps:
        """The states that a run went through; each step begins where the one before ended."""
        found = self.ask("GET", f"/api/executions/{run}/transitions")[1]["transitions"]
        states = [step["toStatus"] for step in found]
        assert [step["fromStatus"] for step in found] == [None, *states[:-1]]
        return states

    def close(self) -> None:
        """End the threads and connections."""
        self.pool.shutdown()
        for connection in self._connections:
            connection.close()


def runs_against_a_model(clients: Clients) -> type[RuleBasedStateMachine]:
    """200 runs that are reported at once, step by step, beside what the contract has become of them."""

    class Reports(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.runs = list(clients.pool.map(clients.new, range(RUNS)))
            self.model: list[Steps] = [["PENDING"] for _ in self.runs]

        @rule(moves=MOVES)
        def each_is_told_something(self, moves: list[str]) -> None:
            answers = list(clients.pool.map(clients.move, self.runs, moves))
            expected = [moved(steps, move) for steps, move in zip(self.model, moves, strict=True)]
            assert answers == [answer for answer, _ in expected]
            self.model = [steps for _, steps in expected]

        @rule(moves=MOVES, others=MOVES)
        def two_tell_each_at_once(self, moves: list[str], others: list[str]) -> None:
            first = clients.pool.map(clients.move, self.runs, moves)
            second = clients.pool.map(clients.move, self.runs, others)
            answers = list(zip(first, second, strict=True))
            for number, (run, move, other) in enumerate(zip(self.runs, moves, others, strict=True)):
                before = self.model[number]
                one, steps = moved(before, move)
                two, after = moved(steps, other)
                turned, steps = moved(before, other)
                back, turned_after = moved(steps, move)
                found = clients.steps(run)
                assert (answers[number], found) in (((one, two), after), ((back, turned), turned_after))
                self.model[number] = found

        def teardown(self) -> None:
            assert list(clients.pool.map(clients.steps, self.runs)) == self.model
            for status in LEGAL:
                ended = sum(steps[-1] == status for steps in self.model)
                found = clients.ask("GET", f"/api/executions?status={status}&pageSize=100")[1]
                assert min(ended, 100) <= len(found["executions"]) <= 100
                ours = [one for one in found["executions"] if one["id"] in self.runs]
                assert {one["status"] for one in ours} <= {status}

    return Reports


@pytest.mark.e2e
@pytest.mark.promise("M113", "M118")
def test_200_runs_at_once_go_the_steps_of_the_contract(service: RunningService) -> None:
    clients = Clients(service)
    try:
        run_state_machine_as_test(
            runs_against_a_model(clients),
            settings=settings(
                max_examples=3,
                stateful_step_count=4,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                database=None,
            ),
        )
    finally:
        clients.close()


JOB = "정산"
SCRIPT = """\
echo "주문 집계 시작"
echo "디스크가 느려요" >&2
printf 'id,합계\\n1,42\\n' > sums.csv
trap 'echo "취소되어 정리해요"; echo partial > "보고서 (초안).txt"; exit 143' TERM
echo ready
while :; do sleep 0.1; done
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    try:
        yield made
    finally:
        made.service.close()


@pytest.mark.e2e
@pytest.mark.promise("M112", "M116", "M119")
def test_a_script_that_is_cancelled_is_told_right_everywhere_also_after_a_restart(desk: Desk) -> None:
    script = desk.folder / "sum.sh"
    script.write_text(SCRIPT, "utf-8")
    words = ("--name", JOB, "--artifact", "*.csv", "--artifact", "*.txt", "--", "sh", str(script))
    process = desk.start(*words)
    try:
        wait_until(lambda: any(run["status"] == "RUNNING" for run in desk.runs(quote(JOB))))
        run = desk.one(quote(JOB))
        wait_until(lambda: "ready" in desk.messages(run), 20)
        desk.service.call(
            "POST", f"/api/executions/{run['id']}/cancel", json.dumps({"reason": "잘못됨"}).encode()
        )
        out, err = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 143
    assert out.decode() == "주문 집계 시작\nready\n취소되어 정리해요\n"
    assert err.decode().startswith("디스크가 느려요\n")
    # A shell says of a command that a signal ended "Terminated".
    printed = [
        *(("stdout", line) for line in out.decode().splitlines()),
        *(("stderr", line) for line in err.decode().splitlines()),
    ]
    before = told(desk, run["id"], printed)
    desk.service.kill()
    desk.service.start()
    assert told(desk, run["id"], printed) == before


def told(desk: Desk, run_id: str, printed: list[tuple[str, str]]) -> tuple[object, ...]:
    """What API and pages say of the run, after it was looked at whether that is right."""
    found = desk.service.get(f"/api/executions/{run_id}")
    assert (found["status"], found["exitCode"], found["jobName"]) == ("CANCELLED", 143, JOB)
    steps = [(step["toStatus"], step["reason"]) for step in found["statusTransitions"]]
    assert [to for to, _ in steps] == ["PENDING", "RUNNING", "CANCELLED"]
    assert "잘못됨" in steps[-1][1]
    lines = [(line["metadata"]["stream"], line["message"]) for line in desk.lines(found)]
    assert sorted(lines) == sorted(printed)
    files = {file["fileName"]: file for file in found["artifacts"]}
    assert {name: file["status"] for name, file in files.items()} == {
        "sums.csv": "ACTIVE",
        "보고서 (초안).txt": "ACTIVE",
    }
    assert desk.service.text(f"/api/artifacts/{files['sums.csv']['id']}/content") == "id,합계\n1,42\n"
    page = desk.service.text(f"/executions/{run_id}")
    for words in (JOB, "Cancelled", "잘못됨", "취소되어 정리해요", "sums.csv", "보고서 (초안).txt"):
        assert words in page, words
    assert JOB in desk.service.text("/executions?status=CANCELLED")
    return steps, lines, sorted(files), found["durationMs"]
