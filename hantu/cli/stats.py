"""hantu stats."""

from __future__ import annotations

import click

from hantu.cli.context import Desk, fail, human_bytes, print_json
from hantu.output import optional_iso
from hantu.store.base import StoreError


@click.command("stats")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def stats_command(desk: Desk, as_json: bool) -> None:
    """Counts per source and level, file size, oldest and newest entry."""
    store = desk.read_store()
    try:
        stats = store.stats()
    except StoreError as error:
        fail(str(error))
    finally:
        store.close()
    if desk.with_json(as_json).as_json:
        print_json(
            {
                "entries": stats.entries,
                "bySource": dict(stats.by_source),
                "byLevel": {level.label: count for level, count in stats.by_level.items()},
                "sizeBytes": stats.size_bytes,
                "walBytes": stats.wal_bytes,
                "oldest": optional_iso(stats.oldest_ns),
                "newest": optional_iso(stats.newest_ns),
                "cursor": stats.cursor,
                "schemaVersion": stats.schema_version,
            }
        )
        return
    each = f", {stats.size_bytes / stats.entries:.0f} B each" if stats.entries else ""
    log = f" and {human_bytes(stats.wal_bytes)} of write-ahead log" if stats.wal_bytes else ""
    size = human_bytes(stats.size_bytes)
    click.echo(f"{stats.entries:,} entries in {size}{each}{log}  ({desk.config.database})")
    if stats.entries:
        click.echo(f"from {optional_iso(stats.oldest_ns)} to {optional_iso(stats.newest_ns)}")
    for title, counts in (
        ("source", stats.by_source),
        ("level", {level.label: count for level, count in sorted(stats.by_level.items())}),
    ):
        for name, count in counts.items():
            click.echo(f"  {title:<8}{name:<16}{count:>14,}")
