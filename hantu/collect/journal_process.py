"""One run of journalctl: its lines in big pieces, its complaints, its certain end."""

from __future__ import annotations

import fcntl
import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Sequence
from typing import Final

from hantu.boot import boot_id

JOURNALCTL: Final = "journalctl"
LINE_MOST: Final = 16 * 1024 * 1024
"""A longer line (an entry with a core dump in it) is read past."""

_READ_BYTES: Final = 1 << 18
_PIECE_BYTES: Final = 1 << 20
_PIPE_BYTES: Final = 1 << 20
_KEPT_BYTES: Final = 1 << 16
_STDERR_BYTES: Final = 8_192
_KILL_AFTER_S: Final = 1.0

# Before the last complaint is told to a person, it is made readable; see explain().
_NO_PERMISSION: Final = re.compile(
    r"insufficient permissions|not seeing messages from other users|Permission denied"
)
_NO_FILES: Final = re.compile(r"No journal files were found")
_BAD_CURSOR: Final = re.compile(r"[Ff]ailed to (?:seek to|parse) cursor")


class JournalctlError(Exception):
    """journalctl cannot read the journal. fix: what a person can do. lasting: trying again cannot
    help until somebody did. cursor: it did not understand the cursor. absent: this machine has no
    journal."""

    def __init__(
        self,
        message: str,
        fix: str = "",
        *,
        lasting: bool = False,
        cursor: bool = False,
        absent: bool = False,
    ) -> None:
        super().__init__(message)
        self.fix = fix
        self.lasting = lasting
        self.cursor = cursor
        self.absent = absent


def journal_of(namespace: str, directory: str) -> list[str]:
    """The words that name a journal: a directory of files, else a namespace, else the system's."""
    if directory:
        return [f"--directory={directory}"]
    return [f"--namespace={namespace}"] if namespace else []


def arguments(*, cursor: str, since: str, journal: Sequence[str] = (), follow: bool = True) -> list[str]:
    """The command line: everything from `cursor` on, itself included, else from `since` on.

    since: as journalctl's --since, or "boot" for the time since the machine's start. follow: wait for
    what comes; journalctl shows entries of this start of the machine alone then, whatever else it is told.

    Unfiltered: with a filter, systemd 252 skips an entry after the cursor. --all, or a large
    MESSAGE is null. The cursor's own entry is asked for, too: it shows that the place still exists."""
    start = f"--cursor={cursor}" if cursor else "--boot" if since == "boot" else f"--since={since}"
    following = ["--follow", "--no-tail"] if follow else []
    return [JOURNALCTL, "--output=json", "--all", *following, "--no-pager", start, *journal]


def boot_of(cursor: str) -> str:
    """The start of the machine in which the cursor's entry was written; "" when it does not say."""
    return next((part[2:] for part in cursor.split(";") if part.startswith("b=")), "")


def this_boot() -> str:
    """This start of the machine, as cursors have it."""
    return boot_id().replace("-", "")


def explain(complaint: str, status: int | None, *, user: str = "") -> JournalctlError:
    """What journalctl's complaint means for a person.

    status: its exit status, None while it runs. user: whom hantu runs as."""
    if _NO_PERMISSION.search(complaint):
        return JournalctlError(
            "no permission to read the system journal",
            f"add hantu's user to the group systemd-journal and restart hantu: "
            f"sudo usermod -aG systemd-journal {user or 'hantu'} && sudo systemctl restart hantu",
            lasting=True,
        )
    if _NO_FILES.search(complaint):
        return JournalctlError(
            "there are no journal files on this machine",
            'start systemd-journald, or set journal = "off"',
            absent=True,
        )
    if _BAD_CURSOR.search(complaint):
        return JournalctlError("the journal does not know the stored place any more", cursor=True)
    last = complaint.strip().rsplit("\n", 1)[-1].strip()
    ending = "" if status is None else f" (exit status {status})"
    return JournalctlError(f"journalctl ended{ending}: {last}" if last else f"journalctl ended{ending}")


def hides_entries(complaint: str) -> bool:
    """Whether journalctl says that it shows only some of the entries."""
    return _NO_PERMISSION.search(complaint) is not None


def find_journalctl() -> str:
    """Where journalctl is. Raises JournalctlError when it is not installed."""
    found = shutil.which(JOURNALCTL)
    if found is None:
        raise JournalctlError(
            "journalctl is not installed",
            'install systemd, or set journal = "off" if this machine has no journal',
            absent=True,
        )
    return found


class Overlong:
    """A line longer than LINE_MOST: its first and last bytes, and how many it had."""

    def __init__(self, head: bytes) -> None:
        self.head = head[:_KEPT_BYTES]
        self.tail = head[-_KEPT_BYTES:]
        self.length = len(head)

    def add(self, piece: bytes) -> None:
        """More of the line."""
        self.length += len(piece)
        self.tail = (self.tail + piece)[-_KEPT_BYTES:]


class Journalctl:
    """A running journalctl. Used by one thread, but for terminate(). Ends with close()."""

    def __init__(self, words: Sequence[str]) -> None:
        program = find_journalctl()
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_LESS": ""}
        self._process = subprocess.Popen(
            [program, *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            bufsize=0,
        )
        assert self._process.stdout is not None  # noqa: S101 — Popen's promise for PIPE
        assert self._process.stderr is not None  # noqa: S101
        self._out, self._err = self._process.stdout.fileno(), self._process.stderr.fileno()
        for descriptor in (self._out, self._err):
            os.set_blocking(descriptor, False)
        # A larger pipe lets journalctl work while its lines are decoded; not granted: no harm.
        try:
            fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:
            self._pipe_is_small = True
        self._rest = b""
        self._overlong: Overlong | None = None
        self._open = [self._out, self._err]
        self.complaint = ""

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether everything it wrote was read and it closed its output."""
        return self._out not in self._open

    def read(self, timeout_s: float) -> list[bytes | Overlong]:
        """The lines that have come, without newlines, waiting up to timeout_s for the first piece.

        Complaints that came with them are in `complaint`."""
        if not self._open:
            return []
        ready, _, _ = select.select(self._open, [], [], timeout_s)
        # Complaints first: journalctl warns before it writes.
        if self._err in ready:
            self._read_complaint()
        return self._split(self._read_piece()) if self._out in ready else []

    def _read_complaint(self) -> None:
        try:
            piece = os.read(self._err, _STDERR_BYTES)
        except BlockingIOError:
            return
        if not piece:
            self._open.remove(self._err)
        self.complaint = (self.complaint + piece.decode("utf-8", "replace"))[-_STDERR_BYTES:]

    def _read_piece(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while size < _PIECE_BYTES:
            try:
                piece = os.read(self._out, _READ_BYTES)
            except BlockingIOError:
                break
            if not piece:
                self._open.remove(self._out)
                break
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)

    def _split(self, piece: bytes) -> list[bytes | Overlong]:
        lines: list[bytes | Overlong] = []
        if self._overlong is not None:
            end = piece.find(b"\n")
            self._overlong.add(piece if end < 0 else piece[:end])
            if end < 0:
                return lines
            lines.append(self._overlong)
            self._overlong = None
            piece = piece[end + 1 :]
        elif self._rest:
            piece = self._rest + piece
        found = piece.split(b"\n")
        self._rest = found.pop()
        if len(self._rest) > LINE_MOST:
            self._overlong, self._rest = Overlong(self._rest), b""
        lines.extend(found)
        return lines

    def terminate(self) -> None:
        """Ask it to end; returns at once. From any thread."""
        self._process.terminate()

    def close(self) -> int:
        """End it for certain and release everything; returns its exit status."""
        until = time.monotonic() + _KILL_AFTER_S
        if self._process.poll() is None and not self.ended:
            self._process.terminate()
        try:
            status = self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if self._err in self._open:
            self._read_complaint()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        self._open = []
        return status
