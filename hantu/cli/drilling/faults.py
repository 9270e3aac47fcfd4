"""The faults of the drill, one function each: it breaks one part and says what did not hold."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from hantu.cli.drilling.bot import END_S, POLL_S, StandInBot
from hantu.cli.drilling.program import (
    Program,
    own_command,
    sandbox_environment,
    wait_until,
)
from hantu.threads import Worker

NOTHING_COLLECTED: Final = {"HANTU_DOCKER": "off", "HANTU_JOURNAL": "off", "HANTU_FILES": "none"}
QUICK: Final = {"HANTU_BATCH_S": "0.05", "HANTU_RETRY_S": "0.1", "HANTU_RETRIES": "3"}
DISK_SIZE: Final = "2m"


class NotHere(Exception):
    """This fault cannot be made on this machine; says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """rows: of the contract. what: the part that breaks. state: the library's state then, "" when it is
    not the library's. telegram: what people must be told, "" for nothing."""

    rows: str
    what: str
    state: str
    telegram: str
    run: Callable[[Path, StandInBot], Iterator[str]]


def handler(folder: Path, bot: StandInBot) -> Iterator[str]:
    """Standard output is a pipe that nobody reads."""
    with Program(folder, bot.settings) as program:
        program.do("break stdout")
        program.do("info", message="into a closed pipe")
        if program.state() != "Degraded":
            yield f"the state is {program.state()}"
        program.do("info", message="it goes on")
        if bot.texts:
            yield "people were told"


def database(folder: Path, bot: StandInBot) -> Iterator[str]:
    """Nobody listens where the errors go."""
    dsn = f"http://drill@127.0.0.1:{_closed_port()}"
    with Program(folder, {**bot.settings, **QUICK, "HANTU_DSN": dsn}) as program:
        program.do("error", message="while it is away")
        if not wait_until(lambda: program.state() == "Partial"):
            yield f"the state is {program.state()}"
        if not wait_until(lambda: bot.told("DB 연결 불가") == 1):
            yield "no message DB 연결 불가 came"
        if [record["message"] for record in program.errors()] != ["while it is away"]:
            yield "the error is not in the local file"


def file(folder: Path, bot: StandInBot) -> Iterator[str]:
    """Where the folder of logs should be there is a file."""
    folder.mkdir(parents=True)
    (folder / "logs").write_text("a file")
    with Program(folder, bot.settings) as program:
        program.do("error", message="nowhere to write")
        if not wait_until(lambda: program.state() == "Critical"):
            yield f"the state is {program.state()}"
        if not wait_until(lambda: bot.told("로그 파일 쓰기 실패") == 1):
            yield "no message 로그 파일 쓰기 실패 came"
        if "nowhere to write" not in program.stderr():
            yield "the error is not on standard error"


def telegram(folder: Path, bot: StandInBot) -> Iterator[str]:
    """Telegram asks to wait."""
    bot.ask_to_wait_s = 1
    with Program(folder, bot.settings) as program:
        begun = time.monotonic()
        program.do("error", message="told late")
        if not wait_until(lambda: bot.refused and program.state() == "Warning"):
            yield f"the state is {program.state()}"
        if not wait_until(lambda: bot.told("told late") == 1):
            yield "the message never came"
        elif time.monotonic() - begun < 1.0:
            yield "it did not wait as it was asked to"


def disk(folder: Path, bot: StandInBot) -> Iterator[str]:
    """The disk of the logs is full."""
    with _small_disk(folder / "disk") as small:
        settings = {**bot.settings, "HANTU_LOG_DIR": str(small / "logs")}
        with Program(folder, settings) as program:
            program.do("error", message="before")
            ballast = _fill(small)
            for number in range(5):
                program.do("error", message=f"{number} while full " + "x" * 20_000)
            if not wait_until(lambda: program.state() == "Emergency"):
                yield f"the state is {program.state()}"
            if not wait_until(lambda: bot.told("디스크 부족") == 1):
                yield "no message 디스크 부족 came"
            if "while full" not in program.stderr():
                yield "the errors are not on standard error"
            ballast.unlink()
            program.do("error", message="after")
            if not wait_until(lambda: program.state() == "READY"):
                yield f"it does not recover: {program.state()}"


def serialisation(folder: Path, bot: StandInBot) -> Iterator[str]:
    """What goes with an error is no JSON."""
    with Program(folder, bot.settings) as program:
        program.do("odd", message="odd")
        if program.state() != "Warning":
            yield f"the state is {program.state()}"
        if [record["context"] for record in program.errors()] != [{"order": "<no JSON>"}]:
            yield "its repr() is not in the local file"


def queue(folder: Path, bot: StandInBot) -> Iterator[str]:
    """More errors wait than the queue holds: the store hangs."""
    with _hanging_store() as dsn:
        settings = {**bot.settings, **QUICK, "HANTU_DSN": dsn, "HANTU_QUEUE_ERRORS": "50"}
        with Program(folder, settings) as program:
            program.do("error", message="the first hangs")
            program.do("burst", count=300)
            if not wait_until(lambda: program.state() == "Warning"):
                yield f"the state is {program.state()}"
            delivery = program.do("status")["delivery"]
            if delivery["dropped"] or delivery["room"] <= 50:
                yield f"the queue did not grow: {delivery}"
            if len(program.errors()) != 301:
                yield f"{301 - len(program.errors())} errors are not in the local file"


def initialisation(folder: Path, bot: StandInBot) -> Iterator[str]:
    """The settings are wrong."""
    with Program(folder, {**bot.settings, "HANTU_DSN": "ftp://nowhere"}) as program:
        program.do("error", message="it goes on")
        if program.state() != "Degraded":
            yield f"the state is {program.state()}"
        if not wait_until(lambda: bot.told("로깅 시스템 오류") == 1):
            yield "no message 로깅 시스템 오류 came"
        if [record["message"] for record in program.errors()] != ["it goes on"]:
            yield "the error is not in the local file"


def alerts(folder: Path, bot: StandInBot) -> Iterator[str]:
    """Errors reach a service of its own: each is told once, a critical one at once."""
    with _service(folder, bot) as push:
        push("error", "orders fail")
        if not wait_until(lambda: bot.told("orders fail") == 1):
            yield "the error was not told"
        push("error", "orders fail")
        push("fatal", "orders stopped")
        if not wait_until(lambda: bot.told("orders stopped") == 1):
            yield "the critical error was not told"
        if bot.told("orders fail") != 1:
            yield f"the same error was told {bot.told('orders fail')} times within its cooldown"


FAULTS: Final = (
    Fault("M58", "log handler: stdout fails", "Degraded", "", handler),
    Fault("M59 M65", "database: away", "Partial", "DB 연결 불가", database),
    Fault("M60", "file: cannot be written", "Critical", "로그 파일 쓰기 실패", file),
    Fault("M61", "Telegram: asks to wait", "Warning", "", telegram),
    Fault("M62 M66", "disk: full", "Emergency", "디스크 부족", disk),
    Fault("M63", "serialisation: no JSON", "Warning", "", serialisation),
    Fault("M64", "queue: overflows", "Warning", "", queue),
    Fault("M67", "settings: wrong", "Degraded", "로깅 시스템 오류", initialisation),
    Fault("M71 M72", "errors at the service", "", "each once, critical at once", alerts),
)


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    """A real file system that can be filled."""
    if os.geteuid() != 0:
        raise NotHere("mounting a small disk needs root: sudo hantu drill")
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "tmpfs", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise NotHere(f"no small disk can be mounted: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


def _fill(folder: Path) -> Path:
    """Take all that is left."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as taken:
        for size in (1 << 16, 1):
            with suppress(OSError):
                while True:
                    taken.write(bytes(size))
    return ballast


@contextmanager
def _hanging_store() -> Iterator[str]:
    """The DSN of a service that takes requests and does not answer while the block lasts."""
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def do_POST(self) -> None:
            """Hang."""
            released.wait()
            self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    worker = Worker("drill-store", lambda _stop: server.serve_forever(POLL_S))
    worker.start()
    try:
        yield f"http://drill@127.0.0.1:{server.server_address[1]}"
    finally:
        released.set()
        server.shutdown()
        server.server_close()
        worker.join(END_S)


@contextmanager
def _service(folder: Path, bot: StandInBot) -> Iterator[Callable[[str, str], None]]:
    """A service over a folder of its own, on a port of its own; gives a function that pushes an error."""
    data_dir = folder / "data"
    data_dir.mkdir(parents=True)
    control = data_dir / "control.json"
    with (folder / "service.log").open("wb") as log:
        process = subprocess.Popen(
            [*own_command(), "--data-dir", str(data_dir), "serve", "--port", "0"],
            env=sandbox_environment({**bot.settings, **NOTHING_COLLECTED}),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        if not wait_until(lambda: _readable(control) or process.poll() is not None, 30):
            raise RuntimeError("the service of the drill does not answer")
        if process.poll() is not None:
            raise RuntimeError(f"it does not start: {(folder / 'service.log').read_text()[-300:]}")
        found = json.loads(control.read_text(encoding="utf-8"))

        def push(level: str, message: str) -> None:
            metadata = {"service": "drill", "function": level, "error_type": "DrillError"}
            body = json.dumps([{"message": message, "level": level, "metadata": metadata}]).encode()
            request = urllib.request.Request(  # noqa: S310  the control file's own address, always http
                f"{found['url']}/api/ingest", body, {"Authorization": f"Bearer {found['token']}"}
            )
            urllib.request.urlopen(request, timeout=30).close()  # noqa: S310

        yield push
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _readable(control: Path) -> Any:
    try:
        return json.loads(control.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
