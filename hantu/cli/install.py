"""hantu install, hantu uninstall."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

import click

from hantu import __version__
from hantu.cli.context import fail
from hantu.install import (
    InstallError,
    Outcome,
    System,
    carry_out,
    install_plan,
    link,
    running_release,
    uninstall_plan,
)

_SHOWN: Final = {
    Outcome.DONE: click.style("done ", fg="green"),
    Outcome.THERE: click.style("there", dim=True),
    Outcome.PLANNED: click.style("would", fg="cyan"),
    Outcome.UNDONE: click.style("back ", fg="yellow"),
    Outcome.STUCK: click.style("STUCK", fg="red", bold=True),
}
_ROOT: Final = click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True)
_DRY_RUN: Final = click.option("--dry-run", is_flag=True, help="Show each step, change nothing.")


def _tell(outcome: Outcome, sentence: str) -> None:
    click.echo(f"{_SHOWN[outcome]} {sentence}")


def _check(system: System, words: str, *, dry_run: bool) -> None:
    """Only root may, and only where systemd runs; showing is free."""
    if dry_run:
        return
    if os.geteuid() != 0:
        fail(f"only root may; type: sudo hantu {words}, or add --dry-run to see what would be done")
    if system.root == Path("/") and not system.live:
        fail("systemd is not the first process here; start hantu by hand: hantu serve")


@click.command("install")
@_DRY_RUN
@click.option("--no-start", is_flag=True, help="Put everything in place, start nothing.")
@click.option("--root", type=_ROOT, default=Path("/"), help="Folder of an image to install to.")
def install_command(dry_run: bool, no_start: bool, root: Path) -> None:
    """Make this hantu the service of this machine, or bring the installed one up to it.

    May be called again: it does what is missing. When the new version does not start, the old one runs
    again, with its database as it was."""
    system = System(root)
    _check(system, "install", dry_run=dry_run)
    # Folders between are for everybody, however private root's own files are.
    os.umask(0o022)
    try:
        steps = install_plan(system, running_release(), start=not no_start)
        carry_out(steps, _tell, dry_run=dry_run)
    except InstallError as error:
        fail(f"{error}\nwhat was changed is as it was before; mend the cause and type the same again")
    if dry_run or no_start or not system.live:
        return
    try:
        url, setup = link(system)
    except InstallError as error:
        fail(str(error))
    click.echo(f"\nhantu {__version__} answers at {url}/")
    if setup:
        click.echo(f"First set-up, this link works once: {setup}")
    port = url.rpartition(":")[2]
    click.echo(f"From another machine: ssh -L {port}:127.0.0.1:{port} {socket.gethostname()}")
    click.echo("Settings: /etc/hantu/hantu.toml    Its own lines: journalctl -u hantu")


@click.command("uninstall")
@_DRY_RUN
@click.option("--purge", is_flag=True, help="Remove the data, the settings and the user, too.")
@click.option("--yes", is_flag=True, help="Do not ask before data is removed.")
@click.option("--root", type=_ROOT, default=Path("/"), help="Folder of an image to take it from.")
def uninstall_command(dry_run: bool, purge: bool, yes: bool, root: Path) -> None:
    """Take the service away; its data and settings stay unless --purge."""
    system = System(root)
    _check(system, "uninstall", dry_run=dry_run)
    if purge and not yes and not dry_run:
        click.confirm("Remove all stored lines, errors and runs, the settings and the user?", abort=True)
    try:
        carry_out(uninstall_plan(system, purge=purge), _tell, dry_run=dry_run)
    except InstallError as error:
        fail(str(error))
    if not purge and not dry_run:
        click.echo("\nThe data and the settings are still there; remove them with: --purge")
