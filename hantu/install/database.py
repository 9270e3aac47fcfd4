"""The step that keeps the database as it is before a newer hantu brings it to its own format."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hantu.install.service import USER
from hantu.install.system import InstallError, System
from hantu.store import migrates
from hantu.store.base import NewerSchema, StoreError
from hantu.store.copying import copy_database

BEFORE: Final = ".before-"
AFTER: Final = ".after-"
_BESIDE: Final = ("-wal", "-shm")


class KeepDatabase:
    """Copies the database when this version's first start would change its format.

    release: its name is in the copy's. undo() puts the copy back and the changed file aside."""

    def __init__(self, system: System, database: Path, release: str) -> None:
        self._system = system
        self._shown = database
        self._database = system.path(database)
        self._release = release
        self._copy = self._named(BEFORE)

    def _named(self, word: str) -> Path:
        return self._database.with_name(f"{self._database.name}{word}{self._release}")

    def describe(self) -> str:
        """The sentence."""
        return f"copy {self._shown} to {self._copy.name} before this version brings it to a newer format"

    def done(self) -> bool:
        """Whether it stays as it is. A file of a newer hantu fails at the start, which says so."""
        try:
            return not migrates(self._database)
        except NewerSchema:
            return True
        except StoreError as error:
            raise InstallError(str(error)) from error

    def apply(self) -> None:
        """Copy it; an earlier copy goes once the new one is whole."""
        earlier = set(self._database.parent.glob(f"{self._database.name}{BEFORE}*"))
        part = self._copy.with_name(self._copy.name + ".part")
        part.unlink(missing_ok=True)
        try:
            copy_database(self._database, part)
        except (StoreError, OSError) as error:
            part.unlink(missing_ok=True)
            raise InstallError(f"{self._shown} cannot be copied: {error}") from error
        self._system.own(part, f"{USER}:{USER}", 0o600)
        part.replace(self._copy)
        for path in earlier - {self._copy}:
            path.unlink()

    def undo(self) -> None:
        """Put the copy back. What the newer version stored meanwhile stays beside it."""
        if not self._copy.is_file():
            return
        aside = self._named(AFTER)
        for end in ("", *_BESIDE):
            path = self._database.with_name(self._database.name + end)
            if path.exists():
                path.replace(aside.with_name(aside.name + end))
        self._copy.replace(self._database)
