"""The real service in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
START_S = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")

NOTHING = {"HANTU_DOCKER": "off", "HANTU_JOURNAL": "off", "HANTU_FILES": "none"}
"""Settings of a service that collects nothing by itself."""


class RunningService:
    """`python app.py serve` over data_dir; settings by HANTU_* variables. port 0: a free one, another at
    each start."""

    def __init__(self, data_dir: Path, settings: Mapping[str, str] | None = None, *, port: int = 0) -> None:
        self.data_dir = data_dir
        self.port = port
        self.settings = dict(settings or {})
        self.log = data_dir.with_name(data_dir.name + ".log")
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.token = ""
        self.worker_pid = 0

    def start(self) -> RunningService:
        """Start and wait until it answers."""
        control = self.data_dir / "control.json"
        control.unlink(missing_ok=True)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HANTU_")},
            **self.settings,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "app.py",
                    "--data-dir",
                    str(self.data_dir),
                    "serve",
                    "--port",
                    str(self.port),
                ],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(lambda: control.exists() or not self.running(), START_S)
        wait_until(lambda: self._read_control(control) or not self.running(), START_S)
        if not self.running():
            raise AssertionError(f"the service did not start:\n{self.log.read_text()}")
        wait_until(lambda: self.get("/healthz")["status"] == "ok", START_S)
        return self

    def _read_control(self, control: Path) -> bool:
        try:
            found = json.loads(control.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        self.url, self.token, self.worker_pid = found["url"], found["token"], found["pid"]
        return True

    def running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL to the whole service: nothing can be flushed."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self, timeout_s: float = 20.0) -> int:
        """SIGTERM, and wait; returns the exit code."""
        assert self.process is not None
        if self.running():
            self.process.terminate()
        return self.process.wait(timeout_s)

    def close(self) -> None:
        """Whatever happened, leave no process behind."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def call(self, method: str, path: str, body: bytes | None = None) -> Any:
        """The decoded JSON answer, as admin."""
        request = urllib.request.Request(
            self.url + path, data=body, method=method, headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def text(self, path: str) -> str:
        """A page, as admin."""
        request = urllib.request.Request(
            self.url + path, headers={"Authorization": f"Bearer {self.token}", "Accept-Language": "en"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(answer.read().decode())

    def get(self, path: str) -> Any:
        """GET as admin."""
        return self.call("GET", path)

    def cpu_s(self) -> float:
        """Seconds of processor time that the worker has used."""
        parts = Path(f"/proc/{self.worker_pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(parts[11]) + int(parts[12])) / _TICKS

    def rss_bytes(self) -> int:
        """Resident memory of the worker."""
        pages = int(Path(f"/proc/{self.worker_pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
