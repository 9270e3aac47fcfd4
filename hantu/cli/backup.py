"""hantu backup."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from hantu.backup import Backup, BackupError, add_increment, back_up, check, next_name, rotate
from hantu.cli.context import WRONG_USE, Desk, fail, human_bytes, print_json
from hantu.cli.noting import note_backup

SAY_S: Final = 1.0
NICE: Final = 10
"""What a backup takes of the processor, the service and the programs of this machine go before."""


@click.command("backup")
@click.argument("file", required=False)
@click.option("--check", "checked", is_flag=True, help="Look whether FILE is whole; make none.")
@click.option(
    "--incremental", is_flag=True, help="FILE is a folder of many backups: add one, of what has changed."
)
@click.option(
    "--keep",
    type=click.IntRange(1),
    help="FILE is a folder: make hantu-DATE-TIME.tar in it and remove all but the newest so many.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def backup_command(
    desk: Desk, file: str | None, checked: bool, incremental: bool, keep: int | None, as_json: bool
) -> None:
    """Write the database and the artifacts to one FILE, beside the running service or without it.

    FILE is a plain tar, never written over; - writes it to stdout. Without FILE: a new one in the folder
    of the setting backup_dir."""
    json_wanted = desk.with_json(as_json).as_json
    with suppress(OSError):
        os.nice(NICE)
    try:
        if checked:
            _check(file, as_json=json_wanted)
        elif incremental:
            _add(desk, file, keep, as_json=json_wanted)
        elif file == "-":
            _to_stdout(desk)
        else:
            made, gone = _make(desk, file, keep)
            _tell(made, gone, as_json=json_wanted)
    except BackupError as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("broken off; there is no backup")


def _make(desk: Desk, file: str | None, keep: int | None) -> tuple[Backup, int]:
    config = desk.config
    folder = Path(file) if file is not None and keep is not None else config.backup_dir
    if file is None or keep is not None:
        if folder is None:
            fail("name a FILE, or set backup_dir", WRONG_USE)
        target = folder / next_name(time.time())
    else:
        target = Path(file)
        if target.is_dir():
            target /= next_name(time.time())
    made = back_up(
        config.database, config.artifact_folder, target, progress=Telling("copying the database")
    )
    note_backup(desk, str(target.absolute()), made.manifest.facts.entries)
    gone = 0
    if keep is not None:
        try:
            gone = len(rotate(target.parent, keep))
        except OSError as error:
            fail(f"{target} was written; older ones could not be removed: {error}")
    return made, gone


def _add(desk: Desk, file: str | None, keep: int | None, *, as_json: bool) -> None:
    if file is None:
        fail("name the folder that the backup is added to", WRONG_USE)
    config = desk.config
    telling = Telling("copying the database")
    made = add_increment(config.database, config.artifact_folder, Path(file), keep=keep, progress=telling)
    note_backup(desk, str(made.path.absolute()), made.manifest.facts.entries)
    if as_json:
        print_json(
            {
                "file": str(made.path),
                "newBytes": made.new_bytes,
                "seconds": round(made.took_s, 3),
                "entries": made.manifest.facts.entries,
                "artifacts": made.manifest.artifact_files,
                "removed": made.removed,
            }
        )
        return
    manifest = made.manifest
    click.echo(
        f"{made.path}: {manifest.facts.entries:,} entries, {manifest.artifact_files:,} artifacts; "
        f"{human_bytes(made.new_bytes)} are new, {made.took_s:.1f} s"
    )
    if made.removed:
        click.echo(f"removed {made.removed} older {'backup' if made.removed == 1 else 'backups'}")


def _to_stdout(desk: Desk) -> None:
    """A pipe cannot be written in two places: the archive is made in a file without a name first."""
    if sys.stdout.isatty():
        fail("a backup on a terminal helps nobody; add: > FILE, or | ssh HOST 'cat > FILE'", WRONG_USE)
    config = desk.config
    with tempfile.TemporaryDirectory(prefix="hantu-backup-") as folder:
        made = back_up(
            config.database,
            config.artifact_folder,
            Path(folder) / next_name(time.time()),
            progress=Telling("copying the database"),
        )
        with made.path.open("rb") as file:
            made.path.unlink()
            try:
                shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)
                sys.stdout.buffer.flush()
            except BrokenPipeError:
                fail("who reads the backup went away before its end")
    note_backup(desk, "stdout", made.manifest.facts.entries)
    click.echo(f"{human_bytes(made.size_bytes)} in {made.took_s:.1f} s", err=True)


def _tell(made: Backup, gone: int, *, as_json: bool) -> None:
    manifest = made.manifest
    facts = manifest.facts
    if as_json:
        print_json(
            {
                "file": str(made.path),
                "bytes": made.size_bytes,
                "seconds": round(made.took_s, 3),
                "entries": facts.entries,
                "errors": facts.errors,
                "executions": facts.executions,
                "artifacts": manifest.artifact_files,
                "removed": gone,
            }
        )
        return
    click.echo(
        f"{made.path}: {facts.entries:,} entries, {facts.errors:,} errors, "
        f"{facts.executions:,} executions, {manifest.artifact_files:,} artifacts "
        f"in {human_bytes(made.size_bytes)}, {made.took_s:.1f} s"
    )
    if gone:
        click.echo(f"removed {gone} older {'backup' if gone == 1 else 'backups'}")


def _check(file: str | None, *, as_json: bool) -> None:
    if file is None:
        fail("name the FILE to look at", WRONG_USE)
    manifest = check(Path(file), progress=Telling("reading"))
    if as_json:
        print_json({"file": file, "whole": True, "entries": manifest.facts.entries})
        return
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(manifest.made_ns / 10**9))
    click.echo(
        f"{file} is whole: made {made} by hantu {manifest.version}, {manifest.facts.entries:,} entries, "
        f"{manifest.artifact_files:,} artifacts"
    )


class Telling:
    """Says on stderr how far it got, once a second."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next_s = time.monotonic() + SAY_S

    def __call__(self, done: int, total: int) -> None:
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + SAY_S
        share = 100 * done // total if total else 100
        click.echo(f"{self._what}: {share} % of {human_bytes(total)}", err=True)
