"""Files named after their day: whole lines appended, a new one at local midnight, old ones deleted."""

from __future__ import annotations

import contextlib
import os
import re
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Final

LOOK_S: Final = 1.0
SPARED_DAYS: Final = 30
"""Days that an error file stays whose errors are not known to have arrived anywhere."""
_DATED: Final = re.compile(r"(?:info|error)_(\d{4})(\d\d)(\d\d)\.(?:log|json|sent|told)")


def day_of(time_ns: int) -> str:
    """The local date of a time, as YYYYMMDD."""
    return time.strftime("%Y%m%d", time.localtime(time_ns // 1_000_000_000))


class WriteError(OSError):
    """Lines could not be appended. rest: those that are not in the file, whole."""

    def __init__(self, cause: OSError, rest: bytes) -> None:
        super().__init__(cause.errno, cause.strerror, cause.filename)
        self.rest = rest


class DatedFile:
    """`<folder>/<stem>_YYYYMMDD<suffix>` of any day; several processes may append to one.

    Not locked: writers of one process take turns by a lock of their own."""

    def __init__(self, folder: Path, stem: str, suffix: str) -> None:
        self.folder = folder
        self._stem = stem
        self._suffix = suffix
        self._day = ""
        self._fd = -1
        self._path = ""
        self._inode = (0, 0)
        self._torn = ""
        self._looked_s = 0.0

    def path_of(self, day: str) -> Path:
        """The file of a day (YYYYMMDD)."""
        return self.folder / f"{self._stem}_{day}{self._suffix}"

    def append(self, day: str, data: bytes) -> None:
        """Append whole lines to the file of `day` by one write, which other processes cannot come between.

        Makes the folder and the file as needed, anew when deleted or renamed. Raises WriteError."""
        written = 0
        try:
            fd = self._open_for(day)
            if self._torn == self._path:
                # There was no room for this byte: the next line must not begin within the one cut off.
                os.write(fd, b"\n")
                self._torn = ""
            # Only a full disk or a limit writes less than all; then the next write says why.
            while written < len(data):
                written += os.write(fd, data[written:] if written else data)
        except OSError as error:
            raise WriteError(error, self._rest(data, written)) from error

    def _rest(self, data: bytes, written: int) -> bytes:
        whole = data.rfind(b"\n", 0, written) + 1
        if whole < written:
            try:
                os.write(self._fd, b"\n")
            except OSError:
                self._torn = self._path
        return data[whole:]

    def _open_for(self, day: str) -> int:
        if self._fd >= 0 and day == self._day and self._is_there():
            return self._fd
        self.close()
        path = self.path_of(day)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            fd = _opened(path, flags)
        except FileNotFoundError:
            # The folders are for whoever operates the machine; the files are for the group.
            self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            fd = _opened(path, flags)
        found = os.fstat(fd)
        self._fd, self._day, self._path = fd, day, str(path)
        self._inode, self._looked_s = (found.st_ino, found.st_dev), time.monotonic()
        return fd

    def _is_there(self) -> bool:
        """Whether what is open is the file of its name: deleted is seen at once, renamed within LOOK_S."""
        try:
            if not os.fstat(self._fd).st_nlink:
                return False
            now_s = time.monotonic()
            if now_s - self._looked_s < LOOK_S:
                return True
            self._looked_s = now_s
            named = os.stat(self._path)
        except OSError:
            return False
        return (named.st_ino, named.st_dev) == self._inode

    def close(self) -> None:
        """Close the open file; the next append opens it again."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
        self._fd = -1


def _opened(path: Path, flags: int) -> int:
    fd = os.open(path, flags, 0o640)
    # In a program that closed its standard streams a file would take their place, and get what is
    # written to them.
    low = []
    while fd <= 2:
        low.append(fd)
        fd = os.open(path, flags, 0o640)
    for each in low:
        os.close(each)
    return fd


def note_sent(errors_dir: Path, days: list[str]) -> None:
    """Note that one error of each of these days has arrived where errors are kept.

    A byte for each in `error_YYYYMMDD.sent` beside the error file: processes append without a lock,
    and the size is the count."""
    for day in set(days):
        sent = DatedFile(errors_dir, "error", ".sent")
        try:
            sent.append(day, b"." * days.count(day))
        finally:
            sent.close()


def note_told(errors_dir: Path, day: str, error_id: str) -> None:
    """Note that this library tells people of an error of that day, or counts it for that.

    In `error_YYYYMMDD.told` beside the error file, for a service that reads it and tells people, too."""
    told = DatedFile(errors_dir, "error", ".told")
    try:
        told.append(day, f"{error_id}\n".encode("ascii"))
    finally:
        told.close()


def prune(log_dir: Path, *, keep_days: int, today: date, spare_unsent: bool) -> list[Path]:
    """Delete the library's files of days before the last `keep_days`; returns those deleted.

    spare_unsent: error files stay for up to SPARED_DAYS while they hold more errors than have been
    noted as sent. Other files in the folders are left alone. Never raises for a file that cannot go."""
    oldest = today - timedelta(days=keep_days - 1)
    oldest_spared = today - timedelta(days=max(keep_days, SPARED_DAYS))
    deleted = []
    for path in [*_files(log_dir / "info"), *_files(log_dir / "errors")]:
        day = _day_in(path.name)
        if day is None or day >= oldest:
            continue
        if spare_unsent and path.suffix != ".log" and day >= oldest_spared and not _all_sent(path):
            continue
        with contextlib.suppress(OSError):
            path.unlink()
            deleted.append(path)
    return deleted


def _files(folder: Path) -> list[Path]:
    try:
        # What is noted of errors goes after them.
        return sorted(folder.iterdir(), key=lambda path: (path.suffix in (".sent", ".told"), path.name))
    except OSError:
        return []


def _day_in(name: str) -> date | None:
    found = _DATED.fullmatch(name)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def _all_sent(path: Path) -> bool:
    errors = path.with_suffix(".json")
    try:
        sent = path.with_suffix(".sent").stat().st_size
    except OSError:
        sent = 0
    try:
        with errors.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")) <= sent
    except FileNotFoundError:
        return True
    except OSError:
        return False
