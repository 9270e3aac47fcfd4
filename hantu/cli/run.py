"""hantu run, when it comes behind common options; alone it is begun by hantu.cli.entry."""

from __future__ import annotations

import sys

import click

from hantu.cli.context import Desk
from hantu.run.command import run


@click.command(
    "run",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def run_command(desk: Desk, words: tuple[str, ...]) -> None:
    """Run a command and have the desk know of it: its lines, exit code, time, files."""
    sys.exit(run(words, data_dir=str(desk.config.data_dir)))
