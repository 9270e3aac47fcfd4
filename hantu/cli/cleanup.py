"""hantu cleanup."""

from __future__ import annotations

import json
import time
from typing import Final

import click

from hantu.cli.context import Desk, ServiceError, fail, print_json
from hantu.cli.noting import note
from hantu.store.base import StoreError
from hantu.store.keeping import KeepRule, Removable, rules_of

_HOUR_DAYS: Final = 1 / 24


@click.command("cleanup")
@click.option(
    "--days",
    type=click.FloatRange(min=0, min_open=True),
    help="Keep this many days of what no rule speaks of (setting retention_days).",
)
@click.option("--everything", is_flag=True, help="Also what a rule of the setting retention keeps longer.")
@click.option("--dry-run", is_flag=True, help="Only tell how many entries would go, and by which rule.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def cleanup_command(desk: Desk, days: float | None, everything: bool, dry_run: bool, as_json: bool) -> None:
    """Delete entries that the settings no longer keep, or those older than --days, and shrink the file.

    What a rule of the setting retention speaks of stays as long as that says, unless --everything."""
    json_wanted = desk.with_json(as_json).as_json
    keep = desk.config.retention_days if days is None else days
    rules = () if everything else rules_of(desk.config.retention)
    try:
        if dry_run:
            _tell_removable(_removable(desk, keep, rules), keep, as_json=json_wanted)
            return
        removed = _delete(desk, keep, rules)
    except (StoreError, ServiceError) as error:
        fail(str(error))
    if json_wanted:
        print_json({"deleted": removed, "days": keep})
    elif rules:
        click.echo(f"{removed:,} entries that rules or {keep:g} days no longer keep were deleted")
    else:
        click.echo(f"{removed:,} entries older than {keep:g} days were deleted")


def _removable(desk: Desk, keep: float, rules: tuple[KeepRule, ...]) -> tuple[Removable, ...]:
    return desk.ask(lambda store: store.removable(keep, now_ns=time.time_ns(), rules=rules))


def _tell_removable(found: tuple[Removable, ...], keep: float, *, as_json: bool) -> None:
    total = sum(each.entries for each in found)
    if as_json:
        rules = [
            {"rule": each.scope, "days": each.keep_days, "wouldDelete": each.entries} for each in found
        ]
        print_json({"wouldDelete": total, "days": keep, "rules": rules})
        return
    if len(found) == 1:
        click.echo(f"{total:,} entries older than {keep:g} days would be deleted")
        return
    for each in found:
        click.echo(f"{each.entries:>12,}  {each.scope or 'all others'}, older than {_span(each.keep_days)}")
    click.echo(f"{total:>12,}  entries would be deleted")


def _span(days: float) -> str:
    if days < 1:
        return f"{days / _HOUR_DAYS:.3g} hours"
    return "1 day" if days == 1 else f"{days:g} days"


def _delete(desk: Desk, keep: float, rules: tuple[KeepRule, ...]) -> int:
    control = desk.control()
    if control is not None:
        asked = {"retentionDays": keep, "rules": bool(rules)}
        answer = control.call("POST", "/api/cleanup", json.dumps(asked).encode())
        return int(answer["deleted"])
    store = desk.write_store()
    try:
        removed = store.cleanup(keep, reason="by hand", rules=rules)
        note(store, "clean-up", days=keep, removed=removed)
        return removed
    finally:
        store.close()
