"""The checklist of a migration (CONTRACT M92): its rows, and how they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from hantu.hidden import clean, visible


class Stage(Enum):
    """The parts of the checklist, in order."""

    PREPARE = "prepare"
    DEPLOY = "deploy"
    VERIFY = "verify"
    OPERATE = "operate"
    ROLLBACK = "rollback"


HEADS: Final = {
    Stage.PREPARE: "Prepare (준비)",
    Stage.DEPLOY: "Deploy (배포)",
    Stage.VERIFY: "Verify (검증)",
    Stage.OPERATE: "Operate (운영)",
    Stage.ROLLBACK: "Roll back (복원)",
}


class Mark(Enum):
    """How a row stands: done, failed, or left to a person."""

    DONE = "done"
    FAILED = "failed"
    NOTE = "note"


SIGNS: Final = {Mark.DONE: "✅", Mark.FAILED: "❌", Mark.NOTE: "ℹ️"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the checklist. fix: the command or act that mends it, "" when there is nothing to do."""

    stage: Stage
    key: str
    what: str
    mark: Mark
    says: str
    fix: str = ""

    def as_json(self) -> dict[str, str]:
        """The row as JSON values."""
        return {
            "stage": self.stage.value,
            "key": self.key,
            "what": self.what,
            "state": self.mark.value,
            "says": self.says,
            "fix": self.fix,
        }


Say = Callable[[Row], None]
"""Takes each row as soon as it is known."""


class Printer:
    """Shows rows as text, under the head of their stage. write: takes a line without its end."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._stage: Stage | None = None

    def __call__(self, row: Row) -> None:
        if row.stage is not self._stage:
            self._write(("" if self._stage is None else "\n") + HEADS[row.stage])
            self._stage = row.stage
        self._write(f"{SIGNS[row.mark]} {row.what}: {_shown(row.says)}")
        if row.fix:
            self._write(f"   → {_shown(row.fix)}")


def _shown(text: str) -> str:
    """Names of files may hold anything; none of it reaches the terminal."""
    return visible(clean(text)).replace("\n", "\\n")


def in_words(paths: Iterable[object], most: int = 5) -> str:
    """The first of many, and how many more there are."""
    named = [str(path) for path in paths]
    more = f" and {len(named) - most} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more


def in_bytes(size: float) -> str:
    """1.5 GB, for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def summary(rows: Iterable[Row], *, dry_run: bool) -> dict[str, Any]:
    """All rows as one JSON document."""
    listed = list(rows)
    return {
        "ok": all(row.mark is not Mark.FAILED for row in listed),
        "dryRun": dry_run,
        "rows": [row.as_json() for row in listed],
    }
