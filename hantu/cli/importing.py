"""hantu import."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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

BATCH_ENTRIES: Final = 5_000
DAY_NS: Final = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of some entries."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    old: int = 0
    """Older than the retention keeps."""

    def __add__(self, other: Stored) -> Stored:
        return Stored(
            self.accepted + other.accepted,
            self.duplicates + other.duplicates,
            self.rejected + other.rejected,
            self.old + other.old,
        )


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
    total = Stored()
    unread: list[str] = []
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    oldest_kept_ns = time.time_ns() - int(desk.config.retention_days * DAY_NS)
    try:
        with _sink(desk) as sink, progress:
            for path in files:
                try:
                    for stored in _import_one(path, sink, progress, oldest_kept_ns):
                        total += stored
                except (OSError, EOFError) as error:
                    unread.append(str(error) if str(path) in str(error) else f"{path}: {error}")
    except (ServiceError, StoreError) as error:
        fail(f"{error}; {total.accepted} entries are stored; run the same command again to go on")
    if desk.with_json(as_json).as_json:
        print_json({"accepted": total.accepted, "duplicates": total.duplicates, "rejected": total.rejected})
    else:
        click.echo(
            f"{total.accepted:,} entries stored, {total.duplicates:,} were there already, "
            f"{total.rejected:,} refused"
        )
    if total.old:
        click.echo(
            f"hantu: {total.old:,} of them are older than the {desk.config.retention_days:g} days kept; "
            f"they go at {desk.config.maintenance_at}, unless retention_days is raised",
            err=True,
        )
    if unread:
        fail("could not be read to the end: " + "; ".join(unread))


def _import_one(path: Path, sink: Sink, progress: Progress, oldest_kept_ns: int) -> Iterator[Stored]:
    """What became of each batch of a file."""
    task = progress.add_task(path.name, total=path.stat().st_size)
    waiting: list[LogEntry] = []

    def hand_over(entries: list[LogEntry]) -> Stored:
        return sink(entries) + Stored(old=sum(entry.time_ns < oldest_kept_ns for entry in entries))

    try:
        for entries in read_entries(
            path.absolute(),
            tz=local_zone(),
            on_progress=lambda done, size: progress.update(task, completed=done, total=size),
        ):
            waiting.extend(entries)
            while len(waiting) >= BATCH_ENTRIES:
                yield hand_over(waiting[:BATCH_ENTRIES])
                del waiting[:BATCH_ENTRIES]
    except (OSError, EOFError):
        if waiting:
            yield hand_over(waiting)
        raise
    if waiting:
        yield hand_over(waiting)
