"""Programs with execution() beside the real service, whatever becomes of either."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.run.desk import Desk
from tests.running import ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e


def agent(desk: Desk, prompt: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """The agent of examples/."""
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / "agent.py"), prompt],
        cwd=desk.folder,
        env=desk.environment(HANTU_LOG_DIR=str(desk.folder / "logs"), **env),
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_the_example_agent_is_told_of_with_all_it_brought(desk: Desk) -> None:
    done = agent(desk, "어제 주문을 요약해 줘")
    assert done.returncode == 0, done.stderr.decode()
    run = desk.one("order-agent")
    assert (run["status"], run["prompt"]) == ("COMPLETED", "어제 주문을 요약해 줘")
    assert (run["inputTokens"], run["outputTokens"], run["tokensUsed"]) == (300, 75, 375)
    assert run["estimatedCost"] == 0.002025
    assert run["output"] == "주문 2건: 005930 12주, 000660 3주"
    (report,) = run["artifacts"]
    assert (report["fileName"], report["status"], report["type"]) == ("report.md", "ACTIVE", "DOCUMENT")
    request = urllib.request.Request(
        f"{desk.service.url}/api/artifacts/{report['id']}/content",
        headers={"Authorization": f"Bearer {desk.service.token}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.read().decode() == f"# {run['prompt']}\n\n{run['output']}\n"
    assert list((desk.folder / "logs" / "executions" / "files").iterdir()) == []
    text = next((desk.folder / "logs" / "info").iterdir()).read_text(encoding="utf-8")
    assert f"(trace_id={run['traceId']})" in text


def test_an_agent_that_fails_is_a_failed_run_with_its_stack(desk: Desk) -> None:
    done = agent(desk, "주문을 모두 삭제해")
    assert b"NoSuchTool" in done.stderr
    run = next(run for run in desk.runs("order-agent") if run["status"] == "FAILED")
    whole = desk.service.get(f"/api/executions/{run['id']}")
    assert (whole["errorCode"], whole["errorMessage"]) == ("NoSuchTool", "delete_orders")
    assert "in use_tool" in whole["errorDetails"]["stackTrace"]
    assert whole["inputTokens"] == 40


def test_runs_of_programs_come_when_the_service_is_back(desk: Desk) -> None:
    desk.service.stop()
    done = desk.python(
        "from hantu import execution\n"
        "for number in range(20):\n"
        "    with execution('batch') as run:\n"
        "        run.log_tokens(input=number)\n"
    )
    assert done.returncode == 0, done.stderr.decode()
    folder = desk.folder / "logs" / "executions"
    assert len(list(folder.glob("*.runs.json"))) == 1
    desk.service.start()
    assert desk.run("--sync", str(folder)).returncode == 0
    assert list(folder.glob("*.runs.json")) == []
    runs = desk.service.get("/api/executions?jobName=batch&pageSize=100")["executions"]
    assert sorted(run["inputTokens"] or 0 for run in runs) == list(range(20))
    assert {run["status"] for run in runs} == {"COMPLETED"}


def test_the_next_program_brings_what_the_one_before_left(desk: Desk) -> None:
    desk.service.stop()
    desk.python("from hantu import execution\nwith execution('left'): pass")
    desk.service.start()
    assert desk.runs("left") == []
    code = (
        "from hantu import execution\nfrom hantu.client import run_delivery\nimport os, sys\n"
        "with execution('next'): pass\n"
        "sys.stdin.read()"
    )
    environment = desk.environment(HANTU_LOG_DIR=str(desk.folder / "logs"))
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=desk.folder, env=environment, stdin=subprocess.PIPE
    ) as process:
        wait_until(lambda: desk.runs("left"))
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0
    assert desk.one("left")["status"] == "COMPLETED"


def test_a_cancelled_run_learns_it(desk: Desk) -> None:
    code = (
        "from hantu.client import courier, run_delivery\n"
        "from functools import partial\n"
        "run_delivery.Courier = partial(courier.Courier, heartbeat_s=0.2)\n"
        "from hantu import execution\n"
        "from tests.waiting import wait_until\n"
        "with execution('told-to-stop') as run:\n"
        "    wait_until(lambda: run.cancelled, 30)\n"
        "    run.output(f'cancelled {run.cancelled}')\n"
    )
    environment = desk.environment(HANTU_LOG_DIR=str(desk.folder / "logs"))
    with subprocess.Popen([sys.executable, "-c", code], cwd=desk.folder, env=environment) as process:
        wait_until(lambda: desk.runs("told-to-stop"))
        desk.service.call("POST", f"/api/executions/{desk.one('told-to-stop')['id']}/cancel")
        assert process.wait(30) == 0
    run = desk.one("told-to-stop")
    assert (run["status"], run["output"]) == ("CANCELLED", "cancelled True")


def test_a_killed_program_leaves_a_lost_run(desk: Desk) -> None:
    desk.service.stop()
    code = (
        "from hantu import execution\nimport sys\n"
        "with execution('cut-off'):\n    print('in', flush=True); sys.stdin.read()"
    )
    environment = desk.environment(HANTU_LOG_DIR=str(desk.folder / "logs"))
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=desk.folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        folder = desk.folder / "logs" / "executions"
        wait_until(lambda: list(folder.glob("*.runs.json")))
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    desk.service.start()
    assert desk.run("--sync", str(folder)).returncode == 0
    run = desk.one("cut-off")
    assert (run["status"], run["errorCode"]) == ("FAILED", "LOST")


def test_a_planted_file_cannot_have_others_files_sent_or_removed(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "executions"
    folder.mkdir()
    precious = tmp_path / "precious"
    precious.write_text("stays")
    run = "01a1fd81-0000-7000-8000-000000000001"
    body = {"id": run, "traceId": "feedfeed", "jobName": "planted", "prompt": "p", "status": "COMPLETED"}
    times = {"createdAt": 1_790_000_000_000_000_000, "startedAt": 1_790_000_000_000_000_000}
    end = {**body, **times, "completedAt": 1_790_000_001_000_000_000}
    artifact = {"id": "01a1fd81-0000-7000-8000-000000000002", "fileName": "x", "path": str(precious)}
    path = folder / "1-1.runs.json"
    path.write_text(
        "".join(
            json.dumps(each) + "\n"
            for each in (
                {"kind": "run", "run": run, "body": end},
                {"kind": "artifact", "run": run, "body": {**artifact, "copied": True}},
            )
        )
    )
    assert desk.run("--sync", str(folder)).returncode == 0
    assert precious.read_text() == "stays"
    assert desk.one("planted")["artifacts"] == []
