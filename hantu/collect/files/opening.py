"""Opening a log file safely: regular files inside the configured folders, checked after open."""

from __future__ import annotations

import errno
import os
import pwd
import re
import stat
from collections.abc import Iterable
from typing import Final

FORBIDDEN: Final = ("/proc", "/sys", "/dev")
LEFT_ALONE: Final = re.compile(
    r"\.(?:gz|xz|bz2|zst|zip|lz4|lzma|z|tgz|tar|7z|journal~?|db|db-wal|db-shm|sqlite3?|swp|tmp|lock|pid)",
    re.IGNORECASE,
)
"""How names end that are no text logs."""


class Trouble(Exception):
    """A file cannot be read. fix: the act that mends it, "" when there is none to name.
    quiet: it is no log and nobody has to mend anything."""

    def __init__(self, reason: str, fix: str = "", *, quiet: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix
        self.quiet = quiet


def open_log(path: str, roots: Iterable[str]) -> int:
    """A descriptor of the regular file at `path`, open for reading.

    roots: real paths of the folders that may be read; a link may lead to a file inside them only.
    The file is looked at before it is opened for reading, and it is the very file looked at that is
    opened: a FIFO never blocks, a device never acts.
    Raises FileNotFoundError, Trouble."""
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise trouble(path, error) from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Trouble(f"{path} is not a regular file", quiet=True)
        _check_place(path, os.readlink(f"/proc/self/fd/{handle}"), roots)
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise trouble(path, error) from error
    finally:
        os.close(handle)


def _check_place(path: str, real: str, roots: Iterable[str]) -> None:
    if any(inside(real, forbidden) for forbidden in FORBIDDEN):
        raise Trouble(f"{path} leads to {real}, which holds no logs", quiet=True)
    if not any(inside(real, root) for root in roots):
        raise Trouble(
            f"{path} leads to {real}, outside the configured folders",
            f'add "{real}" to the setting files',
        )


def inside(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies below it."""
    return path == folder or path.startswith(folder if folder.endswith("/") else folder + "/")


def trouble(path: str, error: OSError) -> Trouble:
    """What `error` means to the operator."""
    if isinstance(error, PermissionError):
        folder = path if os.path.isdir(path) else os.path.dirname(path)
        user = _user()
        return Trouble(
            f"cannot read {path}: permission denied",
            # d: is for the files which rotation will make.
            f"sudo setfacl -R -m u:{user}:rX,d:u:{user}:rX {folder}",
        )
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return Trouble(
            "too many files are open",
            "raise LimitNOFILE in hantu.service, or name fewer files in the setting files",
        )
    return Trouble(f"cannot read {path}: {error.strerror or error}")


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
