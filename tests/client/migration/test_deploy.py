"""What a program can see of a deployment."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from hantu.client.migration.checklist import Row
from hantu.client.migration.deploy import deploy, wrong_packages
from hantu.client.migration.plan import plan_of

# As systemd 252 prints it for `systemctl show --property=… hantu-api hantu-scheduler nothing`.
SHOWN = """\
User=USER
Id=hantu-api.service
LoadState=loaded
ActiveState=active
SubState=running
ActiveEnterTimestamp=Fri 2026-11-20 14:02:31 KST

User=
Id=hantu-scheduler.service
LoadState=loaded
ActiveState=failed
SubState=failed
ActiveEnterTimestamp=

User=
Id=nothing.service
LoadState=not-found
ActiveState=inactive
SubState=dead
ActiveEnterTimestamp=
"""


def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> list[Row]:
    """The rows on a machine whose systemd answers with `answer` (a shell script)."""
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "systemctl").write_text(f"#!/bin/sh\n{answer}")
    (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    (tmp_path / "logs").mkdir(exist_ok=True)
    plan = plan_of({}, log_dir=str(tmp_path / "logs"), units=("hantu-api", "hantu-scheduler", "nothing"))
    return [
        row for row in deploy(plan) if row.key in ("deploy.services", "deploy.restart", "deploy.service")
    ]


def shows(user: str) -> str:
    return f"cat <<'END'\n{SHOWN.replace('USER', user)}END\n"


@pytest.mark.promise("M92")
def test_each_unit_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    restart, api, scheduler = rows(tmp_path, monkeypatch, shows(getpass.getuser()))
    assert restart.fix == "systemctl restart hantu-api hantu-scheduler"
    assert (api.mark.value, api.what) == ("done", "hantu-api.service runs")
    assert "active (running) since Fri 2026-11-20 14:02:31 KST" in api.says
    assert scheduler.mark.value == "failed"
    assert scheduler.fix.startswith("systemctl status hantu-scheduler.service; journalctl -u")


def test_a_unit_whose_user_cannot_write_the_logs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, api, _ = rows(tmp_path, monkeypatch, shows("daemon"))
    assert api.mark.value == "failed"
    assert api.fix == f"chown -R daemon: {tmp_path / 'logs'}"


def test_a_machine_without_systemd_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [row] = rows(tmp_path, monkeypatch, "echo 'System has not been booted with systemd' >&2; exit 1\n")
    assert (row.mark.value, "no systemd answers" in row.says) == ("note", True)


def test_packages_of_another_version_are_named() -> None:
    pins = "click==0.0.1  # pinned\nno-such-package[x]==2 ; python_version > '3'\n# click==9\n"
    found = list(wrong_packages(pins))
    assert found[0].startswith("click 0.0.1 is needed, ")
    assert found[1:] == ["no-such-package 2 is needed, none is there"]
