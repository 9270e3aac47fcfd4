"""Several processes and one log folder: whole lines, nothing twice, each child a life of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.conftest import environment
from tests.client.logs import Logs
from tests.waiting import wait_until

Program = Callable[..., subprocess.CompletedProcess[str]]

WRITER = """
import sys
from hantu import get_logger
logger = get_logger("shop")
for at in range(int(sys.argv[2])):
    logger.info("writer %s line %d %s", sys.argv[1], at, "가" * (at % 200))
    if at % 100 == 0:
        logger.error("writer %s error %d", sys.argv[1], at)
"""


@pytest.mark.promise("M46", "M47")
def test_ten_processes_write_one_file_without_a_torn_line(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(number), "2000"],
            env=environment(tmp_path, HANTU_STDOUT="off"),
            stderr=subprocess.DEVNULL,
        )
        for number in range(10)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 10
    logs = Logs(tmp_path / "logs")
    whole = re.compile(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?:❌ )?\[\w+\] shop: "
        r"writer (\d) (line|error) (\d+)( 가*)? \(trace_id=\w{8}\)"
    )
    found = [whole.fullmatch(line) for line in logs.lines]
    assert all(found)
    seen = [(match[1], match[2], int(match[3])) for match in found if match]
    assert len(seen) == len(set(seen)) == 10 * (2000 + 20)
    for number in range(10):
        own = [at for writer, kind, at in seen if writer == str(number) and kind == "line"]
        assert own == list(range(2000))
    assert len({error["id"] for error in logs.errors}) == 10 * 20


def test_a_fork_in_the_middle_writes_each_line_once(program: Program, tmp_path: Path) -> None:
    code = """
import os, sys, threading
from hantu import configure, get_logger, shutdown
configure(stdout=False, flush_ms=60_000)
logger = get_logger("shop")
logger.info("first")
stop = threading.Event()
def busy():
    while not stop.is_set():
        logger.debug("busy")
        logger.error("busy")
thread = threading.Thread(target=busy)
thread.start()
for number in range(20):
    logger.info("waits in the parent %d", number)
    pid = os.fork()
    if pid == 0:
        logger.info("child %d", number)
        logger.error("child error %d", number)
        shutdown()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
thread.join()
"""
    done = program(code)
    assert done.returncode == 0, done.stderr[-3000:]
    logs = Logs(tmp_path / "logs")
    found = [line.split(": ", 1)[1].rsplit(" (", 1)[0] for line in logs.lines]
    for number in range(20):
        for text in (f"waits in the parent {number}", f"child {number}", f"child error {number}"):
            assert found.count(text) == 1
    children = [error for error in logs.errors if error["message"].startswith("child")]
    assert len({error["trace_id"] for error in children}) == 20


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_lose_no_line(program: Program, tmp_path: Path, method: str) -> None:
    (tmp_path / "work.py").write_text(
        "from hantu import get_logger\n"
        "def work(number):\n"
        "    for at in range(50):\n"
        "        get_logger('shop').info('child %d %d', number, at)\n"
    )
    code = f"""
import multiprocessing
from hantu import get_logger
from work import work
if __name__ == "__main__":
    get_logger("shop").info("parent")
    context = multiprocessing.get_context("{method}")
    children = [context.Process(target=work, args=(number,)) for number in range(3)]
    for child in children: child.start()
    for child in children: child.join()
    print([child.exitcode for child in children])
"""
    (tmp_path / "main.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "main.py"],
        cwd=tmp_path,
        env=environment(tmp_path, HANTU_FLUSH_MS="60000", HANTU_STDOUT="off"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "[0, 0, 0]\n", done.stderr
    assert len(Logs(tmp_path / "logs").lines) == 151


def test_workers_of_a_preloaded_gunicorn_log_each_for_itself(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "import os\n"
        "from hantu import WsgiMiddleware, get_logger\n"
        "logger = get_logger('shop')\n"
        "logger.info('loaded')\n"
        "logger.error('loaded')\n"
        "def app(environ, start_response):\n"
        "    logger.info('request in %d', os.getpid())\n"
        "    logger.error('failed in %d', os.getpid())\n"
        "    start_response('200 OK', [])\n"
        "    return [b'%d' % os.getpid()]\n"
        "app = WsgiMiddleware(app)\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--preload", "-w", "2", "--no-control-socket"),
            *("-b", f"127.0.0.1:{port}", "shop:app"),
        ],
        cwd=tmp_path,
        env={**environment(tmp_path, HANTU_FLUSH_MS="60000"), "HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def ask(trace: str) -> str:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"X-Request-ID": trace})
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.headers["X-Request-ID"] == trace
            return str(answer.read().decode())

    def answers() -> bool:
        try:
            return bool(ask("warm"))
        except OSError:
            return False

    try:
        wait_until(answers)
        workers = {trace: ask(trace) for trace in (f"trace{number}" for number in range(30))}
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
    text = Logs(tmp_path / "logs").text
    for trace, worker in workers.items():
        assert text.count(f"shop: request in {worker} (trace_id={trace})") == 1
    assert text.count("[INFO] shop: loaded") == 1
    errors = Logs(tmp_path / "logs").errors
    assert sorted(error["trace_id"] for error in errors if error["trace_id"].startswith("trace")) == sorted(
        workers
    )


def test_a_process_that_is_killed_has_its_lone_lines_and_errors_in_the_files(tmp_path: Path) -> None:
    code = (
        "from hantu import get_logger\n"
        "get_logger('shop').info('lone')\n"
        "get_logger('shop').info('waits')\n"
        "get_logger('shop').error('error')\n"
        "print('ready', flush=True)\n"
        "import signal; signal.pause()\n"
    )
    victim = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(tmp_path, HANTU_FLUSH_MS="60000", HANTU_STDOUT="off"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert victim.stdout is not None
    assert victim.stdout.readline() == b"ready\n"
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    victim.stdout.close()
    logs = Logs(tmp_path / "logs")
    assert [line.split(": ")[1].split(" ")[0] for line in logs.lines] == ["lone", "waits", "error"]
    assert [error["message"] for error in logs.errors] == ["error"]
