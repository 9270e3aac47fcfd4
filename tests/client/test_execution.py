"""execution(): a block or a function is a run; the program never notices that it is told of."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hantu
from hantu import Run, execution, get_logger, get_trace_id
from hantu.client import run_delivery
from hantu.client.execution_spool import waiting
from tests.client.conftest import Configure
from tests.client.logs import Logs

SECRET = "password=hunter2hunter2"


@pytest.fixture
def alone(library: Configure) -> Iterator[Logs]:
    """The library without a service: what would be sent stands in its folder."""
    yield library(stdout=False)
    run_delivery.finish()


def told(logs: Logs) -> list[dict[str, Any]]:
    """What was told of runs, in order."""
    folder = logs.folder / "executions"
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.runs.json"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def ends(logs: Logs) -> list[dict[str, Any]]:
    """How runs ended."""
    return [each["body"] for each in told(logs) if "completedAt" in each["body"]]


def test_a_block_is_a_run_with_what_it_brought(alone: Logs) -> None:
    with execution("nightly-report", "오늘 주문을 요약", model="claude-x", max_tokens=99) as run:
        run.log_tokens(input=100, output=20, cost="0.1")
        run.log_tokens(input=1, output=2, cost=0.2)
        run.output("첫째")
        run.output("둘째")
    (begun, _) = (each["body"] for each in told(alone))
    (end,) = ends(alone)
    assert (begun["status"], begun["prompt"], begun["model"]) == ("RUNNING", "오늘 주문을 요약", "claude-x")
    assert (end["status"], end["output"], end["maxTokens"]) == ("COMPLETED", "첫째\n둘째", 99)
    assert (end["inputTokens"], end["outputTokens"], end["tokensUsed"]) == (101, 22, 123)
    assert end["estimatedCost"] == "0.3"
    assert end["id"] == begun["id"] == run.id
    assert end["completedAt"] >= end["startedAt"]


def test_lines_inside_have_its_trace_and_those_behind_their_own(alone: Logs) -> None:
    before = get_trace_id()
    with execution("outer") as outer:
        assert get_trace_id() == outer.trace_id
        with execution("inner") as inner:
            get_logger("shop").error("안쪽")
        assert get_trace_id() == outer.trace_id != inner.trace_id
    assert get_trace_id() == before
    assert [error["trace_id"] for error in alone.errors] == [inner.trace_id]


def test_what_is_raised_goes_on_and_makes_it_failed(alone: Logs) -> None:
    with pytest.raises(ZeroDivisionError), execution("division"):
        _ = 1 / 0
    (end,) = ends(alone)
    assert (end["status"], end["errorCode"]) == ("FAILED", "ZeroDivisionError")
    assert end["errorMessage"] == "division by zero"
    assert "_ = 1 / 0" in end["errorDetails"]["stackTrace"]


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (KeyboardInterrupt(), "CANCELLED", None),
        (SystemExit(0), "COMPLETED", None),
        (SystemExit(None), "COMPLETED", None),
        (SystemExit("no disk"), "FAILED", "SystemExit"),
    ],
)
def test_a_stop_is_no_failure(alone: Logs, raised: BaseException, status: str, code: str | None) -> None:
    with pytest.raises(type(raised)), execution("stopped"):
        raise raised
    (end,) = ends(alone)
    assert (end["status"], end.get("errorCode")) == (status, code)


def test_a_task_that_is_cancelled_is_a_cancelled_run(alone: Logs) -> None:
    import asyncio

    async def main() -> None:
        begun = asyncio.Event()

        async def work() -> None:
            async with execution("task"):
                begun.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert [end["status"] for end in ends(alone)] == ["CANCELLED"]


def test_each_call_of_a_function_is_a_run(alone: Logs) -> None:
    @execution("hourly", model="m")
    def work(number: int) -> int:
        return 10 // number

    assert work(5) == 2
    with pytest.raises(ZeroDivisionError):
        work(0)
    assert [end["status"] for end in ends(alone)] == ["COMPLETED", "FAILED"]
    assert len({end["id"] for end in ends(alone)} | {end["traceId"] for end in ends(alone)}) == 4
    assert work.__name__ == "work"


def test_calls_of_a_coroutine_function_are_runs_side_by_side(alone: Logs) -> None:
    import asyncio

    @execution("side-by-side")
    async def work(number: int) -> str:
        await asyncio.sleep(0)
        get_logger("shop").error("nummer %s", number)
        await asyncio.sleep(0)
        return get_trace_id()

    async def main() -> list[str]:
        return list(await asyncio.gather(*(work(number) for number in range(5))))

    traces = asyncio.run(main())
    assert {end["traceId"] for end in ends(alone)} == set(traces)
    assert {error["trace_id"] for error in alone.errors} == set(traces)


def test_it_can_be_failed_without_an_exception(alone: Logs) -> None:
    with execution("judged") as run:
        run.fail("답이 비어 있음", code="EMPTY", details={"tries": 3})
    (end,) = ends(alone)
    assert (end["status"], end["errorCode"], end["errorDetails"]) == ("FAILED", "EMPTY", {"tries": 3})


def test_an_artifact_is_kept_as_it_was(alone: Logs, tmp_path: Path) -> None:
    report = tmp_path / "보고.md"
    report.write_text("# 오늘")
    with execution("report") as run:
        run.artifact(report, tags={"day": "오늘"}, retention_days=3)
    report.write_text("another")
    (artifact,) = [each["body"] for each in told(alone) if each["kind"] == "artifact"]
    assert (artifact["fileName"], artifact["type"], artifact["tags"]) == (
        "보고.md",
        "DOCUMENT",
        {"day": "오늘"},
    )
    assert Path(artifact["path"]).read_text() == "# 오늘"


def test_secrets_are_masked(alone: Logs) -> None:
    with pytest.raises(RuntimeError), execution("secret", SECRET, metadata={"note": SECRET}) as run:
        _leak(run)
    assert "hunter2" not in json.dumps(told(alone))


class Odd:
    """Whatever is done with it fails."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.mark.parametrize(
    "given",
    [
        {"job_name": ""},
        {"job_name": Odd()},
        {"job_name": "x" * 1000},
        {"job_name": "j", "prompt": "글" * 800_000},
        {"job_name": "j", "metadata": {"odd": Odd(), "nan": float("nan"), 3: object()}},
        {"job_name": "j", "metadata": {"large": "x" * 100_000}},
        {"job_name": "j", "timeout_s": "soon"},
        {"job_name": "j", "timeout_s": float("inf")},
        {"job_name": "j", "prompt": "half a pair \ud83d"},
        {"job_name": 7, "prompt": Odd()},
    ],
)
def test_nothing_that_is_given_hurts(alone: Logs, given: dict[str, Any]) -> None:
    with execution(**given) as run:
        run.log_tokens(input=-1)
        run.log_tokens(cost="much")
        run.log_tokens(input="x")  # type: ignore[arg-type]  what happens is what is tested
        run.artifact("/no/such/file")
        run.artifact(__file__, type="NONSENSE")
        run.output(Odd())
        run.fail(Odd())
    (end,) = ends(alone)
    assert end["status"] == "COMPLETED"
    assert 1 <= len(end["jobName"]) <= 255
    assert len(end["prompt"].encode()) <= 1 << 20


def test_a_folder_that_cannot_be_written_hurts_nobody(library: Configure, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    library(log_dir=blocked, stdout=False)
    with execution("nowhere") as run:
        run.output("fine")
    run_delivery.finish()
    assert blocked.read_text() == "no folder"


def test_a_child_by_fork_has_runs_of_its_own(alone: Logs) -> None:
    with execution("parent"):
        child = os.fork()
        if child == 0:
            try:
                with execution("child"):
                    pass
                run_delivery.finish()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    assert sorted(end["jobName"] for end in ends(alone)) == ["child", "parent"]
    assert len(list((alone.folder / "executions").glob("*.runs.json"))) == 2


def test_shutdown_ends_what_is_on_its_way(alone: Logs) -> None:
    with execution("shut"):
        pass
    assert hantu.shutdown()
    (path,) = (alone.folder / "executions").glob("*.runs.json")
    # Nobody holds it any more: whoever comes next may deliver it.
    assert waiting(path.parent) == 1


def _leak(run: Run) -> None:
    run.output(SECRET)
    raise RuntimeError(SECRET)
