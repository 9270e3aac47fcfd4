"""What `hantu doctor` looks at in the database and beside it.

The file's settings, its pages, sources that fell silent, files that wait, the forecast, backups."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from hantu.backup import kept_backups
from hantu.cli.context import Desk, human_bytes
from hantu.cli.finding import Finding
from hantu.collect.files.mark import PREFIX, FileMark, decode_mark
from hantu.collect.files.rounds import OWN_PREFIX
from hantu.query.logquery import LogQuery
from hantu.service.forecast import Bound, forecast
from hantu.store import open_store
from hantu.store.base import LogStorage, StoreError
from hantu.store.health import Depth, database_health
from hantu.store.keeping import rules_of

HOUR_NS: Final = 3_600 * 10**9
DAY_NS: Final = 24 * HOUR_NS
WAL_MOST_BYTES: Final = 256 * 1024**2
"""Some reader has held its moment for long."""
FUTURE_NS: Final = 5 * 60 * 10**9
BUSY_DAYS: Final = 7
BUSY_HOURS: Final = 48
"""A source with lines in so many of the last BUSY_DAYS' hours is one that always has some."""
UNREAD_S: Final = 600.0
UNREAD_SHOWN: Final = 3
BACKUP_LATE_S: Final = 26 * 3_600
_RESTORE: Final = "sudo systemctl stop hantu; sudo hantu restore BACKUP; sudo systemctl start hantu"


def look_at_file(desk: Desk, depth: Depth) -> Iterator[Finding]:
    """The file's own settings; all of its pages when that is asked."""
    database = desk.config.database
    if not database.is_file():
        return
    try:
        found = database_health(database, depth)
    except StoreError as error:
        yield Finding("database file", False, str(error), _RESTORE)
        return
    says = f"SQLite {found.sqlite_version}"
    yield Finding(
        "sqlite", found.sqlite_suffices, says, "" if found.sqlite_suffices else "pip install -U apsw"
    )
    well = found.wal_mode and found.gives_back
    modes = f"WAL {_on(found.wal_mode)}, incremental vacuum {_on(found.gives_back)}"
    fix = (
        f"systemctl stop hantu; sqlite3 {database} 'PRAGMA auto_vacuum = 2; VACUUM'; systemctl start hantu"
    )
    yield Finding("database settings", well, modes, "" if well else fix)
    if found.wal_bytes > WAL_MOST_BYTES:
        says = f"it has {human_bytes(found.wal_bytes)}: some program has been reading for very long"
        yield Finding(
            "write-ahead log", False, says, "end long exports and hantu sql, or: systemctl restart hantu"
        )
    if depth is Depth.PAGES:
        says = "; ".join(found.damage) or "every page is sound"
        yield Finding("database pages", not found.damage, says, _RESTORE if found.damage else "")


def look_at_contents(desk: Desk) -> Iterator[Finding]:
    """What is in the database: sources, files that are read, the forecast."""
    if not desk.config.database.is_file():
        return
    try:
        store = open_store(desk.config.database, read_only=True)
    except StoreError:
        # Said already by the look at the database.
        return
    try:
        now_ns = time.time_ns()
        yield from _sources(store, now_ns)
        yield from _files(desk, store)
        yield from _forecast(desk, store, now_ns)
    except StoreError as error:
        yield Finding("database", False, str(error), "hantu doctor --deep")
    finally:
        store.close()


def look_at_backups(desk: Desk) -> Iterator[Finding]:
    """The daily backup: whether it is made, and how old it is."""
    folder = desk.config.backup_dir
    if folder is None:
        yield Finding("backup", True, "no daily one: backup_dir is not set", "see docs/backup.md")
        return
    try:
        kept = kept_backups(folder)
    except OSError as error:
        yield Finding("backup", False, f"{folder} cannot be read: {error.strerror}", "sudo hantu doctor")
        return
    if not kept:
        yield Finding("backup", False, f"there is none in {folder}", "sudo hantu backup")
        return
    age_s = time.time() - kept[0].made_s
    says = f"{kept[0].path}, {_ago(age_s)}, {human_bytes(kept[0].size_bytes)}; {len(kept)} are kept"
    late = age_s > BACKUP_LATE_S
    fix = "sudo hantu backup; journalctl -u hantu | grep backup says why none was made"
    yield Finding("backup", not late, says, fix if late else "")


def _sources(store: LogStorage, now_ns: int) -> Iterator[Finding]:
    newest: dict[str, int] = {}
    for each in store.source_ids():
        newest[each.source] = max(newest.get(each.source, 0), each.newest_ns)
    for source, last_ns in sorted(newest.items()):
        what = f"last line of {source}"
        if last_ns > now_ns + FUTURE_NS:
            says = f"it is {_span((last_ns - now_ns) / 10**9)} in the future: some clock is wrong"
            yield Finding(what, False, says, "timedatectl, here and in that container or host")
            continue
        silent = now_ns - last_ns > DAY_NS and _was_busy(store, source, last_ns)
        fix = "hantu collectors list says whether it is read" if silent else ""
        yield Finding(what, not silent, _ago((now_ns - last_ns) / 10**9), fix)


def _was_busy(store: LogStorage, source: str, last_ns: int) -> bool:
    """Whether a source had lines nearly always before the last one."""
    start_ns = last_ns - BUSY_DAYS * DAY_NS
    found = store.histogram(
        LogQuery(sources=(source,)), start_ns=start_ns, end_ns=last_ns + 1, buckets=BUSY_DAYS * 24
    )
    return sum(any(count) for count in found.counts) >= BUSY_HOURS


def _files(desk: Desk, store: LogStorage) -> Iterator[Finding]:
    """Files of which something waits, by their checkpoints."""
    newest: dict[str, FileMark] = {}
    for name, raw in store.checkpoints(PREFIX).items():
        mark = None if name.startswith(OWN_PREFIX) else decode_mark(name, raw)
        if mark is not None and (mark.path not in newest or mark.number > newest[mark.path].number):
            newest[mark.path] = mark
    if not newest:
        return
    unread = [_unread(mark) for mark in newest.values()]
    waiting = [each for each in unread if each is not None and each.size_bytes]
    gone = unread.count(None)
    says = f"{len(newest):,} are known, {human_bytes(sum(each.size_bytes for each in waiting))} wait"
    says += f", {gone:,} are not there any more" if gone else ""
    stale = sorted((each.size_bytes, each.path) for each in waiting if each.idle_s > UNREAD_S)
    if stale and desk.control() is not None:
        names = ", ".join(path for _, path in reversed(stale[-UNREAD_SHOWN:]))
        says += f"; the running service does not read on: {names}"
        yield Finding("files", False, says, "hantu collectors list; systemctl restart hantu")
        return
    yield Finding("files", True, says)


class _Unread(NamedTuple):
    """What of a file is not stored yet, and how long nothing was written to it."""

    size_bytes: int
    idle_s: float
    path: str


def _unread(mark: FileMark) -> _Unread | None:
    """None when the file is gone."""
    try:
        found = os.stat(mark.path)
    except OSError:
        return None
    same = (found.st_dev, found.st_ino) == mark.identity
    size = max(0, found.st_size - mark.offset) if same else 0
    return _Unread(size, time.time() - found.st_mtime, mark.path)


def _forecast(desk: Desk, store: LogStorage, now_ns: int) -> Iterator[Finding]:
    config = desk.config
    usage = os.statvfs(config.data_dir)
    found = forecast(
        store,
        now_ns=now_ns,
        retention_days=config.retention_days,
        rules=rules_of(config.retention),
        most_bytes=config.retention_bytes,
        disk_free_bytes=usage.f_bavail * usage.f_frsize,
    )
    if found is None:
        return
    says = f"{human_bytes(found.day_bytes)} a day, {human_bytes(found.final_bytes)} once all days are kept"
    if found.bound is Bound.DISK:
        says += f"; the disk is full in {found.days_left or 0:.1f} days"
        limit = max(1, round(found.limit_bytes * 0.9 / 1024**2))
        yield Finding("disk forecast", False, says, f'free some space, or set retention_bytes = "{limit}M"')
        return
    if found.bound is Bound.SETTING:
        says += f"; retention_bytes keeps about {found.days_kept or 0:.1f} days of it"
    yield Finding("disk forecast", True, says)


def _on(is_on: bool) -> str:
    return "on" if is_on else "off"


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _ago(seconds: float) -> str:
    return f"{_span(seconds)} ago"
