"""hantu sql."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.table import Table

from hantu.cli.context import Desk, fail, print_json
from hantu.store import open_sql
from hantu.store.base import StoreError
from hantu.text import visible


@click.command("sql")
@click.argument("text", required=False)
@click.option(
    "--limit", type=click.IntRange(1), default=1000, show_default=True, help="Rows to show at most."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array, an object for each row.")
@click.pass_obj
def sql_command(desk: Desk, text: str | None, limit: int, as_json: bool) -> None:
    """Read-only SQL: hantu sql "SELECT level, count(*) FROM log_entry GROUP BY level"

    log_entry has id, key, source, source_id, level, message, timestamp, time_ns, metadata, trace_id
    and created_at. Without TEXT it is read from stdin."""
    desk.read_store().close()
    statement = text if text is not None else sys.stdin.read()
    try:
        with open_sql(desk.config.database) as run:
            columns, rows = run(statement, most=limit)
            _show(columns, rows, as_json=desk.with_json(as_json).as_json)
    except StoreError as error:
        fail(str(error))


def _show(columns: tuple[str, ...], rows: list[tuple[object, ...]], *, as_json: bool) -> None:
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*("NULL" if value is None else visible(str(value)) for value in row))
    Console().print(table, markup=False)
    click.echo(f"{len(rows):,} rows", err=True)
