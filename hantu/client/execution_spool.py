"""Reports of runs that could not be delivered: a file for each process, read again by whoever comes next.

A line is one report as JSON. The process that writes a file holds its lock (flock): a file that can be
locked belongs to nobody any more."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

SUFFIX: Final = ".runs.json"
FILES: Final = "files"
"""The folder beside them of artifacts that were copied."""
SPOOL_BYTES_MOST: Final = 64 << 20
"""Bytes of reports that one process leaves behind."""
FILES_BYTES_MOST: Final = 512 << 20
"""Bytes of all copied artifacts together."""
KEPT_S: Final = 30 * 86_400.0
"""How long what nobody takes is kept."""


class Report(NamedTuple):
    """One thing to tell of a run. kind: run (as it stands, or as it ended), entry (a line) or artifact.

    body: as the API takes it; of a run always all that is known, so that each can be sent without those
    before it."""

    kind: str
    run: str
    body: dict[str, Any]

    def line(self) -> bytes:
        """As it stands in a file."""
        return json.dumps(self._asdict(), ensure_ascii=False).encode("utf-8", "replace") + b"\n"


class Spool:
    """The file of this process, made when the first report comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / f"{time.time_ns():x}-{os.getpid()}{SUFFIX}"
        self.dropped: dict[str, int] = {}
        """How many reports of each run found no room."""
        self._fd = -1
        self._size = 0

    def append(self, *reports: Report) -> None:
        """Add reports, all by one write. Raises OSError: then none was added.

        Beyond SPOOL_BYTES_MOST only how runs ended is taken, beyond twice that nothing: it is counted."""
        lines = bytearray()
        for report in reports:
            added = report.line()
            end = report.body.get("status") in ENDS
            if self._size + len(lines) + len(added) > SPOOL_BYTES_MOST * (2 if end else 1):
                self.dropped[report.run] = self.dropped.get(report.run, 0) + 1
            else:
                lines += added
        if not lines:
            return
        line = bytes(lines)
        if self._fd < 0:
            self._open()
        before = self._size
        try:
            written = 0
            while written < len(line):
                written += os.write(self._fd, line[written:])
        except OSError:
            # No half of a line may stand before the next one.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, before)
            raise
        self._size = before + len(line)

    def reports(self, offset: int) -> Iterator[tuple[Report, int]]:
        """The reports from an offset on, each with the offset behind it."""
        yield from read(self.path, offset)

    def holds_more(self, offset: int) -> bool:
        """Whether something stands behind an offset."""
        return offset < self._size

    def remove(self) -> None:
        """All was delivered."""
        if self._fd >= 0:
            self.path.unlink(missing_ok=True)
            os.close(self._fd)
            self._fd = -1
            self._size = 0

    def leave(self) -> None:
        """Let somebody else deliver what is in the file."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        prune(self.folder, older_than_s=KEPT_S)
        # S20: what a program printed is for its user alone.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_EXCL
        self._fd = os.open(self.path, flags, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Abandoned:
    """A file whose process has ended; its lock is held until close()."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd

    def reports(self) -> Iterator[Report]:
        """Its reports; for a run that has no end in it one comes last that says it was LOST."""
        begun: dict[str, Report] = {}
        for report, _ in read(self.path, 0):
            if report.kind == "run" and report.body.get("status") in ENDS:
                begun.pop(report.run, None)
            elif report.kind == "run":
                begun[report.run] = report
            elif report.kind == "artifact" and not self._may_send(report):
                continue
            yield report
        for report in begun.values():
            yield lost(report, os.fstat(self._fd).st_mtime_ns)

    def remove(self) -> None:
        """All was delivered."""
        self.path.unlink(missing_ok=True)

    def _may_send(self, report: Report) -> bool:
        """Whether a file that it names may be read: a copy beside it, or any of our own user's.

        Somebody else's file could name what only we may read."""
        path = Path(str(report.body.get("path")))
        if report.body.get("copied"):
            return (
                path.name == report.body.get("id") and path.parent == (self.path.parent / FILES).absolute()
            )
        return os.fstat(self._fd).st_uid == os.geteuid()

    def close(self) -> None:
        """Let go of its lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


ENDS: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


def lost(report: Report, at_ns: int) -> Report:
    """The end of a run whose program was killed."""
    end = {
        "status": "FAILED",
        "completedAt": at_ns,
        "errorCode": "LOST",
        "errorMessage": "the program that ran it ended without saying how the run went",
    }
    return report._replace(body={**report.body, **end})


def abandoned(folder: Path) -> Iterator[Abandoned]:
    """The files in a folder that nobody writes, oldest first, each locked; close() each."""
    for path in _files(folder):
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had the lock before may have delivered and removed it.
            if os.fstat(fd).st_nlink == 0:
                os.close(fd)
                continue
        except OSError:
            os.close(fd)
            continue
        yield Abandoned(path, fd)


def waiting(folder: Path) -> int:
    """How many files in a folder nobody writes or delivers."""
    count = 0
    for left in abandoned(folder):
        left.close()
        count += 1
    return count


def read(path: Path, offset: int) -> Iterator[tuple[Report, int]]:
    """The reports in a file from an offset on; what cannot be read is left out."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            report = _report(line)
            if report is not None:
                yield report, offset


def prune(folder: Path, *, older_than_s: float) -> None:
    """Remove files that nobody took for so long."""
    oldest_s = time.time() - older_than_s
    copies = folder / FILES
    for left in abandoned(folder):
        with contextlib.suppress(OSError):
            if left.path.stat().st_mtime < oldest_s:
                left.remove()
        left.close()
    for path in copies.iterdir() if copies.is_dir() else ():
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest_s:
                path.unlink()


def with_copy(report: Report, folder: Path) -> Report:
    """The report of an artifact, naming a copy: the file may be another, or gone, when it is sent.

    Without room for one it stays as it is. Raises OSError."""
    if report.kind != "artifact" or "copied" in report.body:
        return report
    path = Path(report.body["path"])
    copies = folder / FILES
    copies.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = sum(each.stat().st_size for each in copies.iterdir())
    if held + path.stat().st_size > FILES_BYTES_MOST:
        return report
    from shutil import copyfile

    copy = copies / str(report.body["id"])
    copyfile(path, copy)
    return report._replace(body={**report.body, "path": str(copy.absolute()), "copied": True})


def forget_copy(report: Report) -> None:
    """Remove the copy that an artifact's report names; it is not needed any more."""
    if report.kind == "artifact" and report.body.get("copied"):
        with contextlib.suppress(OSError):
            os.unlink(report.body["path"])


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))
    except OSError:
        return []


def _report(line: bytes) -> Report | None:
    try:
        found = json.loads(line)
        return Report(str(found["kind"]), str(found["run"]), dict(found["body"]))
    except (ValueError, KeyError, TypeError):
        return None
