"""The group of all commands and its common options."""

from __future__ import annotations

from pathlib import Path

import click

from hantu import __version__
from hantu.cli import (
    cleanup,
    collectors,
    doctor,
    export,
    importing,
    logs,
    serving,
    sql,
    stats,
    token,
)
from hantu.cli.context import WRONG_USE, Desk, fail
from hantu.config import ConfigError, load


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hantu")
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), envvar="HANTU_CONFIG", help="Settings file."
)
@click.option("--data-dir", type=str, help="Folder of hantu.db (setting data_dir).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def cli(context: click.Context, config_file: Path | None, data_dir: str | None, as_json: bool) -> None:
    """The log desk of one small server.

    Exit codes: 0 done, 1 failed, 2 wrong use."""
    try:
        loaded = load(config_file, overrides={"data_dir": data_dir})
    except ConfigError as error:
        fail(str(error), WRONG_USE)
    context.obj = Desk(loaded, as_json)


for command in (
    serving.serve_command,
    logs.logs_command,
    importing.import_command,
    export.export_command,
    sql.sql_command,
    stats.stats_command,
    cleanup.cleanup_command,
    collectors.collectors_group,
    token.token_group,
    doctor.doctor_command,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line."""
    cli.main(prog_name="hantu")
