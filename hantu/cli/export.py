"""hantu export."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import islice
from typing import IO, Final

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from hantu.cli.context import Desk, fail
from hantu.cli.logs import Asked, query_options
from hantu.output import CSV_HEAD, csv_rows, json_lines, text_lines
from hantu.query.logquery import Order
from hantu.store.base import StoreError

CHUNK_ENTRIES: Final = 1_000
_FORMATS: Final = {
    "jsonl": ("", json_lines),
    "csv": (CSV_HEAD, csv_rows),
    "text": ("", text_lines),
}


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
    asked: Asked,
    form: str,
    output: IO[str],
) -> None:
    """Write every entry that matches, oldest first."""
    query = asked.query()
    store = desk.read_store()
    head, render = _FORMATS[form]
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
            output.write(head)
            entries = store.export(replace(query, order=Order.OLDEST))
            while chunk := list(islice(entries, CHUNK_ENTRIES)):
                output.write(render(chunk).decode())
                count += len(chunk)
                progress.update(task, completed=count)
        output.flush()
    except StoreError as error:
        fail(f"{error}; {count} entries were written")
    except BrokenPipeError:
        sys.stderr.close()
    finally:
        store.close()
