"""The second stage, as far as a program can look at it: version, packages, services."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from hantu import __version__
from hantu.client.migration.checklist import Mark, Row, Stage, in_words
from hantu.client.migration.plan import Plan

_ROOT: Final = Path(__file__).resolve().parents[3]
_REQUIREMENTS: Final = _ROOT / "requirements.txt"
_LIMIT_S: Final = 20.0
_PROPERTIES: Final = ("Id", "LoadState", "ActiveState", "SubState", "User", "ActiveEnterTimestamp")


def deploy(plan: Plan) -> Iterator[Row]:
    """The rows of the stage."""
    yield _row("code", "the code is up to date", Mark.DONE, f"hantu {__version__} in {_ROOT}")
    yield _packages()
    yield from _services(plan)


def _row(key: str, what: str, mark: Mark, says: str, fix: str = "") -> Row:
    return Row(Stage.DEPLOY, f"deploy.{key}", what, mark, says, fix)


def _packages() -> Row:
    what = "the packages are installed"
    if not _REQUIREMENTS.is_file():
        return _row("packages", what, Mark.DONE, "the log library needs none")
    pinned = _REQUIREMENTS.read_text(encoding="utf-8")
    wrong = list(wrong_packages(pinned))
    if (
        wrong
        and all(found.endswith(", none is there") for found in wrong)
        and len(wrong) == len(_pins(pinned))
    ):
        return _row("packages", what, Mark.DONE, "the log library needs none, and the service is not here")
    if wrong:
        fix = f"{sys.executable} -m pip install -r {_REQUIREMENTS}"
        return _row("packages", what, Mark.FAILED, in_words(wrong), fix)
    return _row("packages", what, Mark.DONE, f"as in {_REQUIREMENTS}")


def wrong_packages(requirements: str) -> Iterator[str]:
    """The pinned packages that are missing or of another version, each with what is there."""
    for name, wanted in _pins(requirements):
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "none"
        if found != wanted:
            yield f"{name} {wanted} is needed, {found} is there"


def _pins(requirements: str) -> list[tuple[str, str]]:
    return re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*])?==([^\s;#]+)", requirements, re.MULTILINE)


def _services(plan: Plan) -> Iterator[Row]:
    what = "the services run the new code"
    names = plan.units or ("hantu*.service",)
    try:
        units = [unit for unit in _units(names) if unit.get("LoadState") == "loaded"]
    except (OSError, subprocess.SubprocessError):
        says = "skipped: no systemd answers on this machine"
        yield _row("services", what, Mark.NOTE, says, "restart the programs that log here by hand")
        return
    if not units:
        says = f"skipped: there is no unit {in_words(names)}"
        yield _row(
            "services", what, Mark.NOTE, says, "hantu migrate --unit NAME names the services that log here"
        )
        return
    restart = "systemctl restart " + " ".join(unit["Id"].removesuffix(".service") for unit in units)
    yield _row("restart", "restart the services", Mark.NOTE, "when the code is new, not before", restart)
    for unit in units:
        yield _service(unit, plan)


def _service(unit: dict[str, str], plan: Plan) -> Row:
    what = f"{unit['Id']} runs"
    since = unit.get("ActiveEnterTimestamp") or "-"
    says = f"{unit.get('ActiveState')} ({unit.get('SubState')}) since {since}"
    if unit.get("ActiveState") != "active":
        fix = f"systemctl status {unit['Id']}; journalctl -u {unit['Id']} -n 50"
        return _row("service", what, Mark.FAILED, says, fix)
    owner, user = _owner(plan.root), unit.get("User") or "root"
    if owner and user not in ("root", owner):
        says = f"it runs as {user}, and {plan.root} belongs to {owner}"
        return _row("service", what, Mark.FAILED, says, f"chown -R {user}: {plan.root}")
    return _row("service", what, Mark.DONE, f"{says}, as {user}")


def _owner(folder: Path) -> str:
    try:
        return folder.owner()
    except (OSError, KeyError):
        return ""


def _units(names: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """The properties of the units. Raises OSError or SubprocessError when systemd does not answer."""
    done = subprocess.run(
        ["systemctl", "show", "--no-pager", f"--property={','.join(_PROPERTIES)}", "--", *names],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_LIMIT_S,
        check=True,
    )
    for block in done.stdout.strip().split("\n\n"):
        unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if unit.get("Id"):
            yield unit
