"""A program that uses the log library, in a process of its own, which does what a test tells it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
_CODE = """
import json, os, sys
from hantu import get_logger, status
scope = {"log": get_logger("app.orders"), "status": status}
with open(int(sys.argv[1]), "w") as answers:
    for line in sys.stdin:
        scope["result"] = None
        exec(json.loads(line), scope)
        answers.write(json.dumps(scope["result"]) + "\\n")
        answers.flush()
"""


class Program:
    """The program; a context manager. settings: HANTU_* variables without their prefix."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.log_dir = Path(str(settings.pop("log_dir", folder / "logs")))
        self.stdout, self.stderr = folder / "stdout", folder / "stderr"
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("HANTU_")},
            "PYTHONPATH": str(ROOT),
            "PYTHONIOENCODING": "utf-8",
            "HANTU_SERVICE": "scheduler",
            "HANTU_LOG_DIR": str(self.log_dir),
            **{f"HANTU_{key.upper()}": str(value) for key, value in settings.items()},
        }
        self._process: subprocess.Popen[str] | None = None
        self._answers: IO[str] | None = None

    def __enter__(self) -> Program:
        ours, theirs = os.pipe()
        with self.stdout.open("w") as stdout, self.stderr.open("w") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CODE, str(theirs)],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                text=True,
                pass_fds=(theirs,),
            )
        os.close(theirs)
        self._answers = os.fdopen(ours)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._answers is not None
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()
        self._answers.close()

    def do(self, code: str) -> Any:
        """Run code in the program; gives what it leaves in `result`. Its `log` is a logger."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._answers is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        line = self._answers.readline()
        assert line, f"the program died: {self.stderr.read_text()}"
        return json.loads(line)

    def status(self) -> Any:
        """hantu.status() of the program."""
        return self.do("result = status()")

    def wait_for(self, state: str) -> Any:
        """Wait until the library is in that state; gives its status."""
        wait_until(lambda: self.status()["state"] == state)
        return self.status()

    def kill(self) -> None:
        """SIGKILL: nothing can be flushed."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def end(self) -> int:
        """Let the program come to its end, as programs do; gives its exit code."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait(20)
        self._process.stdin = None
        return code

    def errors(self) -> list[dict[str, Any]]:
        """The records of the local error files."""
        lines = []
        for path in sorted((self.log_dir / "errors").glob("error_*.json")):
            lines += [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return lines

    def info(self) -> str:
        """The local text files."""
        return "".join(
            path.read_text(encoding="utf-8") for path in sorted((self.log_dir / "info").glob("info_*.log"))
        )
