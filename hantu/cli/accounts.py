"""hantu passwd, hantu account, hantu audit."""

from __future__ import annotations

import getpass
import json
import sys
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import click
from rich.console import Console
from rich.table import Table

from hantu.accounts import acts
from hantu.accounts.password import Busy, check_password, hash_password
from hantu.cli.context import WRONG_USE, Control, Desk, ServiceError, fail, local_zone, print_json
from hantu.cli.noting import note
from hantu.output import iso, optional_iso
from hantu.query.error import QueryError
from hantu.query.times import end_of, start_of
from hantu.roles import Role
from hantu.store.account_base import AUDIT_LIMIT_MOST, AuditQuery, UnknownAccount
from hantu.store.base import LogStorage, StoreError
from hantu.text import visible

FIRST_NAME: Final = "admin"
ROLES: Final = click.Choice([role.value for role in Role])


@click.command("passwd")
@click.argument("name", required=False)
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from stdin, one line.")
@click.pass_obj
def passwd_command(desk: Desk, name: str | None, from_stdin: bool) -> None:
    """Set a password: of the only account, of NAME, or of a new first account, an admin."""
    names = _names(desk)
    if name is None:
        if len(names) > 1:
            fail(f"name one of the accounts: {', '.join(names)}", WRONG_USE)
        name = names[0] if names else FIRST_NAME
    is_new = not names
    password = _password(name, from_stdin=from_stdin)
    if is_new:
        _make(desk, name, Role.ADMIN, password)
        click.echo(f"account {name} made, an admin; the pages are for those who sign in from now on")
        return
    _done(
        desk,
        lambda control: control.call(
            "PUT", f"/api/accounts/{quote(name, safe='')}/password", _json({"password": password})
        ),
        lambda store: store.set_password(name, hash_password(password), at_ns=time.time_ns()),
        "password changed",
        name,
    )
    click.echo(f"password of {name} set; its sessions have ended")


@click.group("account")
def account_group() -> None:
    """Who may sign in."""


@account_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_command(desk: Desk, as_json: bool) -> None:
    """All accounts with their role and last sign-in."""
    accounts = desk.ask(lambda store: store.accounts())
    if desk.with_json(as_json).as_json:
        print_json(
            [
                {
                    "name": account.name,
                    "role": account.role.value,
                    "hasPassword": account.password != "",
                    "createdAt": iso(account.created_ns),
                    "lastLoginAt": optional_iso(account.last_login_ns),
                }
                for account in accounts
            ]
        )
        return
    if not accounts:
        click.echo("no account yet: whoever is on this machine sees the pages; make one with: hantu passwd")
        return
    table = Table("Name", "Role", "Password", "Last sign-in")
    for account in accounts:
        table.add_row(
            visible(account.name),
            account.role.value,
            "yes" if account.password else "by proxy only",
            optional_iso(account.last_login_ns) or "never",
        )
    Console().print(table, markup=False)


@account_group.command("add")
@click.argument("name")
@click.option("--role", type=ROLES, default=Role.VIEWER.value, show_default=True, help="What it may do.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from stdin, one line.")
@click.option("--no-password", is_flag=True, help="It signs in at a proxy only.")
@click.pass_obj
def add_command(desk: Desk, name: str, role: str, from_stdin: bool, no_password: bool) -> None:
    """Make an account."""
    password = None if no_password else _password(name, from_stdin=from_stdin)
    _make(desk, name, Role(role), password)
    click.echo(f"account {name} made, role {role}")


@account_group.command("role")
@click.argument("name")
@click.argument("role", type=ROLES)
@click.pass_obj
def role_command(desk: Desk, name: str, role: str) -> None:
    """Give an account another role; its sessions end."""
    _done(
        desk,
        lambda control: control.call(
            "PATCH", f"/api/accounts/{quote(name, safe='')}", _json({"role": role})
        ),
        lambda store: acts.set_role(store, name, Role(role)),
        "role changed",
        name,
        role=role,
    )
    click.echo(f"{name} has the role {role}")


@account_group.command("remove")
@click.argument("name")
@click.pass_obj
def remove_command(desk: Desk, name: str) -> None:
    """Remove an account; its sessions end."""
    _done(
        desk,
        lambda control: control.call("DELETE", f"/api/accounts/{quote(name, safe='')}"),
        lambda store: acts.remove(store, name),
        "account removed",
        name,
    )
    click.echo(f"account {name} removed")


@click.group("audit")
def audit_group() -> None:
    """What people and programs did that changes something."""


@audit_group.command("list")
@click.option("--actor", default="", help="By whom: the name of an account, or `token NAME`.")
@click.option("--act", default="", help="What, such as clean-up.")
@click.option("--since", default="", help="From: 2h, 7d, 2026-11-20, today …")
@click.option("--until", default="", help="Up to, as --since.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(1, AUDIT_LIMIT_MOST),
    default=50,
    show_default=True,
    help="How many, the newest.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def audit_command(
    desk: Desk, actor: str, act: str, since: str, until: str, lines: int, as_json: bool
) -> None:
    """The newest acts, newest last."""
    now_ns, zone = time.time_ns(), local_zone()
    try:
        query = AuditQuery(
            actor=actor,
            act=act,
            since_ns=start_of(since, now_ns=now_ns, tz=zone) if since else None,
            until_ns=end_of(until, now_ns=now_ns, tz=zone) if until else None,
            limit=lines,
        )
    except QueryError as error:
        fail(error.message, WRONG_USE)
    found = desk.ask(lambda store: store.acts(query).acts[::-1])
    as_json = desk.with_json(as_json).as_json
    for each in found:
        if as_json:
            print_json(
                {
                    "at": iso(each.at_ns),
                    "actor": each.actor,
                    "address": each.address,
                    "act": each.act,
                    "object": each.object,
                    "detail": each.detail,
                }
            )
        else:
            parts = [iso(each.at_ns)[:19], each.actor or "-", each.address or "-", each.act, each.object]
            if each.detail:
                parts.append(json.dumps(each.detail, ensure_ascii=False))
            click.echo(visible("  ".join(part for part in parts if part)))


def _names(desk: Desk) -> list[str]:
    """The names of all accounts; none where there is no database yet."""
    if not desk.config.database.is_file():
        return []
    return [account.name for account in desk.ask(lambda store: store.accounts())]


def _password(name: str, *, from_stdin: bool) -> str:
    """The password as it is given; twice at a terminal."""
    if from_stdin or not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass(f"Password for {name}: ")
        if password != getpass.getpass("Once more: "):
            fail("the two passwords are not the same")
    try:
        check_password(password)
    except ValueError as error:
        fail(str(error))
    return password


def _make(desk: Desk, name: str, role: Role, password: str | None) -> None:
    asked: dict[str, Any] = {"name": name, "role": role.value}
    if password is not None:
        asked["password"] = password

    def make(store: LogStorage) -> None:
        acts.add(store, acts.prepare(name, role, password, at_ns=time.time_ns()))

    _done(
        desk,
        lambda control: control.call("POST", "/api/accounts", _json(asked)),
        make,
        "account made",
        name,
        role=role.value,
    )


def _done(
    desk: Desk,
    ask: Callable[[Control], object],
    change: Callable[[LogStorage], object],
    act: str,
    name: str,
    **detail: str,
) -> None:
    """Have the service do it when it runs, else change the file and note the act. Ends at a refusal."""
    try:
        control = desk.control()
        if control is not None:
            ask(control)
            return
        store = desk.write_store()
        try:
            change(store)
            note(store, act, name, **detail)
        finally:
            store.close()
    except UnknownAccount:
        fail(f"there is no account {name}; see: hantu account list")
    except (ServiceError, StoreError, ValueError, Busy) as error:
        fail(str(error))


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()
