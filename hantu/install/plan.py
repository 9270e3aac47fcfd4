"""What an installation and its end consist of, and how a plan is carried out."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from hantu.config import DEFAULT_FILE, Config, ConfigError, load
from hantu.install.database import KeepDatabase
from hantu.install.files import Folder, Link, Prune, Remove, RemoveEmpty, TextFile, Tree
from hantu.install.release import MODULES, PROGRAM, Release
from hantu.install.service import (
    SYSUSERS,
    UNIT,
    USER,
    End,
    RemoveUnit,
    RemoveUser,
    Start,
    Stop,
    UnitFile,
    Users,
)
from hantu.install.settings import first_settings
from hantu.install.step import Step
from hantu.install.system import InstallError, System
from hantu.paths import UNIT as SHIPPED_UNIT

HOME: Final = Path("/opt/hantu")
RELEASES: Final = HOME / "releases"
CURRENT: Final = HOME / "current"
COMMAND: Final = Path("/usr/local/bin") / PROGRAM
UNIT_FILE: Final = Path("/etc/systemd/system") / UNIT
FOLDERS_FILE: Final = Path(f"/etc/systemd/system/{UNIT}.d/10-folders.conf")
UNPACKED: Final = Path("/var/cache/hantu-files")
"""Where hantu-standalone unpacks itself for root."""
ROOT: Final = "root:root"


class Outcome(enum.Enum):
    """What became of a step."""

    DONE = "done"
    THERE = "there"
    PLANNED = "planned"
    UNDONE = "undone"
    STUCK = "stuck"


Tell = Callable[[Outcome, str], None]
"""Told of each step and its sentence."""


def settings_of(system: System) -> Config:
    """What hantu.toml of that machine says. Raises InstallError."""
    file = system.path(DEFAULT_FILE)
    if not file.is_file():
        return Config()
    try:
        return load(file, environ={}).config
    except ConfigError as error:
        raise InstallError(f"{error}; mend it and try again") from error


def install_plan(system: System, release: Release, *, start: bool = True) -> list[Step]:
    """The steps that bring `release` to a machine as its service, or an installed one up to it."""
    config = settings_of(system)
    target = RELEASES / release.name
    changes: list[Step] = []
    steps: list[Step] = [
        Users(system, Config().data_dir),
        Folder(system, DEFAULT_FILE.parent, f"root:{USER}", 0o750),
        TextFile(system, DEFAULT_FILE, first_settings(), f"root:{USER}", 0o640, keep=True),
        *(Folder(system, path, f"{USER}:{USER}", 0o700) for path in (config.data_dir, *_backups(config))),
    ]
    if release.tree is not None:
        launcher = release.launcher
        within, programs = ("", {}) if launcher is None else (MODULES, {PROGRAM: launcher})
        steps += [
            Folder(system, RELEASES, ROOT, 0o755),
            Tree(system, release.tree, target, within, release.interpreter, programs),
        ]
        changes += [Link(system, CURRENT, target), Link(system, COMMAND, CURRENT / PROGRAM)]
    elif release.program is not None and release.program != COMMAND:
        changes.append(Link(system, COMMAND, release.program))
    changes.append(UnitFile(system, UNIT_FILE, SHIPPED_UNIT.read_text(encoding="utf-8")))
    if folders := _folders(config):
        changes.append(UnitFile(system, FOLDERS_FILE, folders))
    elif system.path(FOLDERS_FILE).exists():
        changes.append(RemoveUnit(system, FOLDERS_FILE))
    steps += [Stop(system, changes), KeepDatabase(system, config.database, release.name), *changes]
    if start and system.root == Path("/"):
        steps.append(Start(system))
    if release.tree is not None:
        steps.append(Prune(system, RELEASES, target))
        if release.interpreter is None:
            steps.append(Prune(system, UNPACKED, target))
    return steps


def uninstall_plan(system: System, *, purge: bool = False) -> list[Step]:
    """The steps that take hantu away. purge: its data in the usual place, settings and user, too."""
    steps: list[Step] = [End(system), RemoveUnit(system, FOLDERS_FILE), RemoveUnit(system, UNIT_FILE)]
    steps += [Remove(system, COMMAND), Remove(system, SYSUSERS)]
    if purge:
        # A folder that somebody chose may hold more than hantu's.
        steps += [
            Remove(system, Config().data_dir),
            Remove(system, DEFAULT_FILE.parent),
            RemoveUser(system),
        ]
    # Last: this very program may be in them.
    steps += [Remove(system, UNPACKED), Remove(system, CURRENT), Remove(system, RELEASES)]
    return [*steps, RemoveEmpty(system, HOME)]


def carry_out(steps: Sequence[Step], tell: Tell, *, dry_run: bool = False) -> None:
    """Do each step that is not done yet.

    When one fails, those that were done are undone, the last one first; raises InstallError."""
    begun: list[Step] = []
    for step in steps:
        if dry_run:
            tell(Outcome.THERE if _seen_done(step) else Outcome.PLANNED, step.describe())
            continue
        try:
            if step.done():
                tell(Outcome.THERE, step.describe())
                continue
            begun.append(step)
            step.apply()
        except (InstallError, OSError) as error:
            failed = step.describe()
            _undo(begun, tell)
            raise InstallError(f"could not {failed}: {error}") from error
        tell(Outcome.DONE, step.describe())


def _seen_done(step: Step) -> bool:
    """Whether a step is done, as far as this user can see."""
    try:
        return step.done()
    except (InstallError, OSError):
        return False


def _undo(begun: Sequence[Step], tell: Tell) -> None:
    for step in reversed(begun):
        try:
            step.undo()
        except (InstallError, OSError) as error:
            tell(Outcome.STUCK, f"{step.describe()}: {error}")
        else:
            tell(Outcome.UNDONE, step.describe())


def link(system: System) -> tuple[str, str]:
    """Where the running service answers, and its one-time set-up link ("" when it was used).

    Raises InstallError when no service runs."""
    try:
        found = json.loads(system.path(settings_of(system).control_file).read_text(encoding="utf-8"))
        url, setup = str(found["url"]), str(found.get("setup", ""))
    except (OSError, ValueError, KeyError) as error:
        raise InstallError(f"the service does not say where it answers: {error}") from error
    return url, f"{url}/setup?token={setup}" if setup else ""


def _backups(config: Config) -> Iterator[Path]:
    if config.backup_dir is not None:
        yield config.backup_dir


def _folders(config: Config) -> str:
    """A drop-in for the folders that the settings name: the unit may write its own state and no more."""
    usual = Config().data_dir
    named = (config.data_dir, *_backups(config))
    more = [path for path in named if path != usual and usual not in path.parents]
    return "[Service]\n" + "".join(f"ReadWritePaths={path}\n" for path in more) if more else ""
