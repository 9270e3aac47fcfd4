"""Whatever happens, a logging call neither raises nor hangs, and what it can write it writes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hantu import get_logger
from hantu.client import health, lifecycle
from tests.client.logs import Logs

Library = Callable[..., Logs]
Program = Callable[..., subprocess.CompletedProcess[str]]


class Hostile:
    """Raises whatever is asked of it."""

    def __str__(self) -> str:
        raise RuntimeError("no str")

    def __repr__(self) -> str:
        raise ValueError("no repr")

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__"):
            return object.__getattribute__(self, name)
        raise KeyError(name)

    def __bool__(self) -> bool:
        raise TypeError("no bool")

    def __eq__(self, other: object) -> bool:
        raise TypeError("no eq")

    __hash__ = None  # type: ignore[assignment]


class HostileDict(dict[Any, Any]):
    """A mapping that cannot be read."""

    def __iter__(self) -> Any:
        raise RuntimeError("no iter")

    def items(self) -> Any:
        raise RuntimeError("no items")

    def keys(self) -> Any:
        raise RuntimeError("no keys")


class HostileError(Exception):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no str")

    @property
    def __notes__(self) -> Any:
        raise RuntimeError("no notes")


CALLS: dict[str, Callable[[Any], object]] = {
    "no message": lambda logger: logger(),
    "bad str": lambda logger: logger(Hostile()),
    "bad argument": lambda logger: logger("%s", Hostile()),
    "bad format": lambda logger: logger("%d", "x"),
    "too many arguments": lambda logger: logger("%s", 1, 2, 3),
    "too few arguments": lambda logger: logger("%s %s", 1),
    "percent sign alone": lambda logger: logger("100%"),
    "mapping without the key": lambda logger: logger("%(a)s", {"b": 1}),
    "hostile mapping": lambda logger: logger("%(a)s", HostileDict(a=1)),
    "none": lambda logger: logger(None),
    "bytes": lambda logger: logger(b"\xff\x00"),
    "surrogate": lambda logger: logger("\udcff"),
    "bad extra": lambda logger: logger("x", extra=Hostile()),
    "bad context": lambda logger: logger("x", context=HostileDict(a=1)),
    "context of keys": lambda logger: logger("x", context={1: 2, None: 3, Hostile: 4}),
    "bad field": lambda logger: logger("x", field=Hostile()),
    "field called message": lambda logger: logger("x", message="y", self="z", args=1, level=2),
    "bad exc_info": lambda logger: logger("x", exc_info=Hostile()),
    "short exc_info": lambda logger: logger("x", exc_info=(1,)),
    "no exception": lambda logger: logger("x", exc_info=True),
    "bad exception": lambda logger: logger("x", exc_info=HostileError()),
    "bad stacklevel": lambda logger: logger("x", stacklevel="far"),
    "far stacklevel": lambda logger: logger("x", stacklevel=10_000),
    "stack_info": lambda logger: logger("x", stack_info=True),
    "huge number": lambda logger: logger("x", number=10**10_000),
    "huge message": lambda logger: logger("x" * 3_000_000),
    "wide context": lambda logger: logger("x", context={str(n): list(range(1000)) for n in range(1000)}),
}


@pytest.mark.promise("M58")
@pytest.mark.parametrize("level", ["debug", "info", "success", "warning", "error", "critical", "exception"])
@pytest.mark.parametrize("call", CALLS)
def test_no_logging_call_raises(library: Library, call: str, level: str) -> None:
    logs = library()
    CALLS[call](getattr(get_logger("shop"), level))
    get_logger("shop").info("still here")
    assert " shop: still here (trace_id=" in logs.lines[-1]
    assert len(logs.lines) >= 2
    assert len(logs.text) < 200_000


def test_get_logger_takes_any_name(library: Library) -> None:
    logs = library()
    for name in ("", "a\nb", "\x1b", "이름", "x" * 10_000):
        get_logger(name).info("named")
    assert len(logs.lines) == 5


def test_an_object_that_logs_while_it_is_logged_ends(library: Library) -> None:
    class Loop:
        def __str__(self) -> str:
            get_logger("shop").info("%s", self)
            return "x"

    logs = library(stdout=False)
    get_logger("shop").info("%s", Loop())
    get_logger("shop").info("after")
    assert "after" in logs.lines[-1]


def test_logging_at_the_end_of_the_stack_does_not_raise_more_than_the_stack_does(library: Library) -> None:
    library(stdout=False)
    logger = get_logger("shop")

    def deeper(left: int) -> None:
        if left:
            deeper(left - 1)
        else:
            logger.error("deep", exc_info=True)

    # Each depth near the limit: the call itself may not fit, what it does inside may never raise.
    ends: set[str] = set()
    for left in range(sys.getrecursionlimit() - 200, sys.getrecursionlimit()):
        try:
            deeper(left)
        except RecursionError as raised:
            ends.add(traceback.extract_tb(raised.__traceback__)[-1].filename)
    assert not [end for end in ends if end.endswith(("desk.py", "record.py", "textlog.py", "filter.py"))]


@pytest.mark.parametrize("close", ["sys.stdout.close()", "sys.stdout = None", "import os; os.close(1)"])
def test_a_closed_stdout_does_no_harm(program: Program, tmp_path: Path, close: str) -> None:
    code = f"""
import sys
from hantu import get_logger, status
logger = get_logger("shop")
{close}
logger.info("one")
logger.error("two")
print(status()["state"], file=sys.stderr)
"""
    done = program(code)
    assert done.returncode == 0 or "os.close" in close
    assert [line.split(": ")[1][:3] for line in Logs(tmp_path / "logs").lines] == ["one", "two"]
    assert "READY" in done.stderr if "None" in close else "Degraded" in done.stderr


def test_a_pipe_whose_reader_left_does_no_harm(program: Program, tmp_path: Path) -> None:
    code = """
import os, subprocess, sys
read, write = os.pipe()
os.close(read)
script = "from hantu import get_logger\\nfor n in range(100): get_logger('shop').info('line %d', n)"
done = subprocess.run([sys.executable, "-c", script], stdout=write)
print(done.returncode)
"""
    assert program(code).stdout == "0\n"
    assert len(Logs(tmp_path / "logs").lines) == 100


def test_a_deleted_folder_is_made_again(library: Library) -> None:
    logs = library(flush_ms=0)
    get_logger("shop").error("one")
    shutil.rmtree(logs.folder)
    get_logger("shop").error("two")
    get_logger("shop").info("three")
    assert [error["message"] for error in logs.errors] == ["two"]
    assert len(logs.lines) == 2


def test_a_folder_that_cannot_be_made_leaves_the_application_alone(
    tmp_path: Path, program: Program
) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    code = """
from hantu import get_logger, status
get_logger("shop").info("one")
get_logger("shop").error("two")
get_logger("shop").debug("three")
print(status()["state"])
"""
    done = program(code)
    assert done.returncode == 0
    assert done.stdout.endswith("Critical\n")
    assert " shop: one " in done.stderr
    assert '"message": "two"' in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_below_stdout_does_no_harm(program: Program, tmp_path: Path) -> None:
    code = """
import subprocess, sys
script = "from hantu import get_logger\\nget_logger('shop').info('one')"
print(subprocess.run([sys.executable, "-c", script], stdout=open("/dev/full", "w")).returncode)
"""
    assert program(code).stdout == "0\n"
    assert len(Logs(tmp_path / "logs").lines) == 1


def test_signal_handlers_may_log_whatever_they_interrupt(program: Program, tmp_path: Path) -> None:
    code = """
import signal
from hantu import configure, get_logger
configure(stdout=False, flush_ms=0)
logger = get_logger("shop")
seen = 0
def handler(*_):
    global seen
    seen += 1
    logger.info("from the handler")
    logger.error("from the handler")
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
lines = 0
while seen < 200:
    logger.info("from the program %d", lines)
    lines += 1
    if lines % 10 == 0:
        logger.error("an error")
signal.setitimer(signal.ITIMER_REAL, 0)
print(lines, seen)
"""
    done = program(code)
    assert done.returncode == 0, done.stderr[-2000:]
    lines, seen = map(int, done.stdout.split())
    logs = Logs(tmp_path / "logs")
    assert len([line for line in logs.lines if "from the program" in line]) == lines
    assert len([line for line in logs.lines if "from the handler" in line]) == 2 * seen
    assert len(logs.errors) == seen + lines // 10


def test_lines_of_atexit_of_del_and_of_threads_at_the_end_are_written(
    program: Program, tmp_path: Path
) -> None:
    code = """
import atexit, threading
from hantu import get_logger
logger = get_logger("shop")
atexit.register(lambda: logger.error("before the library ends"))
class Late:
    def __del__(self):
        logger.info("from del")
late = Late()
logger.info("first")
atexit.register(lambda: logger.info("after it began"))
threading.Thread(target=lambda: logger.info("from a thread")).start()
"""
    done = program(code)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "Error:" in line]) == (0, [])
    text = Logs(tmp_path / "logs").text
    for word in ("before the library ends", "from del", "first", "after it began", "from a thread"):
        assert word in text


def test_what_waits_is_written_when_the_program_ends(program: Program, tmp_path: Path) -> None:
    code = "from hantu import get_logger\nfor n in range(500): get_logger('shop').info('line %d', n)"
    assert program(code, HANTU_FLUSH_MS="60000").returncode == 0
    assert len(Logs(tmp_path / "logs").lines) == 500


def test_an_exception_that_ends_the_program_loses_no_line(program: Program, tmp_path: Path) -> None:
    code = "from hantu import get_logger\nfor n in range(50): get_logger('shop').info('x')\nexit(3)"
    assert program(code, HANTU_FLUSH_MS="60000").returncode == 3
    assert len(Logs(tmp_path / "logs").lines) == 50


def test_memory_stays_small_when_nothing_can_be_written(library: Library, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("no folder")
    library(stdout=False, flush_ms=60_000)
    desk = lifecycle.current.desk
    assert desk is not None
    desk.stderr = _Nowhere()  # type: ignore[assignment]  # a hundred thousand lines on a terminal help nobody
    for _ in range(20_000):
        get_logger("shop").info("x" * 100)
    assert len(desk.text._lines) <= 1_000
    assert health.current.standing(health.Fault.FILE)
    (tmp_path / "logs").unlink()
    get_logger("shop").error("well again")
    get_logger("shop").error("well again")
    assert not health.current.standing(health.Fault.FILE)


class _Nowhere:
    failed = False

    def write(self, line: str, level: int) -> bool:
        return True


def test_many_threads_lose_and_tear_no_line(library: Library) -> None:
    logs = library(stdout=False)
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        barrier.wait()
        for at in range(500):
            get_logger("shop").info("line %d %d %s", number, at, "x" * 100)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [line.split(": ", 1)[1].split(" ")[1:3] for line in logs.lines]
    assert sorted(found) == sorted([str(number), str(at)] for number in range(8) for at in range(500))
    for number in range(8):
        assert [int(at) for thread, at in found if int(thread) == number] == list(range(500))


def test_a_flush_in_the_background_needs_nobody(library: Library) -> None:
    from tests.waiting import wait_until

    logs = library(stdout=False, flush_ms=50)
    for number in range(3):
        get_logger("shop").info("line %d", number)
    path = next(logs.folder.glob("info/*.log"))
    wait_until(lambda: path.read_bytes().count(b"\n") == 3)


def test_nothing_is_logged_about_itself_with_the_permission_of_others(library: Library) -> None:
    logs = library()
    get_logger("shop").error("x")
    logs.text  # noqa: B018  has it written
    for path in logs.folder.rglob("*.*"):
        if path.is_file():
            assert os.stat(path).st_mode & 0o137 == 0
    assert os.stat(logs.folder / "errors").st_mode & 0o022 == 0


def test_a_signal_during_the_start_is_logged_somewhere(program: Program, tmp_path: Path) -> None:
    code = """
import os, signal
from hantu import get_logger
logger = get_logger("shop")
signal.signal(signal.SIGALRM, lambda *_: logger.info("from the handler"))
import hantu.client.config as config
real = config.settings
def settings():
    os.kill(os.getpid(), signal.SIGALRM)
    return real()
config.settings = settings
logger.info("first")
"""
    done = program(code)
    assert done.returncode == 0, done.stderr
    assert "from the handler" in done.stderr
    assert [line.split(": ")[1].split(" ")[0] for line in Logs(tmp_path / "logs").lines] == ["first"]


def test_a_fork_during_the_start_leaves_the_child_a_library(program: Program, tmp_path: Path) -> None:
    code = """
import os, threading
from hantu import get_logger
import hantu.client.lifecycle as lifecycle
inside, forked = threading.Event(), threading.Event()
real = lifecycle.load
def load(*args):
    if threading.current_thread() is not threading.main_thread():
        inside.set()
        forked.wait(20)
    return real(*args)
lifecycle.load = load
thread = threading.Thread(target=lambda: get_logger("shop").info("from the thread"))
thread.start()
inside.wait(20)
pid = os.fork()
if pid == 0:
    get_logger("shop").error("from the child")
    lifecycle.shutdown()
    os._exit(0)
print(os.waitpid(pid, 0)[1])
forked.set()
thread.join()
"""
    done = program(code)
    assert done.stdout.splitlines()[0] == "0", done.stderr
    assert [error["message"] for error in Logs(tmp_path / "logs").errors] == ["from the child"]
    assert len(Logs(tmp_path / "logs").lines) == 2
