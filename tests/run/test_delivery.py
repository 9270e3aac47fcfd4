"""Runs while the service is away, restarts, hangs, or the runner is killed: told once, and true."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.stand_in import HANG, Answer, StandIn
from tests.run.desk import Desk, reports
from tests.running import ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e

MISSED_S = 0.2
JOB = """
import sys
from hantu.run import job
sys.exit(job.Job(job.Wanted({name!r}, {command!r}), heartbeat_s={heartbeat_s}).run())
"""


@pytest.fixture(autouse=True)
def service_is_up(desk: Desk) -> Iterator[None]:
    yield
    if not desk.service.running():
        desk.service.start()
    assert desk.waiting() == []


def job(desk: Desk, name: str, *command: str, heartbeat_s: float = MISSED_S) -> subprocess.Popen[bytes]:
    """A run that gives signs of life often, in a group of its own."""
    code = JOB.format(name=name, command=list(command), heartbeat_s=heartbeat_s)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=desk.folder,
        env=desk.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def kill_all(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(10)
    process.communicate(timeout=10)


def test_a_runner_that_is_killed_is_lost(desk: Desk) -> None:
    process = job(desk, "killed", "sh", "-c", "echo begun; exec sleep 5")
    wait_until(lambda: desk.runs("killed") and "begun" in desk.messages(desk.one("killed")))
    wait_until(lambda: desk.one("killed")["heartbeatAt"] is not None)
    os.kill(process.pid, signal.SIGKILL)
    run = desk.ended("killed", 30)
    assert (run["status"], run["errorCode"]) == ("FAILED", "LOST")
    assert desk.messages(run) == ["begun"]
    process.communicate(timeout=20)


def test_runs_while_the_service_is_away_come_once_with_their_times(desk: Desk) -> None:
    desk.service.stop()
    for number in range(3):
        done = desk.run("--name", f"away-{number}", "--", "sh", "-c", f"echo line {number}; exit {number}")
        assert (done.returncode, done.stdout) == (number, f"line {number}\n".encode())
        assert done.stderr == b""
    assert len(desk.waiting()) == 3
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in desk.waiting())
    told = [each["body"] for path in desk.waiting() for each in reports(path) if each["kind"] == "run"]
    desk.service.start()
    assert desk.run("--name", "back", "--", "true").returncode == 0
    assert desk.waiting() == []
    for number in range(3):
        run = desk.one(f"away-{number}")
        assert (run["status"], run["exitCode"]) == ("FAILED" if number else "COMPLETED", number)
        lines = ["line 0"] if not number else [f"line {number}", f"exit code {number}"]
        assert desk.messages(run) == lines
        (end,) = [body for body in told if body["id"] == run["id"] and "completedAt" in body]
        assert run["durationMs"] == (end["completedAt"] - end["startedAt"]) // 1_000_000
        # What a command wrote last may be read a moment after its end.
        assert desk.lines(run)[0]["timestamp"][:19] <= run["completedAt"][:19]


def test_files_that_could_not_be_removed_are_told_again_and_count_once(desk: Desk) -> None:
    desk.service.stop()
    desk.run("--name", "again", "--artifact", "kept.txt", "--", "sh", "-c", "echo one; echo two > kept.txt")
    (path,) = desk.waiting()
    data = path.read_bytes()
    (desk.folder / "kept.txt").unlink()
    desk.service.start()
    copies = path.with_name("files")
    kept = {each.name: each.read_bytes() for each in copies.iterdir()}
    assert list(kept.values()) == [b"two\n"]
    for _ in range(2):
        path.write_bytes(data)
        copies.mkdir(exist_ok=True)
        for name, content in kept.items():
            (copies / name).write_bytes(content)
        done = desk.run("--sync")
        assert (done.returncode, done.stdout) == (0, b"1 files of runs delivered\n"), done.stderr
    run = desk.one("again")
    assert desk.messages(run) == ["one"]
    assert [(each["fileName"], each["status"], each["fileSize"]) for each in run["artifacts"]] == [
        ("kept.txt", "ACTIVE", 4)
    ]
    assert len(run["statusTransitions"]) == 3


def test_two_that_deliver_at_once_tell_nothing_twice(desk: Desk) -> None:
    desk.service.stop()
    for number in range(4):
        desk.run("--name", f"both-{number}", "--", "seq", "200")
    desk.service.start()
    both = [desk.start("--sync") for _ in range(3)]
    said = [int(process.communicate(timeout=60)[0].split()[0] or 0) for process in both]
    # Who was not answered in time leaves the rest to the next.
    said.append(int(desk.run("--sync").stdout.split()[0]))
    assert sum(said) == 4
    for number in range(4):
        assert desk.messages(desk.one(f"both-{number}")) == [str(line) for line in range(1, 201)]


def test_a_runner_killed_while_the_service_is_away_is_lost_too(desk: Desk) -> None:
    desk.service.stop()
    process = job(desk, "killed-alone", "sh", "-c", "echo 혼자; exec sleep 5")
    wait_until(
        lambda: desk.waiting() and any(each["kind"] == "entry" for each in reports(desk.waiting()[0]))
    )
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    desk.service.start()
    assert desk.run("--sync").returncode == 0
    run = desk.one("killed-alone")
    assert (run["status"], run["errorCode"]) == ("FAILED", "LOST")
    assert desk.messages(run) == ["혼자"]
    process.communicate(timeout=20)


def test_a_run_goes_on_over_a_restart_of_the_service(desk: Desk) -> None:
    go = desk.folder / "go"
    script = f"echo before; until [ -e {go}1 ]; do sleep 0.05; done; echo meanwhile;"
    script += f" until [ -e {go}2 ]; do sleep 0.05; done; echo after"
    process = job(desk, "restart", "sh", "-c", script, heartbeat_s=5)
    wait_until(lambda: desk.runs("restart") and desk.messages(desk.one("restart")) == ["before"])
    desk.service.stop()
    Path(f"{go}1").touch()
    wait_until(lambda: any(b"meanwhile" in path.read_bytes() for path in desk.waiting()))
    desk.service.start()
    wait_until(lambda: desk.messages(desk.one("restart")) == ["before", "meanwhile"], 30)
    assert desk.one("restart")["status"] == "RUNNING"
    Path(f"{go}2").touch()
    assert process.wait(20) == 0
    process.communicate()
    run = desk.one("restart")
    assert run["status"] == "COMPLETED"
    assert desk.messages(run) == ["before", "meanwhile", "after"]
    assert len(run["statusTransitions"]) == 3


def test_many_lines_arrive_each_once_and_in_order(desk: Desk) -> None:
    done = desk.run("--name", "many", "--", "seq", "20000")
    assert done.stdout == b"".join(b"%d\n" % number for number in range(1, 20_001))
    assert desk.run("--sync").returncode == 0
    run = desk.one("many")
    sql = f"SELECT count(*), count(DISTINCT message) FROM log_entry WHERE trace_id = '{run['traceId']}'"
    counted = subprocess.run(
        [sys.executable, "app.py", "--data-dir", str(desk.service.data_dir), "sql", "--json", sql],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert counted.stdout.count(b"20000") == 2
    assert desk.messages(run)[:3] == ["1", "2", "3"]


class Hanging(StandIn):
    """A service that takes requests and says nothing."""

    def reply(self, path: str, headers: object, body: bytes) -> Answer:
        return HANG


def test_a_service_that_hangs_holds_a_command_up_for_seconds_only(desk: Desk) -> None:
    with Hanging() as hanging:
        dsn = {"HANTU_DSN": f"http://x@127.0.0.1:{hanging.port}"}
        process = desk.start("--name", "hanging", "--", "sh", "-c", "echo out; exit 6", env=dsn)
        out, _ = process.communicate(timeout=15)
        assert (process.returncode, out) == (6, b"out\n")
    assert len(desk.waiting()) == 1
    assert desk.run("--sync").returncode == 0
    assert desk.one("hanging")["exitCode"] == 6


def test_a_refused_token_keeps_the_run_until_it_is_mended(desk: Desk) -> None:
    dsn = {"HANTU_DSN": f"http://wrong@127.0.0.1:{desk.port}"}
    assert desk.run("--name", "refused", "--", "sh", "-c", "exit 8", env=dsn).returncode == 8
    assert len(desk.waiting()) == 1
    done = desk.run("--sync", env=dsn)
    assert done.returncode == 1
    assert b"still wait" in done.stderr
    assert b"wrong" not in done.stderr
    assert desk.run("--sync").returncode == 0
    assert desk.one("refused")["exitCode"] == 8


def test_no_place_to_wait_is_no_harm(desk: Desk) -> None:
    blocked = desk.folder / "blocked"
    blocked.write_text("a file where a folder should be")
    env = {"HANTU_DSN": "http://x@127.0.0.1:9", "XDG_STATE_HOME": str(blocked)}
    done = desk.run("--name", "nowhere", "--", "sh", "-c", "echo fine; exit 2", env=env)
    assert (done.returncode, done.stdout, done.stderr) == (2, b"fine\n", b"")
