"""hantu collectors."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click
from rich.console import Console
from rich.table import Table

from hantu.cli.context import Desk, ServiceError, fail, print_json
from hantu.text import visible


@click.group("collectors", invoke_without_command=True)
@click.pass_context
def collectors_group(context: click.Context) -> None:
    """See, start and stop what collects."""
    if context.invoked_subcommand is None:
        context.invoke(list_command)


@collectors_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_command(desk: Desk, as_json: bool = False) -> None:
    """Every collector: state, rate, lag, last error."""
    answer = _call(desk, "GET", "/api/collectors")
    if desk.with_json(as_json).as_json:
        print_json(answer)
        return
    table = Table("Key", "Name", "State", "Lines/min", "Lag s", "Gaps", "Error")
    for found in answer["collectors"]:
        lag = found.get("lagS")
        table.add_row(
            visible(found["key"]),
            visible(found["name"]),
            found["state"],
            f"{found['perMinute']:.0f}",
            "" if lag is None else f"{lag:.1f}",
            str(found["gaps"]),
            visible(" ".join(part for part in (found["error"], found["fix"]) if part)),
        )
    Console().print(table, markup=False)


@collectors_group.command("start")
@click.argument("key")
@click.pass_obj
def start_command(desk: Desk, key: str) -> None:
    """Start the collector KEY, such as docker:0123456789ab or journal."""
    _call(desk, "POST", f"/api/collectors/{quote(key, safe=':/*')}/start")
    click.echo(f"{key} started")


@collectors_group.command("stop")
@click.argument("key")
@click.pass_obj
def stop_command(desk: Desk, key: str) -> None:
    """Stop the collector KEY; it stays stopped until it is started again."""
    _call(desk, "POST", f"/api/collectors/{quote(key, safe=':/*')}/stop")
    click.echo(f"{key} stopped")


def _call(desk: Desk, method: str, path: str) -> Any:
    try:
        return desk.need_control().call(method, path, b"" if method == "POST" else None)
    except ServiceError as error:
        fail(str(error))
