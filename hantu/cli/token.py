"""hantu token."""

from __future__ import annotations

import json
from urllib.parse import quote

import click
from rich.console import Console
from rich.table import Table

from hantu.cli.context import Desk, ServiceError, fail, print_json
from hantu.cli.noting import note
from hantu.output import optional_iso
from hantu.service import SCOPES, new_token
from hantu.store.base import StoreError
from hantu.text import visible


@click.group("token")
def token_group() -> None:
    """API tokens for programs."""


@token_group.command("create")
@click.argument("name")
@click.option(
    "--scope", type=click.Choice(SCOPES), default="ingest", show_default=True, help="What it may do."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def create_command(desk: Desk, name: str, scope: str, as_json: bool) -> None:
    """Make a token; it is shown this once."""
    try:
        secret = _create(desk, name, scope)
    except (ServiceError, StoreError, ValueError) as error:
        fail(str(error))
    if desk.with_json(as_json).as_json:
        print_json({"name": name, "scope": scope, "token": secret})
    else:
        click.echo(secret)


def _create(desk: Desk, name: str, scope: str) -> str:
    control = desk.control()
    if control is not None:
        answer = control.call("POST", "/api/tokens", json.dumps({"name": name, "scope": scope}).encode())
        return str(answer["token"])
    store = desk.write_store()
    try:
        secret = new_token(store, name, scope)
        note(store, "token made", name, scope=scope)
        return secret
    finally:
        store.close()


@token_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_command(desk: Desk, as_json: bool) -> None:
    """All tokens, without their secrets."""
    tokens = desk.ask(lambda store: store.tokens())
    if desk.with_json(as_json).as_json:
        print_json(
            [
                {
                    "name": token.name,
                    "scope": token.scope,
                    "createdAt": optional_iso(token.created_ns),
                    "lastUsedAt": optional_iso(token.last_used_ns),
                }
                for token in tokens
            ]
        )
        return
    table = Table("Name", "Scope", "Created", "Last used")
    for token in tokens:
        table.add_row(
            visible(token.name),
            token.scope,
            optional_iso(token.created_ns),
            optional_iso(token.last_used_ns) or "never",
        )
    Console().print(table, markup=False)


@token_group.command("revoke")
@click.argument("name")
@click.pass_obj
def revoke_command(desk: Desk, name: str) -> None:
    """Remove a token; whoever uses it is refused from then on."""
    try:
        removed = _revoke(desk, name)
    except (ServiceError, StoreError) as error:
        fail(str(error))
    if not removed:
        fail(f"there is no token named {name!r}; see: hantu token list")
    click.echo(f"{name} revoked")


def _revoke(desk: Desk, name: str) -> bool:
    control = desk.control()
    if control is not None:
        return bool(control.call("DELETE", f"/api/tokens/{quote(name, safe='')}")["removed"])
    store = desk.write_store()
    try:
        removed = store.remove_token(name)
        if removed:
            note(store, "token revoked", name)
        return removed
    finally:
        store.close()
