"""docs/recipes-cron.md and the units of examples/: what is written there works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parts import require
from tests.run.desk import Desk
from tests.running import ROOT
from tests.test_units import verified

PAGE = (ROOT / "docs" / "recipes-cron.md").read_text(encoding="utf-8")
SERVICE, TIMER = (ROOT / "examples" / f"hantu-nightly.{kind}" for kind in ("service", "timer"))


def crontab() -> list[tuple[str, str]]:
    """Schedule and command of each line of the page's crontab."""
    (block,) = re.findall(r"```cron\n(.*?)```", PAGE, re.DOTALL)
    lines = [line for line in block.splitlines() if re.match(r"[\d*]", line)]
    return [(" ".join(line.split()[:5]), line.split(maxsplit=5)[5]) for line in lines]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder as the page's /opt/shop, with hantu on cron's short PATH."""
    shop, commands = tmp_path / "shop", tmp_path / "bin"
    (shop / "reports").mkdir(parents=True)
    commands.mkdir()
    hantu = commands / "hantu"
    hantu.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/app.py "$@"\n')
    scripts = {
        "backup.sh": "echo saved",
        "report.sh": "echo 1,2 > reports/day.csv; echo written",
        "collect.sh": "echo collected",
        "send.sh": "seq 10; exit 0",
    }
    for name, body in scripts.items():
        (shop / name).write_text(f"#!/bin/sh\n{body}\n")
    for path in (hantu, *(shop / name for name in scripts)):
        path.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(("schedule", "command"), crontab())
def test_line_of_the_crontab_runs_as_cron_runs_it(
    desk: Desk, machine: Path, schedule: str, command: str
) -> None:
    assert re.fullmatch(r"(\S+ ){4}\S+", schedule)
    assert "%" not in command.replace("\\%", "")
    job = re.findall(r"--name (\S+)", command)[0]
    # What cron gives to a job, and no more.
    environment = {
        "HOME": str(machine),
        "LOGNAME": "shop",
        "SHELL": "/bin/sh",
        "PATH": f"{machine / 'bin'}:/usr/bin:/bin",
        "HANTU_DSN": desk.dsn,
    }
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace("/opt/shop", str(machine / "shop"))],
        cwd=machine / "shop",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    run = desk.one(job)
    assert run["status"] == "COMPLETED"
    assert desk.messages(run) == {
        "backup": ["saved"],
        "hourly-report": ["written"],
        "weekly": ["collected", "8", "9", "10"],
    }.pop(job)
    assert [each["fileName"] for each in run["artifacts"]] == (
        ["day.csv"] if job == "hourly-report" else []
    )


@pytest.mark.parametrize("path", [SERVICE, TIMER], ids=["service", "timer"])
def test_systemd_finds_nothing_wrong_with_the_units(path: Path, tmp_path: Path) -> None:
    require("systemd-analyze", shutil.which("systemd-analyze") is not None, "install systemd")
    shutil.copy(SERVICE, tmp_path / SERVICE.name)
    verified(SERVICE.read_text(encoding="utf-8"), tmp_path / SERVICE.name)
    assert verified(path.read_text(encoding="utf-8"), tmp_path / path.name) == ""


def test_command_of_the_unit_is_told_of(desk: Desk, machine: Path) -> None:
    (start,) = re.findall(r"^ExecStart=(.*)$", SERVICE.read_text(encoding="utf-8"), re.MULTILINE)
    words = start.replace("/opt/shop", str(machine / "shop")).split()
    assert words[0].endswith("/hantu")
    state = machine / "state"
    environment = {"PATH": "/usr/bin:/bin", "HANTU_DSN": desk.dsn, "STATE_DIRECTORY": str(state)}
    done = subprocess.run(
        [str(machine / "bin" / "hantu"), *words[1:]], cwd=machine / "shop", env=environment, check=False
    )
    assert done.returncode == 0
    assert [each["fileName"] for each in desk.one("nightly-report")["artifacts"]] == ["day.csv"]
    environment["HANTU_DSN"] = "http://x@127.0.0.1:9"
    subprocess.run(
        [str(machine / "bin" / "hantu"), *words[1:]], cwd=machine / "shop", env=environment, check=True
    )
    assert len(os.listdir(state / "hantu" / "runs")) == 2


def test_codes_of_the_page_are_those_of_the_program() -> None:
    from hantu.run import job

    assert f"{job.TIMED_OUT} after `--timeout`" in PAGE
    assert f"{job.NOT_FOUND} when there is no" in PAGE
    assert f"{job.NOT_RUNNABLE} when it cannot be run" in PAGE
    assert f"last {job.OUTPUT_BYTES >> 10} KiB" in PAGE
    assert f"last {job.STDERR_BYTES >> 10} KiB" in PAGE
    assert f"for {job.DELIVER_S:g} s at most" in PAGE
