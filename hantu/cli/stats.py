"""hantu stats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from hantu.cli.context import Desk, fail, human_bytes, print_json
from hantu.output import optional_iso
from hantu.store import measure_storage
from hantu.store.base import StoreError

_TIERS: Final = {
    "hot": "accepted lately, not yet in a segment",
    "segments": "entries as columns",
    "filters": "which values a segment may hold",
    "shapes": "what lines have in common, and its index of words",
    "events": "the senders' own ids of entries",
    "errors": "occurrences, groups and what finds them",
    "executions": "runs of jobs, their steps, artifacts and what finds them",
    "other": "small tables, SQLite's own pages",
    "free": "pages without content",
}


@click.command("stats")
@click.option("--storage", is_flag=True, help="Where the bytes are instead; reads all of the file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def stats_command(desk: Desk, storage: bool, as_json: bool) -> None:
    """Counts per source and level, file size, oldest and newest entry."""
    if storage:
        desk.read_store().close()
        _show_storage(desk.with_json(as_json))
        return
    stats = desk.ask(lambda store: store.stats())
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


def _show_storage(desk: Desk) -> None:
    """Where the bytes are."""
    try:
        found = measure_storage(desk.config.database)
    except StoreError as error:
        fail(str(error))
    if desk.as_json:
        print_json(
            {
                "entries": found.entries,
                "hotEntries": found.hot_entries,
                "segments": found.segments,
                "shapes": found.shapes,
                "shapeBytes": found.shape_bytes,
                "fileBytes": found.file_bytes,
                "walBytes": found.wal_bytes,
                "tiers": dict(found.tiers),
                "columns": dict(found.columns),
                "sourcesEstimated": dict(found.sources),
            }
        )
        return
    entries = max(1, found.entries)
    size = f"{human_bytes(found.file_bytes)}, {found.file_bytes / entries:.1f} B each"
    click.echo(f"{found.entries:,} entries in {size}  ({desk.config.database})")
    click.echo(f"{found.segments:,} segments, {found.hot_entries:,} entries hot, {found.shapes:,} shapes")
    click.echo(f"{human_bytes(found.wal_bytes)} of write-ahead log beside it")
    _table("The file, by whole pages", found.tiers, entries, _TIERS)
    _table("Columns of segments, without the ends of pages", found.columns, entries, {})
    title = "By source, estimated: each segment's columns shared out by its entries"
    _table(title, found.sources, entries, {})


def _table(title: str, sizes: Mapping[str, int], entries: int, means: Mapping[str, str]) -> None:
    click.echo(f"\n{title}")
    for name, size in sizes.items():
        row = f"  {name:<16}{human_bytes(size):>10}{size / entries:>9.2f} B an entry  {means.get(name, '')}"
        click.echo(row.rstrip())
