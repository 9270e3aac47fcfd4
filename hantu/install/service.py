"""Steps that deal with the user and with systemd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hantu.install.files import Remove, TextFile
from hantu.install.step import Step
from hantu.install.system import InstallError, System

USER: Final = "hantu"
UNIT: Final = "hantu.service"
SYSUSERS: Final = Path("/etc/sysusers.d/hantu.conf")
READING_GROUPS: Final = ("systemd-journal", "adm", "docker")
"""What lets hantu read the journal, /var/log and containers. systemd-sysusers would make a group that is
not there, so only those that are there are named."""
LINES: Final = 15


class Users:
    """The user hantu, and the groups that let it read."""

    def __init__(self, system: System, home: Path) -> None:
        self._system = system
        groups = [name for name in READING_GROUPS if name in system.groups()]
        members = "".join(f"m {USER} {name}\n" for name in groups)
        self._file = TextFile(system, SYSUSERS, f'u {USER} - "hantu log desk" {home}\n{members}')
        self._groups = groups

    def describe(self) -> str:
        """The sentence."""
        if not self._groups:
            return f"make the system user {USER}"
        return f"make the system user {USER}, member of {', '.join(self._groups)}"

    def done(self) -> bool:
        """Whether the user is there and in these groups."""
        there = self._system.groups()
        joined = all(USER in there[name] for name in self._groups)
        return self._system.user(USER) is not None and joined and self._file.done()

    def apply(self) -> None:
        """Make it, by systemd-sysusers."""
        self._file.apply()
        self._system.run("systemd-sysusers", f"--root={self._system.root}", SYSUSERS.name)
        if self._system.user(USER) is None:
            raise InstallError(f"systemd-sysusers did not make the user {USER}")

    def undo(self) -> None:
        """The user stays: files may be its."""


@dataclass(slots=True)
class RemoveUser:
    """Removes the user and its group."""

    system: System

    def describe(self) -> str:
        """The sentence."""
        return f"remove the user {USER}"

    def done(self) -> bool:
        """Whether there is none."""
        return self.system.user(USER) is None

    def apply(self) -> None:
        """Remove it; its group goes with it."""
        root = () if self.system.root == Path("/") else ("--root", str(self.system.root))
        self.system.run("userdel", *root, USER)

    def undo(self) -> None:
        """The installation makes it again."""


class UnitFile(TextFile):
    """A unit or a part of one: systemd reads it anew whenever it changes."""

    def apply(self) -> None:
        """Write it."""
        super().apply()
        reload(self.system)

    def undo(self) -> None:
        """Bring back what it said."""
        super().undo()
        reload(self.system)


class RemoveUnit(Remove):
    """Removes a unit or a part of one, and systemd forgets it."""

    def apply(self) -> None:
        """Remove it."""
        super().apply()
        reload(self.system)


def reload(system: System) -> None:
    """Let systemd read its units anew."""
    if system.live:
        system.run("systemctl", "daemon-reload")


def active(system: System) -> bool:
    """Whether the service runs."""
    return system.live and system.holds("systemctl", "is-active", "--quiet", UNIT)


class Stop:
    """Ends the running service, when what it runs is about to change."""

    def __init__(self, system: System, changes: Sequence[Step]) -> None:
        self._system = system
        self._changes = changes
        self._was_active = False

    def describe(self) -> str:
        """The sentence."""
        return "stop the running service (it writes what waits, and reads on where it was)"

    def done(self) -> bool:
        """Whether it does not run, or may go on."""
        return not active(self._system) or all(step.done() for step in self._changes)

    def apply(self) -> None:
        """End it."""
        self._was_active = True
        self._system.run("systemctl", "stop", UNIT)

    def undo(self) -> None:
        """Start what ran before."""
        if self._was_active:
            self._system.holds("systemctl", "reset-failed", UNIT)
            self._system.run("systemctl", "start", UNIT)


class Start:
    """Starts the service, now and at each start of the machine; waits until it answers."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._was_enabled = False

    def _enabled(self) -> bool:
        return self._system.holds("systemctl", "is-enabled", "--quiet", UNIT)

    def describe(self) -> str:
        """The sentence."""
        return f"start {UNIT} now and at each start of the machine"

    def done(self) -> bool:
        """Whether it runs and will."""
        return active(self._system) and self._enabled()

    def apply(self) -> None:
        """Start it. Raises InstallError with the service's last lines."""
        self._was_enabled = self._enabled()
        self._system.run("systemctl", "enable", "--quiet", UNIT)
        self._system.holds("systemctl", "reset-failed", UNIT)
        try:
            # Type=notify: returns when the service said that it answers.
            self._system.run("systemctl", "start", UNIT)
        except InstallError as error:
            raise InstallError(f"{error}\n{self._last_lines()}") from error

    def _last_lines(self) -> str:
        """What the service said."""
        try:
            return self._system.run("journalctl", "-u", UNIT, "-n", str(LINES), "-o", "cat", "--no-pager")
        except InstallError as error:
            return str(error)

    def undo(self) -> None:
        """Stop it, and start it no more at the machine's start if that was so before."""
        self._system.holds("systemctl", "stop", UNIT)
        if not self._was_enabled:
            self._system.holds("systemctl", "disable", "--quiet", UNIT)


class End:
    """Stops the service for good."""

    def __init__(self, system: System) -> None:
        self._system = system

    def describe(self) -> str:
        """The sentence."""
        return f"stop {UNIT} and start it no more"

    def done(self) -> bool:
        """Whether systemd knows no such unit."""
        return not self._system.live or not self._system.holds("systemctl", "cat", UNIT)

    def apply(self) -> None:
        """Stop and disable it."""
        self._system.run("systemctl", "disable", "--now", "--quiet", UNIT)

    def undo(self) -> None:
        """The installation starts it again."""
