"""The machine that is installed to, or the root folder of an image of one."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RUN_S: Final = 600
_SYSTEMD: Final = Path("/run/systemd/system")


class InstallError(Exception):
    """A step cannot be done; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class System:
    """Paths, users and programs of one machine. root: / or the folder of an image."""

    root: Path = Path("/")

    @property
    def live(self) -> bool:
        """Whether this is the running machine and its first process is systemd."""
        return self.root == Path("/") and _SYSTEMD.is_dir()

    def path(self, absolute: Path) -> Path:
        """Where a path of that machine is."""
        return self.root / absolute.relative_to("/")

    def run(self, *words: str) -> str:
        """What a program printed. Raises InstallError with its own words when it fails."""
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=RUN_S,
            )
        except FileNotFoundError:
            raise InstallError(
                f"{words[0]} is not there; hantu installs on machines with systemd"
            ) from None
        except subprocess.TimeoutExpired:
            raise InstallError(f"{' '.join(words)} did not end in {RUN_S} s") from None
        if done.returncode:
            raise InstallError(f"{' '.join(words)}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def holds(self, *words: str) -> bool:
        """Whether a program ends with 0."""
        try:
            self.run(*words)
        except InstallError:
            return False
        return True

    def user(self, name: str) -> tuple[int, int] | None:
        """The numbers of a user and its group, None when there is none."""
        for fields in self._entries("etc/passwd"):
            if fields[0] == name and len(fields) > 3:
                return int(fields[2]), int(fields[3])
        return None

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Each group's further members."""
        return {
            fields[0]: tuple(name for name in fields[3].split(",") if name)
            for fields in self._entries("etc/group")
            if len(fields) > 3
        }

    def _entries(self, name: str) -> list[list[str]]:
        try:
            text = (self.root / name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        return [line.split(":") for line in text.splitlines() if line and not line.startswith("#")]

    def own(self, path: Path, owner: str, mode: int) -> None:
        """Give a path its owner, "user:group", and its mode."""
        uid, gid = self.ids(owner)
        os.chown(path, uid, gid, follow_symlinks=False)
        path.chmod(mode)

    def owned(self, path: Path, owner: str, mode: int) -> bool:
        """Whether a path has this owner and mode."""
        found = path.stat()
        return (found.st_uid, found.st_gid) == self.ids(owner) and stat.S_IMODE(found.st_mode) == mode

    def ids(self, owner: str) -> tuple[int, int]:
        """The numbers of "user:group"; both are users of that machine with a group of their own."""
        numbers = []
        for place, name in enumerate(owner.split(":")):
            found = self.user(name)
            if found is None:
                raise InstallError(f"there is no user {name}")
            numbers.append(found[place])
        return numbers[0], numbers[1]


def reachable(path: Path) -> str:
    """The part of a program's path that keeps other users from running it, "" for none."""
    for part in (*reversed(path.parents), path):
        if not part.stat().st_mode & stat.S_IXOTH:
            return str(part)
    return "" if path.stat().st_mode & stat.S_IROTH else str(path)
