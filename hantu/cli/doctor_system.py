"""What `hantu doctor` looks at in the machine: the clock, and the groups of the user that hantu runs as."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hantu.cli.context import Desk
from hantu.cli.finding import Finding

FIRST_SANE_NS: Final = 1_760_000_000 * 10**9
ASK_S: Final = 5.0
SOCKET: Final = Path("/var/run/docker.sock")
JOURNAL_GROUP: Final = "systemd-journal"


def look_at_clock(_desk: Desk) -> Iterator[Finding]:
    """Whether the time can be right, and whether somebody sets it."""
    now = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    if time.time_ns() < FIRST_SANE_NS:
        yield Finding("clock", False, now, "sudo timedatectl set-ntp true")
        return
    synchronized = _synchronized()
    if synchronized is None:
        yield Finding("clock", True, now)
        return
    says = f"{now}, {'set by the network' if synchronized else 'nobody sets it'}"
    yield Finding("clock", synchronized, says, "" if synchronized else "sudo timedatectl set-ntp true")


def look_at_groups(desk: Desk) -> Iterator[Finding]:
    """Whether the owner of the data folder may read what hantu is to read. Whoever asks may be root."""
    folder = desk.config.data_dir
    try:
        owner = pwd.getpwuid(folder.stat().st_uid)
    except (OSError, KeyError):
        return
    if owner.pw_uid == 0 or owner.pw_uid == os.geteuid():
        # It is looked at directly, by the sources.
        return
    groups = set(os.getgrouplist(owner.pw_name, owner.pw_gid))
    for what, group in _wanted(desk):
        member = group.gr_gid in groups
        says = (
            f"{owner.pw_name} is {'' if member else 'not '}in the group {group.gr_name}, which may read it"
        )
        fix = f"sudo usermod -aG {group.gr_name} {owner.pw_name}; sudo systemctl restart hantu"
        yield Finding(f"rights on {what}", member, says, "" if member else fix)


def _wanted(desk: Desk) -> Iterator[tuple[str, grp.struct_group]]:
    """What is to be read, and the group that may."""
    try:
        if desk.config.docker != "off" and SOCKET.exists() and not os.environ.get("DOCKER_HOST"):
            yield "docker", grp.getgrgid(SOCKET.stat().st_gid)
        if desk.config.journal != "off" and shutil.which("journalctl"):
            yield "the journal", grp.getgrnam(JOURNAL_GROUP)
    except (KeyError, OSError):
        return


def _synchronized() -> bool | None:
    """Whether the clock is set by the network; None where nobody can tell, as in a container."""
    if not Path("/run/systemd/system").is_dir():
        return None
    try:
        said = subprocess.run(
            ["timedatectl", "show", "-p", "NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=ASK_S,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return {"yes": True, "no": False}.get(said)
