"""The real service, and commands that run beside it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.running import NOTHING, ROOT, RunningService
from tests.waiting import wait_until

ENDED = ("COMPLETED", "FAILED", "CANCELLED")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Desk:
    """The service with a token for programs, and the folder that they run in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.service = RunningService(folder / "data", NOTHING, port=self.port)
        self.service.start()
        made = self.service.call("POST", "/api/tokens", b'{"name": "jobs", "scope": "ingest"}')
        self.token = made["token"]

    @property
    def dsn(self) -> str:
        """What HANTU_DSN is set to."""
        return f"http://{self.token}@127.0.0.1:{self.port}"

    @property
    def spool(self) -> Path:
        """Where runs of commands wait."""
        return self.folder / "state" / "hantu" / "runs"

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a user who has set HANTU_DSN."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HANTU_")}
        own = {"HANTU_DSN": self.dsn, "XDG_STATE_HOME": str(self.folder / "state"), "PYTHONPATH": str(ROOT)}
        return {**kept, **own, **more}

    def start(
        self, *words: str, env: Mapping[str, str] | None = None, **more: Any
    ) -> subprocess.Popen[bytes]:
        """`hantu run WORDS`, started."""
        return subprocess.Popen(
            [sys.executable, str(ROOT / "app.py"), "run", *words],
            cwd=self.folder,
            env=self.environment(**(env or {})),
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
        )

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
        """`hantu run WORDS`, and what came of it."""
        process = self.start(*words, env=env)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def python(self, code: str, **env: str) -> subprocess.CompletedProcess[bytes]:
        """A program with the log library."""
        return subprocess.run(
            [sys.executable, "-X", "dev", "-c", code],
            cwd=self.folder,
            env=self.environment(HANTU_LOG_DIR=str(self.folder / "logs"), **env),
            capture_output=True,
            timeout=60,
            check=False,
        )

    def runs(self, job: str) -> list[dict[str, Any]]:
        """The runs of a job, the newest first."""
        found: list[dict[str, Any]] = self.service.get(f"/api/executions?jobName={job}")["executions"]
        return found

    def one(self, job: str) -> dict[str, Any]:
        """The only run of a job, with all that is known of it."""
        (found,) = self.runs(job)
        whole: dict[str, Any] = self.service.get(f"/api/executions/{found['id']}")
        return whole

    def ended(self, job: str, timeout_s: float = 20) -> dict[str, Any]:
        """The only run of a job once it has ended."""
        wait_until(lambda: any(run["status"] in ENDED for run in self.runs(job)), timeout_s)
        return self.one(job)

    def lines(self, run: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The lines of a run, in order."""
        found: list[dict[str, Any]] = self.service.get(
            f"/api/executions/{run['id']}/logs?limit=1000&order=asc"
        )["logs"]
        return sorted(found, key=lambda line: line["timestamp"])

    def messages(self, run: Mapping[str, Any]) -> list[str]:
        """What the lines of a run say."""
        return [line["message"] for line in self.lines(run)]

    def waiting(self) -> list[Path]:
        """The files of runs that wait."""
        return sorted(self.spool.glob("*.runs.json")) if self.spool.exists() else []


def reports(path: Path) -> list[dict[str, Any]]:
    """What stands in a file of runs."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
