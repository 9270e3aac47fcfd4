"""A private journald for tests: its own namespace, sockets and files.

Works as root on a machine whose first process is no systemd. A client cannot choose _SYSTEMD_UNIT:
journald takes it from the writer's control group, which here has none, so entries are told apart by
SYSLOG_IDENTIFIER."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parts import require
from tests.waiting import wait_until

JOURNALD = Path("/lib/systemd/systemd-journald")
_CONFIGURATION = """[Journal]
Storage=persistent
Compress=no
RateLimitIntervalSec=0
RateLimitBurst=0
SystemMaxUse=1G
MaxRetentionSec=0
"""
_numbers = itertools.count(1)
_F_ADD_SEALS, _F_SEAL_ALL = 1033, 0xF

Value = str | bytes | int


class PrivateJournal:
    """A journald of its own. start() and kill() may alternate; stop() ends for good."""

    def __init__(self) -> None:
        self.namespace = f"hantu-{os.getpid()}-{next(_numbers)}"
        machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
        self.folder = Path("/var/log/journal") / f"{machine}.{self.namespace}"
        self.run = Path("/run/systemd") / f"journal.{self.namespace}"
        self._config = Path("/etc/systemd") / f"journald@{self.namespace}.conf"
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._awake: socket.socket | None = None

    def start(self, *, boot: Path | None = None) -> None:
        """Start it, and keep a connection: it ends by itself when nobody is connected.

        boot: a file with the id of another start of the machine, which it takes for this one."""
        self._config.write_text(_CONFIGURATION, encoding="ascii")
        for folder in (self.run, self.folder):
            folder.mkdir(parents=True, exist_ok=True)
        command = [str(JOURNALD), self.namespace]
        if boot is not None:
            mounting = 'mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@"'
            command = ["unshare", "-m", "sh", "-c", mounting, "sh", str(boot), *command]
        self._process = subprocess.Popen(
            command,
            env={
                **os.environ,
                "RUNTIME_DIRECTORY": str(self.run),
                "LOGS_DIRECTORY": str(self.folder),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._reachable)
        self._awake = self.stream("keeper")

    def _reachable(self) -> bool:
        probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            probe.connect(str(self.run / "stdout"))
        except OSError:
            return False
        finally:
            probe.close()
        return (self.folder / "system.journal").exists()

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the process; its files stay."""
        for connection in (self._socket, self._awake):
            if connection is not None:
                connection.close()
        self._socket = self._awake = None
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(20)
            self._process = None

    def stop(self) -> None:
        """End it and remove everything it made."""
        self.end()
        for folder in (self.run, self.folder):
            shutil.rmtree(folder, ignore_errors=True)
        self._config.unlink(missing_ok=True)

    def write(
        self, message: str | bytes, identifier: str = "app", priority: int = 6, **fields: Value
    ) -> None:
        """One entry by the native protocol; further fields by their names."""
        self.send(
            [
                ("MESSAGE", message),
                ("SYSLOG_IDENTIFIER", identifier),
                ("PRIORITY", priority),
                *fields.items(),
            ]
        )

    def send(self, fields: list[tuple[str, Value]]) -> None:
        """One entry of exactly these fields; a field may stand several times."""
        payload = b"".join(_field(name, value) for name, value in fields)
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.connect(str(self.run / "socket"))
        if len(payload) < 100_000:
            self._socket.send(payload)
            return
        # More than a datagram holds goes as a sealed memory file.
        file = os.memfd_create("entry", os.MFD_ALLOW_SEALING)
        try:
            view = memoryview(payload)
            while view:
                view = view[os.write(file, view) :]
            fcntl.fcntl(file, _F_ADD_SEALS, _F_SEAL_ALL)
            socket.send_fds(self._socket, [b""], [file])
        finally:
            os.close(file)

    def write_lines(self, first: int, last: int, identifier: str = "app") -> list[str]:
        """Entries `line {first}` to `line {last - 1}`; returns their messages."""
        messages = [f"line {number}" for number in range(first, last)]
        for message in messages:
            self.write(message, identifier)
        return messages

    def stream(self, identifier: str, priority: int = 6) -> socket.socket:
        """A connection as a service's standard output has: each line is an entry; `<3>` sets a priority."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(self.run / "stdout"))
        connection.sendall(f"{identifier}\n\n{priority}\n1\n0\n0\n0\n".encode())
        return connection

    def journalctl(self, *words: str) -> str:
        """What journalctl says of this journal."""
        done = subprocess.run(
            ["journalctl", f"--namespace={self.namespace}", *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout

    def stored(self, identifier: str = "app") -> list[dict[str, Any]]:
        """What the journal holds of this writer, in order."""
        self.journalctl("--sync")
        words = self.journalctl("-o", "json", "--all", "-t", identifier)
        return [json.loads(line) for line in words.splitlines()]

    def rotate(self) -> None:
        """Begin a new file; what was written goes to an archived one."""
        before = len(self.archived())
        self.journalctl("--rotate")
        wait_until(lambda: len(self.archived()) > before)

    def archived(self) -> list[Path]:
        """The archived files."""
        return sorted(self.folder.glob("system@*.journal"))

    def vacuum(self) -> None:
        """Forget everything but the current file."""
        for path in self.archived():
            path.unlink()


def _field(name: str, value: Value) -> bytes:
    raw = value if isinstance(value, bytes) else str(value).encode()
    if b"\n" in raw or isinstance(value, bytes):
        return name.encode() + b"\n" + struct.pack("<Q", len(raw)) + raw + b"\n"
    return name.encode() + b"=" + raw + b"\n"


@contextlib.contextmanager
def private_journal() -> Iterator[PrivateJournal]:
    """A running private journald, gone afterwards with everything it made."""
    require("systemd-journald", JOURNALD.exists(), "install systemd")
    require("root", os.geteuid() == 0, "journald starts as root only")
    journal = PrivateJournal()
    try:
        journal.start()
        yield journal
    finally:
        journal.stop()


@pytest.fixture
def journald() -> Iterator[PrivateJournal]:
    """A private journald for one test."""
    with private_journal() as journal:
        yield journal
