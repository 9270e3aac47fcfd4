"""What tests of the log library share: the library in this process, and real programs that use it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hantu.client import health, lifecycle, logger
from tests.client.logs import Logs

ROOT = Path(__file__).resolve().parent.parent.parent

Configure = Callable[..., Logs]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Configure]:
    """configure() of this process with a log folder of its own; returns what reads the folder."""

    def configure(**settings: Any) -> Logs:
        lifecycle.configure(**{"log_dir": tmp_path / "logs", "service": "scheduler", **settings})
        return Logs(tmp_path / "logs")

    yield configure
    lifecycle.shutdown()
    for kind in health.Fault:
        health.cleared(kind)
    lifecycle.current.phase = lifecycle.Phase.INIT
    logger.here.route, logger.here.level = logger._First(), 0


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Python code as a program whose log folder is tmp_path/logs."""

    def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-X", "dev", "-c", code],
            env=environment(tmp_path, **variables),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """The environment of a program that logs to `folder`/logs."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HANTU_", "COV_"))}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
        "HANTU_LOG_DIR": str(folder / "logs"),
        "HANTU_SERVICE": "scheduler",
        **variables,
    }
