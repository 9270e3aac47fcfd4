"""hantu collectors."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

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
    for found in answer["collectors"]:
        _print(found)
    for found in answer["found"]:
        click.echo(f"{'found':<13}{visible(found['name'])}  {visible(found['key'])}")


def _print(found: dict[str, Any]) -> None:
    lag = "" if found["lagS"] is None else f", {found['lagS']:.1f} s behind"
    gaps = f", {found['gaps']} gaps" if found["gaps"] else ""
    key = found["key"] if found["name"] not in found["key"] else ""
    click.echo(f"{found['state']:<13}{visible(found['name'])}  {visible(key)}".rstrip())
    detail = f"; {visible(found['detail'])}" if found["detail"] else ""
    click.echo(f"{'':<13}{found['lines']:,} lines, {found['perMinute']:.0f} a minute{lag}{gaps}{detail}")
    if found["error"]:
        click.echo(click.style(f"{'':<13}{visible(found['error'])}", fg="yellow"))
    if found["fix"]:
        click.echo(f"{'':<13}→ {visible(found['fix'])}")


@collectors_group.command("start")
@click.argument("key")
@click.pass_obj
def start_command(desk: Desk, key: str) -> None:
    """Start the collector KEY: its key or its name, such as api, docker:0123456789ab or journal."""
    _act(desk, key, "start")


@collectors_group.command("stop")
@click.argument("key")
@click.pass_obj
def stop_command(desk: Desk, key: str) -> None:
    """Stop the collector KEY (or name); it stays stopped until it is started again."""
    _act(desk, key, "stop")


def _act(desk: Desk, wanted: str, act: str) -> None:
    key = _key_of(desk, wanted)
    _call(desk, "POST", f"/api/collectors/{quote(key, safe=':/*')}/{act}")
    click.echo(f"{wanted} {'started' if act == 'start' else 'stopped'}")


def _key_of(desk: Desk, wanted: str) -> str:
    """The key of the one collector with this name, else `wanted` itself."""
    answer = _call(desk, "GET", "/api/collectors")
    known = [*answer["collectors"], *answer["found"]]
    if any(found["key"] == wanted for found in known):
        return wanted
    named = [str(found["key"]) for found in known if found["name"] == wanted]
    if len(named) > 1:
        fail(f"{wanted!r} is the name of {len(named)} collectors; use a key: {', '.join(named)}")
    return named[0] if named else wanted


def _call(desk: Desk, method: str, path: str) -> Any:
    try:
        return desk.need_control().call(method, path, b"" if method == "POST" else None)
    except ServiceError as error:
        fail(str(error))
