"""hantu cleanup."""

from __future__ import annotations

import time

import click

from hantu.cli.context import Desk, ServiceError, fail, print_json
from hantu.output import iso
from hantu.query.logquery import LogQuery
from hantu.store.base import LogStorage, StoreError

DAY_NS = 86_400 * 10**9


@click.command("cleanup")
@click.option(
    "--days",
    type=click.FloatRange(min=0, min_open=True),
    help="Keep this many days (setting retention_days).",
)
@click.option("--dry-run", is_flag=True, help="Only tell how many entries would go.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def cleanup_command(desk: Desk, days: float | None, dry_run: bool, as_json: bool) -> None:
    """Delete entries older than --days and shrink the file."""
    keep = desk.config.retention_days if days is None else days
    try:
        removed = _count(desk, keep) if dry_run else _delete(desk, keep)
    except (StoreError, ServiceError) as error:
        fail(str(error))
    if desk.with_json(as_json).as_json:
        print_json({"wouldDelete" if dry_run else "deleted": removed, "days": keep})
    else:
        click.echo(
            f"{removed:,} entries older than {keep:g} days {'would be' if dry_run else 'were'} deleted"
        )


def _count(desk: Desk, days: float) -> int:
    store: LogStorage = desk.read_store()
    try:
        end_ns = time.time_ns() - int(days * DAY_NS)
        total = store.count(LogQuery(end_ns=end_ns), cap=2**62, time_limit_ms=600_000)
        if not total.exact:
            raise StoreError(f"there are too many to count: at least {total.count} before {iso(end_ns)}")
        return total.count
    finally:
        store.close()


def _delete(desk: Desk, days: float) -> int:
    control = desk.control()
    if control is not None:
        answer = control.call("POST", "/api/cleanup", f'{{"retentionDays": {days}}}'.encode())
        return int(answer["deleted"])
    store = desk.write_store()
    try:
        return store.cleanup(days, reason="by hand")
    finally:
        store.close()
