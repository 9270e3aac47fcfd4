"""Steps that make, change and remove files."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hantu.install.system import InstallError, System

NEW = ".new"


@dataclass(slots=True)
class Folder:
    """A folder with its owner and mode."""

    system: System
    path: Path
    owner: str
    mode: int
    _made: bool = False

    def describe(self) -> str:
        """The sentence."""
        return f"make the folder {self.path} ({self.owner}, {self.mode:04o})"

    def done(self) -> bool:
        """Whether it is there as it shall be."""
        path = self.system.path(self.path)
        try:
            return path.is_dir() and self.system.owned(path, self.owner, self.mode)
        except InstallError:
            return False

    def apply(self) -> None:
        """Make it."""
        path = self.system.path(self.path)
        self._made = not path.exists()
        path.mkdir(parents=True, exist_ok=True)
        self.system.own(path, self.owner, self.mode)

    def undo(self) -> None:
        """Remove it if it was made and is empty."""
        if self._made:
            with suppress(OSError):
                self.system.path(self.path).rmdir()


@dataclass(slots=True)
class TextFile:
    """A file with its text, owner and mode. keep: one that is there already stays as it is."""

    system: System
    path: Path
    text: str
    owner: str = "root:root"
    mode: int = 0o644
    keep: bool = False
    _before: str | None = None
    _changed: bool = False

    def describe(self) -> str:
        """The sentence."""
        return f"write {self.path} ({self.owner}, {self.mode:04o})"

    def done(self) -> bool:
        """Whether it says this already."""
        path = self.system.path(self.path)
        if not path.is_file():
            return False
        return self.keep or path.read_text(encoding="utf-8") == self.text

    def apply(self) -> None:
        """Write it, whole or not at all."""
        path = self.system.path(self.path)
        self._before = path.read_text(encoding="utf-8") if path.is_file() else None
        self._write(path, self.text)
        self._changed = True

    def _write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + NEW)
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        self.system.own(new, self.owner, self.mode)
        new.replace(path)

    def undo(self) -> None:
        """Write what it said before, or remove it."""
        path = self.system.path(self.path)
        if not self._changed:
            return
        if self._before is None:
            path.unlink(missing_ok=True)
        else:
            self._write(path, self._before)


@dataclass(slots=True)
class Link:
    """A symbolic link."""

    system: System
    path: Path
    target: Path
    _before: str | None = None
    _changed: bool = False

    def describe(self) -> str:
        """The sentence."""
        return f"point {self.path} to {self.target}"

    def done(self) -> bool:
        """Whether it points there."""
        path = self.system.path(self.path)
        return path.is_symlink() and os.readlink(path) == str(self.target)

    def apply(self) -> None:
        """Point it there; it exists at every moment. Raises InstallError for a file that is no link."""
        path = self.system.path(self.path)
        if path.exists() and not path.is_symlink():
            raise InstallError(f"{path} is there and is no link of hantu's; move it away and try again")
        self._before = os.readlink(path) if path.is_symlink() else None
        self._point(path, str(self.target))
        self._changed = True

    @staticmethod
    def _point(path: Path, target: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + NEW)
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.replace(path)

    def undo(self) -> None:
        """Point it where it pointed, or remove it."""
        path = self.system.path(self.path)
        if not self._changed:
            return
        if self._before is None:
            path.unlink(missing_ok=True)
        else:
            self._point(path, self._before)


@dataclass(slots=True)
class Tree:
    """A copy of a folder, owned by root and readable for everybody; complete or not there.

    within: the folder's name in the copy, "" for the copy itself.
    interpreter: compiles its modules, for the service's user may not; None: nothing to compile.
    programs: further files at its top, run by everybody, each with its text."""

    system: System
    source: Path
    path: Path
    within: str = ""
    interpreter: Path | None = None
    programs: dict[str, str] = field(default_factory=dict)

    def describe(self) -> str:
        """The sentence."""
        return f"copy this hantu to {self.path}"

    def done(self) -> bool:
        """Whether it is there: its name tells its content."""
        return self.system.path(self.path).is_dir()

    def apply(self) -> None:
        """Copy it."""
        path = self.system.path(self.path)
        new = path.with_name(path.name + NEW)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        shutil.copytree(
            self.source,
            new / self.within,
            symlinks=True,
            dirs_exist_ok=True,
            copy_function=_take,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        for name, text in self.programs.items():
            (new / name).write_text(text, encoding="utf-8")
            (new / name).chmod(0o755)
        for found in (new, *new.rglob("*")):
            if not found.is_symlink():
                _open_to_all(found)
        if self.interpreter is not None:
            # A module that nobody can compile (a template of one) is nobody's fault. -s: tracebacks
            # shall not name the folder's first name.
            words = ("-m", "compileall", "-qq", "-j", "0", "-s", str(new), "-p", str(self.path))
            self.system.holds(str(self.interpreter), *words, str(new))
        new.rename(path)

    def undo(self) -> None:
        """Remove the copy."""
        shutil.rmtree(self.system.path(self.path), ignore_errors=True)


def _take(source: str, target: str) -> str:
    """Copy a file; one that only root could have written may be the same file."""
    found = os.stat(source)
    safe = found.st_uid == 0 and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if safe and os.geteuid() == 0:
        with suppress(OSError):
            os.link(source, target)
            return target
    return str(shutil.copy2(source, target))


def _open_to_all(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    run = path.is_dir() or mode & stat.S_IXUSR
    if mode != (wanted := 0o755 if run else 0o644):
        path.chmod(wanted)


@dataclass(slots=True)
class Prune:
    """Removes the folders in `path` but those of `stay` and the newest other one: the way back."""

    system: System
    path: Path
    stay: Path

    def describe(self) -> str:
        """The sentence."""
        return f"remove old copies from {self.path}, the one before stays"

    def _old(self) -> list[Path]:
        folder = self.system.path(self.path)
        if not folder.is_dir():
            return []
        others = [found for found in folder.iterdir() if found.name != self.stay.name]
        return sorted(others, key=lambda found: found.stat().st_mtime_ns)[:-1]

    def done(self) -> bool:
        """Whether there is none."""
        return not self._old()

    def apply(self) -> None:
        """Remove them."""
        for found in self._old():
            shutil.rmtree(found)

    def undo(self) -> None:
        """Nothing needs them."""


@dataclass(slots=True)
class Remove:
    """Removes a file, a link, or a folder with all that is in it."""

    system: System
    path: Path

    def describe(self) -> str:
        """The sentence."""
        return f"remove {self.path}"

    def done(self) -> bool:
        """Whether it is gone."""
        path = self.system.path(self.path)
        return not path.exists() and not path.is_symlink()

    def apply(self) -> None:
        """Remove it."""
        path = self.system.path(self.path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

    def undo(self) -> None:
        """What is removed stays so: the installation brings it back."""


@dataclass(slots=True)
class RemoveEmpty:
    """Removes a folder, unless somebody has put something else there."""

    system: System
    path: Path

    def describe(self) -> str:
        """The sentence."""
        return f"remove {self.path} if nothing else is in it"

    def done(self) -> bool:
        """Whether it is gone, or not empty."""
        path = self.system.path(self.path)
        return not path.is_dir() or any(path.iterdir())

    def apply(self) -> None:
        """Remove it."""
        self.system.path(self.path).rmdir()

    def undo(self) -> None:
        """The installation makes it again."""
