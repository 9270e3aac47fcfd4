"""hantu errors and hantu logs error, with the service down (on the file itself) and up (through it)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hantu.cli.main import cli
from hantu.model import LogLevel
from hantu.store import open_store
from tests.running import NOTHING, ROOT, RunningService
from tests.waiting import wait_until
from tests.web.errordesk import HOUR_NS, MINUTE_NS, STACK, record

SIGNS = ("❌", "⭕", "✅", "ℹ️")


def entries() -> list[Any]:
    now_ns = record().time_ns
    return [
        record("예수금 부족: 1", time_ns=now_ns - 2 * HOUR_NS, trace_id="abc12345"),
        record("예수금 부족: 2", time_ns=now_ns - HOUR_NS, stack_trace=STACK, context={"order": {"id": 7}}),
        record("no answer", service="api", error_type="TimeoutError", time_ns=now_ns - 30 * MINUTE_NS),
        record(
            "killed\x1b[2J\nsecond line",
            service="worker",
            error_type="OutOfMemory",
            level=LogLevel.FATAL,
            time_ns=now_ns - MINUTE_NS,
        ),
    ]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder with a small store that nobody has open."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    store = open_store(folder / "hantu.db")
    store.write_batch(entries())
    store.close()
    return folder


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


def listed(data_dir: Path, *words: str) -> list[dict[str, Any]]:
    found = hantu(data_dir, "errors", "list", "--json", *words)
    assert found.exit_code == 0, found.output
    errors: list[dict[str, Any]] = json.loads(found.stdout)["errors"]
    return errors


def number(data_dir: Path, kind: str) -> str:
    (group,) = listed(data_dir, "--status", "all", "--type", kind)
    return str(group["id"])


def test_open_errors_are_listed_last_seen_first(data_dir: Path) -> None:
    found = hantu(data_dir, "errors")
    assert found.exit_code == 0
    heads = [line for line in found.stdout.splitlines() if "×" in line]
    kinds = [re.sub(r".*×\d+  (\w+) .*", r"\1", line) for line in heads]
    assert kinds == ["OutOfMemory", "TimeoutError", "InsufficientBalance"]
    assert "❌ unresolved CRITICAL" in heads[0]
    assert "×2" in heads[2]
    assert "killed\\x1b[2J ⏎ second line" in found.stdout


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (["예수금"], ["InsufficientBalance"]),
        (["--service", "api,worker", "--order", "first"], ["OutOfMemory", "TimeoutError"]),
        (["--level", "critical"], ["OutOfMemory"]),
        (["--since", "10m"], ["OutOfMemory"]),
        (["--order", "count", "-n", "1"], ["InsufficientBalance"]),
        (["--status", "resolved"], []),
    ],
)
def test_options_narrow_the_list(data_dir: Path, words: list[str], kinds: list[str]) -> None:
    assert [group["errorType"] for group in listed(data_dir, *words)] == kinds


def test_one_error_is_shown_with_its_stack_trace_and_context(data_dir: Path) -> None:
    own = number(data_dir, "InsufficientBalance")
    found = hantu(data_dir, "errors", "show", own)
    assert found.exit_code == 0
    for text in ("execute_order", "예수금이 모자람", '"id": 7', "trace_id=abc12345"):
        assert text in found.stdout
    detail = json.loads(hantu(data_dir, "errors", "show", own, "--json").stdout)
    assert len(detail["occurrences"]) == 2
    by_id = hantu(data_dir, "errors", "show", detail["occurrences"][1]["id"], "--json")
    assert json.loads(by_id.stdout)["error"]["id"] == int(own)


@pytest.mark.parametrize("running", [False, True], ids=["down", "up"])
def test_every_act_works_with_the_service_down_and_up(
    data_dir: Path, request: pytest.FixtureRequest, running: bool
) -> None:
    if running:
        request.getfixturevalue("service")
    first, second = number(data_dir, "InsufficientBalance"), number(data_dir, "TimeoutError")
    found = hantu(data_dir, "errors", "resolve", first, second)
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout.splitlines()[0] == f"error {first} is resolved (InsufficientBalance, scheduler)"
    again = hantu(data_dir, "errors", "resolve", first)
    assert again.exit_code == 1
    assert "resolved already; possible now: reopen" in again.stderr
    assert [group["errorType"] for group in listed(data_dir)] == ["OutOfMemory"]
    assert hantu(data_dir, "errors", "reopen", first).exit_code == 0
    muted = hantu(data_dir, "errors", "mute", first, "--for", "1h", "--json")
    assert json.loads(muted.stdout)["error"]["muted"] is True
    assert [str(group["id"]) for group in listed(data_dir, "--status", "muted")] == [first]
    assert hantu(data_dir, "errors", "unmute", first).exit_code == 0
    assert hantu(data_dir, "errors", "mute", first, "--below", "10/h").exit_code == 0
    assert hantu(data_dir, "errors", "note", first, "1.8.2에서 고침").exit_code == 0
    shown = hantu(data_dir, "errors", "show", first).stdout
    assert "⭕ muted until more than 10 an hour" in shown
    for told in ("✅ resolved (hantu command line)", "ℹ️ note (hantu command line)  1.8.2에서 고침"):
        assert told in shown


@pytest.mark.parametrize("running", [False, True], ids=["down", "up"])
def test_errors_are_merged_and_split(data_dir: Path, request: pytest.FixtureRequest, running: bool) -> None:
    store = open_store(data_dir / "hantu.db")
    store.write_batch([record("쪼개짐", error_type="OSError")])
    store.close()
    if running:
        request.getfixturevalue("service")
    first, second = number(data_dir, "InsufficientBalance"), number(data_dir, "OSError")
    apart = hantu(data_dir, "errors", "merge", first, number(data_dir, "TimeoutError"))
    assert apart.exit_code == 1
    assert "different services stay apart" in apart.stderr
    merged = json.loads(hantu(data_dir, "errors", "merge", first, second, "--json").stdout)["error"]
    assert (merged["count"], len(merged["fingerprints"])) == (3, 2)
    gone = hantu(data_dir, "errors", "resolve", second)
    assert gone.exit_code == 1
    split = hantu(data_dir, "errors", "split", first, merged["fingerprints"][1], "--json")
    assert json.loads(split.stdout)["error"]["count"] in (1, 2)
    assert len(listed(data_dir, "--status", "all")) == 4


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["mute", "1"], "--for 1h"),
        (["mute", "1", "--for", "1h", "--below", "1/h"], "one of them"),
        (["mute", "1", "--for", "long"], "30m, 1h, 7d"),
        (["mute", "1", "--below", "ten"], "10/h"),
        (["note", "1", " "], "1 to 4,000"),
        (["list", "--since", "soon"], "15m, 2h, 7d"),
        (["list", "--level", "warn"], "error or critical"),
        (["list", "--cursor", "x"], "nextCursor"),
        (["stats", "--since", "soon"], "15m, 2h, 7d"),
        (["list", "--status", "done"], "unresolved"),
    ],
)
def test_wrong_use_exits_2_and_says_what_is_right(data_dir: Path, words: list[str], says: str) -> None:
    found = hantu(data_dir, "errors", *words)
    assert found.exit_code == 2
    assert says in found.stderr


def test_unknown_error_exits_1_and_says_where_to_look(data_dir: Path, tmp_path: Path) -> None:
    for words in (
        ["show", "999"],
        ["resolve", "999"],
        ["show", "no/../number"],
        ["mute", "x", "--for", "1h"],
    ):
        found = hantu(data_dir, "errors", *words)
        assert found.exit_code == 1
        assert "hantu errors list" in found.stderr
    nowhere = tmp_path / "nowhere"
    for words in (["list"], ["resolve", "1"]):
        assert hantu(nowhere, "errors", *words).exit_code == 1
    assert not (nowhere / "hantu.db").exists()


@pytest.mark.promise("M57")
def test_errors_are_counted(data_dir: Path) -> None:
    found = hantu(data_dir, "errors", "stats", "--by", "type")
    assert found.stdout.splitlines()[0].split() == ["2", "1", "kind", "InsufficientBalance"]
    stats = json.loads(hantu(data_dir, "errors", "stats", "--by", "level", "--json").stdout)
    counts = {row["name"]: row["count"] for row in stats["rows"]}
    assert counts == {"ERROR": 3, "CRITICAL": 1}
    days = json.loads(hantu(data_dir, "errors", "stats", "--by", "day", "--json").stdout)
    assert days["total"] == 4


@pytest.mark.promise("M76", "M86")
def test_errors_of_all_services_are_printed_as_they_came(data_dir: Path) -> None:
    found = hantu(data_dir, "logs", "error")
    lines = [line for line in found.stdout.splitlines() if not line.startswith("    ")]
    assert [line.split(" ❌ ")[1].split("]")[0] for line in lines] == [
        "[ERROR",
        "[ERROR",
        "[ERROR",
        "[CRITICAL",
    ]
    assert lines[0].endswith("InsufficientBalance: 예수금 부족: 1 (trace_id=abc12345) #1")
    assert "\x1b" not in found.stdout


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["--service", "api"], 1),
        (["--service", "nobody"], 0),
        (["예수금"], 2),
        (["--level", "critical"], 1),
        (["--since", "45m"], 2),
        (["--until", "45m"], 2),
        (["--trace-id", "abc12345"], 1),
        (["--status", "resolved"], 2),
        (["--status", "unresolved"], 2),
        (["-n", "1"], 1),
    ],
)
def test_options_narrow_the_errors(data_dir: Path, words: list[str], count: int) -> None:
    assert hantu(data_dir, "errors", "resolve", number(data_dir, "InsufficientBalance")).exit_code == 0
    found = hantu(data_dir, "logs", "error", "--json", *words)
    assert found.exit_code == 0, found.output
    assert len(found.stdout.splitlines()) == count


def test_the_word_error_is_still_found_in_quotes(data_dir: Path) -> None:
    found = hantu(data_dir, "logs", '"no answer"', "--json")
    assert json.loads(found.stdout)["message"] == "no answer"
    wrong = hantu(data_dir, "logs", "answer", "--service", "api")
    assert wrong.exit_code == 2
    assert "hantu logs error" in wrong.stderr
    assert hantu(data_dir, "logs", "error", "--level", "warn").exit_code == 2


@pytest.mark.promise("M86")
def test_errors_are_followed_as_they_come(service: RunningService) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "app.py",
            "--data-dir",
            str(service.data_dir),
            "logs",
            "error",
            "--tail",
            "-n",
            "1",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert "OutOfMemory" in process.stdout.readline()
        assert process.stdout.readline() == "    second line #3\n"
        item = {
            "message": "새 에러",
            "level": "error",
            "sourceId": "shop",
            "metadata": {"error_type": "NewError", "service": "shop"},
        }
        sent = service.call("POST", "/api/ingest", json.dumps(item).encode())
        assert sent["accepted"] == 1
        assert "❌ [ERROR] shop: NewError: 새 에러" in process.stdout.readline()
    finally:
        process.kill()
        process.communicate()
    wait_until(lambda: len(listed(service.data_dir)) == 4)
