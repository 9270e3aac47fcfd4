"""The whole migration, and the whole way back."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from hantu.client.migration.archive import BackupError, open_backup
from hantu.client.migration.backup import backups, free_name, today
from hantu.client.migration.checklist import Mark, Row, Say, Stage, in_words
from hantu.client.migration.clearing import holders, is_protected
from hantu.client.migration.deploy import deploy
from hantu.client.migration.inbox import Inbox
from hantu.client.migration.journal import Journal
from hantu.client.migration.operate import DatabaseSize, operate
from hantu.client.migration.plan import Plan, Stopped, WrongUse
from hantu.client.migration.prepare import prepare
from hantu.client.migration.restore import check_backup, differences, restore
from hantu.client.migration.tree import TreeError
from hantu.client.migration.verify import skipped, verify


def migrate(plan: Plan, inbox: Inbox | None, database: DatabaseSize | None, say: Say) -> list[Row]:
    """Do all of it, saying each row as it is known. Raises WrongUse, before anything has changed."""
    _check(plan)
    said: list[Row] = []

    def tell(rows: Iterator[Row]) -> None:
        for row in rows:
            said.append(row)
            say(row)

    with _alone(plan), contextlib.suppress(Stopped):
        tell(prepare(plan, inbox))
        tell(deploy(plan))
        if plan.dry_run:
            tell(skipped())
        else:
            tell(verify(plan.config, inbox, Journal(plan.journal_namespace), plan.alerts))
        tell(operate(plan.config, database, measure=not plan.dry_run))
    return said


def roll_back(plan: Plan, backup: Path | None, say: Say) -> list[Row]:
    """Put back what a backup holds, the newest one without `backup`. Raises WrongUse."""
    _check(plan)
    said: list[Row] = []
    with _alone(plan):
        for row in _roll_back(plan, backup):
            said.append(row)
            say(row)
    return said


def _roll_back(plan: Plan, named: Path | None) -> Iterator[Row]:
    there = backups(plan.beside, plan.root.name)
    path = named or (there[0] if there else None)
    what = "find the backup"
    if path is None:
        pattern = f"{plan.beside / plan.root.name}_backup_*"
        yield _row(
            "backup",
            what,
            Mark.FAILED,
            f"there is none: {pattern}",
            "hantu migrate --rollback --backup PATH",
        )
        return
    try:
        reader = open_backup(path)
        entries = check_backup(reader)
    except BackupError as error:
        older = [str(each) for each in there if each != path]
        fix = f"hantu migrate --rollback --backup {older[0]}" if older else ""
        yield _row("backup", what, Mark.FAILED, f"{path}: {error}; nothing was changed", fix)
        return
    others = [each.name for each in there if each != path]
    more = f"; others, for --backup: {in_words(others)}" if others else ""
    yield _row("backup", what, Mark.DONE, f"{path}, read to its end and found whole{more}")
    held, _ = holders(plan.root) if plan.root.is_dir() else ([], True)
    if held:
        named_files = in_words(f"{holder.path} by {holder.program} (pid {holder.pid})" for holder in held)
        fix = "stop these programs first; what they write goes on in the files that are moved aside"
        yield _row("open", "files that programs hold open", Mark.NOTE, named_files, fix)
    what = "put the logs back"
    aside = free_name(plan.beside, f"{plan.root.name}_before_rollback_{today()}", "")
    try:
        if plan.dry_run:
            write, extra = differences(plan.root, entries)
            says = f"would write {len(write)} and move {len(extra)} aside: {in_words([*write, *extra])}"
            yield _row("restore", what, Mark.NOTE, says)
            return
        done = restore(reader, entries, plan.root, aside)
    except (TreeError, BackupError) as error:
        yield _row("restore", what, Mark.FAILED, str(error), "nothing is lost; mend it and run it again")
        return
    yield _row(
        "restore", what, Mark.DONE, f"{len(done.written)} written, {len(done.alike)} were there already"
    )
    if done.moved:
        yield _row("aside", "what was in the way", Mark.NOTE, f"{in_words(done.moved)} is in {aside}")
    yield _row(
        "code",
        "the code of before",
        Mark.NOTE,
        "go back to it and restart the services",
        f"git checkout PREVIOUS; systemctl restart {' '.join(plan.units) or 'SERVICE'}",
    )


def _row(key: str, what: str, mark: Mark, says: str, fix: str = "") -> Row:
    return Row(Stage.ROLLBACK, f"rollback.{key}", what, mark, says, fix)


def _check(plan: Plan) -> None:
    if is_protected(plan.root):
        raise WrongUse(
            f"{plan.root} is a folder of the system; name the application's own folder of logs: --log-dir"
        )
    if plan.root.exists() and not plan.root.is_dir():
        raise WrongUse(f"{plan.root} is no folder")
    real, beside = Path(os.path.realpath(plan.root)), Path(os.path.realpath(plan.beside))
    if beside == real or real in beside.parents:
        raise WrongUse(f"backups in {plan.beside} would lie within the logs themselves")
    if not plan.beside.is_dir():
        raise WrongUse(f"there is no folder {plan.beside} for the backup")


@contextlib.contextmanager
def _alone(plan: Plan) -> Iterator[None]:
    """Refuse to run beside another migration of the same folder. Makes no file: it locks the folder."""
    try:
        fd = os.open(plan.beside, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise WrongUse(f"{plan.beside} cannot be read: {error.strerror}") from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WrongUse(f"another migration works in {plan.beside}; wait for its end") from None
        yield
    finally:
        os.close(fd)
