"""hantu import."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from hantu.cli.context import Control, Desk, ServiceError, fail, local_zone, print_json
from hantu.collect.oldfiles import read_entries
from hantu.mask import SensitiveDataFilter
from hantu.model import LogEntry
from hantu.pipeline.processors import Mask, bound
from hantu.store.base import LogStorage, StoreError

BATCH_ENTRIES = 5_000


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of some entries."""

    accepted: int
    duplicates: int
    rejected: int = 0


Sink = Callable[[list[LogEntry]], Stored]


def _to_service(control: Control) -> Sink:
    def send(entries: list[LogEntry]) -> Stored:
        body = b"\n".join(msgspec.json.encode(_ingest_line(entry)) for entry in entries)
        answer = control.call("POST", "/api/ingest", body, "application/x-ndjson")
        return Stored(answer["accepted"], answer["duplicates"], len(answer["rejected"]))

    return send


def _ingest_line(entry: LogEntry) -> dict[str, Any]:
    line: dict[str, Any] = {
        "source": entry.source,
        "sourceId": entry.source_id,
        "level": entry.level.label,
        "message": entry.message,
        "timestamp": entry.time_ns,
    }
    if entry.metadata is not None:
        line["metadata"] = entry.metadata
    if entry.event_id is not None:
        line["id"] = str(uuid.UUID(bytes=entry.event_id))
    return line


def _to_store(store: LogStorage, desk: Desk) -> Sink:
    mask = (
        Mask(SensitiveDataFilter(extra_keys=desk.config.mask_keys).mask_batch) if desk.config.mask else None
    )

    def write(entries: list[LogEntry]) -> Stored:
        kept = bound(entries)
        if mask is not None:
            kept = mask(kept)
        result = store.write_batch(kept)
        return Stored(result.accepted, len(result.duplicates))

    return write


@contextmanager
def _sink(desk: Desk) -> Iterator[Sink]:
    """To the running service, which owns the file; to the file itself when no service runs."""
    control = desk.control()
    if control is not None:
        yield _to_service(control)
        return
    store = desk.write_store()
    try:
        yield _to_store(store, desk)
    finally:
        store.close()


@click.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_obj
def import_command(desk: Desk, files: tuple[Path, ...], as_json: bool) -> None:
    """Read old log files (also .gz) into the store. Doing it twice stores nothing twice."""
    total = Stored(0, 0)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    try:
        with _sink(desk) as sink, progress:
            for path in files:
                stored = _import_one(path, sink, progress)
                total = Stored(
                    total.accepted + stored.accepted,
                    total.duplicates + stored.duplicates,
                    total.rejected + stored.rejected,
                )
    except (ServiceError, StoreError, OSError, EOFError) as error:
        fail(f"{error}; {total.accepted} entries are stored; run the same command again to go on")
    if desk.with_json(as_json).as_json:
        print_json({"accepted": total.accepted, "duplicates": total.duplicates, "rejected": total.rejected})
    else:
        click.echo(
            f"{total.accepted:,} entries stored, {total.duplicates:,} were there already, "
            f"{total.rejected:,} refused"
        )


def _import_one(path: Path, sink: Sink, progress: Progress) -> Stored:
    task = progress.add_task(path.name, total=path.stat().st_size)
    accepted = duplicates = rejected = 0

    def hand_over(entries: list[LogEntry]) -> None:
        nonlocal accepted, duplicates, rejected
        stored = sink(entries)
        accepted += stored.accepted
        duplicates += stored.duplicates
        rejected += stored.rejected

    waiting: list[LogEntry] = []
    for entries in read_entries(
        path.absolute(),
        tz=local_zone(),
        on_progress=lambda done, size: progress.update(task, completed=done, total=size),
    ):
        waiting.extend(entries)
        while len(waiting) >= BATCH_ENTRIES:
            hand_over(waiting[:BATCH_ENTRIES])
            del waiting[:BATCH_ENTRIES]
    if waiting:
        hand_over(waiting)
    return Stored(accepted, duplicates, rejected)
