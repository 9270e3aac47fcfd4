"""A program that uses the log library, in a process of its own, and does what the drill asks of it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final, Self

PROGRAM_OPTION: Final = "--as-program"
WAIT_S: Final = 15.0
_EVERY_S: Final = 0.02


def own_command() -> list[str]:
    """What starts this hantu again."""
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, sys.argv[0]]


def sandbox_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment without any setting of this machine's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HANTU_")}
    return {**kept, "PYTHONIOENCODING": "utf-8", "HANTU_CONFIG": os.devnull, **settings}


def wait_until(condition: Callable[[], object], wait_s: float = WAIT_S) -> bool:
    """Whether condition() became true within wait_s."""
    until = time.monotonic() + wait_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(_EVERY_S)
    return True


class Program:
    """The program; a context manager. folder: its own; settings: HANTU_* variables."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log_dir = Path(settings.get("HANTU_LOG_DIR", str(folder / "logs")))
        self._stderr = folder / "stderr"
        self._environment = sandbox_environment(
            {"HANTU_SERVICE": "drill", "HANTU_LOG_DIR": str(self.log_dir), **settings}
        )
        self._process: subprocess.Popen[str] | None = None
        self._answers: IO[str] | None = None

    def __enter__(self) -> Self:
        ours, theirs = os.pipe()
        with self._stderr.open("w") as stderr:
            self._process = subprocess.Popen(
                [*own_command(), "drill", PROGRAM_OPTION, str(theirs)],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                text=True,
                pass_fds=(theirs,),
            )
        os.close(theirs)
        self._answers = os.fdopen(ours)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        if self._answers is not None:
            self._answers.close()

    def do(self, act: str, **parts: object) -> Any:
        """Have it act; raises RuntimeError when it is gone."""
        if self._process is None or self._process.stdin is None or self._answers is None:
            raise RuntimeError("the program was not started")
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"act": act, **parts}) + "\n")
            self._process.stdin.flush()
        line = self._answers.readline()
        if not line:
            raise RuntimeError(f"the program died: {self.stderr()[-300:]}")
        return json.loads(line)

    def state(self) -> str:
        """The library's state."""
        return str(self.do("status")["state"])

    def fault(self, kind: str) -> str:
        """Why a fault stands or stood, "" when there was none."""
        return str(self.do("status")["faults"].get(kind, {}).get("reason") or "")

    def stderr(self) -> str:
        """What it wrote to standard error."""
        return self._stderr.read_text(encoding="utf-8", errors="replace")

    def errors(self) -> list[dict[str, Any]]:
        """The records of its local error files."""
        found = []
        for path in sorted((self.log_dir / "errors").glob("error_*.json")):
            found += [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return found


class _Odd:
    def __repr__(self) -> str:
        return "<no JSON>"


def run_program(descriptor: int) -> None:
    """Be that program: acts come by standard input, answers go to the descriptor."""
    from hantu import get_logger, status

    log = get_logger("drill.orders")
    with os.fdopen(descriptor, "w") as answers:
        for line in sys.stdin:
            asked = json.loads(line)
            answer: object = None
            match asked["act"]:
                case "info":
                    log.info("%s", asked["message"])
                case "error":
                    log.error("%s", asked["message"])
                case "critical":
                    log.critical("%s", asked["message"])
                case "odd":
                    log.error("%s", asked["message"], context={"order": _Odd()})
                case "burst":
                    for number in range(asked["count"]):
                        log.error("burst %d", number)
                case "break stdout":
                    reading, writing = os.pipe()
                    os.close(reading)
                    sys.stdout = os.fdopen(writing, "w")
                case "status":
                    answer = status()
            answers.write(json.dumps(answer, default=str) + "\n")
            answers.flush()
