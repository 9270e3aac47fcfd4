"""The systemd units: what systemd itself says of them, and where their output goes."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hantu.config import ConfigError, load
from hantu.serve import THREADS_FOR_PAGES
from tests.parts import require

ROOT = Path(__file__).resolve().parent.parent
CONTAINERS = 200
"""A thread reads each."""
UNITS = ("hantu.service", "examples/hantu-scheduler.service", "examples/hantu-api.service")


class Unit(configparser.RawConfigParser):
    """A unit's file, its names as they are written."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, interpolation=None)
        self.read_string(path.read_text(encoding="utf-8"))

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def verified(text: str, path: Path) -> str:
    """What systemd-analyze says of a unit; this Python stands in for programs of other machines."""
    path.write_text(re.sub(r"(?<=ExecStart=)\S+", sys.executable, text), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stderr + done.stdout


@pytest.mark.promise("M82")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_nothing_wrong_with_the_unit(name: str, tmp_path: Path) -> None:
    require("systemd-analyze", shutil.which("systemd-analyze") is not None, "install systemd")
    text = (ROOT / name).read_text(encoding="utf-8")
    path = tmp_path / Path(name).name
    assert verified(text, path) == ""
    # It exits with 0 for a key that it does not know: only what it says counts.
    assert "StandardErrors" in verified(text.replace("StandardError=", "StandardErrors="), path)


@pytest.mark.promise("M82")
@pytest.mark.parametrize("name", UNITS)
def test_lines_go_to_files_and_errors_to_the_journal(name: str) -> None:
    service = Unit(ROOT / name)["Service"]
    assert (service["StandardOutput"], service["StandardError"]) == ("null", "journal")


@pytest.mark.parametrize("name", UNITS[1:])
def test_an_example_logs_where_systemd_lets_it_write(name: str) -> None:
    service = Unit(ROOT / name)["Service"]
    assert service["Environment"] == f"HANTU_LOG_DIR=/var/log/{service['LogsDirectory']}"
    assert service["LogsDirectory"] == Path(name).stem


def test_the_service_has_few_ways_out() -> None:
    require("systemd-analyze", shutil.which("systemd-analyze") is not None, "install systemd")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", ROOT / UNITS[0]],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    # The threshold is the exposure times ten.
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Overall exposure level" in done.stdout


def test_threads_of_the_most_live_tails_fit_into_the_units_limit() -> None:
    service = Unit(ROOT / UNITS[0])["Service"]
    most = 500
    with pytest.raises(ConfigError):
        load(None, environ={"HANTU_TAIL_CLIENTS": str(most + 1)})
    # gunicorn's thread and the one that reads the connection; the rest is for hantu's own.
    assert int(service["TasksMax"]) >= 2 * most + THREADS_FOR_PAGES + 50 + CONTAINERS
