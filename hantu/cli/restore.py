"""hantu restore."""

from __future__ import annotations

from pathlib import Path

import click

from hantu.backup import BackupError, restore
from hantu.cli.backup import Telling
from hantu.cli.context import Desk, fail, print_json


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Data folder (setting data_dir).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def restore_command(desk: Desk, file: Path, folder: Path | None, as_json: bool) -> None:
    """Bring back what FILE holds, a backup, with the service stopped.

    FILE may be a folder of --incremental, for its newest, or one of those in it. It is checked first.
    What is in the data folder now is moved aside, never written over."""
    try:
        done = restore(file, folder or desk.config.data_dir, progress=Telling("reading the backup"))
    except BackupError as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("broken off; it can be run again")
    facts = done.manifest.facts
    if desk.with_json(as_json).as_json:
        print_json(
            {
                "folder": str(done.folder),
                "entries": facts.entries,
                "errors": facts.errors,
                "executions": facts.executions,
                "artifacts": done.manifest.artifact_files,
                "aside": None if done.aside is None else str(done.aside),
                "wayBack": list(done.way_back),
            }
        )
        return
    click.echo(
        f"{done.folder}: {facts.entries:,} entries, {facts.errors:,} errors, "
        f"{facts.executions:,} executions, {done.manifest.artifact_files:,} artifacts are back"
    )
    if done.manifest.artifacts_gone:
        click.echo(
            f"{len(done.manifest.artifacts_gone):,} artifacts were removed while the backup was made"
        )
    if done.aside is not None:
        click.echo(f"what was there lies in {done.aside}; to go back:")
        for command in done.way_back:
            click.echo(f"  {command}")
    click.echo("start the service: systemctl start hantu")
