"""hantu run: the command is what it was without it, and the desk knows of it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.run.desk import Desk
from tests.running import ROOT
from tests.waiting import wait_until

CODES = [
    (("true",), 0, "COMPLETED", None),
    (("sh", "-c", "exit 3"), 3, "FAILED", "EXIT_3"),
    (("sh", "-c", "kill -SEGV $$"), 139, "FAILED", "SIGSEGV"),
    (("no-such-command-at-all",), 127, "FAILED", "NOT_FOUND"),
    (("/etc/passwd",), 126, "FAILED", "NOT_RUNNABLE"),
]


@pytest.mark.parametrize(("command", "code", "status", "error"), CODES)
def test_exit_code_is_the_commands(
    desk: Desk, command: tuple[str, ...], code: int, status: str, error: str | None
) -> None:
    job = f"codes-{code}"
    assert desk.run("--name", job, "--", *command).returncode == code
    run = desk.one(job)
    assert (run["status"], run["errorCode"]) == (status, error)
    assert run["exitCode"] == (code if code not in (126, 127) else None)
    assert desk.waiting() == []


def test_both_streams_pass_unchanged_and_are_lines_of_their_stream(desk: Desk) -> None:
    code = (
        "import os; os.write(1, b'\\x00\\xff one\\r\\nshop token=\\n'); os.write(2, '오류 둘\\n'.encode());"
        "os.write(1, b'no newline')"
    )
    done = desk.run("--name", "streams", "--", sys.executable, "-c", code)
    assert done.stdout == b"\x00\xff one\r\nshop token=\nno newline"
    assert done.stderr == "오류 둘\n".encode()
    run = desk.one("streams")
    lines = desk.lines(run)
    by_stream = {
        stream: [line["message"] for line in lines if line["metadata"]["stream"] == stream]
        for stream in ("stdout", "stderr")
    }
    assert by_stream["stderr"] == ["오류 둘"]
    assert by_stream["stdout"][0].endswith(" one")
    assert by_stream["stdout"][1:] == ["shop token=", "no newline"]
    assert {(line["source"], line["sourceId"]) for line in lines} == {("run", "streams")}
    assert {line["metadata"]["execution_id"] for line in lines} == {run["id"]}
    assert "no newline" in run["output"]


def test_a_stack_trace_is_one_line_and_an_error_of_the_inbox(desk: Desk) -> None:
    code = "def close_books(): raise KeyError('주문 77')\nclose_books()"
    assert desk.run("--name", "trace", "--", sys.executable, "-c", code).returncode == 1
    (trace,) = [line for line in desk.lines(desk.one("trace")) if "Traceback" in line["message"]]
    assert trace["level"] == "error"
    assert "KeyError: '주문 77'" in trace["message"]
    groups = desk.service.get("/api/errors?service=trace")["errors"]
    assert any(group["errorType"] == "KeyError" for group in groups), groups


def test_a_failure_is_an_error_unless_that_is_not_wanted(desk: Desk) -> None:
    desk.run("--name", "told", "--", "sh", "-c", "echo disk is away >&2; exit 9")
    desk.run("--name", "untold", "--alert", "none", "--", "sh", "-c", "exit 9")
    types = {(group["service"], group["errorType"]) for group in desk.service.get("/api/errors")["errors"]}
    assert ("told", "EXIT_9") in types
    assert "untold" not in {service for service, _ in types}
    assert desk.one("told")["errorDetails"] == {"stderr": "disk is away"}


def test_command_knows_its_trace_and_its_variables(desk: Desk) -> None:
    words = ["--name", "variables", "--env", "SHOP=서울 1", "--env", "EMPTY=", "--"]
    done = desk.run(
        *words, "sh", "-c", 'echo "$SHOP|$EMPTY|$HANTU_TRACE_ID|$TRACEPARENT|$HANTU_EXECUTION_ID"'
    )
    shop, empty, trace, parent, execution = done.stdout.decode().rstrip().split("|")
    run = desk.one("variables")
    assert (shop, empty, trace, execution) == ("서울 1", "", run["traceId"], run["id"])
    assert parent.split("-")[1].endswith(trace)


def test_memory_and_processor_time_are_measured(desk: Desk) -> None:
    code = (
        "import time; held = bytearray(80 << 20); until = time.process_time() + 0.4\n"
        "while time.process_time() < until: pass"
    )
    desk.run("--name", "usage", "--", sys.executable, "-c", code)
    run = desk.one("usage")
    assert run["peakMemoryBytes"] >= 80 << 20
    assert 400 <= run["cpuMs"] < 5_000
    assert run["durationMs"] >= 400


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(desk: Desk, number: signal.Signals) -> None:
    code = (
        "import signal, sys\n"
        f"signal.signal({int(number)}, lambda *_: (print('got it', flush=True), sys.exit(7)))\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()"
    )
    job = f"passed-{number.name}"
    process = desk.start("--name", job, "--", sys.executable, "-c", code)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (7, b"got it\n")
    assert desk.ended(job)["status"] == ("FAILED" if number is signal.SIGUSR1 else "CANCELLED")


def test_a_command_that_dies_of_the_signal_counts_as_cancelled(desk: Desk) -> None:
    process = desk.start("--name", "stopped", "--", "sh", "-c", "echo ready; sleep 60 & wait; wait")
    assert process.stdout is not None
    process.stdout.readline()
    began = time.monotonic()
    process.terminate()
    assert process.wait(20) == 128 + signal.SIGTERM
    assert time.monotonic() - began < 8
    run = desk.ended("stopped")
    assert (run["status"], run["exitCode"]) == ("CANCELLED", 143)
    assert run["statusTransitions"][-1]["reason"] == "stopped by SIGTERM"
    process.communicate()


def test_timeout_ends_all_that_the_command_has_started(desk: Desk) -> None:
    pids = desk.folder / "pids"
    script = f"sleep 300 & echo $! > {pids}; echo $$ >> {pids}; wait"
    done = desk.run("--name", "late", "--timeout", "0.5", "--", "bash", "-c", f"({script})")
    assert done.returncode == 124
    run = desk.one("late")
    assert (run["status"], run["errorCode"], run["exitCode"]) == ("FAILED", "TIMEOUT", 124)
    for pid in pids.read_text().split():
        wait_until(lambda pid=pid: not _lives(int(pid)))


def test_cancelling_at_the_desk_stops_the_command(desk: Desk) -> None:
    code = (
        "from hantu.run.job import Job, Wanted; import sys\n"
        "sys.exit(Job(Wanted('cancelled', ['sleep', '300']), heartbeat_s=0.2).run())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=desk.folder, env=desk.environment(), stdin=subprocess.DEVNULL
    )
    wait_until(lambda: any(run["status"] == "RUNNING" for run in desk.runs("cancelled")))
    desk.service.call("POST", f"/api/executions/{desk.one('cancelled')['id']}/cancel")
    assert process.wait(20) == 143
    run = desk.one("cancelled")
    assert (run["status"], run["exitCode"]) == ("CANCELLED", 143)


def test_lines_of_what_outlives_the_command_are_kept(desk: Desk) -> None:
    done = desk.run("--name", "outlived", "--", "sh", "-c", "(sleep 0.7; echo later) & echo first")
    assert done.stdout == b"first\nlater\n"
    run = desk.one("outlived")
    assert desk.messages(run) == ["first", "later"]
    assert run["durationMs"] < 700


def test_a_command_whose_reader_goes_away_learns_it(desk: Desk) -> None:
    process = desk.start("--name", "unread", "--", "yes", "많은 줄")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(20) == 128 + signal.SIGPIPE
    assert desk.ended("unread")["errorCode"] == "SIGPIPE"
    process.communicate()


def test_command_inherits_no_signal_settings_of_ours(desk: Desk) -> None:
    def masks(status: bytes) -> list[int]:
        # glibc's posix_spawn ignores its own two (32 and 33) in whatever it starts.
        return [int(line.split()[1], 16) & ~(3 << 31) for line in status.splitlines()]

    here = subprocess.run(["grep", "^Sig[BI]", "/proc/self/status"], capture_output=True, check=True)
    done = desk.run("--name", "signals", "--", "grep", "^Sig[BI]", "/proc/self/status")
    assert masks(done.stdout) == masks(here.stdout)


def test_ctrl_c_at_a_terminal_comes_once(desk: Desk) -> None:
    code = (
        "import signal, sys\n"
        "count = []\n"
        "signal.signal(signal.SIGINT, lambda *_: (count.append(1), print('interrupted', flush=True)))\n"
        "signal.signal(signal.SIGUSR1, lambda *_: (print('count', len(count), flush=True), sys.exit(0)))\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(desk.folder)
        words = ["app.py", "run", "--name", "terminal", "--", sys.executable, "-c", code]
        os.execve(sys.executable, [sys.executable, str(ROOT / words[0]), *words[1:]], desk.environment())
    seen = b""
    while b"ready" not in seen:
        seen += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    while b"interrupted" not in seen:
        seen += os.read(terminal, 1000)
    # It is passed on after whatever was passed on of the interruption.
    os.kill(pid, signal.SIGUSR1)
    while b"count" not in seen.partition(b"ready")[2] or not seen.endswith(b"\n"):
        seen += os.read(terminal, 1000)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert b"count 1\r\n" in seen
    assert os.waitstatus_to_exitcode(status) == 0


def test_files_that_the_command_made_are_artifacts(desk: Desk) -> None:
    reports = desk.folder / "reports" / "deep"
    reports.mkdir(parents=True)
    old = reports / "old.csv"
    old.write_text("yesterday")
    os.utime(old, (1, 1))
    time_before = time.time()
    wait_until(lambda: time.time() - time_before > 1.1, 5)
    done = desk.run(
        *("--name", "report", "--artifact", "reports/**/*.csv", "--artifact", "*.none", "--"),
        *("sh", "-c", "echo 1,2 > reports/a.csv; echo 3,4 > 'reports/deep/둘.csv'; echo x > reports/c.txt"),
    )
    assert done.returncode == 0
    run = desk.one("report")
    found = {each["fileName"]: each for each in run["artifacts"]}
    assert set(found) == {"a.csv", "둘.csv"}
    assert {each["status"] for each in found.values()} == {"ACTIVE"}
    assert {each["type"] for each in found.values()} == {"DATA"}
    assert found["a.csv"]["fileSize"] == 4


def test_secrets_are_masked_before_they_leave(desk: Desk) -> None:
    secret = "hunter2hunter2"
    done = desk.run("--name", "secret", "--", "sh", "-c", f"echo password={secret}; exit 1")
    assert secret.encode() in done.stdout
    run = desk.one("secret")
    assert secret not in str(run)
    assert secret not in str(desk.messages(run))


@pytest.mark.parametrize(
    "words", [(), ("--timeout", "soon", "--", "true"), ("--env", "K", "--", "true"), ("--nonsense", "true")]
)
def test_wrong_words_are_refused(desk: Desk, words: tuple[str, ...]) -> None:
    done = desk.run(*words)
    assert done.returncode == 2
    assert b"hantu run" in done.stderr


def test_words_of_the_command_are_its_own(desk: Desk) -> None:
    done = desk.run("--name", "own-words", "sh", "-c", 'echo "$@"', "--", "--name", "x", "--", "-y")
    assert done.stdout == b"--name x -- -y\n"


def test_it_comes_behind_common_options_too(desk: Desk) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "app.py", "--data-dir", str(desk.service.data_dir)),
            *("run", "--name", "behind", "--", "sh", "-c", "exit 4"),
        ],
        cwd=ROOT,
        env={**desk.environment(), "HANTU_DSN": ""},
        check=False,
    )
    assert done.returncode == 4
    # By the service's own file: no HANTU_DSN is needed where one may read it.
    assert desk.one("behind")["exitCode"] == 4


def test_nothing_but_python_is_needed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-E", str(ROOT / "app.py"), "run", "--", "sh", "-c", "echo 하나; exit 5"],
        env={"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (5, "하나\n".encode(), b"")
    (left,) = (tmp_path / "hantu" / "runs").iterdir()
    assert '"message": "하나"' in left.read_text(encoding="utf-8")


def test_the_end_is_seen_although_the_threads_end_a_moment_later(desk: Desk) -> None:
    code = """
import sys, threading
from hantu.run import copying, job
seen = threading.Event()
copy, stop_now = copying.Copying.run, copying.Copying.stop_now
def late(self, *words):
    copy(self, *words)
    seen.wait(50)
def noted(self):
    seen.set()
    stop_now(self)
copying.Copying.run, copying.Copying.stop_now = late, noted
sys.exit(job.Job(job.Wanted("late", ["sh", "-c", "echo 끝; exit 3"])).run())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=desk.folder,
        env=desk.environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "끝\n".encode()), done.stderr


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
