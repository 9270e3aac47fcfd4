"""hantu executions, with the service down (on the file itself) and up (through it)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hantu.cli.main import cli
from hantu.executions import Change, Execution, ExecutionStatus, NewArtifact, NewExecution
from hantu.store import open_store
from tests.running import NOTHING, RunningService

SECOND_NS = 10**9
HOUR_NS = 3600 * SECOND_NS


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, Execution]:
    """Runs in a store that nobody has open: one goes on, one failed, one was completed long ago."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    store = open_store(folder / "hantu.db")
    now_ns = time.time_ns()

    def put(job: str, at_ns: int, *moves: ExecutionStatus, **change: Any) -> Execution:
        run = store.add_execution(NewExecution(job_name=job, prompt=f"{job} 부탁"), at_ns=at_ns).execution
        for step in moves:
            at_ns += 151 * SECOND_NS
            run = store.change_execution(run.id, Change(status=step), at_ns=at_ns)
        return store.change_execution(run.id, Change(**change), at_ns=at_ns) if change else run

    found = {
        "old": put(
            "backup",
            now_ns - 100 * HOUR_NS,
            ExecutionStatus.RUNNING,
            ExecutionStatus.COMPLETED,
            input_tokens=12_000,
            output_tokens=906,
            cost_micros=71_482,
            output="끝났다\x1b[2J",
        ),
        "failed": put(
            "정산",
            now_ns - HOUR_NS,
            ExecutionStatus.RUNNING,
            ExecutionStatus.FAILED,
            error_code="EXIT_1",
            error_message="예수금 부족",
            exit_code=1,
        ),
        "going": put("정산", now_ns - 151 * SECOND_NS, ExecutionStatus.RUNNING),
    }
    store.add_artifact(
        found["old"].id, NewArtifact(file_name="보고서.csv", file_size=1_800_000), at_ns=now_ns
    )
    store.close()
    return found


@pytest.fixture
def data_dir(tmp_path: Path, runs: dict[str, Execution]) -> Path:
    return tmp_path / "data"


@pytest.fixture
def service(data_dir: Path) -> Iterator[RunningService]:
    """The real service over that folder."""
    service = RunningService(data_dir, NOTHING)
    try:
        yield service.start()
    finally:
        service.close()


def hantu(data_dir: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--data-dir", str(data_dir), *words])


def names(data_dir: Path, *words: str) -> list[str]:
    found = hantu(data_dir, "executions", "list", "--json", *words)
    assert found.exit_code == 0, found.output
    return [f"{run['jobName']} {run['status']}" for run in json.loads(found.stdout)["executions"]]


def test_runs_are_listed_newest_first(data_dir: Path, runs: dict[str, Execution]) -> None:
    found = hantu(data_dir, "executions")
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert "ℹ️ running  정산" in lines[0]
    assert "❌ failed  정산  2 m 31 s  EXIT_1" in lines[2]
    assert "✅ completed  backup  2 m 31 s  12,906 tokens  $0.071482" in lines[4]
    assert lines[5].split() == [runs["old"].id, "backup", "부탁"]


@pytest.mark.promise("M114", "M115")
@pytest.mark.parametrize(
    ("words", "jobs"),
    [
        (["--status", "failed,completed"], ["정산 FAILED", "backup COMPLETED"]),
        (["--job", "backup"], ["backup COMPLETED"]),
        (["--model", "none"], []),
        (["--since", "2h"], ["정산 RUNNING", "정산 FAILED"]),
        (["--until", "2h"], ["backup COMPLETED"]),
        (["--files"], ["backup COMPLETED"]),
        (["--no-files"], ["정산 RUNNING", "정산 FAILED"]),
        (["예수금"], ["정산 FAILED"]),
        (["--sort", "completedAt", "--order", "asc"], ["backup COMPLETED", "정산 FAILED", "정산 RUNNING"]),
        (["-n", "1", "--page", "2"], ["정산 FAILED"]),
    ],
)
def test_options_narrow_and_order_the_list(data_dir: Path, words: list[str], jobs: list[str]) -> None:
    assert names(data_dir, *words) == jobs


def test_a_page_says_how_to_go_on(data_dir: Path) -> None:
    found = hantu(data_dir, "executions", "list", "-n", "2")
    assert found.stdout.splitlines()[-1] == "page 1, 3 in all; go on with --page 2"
    assert "no execution matches" in hantu(data_dir, "executions", "list", "없는말").stdout


def test_one_run_is_shown_with_its_steps_and_files(data_dir: Path, runs: dict[str, Execution]) -> None:
    run = runs["old"]
    found = hantu(data_dir, "executions", "show", run.id)
    assert found.exit_code == 0, found.output
    for text in ("2 m 31 s  12,906 tokens  $0.071482", "backup 부탁", "끝났다\\x1b[2J", "✅ completed"):
        assert text in found.stdout
    assert "file  보고서.csv  1.8 MB  uploading" in found.stdout
    assert "\x1b" not in found.stdout
    failed = hantu(data_dir, "executions", "show", runs["failed"].trace_id).stdout
    assert "EXIT_1: 예수금 부족" in failed
    detail = json.loads(hantu(data_dir, "executions", "show", run.id, "--json").stdout)
    assert [step["toStatus"] for step in detail["statusTransitions"]] == ["PENDING", "RUNNING", "COMPLETED"]
    assert [file["fileName"] for file in detail["artifacts"]] == ["보고서.csv"]


@pytest.mark.promise("M118")
@pytest.mark.parametrize("running", [False, True], ids=["down", "up"])
def test_a_run_is_cancelled_with_the_service_down_and_up(
    data_dir: Path, runs: dict[str, Execution], request: pytest.FixtureRequest, running: bool
) -> None:
    if running:
        request.getfixturevalue("service")
    own = runs["going"].id
    found = hantu(data_dir, "executions", "cancel", own, runs["old"].id, "--reason", "너무 오래 걸림")
    assert found.exit_code == 1
    assert found.stdout == f"execution {own} is cancelled\n"
    assert "is COMPLETED and cannot become CANCELLED" in found.stderr
    shown = hantu(data_dir, "executions", "show", own).stdout
    assert "⭕ cancelled  너무 오래 걸림" in shown
    again = hantu(data_dir, "executions", "cancel", runs["going"].trace_id, "--json")
    assert again.exit_code == 1
    assert names(data_dir, "--status", "cancelled") == ["정산 CANCELLED"]


def test_who_cancelled_is_said_without_a_reason(data_dir: Path, runs: dict[str, Execution]) -> None:
    found = hantu(data_dir, "executions", "cancel", runs["going"].id, "--json")
    assert json.loads(found.stdout)["status"] == "CANCELLED"
    shown = hantu(data_dir, "executions", "show", runs["going"].id).stdout
    assert "cancelled by hantu command line" in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["list", "--status", "done"], "PENDING, RUNNING"),
        (["list", "--since", "soon"], "15m, 2h, 7d"),
        (["list", "-n", "101"], "101"),
        (["cancel", "x", "--reason", "x" * 1001], "1,000"),
    ],
)
def test_wrong_use_exits_2_and_says_what_is_right(data_dir: Path, words: list[str], says: str) -> None:
    found = hantu(data_dir, "executions", *words)
    assert found.exit_code == 2
    assert says in found.stderr
    assert "createdAfter" not in found.stderr


@pytest.mark.parametrize("running", [False, True], ids=["down", "up"])
def test_an_unknown_run_exits_1_and_says_where_to_look(
    data_dir: Path, tmp_path: Path, request: pytest.FixtureRequest, running: bool
) -> None:
    if running:
        request.getfixturevalue("service")
    for words in (
        ["show", "zzzzzzzz"],
        ["cancel", "no/../run"],
        ["show", "01a1fd91-3285-74a9-ae6d-bf3df3cf6423"],
    ):
        found = hantu(data_dir, "executions", *words)
        assert found.exit_code == 1
        assert "hantu executions list" in found.stderr
    nowhere = tmp_path / "nowhere"
    for words in (["list"], ["cancel", "zzzzzzzz"]):
        assert hantu(nowhere, "executions", *words).exit_code == 1
    assert not (nowhere / "hantu.db").exists()
