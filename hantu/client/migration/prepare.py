"""The first stage: back up, clear, make folders, look at the table. Nothing goes before it is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hantu.client.migration.archive import BackupError
from hantu.client.migration.backup import (
    PACKED,
    Backup,
    backups,
    drop_partial,
    free_name,
    make_backup,
    today,
)
from hantu.client.migration.checklist import Mark, Row, Stage, in_bytes, in_words
from hantu.client.migration.clearing import (
    Cleared,
    Holder,
    clear,
    holders,
    make_folders,
    old_logs,
    wrong_folders,
)
from hantu.client.migration.inbox import Inbox, InboxError, NotAllowed
from hantu.client.migration.plan import Plan, Stopped
from hantu.client.migration.tree import Entry, Kind, TreeError, walk

_BACKUP = "back up the old logs"
_CLEAR = "clear the old logs, keep the folders"
_FOLDERS = "make logs/errors and logs/info"
_TABLE = "the table error_logs and the schema's version"


def prepare(plan: Plan, inbox: Inbox | None) -> Iterator[Row]:
    """The rows of the stage. Raises Stopped when the rest would make no sense."""
    try:
        old = old_logs(plan.root) if plan.root.is_dir() else []
    except TreeError as error:
        yield _row(
            "backup", _BACKUP, Mark.FAILED, str(error), "run it as the owner of the logs, or as root"
        )
        raise Stopped from error
    held, row = _held(plan)
    yield row
    yield from _keep_and_clear(plan, old, held)
    yield _folders(plan)
    yield _table(plan, inbox)


def _row(key: str, what: str, mark: Mark, says: str, fix: str = "") -> Row:
    return Row(Stage.PREPARE, f"prepare.{key}", what, mark, says, fix)


def _held(plan: Plan) -> tuple[list[Holder], Row]:
    """Who writes files that are to be cleared; such files stay."""
    held, complete = holders(plan.root) if plan.root.is_dir() else ([], True)
    what = "no program holds the logs open"
    if held:
        named = in_words(f"{holder.path} by {holder.program} (pid {holder.pid})" for holder in held)
        fix = "stop or restart these programs with the new library, then run hantu migrate again"
        return held, _row("open", "files that programs hold open", Mark.NOTE, named, fix)
    if not complete:
        says = "only your own programs could be looked at"
        return held, _row("open", what, Mark.NOTE, says, "run it as root to see all of them")
    return held, _row("open", what, Mark.DONE, "none")


def _keep_and_clear(plan: Plan, old: list[Entry], held: list[Holder]) -> Iterator[Row]:
    if not old:
        there = backups(plan.beside, plan.root.name)
        last = f"; the last backup is {there[0]}" if there else ""
        yield _row("backup", _BACKUP, Mark.DONE, f"{plan.root} has no old logs{last}")
        yield _row("clear", _CLEAR, Mark.DONE, "nothing to clear")
        return
    if plan.dry_run:
        yield from _would(plan, old, held)
        return
    try:
        drop_partial(plan.beside, plan.root.name)
        backup = make_backup(plan.root, plan.beside, day=today(), compress=plan.compress)
    except (BackupError, OSError) as error:
        yield _row("backup", _BACKUP, Mark.FAILED, f"{error}; nothing was cleared", _backup_fix(plan))
        raise Stopped from error
    yield _row("backup", _BACKUP, Mark.DONE, _kept(backup, plan))
    try:
        cleared = clear(plan.root, old, backup.kept, held)
    except TreeError as error:
        yield _row("clear", _CLEAR, Mark.FAILED, str(error), "run it as the owner of the logs, or as root")
        return
    yield _clear_row(plan, cleared, {holder.path for holder in held} & {entry.path for entry in old})


def _kept(backup: Backup, plan: Plan) -> str:
    size = in_bytes(backup.size_bytes)
    packed = f", {in_bytes(backup.path.stat().st_size)} packed" if plan.compress else ""
    return f"{backup.files} files, {size}{packed} in {backup.path}, read again and found whole"


def _backup_fix(plan: Plan) -> str:
    if not os.access(plan.beside, os.W_OK):
        return f"run it as a user who may write {plan.beside}, or name another folder: --backup-dir FOLDER"
    return "free some space, or name a folder on another disk: --backup-dir FOLDER"


def _clear_row(plan: Plan, cleared: Cleared, held: set[str]) -> Row:
    removed = f"{len(cleared.removed)} files removed"
    if held or cleared.changed:
        left = (
            f"{removed}; {in_words(sorted({*held, *cleared.changed}))} stay: they are still being written"
        )
        fix = f"systemctl stop {' '.join(plan.units) or 'SERVICE'}, then run hantu migrate again"
        return _row("clear", _CLEAR, Mark.FAILED, left, fix)
    return _row("clear", _CLEAR, Mark.DONE, removed + _others(plan.root))


def _others(root: Path) -> str:
    count = sum(
        entry.kind is Kind.FILE
        and not (entry.path.startswith(("info/info_", "errors/error_")) or entry.path.startswith("."))
        for entry in walk(root)
    )
    return f"; {count} files that are no *.log stay" if count else ""


def _would(plan: Plan, old: list[Entry], held: list[Holder]) -> Iterator[Row]:
    entries = [entry for entry in walk(plan.root) if entry.kind is Kind.FILE]
    size = in_bytes(sum(entry.size for entry in entries))
    path = free_name(plan.beside, f"{plan.root.name}_backup_{today()}", PACKED if plan.compress else "")
    yield _row("backup", _BACKUP, Mark.NOTE, f"would copy {len(entries)} files, {size} to {path}")
    held_paths = {holder.path for holder in held}
    go = [entry.path for entry in old if entry.path not in held_paths]
    yield _row("clear", _CLEAR, Mark.NOTE, f"would remove {len(go)} files: {in_words(go)}")


def _folders(plan: Plan) -> Row:
    folders = [plan.root / name for name in ("errors", "info")]
    try:
        if plan.dry_run:
            wrong = wrong_folders(plan.root)
            says = f"would make {in_words(wrong)} with mode 755" if wrong else "they are there, mode 755"
            return _row("folders", _FOLDERS, Mark.NOTE if wrong else Mark.DONE, says)
        made = make_folders(plan.root)
    except (TreeError, OSError) as error:
        return _row(
            "folders", _FOLDERS, Mark.FAILED, str(error), "run it as the owner of the logs, or as root"
        )
    says = f"{in_words(made)}, mode 755" if made else f"{in_words(folders)} are there, mode 755"
    return _row("folders", _FOLDERS, Mark.DONE, says)


def _table(plan: Plan, inbox: Inbox | None) -> Row:
    if inbox is None:
        says = "skipped: HANTU_DSN is not set and no service was found, errors stay in the local files"
        return _row("table", _TABLE, Mark.NOTE, says, "hantu serve, or set HANTU_DSN; see docs/library.md")
    try:
        return _row("table", _TABLE, Mark.DONE, inbox.check(touch=not plan.dry_run))
    except NotAllowed as error:
        return _row("table", _TABLE, Mark.NOTE, str(error), error.fix)
    except InboxError as error:
        return _row("table", _TABLE, Mark.FAILED, str(error), error.fix)
