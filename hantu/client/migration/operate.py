"""The last stage, and what `hantu doctor` says of the log library: retention, disk, database, speed."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from hantu.client.config import ClientConfig
from hantu.client.files import SPARED_DAYS
from hantu.client.migration.checklist import Mark, Row, Stage, in_bytes, in_words
from hantu.client.migration.probing import ProbeError, probe_settings, run_probe, scratch_folder

FREE_LEAST_BYTES: Final = 500 * 10**6
INFO_MOST_US: Final = 200.0
ERROR_MOST_US: Final = 2_000.0
"""Above these an application may feel its logging; a machine that is not busy needs some 10 and 100."""
_DATED: Final = re.compile(r"(info|error)_(\d{8})\.(log|json)")


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """The service's file: its bytes, and the time that its entries reach over, 0 when unknown."""

    path: Path
    size_bytes: int
    days: float = 0.0


@dataclass(frozen=True, slots=True)
class DatedLog:
    """A file of the log library."""

    path: Path
    day: date
    size_bytes: int


def operate(config: ClientConfig, database: DatabaseSize | None, *, measure: bool = True) -> Iterator[Row]:
    """The rows of the stage. measure: also how long a call takes, which runs the library for a moment."""
    files = dated_logs(config)
    yield _retention(config, files)
    yield _disk(config, files)
    yield _database(database)
    yield (
        _speed(config)
        if measure
        else _row("speed", "what a call costs", Mark.NOTE, "not measured in a dry run")
    )
    yield _row("guide", "know the three journeys", Mark.NOTE, "docs/journeys.md, docs/journeys.ko.md")


def _row(key: str, what: str, mark: Mark, says: str, fix: str = "") -> Row:
    return Row(Stage.OPERATE, f"operate.{key}", what, mark, says, fix)


def dated_logs(config: ClientConfig) -> list[DatedLog]:
    """The library's files, oldest first."""
    found = []
    for folder in (config.info_dir, config.errors_dir):
        for path in folder.glob("*_*.*"):
            match = _DATED.fullmatch(path.name)
            if match is None:
                continue
            try:
                day = datetime.strptime(match[2], "%Y%m%d").date()  # noqa: DTZ007  a local day
                found.append(DatedLog(path, day, path.stat().st_size))
            except (ValueError, OSError):
                continue
    return sorted(found, key=lambda file: (file.day, file.path.name))


def _retention(config: ClientConfig, files: list[DatedLog]) -> Row:
    what = f"local files go after {config.retention_days} days"
    if not files:
        return _row("retention", what, Mark.NOTE, f"no program has logged to {config.log_dir} yet")
    today = date.today()  # noqa: DTZ011  files are named after local days
    oldest = today - timedelta(days=config.retention_days - 1)
    logged_today = any(file.day >= today for file in files)
    late = [file for file in files if file.day < oldest]
    spared = [
        file
        for file in late
        if file.path.suffix == ".json" and file.day >= today - timedelta(days=SPARED_DAYS)
    ]
    overdue = [file for file in late if file not in spared]
    if overdue and logged_today:
        names = in_words(file.path.name for file in overdue)
        fix = f"see who owns them: ls -la {config.info_dir} {config.errors_dir}"
        return _row("retention", what, Mark.FAILED, f"{names} should have gone", fix)
    if overdue:
        says = f"{len(overdue)} older files go with the next line that is logged"
        return _row("retention", what, Mark.NOTE, says)
    if spared and config.dsn:
        names = in_words(file.path.name for file in spared)
        says = f"{names} wait until their errors have arrived, {SPARED_DAYS} days at most"
        return _row("retention", what, Mark.NOTE, says, "see that the service runs: hantu doctor")
    return _row("retention", what, Mark.DONE, f"the oldest of {len(files)} is of {files[0].day}")


def _disk(config: ClientConfig, files: list[DatedLog]) -> Row:
    what = "room on the disk of the logs"
    try:
        free = shutil.disk_usage(config.log_dir).free
    except OSError as error:
        return _row("disk", what, Mark.FAILED, str(error), "hantu migrate makes the folder")
    size = sum(file.size_bytes for file in files)
    days = len({file.day for file in files})
    a_day = size / days if days else 0.0
    says = f"{in_bytes(size)} of logs, {in_bytes(a_day)} a day, {in_bytes(free)} free"
    if free < max(FREE_LEAST_BYTES, a_day * config.retention_days):
        return _row(
            "disk", what, Mark.FAILED, says, "free some space, or set HANTU_LOG_RETENTION_DAYS lower"
        )
    return _row("disk", what, Mark.DONE, says)


def _database(database: DatabaseSize | None) -> Row:
    what = "growth of the database"
    if database is None:
        return _row("database", what, Mark.NOTE, "skipped: no database on this machine")
    says = f"{database.path} has {in_bytes(database.size_bytes)}"
    if database.days >= 1:
        says += (
            f", some {in_bytes(database.size_bytes / database.days)} for each of {database.days:.0f} days"
        )
    return _row("database", what, Mark.DONE, says)


def _speed(config: ClientConfig) -> Row:
    what = "what a call costs"
    with scratch_folder(config) as folder:
        try:
            settings = probe_settings(config, log_dir=str(folder), dsn="", stdout=False)
            probe = run_probe("speed", settings, stderr=subprocess.DEVNULL)
        except ProbeError as error:
            return _row("speed", what, Mark.FAILED, str(error))
    info_us, error_us = probe.answer["info_us"], probe.answer["error_us"]
    says = f"info {info_us:.0f} µs, error {error_us:.0f} µs"
    if info_us > INFO_MOST_US or error_us > ERROR_MOST_US:
        return _row("speed", what, Mark.FAILED, says, "the machine or its disk is busy: top, iostat")
    return _row("speed", what, Mark.DONE, says)


def database_size(path: Path, oldest_ns: int | None = None) -> DatabaseSize | None:
    """The size of the service's file with its WAL; None when there is none. oldest_ns: of its entries."""
    try:
        size = path.stat().st_size
    except OSError:
        return None
    wal = path.with_name(path.name + "-wal")
    if wal.exists():
        size += wal.stat().st_size
    days = 0.0 if oldest_ns is None else (time.time_ns() - oldest_ns) / (86_400 * 10**9)
    return DatabaseSize(path, size, days)
