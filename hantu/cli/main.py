"""The group of all commands and its common options."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Final

import click

from hantu import __version__
from hantu.cli.context import WRONG_USE, Desk, fail
from hantu.config import ConfigError, load
from hantu.paths import CHECKOUT_DATA

# Each command is imported when it is called: `hantu logs` does not wait for the web server's modules.
COMMANDS: Final = {
    "serve": ("hantu.cli.serving", "serve_command"),
    "logs": ("hantu.cli.logs", "logs_command"),
    "errors": ("hantu.cli.errors", "errors_group"),
    "executions": ("hantu.cli.executions", "executions_group"),
    "patterns": ("hantu.cli.patterns", "patterns_command"),
    "import": ("hantu.cli.importing", "import_command"),
    "export": ("hantu.cli.export", "export_command"),
    "sql": ("hantu.cli.sql", "sql_command"),
    "stats": ("hantu.cli.stats", "stats_command"),
    "cleanup": ("hantu.cli.cleanup", "cleanup_command"),
    "backup": ("hantu.cli.backup", "backup_command"),
    "restore": ("hantu.cli.restore", "restore_command"),
    "gaps": ("hantu.cli.gaps", "gaps_command"),
    "collectors": ("hantu.cli.collectors", "collectors_group"),
    "token": ("hantu.cli.token", "token_group"),
    "passwd": ("hantu.cli.accounts", "passwd_command"),
    "account": ("hantu.cli.accounts", "account_group"),
    "audit": ("hantu.cli.accounts", "audit_group"),
    "run": ("hantu.cli.run", "run_command"),
    "notify": ("hantu.cli.notify", "notify_group"),
    "drill": ("hantu.cli.drill", "drill_command"),
    "doctor": ("hantu.cli.doctor", "doctor_command"),
    "install": ("hantu.cli.install", "install_command"),
    "uninstall": ("hantu.cli.install", "uninstall_command"),
    "migrate": ("hantu.cli.migrate", "migrate_command"),
}


class Commands(click.Group):
    """The group that finds its commands in COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), name)
        return command if isinstance(command, click.Command) else None


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hantu")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    envvar="HANTU_CONFIG",
    help="Settings file.",
)
@click.option("--data-dir", type=str, help="Folder of hantu.db (setting data_dir).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def cli(context: click.Context, config_file: Path | None, data_dir: str | None, as_json: bool) -> None:
    """The log desk of one small server.

    Exit codes: 0 done, 1 failed, 2 wrong use."""
    try:
        loaded = load(config_file, overrides={"data_dir": data_dir})
        if loaded.origins["data_dir"] == "default" and (CHECKOUT_DATA / "hantu.db").is_file():
            # `make run` in a checkout keeps its data there; so do the commands of that checkout.
            loaded = load(config_file, overrides={"data_dir": str(CHECKOUT_DATA)})
    except ConfigError as error:
        fail(str(error), WRONG_USE)
    context.obj = Desk(loaded, as_json)


def main() -> None:
    """Run the command line."""
    cli.main(prog_name="hantu")
