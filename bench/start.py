"""`python -m bench.start PROGRAM …`: how long hantu takes to start and to stop.

PROGRAM: a built file or an installed command; none: this checkout. Each is started over a folder of its own
that collects nothing, until /healthz answers 200.

cold: the program's files are out of the page cache; warm: they are in it. processor: what the service's two
processes used until then, warm. stop: from SIGTERM to the end, with TAILS live tails open, a connection kept alive
and one that nothing came on yet, as browsers have them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from websocket import WebSocket

RUNS: Final = 7
TAILS: Final = 100
POLL_S: Final = 0.005
ROOT: Final = Path(__file__).resolve().parent.parent
CHECKOUT: Final = (sys.executable, str(ROOT / "app.py"))
QUIET: Final = {"HANTU_DOCKER": "off", "HANTU_JOURNAL": "off", "HANTU_FILES": "none"}
_END_S: Final = 60


def forget(folders: Sequence[Path]) -> None:
    """Put the files of these folders out of the page cache."""
    for folder in folders:
        for path in folder.rglob("*") if folder.is_dir() else [folder]:
            if not path.is_file():
                continue
            with contextlib.suppress(OSError), path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@dataclass(frozen=True, slots=True)
class Started:
    """A service that answers. took_s: by the clock; processor_s: of its two processes together."""

    process: subprocess.Popen[bytes]
    url: str
    took_s: float
    processor_s: float


@contextlib.contextmanager
def started(program: Sequence[str], folder: Path) -> Iterator[Started]:
    """A service over an empty folder, from the moment it answers."""
    environment = {**os.environ, **QUIET, "HANTU_TAIL_CLIENTS": str(TAILS + 8)}
    # With it each start compiles all modules anew, which is a third of the processor time of a start.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.monotonic()
    process = subprocess.Popen(
        [*program, "--data-dir", str(folder), "serve", "--port", "0"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url, worker = _address(process, folder / "control.json")
        while not _answers(url):
            time.sleep(POLL_S)
        took_s = time.monotonic() - began
        yield Started(process, url, took_s, _processor_s(process.pid) + _processor_s(worker))
    finally:
        process.kill()
        process.wait(_END_S)


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _address(process: subprocess.Popen[bytes], control: Path) -> tuple[str, int]:
    """Where it answers, and the process that does."""
    while True:
        with contextlib.suppress(OSError, ValueError, KeyError):
            found = json.loads(control.read_text(encoding="utf-8"))
            return str(found["url"]), int(found["pid"])
        if process.poll() is not None:
            sys.exit(f"it does not start: exit status {process.returncode}")
        time.sleep(POLL_S)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def start(program: Sequence[str], *, cold: Sequence[Path] = ()) -> tuple[float, float]:
    """Seconds of one start, and of processor time; cold: folders whose files are read from the disk."""
    with tempfile.TemporaryDirectory() as folder:
        forget(cold)
        with started(program, Path(folder)) as service:
            return service.took_s, service.processor_s


def stop_s(program: Sequence[str], tails: int) -> float:
    """Seconds of one end, with live tails and a browser's other connections open."""
    with tempfile.TemporaryDirectory() as folder, started(program, Path(folder)) as service:
        clients = []
        for _ in range(tails):
            client = WebSocket()
            client.connect(service.url.replace("http", "ws", 1) + "/ws/logs", origin=service.url)
            client.send(json.dumps({"type": "subscribe-logs", "query": ""}))
            clients.append(client)
        host, _, port = service.url.removeprefix("http://").rpartition(":")
        used = http.client.HTTPConnection(host, int(port))
        used.request("GET", "/healthz")
        used.getresponse().read()
        with socket.create_connection((host, int(port))):
            began = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            service.process.wait(_END_S)
            took = time.monotonic() - began
        used.close()
        for client in clients:
            client.shutdown()
        return took


def places(program: Sequence[str]) -> list[Path]:
    """The folders that a start reads: the program's own, and its Python's."""
    if tuple(program) == CHECKOUT:
        return [ROOT / "hantu", ROOT / ".venv", Path(sys.base_prefix)]
    file = Path(shutil.which(program[0]) or program[0]).resolve()
    caches = [Path("/var/cache/hantu-files"), Path.home() / ".cache/hantu-files", Path.home() / ".shiv"]
    named = [Path(os.environ[name]) for name in ("HANTU_UNPACK_TO", "SHIV_ROOT") if name in os.environ]
    installed = [file.parent] if "releases" in file.parts else []
    return [folder for folder in (file, *installed, *caches, *named) if folder.exists()]


def main() -> None:
    """Measure and print a table."""
    programs = [(name,) for name in sys.argv[1:]] or [CHECKOUT]
    print("| program | cold s | warm s | processor s | stop s |\n|---|---:|---:|---:|---:|")
    for program in programs:
        start(program)
        warm = [start(program) for _ in range(RUNS)]
        figures = [
            [start(program, cold=places(program))[0] for _ in range(RUNS)],
            [took_s for took_s, _ in warm],
            [processor_s for _, processor_s in warm],
            [stop_s(program, TAILS) for _ in range(RUNS)],
        ]
        shown = " | ".join(f"{statistics.median(each):.2f} ({max(each):.2f})" for each in figures)
        print(f"| {Path(program[-1]).name} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
