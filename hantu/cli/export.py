"""hantu export."""

from __future__ import annotations

import csv
import datetime
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import IO

import click
import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from hantu.cli.context import Desk, fail, iso, local_zone
from hantu.cli.lines import line
from hantu.cli.logs import query_options, read_query, wire
from hantu.model import LogEntry
from hantu.query.logquery import Order
from hantu.store.base import StoreError

PROGRESS_EVERY = 10_000
# A cell that begins so is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_cell(text: str) -> str:
    """`text` as a cell that a spreadsheet reads as text, not as a formula."""
    return "'" + text if text.startswith(_FORMULA) else text


def _writer(form: str, out: IO[str]) -> Callable[[LogEntry], object]:
    if form == "jsonl":
        return lambda entry: out.write(msgspec.json.encode(wire(entry)).decode() + "\n")
    if form == "text":
        zone: datetime.tzinfo = local_zone()
        return lambda entry: out.write(line(entry, zone=zone, colour=False) + "\n")
    rows = csv.writer(out)
    rows.writerow(["timestamp", "source", "sourceId", "level", "message", "metadata", "id"])
    return lambda entry: rows.writerow(
        [
            iso(entry.time_ns),
            csv_cell(entry.source),
            csv_cell(entry.source_id),
            entry.level.label,
            csv_cell(entry.message),
            msgspec.json.encode(entry.metadata).decode() if entry.metadata else "",
            entry.id,
        ]
    )


@click.command("export")
@query_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv", "text"]),
    default="jsonl",
    show_default=True,
    help="Form.",
)
@click.option(
    "-o",
    "--output",
    type=click.File("w", encoding="utf-8", lazy=False),
    default="-",
    help="File; - is stdout.",
)
@click.pass_obj
def export_command(
    desk: Desk,
    words: tuple[str, ...],
    since: str | None,
    until: str | None,
    level: str | None,
    source: tuple[str, ...],
    trace_id: str | None,
    form: str,
    output: IO[str],
) -> None:
    """Write every entry that matches, oldest first."""
    query = read_query(
        " ".join(words), since=since, until=until, level=level, source=source, trace_id=trace_id
    )
    store = desk.read_store()
    write = _writer(form, output)
    quiet = output is sys.stdout and not sys.stderr.isatty()
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} entries"),
        console=Console(stderr=True),
        disable=quiet,
    )
    count = 0
    try:
        with progress:
            task = progress.add_task("export")
            for count, entry in enumerate(store.export(replace(query, order=Order.OLDEST)), 1):
                write(entry)
                if count % PROGRESS_EVERY == 0:
                    progress.update(task, completed=count)
            progress.update(task, completed=count)
        output.flush()
    except StoreError as error:
        fail(f"{error}; {count} entries were written")
    except BrokenPipeError:
        sys.stderr.close()
    finally:
        store.close()
