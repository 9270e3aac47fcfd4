"""A Debian machine of its own, booted with systemd as its first process, in systemd-nspawn.

Its root is a clean Debian (debootstrap, once) under an overlay in memory: what a test does there
goes with the machine. It has no network but its own loopback."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.parts import require
from tests.waiting import wait_until

ROOT: Final = Path(__file__).resolve().parents[2]
DIST: Final = ROOT / "dist"
SUITE: Final = "bookworm"
BASE: Final = ROOT / "build" / f"debian-{SUITE}"
INCLUDED: Final = "systemd,systemd-sysv,dbus,python3"
BOOT_S: Final = 60.0
_numbers = itertools.count(1)
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_GET: Final = """
import sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen(sys.argv[1], timeout=10)
except urllib.error.HTTPError as error:
    answer = error
sys.stdout.buffer.write(b"%d\\n" % answer.status + answer.read())
"""
_SCHEMA: Final = """
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("PRAGMA user_version").fetchone()[0])
"""


def require_machines() -> None:
    """Skip (fail under CI) where no machine can be booted or nothing is there to install."""
    require("root", os.geteuid() == 0, "systemd-nspawn needs it")
    for tool, package in (("systemd-nspawn", "systemd-container"), ("debootstrap", "debootstrap")):
        require(tool, shutil.which(tool) is not None, f"install {package}")
    for name in ("hantu", "hantu-standalone"):
        require(f"dist/{name}", (DIST / name).is_file(), "make build")


def base() -> Path:
    """The folder of a clean Debian, made when it is not there, by whoever asks first."""
    BASE.parent.mkdir(exist_ok=True)
    with BASE.with_name(f"{BASE.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not BASE.is_dir():
            _make_base()
    return BASE


def _make_base() -> None:
    new = BASE.with_name(f"{BASE.name}.{os.getpid()}")
    command = ["debootstrap", "--variant=minbase", f"--include={INCLUDED}", SUITE, new]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        shutil.rmtree(new, ignore_errors=True)
        pytest.fail(f"debootstrap failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    new.rename(BASE)


class Machine:
    """A booted machine. run() acts in it as its root."""

    def __init__(self, folder: Path, bound: Mapping[Path, str]) -> None:
        self.root = folder / "root"
        self._folder = folder
        self._bound = bound
        self._log = folder.with_name(folder.name + ".boot")
        self._process: subprocess.Popen[bytes] | None = None
        self._leader = 0
        self._groups: list[Path] = []

    def boot(self) -> None:
        """Mount, start, and wait until systemd has nothing left to start."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3G", "tmpfs", self._folder], check=True)
        for name in ("up", "work", "root"):
            (self._folder / name).mkdir()
        layers = f"lowerdir={base()},upperdir={self._folder / 'up'},workdir={self._folder / 'work'}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, self.root], check=True)
        (self.root / "etc/machine-id").write_text("")
        name = f"machine-{os.getpid()}-{next(_numbers)}"
        self._groups = [folder / name for folder in _cgroups()]
        for group in self._groups:
            group.mkdir()
        enter = "".join(f"echo $$ > {group}/cgroup.procs; " for group in self._groups)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *("sh", "-c", f'{enter}exec "$@"', "sh"),
                    *("systemd-nspawn", "--directory", self.root, "--register=no", "--keep-unit"),
                    *("--private-network", "--boot", "--console=pipe", f"--bind-ro={DIST}:/dist"),
                    *(f"--bind={path}:{seen}" for path, seen in self._bound.items()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._find_leader, BOOT_S)
        wait_until(lambda: self.said("systemctl", "is-system-running") in ("running", "degraded"), BOOT_S)

        # nspawn lays a boot id of its own over the kernel's, which a unit with a /proc of its own does not
        # see; no real machine has two.
        self.run("umount", "/proc/sys/kernel/random/boot_id")
        self.run("systemctl", "restart", "systemd-journald")

    def _find_leader(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text(errors="replace")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        # nspawn has other children before the machine's first process.
        found = [child for child in children if _name(child) == "systemd"]
        self._leader = int(found[0]) if found else 0
        return bool(found)

    def _enter(self, *words: str) -> list[str]:
        kept = (f"PATH={_PATH}", "HOME=/root", "LANG=C.UTF-8")
        return [
            "nsenter",
            "-t",
            str(self._leader),
            "-m",
            "-u",
            "-i",
            "-n",
            "-p",
            "env",
            "-i",
            *kept,
            *words,
        ]

    def run(self, *words: str, code: int = 0) -> str:
        """What a command printed, both streams; it ends with `code`."""
        done = subprocess.run(
            self._enter(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout.strip()

    def said(self, *words: str) -> str:
        """What a command printed, however it ended."""
        done = subprocess.run(self._enter(*words), capture_output=True, text=True, check=False, timeout=120)
        return done.stdout.strip()

    def beside(self) -> list[str]:
        """Words in front of a command of this machine that make the other's network its own."""
        return ["nsenter", "-t", str(self._leader), "-n"]

    def get(self, path: str, port: int = 8514) -> tuple[int, str]:
        """Status and text of a page, as a browser on this machine gets it; 0 when nobody answers."""
        command = [*self.beside(), sys.executable, "-c", _GET, f"http://127.0.0.1:{port}{path}"]
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
        status, _, text = done.stdout.decode(errors="replace").partition("\n")
        return (int(status), text) if done.returncode == 0 else (0, "")

    def show(self, name: str) -> str:
        """A property of hantu.service."""
        return self.run("systemctl", "show", "--value", f"--property={name}", "hantu.service")

    def lines(self, *words: str) -> list[tuple[int, str]]:
        """Priority and text of the service's own lines in the journal, oldest first."""
        found = self.run("journalctl", "-u", "hantu", "_SYSTEMD_UNIT=hantu.service", "-o", "json", *words)
        entries = [json.loads(line) for line in found.splitlines() if line.startswith("{")]
        return [(int(entry["PRIORITY"]), str(entry["MESSAGE"])) for entry in entries]

    def close(self) -> None:
        """Turn it off and forget it."""
        if self._process is not None:
            # The end of its first process is the end of all in it; nspawn sees that and ends, too.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._leader or self._process.pid, signal.SIGKILL)
            self._process.wait(30)
        for place in (self.root, self._folder):
            subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
        for group in self._groups:
            for folder in sorted(group.rglob("*/"), reverse=True):
                folder.rmdir()
            group.rmdir()


def schema(machine: Machine, database: str) -> int:
    """The version of a database's schema, asked of SQLite itself."""
    return int(machine.run("python3", "-c", _SCHEMA, database))


def _cgroups() -> list[Path]:
    """Where systemd's groups of processes are: each machine gets one of its own, for nspawn gives all that
    begin in the same group one group, and a machine's systemd must not meet another's processes."""
    mount = Path("/sys/fs/cgroup")
    named = [mount / name for name in ("systemd", "unified")]
    return [folder for folder in named if folder.is_dir()] or [mount]


def _name(pid: str) -> str:
    """A process's name, "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


@contextmanager
def booted(folder: Path, bound: Mapping[Path, str] | None = None) -> Iterator[Machine]:
    """A machine over a folder that is there and empty. bound: paths of ours, and where it has them."""
    require_machines()
    machine = Machine(folder, bound or {})
    try:
        machine.boot()
        yield machine
    finally:
        machine.close()
